"""The yardstick of streams: a relay that does nothing but relay, on the transport that Segue uses.

    python -m benchmarks.relay PORT UPSTREAM

No key, no plan, no breaker, no record, no limit; no errors either: it is for measurements only. What it reaches is
what the transport, uvloop, httptools and the interpreter leave to anything written in Python.
"""

import asyncio
import socket
import sys

import httptools
import uvloop

from segue.backends.transport.direct import DirectTransport
from segue.core.ports import WireRequest

HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n"


class Relay(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, upstream: str, network: DirectTransport) -> None:
        self.upstream = upstream
        self.network = network
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.path = self.body = b""

    def connection_lost(self, _error: Exception | None) -> None:
        if self.task is not None:
            self.task.cancel()

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.path, self.body = url, b""

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self.relay())

    async def relay(self) -> None:
        request = WireRequest("POST", self.upstream + self.path.decode(), HEADERS, self.body)
        response = await self.network.send(request, connect=10, allow_private=True)
        kind = response.headers["content-type"].encode()
        if "content-length" in response.headers:
            body = await response.read_whole(1_000_000)
            self.transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (HEAD % kind, len(body), body))
            return
        self.transport.write(b"%btransfer-encoding: chunked\r\n\r\n" % (HEAD % kind))
        while piece := await response.read_chunk():
            self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.transport.write(b"0\r\n\r\n")


async def main() -> None:
    """Serve until SIGTERM."""
    network = DirectTransport(per_host=30_000)
    loop = asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=2048)
    for _ in range(8):  # as Segue does (`segue.http.server.ACCEPTORS`), whose room is not to be loaded here
        await loop.create_server(lambda: Relay(sys.argv[2], network), sock=listening.dup(), backlog=2048)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
