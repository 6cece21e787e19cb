"""A network that says what a test wrote, and knows which answers were left open.

It stands where the real transport stands, below the real executor and the real formats, so that bytes, cuts, stalls
and refusals can be tested in virtual time, and a leaked connection is seen.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from segue.core.failure import Executed, Failure, Kind
from segue.core.ports import TransportError, WireRequest
from segue.testing.scripted import FOR_EVER


class Close(StrEnum):
    """How the body of an answer ends."""

    PROPER = "proper"
    CUT = "cut"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of the network; made by `replies`, `refuses` and `stalls`.

    Attributes:
        after: seconds until the headers come.
        pieces: the body as it comes: bytes, and numbers for pauses in seconds.
        refused: the failure instead of an answer.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[bytes | float, ...] = ()
    close: Close = Close.PROPER
    after: float = 0.0
    refused: Failure | None = None


def replies(
    *pieces: bytes | float,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    after: float = 0.0,
    close: Close = Close.PROPER,
) -> Reply:
    """An answer whose body comes in these pieces; a number among them is a pause in seconds."""
    return Reply(status, headers or {}, pieces, close, after)


def refuses(kind: Kind = Kind.CONNECT, *, after: float = 0.0, executed: Executed = Executed.NO) -> Reply:
    """No answer but a failure of the network."""
    return Reply(after=after, refused=Failure(kind, f"scripted: {kind.value}", executed))


def stalls() -> Reply:
    """A connection over which nothing ever comes."""
    return Reply(after=FOR_EVER)


class ScriptedTransport:
    """A `segue.core.ports.Transport` that follows scripts.

    Args:
        hosts: for each host, what it answers in turn; its last reply is repeated.

    Attributes:
        requests: every request so far, in order.
        open: answers that were neither read to their end nor closed.
        closed: whether the transport itself was closed.
    """

    def __init__(self, hosts: Mapping[str, Iterable[Reply]] | None = None) -> None:
        self._hosts = {host: list(script) for host, script in (hosts or {}).items()}
        self.requests: list[WireRequest] = []
        self.open: set[ScriptedResponse] = set()
        self.closed = False

    async def send(self, request: WireRequest, *, connect: float, allow_private: bool) -> "ScriptedResponse":  # noqa: ARG002 - the port's own shape
        """Answer as the script of the request's host has it."""
        self.requests.append(request)
        reply = self._next(urlsplit(request.url).hostname or "")
        if reply.after:
            await asyncio.sleep(reply.after)
        if reply.refused is not None:
            raise TransportError(reply.refused)
        response = ScriptedResponse(reply, self)
        self.open.add(response)
        return response

    async def close(self) -> None:
        """Note that it was closed."""
        self.closed = True

    def _next(self, host: str) -> Reply:
        script = self._hosts.get(host)
        if not script:
            raise TransportError(Failure(Kind.CONNECT, f"nothing is scripted for {host}", Executed.NO))
        return script.pop(0) if len(script) > 1 else script[0]


class ScriptedResponse:
    """An answer whose headers have come."""

    def __init__(self, reply: Reply, transport: ScriptedTransport) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._left = list(reply.pieces)
        self._close = reply.close
        self._transport = transport

    async def read_whole(self, limit: int) -> bytes:
        """The whole body."""
        body = b""
        while piece := await self.read_chunk():
            body += piece
            if len(body) > limit:
                raise TransportError(Failure(Kind.BAD_RESPONSE, f"the body is larger than {limit} bytes"))
        return body

    async def read_chunk(self) -> bytes:
        """The next piece of the body."""
        while self._left:
            piece = self._left.pop(0)
            if isinstance(piece, bytes):
                return piece
            await asyncio.sleep(piece)
        if self._close is Close.HANG:
            await asyncio.sleep(FOR_EVER)
        self.close()
        if self._close is Close.CUT:
            raise TransportError(Failure(Kind.CONNECTION_LOST, "scripted: the connection was cut"))
        return b""

    def close(self) -> None:
        """Give the connection up."""
        self._transport.open.discard(self)


def sse(*events: str | bytes, done: bool = True) -> Sequence[bytes]:
    """Events as pieces of a body, with OpenAI's terminator unless `done` is False."""
    pieces = [b"data: " + (event.encode() if isinstance(event, str) else event) + b"\n\n" for event in events]
    return [*pieces, b"data: [DONE]\n\n"] if done else pieces
