"""eventlet.wsgi on our hubs, with curl and wrk as clients."""

import json
import os
import re
import signal
import subprocess

import servers

WSGI = """
import hashlib, json
from eventlet import wsgi

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/missing":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such page\\n"]
    if path == "/sleep":
        eventlet.sleep(0.01)
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"%d\\n" % i for i in range(1000) if not eventlet.sleep(0))
    if path == "/upload":
        body = environ["wsgi.input"].read()
        answer = json.dumps({"bytes": len(body),
                             "sha": hashlib.sha256(body).hexdigest()})
    else:
        answer = "you asked for %s\\n" % path
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]

listener = eventlet.listen(("127.0.0.1", 0), backlog=256)
print("port", listener.getsockname()[1])
if len(sys.argv) > 1:
    listener = eventlet.wrap_ssl(listener, certfile=sys.argv[1],
                                 keyfile=sys.argv[2], server_side=True)
wsgi.server(listener, app, log_output=False)
"""


def test_pages_by_curl(hub_name, tmp_path):
    upload = tmp_path / "upload"
    upload.write_bytes(os.urandom(3 * 1000 * 1000))
    with servers.service(hub_name, WSGI) as server:
        url = "http://127.0.0.1:" + server.expect("port")
        assert servers.curl(url + "/a", url + "/b") == \
            "you asked for /a\nyou asked for /b\n"
        assert servers.curl("-w", "%{http_code}", url + "/missing") == \
            "no such page\n404"
        lines = servers.curl(url + "/stream").split()
        assert lines == [str(i) for i in range(1000)]
        answer = json.loads(servers.curl("--data-binary", "@%s" % upload,
                                       url + "/upload"))
        assert answer["bytes"] == 3 * 1000 * 1000
        chunked = json.loads(servers.curl(
            "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue",
            "--data-binary", "@%s" % upload, url + "/upload"))
        assert chunked == answer
        sha = subprocess.run(["sha256sum", str(upload)], check=True,
                             stdout=subprocess.PIPE).stdout.split()[0].decode()
        assert answer["sha"] == sha


def test_pages_over_tls_by_curl(hub_name, tmp_path):
    cert, key = servers.certificate(str(tmp_path))
    with servers.service(hub_name, WSGI, cert, key) as server:
        url = "https://localhost:" + server.expect("port")
        assert servers.curl("--cacert", cert, "--ipv4", url + "/tls",
                            url + "/again") == \
            "you asked for /tls\nyou asked for /again\n"


def wrk(url, connections):
    """Loads the server for a second; returns the number of right answers."""
    said = subprocess.run(
        [servers.tool("wrk"), "-t1", "-c%d" % connections, "-d1s",
         "--timeout", "30s", url],
        stdout=subprocess.PIPE, check=True, timeout=servers.LIMIT, text=True
    ).stdout
    assert "Socket errors" not in said and "Non-2xx" not in said, said
    return int(re.search(r"(\d+) requests in", said).group(1))


def test_load_by_wrk(hub_name):
    with servers.service(hub_name, WSGI) as server:
        url = "http://127.0.0.1:" + server.expect("port")
        assert wrk(url + "/busy", 100) >= 100
        assert wrk(url + "/sleep", 100) >= 100
        assert servers.curl(url + "/after") == "you asked for /after\n"
        assert server.lines == ["port " + url.rsplit(":")[-1]]


def test_ends_by_sigint(hub_name):
    with servers.service(hub_name, WSGI) as server:
        url = "http://127.0.0.1:" + server.expect("port")
        assert servers.curl(url + "/a") == "you asked for /a\n"
        server.signal(signal.SIGINT)
        server.ends()  # wsgi.server returns on KeyboardInterrupt


GUNICORN_APP = """
import os

import eventlet
import eventlet.hubs

def app(environ, start_response):
    eventlet.sleep(0.001)
    start_response("200 OK", [("Content-Type", "text/plain")])
    hub = type(eventlet.hubs.get_hub()).__module__
    return [("%s %d" % (hub, os.getpid())).encode()]
"""


