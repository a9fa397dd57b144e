#!/usr/bin/env python3
"""Compiles README's first program, and runs it on each hub, at a taken port, and
without descriptors or memory."""

import os
import re
import resource
import socket
import tempfile

import peers
from peers import Program, connect, echoes, limit, run, tool

ADDRESS = "tcp://127.0.0.1:6000"


def sanitizer_flags():
    """The compiler's flags for a library that was built with a sanitizer."""
    flags = {"asan": "-fsanitize=address,undefined", "tsan": "-fsanitize=thread"}
    flag = flags.get(os.environ.get("GREENHUB_CHECKER"))
    return [flag] if flag else []


def compiled(folder, port):
    """Compiles the program, with this port. Returns its path."""
    with open(os.path.join(peers.SOURCE, "README.md")) as file:
        text = re.search(r"```c\n(.*?)```", file.read(), re.S).group(1)
    assert ADDRESS in text
    source, program = folder + "/server.c", folder + "/server"
    with open(source, "w") as file:
        file.write(text.replace(ADDRESS, "tcp://127.0.0.1:%d" % port))
    library = os.path.join(peers.BUILD, "src")
    status, out, err = run(
        [tool("cc"), "-Wall", "-Wextra", "-Werror", *sanitizer_flags(), source, "-o",
         program,
         "-I", os.path.join(peers.SOURCE, "include"), "-L", library,
         "-lgreenhub", "-Wl,-rpath," + library])
    assert status == 0, err
    return program


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def connected(port):
    def attempt():
        try:
            return connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            return None
    return peers.until("the server listens", attempt)


def case_it_serves_on_every_hub_also_without_descriptors():
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        program = compiled(folder, port)
        for hub in peers.hubs():
            server = Program([program], env={"GREENHUB_HUB": hub},
                             preexec_fn=limit(resource.RLIMIT_NOFILE, 30))
            first = connected(port)
            echoes(first, b"before")
            crowd = [socket.create_connection(("127.0.0.1", port))
                     for _ in range(60)]
            echoes(first, b"meanwhile")
            assert server.process.poll() is None, hub
            for one in crowd:
                one.close()
            last = connect(("127.0.0.1", port))
            echoes(last, b"after")
            echoes(first, b"after")
            first.close()
            last.close()
            peers.clean_up()


def case_it_serves_also_without_memory():
    peers.skip_without_memory_limit()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        program = compiled(folder, port)
        for hub in peers.hubs():
            server = Program([program], env={"GREENHUB_HUB": hub})
            first = connected(port)
            echoes(first, b"before")
            open_then = peers.descriptors(server)
            peers.starve(server)
            # More connections than it has stacks.
            crowd = [connect(("127.0.0.1", port)) for _ in range(300)]
            echoes(first, b"meanwhile")
            assert server.process.poll() is None, hub
            assert peers.descriptors(server) < open_then + len(crowd), hub
            for one in crowd:
                one.close()
            last = connect(("127.0.0.1", port))
            echoes(last, b"after")
            last.close()
            echoes(first, b"after")
            peers.until("all new descriptors are closed", lambda:
                        peers.descriptors(server) == open_then)
            first.close()
            peers.clean_up()


def case_no_memory_at_the_start_is_reported():
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(folder, free_port())
        for status, said in peers.starved([program]):
            assert status == 1, (status, said)
            assert said.startswith("server: ") and "memory" in said, said


def case_a_taken_port_is_reported():
    with tempfile.TemporaryDirectory() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        program = compiled(folder, taken.getsockname()[1])
        status, out, err = run([program])
        assert status == 1 and "Address already in use" in err, (status, err)


def case_an_unknown_hub_is_reported():
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(folder, free_port())
        status, out, err = run([program], env={"GREENHUB_HUB": "nosuch"})
        assert status == 1 and "nosuch" in err, (status, err)


if __name__ == "__main__":
    peers.main(globals())
