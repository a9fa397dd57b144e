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

import peers
from peers import COMMAND, Skip, connect, receive, tool, until
from patched import (
    PAYLOAD, Origin, Server, ask_for, built, compare, compare_reloads,
    configured, echo, exchange, free_port, read_all, read_head, run_options,
    together, web, write)


# ---- threaded_echo -----------------------------------------------------------

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


# ---- threads_fork ------------------------------------------------------------

def case_fork():
    path = built("tests", "threads_fork")
    plain = peers.run([path])
    assert plain[0] == 0 and "main: exit status 3" in plain[1], plain
    for hub in peers.hubs():
        argv = [COMMAND, "run", *run_options(), "--hub", hub, path]
        assert peers.run(argv) == plain, (hub, peers.run(argv), plain)


# ---- Programs that use vfork -------------------------------------------------

SHELL = """
for i in 1 2 3; do /bin/echo $i; done
/bin/echo piped | cat
(/bin/echo in a subshell)
/bin/echo $(/bin/echo substituted)
exit 5
"""

MAKEFILE = """
all: one two
one two: ; @/bin/echo $@ && cat </dev/null
"""

COMMANDS = """
import subprocess, threading

def run(number):
    done = subprocess.run(["/bin/echo", str(number)], capture_output=True)
    lines[number] = done.stdout

lines = {}
threads = [threading.Thread(target=run, args=(i,)) for i in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(lines.items()))
"""


def compare_runs(argv):
    plain = peers.run(argv)
    for hub in peers.hubs():
        green = peers.run([COMMAND, "run", *run_options(), "--hub", hub, *argv])
        assert green == plain, (hub, green, plain)


def case_dash():
    compare_runs([tool("dash"), "-c", SHELL])


def case_make():
    with tempfile.TemporaryDirectory() as folder:
        path = write(folder, MAKEFILE)
        compare_runs([tool("make"), "-f", path])


def case_python_runs_commands():
    if not os.path.exists("/usr/bin/python3"):
        raise Skip("there is no /usr/bin/python3")
    compare_runs(["/usr/bin/python3", "-c", COMMANDS])


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
    """By SIGUSR1, because SIGHUP ends it if it is no daemon."""
    with Origin(web) as origin:
        talk = talk_http_proxy(origin)
        compare_reloads(start_tinyproxy,
                        lambda text: text + 'AddHeader "X-Reloaded" "yes"\n',
                        lambda server: ask_for(talk, server.address),
                        signal.SIGUSR1)


DAEMON = TINYPROXY + """
PidFile "FOLDER/pid"
LogFile "FOLDER/log"
"""


def number_in(path):
    try:
        with open(path) as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return 0


def is_gone(pid):
    """Its parent, init or the like, may leave it as a zombie."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@contextlib.contextmanager
def daemon(argv, folder):
    """Its process. The program forks, and its parent ends."""
    assert peers.run(argv)[0] == 0
    pid = until("it has a file with its number",
                lambda: number_in(os.path.join(folder, "pid")))
    try:
        yield pid
    finally:
        if not is_gone(pid):
            os.kill(pid, signal.SIGKILL)


def case_tinyproxy_as_a_daemon():
    """It forks twice, and reloads by SIGHUP."""
    for options in (None, run_options()):
        port = free_port()
        with Origin(web) as origin, tempfile.TemporaryDirectory() as folder:
            talk = talk_http_proxy(origin)
            path = write(folder, DAEMON % port)
            argv = [tool("tinyproxy"), "-c", path]
            if options is not None:
                argv = [COMMAND, "run"] + options + ["--"] + argv
            with daemon(argv, folder) as pid:
                until("it listens", lambda: ask_for(
                    talk, ("127.0.0.1", port)) != "nothing")
                threads = []

                def connected(meet):
                    meet()
                    threads.append(len(os.listdir("/proc/%d/task" % pid)))
                    meet()

                answers = together(100, lambda number, meet: talk(
                    ("127.0.0.1", port), number, lambda: connected(meet)))
                assert all(b"yyy" in answer for answer in answers[1:50])
                assert options is None or max(threads) < 20, threads
                write(folder, DAEMON % port + 'AddHeader "X-Reloaded" "1"\n')
                os.kill(pid, signal.SIGHUP)
                until("it has reloaded", lambda: ask_for(
                    talk, ("127.0.0.1", port))[-1:] == b"r")
                with open("/proc/%d/maps" % pid) as maps:
                    assert ("greenhub-patch" in maps.read()) == (
                        options is not None)
                os.kill(pid, signal.SIGTERM)
                until("it has ended", lambda: is_gone(pid))


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
    """One more connection follows, so that the threads of the others have ended
    before it exits: stunnel does not wait for those that are about to, and
    OpenSSL's data of a thread must not outlive OpenSSL."""
    with Origin(echo) as origin, stunnel(origin) as start:
        compare(start, talk_tls, (1, 100, 200), one_more=True)


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


# ---- Python -------------------------------------------------------------------

# With room for all that connect at once.
HTTP_SERVER = """
import functools, http.server, sys
http.server.ThreadingHTTPServer.request_queue_size = 1024
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])),
    functools.partial(http.server.SimpleHTTPRequestHandler,
                      directory=sys.argv[2])).serve_forever()
"""


def case_python():
    """Its threads wait for the interpreter's lock by a condition with a limit."""
    python = "/usr/bin/python3"  # the first in PATH may be a script
    if not os.path.exists(python):
        raise Skip("there is no " + python)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "file"), "wb") as file:
            file.write(PAYLOAD * 20)

        def start(options):
            port = free_port()
            return Server([python, "-c", HTTP_SERVER, str(port), folder],
                          port, options)

        def talk(address, number, connected):
            with connect(address) as peer:
                peer.sendall(b"GET /file HTTP/1.0\r\n")
                connected()
                peer.sendall(b"\r\n")
                return without_date(read_all(peer))

        compare(start, talk, (1, 100))


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
