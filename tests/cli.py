#!/usr/bin/env python3
"""Runs the command greenhub as its users do."""

import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import tempfile
import time

import peers
from peers import COMMAND, Program, Skip, connect, echoes, run, tool, until


def serve(*options, env=None, **more):
    return Program([COMMAND, "serve", "--echo", "--listen", "tcp://127.0.0.1:0"]
                   + list(options), env=env, **more)


def served(server):
    """The connections, messages and bytes that the server prints at its end."""
    match = server.line(
        r"served (\d+) connections?, (\d+) messages?, (\d+) bytes?")
    return tuple(int(number) for number in match.groups())


def pauses(server):
    return int(server.line(r"paused accepting (\d+) times?").group(1))


# A build without libgreenhub-patch has no such subcommand.
RUN = ("run",) if os.environ.get("GREENHUB_PLATFORM") != "posix" else ()


# ---- Usage ----------------------------------------------------------------

def case_help_and_version():
    status, out, err = run([COMMAND, "--help"])
    assert status == 0 and "serve" in out and err == ""
    status, out, err = run([COMMAND, "--version"])
    assert status == 0 and re.match(r"greenhub \d+\.\d+\.\d+$", out), out
    for command in ("hubs", "serve", "check") + RUN:
        status, out, err = run([COMMAND, command, "--help"])
        assert status == 0 and "usage: greenhub " + command in out, out


def case_wrong_usage_is_2():
    for words in ([], ["nonsense"], ["hubs", "--nonsense"], ["hubs", "more"],
                  ["serve"], ["serve", "--echo", "more"],
                  ["serve", "--echo", "--threads", "0"],
                  ["serve", "--echo", "--threads", "-1"],
                  ["serve", "--echo", "--threads", "x"],
                  ["serve", "--echo", "--max-connections", "1x"],
                  ["serve", "--echo", "--listen"],
                  ["serve", "--echo", "--listen", "nonsense"],
                  ["serve", "--echo", "--listen", "tcp://127.0.0.1:65536"],
                  ["check"], ["check", "poll", "poll"],
                  ["run"], ["run", "--tls", "none", "true"],
                  ["run", "--stack", "16X", "true"],
                  ["run", "--stack", "1K", "true"],
                  ["run", "--stack", "9M", "true"],
                  ["run", "--nonsense", "true"]):
        if words[:1] == ["run"] and not RUN:
            continue
        status, out, err = run([COMMAND] + words)
        assert status == 2 and err != "", (words, status, out, err)


