"""What the scripts that run whole programs share: they start servers, connect
peers, and print TAP. Uses only the standard library.

A script defines functions named case_..., and ends with peers.main(globals()).
"""

import http.server
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
PATIENCE = 20  # time limit in seconds, with room for slow machines

started = []  # programs to kill when the script ends


class Skip(Exception):
    pass


def example(name):
    path = os.path.join(BUILD, "examples", name)
    if not os.path.exists(path):
        raise AssertionError("%s has not been built" % path)
    return path


def tool(name, folder=""):
    """The path of an installed program, in PATH or in the folder."""
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
    """This process's environment with the changes, without GREENHUB_HUB variables."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("GREENHUB_HUB")}
    env.update(changes or {})
    return env


class Program:
    """A program in the background; threads read its output lines."""

    def __init__(self, argv, env=None, **more):
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, env=environment(env),
            **{"stdin": subprocess.DEVNULL, **more})
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
        """Waits for a line that matches, and returns the match."""
        lines = self.out if lines is None else lines

        def look():
            ended = self.process.poll() is not None and not any(
                reader.is_alive() for reader in self.readers)
            for line in list(lines):
                match = re.search(pattern, line)
                if match:
                    return match
            if ended:
                raise AssertionError(
                    "the program ended with status %s: %s" % (
                        self.process.returncode, self.out + self.err))
            return None
        return until("a line like %r" % pattern, look)

    def listening(self):
        """The host and port from its line "listening on"."""
        match = self.line(r"listening on tcp://(\S+):(\d+)")
        return match.group(1), int(match.group(2))

    def stop(self, number=signal.SIGTERM):
        """Sends a signal, and returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self):
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the program does not end")
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


def skip_in_chaos(why):
    if "GREENHUB_CHAOS_SEED" in os.environ:
        raise Skip("a chaos build " + why)


def skip_without_memory_limit():
    """Skips where a memory limit has no effect: sanitizers reserve most of the address
    space, and hundreds of a chaos build's small stacks fit into a program's memory."""
    skip_in_chaos("has small stacks")
    status, out, err = run([example("prime_sieve"), "1"],
                           preexec_fn=limit(resource.RLIMIT_AS, 4 << 30))
    if status != 0:
        raise Skip("this build needs more than 4 GiB of address space")


def starve(program):
    """Lets the program get no more memory from the kernel."""
    with open("/proc/%d/statm" % program.process.pid) as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.prlimit(program.process.pid, resource.RLIMIT_AS, (size, size))


def descriptors(program):
    return len(os.listdir("/proc/%d/fd" % program.process.pid))


def starved(argv, text=None):
    """(exit status, output) of each run of a program with a memory limit: from the
    smallest limit with which it starts, upwards."""
    skip_without_memory_limit()
    runs = []
    for size in range(1 << 20, 16 << 20, 512 << 10):
        status, out, err = run(argv, text=text,
                               preexec_fn=limit(resource.RLIMIT_AS, size))
        if status != 127:  # the dynamic loader's, before the program starts
            runs.append((status, out + err))
    assert runs, "the program never started"
    return runs


def web_server(body):
    """A server in this process that answers each GET with the body."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


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
    """Opens many connections at once; each gets its own bytes back."""
    peers = [connect(address) for _ in range(count)]
    for number, peer in enumerate(peers):
        peer.sendall(b"peer %d;" % number * 20)
    for number, peer in enumerate(peers):
        wanted = b"peer %d;" % number * 20
        assert receive(peer, len(wanted)) == wanted
    for peer in peers:
        peer.close()


def hubs():
    """The available hubs with a real clock."""
    status, out, err = run([COMMAND, "hubs", "--json"])
    assert status == 0, err
    return [hub["name"] for hub in json.loads(out)["hubs"]
            if hub["available"] and "virtual_time" not in hub["capabilities"]]


def clean_up():
    while started:
        program = started.pop()
        if program.process.poll() is None:
            # Kill the process group: greenhub check has child processes.
            os.killpg(program.process.pid, signal.SIGKILL)
            program.process.wait()


def needs_linux(why):
    """Skips the case on a build with -Dplatform=posix."""
    if os.environ.get("GREENHUB_PLATFORM") == "posix":
        raise Skip(why)


def main(names):
    """Runs the cases among `names`. NEEDS_LINUX, if it is one: all of them do, and
    why."""
    cases = [(name, case) for name, case in names.items()
             if name.startswith("case_")]
    chosen = sys.argv[1:]
    cases = [pair for pair in cases if not chosen or pair[0][5:] in chosen]
    failed = 0
    print("1..%d" % len(cases))
    for number, (name, case) in enumerate(cases, 1):
        label = "%d - %s" % (number, name[5:].replace("_", " "))
        try:
            if "NEEDS_LINUX" in names:
                needs_linux(names["NEEDS_LINUX"])
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
