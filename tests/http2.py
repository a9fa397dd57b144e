#!/usr/bin/env python3
"""greenhub serve --http with clients of HTTP/2 that are not greenhub's: curl, nghttp, h2load,
over TLS and without, on every hub.
"""

import os
import re
import signal
import subprocess

import http_files
import peers
from http_files import FOLDER, LARGE, measured, serve
from peers import Skip, run, tool

LIBRARY = os.path.join(peers.BUILD, "companions", "http", "libgreenhub-http.so")
CERTIFICATE = os.path.join(FOLDER.name, "host.crt")
KEY = os.path.join(FOLDER.name, "host.key")


def start(*options, hub="poll", tls=False):
    """The server, and its URL."""
    http_files.files()
    if "libnghttp2" not in run(["ldd", LIBRARY])[1]:
        raise Skip("built without nghttp2")
    if tls:
        options += "--tls", CERTIFICATE, KEY
        if not os.path.exists(CERTIFICATE):
            status, _, err = run([
                tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                "-keyout", KEY, "-out", CERTIFICATE])
            assert status == 0, err
    server, (host, port) = serve("--per-address", "500", "--log", *options, hub=hub)
    return server, "http%s://%s:%d/" % ("s" if tls else "", host, port)


def real_hubs():
    return [hub for hub in peers.hubs() if hub != "sim"]  # time is virtual there


def curl(*arguments, plain=True):
    argv = [tool("curl"), "-sS", *(["--http2-prior-knowledge"] if plain else ["-k"])]
    done = subprocess.run([*argv, *arguments], capture_output=True, timeout=peers.PATIENCE)
    return done.returncode, done.stdout, done.stderr


def case_curl_nghttp_and_h2load_on_every_hub():
    for hub in real_hubs():
        server, url = start(hub=hub)
        status, out, err = curl(url + "large.bin")
        assert status == 0 and out == LARGE, (hub, status, len(out), err)
        status, out, err = run([tool("nghttp"), "-m", "20", url + "hello.txt"])
        assert status == 0 and out == "hello\n" * 20, (hub, status, out, err)
        # Windows of 1 KiB: the server has to wait for each of them.
        status, out, err = run([tool("nghttp"), "-w", "10", "-W", "12", "-v", "-n",
                                url + "style.css"])
        assert status == 0 and "END_STREAM" in out, (hub, status, out, err)
        out, found = measured([tool("h2load"), "-n", "2000", "-c", "20", "-m", "10",
                               url + "hello.txt"], r"(\d+) succeeded, (\d+) failed")
        assert found.groups() == ("2000", "0"), (hub, out)
        server.line(r'"GET /hello.txt HTTP/2.0" 200 6 "-" "h2load nghttp2/')
        assert server.stop() == 0


def case_tls_negotiates_the_version():
    for hub in real_hubs():
        server, url = start(hub=hub, tls=True)
        for option, version in ("--http2", b"2"), ("--http1.1", b"1.1"), ("--no-alpn", b"1.1"):
            status, out, err = curl(option, "-w", "%{http_version}", url + "hello.txt",
                                    plain=False)
            assert (status, out) == (0, b"hello\n" + version), (hub, option, out, err)
        status, out, err = curl(url + "large.bin", plain=False)
        assert status == 0 and out == LARGE, (hub, status, len(out), err)
        out, found = measured([tool("h2load"), "-n", "1000", "-c", "10", "-m", "10",
                               url + "hello.txt"], r"(\d+) succeeded, (\d+) failed")
        assert found.groups() == ("1000", "0") and "protocol: h2" in out, (hub, out)
        assert server.stop() == 0


def case_what_files_have():
    server, url = start()
    status, out, err = curl("-r", "100-199", url + "large.bin")
    assert status == 0 and out == LARGE[100:200], err
    status, out, err = curl("-I", url + "large.bin")
    assert b"content-length: %d\r\n" % len(LARGE) in out.lower(), (out, err)
    tag = re.search(rb"etag: (\S+)", out.lower()).group(1).decode()
    status, out, err = curl("-w", "%{http_code}", "-H", "If-None-Match: " + tag,
                            url + "large.bin")
    assert out == b"304", (out, err)
    status, out, err = curl("-H", "Accept-Encoding: gzip", "-D", "-", "-o", "/dev/null",
                            url + "style.css")
    assert b"content-encoding: gzip" in out, (out, err)
    status, out, err = curl(url + "list/")
    assert status == 0 and b"a&#38;b" in out, out
    # A body that nobody reads, with and without Expect.
    for expect in "Expect: 100-continue", "Expect:":
        status, out, err = curl("-w", "%{http_code}", "-H", expect, "-T",
                                os.path.join(http_files.ROOT, "large.bin"), url + "up")
        assert out.endswith(b"405"), (expect, status, out, err)
    server.line(r'"PUT /up HTTP/2.0" 405 ')
    assert server.stop() == 0


def case_a_stop_while_a_file_is_sent():
    server, url = start()
    client = subprocess.Popen([tool("curl"), "-sS", "--http2-prior-knowledge", "--limit-rate",
                               "5M", url + "large.bin"], stdout=subprocess.PIPE)
    data = client.stdout.read(1000)
    os.kill(server.process.pid, signal.SIGTERM)
    assert data + client.stdout.read() == LARGE
    assert client.wait(peers.PATIENCE) == 0 and server.wait() == 0


if __name__ == "__main__":
    peers.main(globals())
