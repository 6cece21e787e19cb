"""A gateway cannot be measured against a vendor that is slower than itself: this one only answers, as fast as it can.

It has no faults and keeps no records. Requests are checked as strictly as ever, but only once: the answer to a request
that is the same byte for byte, but for other headers, is the same answer again, with the same identifier.
"""

import asyncio
import itertools
import re
from typing import Final
from urllib.parse import parse_qsl, unquote

from segue.simulator.exchange import BODY_LIMIT, Exchange, clean
from segue.simulator.faults.framing import raw
from segue.simulator.script import Raw
from segue.simulator.vendors import route

_HEAD_LIMIT: Final = 65_536
_REMEMBERED: Final = 256
_LARGEST_REMEMBERED: Final = 1 << 18
_LENGTH: Final = re.compile(rb"[0-9]{1,9}")
_REFUSED: Final = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_Key = tuple[bytes, ...]
# What an answer depends on beside the first line and the body.
_TELLING: Final = (b"authorization", b"x-api-key", b"x-goog-api-key", b"anthropic-version", b"content-type")


class Answers:
    """The answers as bytes, of which up to 256 are remembered, none above 256 KiB."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._numbers = itertools.count(1)
        self._known: dict[_Key, bytes] = {}

    def to(self, line: bytes, headers: dict[bytes, bytes], body: bytes) -> bytes:
        """The whole answer to one request, given its first line, its headers (names in lower case) and its body."""
        key = (line, *(headers.get(name, b"") for name in _TELLING), body)
        known = self._known.get(key)
        if known is None:
            known = self._made(line, headers, body)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            if len(body) + len(known) <= _LARGEST_REMEMBERED:
                self._known[key] = known
        return known

    def _made(self, line: bytes, headers: dict[bytes, bytes], body: bytes) -> bytes:
        method, _, rest = line.decode("latin-1").partition(" ")
        target, _, query = rest.rpartition(" ")[0].partition("?")
        account, vendor, path = route(unquote(target))
        exchange = Exchange(
            number=next(self._numbers),
            account=account,
            method=method,
            path=clean(path),
            query={clean(name): clean(value) for name, value in parse_qsl(query)},
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()},
            body=b"",
            seed=self._seed,
            target=clean(rest.rpartition(" ")[0]),
        )
        exchange.read(body)
        steps = raw(vendor.answer(exchange), close=False)
        wanted = [step for step in steps if isinstance(step, Raw) and not (method == "HEAD" and step.of_body)]
        return b"".join(step.data for step in wanted)


class Connection(asyncio.Protocol):
    """One connection: requests one after another, each answered in one piece, after `delay` seconds."""

    def __init__(self, answers: Answers, delay: float, known: "set[Connection]") -> None:
        self._answers = answers
        self._delay = delay
        self._known = known
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; both event loops give a transport that writes, though uvloop's is not of asyncio's class."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's transports share no class with asyncio's
        self._known.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        del error
        self._known.discard(self)
        self._transport = None

    def close(self) -> None:
        """End the connection now."""
        if self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        """Who does not read what it asked for may not ask for more."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Listen again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer all requests that are complete."""
        self._buffer += data
        while self._buffer and self._next():
            pass

    def _next(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return self._refuse(b"431 Request Header Fields Too Large") if len(self._buffer) > _HEAD_LIMIT else False
        line, *rest = bytes(self._buffer[:end]).split(b"\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(b":") for one in rest)}
        length = headers.get(b"content-length", b"0")
        if b"transfer-encoding" in headers or not _LENGTH.fullmatch(length):
            return self._refuse(b"411 Length Required")
        if line.count(b" ") < 2:  # noqa: PLR2004 - a method, a target, and a version
            return self._refuse(b"400 Bad Request")
        size = int(length)
        if size > BODY_LIMIT:
            return self._refuse(b"413 Content Too Large")
        if len(self._buffer) < end + 4 + size:
            return False
        body = bytes(self._buffer[end + 4 : end + 4 + size])
        del self._buffer[: end + 4 + size]
        answer = self._answers.to(line, headers, body)
        self._reply(answer, close=headers.get(b"connection", b"").lower() == b"close")
        return True

    def _refuse(self, status: bytes) -> bool:
        self._buffer.clear()
        self._write(_REFUSED % status, close=True)
        return False

    def _reply(self, answer: bytes, *, close: bool) -> None:
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, lambda: self._write(answer, close=close))
        else:
            self._write(answer, close=close)

    def _write(self, answer: bytes, *, close: bool) -> None:
        if self._transport is None:
            return
        self._transport.write(answer)
        if close:
            self._transport.close()


class LoadSource:
    """A port that answers as fast as it can."""

    def __init__(self, host: str, seed: int) -> None:
        self._host = host
        self._answers = Answers(seed)
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def start(self, port: int, delay: float) -> int:
        """Open the port (0: any free one) and return its number; each answer comes after `delay` seconds."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self._answers, delay, self._connections), self._host, port, backlog=1024
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """End all connections and close the port."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._connections):
            connection.close()
        await server.wait_closed()
