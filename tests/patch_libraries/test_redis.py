#!/usr/bin/env python3
"""hiredis on a Redis server, by its socket and by a host name."""

import libraries
import servers

KILLED = "Operation canceled|killed before it began|System error|resolution"


def redis(case, check):
    for where in servers.redis():
        libraries.on_each_hub(
            [libraries.program("redis"), case, str(where)], check)


def case_blocking_pops_at_once():
    redis("lists", lambda report: report.is_well())


def case_large_values_in_a_pipeline():
    redis("large", lambda report: report.is_well(in_flight=2))


def case_publish_and_subscribe():
    redis("subscribe", lambda report: report.is_well())


def case_time_limit_of_hiredis():
    redis("own_limit", lambda report: report.all_failed(
        "Resource temporarily unavailable"))


def case_timeout_around_a_command():
    redis("timeout", lambda report: report.all_failed("Connection timed out"))


def case_connections_that_the_server_closes():
    redis("closed", lambda report: report.all_failed(
        "Server closed the connection"))


def case_killed_in_a_wait():
    redis("kill_in_wait", lambda report: report.all_failed(KILLED))


def case_killed_anywhere():
    redis("kill_anywhere",
          lambda report: report.all_failed(KILLED, in_flight=0))


def case_pops_though_signals_arrive():
    libraries.interrupted([libraries.program("redis"), "lists",
                           servers.redis()[0]])


def case_example():
    port = servers.redis()[1]
    libraries.example("patch_redis", ["localhost", str(port)],
                      "^100 of 100 values")


libraries.main(globals())
