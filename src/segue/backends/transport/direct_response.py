"""One answer on the direct path: what came and was not read yet, and the one reader who may wait for more.

The connection puts bytes in, the reader takes them out, and nothing else stands between them: no queue, no task, one
future while the reader waits. As soon as the last byte has come the connection is free for others, whether or not the
bytes were read; until then a reader who does not read stops the connection, not the memory.
"""

import asyncio
from typing import Protocol

from segue.backends.transport.direct_decoding import Decoder, DecodingError
from segue.backends.transport.failures import classify_body, too_large, undecodable
from segue.core.failure import Failure, Kind
from segue.core.ports import TransportError

MOST_WAITING = 256 * 1024
"""Bytes of one answer that wait unread before its connection is stopped."""

_MOST_PIECES = 64  # pieces that wait before they are put together: a byte object of one byte takes 34
_MOST_AT_ONCE = 1024 * 1024  # bytes unpacked before others get their turn on the event loop


class Source(Protocol):
    """The connection that an answer comes from."""

    def resume(self) -> None:
        """Read on: what waited was taken."""
        ...

    def abandon(self) -> None:
        """Close at once: nobody wants the rest."""
        ...


class Listener(Protocol):
    """Who hears of bytes in the moment in which they come, in place of a reader."""

    def arrived(self, chunk: bytes) -> None:
        """These bytes have come; never empty."""
        ...

    def ended(self) -> None:
        """No more will be told; what came last, and how it ended, is there to be read."""
        ...


