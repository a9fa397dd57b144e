#!/usr/bin/env python3
"""libpq on a PostgreSQL server."""

import socket

import libraries
import servers

KILLED = "Operation canceled"


def postgres(case, check, **more):
    path, port = servers.postgres()
    where = {"host": path, "port": port, "user": "postgres",
             "dbname": "postgres", **more}
    libraries.on_each_hub(
        [libraries.program("postgres"), case,
         " ".join("%s=%s" % pair for pair in where.items())], check)


def case_queries_at_once():
    postgres("query", lambda report: report.is_well())


def case_queries_by_host_name():
    postgres("query", lambda report: report.is_well(), host="localhost")


def case_queries_with_tls():
    postgres("query", lambda report: report.is_well(), host="localhost",
             sslmode="require")


def case_copy_in_and_out():
    postgres("copy", lambda report: report.is_well(in_flight=2))


def case_listen_and_notify():
    postgres("notify", lambda report: report.is_well())


def case_cancelled_queries():
    postgres("cancel", lambda report: report.all_failed(
        "^ERROR:  canceling statement due to user request"))


def case_connections_that_the_server_ends():
    postgres("terminate", lambda report: report.all_failed(
        "^FATAL:  terminating connection due to administrator command"))


def case_killed_in_a_query():
    postgres("kill_in_query", lambda report: report.all_failed(KILLED))


def case_killed_anywhere():
    for more in ({}, {"host": "localhost", "sslmode": "require"}):
        postgres("kill_anywhere", lambda report: report.all_failed(
            KILLED + "|killed before it began|Unknown host|failure in name",
            in_flight=0), **more)


def case_timeout_around_a_query():
    postgres("timeout", lambda report: report.all_failed(
        "Connection timed out"))


def case_queries_though_signals_arrive():
    libraries.interrupted([libraries.program("postgres"), "query",
                           "host=%s port=%d user=postgres"
                           % servers.postgres()])


def case_time_limit_of_libpq():
    """For a connection to a server that says nothing: the listener's backlog
    takes it."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent:
        libraries.on_each_hub(
            [libraries.program("postgres"), "connect",
             "host=127.0.0.1 port=%d connect_timeout=2"
             % silent.getsockname()[1]],
            lambda report: report.all_failed("timeout expired"))


def case_example():
    path, port = servers.postgres()
    libraries.example("patch_postgres", [
        "host=%s port=%d user=postgres" % (path, port)], "^100 of 100 answers")


libraries.main(globals())
