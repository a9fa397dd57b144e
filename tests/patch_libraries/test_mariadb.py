#!/usr/bin/env python3
"""libmariadb on a MariaDB server."""

import libraries
import servers

LOST = (r"Lost connection to server|Server has gone away|killed before it began|"
        r"Can't connect to .*\(125\)")


def mariadb(case, check, which=0):
    where = servers.mariadb()[which]
    libraries.on_each_hub(
        [libraries.program("mariadb"), case, str(where)], check)


def case_queries_at_once():
    mariadb("query", lambda report: report.is_well())


def case_queries_by_tcp():
    mariadb("query", lambda report: report.is_well(), which=1)


def case_large_results():
    mariadb("large", lambda report: report.is_well(in_flight=2))


def case_cancelled_queries():
    mariadb("cancel", lambda report: report.all_failed(
        "Query execution was interrupted"))


def case_connections_that_the_server_ends():
    mariadb("terminate", lambda report: report.all_failed(LOST))


def case_killed_in_a_query():
    mariadb("kill_in_query", lambda report: report.all_failed(LOST))


def case_killed_anywhere():
    mariadb("kill_anywhere",
            lambda report: report.all_failed(LOST, in_flight=0))


def case_timeout_around_a_query():
    mariadb("timeout", lambda report: report.all_failed(LOST))


def case_queries_though_signals_arrive():
    libraries.interrupted([libraries.program("mariadb"), "query",
                           servers.mariadb()[0]])


def case_example():
    where = servers.mariadb()[0]
    libraries.example("patch_mariadb", ["localhost", "test", "", where],
                      "^100 of 100 answers")


libraries.main(globals())
