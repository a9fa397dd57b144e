#!/usr/bin/env python3
"""OpenSSL, a hundred clients and a hundred servers in one program."""

import functools

import libraries
import servers


@functools.lru_cache(maxsize=None)
def certificate():
    return servers.certificate(servers.folder())


def tls(case, check):
    libraries.on_each_hub(
        [libraries.program("tls"), case, *certificate()], check)


def case_conversations_at_once():
    tls("echo", lambda report: report.is_well())


def case_killed_anywhere():
    tls("kill_anywhere", lambda report: report.all_failed(
        "Operation canceled|killed before it began", in_flight=0))


def case_timeout_around_a_conversation():
    tls("timeout", lambda report: report.all_failed(
        "^SSL_(read|write): .*Connection timed out"))


libraries.main(globals())
