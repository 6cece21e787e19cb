"""A server that says exactly the bytes that a test writes, and knows which connections are open."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

Script = Callable[["Peer"], Awaitable[None]]


class Peer:
    """One accepted connection, seen from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.reader = reader
        self.writer = writer
        self.number = number
        self.gone = asyncio.Event()

    async def request(self) -> bytes:
        """The next request, head and body; `b""` when the client has closed."""
        try:
            head = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return head + await self.reader.readexactly(int(value))
        return head

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    def reset(self) -> None:
        """Close with RST."""
        self.writer.transport.abort()

    async def until_closed(self) -> None:
        """Wait until the client closes its side."""
        try:
            while await self.reader.read(65_536):
                pass
        except ConnectionError:
            pass


class Server:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self.open = 0
        self.requests: list[bytes] = []
        self._changed = asyncio.Event()
        self.port = 0
        self.tasks: set[asyncio.Task] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self.tasks.add(task)
        peer = Peer(reader, writer, len(self.peers) + 1)
        self.peers.append(peer)
        self.open += 1
        self._changed.set()
        try:
            await self.script(peer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.open -= 1
            peer.gone.set()
            self._changed.set()
            self.tasks.discard(task)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on this server holds; at most 5 seconds."""
        async with asyncio.timeout(5):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def url(self, path: str = "/", *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def serving(script: Script, *, tls: ssl.SSLContext | None = None):
    server = Server(script)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for peer in server.peers:
            peer.writer.transport.abort()
        if server.tasks:
            await asyncio.wait(server.tasks, timeout=5)


def answer(body: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


def always(*pieces: bytes) -> Script:
    """A script that says the same to each request, and keeps the connection."""

    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.say(*pieces)

    return script
