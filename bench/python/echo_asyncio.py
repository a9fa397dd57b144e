"""An echo server on asyncio, of callbacks, which is its fastest kind.

    echo_asyncio.py asyncio|uvloop PORT [large]
"""

import asyncio
import sys

import common


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport  # asyncio has set TCP_NODELAY

    def data_received(self, data):
        self.transport.write(data)


async def main():
    server = await asyncio.get_running_loop().create_server(
        Echo, "127.0.0.1", common.port(), backlog=common.BACKLOG)
    common.print_port(server.sockets[0])
    await server.serve_forever()


if sys.argv[1] == "uvloop":
    common.need("uvloop").install()
asyncio.run(main())