class DirectResponse:
    """`segue.core.ports.WireResponse` of the direct path.

    Attributes:
        status: the HTTP status.
        headers: lower case, the values of a repeated header joined with ", ". When the body is compressed, the headers
            that describe the compressed bytes are left out. Empty once somebody listens.
        pieces, size: what came and was not read, and how many bytes that is.
    """

    __slots__ = (
        "_complete",
        "_decoder",
        "_failure",
        "_length",
        "_limit",
        "_listener",
        "_loop",
        "_source",
        "_waiter",
        "headers",
        "pieces",
        "size",
        "status",
    )

    def __init__(
        self,
        source: Source,
        loop: asyncio.AbstractEventLoop,
        status: int,
        headers: dict[str, str],
        *,
        length: int | None,
        decoder: Decoder | None,
    ) -> None:
        self._source: Source | None = source
        self._loop = loop
        self.status = status
        self.headers = headers
        self._length = length
        self._decoder = decoder
        self.pieces: list[bytes | bytearray] = []
        self.size = 0
        self._limit: int | None = None
        self._complete = False
        self._failure: Failure | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._listener: Listener | None = None

    # The reader's side

    async def read_whole(self, limit: int) -> bytes:
        """The whole body, decoded; at once when it has come already.

        Raises:
            TransportError: it is larger than `limit` bytes, cut, malformed, or cannot be decompressed; the connection
                is closed.
        """
        if self._decoder is not None:
            return await self._unpack_whole(limit)
        if self._complete and self.size <= limit:
            return self._take()
        if self.size > limit or (self._length is not None and self._length > limit):
            self.close()
            raise TransportError(too_large(limit))
        self._limit = limit
        while not self._complete:
            if self._failure is not None:
                raise TransportError(self._failure_as(Kind.CONNECTION_LOST))
            if self.size > limit:
                self.close()
                raise TransportError(too_large(limit))
            await self._wait()
        if self.size > limit:
            raise TransportError(too_large(limit))
        return self._take()

    async def read_chunk(self) -> bytes:
        """The next bytes of the body as they come, decoded; `b""` at its proper end.

        Raises:
            TransportError: the body is cut, malformed or cannot be decompressed; the connection is closed.
        """
        return await self._next(Kind.STREAM_CUT)

    def listen(self, listener: Listener | None) -> bool:
        """Have somebody told of what comes instead of asking for it; `None` ends that.

        Returns:
            Whether anybody is told: not where bytes wait to be read, must be unpacked, or have ended.
        """
        if listener is not None and (self._decoder is not None or self.pieces or self._source is None):
            return False
        self._listener = listener
        if listener is not None:
            self.headers = {}  # seen by now; a stream may be long
        return listener is not None

    def close(self) -> None:
        """Give the connection up unless the body was read to its end; safe to call twice, and never waits."""
        source, self._source = self._source, None
        if source is not None:
            self.fail(classify_body(ConnectionAbortedError(), Kind.CONNECTION_LOST))
            source.abandon()

    def whole(self) -> bytes | None:
        """All of the body, which stays to be read; `None` where it has not come, or must be unpacked."""
        if not self._complete or self._decoder is not None:
            return None
        pieces = self.pieces
        if len(pieces) == 1 and type(pieces[0]) is bytes:
            return pieces[0]
        return b"".join(pieces)

    # The connection's side

    @property
    def packed(self) -> bool:
        """Whether the body is compressed."""
        return self._decoder is not None

    @property
    def soon_whole(self) -> bool:
        """Whether what is left may be waited for without a reader: it has a known length, and not a large one."""
        return self.status == 200 and self._length is not None and self._length <= MOST_WAITING  # noqa: PLR2004 - HTTP's own number

    @property
    def stopping(self) -> bool:
        """Whether so much waits unread that the connection should stop."""
        return self.size > MOST_WAITING and self._limit is None

    def arrived(self) -> None:
        """Bytes were put in; wake the reader, unless it waits for the whole."""
        listener = self._listener
        if listener is not None:
            if self.pieces:
                listener.arrived(self._take())
            return
        if len(self.pieces) > _MOST_PIECES:
            self._merge()
        if self._limit is None or self.size > self._limit:
            self._wake()

    def complete(self) -> None:
        """The last byte has come, and the connection goes its own way."""
        self._complete = True
        self._source = None
        if len(self.pieces) > _MOST_PIECES:
            self._merge()
        if self._waiter is not None or self._listener is not None:
            self._wake()

    def fail(self, failure: Failure) -> None:
        """No more will come, and what came is not whole."""
        self._source = None
        if self._failure is None and not self._complete:
            self._failure = failure
        self._wake()

    # Both

    async def _next(self, cut: Kind) -> bytes:
        while True:
            decoder = self._decoder
            if decoder is None:
                if self.pieces:
                    return self._take()
            else:
                try:
                    if piece := decoder.piece():
                        return piece
                    if self.pieces:
                        decoder.feed(self._take())
                        continue
                    if self._complete:
                        decoder.end()
                except DecodingError:
                    self._spoil()
            if self._failure is not None:
                raise TransportError(self._failure_as(cut))
            if self._complete:
                return b""
            await self._wait()

    async def _unpack_whole(self, limit: int) -> bytes:
        out = bytearray()
        turn = _MOST_AT_ONCE
        while piece := await self._next(Kind.CONNECTION_LOST):
            out += piece
            if len(out) > limit:
                self.close()
                raise TransportError(too_large(limit))
            if len(out) > turn:
                turn += _MOST_AT_ONCE
                await self._others_first()
        return bytes(out)

    def _take(self) -> bytes:
        """Everything that waits; reading goes on where it was stopped."""
        pieces = self.pieces
        taken = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.size = 0
        if self._source is not None:
            self._source.resume()
        return taken if type(taken) is bytes else bytes(taken)

    def _merge(self) -> None:
        first = self.pieces[0]
        merged = first if isinstance(first, bytearray) else bytearray(first)
        for piece in self.pieces[1:]:
            merged += piece
        self.pieces[:] = [merged]

    def _spoil(self) -> None:
        """The body cannot be unpacked: nothing that comes after it is of use."""
        self.close()
        self._failure = undecodable()

    def _failure_as(self, cut: Kind) -> Failure:
        failure = self._failure
        assert failure is not None  # noqa: S101 - the callers have looked
        return failure.with_(kind=cut) if failure.kind is Kind.CONNECTION_LOST else failure

    async def _others_first(self) -> None:
        turn = self._loop.create_future()
        self._loop.call_soon(_wake, turn)
        await self._patiently(turn)

    async def _wait(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("two readers of one answer")
        if self._source is not None:
            self._source.resume()
        self._waiter = self._loop.create_future()
        await self._patiently(self._waiter)

    async def _patiently(self, future: "asyncio.Future[None]") -> None:
        try:
            await future
        except BaseException:
            self.close()
            raise
        finally:
            self._waiter = None

    def _wake(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.ended()
        if self._waiter is not None:
            _wake(self._waiter)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