def case_full_disk_is_a_failure():
    with open("/dev/full", "w") as full:
        done = subprocess.run([COMMAND, "hubs"], stdout=full,
                              stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "standard output" in done.stderr


# ---- hubs -----------------------------------------------------------------

def case_hubs_as_text_and_json():
    status, out, err = run([COMMAND, "hubs", "--json"])
    found = json.loads(out)
    assert status == 0, err
    names = [hub["name"] for hub in found["hubs"]]
    assert {"poll", "selects", "libevent", "uring", "sim"} <= set(names), names
    assert [hub["name"] for hub in found["hubs"] if hub["default"]] == [
        found["default"]]
    for hub in found["hubs"]:
        assert hub["available"] == (hub["reason"] is None), hub
    status, out, err = run([COMMAND, "hubs"])
    assert status == 0 and "* " + found["default"] in out, out
    assert all(name in out for name in names), out


def case_hubs_uses_the_environment():
    for name in peers.hubs():
        status, out, err = run([COMMAND, "hubs", "--json"],
                               env={"GREENHUB_HUB": name})
        found = json.loads(out)
        assert status == 0 and found["default"] == name, out
        assert found["chosen_by"] == "GREENHUB_HUB", out


def case_hubs_prints_why_there_is_no_default():
    status, out, err = run([COMMAND, "hubs", "--json"],
                           env={"GREENHUB_HUB": "no_\"such"})
    found = json.loads(out)
    assert status == 1 and found["default"] is None, out
    assert found["hubs"][-1]["reason"], out
    status, out, err = run([COMMAND, "hubs"], env={"GREENHUB_HUB": "none"})
    assert status == 1 and "no default hub" in err, err


# ---- serve ----------------------------------------------------------------

def case_serve_on_every_hub_and_count():
    for hub in peers.hubs():
        for number in (signal.SIGTERM, signal.SIGINT):
            server = serve("--hub", hub)
            address = server.listening()
            server.line("hub %s, 1 thread" % hub)
            for _ in range(3):
                with connect(address) as peer:
                    echoes(peer, b"12345")
                    echoes(peer, b"678")
            peers.echoes_to_many(address, 40)
            idle = connect(address)  # must not delay the server's end
            echoes(idle, b"!")
            assert server.stop(number) == 0
            assert idle.recv(1) == b""
            connections, messages, size = served(server)
            wanted = 3 * 8 + sum(len(b"peer %d;" % n) * 20 for n in range(40))
            assert connections == 44 and size == wanted + 1, server.out
            assert messages >= 47, server.out


def case_serve_counts_one_in_the_singular():
    server = serve()
    with connect(server.listening()) as peer:
        echoes(peer, b"!")
    assert server.stop() == 0
    server.line("served 1 connection, 1 message, 1 byte$")
    server.line("paused accepting 0 times$")
    server.line("hub .* of the first thread: .* iterations?, .* waits?, ")


def case_serve_with_nc():
    host, port = serve().listening()
    status, out, err = run([tool("nc"), "-N", host, str(port)], text="hello\n")
    assert status == 0 and out == "hello\n", err


def case_serve_prints_hello():
    server = serve("--hello")
    host, port = server.listening()
    server.line("nc 127.0.0.1 %d$" % port)
    server.line("kill -USR1 %d " % server.process.pid)


def case_serve_dumps_and_continues():
    server = serve()
    peer = connect(server.listening())
    echoes(peer, b"one")
    server.process.send_signal(signal.SIGUSR1)
    server.line("green_serve acceptor", server.err)
    server.line("main", server.err)
    echoes(peer, b"two")
    assert server.stop() == 0


def case_serve_address_in_use():
    host, port = serve().listening()
    status, out, err = run([COMMAND, "serve", "--echo", "--listen",
                            "tcp://%s:%d" % (host, port)])
    assert status == 1 and "in use" in err and "--listen" in err, err


def case_serve_at_the_path_of_a_file():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "notes")
        open(path, "w").close()
        status, out, err = run([COMMAND, "serve", "--echo", "--listen",
                                "unix://" + path])
        assert status == 1 and "no socket" in err, err
        assert "in use" not in err and os.path.exists(path), err


def case_serve_at_an_unknown_name():
    status, out, err = run([COMMAND, "serve", "--echo", "--listen",
                            "tcp://no-such-host.invalid:0"])
    assert status == 1, err
    assert err.startswith("greenhub: cannot listen at "
                          "tcp://no-such-host.invalid:0: "), err
    assert "No such file" not in err, err


def case_serve_numbers():
    for option, value, words in (("--threads", "5000", "from 1 to 1024"),
                                 ("--threads", "0", "from 1 to 1024"),
                                 ("--max-connections", "9" * 30, "from 1 to"),
                                 ("--threads", "many", "not a number")):
        status, out, err = run([COMMAND, "serve", "--echo", option, value])
        assert status == 2 and value in err and words in err, err


def case_serve_at_impossible_addresses():
    for address in ("tcp://no-such-host.invalid:80",
                    "tcp://203.0.113.7:6000", "unix:///nowhere/at/all"):
        status, out, err = run([COMMAND, "serve", "--echo", "--listen",
                                address], timeout=60)
        assert status == 1 and address in err, (address, status, err)
    status, out, err = run([COMMAND, "serve", "--echo", "--hub", "none"])
    assert status == 1 and "none" in err, err


def case_serve_ipv6_and_all_addresses():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        raise Skip("needs IPv6: %s" % error)
    for listen, hosts in (("tcp://[::1]:0", ["::1"]),
                          ("tcp6://*:0", ["::1"]),
                          ("tcp://*:0", ["::1", "127.0.0.1"])):
        server = Program([COMMAND, "serve", "--echo", "--listen", listen])
        port = server.listening()[1]
        for host in hosts:
            with connect((host, port)) as peer:
                echoes(peer, b"over " + host.encode())


