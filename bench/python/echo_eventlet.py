"""An echo server on Eventlet, as its documentation writes one.

    echo_eventlet.py HUB [accelerate] PORT [large]

HUB is what eventlet.hubs.use_hub takes: "epolls", "greenhub.uring", ...; with
"accelerate" greenhub waits in C for Eventlet too.
"""

import sys

import common

eventlet = common.need("eventlet")


def echo(sock):
    common.no_delay(sock)
    while True:
        data = sock.recv(common.BUFFER)
        if not data:
            break
        sock.sendall(data)


def main():
    common.use_hub(sys.argv[1])
    if "accelerate" in sys.argv:
        import greenhub
        greenhub.install(accelerate=True)
    listener = eventlet.listen(("127.0.0.1", common.port()),
                               backlog=common.BACKLOG)
    common.print_port(listener)
    while True:
        sock, _ = listener.accept()
        eventlet.spawn_n(echo, sock)


main()
