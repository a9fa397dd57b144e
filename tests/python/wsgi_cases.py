"""Conversations with a WSGI server, for test_wsgi_server.py: what greenhub.wsgi answers
must be what eventlet.wsgi answers, byte for byte but for dates and ports.

    wsgi_cases.py        prints the cases in which they differ, and how many there are
"""

import io
import re
import sys

import eventlet
from eventlet import wsgi as eventlets
from greenhub import wsgi as ours

OK = "200 OK"
TEXT = [("Content-type", "text/plain")]


def hello(environ, start_response):
    start_response(OK, list(TEXT))
    return [b"hello world"]


def environ_of(environ, start_response):
    start_response(OK, list(TEXT))
    return [repr(sorted(
        (key, value) for key, value in environ.items()
        if key not in ("wsgi.input", "eventlet.input", "wsgi.errors"))
        ).encode("latin-1")]


def generator(environ, start_response):
    start_response(OK, list(TEXT))
    yield b"this"
    yield b""
    yield "is"
    yield b"chunked"


def big(environ, start_response):
    start_response(OK, [("X-Big", "yes")])
    for _ in range(10):
        yield b"a" * 8192


def small(environ, start_response):
    environ["eventlet.minimum_write_chunk_size"] = 0
    start_response(OK, [])
    return iter([b"stuff", b"", b"more stuff"])


def by_write(environ, start_response):
    write = start_response(OK, [("content-LENGTH", "5")])
    write(b"abc")
    write(b"de")
    return []


def echo(environ, start_response):
    text = environ["wsgi.input"].read()
    start_response(OK, [("Content-Length", str(len(text)))])
    return [text]


def echo_pieces(environ, start_response):
    start_response(OK, list(TEXT))
    return list(iter(lambda: environ["wsgi.input"].read(3), b""))


def echo_lines(environ, start_response):
    start_response(OK, list(TEXT))
    lines = list(iter(environ["wsgi.input"].readline, b""))
    return lines + [b"\n%d lines" % len(lines)]


def echo_some_lines(environ, start_response):
    start_response(OK, list(TEXT))
    body = environ["wsgi.input"]
    return [repr([body.readline(3), body.readline(100), body.readlines(4),
                  body.readlines()]).encode()]


def echo_iterated(environ, start_response):
    start_response(OK, list(TEXT))
    return list(environ["wsgi.input"])


def ignores_body(environ, start_response):
    start_response(OK, [])
    return [environ["PATH_INFO"].encode("latin-1")]


def reads_some(environ, start_response):
    start_response(OK, [])
    return [environ["wsgi.input"].read(4)]


def refuses_large(environ, start_response):
    if int(environ.get("CONTENT_LENGTH", 0)) > 1024:
        start_response("417 Expectation Failed", [("Content-Length", "7")])
        return [b"failure"]
    return echo(environ, start_response)


def continues(environ, start_response):
    body = environ["wsgi.input"]
    body.set_hundred_continue_response_headers([("first-HEADER", "1")])
    text = body.read(5)
    body.set_hundred_continue_response_headers([("Second", "2")])
    body.send_hundred_continue_response()
    text += body.read()
    start_response(OK, [("Content-Length", str(len(text)))])
    return [text]


def continues_chunks(environ, start_response):
    body = environ["wsgi.input"]
    text = body.read()
    body.send_hundred_continue_response()
    text += body.read()
    start_response(OK, [("Content-Length", str(len(text)))])
    return [text]


def answers_first(environ, start_response):
    environ["eventlet.minimum_write_chunk_size"] = 0
    start_response("202 Accepted", [])
    yield b" "
    environ["wsgi.input"].read()
    yield b"done"


def fails(environ, start_response):
    raise RuntimeError("intentional")


def fails_late(environ, start_response):
    start_response(OK, list(TEXT))
    yield b"some of it"
    try:
        raise RuntimeError("intentional")
    except RuntimeError:
        start_response("500 Error", list(TEXT), sys.exc_info())
    yield b"never sent"


