#!/usr/bin/env python3
"""greenhub get with servers that are not greenhub's: nginx, with TLS and without,
tinyproxy, servers that misbehave; and with its own.
"""

import gzip
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import zlib

import peers
from peers import COMMAND, Program, Skip, run, tool, until

FOLDER = tempfile.TemporaryDirectory()
NO_PROXY = {name: "" for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy",
                                  "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")}
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    log_format connections '$connection $request';
    access_log {folder}/access.log connections;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    root {folder}/pages;
    gzip on;
    gzip_types text/plain;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port};
        location /there {{ return 302 /1; }}
        location /up {{ return 301 https://127.0.0.1:{tls_port}/1; }}
        location /loop {{ return 302 /loop; }}
    }}
    server {{
        listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {folder}/good.crt;
        ssl_certificate_key {folder}/good.key;
        location /down {{ return 301 http://127.0.0.1:{port}/1; }}
    }}
}}
"""
TINYPROXY = """
Port %d
Listen 127.0.0.1
MaxClients 20
ConnectPort %d
BasicAuth user secret
"""


def path(name):
    return os.path.join(FOLDER.name, name)


def write(name, data):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "wb") as file:
        file.write(data)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


def is_built(companion):
    return os.path.exists(os.path.join(peers.BUILD, "companions", companion,
                                       "libgreenhub-%s.so" % companion))


def get(*options, env=None, status=0):
    """(standard output, standard error)"""
    if not is_built("http"):
        raise Skip("built without llhttp")
    done = subprocess.run([COMMAND, "get", *options], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=peers.PATIENCE,
                          env=peers.environment({**NO_PROXY, **(env or {})}))
    err = done.stderr.decode()
    assert done.returncode == status, (options, done.returncode, done.stdout[:500], err)
    return done.stdout, err


def objects(*options, **more):
    return [json.loads(line) for line in get("--json", *options, **more)[0].splitlines()]


# ---- nginx ---------------------------------------------------------------------------

def certificates():
    if os.path.exists(path("good.crt")):
        return
    for name, more in ("ca", ["-addext", "basicConstraints=critical,CA:TRUE"]), (
            "good", ["-CA", path("ca.crt"), "-CAkey", path("ca.key"), "-addext",
                     "subjectAltName=IP:127.0.0.1", "-addext",
                     "basicConstraints=CA:FALSE"]):
        status, _, err = run(
            [tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", path(name + ".key"),
             "-out", path(name + ".crt"), "-days", "1", "-subj", "/CN=" + name, *more])
        assert status == 0, err


class Nginx:
    def __init__(self):
        certificates()
        os.chmod(FOLDER.name, 0o755)
        for n in range(30):
            write("pages/%d" % n, b"page %d\n" % n * 1000)
        listeners = [socket.create_server(("127.0.0.1", 0), backlog=512)
                     for _ in range(2)]
        self.port, self.tls_port = [one.getsockname()[1] for one in listeners]
        write("nginx.conf", NGINX.format(folder=FOLDER.name, port=self.port,
                                         tls_port=self.tls_port).encode())
        write("access.log", b"")
        for one in listeners:
            os.set_inheritable(one.fileno(), True)
        self.program = Program(
            [tool("nginx", "/usr/sbin"), "-c", path("nginx.conf"), "-e",
             path("error.log")],
            env={"NGINX": "".join("%d;" % one.fileno() for one in listeners)},
            pass_fds=[one.fileno() for one in listeners])
        for one in listeners:
            one.close()
        self.url = "http://127.0.0.1:%d" % self.port
        self.tls_url = "https://127.0.0.1:%d" % self.tls_port

    def connections(self):
        return {line.split()[0] for line in read("access.log").splitlines()}


def needs_tls():
    if not is_built("tls"):
        raise Skip("built without OpenSSL")


def case_nginx_on_every_hub():
    nginx = Nginx()
    for hub in peers.hubs():
        write("access.log", b"")
        shutil.rmtree(path("got"), ignore_errors=True)
        os.mkdir(path("got"))
        get("-j", "5", "-o", path("got"), "--hub", hub,
            *[nginx.url + "/%d" % n for n in range(30)])
        assert sorted(os.listdir(path("got"))) == sorted(map(str, range(30))), hub
        for n in range(30):
            assert read("got/%d" % n) == read("pages/%d" % n), (hub, n)
        until("nginx logs", lambda: read("access.log").count(b"\n") >= 30)
    # The last hub's: each job after the first finds a connection.
    assert len(nginx.connections()) <= 5 * len(peers.hubs()), nginx.connections()
    nginx.program.stop()


def case_nginx_with_tls():
    needs_tls()
    nginx = Nginx()
    trust = ["--authorities", path("ca.crt")]
    for hub in peers.hubs():
        out, _ = get(*trust, "--hub", hub, nginx.tls_url + "/3", nginx.tls_url + "/4")
        assert out == read("pages/3") + read("pages/4"), hub
    _, err = get(nginx.tls_url + "/1", status=1)
    assert "certificate" in err, err
    out, _ = get("--insecure", nginx.tls_url + "/1")
    assert out == read("pages/1")
    # From http to https and back.
    one, = objects(*trust, nginx.url + "/up")
    assert one["status"] == 200 and one["last_url"] == nginx.tls_url + "/1", one
    one, = objects(*trust, nginx.tls_url + "/down")
    assert one["status"] == 200 and one["last_url"] == nginx.url + "/1", one
    one, = objects(*trust, "-H", "Authorization: x", nginx.tls_url + "/down", status=0)
    assert one["status"] == 301, one
    # TLS where there is none, and none where there is.
    _, err = get("https://127.0.0.1:%d/" % nginx.port, status=1)
    _, err = get("http://127.0.0.1:%d/" % nginx.tls_port, status=1)
    assert "status 400" in err, err
    nginx.program.stop()


def case_redirects():
    nginx = Nginx()
    out, _ = get(nginx.url + "/there")
    assert out == read("pages/1")
    _, err = get(nginx.url + "/loop", status=1)
    assert "more than 10 redirects" in err, err
    nginx.program.stop()


# ---- greenhub's own server ---------------------------------------------------------------

def serve(*options):
    write("root/a", b"a\n")
    write("root/large", bytes(range(256)) * 20000)
    server = Program([COMMAND, "serve", "--http", path("root"), "--log", *options])
    return server


def case_own_server_by_a_unix_socket():
    address = "unix://" + path("socket")
    server = serve("--listen", address)
    server.line("listening on")
    out, _ = get("--connect", address, "http://some.host/large")
    assert out == read("root/large")
    server.line(r'"GET /large HTTP/1.1" 200')
    server.stop()


def case_own_server_with_tls():
    needs_tls()
    certificates()
    server = serve("--listen", "tcp://127.0.0.1:0", "--tls", path("good.crt"),
                   path("good.key"))
    url = "https://127.0.0.1:%d" % server.listening()[1]
    out, _ = get("--authorities", path("ca.crt"), url + "/large", url + "/a")
    assert out == read("root/large") + b"a\n"
    out, _ = get("--authorities", path("ca.crt"), "-H", "Range: bytes=1-3",
                 url + "/large")
    assert out == b"\1\2\3"
    server.stop()


# ---- A server that does what it likes ----------------------------------------------------

class Raw:
    """Sends the same bytes to whoever asks, and then ends, or hangs."""

    def __init__(self, answer, hangs=False):
        self.answer, self.hangs, self.asked = answer, hangs, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        held = []
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            data = b""
            while b"\r\n\r\n" not in data:
                more = peer.recv(65536)
                if not more:
                    break
                data += more
            self.asked.append(data)
            try:
                peer.sendall(self.answer)
            except OSError:
                pass
            if self.hangs:
                held.append(peer)
            else:
                peer.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def response(body, *fields):
    head = ["HTTP/1.1 200 OK", "Content-Length: %d" % len(body), *fields, "", ""]
    return "\r\n".join(head).encode() + body


def case_servers_that_misbehave():
    for answer, reason in (
            (b"", "without a response"),
            (b"garbage\r\n\r\n", "malformed"),
            (os.urandom(5000), "malformed"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "within"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
             "body is malformed"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "within"),
            (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "too long")):
        server = Raw(answer)
        write("kept", b"before")
        _, err = get("-o", path("kept"), server.url, status=1)
        assert reason in err, (answer, err)
        # A file that was there is as it was, and no part is left.
        assert read("kept") == b"before"
        assert not os.path.exists(path("kept.part"))
        server.close()
    for answer in b"", b"HTTP/1.1 200 OK\r\n", response(b"x" * 100)[:-1]:
        server = Raw(answer, hangs=True)
        _, err = get("--timeout", "1", server.url, status=1)
        assert "in time" in err, err
        server.close()


def compressed():
    text = b"hello " * 20000
    small = zlib.compressobj(wbits=-15)
    found = [("gzip", gzip.compress(text), text),
             ("x-gzip", gzip.compress(text), text),
             ("GZIP", gzip.compress(text[:6]) + gzip.compress(text[6:]), text),
             ("deflate", zlib.compress(text), text),
             ("deflate", small.compress(text) + small.flush(), text),
             ("gzip", b"", b""),
             ("unknown", b"as it is", b"as it is"),
             ("br", b"\x0b\x02\x80hello\x03", b"hello")]
    if shutil.which("zstd"):
        packed = subprocess.run(["zstd", "-c"], input=text, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, check=True).stdout
        found += [("zstd", packed, text), ("zstd", packed + packed, text + text)]
    return found


def case_compressed_bodies():
    asked = None
    for coding, body, wanted in compressed():
        server = Raw(response(body, "Content-Encoding: " + coding))
        out, _ = get(server.url)
        asked = re.search(rb"Accept-Encoding: ([\w, ]+)\r\n", server.asked[0])
        if asked and coding.lower().encode() in asked.group(1) or coding in (
                "unknown", "x-gzip"):
            assert out == wanted, (coding, len(out), len(wanted))
        # What the program has asked for itself, it gets as it is.
        out, _ = get("-H", "Accept-Encoding: " + coding, server.url)
        assert out == body, coding
        server.close()
    if not asked or b"gzip" not in asked.group(1):
        raise Skip("built without zlib")


def case_compressed_bodies_that_are_wrong():
    good = gzip.compress(os.urandom(50000))
    bomb = gzip.compress(bytes(100 << 20))
    for coding, body, reason in (
            ("gzip", good[:-1], "malformed"), ("gzip", good[:-20000], "malformed"),
            ("gzip", good + b"x", "malformed"), ("gzip", b"hello", "malformed"),
            ("deflate", b"\xff\xff", "malformed"), ("br", b"\xff\xff\xff", "malformed"),
            ("zstd", b"hello", "malformed"), ("gzip", bomb, "too long")):
        server = Raw(response(body, "Content-Encoding: " + coding))
        done = subprocess.run([COMMAND, "get", "-o", path("none"), server.url],
                              capture_output=True, timeout=peers.PATIENCE, text=True,
                              env=peers.environment(NO_PROXY))
        asked = b"Accept-Encoding" in server.asked[0] and coding.encode() in \
            server.asked[0].split(b"Accept-Encoding", 1)[1]
        if asked:
            assert done.returncode == 1 and reason in done.stderr, (coding, body[:20],
                                                                    done)
        server.close()
    server = Raw(response(bytes(2000)))
    _, err = get("--max-bytes", "1999", server.url, status=1)
    assert "too long" in err, err
    get("--max-bytes", "2000", server.url)
    server.close()


# ---- A proxy -------------------------------------------------------------------------------

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def case_tinyproxy():
    needs_tls()
    nginx = Nginx()
    port = free_port()
    write("tinyproxy.conf", (TINYPROXY % (port, nginx.tls_port)).encode())
    proxy = Program([tool("tinyproxy"), "-d", "-c", path("tinyproxy.conf")])
    until("tinyproxy listens", lambda: socket.socket().connect_ex(
        ("127.0.0.1", port)) == 0)
    by = "http://user:secret@127.0.0.1:%d" % port
    trust = ["--authorities", path("ca.crt")]
    for url in nginx.url, nginx.tls_url:
        out, _ = get(*trust, "--proxy", by, url + "/5", url + "/6")
        assert out == read("pages/5") + read("pages/6")
    out, _ = get(*trust, nginx.tls_url + "/5", env={"https_proxy": by})
    assert out == read("pages/5")
    # Who may not: the proxy says so.
    other = by.replace("secret", "guess")
    _, err = get("--proxy", other, nginx.url + "/5", status=1)
    assert "status 401" in err or "status 407" in err, err
    _, err = get(*trust, "--proxy", other, nginx.tls_url + "/5", status=1)
    assert "the proxy has answered CONNECT with 40" in err, err
    # Not through it.
    get(nginx.url + "/5", env={"http_proxy": other, "no_proxy": "127.0.0.0/8"})
    proxy.stop()
    nginx.program.stop()


# ---- The command ----------------------------------------------------------------------------

def case_output():
    nginx = Nginx()
    urls = [nginx.url + "/%d" % n for n in (3, 1, 2)]
    out, _ = get(*urls)
    assert out == b"".join(read("pages/%d" % n) for n in (3, 1, 2))
    found = {one["url"]: one for one in objects(*urls, nginx.url + "/none", status=1)}
    assert found[urls[0]]["status"] == 200 and found[urls[0]]["bytes"] == 7000, found
    assert found[nginx.url + "/none"]["status"] == 404, found
    # The same name twice, and a name that would hide.
    os.makedirs(path("got2"), exist_ok=True)
    get("-o", path("got2"), urls[0], urls[0], nginx.url + "/", nginx.url + "/.x", status=1)
    assert sorted(os.listdir(path("got2"))) == ["3", "3.1", "_x", "index.html"], \
        os.listdir(path("got2"))
    out, err = get("-q", nginx.url + "/none", status=1)
    assert err == "", err
    nginx.program.stop()


def case_the_example():
    nginx = Nginx()
    if not is_built("http"):
        raise Skip("built without llhttp")
    urls = [nginx.url + "/%d" % n for n in range(30)]
    status, out, _ = run([peers.example("http_check")], env=NO_PROXY, text="\n".join(urls))
    lines = out.splitlines()
    assert status == 0 and len(lines) == 30, out
    assert {line.split()[-1] for line in lines} == set(urls), out
    assert all(line.startswith("200 ") for line in lines), out
    status, out, _ = run([peers.example("http_check")], env=NO_PROXY,
                         text=nginx.url + "/none\nnonsense\n")
    assert status == 1 and "404 " in out and "nonsense: Invalid argument" in out, out
    nginx.program.stop()


def case_requests():
    server = Raw(response(b"ok"))
    write("data", b"from a file")
    get("-d", "some data", "-H", "A-Field: its value", server.url)
    get("-d", "@" + path("data"), "-X", "PUT", server.url)
    get("-X", "DELETE", server.url.replace("//", "//user:password@"))
    first, second, third = server.asked
    assert first.startswith(b"POST / HTTP/1.1\r\n") and first.endswith(b"some data"), first
    assert b"A-Field: its value\r\n" in first, first
    assert second.startswith(b"PUT ") and second.endswith(b"from a file"), second
    assert third.startswith(b"DELETE ") and \
        b"Authorization: Basic dXNlcjpwYXNzd29yZA==\r\n" in third, third
    server.close()


def case_usage():
    for options in ([], ["-j", "0", "http://a"], ["-H", "no colon", "http://a"],
                    ["-o", path("data"), "http://a", "http://b"],
                    ["--timeout", "x", "http://a"], ["--unknown"],
                    ["--proxy", "http://a b", "http://a"]):
        _, err = get(*options, status=2)
        assert err, options
    for url in "ftp://a/", "nonsense", "http://":
        get(url, status=1)
    out, _ = get("--help")
    assert b"usage: greenhub get" in out
    server = Raw(response(b"ok"))
    _, err = get("-H", "Connection: close", server.url, status=1)
    assert "Connection" in err, err
    server.close()


def case_progress_on_a_terminal():
    server = Raw(response(b"x" * 1000)[:-1], hangs=True)
    main, side = pty.openpty()
    done = subprocess.Popen(
        [COMMAND, "get", "--timeout", "1", "-o", path("none"), server.url],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=side,
        env=peers.environment(NO_PROXY))
    os.close(side)
    shown = b""
    while True:
        try:
            shown += os.read(main, 4096)
        except OSError:
            break
    assert done.wait(peers.PATIENCE) == 1
    assert b"\r0 of 1 done, 1 running, 0 failed, 999 B (100 %), " in shown, shown
    assert b"\r\x1b[Kgreenhub: http" in shown, shown
    os.close(main)
    server.close()


if __name__ == "__main__":
    peers.main(globals())
