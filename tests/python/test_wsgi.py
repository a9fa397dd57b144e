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