def starts_twice(environ, start_response):
    start_response(OK, [("X-First", "1")])
    try:
        raise RuntimeError("intentional")
    except RuntimeError:
        start_response("503 Later", [("x-second", "2")], sys.exc_info())
    return [b"later"]


def never_starts(environ, start_response):
    return [b"no head"]


def not_ascii(environ, start_response):
    start_response(OK, [])
    yield "\u0230"


def odd_headers(environ, start_response):
    start_response("200 oK", [
        ("sOMe-WEirD", "cAsE"), ("wiTH-\xdf-LATIN1-\xff", "ch\xe4rs"),
        ("number", 3), ("empty", ""), ("Date", "today"), ("-x-", "y")])
    return [b"x"]


def no_content(environ, start_response):
    start_response(OK, {})
    return ()


def bytes_result(environ, start_response):
    start_response(OK, [])
    return b""


def numbers(environ, start_response):
    start_response(OK, [])
    return [1, 2]


class Closes:
    """A result with a length of its own, and with close()."""

    def __init__(self, environ, start_response):
        self.environ = environ
        start_response(OK, [])

    def __len__(self):
        return 2

    def __iter__(self):
        return iter([b"one", b"two"])

    def close(self):
        self.environ["wsgi.errors"].write("closed\n")


def hooks(environ, start_response):
    environ["eventlet.posthooks"].append(
        (lambda environ, what, times: environ["wsgi.errors"].write(
            what * times + environ["PATH_INFO"] + "\n"), ("hook",),
         {"times": 2}))
    start_response(OK, [])
    return [b"hooked"]


def takes_over(environ, start_response):
    start_response(OK, [])
    eventlets.WSGI_LOCAL.already_handled = True
    environ["eventlet.input"].get_socket().sendall(b"by hand")
    return []


def clobbers(environ, start_response):
    for key in list(environ):
        if key != "eventlet.posthooks":
            environ[key] = None
    environ["eventlet.minimum_write_chunk_size"] = 1
    start_response(OK, [])
    return []


GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n"


def get(path=b"/", fields=b"", version=b"1.1"):
    return (GET % (path, fields)).replace(b"1.1", version)


def post(body, fields=b"", version=b"1.1", path=b"/"):
    return (b"POST %s HTTP/%s\r\nContent-Length: %d\r\n%s\r\n" % (
        path, version, len(body), fields)) + body


def chunked(*chunks, fields=b"", dirt=b""):
    return b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n%s\r\n" % fields + \
        b"".join(b"%x%s\r\n%s\r\n" % (len(c), dirt, c) for c in chunks) + \
        b"0\r\n\r\n"


CLOSE = b"Connection: close\r\n"
KEEP = b"Connection: keep-alive\r\n"
EXPECT = b"Expect: 100-continue\r\n"
LINES = (b"this", b" is ", b"chunked", b"\nline", b" 2", b"\n", b"line3")