def case_serve_with_threads():
    server = serve("--threads", "4")
    address = server.listening()
    server.line("4 threads")
    peers.echoes_to_many(address, 200)
    peers.echoes_to_many(address, 200)
    # ThreadSanitizer has an OS thread of its own in each process.
    count = 5 if os.environ.get("GREENHUB_CHECKER") == "tsan" else 4
    with open("/proc/%d/status" % server.process.pid) as status:
        assert re.search(r"^Threads:\s+%d$" % count, status.read(), re.M)
    idle = [connect(address) for _ in range(20)]
    for peer in idle:
        echoes(peer, b"still here")
    assert server.stop() == 0
    assert served(server)[0] == 420, server.out


def case_serve_unix_socket_with_threads():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        for _ in range(2):  # the second finds the socket that the first left
            server = Program([COMMAND, "serve", "--echo", "--threads", "3",
                              "--listen", "unix://" + path])
            server.line("listening on unix://" + path)
            for number in range(30):
                with socket.socket(socket.AF_UNIX) as peer:
                    peer.settimeout(peers.PATIENCE)
                    peer.connect(path)
                    echoes(peer, b"number %d" % number)
            assert server.stop() == 0
            assert served(server)[0] == 30, server.out


def silent_for(peer, seconds):
    peer.settimeout(seconds)
    try:
        peer.recv(1, socket.MSG_PEEK)
        return False
    except socket.timeout:
        return True
    finally:
        peer.settimeout(peers.PATIENCE)


def case_serve_with_a_limit():
    for threads in ("1", "3"):
        server = serve("--max-connections", "2", "--threads", threads)
        address = server.listening()
        first, second = connect(address), connect(address)
        echoes(first, b"1")
        echoes(second, b"2")
        waiting = [connect(address) for _ in range(12)]
        for peer in waiting:
            peer.sendall(b"3")
        assert all(silent_for(peer, 0.02) for peer in waiting)
        first.close()
        second.close()
        # Each served peer makes room for another, in any order.
        left = set(waiting)
        while left:
            ready = select.select(left, [], [], peers.PATIENCE)[0]
            assert ready, "%d are never served" % len(left)
            assert len(ready) <= 2, "%d are served at once" % len(ready)
            for peer in ready:
                assert peer.recv(1) == b"3"
                peer.close()
                left.remove(peer)
        assert server.stop() == 0
        assert served(server)[0] == 14, server.out


def cpu_ticks(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def case_serve_out_of_descriptors():
    for hub in peers.hubs():
        server = serve("--hub", hub, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (40, 40)))
        address = server.listening()
        crowd = [connect(address) for _ in range(80)]
        for peer in crowd:
            peer.sendall(b"x")
        answered = until("some are served", lambda: [
            peer for peer in crowd if not silent_for(peer, 0.001)][:1])
        before = cpu_ticks(server.process.pid)
        time.sleep(1)  # a second without free descriptors
        busy = cpu_ticks(server.process.pid) - before
        assert busy < 30, "the server spins: %d ticks in a second" % busy
        # Each closed connection makes room for another, until all were served.
        left = [peer for peer in crowd if peer is not answered[0]]
        answered[0].close()
        while left:
            ready = select.select(left, [], [], peers.PATIENCE)[0]
            assert ready, "%d are never served" % len(left)
            for peer in ready:
                assert peer.recv(1) == b"x"
                peer.close()
                left.remove(peer)
        assert server.stop() == 0
        assert pauses(server) > 0, server.out
        assert served(server)[0] == 80, server.out


# ---- check ----------------------------------------------------------------

def case_check_passes_every_hub():
    for hub in peers.hubs() + ["sim"]:
        status, out, err = run([COMMAND, "check", hub], timeout=200)
        assert status == 0 and " 0 failed" in out, (hub, out, err)
        assert out.count("\nok ") > 20, out


