"""A drop-in for eventlet.wsgi, whose connections are in C.

    from greenhub import wsgi
    wsgi.server(eventlet.listen(("127.0.0.1", 8080)), application)

`server` has eventlet.wsgi's parameters, log and environ, and runs on any hub. Requests
are read strictly: what could mean one thing here and another to a proxy is answered
with 400. A server with a `protocol` of its own works as in eventlet.wsgi.
"""

import errno
import socket as native_socket
import sys
import time
import traceback
import warnings

import eventlet
from eventlet import greenio, hubs, wsgi as _eventlets
from eventlet.greenio import base as _greenio_base
from eventlet.wsgi import *  # noqa: F401,F403
from eventlet.wsgi import (
    ACCEPT_ERRNO, ACCEPT_EXCEPTIONS, BAD_SOCK, BROKEN_SOCK, ChunkReadError,
    DEFAULT_LOG_FORMAT, DEFAULT_MAX_HTTP_VERSION,
    DEFAULT_MAX_SIMULTANEOUS_REQUESTS, HttpProtocol, MAX_REQUEST_LINE,
    STATE_CLOSE, STATE_IDLE, STATE_REQUEST, WSGI_LOCAL, addr_to_host_port,
    format_date_time, socket_repr)

from greenhub import _hub

if not hasattr(_hub, "HttpConnection"):
    raise ImportError("this build of greenhub has no HTTP: llhttp was missing")

__all__ = ["server", "format_date_time"]

is_accepting = True

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
           "Nov", "Dec")


class Input(_hub.HttpInput):
    """wsgi.input: the body of a request."""

    def set_hundred_continue_response_headers(
            self, headers, capitalize_response_headers=True):
        """Sets the fields of the next 100 Continue."""
        lines = []
        for key, value in headers:
            if capitalize_response_headers:
                key = "-".join(word.capitalize() for word in key.split("-"))
            line = "%s: %s" % (key, value)
            if any(end in line for end in "\r\n\0"):
                raise ValueError("%r would end its line" % line)
            lines.append((line + "\r\n").encode("latin-1"))
        self._set_hundred_continue_lines(lines)


def _prepare():
    """Gives the C code what it needs of Eventlet."""
    trampoline = hubs.trampoline
    if hasattr(trampoline, "__code__"):
        trampoline = _hub.make_trampoline(trampoline, hubs._threadlocal,
                                          eventlet.Timeout)
    _hub.use_http_names(trampoline, native_socket.timeout, hubs.IOClosed,
                        ChunkReadError, Input,
                        # As the Eventlet that is installed.
                        getattr(HttpProtocol, "reject_bad_requests", False))


_prepare()


def _is_plain(sock):
    """Whether system calls do what the socket's methods would."""
    return type(sock) is _greenio_base.GreenSocket and not any(
        name in sock.__dict__
        for name in ("recv", "recv_into", "send", "sendall"))


def _receiver(sock):
    def receive(size):
        try:
            return sock.recv(size)
        except greenio.SSL.ZeroReturnError:
            return b""
    return receive


def _handled():
    return bool(WSGI_LOCAL.already_handled)


def _log_date(now, _last=[0, ""]):
    """The time as http.server logs it; made once a second."""
    second = int(now)
    if _last[0] != second:
        year, month, day, hour, minute, sec = time.localtime(second)[:6]
        _last[:] = second, "%02d/%3s/%04d %02d:%02d:%02d" % (
            day, _MONTHS[month - 1], year, hour, minute, sec)
    return _last[1]


