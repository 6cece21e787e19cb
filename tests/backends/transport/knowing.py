"""Connections that have always learnt a head like the one that comes: what a known head might change shows there."""

from contextlib import asynccontextmanager
from unittest.mock import patch

from backends.transport.support import direct
from backends.transport.wire import Book, Wire
from segue.backends.transport import direct_pool
from segue.backends.transport.direct_protocol import Connection

USUAL = 3
"""Answers that a connection has carried before: of the first one nothing is learnt."""

_KEPT = {b"connection: keep-alive", b"keep-alive: timeout=5", b"content-encoding: identity"}


def usual_like(data: bytes) -> bytes:
    """A usual answer whose head has the lines of these bytes, with other values, as far as a usual one has them."""
    lines, names = [b"HTTP/1.1 200 OK"], {b"transfer-encoding", b"connection", b"keep-alive", b"content-encoding"}
    for number, line in enumerate(data.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:150]):
        name = line.partition(b":")[0]
        lower = name.lower()
        if lower in names or len(name) > 100 or not name.replace(b"-", b"").isalnum():
            lines.append(line.lower() if line.lower() in _KEPT else b"x-other-%d: usual" % number)
        else:
            lines.append(name + (b": 2" if lower == b"content-length" else b": usual"))
        names.add(lower)
    if b"content-length" not in names:
        lines.append(b"content-length: 2")
    return b"\r\n".join(lines) + b"\r\n\r\n{}"


class Nobody:
    """Is told, and wants nothing."""

    def answered(self, response) -> None: ...

    def failed(self, failure) -> None:
        raise AssertionError(failure)


class Knowing(Connection):
    """A connection that has carried usual answers, most like the one that comes, before each."""

    __slots__ = ()
    taken = 0

    def data_received(self, data: bytes) -> None:
        if self._waiting and not self.heard:
            other = Connection(self._loop, Book())
            other.connection_made(Wire(self._loop, other))
            for _ in range(USUAL):
                other.begin(b"", b"", Nobody())
                other.data_received(usual_like(data))
            self._known, self._learnt = other._known, other._learnt
        super().data_received(data)

    def _take(self, headers: dict[str, str], body: bytes) -> None:
        Knowing.taken += 1
        super()._take(headers, body)


@asynccontextmanager
async def knowing(**options):
    """The direct transport, all of whose connections know a head."""
    with patch.object(direct_pool, "Connection", Knowing):
        async with direct(**options) as transport:
            yield transport
