"""An echo server on gevent: echo_gevent.py PORT [large]."""

import common

common.need("gevent")
from gevent.server import StreamServer  # noqa: E402
from gevent import socket  # noqa: E402


def echo(sock, address):
    common.no_delay(sock)
    while True:
        data = sock.recv(common.BUFFER)
        if not data:
            break
        sock.sendall(data)


listener = socket.socket()
listener.bind(("127.0.0.1", common.port()))
listener.listen(common.BACKLOG)
common.print_port(listener)
StreamServer(listener, echo).serve_forever()
