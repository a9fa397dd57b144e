"""Thousands of connections that are silent most of the time."""

import socket

import pytest

import servers

CONNECTIONS = 9000

SERVER = """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
listener = eventlet.listen(("127.0.0.1", 0), backlog=4096)
print("port", listener.getsockname()[1])
open_now = 0

def echo(client):
    global open_now
    open_now += 1
    if open_now == int(sys.argv[1]):
        print("all here")
    while True:
        data = client.recv(4096)
        if not data:
            break
        client.sendall(data)
    open_now -= 1
    if open_now == 0:
        assert len(hubs.get_hub().get_readers()) == 1
        print("all gone")
    client.close()

while True:
    eventlet.spawn_n(echo, listener.accept()[0])
"""


@pytest.fixture
def descriptors():
    hard = servers.raise_descriptor_limit()
    if hard < CONNECTIONS + 100:
        pytest.skip("RLIMIT_NOFILE cannot be raised beyond %d" % hard)


def ask(clients, message):
    """Sends on all connections first, then reads all answers."""
    for s in clients:
        s.sendall(message)
    for s in clients:
        got = b""
        while len(got) < len(message):
            piece = s.recv(64)
            assert piece, "closed by the server"
            got += piece
        assert got == message


@pytest.mark.parametrize("hub", ["epolls", "uring"])
def test_idle_connections(hub, descriptors):
    module = __import__("greenhub." + hub, fromlist=["Hub"])
    if not module.is_available():
        pytest.skip(hub + ": " + module.why_not())
    with servers.service(hub, SERVER, str(CONNECTIONS)) as server:
        address = ("127.0.0.1", int(server.expect("port")))
        clients = []
        try:
            for _ in range(CONNECTIONS):
                clients.append(socket.create_connection(
                    address, timeout=servers.LIMIT))
            server.expect("all here")
            ask(clients[::100], b"one in a hundred")
            ask(clients, b"everybody")
            ask(clients[-1:], b"the last one")
        finally:
            for s in clients:
                s.close()
        server.expect("all gone")
        assert server.lines[1:] == ["all here", "all gone"]
