"""eventlet.websocket, with a client without Eventlet."""

import threading

import pytest

import servers

SERVER = """
from eventlet import wsgi, websocket

everybody = set()

@websocket.WebSocketWSGI
def echo(ws):
    everybody.add(ws)
    try:
        while True:
            message = ws.wait()
            if message is None:
                return
            if message == "to all":
                for one in list(everybody):
                    one.send("for all")
            else:
                ws.send(message)
    finally:
        everybody.discard(ws)

listener = eventlet.listen(("127.0.0.1", 0), backlog=128)
print("port", listener.getsockname()[1])
wsgi.server(listener, echo, log_output=False)
"""


@pytest.fixture
def connect(hub_name):
    client = pytest.importorskip(
        "websocket", reason="python3-websocket is not installed")
    opened = []
    with servers.service(hub_name, SERVER) as server:
        url = "ws://127.0.0.1:%s/" % server.expect("port")

        def connect():
            opened.append(client.create_connection(url, timeout=servers.LIMIT))
            return opened[-1]
        yield connect
        for one in opened:
            one.close()


def test_echo(connect):
    ws = connect()
    for message in ("", "hello", "gr\u00fcn \u2713", "x" * 200, "y" * 100000):
        ws.send(message)
        assert ws.recv() == message
    ws.send_binary(bytes(range(256)) * 300)
    assert ws.recv() == bytes(range(256)) * 300
    ws.ping("still there?")
    ws.send("after ping")
    assert ws.recv() == "after ping"


def test_many_at_once(connect):
    """Each client is an OS thread, each server-side connection a greenthread."""
    failures = []

    def talk(ws, number):
        for i in range(50):
            ws.send("%d %d" % (number, i))
            if ws.recv() != "%d %d" % (number, i):
                failures.append((number, i))

    sockets = [connect() for _ in range(20)]
    threads = [threading.Thread(target=talk, args=(ws, n))
               for n, ws in enumerate(sockets)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(servers.LIMIT)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []


def test_one_to_all(connect):
    sockets = [connect() for _ in range(10)]
    for ws in sockets:  # after its answer, the server knows the client
        ws.send("here")
        assert ws.recv() == "here"
    sockets[3].send("to all")
    assert [ws.recv() for ws in sockets] == ["for all"] * 10
