#!/usr/bin/env python3
"""The page of the example of a chat, in Chromium without a window: two pages, driven by the
DevTools protocol, and a client of Python's.
"""

import json
import os
import sys
import tempfile
import urllib.request

import peers
from peers import Program, Skip, tool, until

try:
    import websocket
except ImportError:
    # The packages of the system are for the system's Python.
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    websocket = None

FOLDER = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


class Page:
    """A page of the browser."""

    def __init__(self, browser, url):
        request = urllib.request.Request("http://%s/json/new?%s" % (browser, url),
                                         method="PUT")
        with urllib.request.urlopen(request, timeout=peers.PATIENCE) as answer:
            address = json.load(answer)["webSocketDebuggerUrl"]
        self.tools = websocket.create_connection(address, timeout=peers.PATIENCE,
                                                 suppress_origin=True)
        self.number = 0

    def run(self, script):
        """The value of a script."""
        self.number += 1
        self.tools.send(json.dumps({
            "id": self.number, "method": "Runtime.evaluate",
            "params": {"expression": script, "returnByValue": True}}))
        while True:
            answer = json.loads(self.tools.recv())
            if answer.get("id") == self.number:
                assert "exceptionDetails" not in answer["result"], answer
                return answer["result"]["result"].get("value")

    def ready(self):
        until("the page is connected", lambda: self.run(
            "typeof socket == 'object' && socket.readyState == WebSocket.OPEN"))

    def say(self, text):
        self.run("text.value = %s; form.requestSubmit()" % json.dumps(text))

    def shows(self, lines):
        until("the page shows %r" % lines,
              lambda: self.run("lines.textContent") == lines)


def browser():
    if websocket is None:
        raise Skip("python3-websocket is not installed")
    if not os.path.exists(os.path.join(peers.BUILD, "tests", "websocket_peer")):
        raise Skip("built without llhttp or wslay")
    chromium = Program([
        tool("chromium"), "--headless", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
        "--user-data-dir=" + FOLDER.name, "about:blank"])
    found = chromium.line(r"DevTools listening on ws://([^/]+)/", chromium.err)
    return found.group(1)


def case_a_chat_in_pages():
    tools = browser()
    server = Program([peers.example("websocket_chat"), "tcp://127.0.0.1:0"])
    address = "%s:%d" % server.listening()
    one, two = (Page(tools, "http://%s/" % address) for _ in range(2))
    one.ready()
    two.ready()
    one.say("hello")
    for page in one, two:
        page.shows("hello\n")
    two.say("h\u00e4 \u20ac <b>")
    for page in one, two:
        page.shows("hello\nh\u00e4 \u20ac <b>\n")
    client = websocket.create_connection("ws://%s/" % address, timeout=peers.PATIENCE)
    client.send("from Python")
    assert client.recv() == "from Python"
    for page in one, two:
        page.shows("hello\nh\u00e4 \u20ac <b>\nfrom Python\n")
    one.say("x" * 300)
    one.shows("hello\nh\u00e4 \u20ac <b>\nfrom Python\nclosed: 1009")
    two.say("on")
    two.shows("hello\nh\u00e4 \u20ac <b>\nfrom Python\non\n")
    assert client.recv() == "on"
    server.stop()
    two.shows("hello\nh\u00e4 \u20ac <b>\nfrom Python\non\nclosed: 1006")


if __name__ == "__main__":
    peers.main(globals())
