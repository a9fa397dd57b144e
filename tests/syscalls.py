#!/usr/bin/env python3
"""The number of system calls per request, as strace counts them: on epolls no
epoll_ctl, and over TCP no read without data; on uring none of the request's own.

Compares two runs with the same connections, one with many more requests: the
requests cause the difference. (It ignores epoll_wait: strace slows the server
down, so that its limit on time between iterations makes it poll more often.)
"""

import collections
import os
import re
import sys
import tempfile

import peers
from peers import (BUILD, COMMAND, SOURCE, Program, Skip, connect, echoes, run,
                   tool)

NEEDS_LINUX = "what it counts is what Linux has"

CONNECTIONS = 10
FEW, MANY = 20, 220  # requests on each connection
READS = ("read", "readv", "recvfrom", "recvmsg", "preadv2")
WRITES = ("write", "writev", "sendto", "sendmsg", "pwritev2")


def strace():
    path = tool("strace")
    if "ASAN_OPTIONS" in os.environ:
        raise Skip("the leak detector does not work under strace")
    status, out, err = run([path, "-c", "-o", "/dev/null", "true"])
    if status != 0:
        raise Skip("strace cannot trace here: " + err.strip()[:80])
    return path


def table(path):
    """{system call: (calls, errors)} from what strace -c writes."""
    found = {}
    with open(path) as file:
        for line in file:
            words = line.split()
            if len(words) < 5 or not words[3].isdigit():
                continue  # a header
            errors = int(words[4]) if len(words) == 6 else 0
            found[words[-1]] = (int(words[3]), errors)
    return found


def server_of(tracer):
    """The process that strace has started."""
    path = "/proc/%d/task/%d/children" % (tracer.process.pid,
                                          tracer.process.pid)
    with open(path) as file:
        return int(file.read().split()[0])


def talk(address, requests):
    """One request at a time, on one connection after the other."""
    clients = [connect(address) for _ in range(CONNECTIONS)]
    for number in range(requests):
        for client in clients:
            echoes(client, b"request %6d of 64 bytes;" % number * 2)
    for client in clients:
        client.close()


def count(requests, hub="epolls", speak=talk):
    path = strace()
    with tempfile.TemporaryDirectory() as folder:
        counts = os.path.join(folder, "counts")
        tracer = Program([path, "-f", "-c", "-o", counts, COMMAND, "serve",
                          "--echo", "--hub", hub,
                          "--listen", "tcp://127.0.0.1:0"])
        try:
            speak(tracer.listening(), requests)
        finally:
            os.kill(server_of(tracer), 15)
        assert tracer.wait() == 0, tracer.err
        return table(counts)


def total(counts, names, column):
    return sum(counts.get(name, (0, 0))[column] for name in names)


def case_a_request_costs_one_read_and_one_write():
    few, many = count(FEW), count(MANY)
    requests = (MANY - FEW) * CONNECTIONS

    def more(names, column):
        return total(many, names, column) - total(few, names, column)
    figures = {
        "epoll_ctl": more(["epoll_ctl"], 0),
        "reads": more(READS, 0),
        "reads without data": more(READS, 1),
        "writes": more(WRITES, 0),
        "writes without room": more(WRITES, 1),
    }
    print("# for %d more requests: %s" % (requests, ", ".join(
        "%s %d" % pair for pair in figures.items())))
    # The connections' beginnings and ends cause a few, at random.
    chance = 2 * CONNECTIONS
    assert abs(figures["epoll_ctl"]) <= chance, figures
    assert abs(figures["reads without data"]) <= chance, figures
    assert abs(figures["writes without room"]) <= chance, figures
    assert abs(figures["reads"] - requests) <= chance, figures
    assert abs(figures["writes"] - requests) <= chance, figures
    assert total(many, ["epoll_ctl"], 0) > 0, many  # strace traced the server


def talk_together(address, requests):
    """All connections at once."""
    clients = [connect(address) for _ in range(CONNECTIONS)]
    for number in range(requests):
        message = b"request %6d of 64 bytes;" % number * 2
        for client in clients:
            client.sendall(message)
        for client in clients:
            got = b""
            while len(got) < len(message):
                got += client.recv(len(message) - len(got))
            assert got == message, got
    for client in clients:
        client.close()


