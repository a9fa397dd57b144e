#!/usr/bin/env python3
"""libcurl on nginx, plain and with TLS. Its threaded resolver looks names up."""

import libraries
import servers

# What libcurl calls a wait that fails is "a bad argument".
ENDED = ("Operation canceled|Connection timed out|killed before it began|"
         "^Couldn't connect to server|^Couldn't resolve host name|"
         "^A libcurl function was given a bad argument")


def curl(case, check, kinds=("http", "https")):
    plain, tls, certificate = servers.nginx()
    where = {"http": ["http://localhost:%d" % plain],
             "https": ["https://localhost:%d" % tls, certificate]}
    if "named" in kinds:
        where["named"] = ["http://%s:%d" % (servers.host_name()[0], plain)]
    for kind in kinds:
        libraries.on_each_hub(
            [libraries.program("curl"), case, *where[kind]], check)


def case_transfers_at_once():
    curl("gate", lambda report: report.is_well())


def case_large_transfers():
    curl("large", lambda report: report.is_well(in_flight=2))


def case_multi_handles():
    curl("multi", lambda report: report.is_well(in_flight=4), ["http"])


def case_multi_handles_that_look_up():
    curl("multi", lambda report: report.is_well(in_flight=4), ["named"])


def case_200_look_ups_by_resolver_threads():
    """Four times on each hub; no run may hang."""
    for _ in range(4):
        curl("resolve", lambda report: report.is_well(in_flight=2), ["named"])


def case_killed_in_look_ups():
    curl("kill_anywhere",
         lambda report: report.all_failed(ENDED, in_flight=0), ["named"])


def case_killed_in_a_transfer():
    curl("kill_in_transfer", lambda report: report.all_failed(ENDED))


def case_killed_anywhere():
    curl("kill_anywhere",
         lambda report: report.all_failed(ENDED, in_flight=0))


def case_timeout_around_a_transfer():
    curl("timeout", lambda report: report.all_failed(ENDED))


def case_example():
    plain, tls, certificate = servers.nginx()
    for arguments in (["http://localhost:%d/slow" % plain],
                      ["https://localhost:%d/slow" % tls, certificate]):
        libraries.example("patch_curl", arguments,
                          "^100 of 100 downloads, 200000 bytes")


libraries.main(globals())
