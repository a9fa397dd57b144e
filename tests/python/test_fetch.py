"""A green urllib client fetches a thousand pages from a server without
Eventlet."""

import servers

PAGES = 1000

SERVER = """
import http.server, sys
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
server = Server(("127.0.0.1", 0), Handler)
print("port", server.server_address[1], flush=True)
server.serve_forever()
"""

CLIENT = """
from eventlet.green.urllib import request
from eventlet.green.urllib.error import HTTPError

url = sys.argv[1]
most = now = 0

def fetch(number):
    global most, now
    now += 1
    most = max(most, now)
    with eventlet.Timeout(50):
        body = request.urlopen("%s/%d.txt" % (url, number)).read()
    now -= 1
    return number, body

pool = eventlet.GreenPool(64)
done = 0
for number, body in pool.imap(fetch, range(int(sys.argv[2]))):
    assert number == done, (number, done)
    assert body == b"page %d\\n" % number * 100, body
    done += 1
assert most == 64 and now == 0, (most, now)
try:
    fetch(done)
except HTTPError as error:
    assert error.code == 404
print("fetched", done)
"""


def test_a_thousand_pages(hub_name, tmp_path):
    for number in range(PAGES):
        (tmp_path / ("%d.txt" % number)).write_bytes(
            b"page %d\n" % number * 100)
    with servers.other(servers.sys.executable, "-c", SERVER,
                       cwd=str(tmp_path)) as server:
        url = "http://127.0.0.1:" + server.expect("port")
        with servers.service(hub_name, CLIENT, url, str(PAGES)) as client:
            assert client.ends() == "fetched %d" % PAGES
