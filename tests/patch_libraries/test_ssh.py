#!/usr/bin/env python3
"""libssh2 on sshd."""

import libraries
import servers

# libssh2 has words of its own for what a system call reports.
ENDED = ("Error waiting on socket|^connect: Operation canceled|^handshake: |"
         "^(key|channel|exec|read): |killed before it began")


def ssh(case, check):
    libraries.on_each_hub([libraries.program("ssh"), case,
                           *map(str, servers.sshd())], check)


def case_commands_at_once():
    ssh("commands", lambda report: report.is_well())


def case_large_answers():
    ssh("large", lambda report: report.is_well(in_flight=2))


def case_killed_in_a_command():
    ssh("kill_in_command", lambda report: report.all_failed(
        "^read: Error waiting on socket"))


def case_killed_anywhere():
    ssh("kill_anywhere", lambda report: report.all_failed(ENDED, in_flight=0))


def case_commands_though_signals_arrive():
    """libssh2 takes EINTR for an error of the connection."""
    libraries.interrupted([libraries.program("ssh"), "commands",
                           *map(str, servers.sshd())])


def case_example():
    port, user, key = servers.sshd()
    said = libraries.example(
        "patch_ssh", ["127.0.0.1", str(port), user, key, "echo well"],
        "^100 of 100 sessions")
    assert said.count("well\n") == 100, said


libraries.main(globals())