class _Client:
    """One connection, and the requests that come on it."""

    __slots__ = ("server", "state", "socket", "connection", "template",
                 "address", "minimum")

    def __init__(self, server, state):
        self.server = server
        self.state = state
        self.socket = sock = state[1]
        keepalive = server.keepalive
        plain = _is_plain(sock)
        if not plain and not hasattr(sock, "recv"):
            raise NotImplementedError(
                "greenhub.wsgi doesn't support sockets of type %s" %
                type(sock))
        self.connection = _hub.HttpConnection(
            sock, None if plain else _receiver(sock),
            None if plain else sock.sendall, server.url_length_limit,
            server.max_http_version or "HTTP/1.1",
            bool(keepalive) and server.max_http_version != "HTTP/1.0",
            None if isinstance(keepalive, bool) or not keepalive
            else float(keepalive),
            server.capitalize_response_headers)
        self.address = addr_to_host_port(state[0])
        self.template = self.environ()
        self.minimum = server.minimum_chunk_size
        if self.minimum is None:
            self.minimum = HttpProtocol.minimum_chunk_size

    def environ(self):
        """What is the same for all requests of the connection."""
        host, port = addr_to_host_port(self.socket.getsockname())
        environ = self.server.get_environ()
        environ.update(
            SCRIPT_NAME="", SERVER_NAME=host, SERVER_PORT=str(port),
            REMOTE_ADDR=self.address[0], REMOTE_PORT=str(self.address[1]),
            SERVER_PROTOCOL="HTTP/1.0", GATEWAY_INTERFACE="CGI/1.1")
        return environ

    def serve(self):
        state, server = self.state, self.server
        try:
            while self.read_head():
                if state[2] != STATE_CLOSE:
                    state[2] = STATE_REQUEST
                server.outstanding_requests += 1
                try:
                    self.answer()
                finally:
                    server.outstanding_requests -= 1
                if self.connection.closes or state[2] == STATE_CLOSE:
                    break
                state[2] = STATE_IDLE
        finally:
            greenio.shutdown_safe(self.socket)
            self.socket.close()

    def read_head(self):
        try:
            return self.connection.read_head()
        except native_socket.timeout:
            raise
        except OSError as error:
            if error.errno in BROKEN_SOCK:
                self.server.log.debug(
                    "({0}) connection reset by peer {1!r}".format(
                        self.server.pid, self.state[0]))
            elif error.errno not in BAD_SOCK:
                raise
            return False

    def answer(self):
        try:
            self.respond()
        except OSError as error:
            if error.errno not in BROKEN_SOCK:
                raise
            self.connection.closes = True

    def respond(self):
        begin = time.time()
        connection = self.connection
        environ = connection.environ(self.template)
        body = environ["eventlet.input"]
        result = None
        try:
            try:
                WSGI_LOCAL.already_handled = False
                result = self.call(environ)
                minimum = environ.get("eventlet.minimum_write_chunk_size")
                if connection.respond(
                        result, self.minimum if minimum is None
                        else int(minimum), _handled):
                    connection.closes = True
            except Exception:
                self.fail()
        finally:
            if hasattr(result, "close"):
                result.close()
            if body.should_send_hundred_continue:
                # The client may send the body or not: nobody can tell where the
                # next request begins.
                connection.closes = True
            elif connection.has_rest and not connection.closes:
                self.discard(body)
            end = time.time()
            for hook, args, keywords in environ["eventlet.posthooks"]:
                hook(environ, *args, **keywords)
            self.log(environ, begin, end)

    def call(self, environ):
        return self.server.app(environ, self.connection.start_response)

    def fail(self):
        """The application, or the sending of its answer, has failed."""
        connection = self.connection
        connection.closes = True
        text = traceback.format_exc()
        self.report(text)
        if not connection.sent:
            body = text.encode("latin-1", "replace") if self.server.debug \
                else b""
            connection.start_response(
                "500 Internal Server Error",
                [("Content-type", "text/plain"),
                 ("Content-length", len(body))])
            connection.closes = True
            connection.write(body)

    def report(self, text):
        self.server.log.info(text)

    def discard(self, body):
        """Reads the rest of a body, behind which the next request begins."""
        try:
            body.discard()
        except (ChunkReadError, OSError) as error:
            self.connection.closes = True
            kind = "chunked encoding" if isinstance(error, ChunkReadError) \
                else "I/O"
            self.server.log.error((
                kind + " error while discarding request body."
                ' client={0} request="{1}" error="{2}"').format(
                    self.host(), self.connection.request_line, error))

    def host(self):
        host = self.address[0]
        if self.server.log_x_forwarded_for:
            forward = (self.connection.forwarded_for or "").replace(" ", "")
            if forward:
                host = forward + "," + host
        return host

    def log(self, environ, begin, end):
        if not self.server.log_output:
            return
        connection = self.connection
        self.server.log.info(self.server.log_format % {
            "client_ip": self.host(),
            "client_port": self.address[1],
            "date_time": _log_date(end),
            "request_line": connection.request_line,
            "status_code": connection.status_code or 200,
            "body_length": connection.written,
            "wall_seconds": end - begin,
        })