# name: (application, what the client sends, options of the server)
CASES = {
    "1.0": (hello, get(version=b"1.0"), {}),
    "1.1 twice": (hello, 2 * get(), {}),
    "1.1 close": (hello, get(fields=CLOSE) + get(), {}),
    "1.1 keep-alive": (hello, 2 * get(fields=KEEP), {}),
    "1.0 keep-alive": (hello, 2 * get(fields=KEEP, version=b"1.0"), {}),
    "1.0 of a generator": (generator, get(fields=KEEP, version=b"1.0"), {}),
    "no keep-alive": (hello, get(fields=KEEP) + get(), {"keepalive": False}),
    "keep-alive of 0": (hello, get(fields=KEEP, version=b"1.0"),
                        {"keepalive": 0}),
    "a server of 1.0": (hello, get() + get(), {"max_http_version": "HTTP/1.0"}),
    "environ": (environ_of, get(b"/a%20b%2fc/%E4%BD%A0?x=%20&y", fields=(
        b"x-ANY_k: one\r\nX-any-K: two\r\nhttp-x: 3\r\nContent-Type: text/x\r\n"
        b"spaced:   o  u  t   \r\ntab:\tx\t\r\nempty:\r\nlatin: \xe2\x88\x85\r\n"
        b"path-info: foo\r\nx-forwarded-for: 1.2.3.4, 5.6.7.8\r\n")), {}),
    "environ of two": (environ_of, post(b"abc") + get(b"//evil?"), {
        "environ": {"extra": 1, "wsgi.multithread": False}}),
    "environ in chunks": (environ_of, chunked(b"abc"), {}),
    "a method of its own": (environ_of, b"REPLICATE /a HTTP/1.1\r\n\r\n", {}),
    "an absolute target": (environ_of, get(b"http://host/path?q"), {}),
    "options *": (environ_of, b"OPTIONS * HTTP/1.1\r\n\r\n", {}),
    "generator": (generator, 2 * get(), {}),
    "big chunks": (big, get(), {}),
    "no buffering": (small, get(), {}),
    "minimum chunk": (generator, get(), {"minimum_chunk_size": 1}),
    "write": (by_write, 2 * get(), {}),
    "echo": (echo, 3 * post(b"body"), {}),
    "echo nothing": (echo, get() + post(b""), {}),
    "echo much": (echo, post(b"0123456789" * 30000) + get(), {}),
    "echo in pieces": (echo_pieces, 2 * post(b"0123456789"), {}),
    "echo lines": (echo_lines, 2 * post(b"a\nbc\n\nd"), {}),
    "some lines": (echo_some_lines, post(b"abcdef\nx\ny\nz\nlast"), {}),
    "some lines in chunks": (echo_some_lines, chunked(
        b"abc", b"def\nx", b"\ny\nz\n", b"last"), {}),
    "echo iterated": (echo_iterated, post(b"123456789abcdef" * 100), {}),
    "chunks": (echo, 2 * chunked(b"oh", b" hai"), {}),
    "chunks in pieces": (echo_pieces, 2 * chunked(b"oh", b" hai"), {}),
    "chunks as lines": (echo_lines, 2 * chunked(*LINES), {}),
    "dirty chunks": (echo, 2 * chunked(*LINES, dirt=b"; dirt\0x"), {}),
    "chunks with a length": (reads_some, chunked(
        *LINES, fields=b"Content-Length: 1000\r\n") + get(), {}),
    "chunks not read": (ignores_body, chunked(*LINES) + get(b"/2"), {}),
    "a body not read": (ignores_body, post(b"GET /tricksy HTTP/1.1\r\n\r\n",
                                           path=b"/1") + get(b"/2"), {}),
    "a body half read": (reads_some, post(b"GET /tricksy") + get(b"/2"), {}),
    "expect": (echo, 2 * post(b"testing", EXPECT), {}),
    "expect Continue": (echo, post(b"testing", b"Expect: 100-Continue\r\n"), {}),
    "expect 1.0": (echo, post(b"testing", EXPECT + KEEP, b"1.0"), {}),
    "expect, not read": (ignores_body, post(b"testing", EXPECT) + get(), {}),
    "expect, refused": (refuses_large, post(b"x" * 1025, EXPECT), {}),
    "expect, headers": (continues, post(b"testing it", EXPECT), {}),
    "expect, chunks": (continues_chunks, chunked(b"first", fields=EXPECT) +
                       b"6\r\nsecond\r\n0\r\n\r\n", {}),
    "expect, answered first": (answers_first, chunked(b"x", fields=EXPECT), {}),
    "failure": (fails, get() + get(), {"debug": False}),
    "late failure": (fails_late, get() + get(), {"minimum_chunk_size": 1}),
    "late failure, buffered": (fails_late, get(), {"debug": False}),
    "two starts": (starts_twice, get(), {}),
    "no start": (never_starts, get(), {"debug": False}),
    "not ASCII": (not_ascii, get(), {"debug": False}),
    "headers": (odd_headers, get(), {}),
    "headers as they are": (odd_headers, get(),
                            {"capitalize_response_headers": False}),
    "no headers": (no_content, 2 * get(), {}),
    "bytes": (bytes_result, get(), {}),
    "numbers": (numbers, get(), {"debug": False}),
    "close": (Closes, 2 * get(), {}),
    "hooks": (hooks, 2 * get(b"/hooked"), {}),
    "taken over": (takes_over, get() + get(), {}),
    "clobbered": (clobbers, get(fields=CLOSE), {}),
    "a long target": (hello, get(b"/" + 9000 * b"x"), {}),
    "a longer limit": (hello, get(b"/" + 15000 * b"x"),
                       {"url_length_limit": 20000}),
    "a long line": (hello, get(fields=b"Long: %s\r\n" % (10000 * b"a")), {}),
    "a large head": (hello, get(fields=20 * (b"A: %s\r\n" % (7000 * b"a"))), {}),
    "bad length": (hello, get(fields=b"Content-Length: argh\r\n"), {}),
    "no length": (hello, get(fields=b"Content-Length: \r\n"), {}),
    "negative length": (hello, get(fields=b"Content-Length: -10\r\n"), {}),
    "log format": (hello, get(), {
        "log_format": "HI %(request_line)s %(client_ip)s %(status_code)s"}),
    "no forwarded-for": (hello, get(fields=b"X-Forwarded-For: 1.2.3.4\r\n"), {
        "log_x_forwarded_for": False}),
    "nothing": (hello, b"", {}),
    "half a chunk": (echo, b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"def\r\na bunch", {"debug": False}),
    "no next chunk": (echo, b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
                      b"\r\n3\r\nabc", {"debug": False}),
    "no chunk": (echo, b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                 b"cats\r\nabc", {"debug": False}),
    "half a body": (echo, b"PUT / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", {}),
    "no log": (hello, get(), {"log_output": False}),
}


