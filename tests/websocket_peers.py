#!/usr/bin/env python3
"""WebSockets with peers that are not greenhub's: Python's websockets (asyncio), as client
and as server, and websocket-client; and the example of a chat.
"""

import asyncio
import http
import os
import ssl
import subprocess
import sys
import tempfile

import peers
from peers import Program, Skip, run, tool

try:
    import websocket
    import websockets
except ImportError:
    # The packages of the system are for the system's Python.
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    websockets = None

PEER = os.path.join(peers.BUILD, "tests", "websocket_peer")
FOLDER = tempfile.TemporaryDirectory()
ALL = bytes(i * 7 % 251 for i in range(300000))


def needed():
    if websockets is None:
        raise Skip("python3-websockets and python3-websocket are not installed")
    if not os.path.exists(PEER):
        raise Skip("built without llhttp or wslay")


def serve(*options, hub="poll"):
    needed()
    server = Program([PEER, "serve", "tcp://127.0.0.1:0", *options],
                     env={"GREENHUB_HUB": hub})
    host, port = server.listening()
    return server, "ws://%s:%d/echo" % (host, port)


def dial(url, *options, text="", hub="poll"):
    """What the client prints."""
    status, out, err = run([PEER, "dial", url, *options], text=text,
                           env={"GREENHUB_HUB": hub})
    assert status == 0, (status, out, err)
    return out.splitlines()


# ---- greenhub serves ------------------------------------------------------------------

async def talk(url, **more):
    async with websockets.connect(url, max_size=None, **more) as client:
        for message in ("", "hello", "h\u00e4 \u20ac \U0001f600", b"", b"\0\xff", ALL,
                        ALL.hex()):
            await client.send(message)
            assert await client.recv() == message, message[:20]
        await client.send(["one ", "", "two ", "three"])
        assert await client.recv() == "one two three"
        await asyncio.wait_for(await client.ping(b"p"), peers.PATIENCE)
        await client.close(4001, "enough")
        assert client.close_code == 4001, client.close_code


def case_a_client_on_every_hub():
    needed()
    for hub in peers.hubs():
        _, url = serve("compress", hub=hub)
        asyncio.run(talk(url, compression=None))
        asyncio.run(talk(url))


def case_a_client_with_all_forms_of_compression():
    needed()
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
    _, plain = serve()
    asyncio.run(talk(plain))
    for options in (), ("fresh",), ("bits=9",), ("bits=15",), ("fragment=500",):
        _, url = serve("compress", *options)
        for more in ({}, {"server_no_context_takeover": True},
                     {"client_no_context_takeover": True},
                     {"server_max_window_bits": 9, "client_max_window_bits": 9},
                     {"client_max_window_bits": True}):
            asyncio.run(talk(url, compression=None, extensions=[
                ClientPerMessageDeflateFactory(**more)]))


def case_many_clients():
    needed()

    async def one(url, number):
        async with websockets.connect(url) as client:
            for i in range(20):
                message = "%d of %d" % (i, number)
                await client.send(message)
                assert await client.recv() == message

    async def all_of_them(url):
        await asyncio.gather(*[one(url, number) for number in range(100)])

    for hub in peers.hubs():
        asyncio.run(all_of_them(serve("compress", hub=hub)[1]))


def case_subprotocols():
    needed()

    async def ask(url):
        async with websockets.connect(url, subprotocols=["x", "chat"]) as client:
            assert client.subprotocol == "chat", client.subprotocol
        async with websockets.connect(url, subprotocols=["x"]) as client:
            assert client.subprotocol is None, client.subprotocol

    asyncio.run(ask(serve("protocol=chat")[1]))


def case_an_origin_that_is_not_the_server():
    needed()

    async def ask(url):
        try:
            async with websockets.connect(url, origin="https://b.test"):
                raise AssertionError("accepted")
        except websockets.InvalidStatusCode as error:
            assert error.status_code == 403, error.status_code
        async with websockets.connect(url, origin=url.replace("ws", "http", 1)
                                      .rsplit("/", 1)[0]):
            pass

    asyncio.run(ask(serve()[1]))


def case_a_stop():
    needed()

    async def ask(server, url):
        async with websockets.connect(url) as client:
            await client.send("a")
            assert await client.recv() == "a"
            server.process.terminate()
            try:
                await client.recv()
                raise AssertionError("a message")
            except websockets.ConnectionClosed:
                pass

    asyncio.run(ask(*serve()))


def case_websocket_client():
    needed()
    _, url = serve()
    client = websocket.create_connection(url, timeout=peers.PATIENCE)
    client.send("hello")
    assert client.recv() == "hello"
    client.send_binary(ALL)
    assert client.recv() == ALL
    client.ping("x")
    opcode, data = client.recv_data(control_frame=True)
    assert (opcode, data) == (websocket.ABNF.OPCODE_PONG, b"x"), (opcode, data)
    client.close(1000)


