#!/usr/bin/env python3
"""Runs programs that know nothing of greenhub, each plainly and by `greenhub
run`, and compares the answers that many connections at once get, byte by byte,
and the way in which the programs end.
"""

import contextlib
import os
import signal
import socket
import ssl
import struct
import tempfile
import threading

import peers
from peers import COMMAND, Program, Skip, connect, receive, tool, until

COUNTS = (1, 100, 300)
PAYLOAD = bytes(range(256)) * 64


# ---- Starting ---------------------------------------------------------------

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A program that listens at a port, plainly or as `options` of run say."""

    def __init__(self, argv, port=None, options=None, env=None):
        if options is not None:
            argv = [COMMAND, "run"] + list(options) + ["--"] + argv
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

def outcome(start, talk, count, options, number, thread_each):
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
    except Exception as error:
        raise AssertionError("%s with %d connections: %r; %s" % (
            "green" if server.is_green else "plain", count, error,
            server.program.err[-5:]))
    status = server.stop(number)
    return answers, status, summary(server), seen[0]


def summary(server):
    """What the test programs print in the end."""
    return [line for line in server.program.out
            if line.startswith(("served", "answered"))]


def compare(start, talk, counts=COUNTS, options=(), number=signal.SIGTERM,
            thread_each=True):
    """start(options) -> Server; talk(address, number, connected) -> answers.
    thread_each: plainly, the program has a thread for each connection."""
    for count in counts:
        plain = outcome(start, talk, count, None, number, thread_each)
        green = outcome(start, talk, count, options, number,
                        thread_each)
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


def compare_reloads(start, change, ask, options=()):
    """After change(text of the configuration) and SIGHUP, ask(server) has
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
        server.send(signal.SIGHUP)
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


def configured(start, text):
    """start(path of a file with the text in it) -> Server, which keeps it."""
    folder = tempfile.TemporaryDirectory()
    path = os.path.join(folder.name, "program.conf")
    with open(path, "w") as file:
        file.write(text.replace("FOLDER", folder.name))
    server = start(path)
    server.folder = folder
    return server


# ---- threaded_echo -----------------------------------------------------------

def built(folder, name):
    path = os.path.join(peers.BUILD, folder, name)
    if not os.path.exists(path):
        raise Skip("%s is not built here" % name)
    return path


def start_echo(options):
    return Server([built("bench", "threaded_echo")], options=options)


def talk_echo(address, number, connected):
    with connect(address) as peer:
        answers = exchange(peer, number)
        connected()
        answers += exchange(peer, number)
        peer.shutdown(socket.SHUT_WR)
        assert peer.recv(1) == b""  # it has counted before it closed
        return answers


def case_threaded_echo():
    compare(start_echo, talk_echo)


def case_threaded_echo_on_every_hub():
    for hub in peers.hubs():
        compare(start_echo, talk_echo, (1, 100), ["--hub", hub])


def case_threaded_echo_with_shared_tls():
    """Its sum of bytes is wrong then, by a thread-local that is shared."""
    server = start_echo(["--tls", "shared"])
    together(100, lambda number, meet: talk_echo(server.address, number, meet))
    assert server.threads() < 20
    assert server.stop() == 0


def case_threaded_echo_ends_by_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
                   signal.SIGKILL):
        compare(start_echo, talk_echo, (3,), number=number)


# ---- microsocks --------------------------------------------------------------

def start_microsocks(options):
    port = free_port()
    return Server([tool("microsocks"), "-i", "127.0.0.1", "-p", str(port)],
                  port, options)


def case_microsocks():
    with Origin(echo) as origin:
        def talk(address, number, connected):
            with connect(address) as peer:
                peer.sendall(b"\5\1\0")
                hello = receive(peer, 2)
                name = b"localhost"
                peer.sendall(b"\5\1\0\3" + bytes([len(name)]) + name
                             + struct.pack(">H", origin.address[1]))
                answer = receive(peer, 10)
                connected()
                return hello, answer, exchange(peer, number)

        compare(start_microsocks, talk)