def converse(module, application, sent, options):
    """What comes back, the log, and what goes to stderr."""
    log, errors = io.StringIO(), io.StringIO()
    before, sys.stderr = sys.stderr, errors
    listener = eventlet.listen(("127.0.0.1", 0))
    server = eventlet.spawn(module.server, listener, application,
                            **dict({"log": log}, **options))
    client = eventlet.connect(listener.getsockname())
    port = client.getsockname()[1]
    answer = b""
    with eventlet.Timeout(20):
        try:
            client.sendall(sent)
            client.shutdown(1)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        except OSError:
            pass  # the server may close before it has read all
    client.close()
    eventlet.sleep(0)
    server.kill()
    sys.stderr = before
    return (neutral(answer.decode("latin-1"), port, listener),
            neutral(log.getvalue(), port, listener),
            neutral(errors.getvalue(), port, listener))


def neutral(text, port, listener):
    text = re.sub(r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
                  "Date: NOW", text)
    text = re.sub(r"\[\d\d/\w{3}/\d{4} \d\d:\d\d:\d\d\]", "[NOW]", text)
    text = re.sub(r"\d\.\d{6}$", "SECONDS", text, flags=re.M)
    text = re.sub(r"Traceback.*?^(\S*(?:Error|Exception))\b.*?$",
                  r"Traceback \1", text, flags=re.M | re.S)
    text = re.sub(r"Traceback \S+\n\nDuring handling of the above.*\n\n", "",
                  text)
    text = re.sub(r'error="[^"]*"', "error", text)
    return re.sub(r"'?\b\d{4,5}\b'?", "PORT", text)


def main():
    names = sys.argv[1:] or CASES
    count = 0
    for name in names:
        application, sent, options = CASES[name]
        theirs = converse(eventlets, application, sent, options)
        mine = converse(ours, application, sent, options)
        if theirs != mine:
            count += 1
            print("DIFFERS:", name)
            for a, b in zip(theirs, mine):
                if a != b:
                    print("  eventlet:", repr(a[:1500]))
                    print("  greenhub:", repr(b[:1500]))
    print("%d cases, %d differ" % (len(names), count))


if __name__ == "__main__":
    main()