def case_on_uring_requests_share_their_system_calls():
    if "uring" not in peers.hubs():
        raise Skip("the uring hub is not available")
    few, many = (count(amount, "uring", talk_together)
                 for amount in (FEW, MANY))
    requests = (MANY - FEW) * CONNECTIONS
    reads = total(many, READS, 0) - total(few, READS, 0)
    iterations = (total(many, ["io_uring_enter"], 0) -
                  total(few, ["io_uring_enter"], 0))
    print("# for %d more requests: io_uring_enter %d, reads %d"
          % (requests, iterations, reads))
    # A read occurs if a message arrives while its reader is not waiting.
    assert abs(reads) <= 2 * CONNECTIONS, (reads, many)
    assert 0 < iterations < 2 * requests, (iterations, many)
    assert total(many, ["epoll_wait", "epoll_ctl"], 0) == 0, many


# System calls of one green_read and one green_write after the first, which may
# query the descriptor's kind. (None: not measured.) The kernel has no flag for a
# non-blocking read of a FIFO or terminal, so the library reopens the file for each
# call: open, the call, close; a terminal it polls first.
KINDS = {
    "green TCP socket": (1, 1),
    "foreign TCP socket": (1, 1),
    "green unix socket": (1, 1),
    "foreign unix socket": (1, 1),
    "green pipe": (1, 1),
    "foreign pipe": (2, 2),  # fstat: was the number reused?
    "green FIFO": (3, 3),
    "foreign FIFO": (5, 5),  # fstat, and an attempt with RWF_NOWAIT
    "green file": (1, 1),
    "foreign file": (1, 2),  # a write: fstat
    "green terminal": (4, 3),
    "foreign terminal": (7, 6),  # fstat, TIOCGDEV, RWF_NOWAIT
    "foreign terminal's master": (6, 6),  # the same, F_GETFL, poll
    "foreign eventfd": (2, 5),  # F_GETFL, poll
    "foreign timerfd": (2, None),
    "foreign signalfd": (2, None),
    "foreign inotify": (5, None),
    "foreign dev null": (None, 3),  # fstat, TIOCGDEV
    "green dev null": (None, 1),
    "foreign dev zero": (3, 3),
    "green dev zero": (1, 1),
}
TIMES = 10


def calls_of_kinds():
    """{kind/way: the system calls of each call after the first}."""
    library = os.path.join(BUILD, "src", "libgreenhub.so")
    program = os.path.join(SOURCE, "tests", "syscall_kinds.py")
    if not os.path.exists(library):
        raise Skip("this build has no shared library")
    if os.environ.get("GREENHUB_CHECKER") == "tsan":
        raise Skip("ThreadSanitizer cannot be loaded into a running program")
    found, calls = collections.defaultdict(list), None
    # A look of the hub that does not wait. In a chaos build there are more of them,
    # and on a slow system one traced call uses the clock's budget up.
    look = re.compile(r"epoll_wait\(.*, 0\) +=")
    with tempfile.TemporaryDirectory() as folder:
        trace = os.path.join(folder, "trace")
        status, _, err = run([strace(), "-o", trace, sys.executable, program,
                              library, str(TIMES)],
                             env={"GREENHUB_HUB": "epolls"})
        assert status == 0, err
        with open(trace) as file:
            lines = file.read().splitlines()
    for line in lines:
        mark = re.search(r'access\w*\(.*"/(first|then|end)(?:/(.*?))?"', line)
        if not mark:
            if (calls is not None and re.match(r"\w+\(", line)
                    and not look.match(line)):
                calls.append(line.split("(")[0])
        elif mark.group(1) == "end":
            calls = None
        else:
            calls = []
            if mark.group(1) == "then":
                found[mark.group(2)].append(calls)
    return found


def case_what_a_read_and_a_write_of_each_kind_cost():
    found, wrong = calls_of_kinds(), []
    for kind, costs in KINDS.items():
        for way, most in zip(("read", "write"), costs):
            calls = found.get("%s/%s" % (kind, way), [])
            if most is None:
                continue
            assert len(calls) == TIMES, (kind, way, len(calls))
            # The interpreter sometimes allocates memory meanwhile.
            usual = sorted(calls, key=len)[TIMES // 2]
            print("# %-26s %-5s %d: %s" % (kind, way, len(usual),
                                           " ".join(usual)))
            if len(usual) > most:
                wrong.append((kind, way, usual))
    assert not wrong, wrong


peers.main(globals())
