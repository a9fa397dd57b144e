"""An echo server on a hub of Eventlet's, without Eventlet's sockets: callbacks
on plain ones. What it takes less than echo_eventlet.py is the price of what
Eventlet does in Python between a program and its hub.

    echo_hub.py HUB PORT [large]
"""

import socket
import sys

import common

common.need("eventlet")


class Connection:
    def __init__(self, sock):
        self.sock = sock
        sock.setblocking(False)
        common.no_delay(sock)
        self.listener = hub.add(hub.READ, sock.fileno(), self.readable,
                                self.gone, None)

    def readable(self, fd):
        # What is echoed is small, and the peer waits for it: a socket that does
        # not take it whole would be an error.
        data = self.sock.recv(common.BUFFER)
        if data:
            assert self.sock.send(data) == len(data)
        else:
            hub.remove(self.listener)
            self.sock.close()

    def gone(self, error):
        self.sock.close()


def accept(fd):
    while True:
        try:
            Connection(listener.accept()[0])
        except BlockingIOError:
            return


hub = common.use_hub(sys.argv[1])
listener = socket.create_server(("127.0.0.1", common.port()),
                                backlog=common.BACKLOG)
listener.setblocking(False)
common.print_port(listener)
hub.add(hub.READ, listener.fileno(), accept, None, None)
hub.switch()
