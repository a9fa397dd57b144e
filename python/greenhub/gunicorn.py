"""gunicorn's eventlet worker, whose requests are read and answered in C.

    gunicorn -k greenhub.gunicorn.Worker pages:application

It runs on the hub that EVENTLET_HUB names, by default the best of this package. It does
not speak the PROXY protocol, and refuses to start if that is asked for.
"""

import datetime
import os

import eventlet
from eventlet import hubs
from gunicorn import SERVER_SOFTWARE, util
from gunicorn.http.wsgi import FileWrapper
from gunicorn.workers import geventlet

import greenhub
from greenhub import wsgi

__all__ = ["Worker"]


class _Request:
    """What gunicorn's log and hooks ask of a request."""

    def __init__(self, environ):
        self.method = environ["REQUEST_METHOD"]
        self.path = environ["RAW_PATH_INFO"]
        self.query = environ.get("QUERY_STRING", "")
        self.uri = environ["RAW_URI"]
        self.headers = [(name.upper(), value)
                        for name, value in environ["headers_raw"]]


class _Response:
    """And of a response."""

    def __init__(self, connection):
        self.status = connection.status_code or "200"
        self.status_code = int(self.status)
        self.sent = connection.written
        self.headers = []


class _Client(wsgi._Client):
    """A connection whose requests a worker counts, logs and passes to its hooks."""

    __slots__ = ()

    def call(self, environ):
        worker = self.server.worker
        target = self.connection.request_line.split(" ")[1]
        environ["RAW_URI"] = target
        environ["SERVER_PROTOCOL"] = self.connection.request_line[-8:]
        environ["gunicorn.socket"] = self.socket
        self.server.set_scheme(environ)
        worker.count()
        if not worker.alive:
            self.connection.closes = True
        worker.cfg.pre_request(worker, _Request(environ))
        return super().call(environ)

    def report(self, text):
        self.server.worker.log.error("Error handling request %s\n%s",
                                     self.connection.request_line, text)

    def log(self, environ, begin, end):
        worker = self.server.worker
        request, response = _Request(environ), _Response(self.connection)
        worker.log.access(response, request, environ,
                          datetime.timedelta(seconds=end - begin))
        try:
            worker.cfg.post_request(worker, request, environ, response)
        except Exception:
            worker.log.exception("Exception in post_request hook")


class _Server(wsgi.Server):
    """A listening socket of a worker."""

    client = _Client

    def __init__(self, worker, sock):
        cfg = worker.cfg
        super().__init__(
            sock, sock.getsockname(), worker.wsgi, worker.log,
            environ={
                "SERVER_SOFTWARE": SERVER_SOFTWARE,
                "wsgi.multithread": True,
                "wsgi.multiprocess": cfg.workers > 1,
                "wsgi.file_wrapper": FileWrapper,
                "wsgi.input_terminated": True,
            },
            keepalive=float(cfg.keepalive) if cfg.keepalive else False,
            url_length_limit=cfg.limit_request_line or 1 << 16, debug=False)
        self.worker = worker

    def set_scheme(self, environ):
        """By what a proxy says that gunicorn's settings trust."""
        cfg = self.worker.cfg
        environ["wsgi.url_scheme"] = "https" if cfg.is_ssl else "http"
        trusted = cfg.forwarded_allow_ips
        if environ["REMOTE_ADDR"] not in ("unix", *trusted) and \
                "*" not in trusted:
            return
        for name, secure in cfg.secure_scheme_headers.items():
            said = environ.get("HTTP_" + name.upper().replace("-", "_"))
            if said is not None:
                environ["wsgi.url_scheme"] = "https" if said == secure \
                    else "http"


class Worker(geventlet.EventletWorker):
    """A worker of gunicorn: -k greenhub.gunicorn.Worker."""

    def patch(self):
        if self.cfg.proxy_protocol:
            raise RuntimeError("greenhub.gunicorn.Worker does not speak the "
                               "PROXY protocol")
        hubs.use_hub(os.environ.get("EVENTLET_HUB") or greenhub)
        eventlet.monkey_patch()
        geventlet.patch_sendfile()

    def count(self):
        """A request has come: the last one, perhaps."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False

    def handle(self, listener, client, address):
        servers = self.__dict__.setdefault("servers", {})
        server = servers.get(listener)
        if server is None:
            server = servers[listener] = _Server(self, listener)
        try:
            if self.cfg.is_ssl:
                client = eventlet.wrap_ssl(client, server_side=True,
                                           **self.cfg.ssl_options)
            server.process_request([address, client, wsgi.STATE_IDLE])
        except Exception:
            self.log.debug("A connection has failed", exc_info=True)
        finally:
            util.close(client)
