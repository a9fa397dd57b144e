"""What the scripts that run whole programs share: servers to start, peers to
talk to them, and TAP to print. The standard library alone.

A script makes functions named case_..., and ends with peers.main(globals()).
"""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback

BUILD = os.path.abspath(os.environ.get("GREENHUB_BUILD", "build"))
SOURCE = os.path.abspath(os.environ.get(
    "GREENHUB_SOURCE", os.path.join(os.path.dirname(__file__), "..")))
COMMAND = os.path.join(BUILD, "greenhub")
PATIENCE = 20  # seconds for what must happen; slow machines are not errors

started = []  # programs that are to be gone when the script ends


class Skip(Exception):
    pass


def example(name):
    path = os.path.join(BUILD, "examples", name)
    if not os.path.exists(path):
        raise AssertionError("%s has not been built" % path)
    return path


def tool(name, folder=""):
    """A program of the system's; the folder is looked into besides PATH."""
    path = shutil.which(name) or shutil.which(name, path=folder)
    if path is None:
        raise Skip("%s is not installed" % name)
    return path


def until(what, condition):
    """Polls with a deadline."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("not within %d s: %s" % (PATIENCE, what))


def environment(changes):
    """This one's; without the hub that somebody may have set for himself."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("GREENHUB_HUB")}
    env.update(changes or {})
    return env


class Program:
    """A program in the background, whose lines are read as they come."""

    def __init__(self, argv, env=None, **more):
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
            env=environment(env), **more)
        started.append(self)
        self.out, self.err = [], []
        self.readers = [
            threading.Thread(target=self.read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.out),
                         (self.process.stderr, self.err))]
        for reader in self.readers:
            reader.start()

    def read(self, file, lines):
        for line in file:
            lines.append(line.rstrip("\n"))
        file.close()

    def line(self, pattern, lines=None):
        """The match of a line that comes within the time limit."""
        lines = self.out if lines is None else lines

        def look():
            for line in list(lines):
                match = re.search(pattern, line)
                if match:
                    return match
            if self.process.poll() is not None and not any(
                    reader.is_alive() for reader in self.readers):
                raise AssertionError(
                    "it ended with status %s: %s" % (
                        self.process.returncode, self.out + self.err))
            return None
        return until("a line like %r" % pattern, look)

    def listening(self):
        """The host and port that it says it listens at."""
        match = self.line(r"listening on tcp://(\S+):(\d+)")
        return match.group(1), int(match.group(2))

    def stop(self, number=signal.SIGTERM):
        """Its exit status after a signal."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self):
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("it does not end")
        for reader in self.readers:
            reader.join(PATIENCE)
        return status


def run(argv, env=None, text=None, timeout=PATIENCE, **more):
    """(exit status, stdout, stderr) of a program that ends by itself."""
    done = subprocess.run(argv, input=text if text is not None else "",
                          env=environment(env), capture_output=True, text=True,
                          timeout=timeout, **more)
    return done.returncode, done.stdout, done.stderr


def limit(what, value):
    """For preexec_fn: a resource limit."""
    return lambda: resource.setrlimit(what, (value, value))


def can_be_starved():
    """Skips where a sanitizer has most of the address space to itself, and where
    stacks are so small that hundreds fit into what a program has."""
    if "GREENHUB_CHAOS_SEED" in os.environ:
        raise Skip("in a chaos build stacks are small")
    status, out, err = run([example("prime_sieve"), "1"],
                           preexec_fn=limit(resource.RLIMIT_AS, 4 << 30))
    if status != 0:
        raise Skip("this build does not run in 4 GiB of addresses")


def starve(program):
    """It gets no more memory from the system."""
    with open("/proc/%d/statm" % program.process.pid) as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.prlimit(program.process.pid, resource.RLIMIT_AS, (size, size))


def descriptors(program):
    return len(os.listdir("/proc/%d/fd" % program.process.pid))


def starved(argv, text=None):
    """(exit status, what is said) of a program in as little memory as lets it
    begin, and in more and more of it."""
    can_be_starved()
    told = []
    for size in range(1 << 20, 16 << 20, 512 << 10):
        status, out, err = run(argv, text=text,
                               preexec_fn=limit(resource.RLIMIT_AS, size))
        if status != 127:  # which is the loader's, before the program is there
            told.append((status, out + err))
    assert told, "it never began"
    return told


def connect(address):
    peer = socket.create_connection(address, timeout=PATIENCE)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


def receive(peer, size):
    data = b""
    while len(data) < size:
        piece = peer.recv(size - len(data))
        if not piece:
            raise AssertionError("the peer ended after %d of %d bytes"
                                 % (len(data), size))
        data += piece
    return data


def echoes(peer, data):
    peer.sendall(data)
    answer = receive(peer, len(data))
    assert answer == data, "%r came back as %r" % (data[:80], answer[:80])


def echoes_to_many(address, count):
    """Many at once: all are open, and each gets its own bytes back."""
    peers = [connect(address) for _ in range(count)]
    for number, peer in enumerate(peers):
        peer.sendall(b"peer %d;" % number * 20)
    for number, peer in enumerate(peers):
        wanted = b"peer %d;" % number * 20
        assert receive(peer, len(wanted)) == wanted
    for peer in peers:
        peer.close()


def hubs():
    """The hubs that can be used here on the real clock."""
    status, out, err = run([COMMAND, "hubs", "--json"])
    assert status == 0, err
    return [hub["name"] for hub in json.loads(out)["hubs"]
            if hub["available"] and "virtual_time" not in hub["capabilities"]]


def clean_up():
    while started:
        program = started.pop()
        if program.process.poll() is None:
            # The group: greenhub check has children of its own.
            os.killpg(program.process.pid, signal.SIGKILL)
            program.process.wait()


def main(names):
    cases = [(name, case) for name, case in names.items()
             if name.startswith("case_")]
    chosen = sys.argv[1:]
    cases = [pair for pair in cases if not chosen or pair[0][5:] in chosen]
    failed = 0
    print("1..%d" % len(cases))
    for number, (name, case) in enumerate(cases, 1):
        label = "%d - %s" % (number, name[5:].replace("_", " "))
        try:
            case()
            print("ok " + label)
        except Skip as why:
            print("ok %s # SKIP %s" % (label, why))
        except Exception as error:
            failed += 1
            trace = "".join(traceback.format_exc()).strip()
            print("not ok %s: %s" % (label, str(error).replace("\n", " | ")))
            print("# " + trace.replace("\n", "\n# "))
        finally:
            clean_up()
        sys.stdout.flush()
    sys.exit(1 if failed or not cases else 0)