class Server(_eventlets.Server):
    """eventlet.wsgi.Server, which leaves its connections to C."""

    client = _Client

    def process_request(self, conn_state):
        if self.protocol is not HttpProtocol:
            return super().process_request(conn_state)
        try:
            self.client(self, conn_state).serve()
        except native_socket.timeout:
            conn_state[1].close()
            self.log.debug("({0}) timed out {1!r}".format(
                self.pid, conn_state[0]))


def server(sock, site,
           log=None,
           environ=None,
           max_size=None,
           max_http_version=DEFAULT_MAX_HTTP_VERSION,
           protocol=HttpProtocol,
           server_event=None,
           minimum_chunk_size=None,
           log_x_forwarded_for=True,
           custom_pool=None,
           keepalive=True,
           log_output=True,
           log_format=DEFAULT_LOG_FORMAT,
           url_length_limit=MAX_REQUEST_LINE,
           debug=True,
           socket_timeout=None,
           capitalize_response_headers=True):
    """Serves an application on a listening socket, until it is killed, or
    KeyboardInterrupt or SystemExit reaches it.

    The parameters are those of eventlet.wsgi.server, whose documentation says what
    each means; `keepalive` may also be the seconds that a connection may be idle between
    two requests. At the end it closes idle connections, waits for requests that run,
    and closes the socket object.
    """
    serv = Server(
        sock, sock.getsockname(), site, log, environ=environ,
        max_http_version=max_http_version, protocol=protocol,
        minimum_chunk_size=minimum_chunk_size,
        log_x_forwarded_for=log_x_forwarded_for, keepalive=keepalive,
        log_output=log_output, log_format=log_format,
        url_length_limit=url_length_limit, debug=debug,
        socket_timeout=socket_timeout,
        capitalize_response_headers=capitalize_response_headers)
    if server_event is not None:
        warnings.warn("server_event is deprecated", DeprecationWarning,
                      stacklevel=2)
        server_event.send(serv)
    pool = custom_pool
    if pool is None:
        pool = eventlet.GreenPool(
            DEFAULT_MAX_SIMULTANEOUS_REQUESTS if max_size is None
            else max_size)
    if not (hasattr(pool, "spawn") and hasattr(pool, "waitall")):
        raise AttributeError("custom_pool has no spawn() and waitall(), "
                             "as eventlet.GreenPool has")
    connections = {}
    try:
        serv.log.info("({0}) wsgi starting up on {1}".format(
            serv.pid, socket_repr(sock)))
        _accept(serv, sock, pool, connections)
    finally:
        _end(serv, sock, pool, connections)


def _accept(serv, sock, pool, connections):
    while is_accepting:
        try:
            client, address = sock.accept()
            client.settimeout(serv.socket_timeout)
            serv.log.debug("({0}) accepted {1!r}".format(serv.pid, address))
            state = [address, client, STATE_IDLE]
            connections[id(state)] = state
            pool.spawn(serv.process_request, state).link(
                _forget, connections, state)
        except ACCEPT_EXCEPTIONS as error:
            if getattr(error, "errno", None) not in ACCEPT_ERRNO and \
                    error.args[:1] and error.args[0] not in ACCEPT_ERRNO:
                raise
        except (KeyboardInterrupt, SystemExit):
            serv.log.info("wsgi exiting")
            break


def _forget(_, connections, state):
    connections.pop(id(state), None)
    state[2] = STATE_CLOSE
    greenio.shutdown_safe(state[1])
    state[1].close()


def _end(serv, sock, pool, connections):
    for state in list(connections.values()):
        before, state[2] = state[2], STATE_CLOSE
        if before == STATE_IDLE:
            greenio.shutdown_safe(state[1])
    pool.waitall()
    serv.log.info("({0}) wsgi exited, is_accepting={1}".format(
        serv.pid, is_accepting))
    try:
        sock.close()
    except OSError as error:
        if error.errno not in BROKEN_SOCK:
            traceback.print_exc()