def test_workers_of_gunicorn(hub_name, tmp_path):
    """Forked workers share the listening socket; each has a hub of its own."""
    (tmp_path / "pages.py").write_text(GUNICORN_APP)
    env = dict(os.environ, EVENTLET_HUB="greenhub." + hub_name)
    command = [servers.sys.executable, "-u", "-m", "gunicorn", "-k", "eventlet",
               "-w", "2", "--bind", "127.0.0.1:0", "pages:app"]
    with servers.other(*command, cwd=str(tmp_path), env=env) as server:
        def port():
            return re.search(r"Listening at: http://127.0.0.1:(\d+)",
                             server.output())
        url = "http://127.0.0.1:" + servers.until(
            "gunicorn listens", port).group(1)
        # It listens before its workers start: the first page waits for one of them.
        hub, pid = servers.curl(url).split()
        assert hub == "greenhub." + hub_name
        assert int(pid) != server.process.pid
        assert wrk(url, 20) >= 20
        server.signal(signal.SIGTERM)
        server.ends()


PAGES = """
import os

import eventlet
import eventlet.hubs

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/fail":
        raise RuntimeError("intentional")
    if path == "/environ":
        text = repr([environ[key] for key in (
            "RAW_URI", "SERVER_PROTOCOL", "wsgi.url_scheme", "wsgi.multiprocess")])
    elif path == "/file":
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](open(__file__, "rb"))
    else:
        eventlet.sleep(0.001)
        text = "%s %d" % (type(eventlet.hubs.get_hub()).__module__, os.getpid())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text.encode()]

def pre_request(worker, request):
    worker.log.info("before %s %s", request.method, request.path)

def post_request(worker, request, environ, response):
    worker.log.info("after %s %s", request.uri, response.status)
"""


def gunicorn(folder, *arguments, hub=None):
    (folder / "pages.py").write_text(PAGES)
    env = dict(os.environ, EVENTLET_HUB="greenhub." + hub if hub else "")
    return servers.other(
        servers.sys.executable, "-u", "-m", "gunicorn", "-k",
        "greenhub.gunicorn.Worker", "--bind", "127.0.0.1:0", *arguments,
        "pages:app", cwd=str(folder), env=env)


def url_of(server):
    return "http://127.0.0.1:" + servers.until(
        "gunicorn listens", lambda: re.search(
            r"Listening at: http://127.0.0.1:(\d+)", server.output())).group(1)


def test_our_workers_of_gunicorn(hub_name, tmp_path):
    with gunicorn(tmp_path, "-w", "2", hub=hub_name) as server:
        url = url_of(server)
        hub, pid = servers.curl(url).split()
        assert hub == "greenhub." + hub_name
        assert int(pid) != server.process.pid
        assert wrk(url, 20) >= 20
        server.signal(signal.SIGTERM)
        server.ends()


def test_our_worker_of_gunicorn_in_detail(tmp_path):
    with gunicorn(tmp_path, "--access-logfile", "-", "--access-logformat",
                  "logged %(r)s %(s)s %({x-a}i)s", "-c", "pages.py") as server:
        url = url_of(server)
        assert servers.curl(url).startswith("greenhub")
        assert servers.curl(url + "/environ?a=b", "-H", "X-A: b", "-H",
                            "X-Forwarded-Proto: https") == \
            "['/environ?a=b', 'HTTP/1.1', 'https', False]"
        assert servers.curl(url + "/file") == PAGES
        assert servers.curl("-w", "%{http_code}", url + "/fail") == "500"
        for line in ("logged GET /environ?a=b HTTP/1.1 200 b",
                     "before GET /environ", "after /environ?a=b 200",
                     "RuntimeError: intentional"):
            servers.until(line, lambda: line in server.output())
        server.signal(signal.SIGTERM)
        server.ends()


def test_our_worker_of_gunicorn_restarts(tmp_path):
    with gunicorn(tmp_path, "--max-requests", "3") as server:
        url = url_of(server)
        first = servers.curl(url).split()[1]
        servers.until("another worker",
                      lambda: servers.curl(url).split()[1] != first)
        server.signal(signal.SIGTERM)
        server.ends()
