"""greenhub.wsgi: answers as eventlet.wsgi's, what it refuses, and how it ends."""

import os
import re
import subprocess
import sys

import pytest
import servers

HERE = os.path.dirname(os.path.abspath(__file__))

BEGIN = """
    import io
    from eventlet.green import socket
    from greenhub import wsgi

    def hello(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello world"]

    log = io.StringIO()
    door = eventlet.listen(("127.0.0.1", 0))

    def serve(app=hello, sock=None, **options):
        return eventlet.spawn(wsgi.server, sock or door, app,
                              **dict({"log": log}, **options))

    def ask(request, end=True):
        client = eventlet.connect(door.getsockname())
        with eventlet.Timeout(20):
            client.sendall(request)
            if end:
                client.shutdown(1)
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        client.close()
        return answer

    GET = b"GET / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
    """


@pytest.mark.parametrize("hub", ["greenhub", "eventlet"])
def test_answers_of_eventlet(hub_name, hub):
    """Byte for byte, with the log and what goes to stderr; on Eventlet's hubs too."""
    if hub == "eventlet" and hub_name not in ("epolls", "poll", "selects"):
        pytest.skip("Eventlet has no hub " + hub_name)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", os.path.join(HERE, "wsgi_cases.py")],
        env=dict(os.environ, EVENTLET_HUB={"greenhub": "greenhub."}.get(hub, "")
                 + hub_name),
        stdout=subprocess.PIPE, text=True, timeout=servers.LIMIT, check=True)
    assert re.fullmatch(r"\d+ cases, 0 differ\n", done.stdout), done.stdout


