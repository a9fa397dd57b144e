"""What the tests of `greenhub run` share: a program is run plainly and green, many
connections at once get answers from it, and the outcomes are compared.
"""

import contextlib
import os
import platform
import re
import signal
import socket
import tempfile
import threading

import peers
from peers import COMMAND, Program, Skip, connect, receive, tool, until

COUNTS = (1, 100, 300)
PAYLOAD = bytes(range(256)) * 64


# ---- Where it works ---------------------------------------------------------

def skip_if_not_first():
    """A checker's library has to be the first that is preloaded."""
    linked = peers.run([tool("ldd"), COMMAND])[1]
    if re.search(r"lib[at]san", linked) or \
            "vgpreload" in os.environ.get("LD_PRELOAD", ""):
        raise Skip("a sanitizer or valgrind is to be preloaded first")


def has_own_tls():
    return platform.machine() in ("aarch64", "x86_64")


def run_options(options=()):
    """The options of run: with thread-local data of its own for each thread, if
    that is possible here and nothing else is asked for, and with as many OS threads
    as the environment says."""
    skip_if_not_first()
    threads = os.environ.get("GREENHUB_TEST_THREADS", "1")
    if "--tls" in options:
        return list(options)
    if not has_own_tls():
        return ["--tls", "shared"] + list(options)
    return ["--threads", threads] * (threads != "1") + list(options)


# ---- Starting ---------------------------------------------------------------

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A program that listens at a port, plainly or as `options` of run say."""

    def __init__(self, argv, port=None, options=None, env=None):
        if options is not None:
            argv = [COMMAND, "run"] + run_options(options) + ["--"] + argv
        self.is_green = options is not None
        self.program = Program(argv, env=env)
        self.address = ("127.0.0.1", port) if port else \
            self.program.listening()
        if port:
            until("it listens", self.listens)

    def listens(self):
        assert self.program.process.poll() is None, self.told()
        try:
            connect(self.address).close()
            return True
        except ConnectionRefusedError:
            return False

    def told(self):
        return "it ended with status %s: %s" % (
            self.program.process.returncode,
            self.program.out + self.program.err)

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.program.process.pid))

    def send(self, number):
        self.program.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        return self.program.stop(number)


def together(count, work):
    """What work(number, meet) returns for each number, on a thread each. meet()
    waits until all have called it."""
    barrier = threading.Barrier(count)
    results = [None] * count

    def run_one(number):
        try:
            results[number] = work(number, lambda: barrier.wait(
                peers.PATIENCE))
        except Exception as error:
            results[number] = error
            barrier.abort()

    threads = [threading.Thread(target=run_one, args=(number,), daemon=True)
               for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * peers.PATIENCE)
        assert not thread.is_alive(), "a client hangs"
    for result in results:
        if isinstance(result, Exception) and not isinstance(
                result, threading.BrokenBarrierError):
            raise result
    return results


# ---- Comparing --------------------------------------------------------------

def outcome(start, talk, count, options, number, thread_each, one_more):
    server = start(options)
    seen = []

    def work(client, meet):
        def all_are_connected():
            if meet() == 0:
                if thread_each and not server.is_green:
                    until("each has a thread",
                          lambda: server.threads() >= count)
                seen.append(server.threads())
            meet()
        return talk(server.address, client, all_are_connected)

    try:
        answers = together(count, work)
        if one_more:
            answers.append(talk(server.address, 0, lambda: None))
    except Exception as error:
        raise AssertionError("%s with %d connections: %r; %s" % (
            "green" if server.is_green else "plain", count, error,
            server.program.err[-5:]))
    status = server.stop(number)
    return answers, status, summary(server), seen[0]


def summary(server):
    """What the test programs print in the end. A sum that threaded_echo makes in a
    thread-local variable is wrong where threads have to share it."""
    lines = [line for line in server.program.out
             if line.startswith(("served", "answered"))]
    if not has_own_tls():
        lines = [re.sub(r", \d+ bytes$", "", line) for line in lines]
    return lines


def compare(start, talk, counts=COUNTS, options=(), number=signal.SIGTERM,
            thread_each=True, one_more=False):
    """start(options) -> Server; talk(address, number, connected) -> answers.
    thread_each: plainly, the program has a thread for each connection."""
    for count in counts:
        for _ in range(5):
            plain = outcome(start, talk, count, None, number, thread_each,
                            one_more)
            if plain[1] != -signal.SIGSEGV:  # as stunnel by itself, now and then
                break
        green = outcome(start, talk, count, options, number,
                        thread_each, one_more)
        assert green[:3] == plain[:3], "with %d connections: %r, plainly %r" % (
            count, different(green[:3], plain[:3]),
            different(plain[:3], green[:3]))
        if count > 20:
            assert green[3] < 20, "it has %d OS threads" % green[3]


def different(mine, others):
    """What of a result is not the same, cut short."""
    for one, other in zip(mine, others):
        if one != other:
            return repr(one)[:300]
    return None


def ask_for(talk, address):
    """An answer, or "nothing" where no one listens, or one that reloads does."""
    try:
        return talk(address, 3, lambda: None)
    except ConnectionError:
        return "nothing"


def compare_reloads(start, change, ask, number=signal.SIGHUP, options=()):
    """After change(text of the configuration) and a signal, ask(server) has
    another answer."""
    results = []
    for one in (None, options):
        server = start(one)
        path = os.path.join(server.folder.name, "program.conf")
        before = ask(server)
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(change(text))
        server.send(number)
        until("it has reloaded",
              lambda: ask(server) not in ("nothing", before))
        results.append((before, ask(server), server.stop()))
    assert results[0] == results[1], results


# ---- What a program talks to --------------------------------------------------

class Origin:
    """A server in this script: one thread for each connection."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = self.listener.getsockname()
        self.serve = serve
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.run, args=(peer,),
                             daemon=True).start()

    def run(self, peer):
        with peer, contextlib.suppress(OSError):
            self.serve(peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def echo(peer):
    while True:
        data = peer.recv(65536)
        if not data:
            return
        peer.sendall(data)


def read_head(peer):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        piece = peer.recv(1)
        if not piece:
            return None
        head += piece
    return head


def web(peer):
    """Answers /SIZE with so many bytes, and closes."""
    head = read_head(peer)
    if head is None:
        return
    path = head.split()[1].decode()
    size = int(path.rsplit("/", 1)[1])
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                 b"Content-Length: %d\r\nConnection: close\r\n\r\n" % size
                 + (b"r" if b"X-Reloaded" in head else b"y") * size)


def read_all(peer):
    data = b""
    while True:
        piece = peer.recv(65536)
        if not piece:
            return data
        data += piece


def exchange(peer, number):
    """Two messages through something that ends at an echo."""
    answers = []
    for size in (1, 3000 + number):
        data = PAYLOAD[:size]
        peer.sendall(data)
        answers.append(receive(peer, size) == data)
    return answers


def write(folder, text):
    """Its configuration. Returns the path."""
    path = os.path.join(folder, "program.conf")
    with open(path, "w") as file:
        file.write(text.replace("FOLDER", folder))
    return path


def configured(start, text):
    """start(path of a file with the text in it) -> Server, which keeps it."""
    folder = tempfile.TemporaryDirectory()
    server = start(write(folder.name, text))
    server.folder = folder
    return server


def built(folder, name):
    path = os.path.join(peers.BUILD, folder, name)
    if not os.path.exists(path):
        raise Skip("%s is not built here" % name)
    return path
