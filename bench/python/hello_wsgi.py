"""A WSGI server that says hello, of Eventlet or of greenhub.

    hello_wsgi.py eventlet|greenhub HUB [log] PORT

HUB is what eventlet.hubs.use_hub takes; with "log" it logs to /dev/null.
"""

import importlib
import os
import sys

import common

eventlet = common.need("eventlet")


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"Hello, world!\n"]


def main():
    common.use_hub(sys.argv[2])
    wsgi = importlib.import_module(sys.argv[1] + ".wsgi")
    listener = eventlet.listen(("127.0.0.1", common.port()),
                               backlog=common.BACKLOG)
    common.print_port(listener)
    with open(os.devnull, "w") as log:
        wsgi.server(listener, hello, log=log, log_output="log" in sys.argv)


main()
