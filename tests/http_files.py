#!/usr/bin/env python3
"""greenhub serve --http with clients that are not greenhub's: curl, wrk, h2load, Python's
http.client, on every hub. And the examples of HTTP servers, with curl.
"""

import gzip
import http.client
import os
import re
import signal
import socket
import tempfile

import peers
from peers import COMMAND, Program, Skip, run, tool

FOLDER = tempfile.TemporaryDirectory()
ROOT = os.path.join(FOLDER.name, "root")
LARGE = bytes(i * 7 % 251 for i in range(1 << 20)) * 5


def write(name, data):
    path = os.path.join(ROOT, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def files():
    if not os.path.exists(os.path.join(peers.BUILD, "companions", "http",
                                       "libgreenhub-http.so")):
        raise Skip("built without llhttp")
    if os.path.exists(ROOT):
        return
    os.chmod(FOLDER.name, 0o755)
    write("hello.txt", b"hello\n")
    write("large.bin", LARGE)
    write("sub/index.html", b"<p>index\n")
    write("list/a&b <c>.txt", b"x")
    write("list/sub/x", b"x")
    write(".secret", b"secret")
    write("empty", b"")
    write("style.css", b"p { }\n" * 100)
    write("style.css.gz", gzip.compress(b"p { }\n" * 100))
    with open(os.path.join(FOLDER.name, "outside"), "wb") as file:
        file.write(b"outside")
    os.symlink("../outside", os.path.join(ROOT, "link"))
    os.symlink("hello.txt", os.path.join(ROOT, "inner"))
    os.mkfifo(os.path.join(ROOT, "fifo"))


def serve(*options, hub="poll"):
    files()
    server = Program([COMMAND, "serve", "--http", ROOT, "--listen", "tcp://127.0.0.1:0",
                      "--hub", hub, *options])
    return server, server.listening()


def ask(address, method, target, **fields):
    """(status, headers, body)"""
    client = http.client.HTTPConnection(*address, timeout=peers.PATIENCE)
    client.putrequest(method, target, skip_accept_encoding=True)
    for name, value in fields.items():
        client.putheader(name.replace("_", "-"), value)
    client.endheaders()
    answer = client.getresponse()
    body = answer.read()
    client.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body


def case_files_on_every_hub():
    for hub in peers.hubs():
        server, address = serve(hub=hub)
        for name, data in ("hello.txt", b"hello\n"), ("large.bin", LARGE), ("empty", b""):
            status, headers, body = ask(address, "GET", "/" + name)
            assert (status, body) == (200, data), (hub, name, status, len(body))
            assert headers["content-length"] == str(len(data)), headers
            assert headers["accept-ranges"] == "bytes" and "date" in headers, headers
        status, headers, body = ask(address, "HEAD", "/large.bin")
        assert (status, body) == (200, b"") and headers["content-length"] == str(len(LARGE))
        assert server.stop() == 0
        server.line(r"^served 4 connections, 4 requests, %d bytes$" % (len(LARGE) + 6))


def case_conditions_and_ranges():
    server, address = serve()
    status, headers, body = ask(address, "GET", "/hello.txt")
    tag, date = headers["etag"], headers["last-modified"]
    old, bad = "Sun, 06 Nov 1994 08:49:37 GMT", "yesterday"
    rows = [
        (304, b"", {"If_None_Match": tag}),
        (304, b"", {"If_None_Match": '"x", W/' + tag}),
        (304, b"", {"If_None_Match": "*"}),
        (200, body, {"If_None_Match": '"x"'}),
        (200, body, {"If_None_Match": '"x"', "If_Modified_Since": date}),
        (304, b"", {"If_Modified_Since": date}),
        (200, body, {"If_Modified_Since": old}),
        (200, body, {"If_Modified_Since": "Sunday, 06-Nov-94 08:49:37 GMT"}),
        (200, body, {"If_Modified_Since": "Sun Nov  6 08:49:37 1994"}),
        (200, body, {"If_Modified_Since": bad}),
        (200, body, {"If_Match": tag}),
        (412, None, {"If_Match": '"x"'}),
        (412, None, {"If_Match": "W/" + tag}),
        (200, body, {"If_Unmodified_Since": date}),
        (412, None, {"If_Unmodified_Since": old}),
        (206, b"el", {"Range": "bytes=1-2"}),
        (206, b"llo\n", {"Range": "bytes=2-"}),
        (206, b"o\n", {"Range": "bytes=-2"}),
        (206, b"hello\n", {"Range": "bytes=-200"}),
        (206, b"\n", {"Range": "bytes=5-99"}),
        (416, None, {"Range": "bytes=6-"}),
        (416, None, {"Range": "bytes=-0"}),
        (416, None, {"Range": "bytes=99999999999999999999999-"}),
        (200, body, {"Range": "bytes=2-1"}),
        (200, body, {"Range": "bytes=-"}),
        (200, body, {"Range": "bytes=0-0,2-2"}),
        (200, body, {"Range": "lines=0-1"}),
        (206, b"h", {"Range": "bytes=0-0", "If_Range": tag}),
        (206, b"h", {"Range": "bytes=0-0", "If_Range": date}),
        (200, body, {"Range": "bytes=0-0", "If_Range": '"x"'}),
        (200, body, {"Range": "bytes=0-0", "If_Range": "W/" + tag}),
        (200, body, {"Range": "bytes=0-0", "If_Range": old}),
        (304, b"", {"Range": "bytes=0-0", "If_None_Match": tag}),
    ]
    for wanted, data, fields in rows:
        status, headers, got = ask(address, "GET", "/hello.txt", **fields)
        assert status == wanted and data in (None, got), (fields, status, got)
        if status == 206:
            assert re.match(r"bytes \d-\d/6$", headers["content-range"]), headers
        if status == 416:
            assert headers["content-range"] == "bytes */6", headers
    assert ask(address, "HEAD", "/hello.txt", Range="bytes=1-2")[0] == 200
    status, headers, _ = ask(address, "POST", "/hello.txt", Content_Length="0")
    assert status == 405 and headers["allow"] == "GET, HEAD", (status, headers)
    server.stop()


def case_no_way_out():
    server, address = serve()
    for target in ("/../outside", "/sub/../../outside", "/%2e%2e/outside", "/..%2foutside",
                   "/%2e%2e%2foutside", "/link", "/.secret", "/%2esecret", "/sub/./index.html",
                   "/fifo", "/hello.txt/", "/hello.txt%00", "/%", "/missing", "//etc/passwd",
                   "/%2fetc/passwd", "/..", "/sub/..", "/a" * 2000, "/\\..\\outside"):
        status, _, body = ask(address, "GET", target)
        assert status == 404, (target, status)
        assert b"outside" not in body and b"root:" not in body, (target, body)
    assert ask(address, "GET", "/inner")[2] == b"hello\n"
    assert ask(address, "GET", "//hello.txt")[2] == b"hello\n"
    server.stop()


def case_folders():
    server, address = serve()
    assert ask(address, "GET", "/sub/")[2] == b"<p>index\n"
    status, headers, _ = ask(address, "GET", "/sub?x=y")
    assert (status, headers["location"]) == (301, "/sub/?x=y")
    # Not a link to another server.
    status, headers, _ = ask(address, "GET", "//sub")
    assert (status, headers["location"]) == (301, "/sub/")
    page = ask(address, "GET", "/list/")[2].decode()
    assert '<a href="./a%26b%20%3Cc%3E.txt">a&#38;b &#60;c&#62;.txt</a>' in page, page
    assert '<a href="./sub/">sub/</a>' in page and "../" in page, page
    assert ask(address, "GET", "/list/a%26b%20%3Cc%3E.txt")[2] == b"x"
    page = ask(address, "GET", "/")[2].decode()
    assert "secret" not in page and "fifo" not in page and "link" not in page, page
    server.stop()


def case_prepared_files():
    server, address = serve()
    plain = b"p { }\n" * 100
    for accept, coding in (("gzip", "gzip"), ("br, GZIP;q=0.5", "gzip"), ("gzip;q=0", None),
                           ("xgzip", None), ("", None)):
        status, headers, body = ask(address, "GET", "/style.css", Accept_Encoding=accept)
        assert status == 200 and headers["vary"] == "Accept-Encoding", headers
        assert headers["content-type"] == "text/css; charset=utf-8", headers
        assert headers.get("content-encoding") == coding, (accept, headers)
        assert (gzip.decompress(body) if coding else body) == plain
    os.utime(os.path.join(ROOT, "style.css.gz"), (1, 1))
    assert "content-encoding" not in ask(address, "GET", "/style.css",
                                         Accept_Encoding="gzip")[1]
    server.stop()


def case_curl():
    server, (host, port) = serve("--log")
    url = "http://%s:%d/" % (host, port)
    curl = [tool("curl"), "-sS", "--fail"]
    status, out, err = run(curl + [url + "hello.txt", url + "sub/", "-o", "-"])
    assert (status, out.split("\n")[0]) == (0, "hello"), (status, out, err)
    part = os.path.join(FOLDER.name, "part")
    with open(part, "wb") as file:
        file.write(LARGE[:123456])
    status, out, err = run(curl + ["-C", "-", "-o", part, url + "large.bin"])
    with open(part, "rb") as file:
        assert status == 0 and file.read() == LARGE, err
    # A body that nobody reads, with Expect: 100-continue.
    status, out, err = run([tool("curl"), "-sS", "-o", "-", "-w", "%{http_code}", "-T",
                            os.path.join(ROOT, "large.bin"), url + "up"])
    assert out.endswith("405"), (status, out, err)
    server.line(r'^127\.0\.0\.1 - - \[.*\] "PUT /up HTTP/1.1" 405 \d+ "-" "curl/')
    server.stop()


def measured(argv, pattern):
    status, out, err = run(argv, timeout=120)
    found = re.search(pattern, out)
    assert status == 0 and found, (argv, status, out, err)
    return out, found


def case_wrk_and_h2load_on_every_hub():
    for hub in peers.hubs():
        if hub in ("sim", "selects"):
            continue # virtual time; too few descriptors
        server, (host, port) = serve("--per-address", "500", hub=hub)
        url = "http://%s:%d/hello.txt" % (host, port)
        out, _ = measured([tool("wrk"), "-c", "100", "-t", "1", "-d", "1", url],
                          r"(\d+) requests in")
        assert "Socket errors" not in out and "Non-2xx" not in out, (hub, out)
        out, found = measured([tool("h2load"), "--h1", "-n", "2000", "-c", "50", "-m", "4",
                               url], r"(\d+) succeeded, (\d+) failed")
        assert found.groups() == ("2000", "0"), (hub, out)
        server.stop()


def case_a_stop_while_a_file_is_sent():
    server, address = serve()
    client = socket.create_connection(address)
    idle = socket.create_connection(address)
    client.sendall(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
    data = client.recv(1000)
    os.kill(server.process.pid, signal.SIGTERM)
    assert idle.recv(1) == b""
    while True:
        more = client.recv(1 << 16)
        if not more:
            break
        data += more
    assert data.split(b"\r\n\r\n", 1)[1] == LARGE
    server.wait()


# ---- The examples ---------------------------------------------------------------------

def curl(*arguments):
    return run([tool("curl"), "-sS", "--max-time", "20", *arguments])


def case_the_smallest_server():
    files()
    server = Program([peers.example("http_hello"), "tcp://127.0.0.1:0"])
    url = "http://%s:%d" % server.listening()
    assert curl(url + "/w%C3%B6rld")[1] == "Hello, w\u00f6rld!\n"
    assert curl(url + "/")[1] == "Hello, nobody!\n"
    assert curl("-o", os.devnull, "-w", "%{http_code}", url + "/%zz")[1] == "400"
    server.stop()


def case_events():
    files()
    server = Program([peers.example("http_events"), "tcp://127.0.0.1:0"])
    address = server.listening()
    with socket.create_connection(address) as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        data = b""
        while data.count(b"data:") < 2:
            more = client.recv(4096)
            assert more, data
            data += more
    assert b"text/event-stream" in data, data
    assert ask(address, "GET", "/")[0] == 200
    assert ask(address, "GET", "/other")[0] == 404
    server.stop()


def case_uploads_with_progress():
    files()
    with tempfile.TemporaryDirectory() as folder:
        server = Program([peers.example("http_upload"), "tcp://127.0.0.1:0", folder])
        address = server.listening()
        url = "http://%s:%d" % address
        with socket.create_connection(address) as slow:
            slow.sendall(b"PUT /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf.")
            peers.until("half of it", lambda: "slow 5 10" in curl(url + "/progress")[1])
            assert curl("-T", os.path.join(ROOT, "large.bin"), url + "/large")[0] == 0
            with open(os.path.join(folder, "large"), "rb") as file:
                assert file.read() == LARGE
        peers.until("no part left", lambda: os.listdir(folder) == ["large"])
        assert ask(address, "PUT", "/../x")[0] in (400, 403)
        server.stop()


if __name__ == "__main__":
    peers.main(globals())