# ---- tinyproxy ---------------------------------------------------------------

TINYPROXY = """
Port %d
Listen 127.0.0.1
Timeout 60
MaxClients 1000
LogLevel Critical
DisableViaHeader Yes
"""


def start_tinyproxy(options, text=TINYPROXY):
    port = free_port()
    return configured(lambda path: Server(
        [tool("tinyproxy"), "-d", "-c", path], port, options), text % port)


def talk_http_proxy(origin):
    def talk(address, number, connected):
        with connect(address) as peer:
            peer.sendall(b"GET http://127.0.0.1:%d/%d HTTP/1.0\r\n"
                         % (origin.address[1], 1000 * (number % 50)))
            connected()
            peer.sendall(b"Host: 127.0.0.1\r\n\r\n")
            return read_all(peer)
    return talk


def talk_connect(origin):
    def talk(address, number, connected):
        with connect(address) as peer:
            peer.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n"
                         b"Host: 127.0.0.1\r\n\r\n" % origin.address[1])
            head = read_head(peer)
            connected()
            return head, exchange(peer, number)
    return talk


def case_tinyproxy():
    with Origin(web) as origin:
        compare(start_tinyproxy, talk_http_proxy(origin))


def case_tinyproxy_connect():
    with Origin(echo) as origin:
        compare(start_tinyproxy, talk_connect(origin))


def case_tinyproxy_reloads():
    with Origin(web) as origin:
        talk = talk_http_proxy(origin)
        compare_reloads(start_tinyproxy,
                        lambda text: text + 'AddHeader "X-Reloaded" "yes"\n',
                        lambda server: ask_for(talk, server.address))


# ---- privoxy -------------------------------------------------------------------

PRIVOXY = """
confdir FOLDER
logdir FOLDER
listen-address 127.0.0.1:%d
max-client-connections 1000
listen-backlog 1024
debug 0
"""


def start_privoxy(options):
    port = free_port()
    return configured(lambda path: Server(
        [tool("privoxy", "/usr/sbin"), "--no-daemon", path], port, options),
        PRIVOXY % port)


def case_privoxy():
    with Origin(web) as origin:
        compare(start_privoxy, talk_http_proxy(origin))


# ---- stunnel ---------------------------------------------------------------------

STUNNEL = """
foreground = yes
pid =
debug = crit
cert = %s
[echo]
accept = 127.0.0.1:%d
connect = 127.0.0.1:%d
"""