# ---- greenhub dials ----------------------------------------------------------------------

def against(handler, check, **more):
    """Calls check(url) while a server of Python's runs the handler."""
    async def main():
        server = await websockets.serve(handler, "127.0.0.1", 0, max_size=None, **more)
        url = "ws://127.0.0.1:%d/x?y=z" % server.sockets[0].getsockname()[1]
        await asyncio.get_running_loop().run_in_executor(None, check, url)
        server.close()
        await server.wait_closed()

    needed()
    asyncio.run(main())


async def echo(client, path=None):
    assert client.path == "/x?y=z", client.path
    async for message in client:
        await (await client.ping())
        await client.send(message)


WORDS = "hello\nh\u00e4 \u20ac\ntext 100\nbinary 100000\ntext 70000\n"
ANSWERS = ["text: hello", "text: h\u00e4 \u20ac", "text 100", "binary 100000",
           "text 70000", "closed 1000 done"]


def case_a_server_on_every_hub():
    def check(url):
        for hub in peers.hubs():
            for options in (), ("compress",):
                lines = dial(url, *options, text=WORDS, hub=hub)
                assert lines == ["protocol -", *ANSWERS], lines

    against(echo, check)


def case_a_server_with_all_forms_of_compression():
    needed()
    from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

    def check(url):
        for options in ((), ("compress",), ("compress", "fresh"), ("compress", "bits=9"),
                        ("compress", "fragment=1000")):
            lines = dial(url, *options, text=WORDS)
            assert lines[1:6] == ANSWERS[:-1], lines

    for more in ({}, {"server_no_context_takeover": True},
                 {"client_no_context_takeover": True}, {"server_max_window_bits": 10},
                 {"client_max_window_bits": 9}):
        against(echo, check, compression=None,
                extensions=[ServerPerMessageDeflateFactory(**more)])


def case_a_server_that_closes():
    async def close(client, path=None):
        await client.recv()
        await client.send(["one ", "two"])
        await client.close(4002, "b\u00e4h")

    def check(url):
        lines = dial(url, "protocol=chat", text="a\n")
        assert lines == ["protocol chat", "text: one two", "closed 4002 b\u00e4h"], lines

    against(close, check, subprotocols=["chat"])


def case_a_server_that_refuses():
    async def refuse(path, headers):
        return http.HTTPStatus.NOT_FOUND, [], b"no\n"

    def check(url):
        status, out, err = run([PEER, "dial", url], text="")
        assert (status, out) == (1, "dial: EPROTO, status 404\n"), (out, err)

    against(echo, check, process_request=refuse)


# ---- TLS ------------------------------------------------------------------------------------

def certificate():
    needed()
    crt, key = (os.path.join(FOLDER.name, name) for name in ("crt", "key"))
    if not os.path.exists(crt):
        status, out, err = run([
            tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", crt, "-days", "1",
            "-subj", "/CN=host", "-addext", "subjectAltName=IP:127.0.0.1"])
        assert status == 0, err
    if not os.path.exists(os.path.join(peers.BUILD, "companions", "tls",
                                       "libgreenhub-tls.so")):
        raise Skip("built without OpenSSL")
    return crt, key


def case_by_tls():
    crt, key = certificate()
    _, url = serve("compress", "tls=%s,%s" % (crt, key))
    url = url.replace("ws", "wss", 1)
    asyncio.run(talk(url, ssl=ssl.create_default_context(cafile=crt)))
    lines = dial(url, "trust=" + crt, "compress", text=WORDS)
    assert lines[1:6] == ANSWERS[:-1], lines
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)

    def check(url):
        lines = dial(url.replace("ws", "wss", 1), "trust=" + crt, text=WORDS)
        assert lines[1:6] == ANSWERS[:-1], lines

    against(echo, check, ssl=context)


# ---- The example ------------------------------------------------------------------------------

def case_a_chat():
    needed()

    async def chat(address):
        url = "ws://%s:%d/" % address
        async with websockets.connect(url) as one, websockets.connect(url) as two:
            await one.send("hello")
            assert [await one.recv(), await two.recv()] == ["hello", "hello"]
            await two.send("x" * 199)
            assert await one.recv() == await two.recv() == "x" * 199
            await two.send("x" * 200)
            try:
                await two.recv()
                raise AssertionError("a message")
            except websockets.ConnectionClosed as error:
                assert error.code == 1009, error
            await one.send("on")
            assert await one.recv() == "on"

    server = Program([peers.example("websocket_chat"), "tcp://127.0.0.1:0"])
    asyncio.run(chat(server.listening()))
    assert server.process.poll() is None


if __name__ == "__main__":
    peers.main(globals())