BAD = [
    (b"", b"GET / HTTP/1.1\n\n"),
    (b"", b"GET / HTTP/1.1\r\nA: b\n\r\n"),
    (b"", b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n"),
    (b"", b"GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"),
    (b"", b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n"),
    (b"", b"GET / HTTP/1.1\r\nA : b\r\n\r\n"),
    (b"", b"GET / HTTP/1.1\r\n: b\r\n\r\n"),
    (b"", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"),
    (b"", b"GET / HTTP/1.1\r\nA\x01: b\r\n\r\n"),
    (b"", b"GET /\x80 HTTP/1.1\r\n\r\n"),
    (b"", b"GET  / HTTP/1.1\r\n\r\n"),
    (b"505 HTTP Version Not Supported", b"GET /\r\n\r\n"),
    (b"", b"GET\r\n\r\n"),
    (b"", b" GET / HTTP/1.1\r\n\r\n"),
    (b"", b"G@T / HTTP/1.1\r\n\r\n"),
    (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n"),
    (b"", b"POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nTransfer-Encoding\xa0: chunked\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nContent-Length\x85: 3\r\n\r\nabc"),
    (b"", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
     b"Transfer-Encoding: chunked\r\n\r\nabc"),
    (b"505 HTTP Version Not Supported", b"GET / HTTP/2.0\r\n\r\n"),
    (b"505 HTTP Version Not Supported", b"GET / HTTP/9.9\r\n\r\n"),
    (b"431 Too many headers",
     b"GET / HTTP/1.1\r\n" + 101 * b"A: b\r\n" + b"\r\n"),
]


def test_bad_requests(run_on):
    """No request behind a bad one is answered: it may be a part of that."""
    run_on("greenhub.epolls", BEGIN + """
    serve()
    for status, request in %r:
        answer = ask(request + GET)
        status = status or b"400 Bad Request"
        assert answer.startswith(b"HTTP/1.0 " + status), (request, answer)
        assert answer.count(b"HTTP/1.") == 1, (request, answer)
    assert ask(GET).endswith(b"hello world")
    """ % BAD)


BAD_CHUNKS = [
    b"+3\r\nabc\r\n0\r\n\r\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"3\nabc\r\n0\r\n\r\n",
    b"3 \r\nabc\r\n0\r\n\r\n", b" 3\r\nabc\r\n0\r\n\r\n", b"\r\nabc\r\n0\r\n\r\n",
    b"3\r\nabcd\r\n0\r\n\r\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc0\r\n\r\n",
    b"fffffffffffffffff\r\nabc", b"1_0\r\nabc", b"3;" + 9000 * b"x",
]


def test_bad_chunks(run_on):
    run_on("greenhub.epolls", BEGIN + """
    def app(environ, start_response):
        try:
            text = environ["wsgi.input"].read()
        except wsgi.ChunkReadError:
            text = b"ChunkReadError"
        start_response("200 OK", [("Content-Length", len(text))])
        return [text]
    serve(app)
    for chunks in %r:
        answer = ask(b"PUT / HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n" +
                     chunks + GET)
        assert answer.endswith(b"\\r\\n\\r\\nChunkReadError"), (chunks, answer)
    """ % BAD_CHUNKS)


def test_trailers_are_skipped(run_on):
    run_on("greenhub.epolls", BEGIN + """
    serve()
    answer = ask(b"PUT / HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
                 b"1\\r\\nx\\r\\n0\\r\\nA: b\\r\\nC: d\\r\\n\\r\\n" + GET)
    assert answer.count(b"hello world") == 2, answer
    """)


def test_no_response_is_split(run_on):
    run_on("greenhub.epolls", BEGIN + """
    heads = []
    def app(environ, start_response):
        try:
            start_response(*heads[0])
            return [b"not refused"]
        except ValueError:
            start_response("200 OK", [])
            return [b"refused"]
    serve(app)
    for heads[:] in ([("200 OK\\r\\nA: b", [])], [("200 OK", [("A", "b\\nC: d")])],
                     [("200 OK", [("A\\r", "b")])], [("200 OK", [("A", "\\0")])],
                     [("200 OK", [("A", "b", "c")])]):
        assert ask(GET).endswith(b"refused") and b"not" not in ask(GET)
    """)


def test_response_of_another_length(run_on):
    """A client must not take the next response for a part of this one."""
    run_on("greenhub.epolls", BEGIN + """
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", environ["PATH_INFO"][1:])])
        return iter([b"12", b"345"])
    serve(app)
    for length, answers in ((4, 1), (5, 2), (6, 1)):
        request = b"GET /%d HTTP/1.1\\r\\n\\r\\n" % length
        assert ask(2 * request).count(b"HTTP/1.1 200") == answers, length
    """)


def test_one_100_continue(run_on):
    run_on("greenhub.epolls", BEGIN + """
    def app(environ, start_response):
        text = [environ["wsgi.input"].read(2) for _ in range(4)]
        return text + [environ["wsgi.input"].read(-1)] + hello(
            environ, start_response)
    serve(app)
    answer = ask(b"PUT / HTTP/1.1\\r\\nExpect: 100-continue\\r\\n"
                 b"Content-Length: 10\\r\\n\\r\\n0123456789")
    assert answer.count(b"100 Continue") == 1
    assert answer.endswith(b"\\r\\n\\r\\n0123456789hello world"), answer
    """)


def test_length_beside_chunks(run_on):
    """Refused where the installed Eventlet refuses it."""
    run_on("greenhub.epolls", BEGIN.replace("    from greenhub import wsgi", """
    from eventlet import wsgi as eventlets
    eventlets.HttpProtocol.reject_bad_requests = True
    from greenhub import wsgi""") + """
    serve()
    assert ask(b"PUT / HTTP/1.1\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: "
               b"chunked\\r\\n\\r\\n0\\r\\n\\r\\n").startswith(b"HTTP/1.0 400")
    """)


def test_answers_without_a_body(run_on):
    run_on("greenhub.epolls", BEGIN + """
    def app(environ, start_response):
        status = environ["PATH_INFO"][1:] or "200"
        start_response(status + " status", [])
        return iter([b"some ", b"body"])
    serve(app)
    for request in (b"HEAD /", b"GET /101", b"GET /204", b"GET /304"):
        answer = ask(request + b" HTTP/1.1\\r\\n\\r\\n" + request +
                     b" HTTP/1.1\\r\\n\\r\\n")
        assert answer.count(b"status") == 2 and answer.endswith(b"\\r\\n\\r\\n")
        assert b"body" not in answer and b"chunked" not in answer, answer
    """)


def test_each_byte_by_itself(run_on):
    run_on("greenhub.epolls", BEGIN + """
    def app(environ, start_response):
        start_response("200 OK", [])
        return [environ["wsgi.input"].read(), b"!"]
    serve(app)
    client = eventlet.connect(door.getsockname())
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in (b"PUT / HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\nA: b\\r\\n\\r\\n"
                 b"3;x\\r\\nabc\\r\\n2\\r\\nde\\r\\n0\\r\\n\\r\\n"):
        client.send(bytes([byte]))
        eventlet.sleep(0)
    client.shutdown(1)
    with eventlet.Timeout(20):
        answer = b"".join(iter(lambda: client.recv(1000), b""))
    assert answer.endswith(b"abcde!"), answer
    """)


def test_bodies_larger_than_any_buffer(run):
    run(BEGIN + """
    def app(environ, start_response):
        text = environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [text, text]
    serve(app)
    body = os.urandom(3000000)
    client = eventlet.connect(door.getsockname())
    sender = eventlet.spawn(client.sendall, (
        b"PUT / HTTP/1.1\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n" %
        len(body)) + body)
    eventlet.sleep(0.01)  # the server fills the buffers of both sides
    with eventlet.Timeout(20):
        answer = b"".join(iter(lambda: client.recv(1000000), b""))
        sender.wait()
    assert answer.partition(b"\\r\\n\\r\\n")[2] == body + body
    """)


def test_socket_timeout(run):
    """While a request comes; its connection is closed, the server goes on."""
    run(BEGIN + """
    serve(socket_timeout=0.05)
    assert ask(b"GET / HTTP/1.1\\r\\n", end=False) == b""
    assert ask(GET, end=False).endswith(b"hello world")
    assert "timed out" in log.getvalue()
    """)


def test_keepalive_in_seconds(run_on):
    run_on("greenhub.epolls", BEGIN + """
    serve(keepalive=0.05)
    answer = ask(GET.replace(b"Host", b"Connection: keep-alive\\r\\nHost"), end=False)
    assert b"Connection: keep-alive\\r\\nKeep-Alive: timeout=0\\r\\n" in answer
    """)


def test_end_of_the_server(run):
    """Idle connections are closed, running requests come to their end."""
    run(BEGIN + """
    from eventlet.event import Event
    begun, go_on = Event(), Event()
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            begun.send()
            go_on.wait()
        return hello(environ, start_response)
    server = serve(app)
    idle, slow = (eventlet.connect(door.getsockname()) for _ in range(2))
    idle.sendall(GET)
    assert idle.recv(1000).endswith(b"hello world")
    slow.sendall(GET.replace(b"/ ", b"/slow "))
    begun.wait()
    eventlet.spawn(server.kill)
    with eventlet.Timeout(20):
        assert idle.recv(1000) == b""
        go_on.send()
        assert slow.recv(1000).endswith(b"hello world")
        assert slow.recv(1000) == b""
        eventlet.sleep(0)
    assert "wsgi exited, is_accepting=True" in log.getvalue()
    assert door.fd.fileno() == -1
    """)


def test_interrupt_ends_the_server(run_on):
    run_on("greenhub.epolls", BEGIN + """
    server = serve()
    assert ask(GET).endswith(b"hello world")
    server.kill(KeyboardInterrupt)
    with eventlet.Timeout(20):
        server.wait()
    assert "wsgi exiting" in log.getvalue()
    """)


def test_client_that_goes_away(run_on):
    """While the application writes: what it yields further is not asked for."""
    run_on("greenhub.epolls", BEGIN + """
    closed = []
    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 100000
        finally:
            closed.append(1)
    serve(app)
    client = eventlet.connect(door.getsockname())
    client.sendall(GET)
    client.recv(1)
    client.close()
    with eventlet.Timeout(20):
        while not closed:
            eventlet.sleep(0.01)
    """)


def test_timeout_of_the_application(run_on):
    """eventlet.Timeout is no Exception: it ends the connection, as with Eventlet."""
    run_on("greenhub.epolls", BEGIN + """
    debug.hub_exceptions(False)
    def app(environ, start_response):
        with eventlet.Timeout(0.01):
            eventlet.sleep(20)
    serve(app)
    assert ask(GET, end=False) == b""
    """)


def test_input_after_its_request(run_on):
    """It does not read into the next one."""
    run_on("greenhub.epolls", BEGIN + """
    inputs = []
    def app(environ, start_response):
        inputs.append(environ["wsgi.input"])
        text = inputs[0].read()
        return [text] + hello(environ, start_response)
    serve(app)
    answer = ask(2 * b"PUT / HTTP/1.1\\r\\nContent-Length: 3\\r\\n\\r\\nabc")
    assert answer.count(b"abchello") == 1 and answer.count(b"hello") == 2
    """)


def test_socket_with_methods_of_its_own(run_on):
    """Each call sends one byte."""
    run_on("greenhub.epolls", BEGIN + """
    accept = door.accept
    def accept_slow():
        connection, address = accept()
        send = connection.send
        connection.send = lambda data, *flags: send(data[:1], *flags)
        return connection, address
    door.accept = accept_slow
    serve()
    assert ask(GET).endswith(b"hello world")
    """)


def test_protocol_of_the_program(run_on):
    run_on("greenhub.epolls", BEGIN + """
    class Protocol(wsgi.HttpProtocol):
        def get_environ(self):
            return dict(super().get_environ(), PATH_INFO="/mine")
    serve(lambda environ, start: start("200 OK", []) and [
        environ["PATH_INFO"].encode()], protocol=Protocol)
    assert ask(GET).endswith(b"/mine")
    """)


def test_server_without_the_loop(run_on):
    """As programs use Server and process_request themselves."""
    run_on("greenhub.epolls", BEGIN + """
    server = wsgi.Server(door, door.getsockname(), hello, log=log)
    client = eventlet.spawn(ask, GET)
    accepted, address = door.accept()
    server.process_request([address, accepted, wsgi.STATE_IDLE])
    assert client.wait().endswith(b"hello world")
    assert server.outstanding_requests == 0
    """)


def test_unix_socket(run_on, tmp_path):
    run_on("greenhub.epolls", BEGIN + """
    door = eventlet.listen(%r, socket.AF_UNIX)
    def app(environ, start_response):
        start_response("200 OK", [])
        return [repr([environ[key] for key in (
            "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT")]).encode()]
    serve(app, door)
    client = eventlet.connect(door.getsockname(), family=socket.AF_UNIX)
    client.sendall(GET)
    assert client.recv(1000).endswith(b"['unix', '', 'unix', '']")
    assert "http:" + door.getsockname() in log.getvalue()
    assert "unix - - [" in log.getvalue()
    """ % str(tmp_path / "door"))


def test_descriptors_and_objects_do_not_grow(run_on):
    run_on("greenhub.epolls", BEGIN + """
    from greenhub import _hub
    serve(log_output=False)
    def counts():
        gc.collect()
        return (len(os.listdir("/proc/self/fd")), sum(
            type(o) in (_hub.HttpConnection, wsgi.Input) for o in gc.get_objects()))
    ask(GET)
    eventlet.sleep(0)
    before = counts()
    for request in 20 * [GET, b"bad", GET[:-3], 2 * GET]:
        ask(request)
    eventlet.sleep(0)
    assert counts() == before, (before, counts())
    """)


SERVICE = """
from greenhub import wsgi

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"you asked for %s\\n" % environ["PATH_INFO"].encode()]

listener = eventlet.listen(("127.0.0.1", 0), backlog=256)
print("port", listener.getsockname()[1])
if len(sys.argv) > 1:
    listener = eventlet.wrap_ssl(listener, certfile=sys.argv[1],
                                 keyfile=sys.argv[2], server_side=True)
wsgi.server(listener, app, log_output=False)
"""


def test_over_tls_by_curl(tmp_path):
    cert, key = servers.certificate(str(tmp_path))
    with servers.service("epolls", SERVICE, cert, key) as server:
        port = server.expect("port")
        url = "https://localhost:" + port
        subprocess.run([servers.tool("curl"), "-s", "http://localhost:" + port],
                       stdout=subprocess.DEVNULL)  # no handshake
        assert servers.curl("--cacert", cert, "--ipv4", url + "/tls",
                            url + "/again") == \
            "you asked for /tls\nyou asked for /again\n"


def test_load_by_wrk(hub_name):
    with servers.service(hub_name, SERVICE) as server:
        url = "http://127.0.0.1:" + server.expect("port")
        said = subprocess.run(
            [servers.tool("wrk"), "-t1", "-c100", "-d1s", url],
            stdout=subprocess.PIPE, check=True, timeout=servers.LIMIT,
            text=True).stdout
        assert "Socket errors" not in said and "Non-2xx" not in said, said
        assert int(re.search(r"(\d+) requests in", said).group(1)) > 100
