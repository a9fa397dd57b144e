#!/usr/bin/env python3
"""Runs the commands of docs/patch.md as they stand there, and checks what the page
says of the C program and of the server."""

import glob
import os
import re
import signal
import tempfile

import peers
from patched import free_port, has_own_tls, skip_if_not_first
from peers import Program, connect, run, tool, until

CLIENTS = 50


def blocks(language):
    """The page's blocks of code in a language."""
    with open(os.path.join(peers.SOURCE, "docs", "patch.md")) as page:
        return re.findall(r"^```%s\n(.*?)^```$" % language, page.read(),
                          re.M | re.S)


def environment():
    """The build directory in place of an installation."""
    skip_if_not_first()
    build, path = peers.BUILD, os.environ.get("PATH", "")
    return {
        "PATH": build + ":" + path,
        "PKG_CONFIG_PATH": build + "/meson-uninstalled",
        "LD_LIBRARY_PATH": "%s/src:%s/src/patch" % (build, build),
    }


# ---- The program ----------------------------------------------------------------

def written(folder, name, text):
    with open(os.path.join(folder, name), "w") as file:
        file.write(text)


def run_commands(folder, program, hub):
    """Runs the page's commands for the program; the counts that it prints."""
    tool("cc")
    tool("pkg-config")
    written(folder, "program.c", program)
    status, out, err = run(["sh", "-e", "-c", blocks("sh")[0]],
                           env=dict(environment(), GREENHUB_HUB=hub), cwd=folder)
    assert status == 0 and err == "", (status, err)
    counts = re.findall(r"^at most (\d+) calls at once$", out, re.M)
    return [int(count) for count in counts]


def read_report(folder):
    with open(os.path.join(folder, "blocked.txt")) as report:
        return report.read().splitlines()


def case_a_library_that_blocks():
    """With a clock that stands still, all begin before the first sleep ends."""
    with tempfile.TemporaryDirectory() as folder:
        counts = run_commands(folder, blocks("c")[0], "sim")
        assert counts == [100, 100], counts
        lines = read_report(folder)
        assert lines and all(line[0] == "#" for line in lines), lines


def case_a_library_that_blocks_on_every_hub():
    with tempfile.TemporaryDirectory() as folder:
        for hub in peers.hubs():
            first, second = run_commands(folder, blocks("c")[0], hub)
            assert 1 < first <= 100 and 1 < second <= 100, (hub, first, second)


def case_it_blocks_without_the_call():
    """So the page's program shows something. The third command needs no call."""
    with tempfile.TemporaryDirectory() as folder:
        program, count = re.subn(
            r"    if \(green_patch\(.*?;\n", "", blocks("c")[0], flags=re.S)
        assert count == 1
        program, count = re.subn(r"\b100\b", "2", program)
        assert count >= 3
        counts = run_commands(folder, program, "sim")
        assert counts == [1, 2], counts


# ---- The server -----------------------------------------------------------------

def server_commands(port):
    text = blocks("sh")[1]
    assert text.count("8000") == 2
    text = text.replace("8000", str(port))
    if not has_own_tls():
        text = text.replace("greenhub run", "greenhub run --tls shared")
    return text.splitlines()


def start_server(folder, port):
    first = server_commands(port)[0]
    assert first.endswith(" &")
    tool("python3")
    server = Program(["sh", "-c", "exec " + first[:-2]], env=environment(),
                     cwd=folder)

    def listens():
        assert server.process.poll() is None, server.err
        try:
            connect(("127.0.0.1", port)).close()
            return True
        except ConnectionRefusedError:
            return False
    until("the server listens", listens)
    return server


def answer(peer):
    peer.sendall(b"\r\n")
    text = b""
    while True:
        data = peer.recv(65536)
        if not data:
            return text
        text += data


def case_a_server_with_threads():
    """Its number of OS threads, while all connections wait for an answer."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        written(folder, "hello", "hello from a file")
        server = start_server(folder, port)
        crowd = [connect(("127.0.0.1", port)) for _ in range(CLIENTS)]
        for one in crowd:
            one.sendall(b"GET /hello HTTP/1.0\r\n")
        # One after the other, so that each of the others still waits.
        assert answer(crowd.pop()).endswith(b"hello from a file")
        assert len(glob.glob("/proc/%d/task/*" % server.process.pid)) < 10
        for one in crowd:
            assert answer(one).endswith(b"hello from a file")
        run_rest(folder, port, server)
        assert server.stop() == -signal.SIGTERM


def run_rest(folder, port, server):
    """The page's commands for a server that is there."""
    tool("curl")
    script = "\n".join(server_commands(port)[1:]).replace(
        "$!", str(server.process.pid))
    status, out, err = run(["sh", "-e", "-c", script], env=environment(),
                           cwd=folder)
    assert status == 0 and 0 < int(out) < 10, (status, out, err)
    with open(os.path.join(folder, "page.html")) as page:
        assert "hello" in page.read()


if __name__ == "__main__":
    peers.main(globals())