def certificate(folder):
    path = os.path.join(folder, "both.pem")
    status, out, err = peers.run([
        tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-keyout", path + ".key", "-out", path + ".crt"])
    assert status == 0, err
    with open(path, "w") as both:
        for part in (".key", ".crt"):
            with open(path + part) as file:
                both.write(file.read())
    return path


@contextlib.contextmanager
def stunnel(origin):
    """A function that starts it."""
    with tempfile.TemporaryDirectory() as folder:
        both = certificate(folder)

        def start(options):
            port = free_port()
            return configured(lambda path: Server(
                [tool("stunnel4"), path], port, options),
                STUNNEL % (both, port, origin.address[1]))
        yield start


def talk_tls(address, number, connected):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connect(address) as plain, context.wrap_socket(plain) as peer:
        answers = exchange(peer, number)
        connected()
        return answers + exchange(peer, number), peer.version()


def case_stunnel():
    with Origin(echo) as origin, stunnel(origin) as start:
        compare(start, talk_tls, (1, 100, 200))


def case_stunnel_reloads():
    """It listens at another port then, too."""
    with Origin(echo) as origin, stunnel(origin) as start:
        port = free_port()
        compare_reloads(start, lambda text: text + """
            [more]
            accept = 127.0.0.1:%d
            connect = 127.0.0.1:%d
            """ % (port, origin.address[1]),
                        lambda server: ask_for(talk_tls, ("127.0.0.1", port)))


# ---- libmicrohttpd -----------------------------------------------------------------

def start_httpd(options):
    return Server([built("tests", "threaded_httpd")], options=options)


def without_date(answer):
    head, body = answer.split(b"\r\n\r\n", 1)
    return [line for line in head.split(b"\r\n")
            if not line.startswith(b"Date:")], body


def http_answer(peer):
    head = read_head(peer)
    assert head, "it closed the connection"
    length = [int(line.split()[1]) for line in head.split(b"\r\n")
              if line.lower().startswith(b"content-length:")][0]
    return without_date(head + receive(peer, length))


def talk_httpd(address, number, connected):
    answers = []
    with connect(address) as peer:
        for request in (b"GET /100 HTTP/1.1\r\nHost: x\r\n\r\n",
                        b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
                        % (5000 * (number % 20)),
                        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d"
                        b"\r\n\r\n" % len(PAYLOAD) + PAYLOAD):
            peer.sendall(request)
            answers.append(http_answer(peer))
            if len(answers) == 1:
                connected()
    return answers


def case_libmicrohttpd():
    compare(start_httpd, talk_httpd)


# ---- redis ------------------------------------------------------------------------

def start_redis(options):
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        return Server([tool("redis-server"), "--port", str(port), "--save", "",
                       "--bind", "127.0.0.1", "--loglevel", "warning",
                       "--dir", folder, "--appendonly", "no"], port, options)


def case_redis():
    def talk(address, number, connected):
        with connect(address) as peer:
            key = b"key%d" % number
            value = PAYLOAD[:10 * number]
            peer.sendall(b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n"
                         % (len(key), key, len(value), value))
            answers = [receive(peer, 5)]
            connected()
            peer.sendall(b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n"
                         % (len(key), key))
            wanted = b"$%d\r\n%s\r\n" % (len(value), value)
            answers.append(receive(peer, len(wanted)) == wanted)
            peer.sendall(b"*2\r\n$6\r\nUNLINK\r\n$%d\r\n%s\r\n"
                         % (len(key), key))
            return answers + [receive(peer, 4)]

    compare(start_redis, talk, thread_each=False)


# ---- memcached --------------------------------------------------------------------

def start_memcached(options):
    port = free_port()
    return Server([tool("memcached"), "-l", "127.0.0.1", "-p", str(port), "-U",
                   "0", "-u", "nobody", "-t", "4", "-c", "2000"], port,
                  options)


def case_memcached():
    def talk(address, number, connected):
        with connect(address) as peer:
            value = b"v" * (100 * number % 60000)
            peer.sendall(b"set key%d 0 0 %d\r\n%s\r\n"
                         % (number, len(value), value))
            stored = receive(peer, 8)
            connected()
            peer.sendall(b"get key%d\r\n" % number)
            wanted = b"VALUE key%d 0 %d\r\n%s\r\nEND\r\n" % (
                number, len(value), value)
            return stored, receive(peer, len(wanted)) == wanted

    compare(start_memcached, talk, thread_each=False)


# ---- nbdkit -----------------------------------------------------------------------

def start_nbdkit(options):
    port = free_port()
    return Server([tool("nbdkit", "/usr/sbin"), "-f", "-i", "127.0.0.1", "-p",
                   str(port), "pattern", "1M"], port, options)


def nbd_read(peer, offset, size):
    peer.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 0, offset, offset,
                             size))
    magic, error, handle = struct.unpack(">IIQ", receive(peer, 16))
    assert (magic, handle) == (0x67446698, offset), (magic, handle)
    return error, receive(peer, size)


def case_nbdkit():
    def talk(address, number, connected):
        with connect(address) as peer:
            hello = receive(peer, 18)
            peer.sendall(struct.pack(">I", 3) + b"IHAVEOPT"
                         + struct.pack(">II", 1, 0))
            export = receive(peer, 10)
            connected()
            answers = [nbd_read(peer, 4096 * (number % 200) + offset, 4096)
                       for offset in (0, 512)]
            peer.sendall(struct.pack(">IHHQQI", 0x25609513, 0, 2, 0, 0, 0))
            return hello, export, answers

    compare(start_nbdkit, talk)


if __name__ == "__main__":
    peers.main(globals())