def case_check_reports_what_cannot_be_loaded():
    for name in ("/nowhere/hub.so", "no_such_hub", COMMAND,
                 os.path.join(peers.BUILD, "greenhub.pc")):
        status, out, err = run([COMMAND, "check", name])
        assert status == 1 and "FAIL it loads and opens" in out, (name, out)


# With a sanitizer a crash is an exit.
CRASHED = "it (crashes|ends the process)"

BROKEN = (
    ("crashes", "me->waits++;", "*(volatile int *)0 = 1;", CRASHED),
    ("exits", "me->waits++;", "exit(7);", "it ends the process"),
    ("hangs", "me->waits++;", "for (;;) poll(NULL, 0, -1);",
     "it hangs"),
    ("cuts its timeouts short", "timeout / GREEN_SEC, timeout % GREEN_SEC",
     "0, timeout % GREEN_SEC / 2", "ends after"),
    ("spins", "timeout / GREEN_SEC, timeout % GREEN_SEC",
     "0, timeout % GREEN_SEC / 1000", "waits"),
    ("forgets writers", "(found & POLLOUT ? GREEN_WRITE : 0)", "0",
     "writable not reported"),
    ("never removes interest", "fds[fd].fd = to != 0 ? fd : -1;", "fds[fd].fd = fd;",
     "removed"),
    ("fails on signals", "errno == EINTR ? 0 : -1", "-1", "signal"),
    ("claims an unknown capability", ".interest = interest,",
     ".interest = interest, .capabilities = 0x40,", "capabilities"),
    ("has an invalid name", '"counting"', '"Counting Hub"', ""),
    ("is of another ABI", "= GREEN_HUB_ABI", "= GREEN_HUB_ABI + 1", ""),
)


def build_broken(folder, number, good, bad):
    """Builds counting_hub.c with an error in it, as a module."""
    with open(os.path.join(peers.SOURCE, "examples", "counting_hub.c")) as file:
        text = file.read()
    assert good in text, "counting_hub.c has no %r" % good
    source = os.path.join(folder, "broken%d.c" % number)
    module = source[:-1] + "so"
    with open(source, "w") as file:
        file.write(text.replace(good, bad))
    status, out, err = run([
        tool("cc"), "-std=c11", "-D_GNU_SOURCE", "-w", "-shared", "-fPIC",
        "-I", os.path.join(peers.SOURCE, "include"), "-o", module, source])
    assert status == 0, err
    return module


def case_check_finds_broken_hubs():
    """The rule that each breaks finds it; the test does not wait for later rules."""
    tool("cc")
    with tempfile.TemporaryDirectory() as folder:
        for number, (what, good, bad, said) in enumerate(BROKEN):
            module = build_broken(folder, number, good, bad)
            checker = Program([COMMAND, "check", module])
            try:
                checker.line("^FAIL .*" + said)
            except AssertionError as error:
                raise AssertionError("a hub that %s: %s" % (what, error))
            try:
                os.killpg(checker.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # the checker has ended
            checker.wait()


def case_check_exits_with_1():
    tool("cc")
    with tempfile.TemporaryDirectory() as folder:
        module = build_broken(folder, 0, '"counting"', '"Counting"')
        status, out, err = run([COMMAND, "check", module], timeout=100)
        assert status == 1 and ", 0 failed" not in out, out
        module = build_broken(folder, 1, "me->waits++;", "exit(7);")
        status, out, err = run([COMMAND, "check", module], timeout=100)
        assert status == 1 and "it ends the process, with status 7" in out, out


def case_check_ends():
    """Two rules reach their time limit with a module that never returns, not all."""
    tool("cc")
    with tempfile.TemporaryDirectory() as folder:
        module = build_broken(folder, 0, "me->waits++;",
                              "for (;;) poll(NULL, 0, -1);")
        status, out, err = run([COMMAND, "check", module], timeout=100)
        assert status == 1 and out.count("it hangs") == 2, out
        assert "not tried: 2 rules hang" in out, out


if __name__ == "__main__":
    peers.main(globals())
