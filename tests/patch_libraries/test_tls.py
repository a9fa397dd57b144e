#!/usr/bin/env python3
"""OpenSSL, a hundred clients and a hundred servers in one program."""

import functools
import os
import ssl

import libraries
import peers
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


def case_example():
    """A hundred clients, each a connection by Python's ssl."""
    cert, key = certificate()
    for hub in peers.hubs():
        server = peers.Program([libraries.example_path("patch_tls"), cert, key,
                                "tcp://127.0.0.1:0"],
                               env={"GREENHUB_HUB": hub})
        address = server.listening()
        context = ssl.create_default_context(cafile=cert)
        clients = [context.wrap_socket(peers.connect(address),
                                       server_hostname="localhost")
                   for _ in range(100)]
        for client in clients:
            peers.echoes(client, os.urandom(10000))
        for client in clients:
            client.unwrap().close()
        peers.clean_up()


libraries.main(globals())
