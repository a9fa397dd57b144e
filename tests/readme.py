#!/usr/bin/env python3
"""Compiles README's first program, and tries it as its readers will: on each hub,
at a taken port, out of descriptors, and out of memory."""

import os
import re
import resource
import socket
import tempfile

import peers
from peers import Program, connect, echoes, limit, run, tool

ADDRESS = "tcp://127.0.0.1:6000"


def checked():
    """What a program needs to use a library that a sanitizer checks."""
    flags = {"asan": "-fsanitize=address,undefined", "tsan": "-fsanitize=thread"}
    flag = flags.get(os.environ.get("GREENHUB_CHECKER"))
    return [flag] if flag else []


def compiled(folder, port):
    """The program, at a port that is free."""
    with open(os.path.join(peers.SOURCE, "README.md")) as file:
        text = re.search(r"```c\n(.*?)```", file.read(), re.S).group(1)
    assert ADDRESS in text
    source, program = folder + "/server.c", folder + "/server"
    with open(source, "w") as file:
        file.write(text.replace(ADDRESS, "tcp://127.0.0.1:%d" % port))
    library = os.path.join(peers.BUILD, "src")
    status, out, err = run(
        [tool("cc"), "-Wall", "-Wextra", "-Werror", *checked(), source, "-o",
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


def case_it_serves_on_every_hub_out_of_descriptors_too():
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


def case_it_serves_out_of_memory_too():
    peers.can_be_starved()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        program = compiled(folder, port)
        for hub in peers.hubs():
            server = Program([program], env={"GREENHUB_HUB": hub})
            first = connected(port)
            echoes(first, b"before")
            open_then = peers.descriptors(server)
            peers.starve(server)
            # More than the stacks that it has already are enough for.
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
            peers.until("what was opened is closed", lambda:
                        peers.descriptors(server) == open_then)
            first.close()
            peers.clean_up()


def case_no_memory_to_begin_with_is_told():
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(folder, free_port())
        for status, said in peers.starved([program]):
            assert status == 1, (status, said)
            assert said.startswith("server: ") and "memory" in said, said


def case_a_taken_port_is_told():
    with tempfile.TemporaryDirectory() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        program = compiled(folder, taken.getsockname()[1])
        status, out, err = run([program])
        assert status == 1 and "Address already in use" in err, (status, err)


def case_a_hub_that_is_not_there_is_told():
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(folder, free_port())
        status, out, err = run([program], env={"GREENHUB_HUB": "nosuch"})
        assert status == 1 and "nosuch" in err, (status, err)


if __name__ == "__main__":
    peers.main(globals())
