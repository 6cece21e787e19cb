"""A stream after its commit point: one loop reads it, and everything that must be settled hears of its end once.

A cut stream that looks like a finished one is the worst answer of all: the caller stores half a sentence as the whole.
So a stream is complete only when its reader has seen the format's own end; a closed connection, a stall and a broken
event are failures, and `end` says so.
"""

import asyncio
from collections.abc import Callable

from segue.core.failure import Executed, Failure, Kind
from segue.core.outcome import Ending, StreamEnd
from segue.core.ports import Limits, StreamReader, TransportError, WireResponse
from segue.pipeline.hold import terminator

TRAILER_WAIT = 0.05
"""Seconds granted after a stream's own terminator for the connection's, so that the connection can be used again."""


class OpenedStream:
    """A provider's answer, piece by piece, in the caller's format."""

    __slots__ = ("_end", "_ends_at", "_first", "_idle", "_limit", "_pending", "_reader", "_response", "_settlers")

    def __init__(
        self,
        response: WireResponse,
        reader: StreamReader,
        first: bytes,
        limits: Limits,
        pending: "asyncio.Task[bytes] | None" = None,
    ) -> None:
        self._response = response
        self._reader = reader
        self._first = first
        self._idle = limits.idle
        self._limit = limits.stream
        self._ends_at = asyncio.get_running_loop().time() + limits.stream
        self._pending = pending
        self._end: StreamEnd | None = None
        self._settlers: list[Callable[[StreamEnd], None]] = []

    @property
    def end(self) -> StreamEnd | None:
        """How the stream ended; `None` while it is open."""
        return self._end

    def on_end(self, settle: Callable[[StreamEnd], None]) -> None:
        """Have `settle` called exactly once when the stream ends."""
        if self._end is not None:
            settle(self._end)
        else:
            self._settlers.append(settle)

    def cancel(self) -> None:
        """The reader went away."""
        self._settle(Ending.CANCELLED)

    async def read(self) -> bytes:
        """The next bytes for the caller; `b""` at the end."""
        if self._first:
            first, self._first = self._first, b""
            return first
        reader = self._reader
        while self._end is None:
            if reader.finished:
                await self._finish()
                break
            try:
                chunk = await self._next_chunk()
                out = reader.feed(chunk) if chunk else reader.end()
            except TransportError as error:
                self._fail(Failure(Kind.STREAM_CUT, f"the stream was cut: {error.failure.message}", Executed.UNKNOWN))
                break
            except BaseException:
                self.cancel()
                raise
            if reader.failure is not None:
                self._fail(reader.failure)
            elif not chunk and not reader.finished:
                self._fail(Failure(Kind.STREAM_CUT, "the stream ended, and its reader does not say how"))
            if out:
                return out
        return b""

    async def _next_chunk(self) -> bytes:
        if self._reader.answered and self._pending is None:
            return await terminator(self._response)
        loop = asyncio.get_running_loop()
        now = loop.time()
        when = min(now + self._idle, self._ends_at)
        timeout = asyncio.timeout_at(when)
        try:
            async with timeout:
                if self._pending is not None:  # a read that began before the commit point
                    chunk = await self._pending
                    self._pending = None
                    return chunk
                return await self._response.read_chunk()
        except TimeoutError:
            if not timeout.expired():
                raise
        if when >= self._ends_at:
            raise TransportError(Failure(Kind.STREAM_CUT, f"longer than the limit of {self._limit:g} s"))
        raise TransportError(Failure(Kind.STREAM_CUT, f"it stalled for more than {self._idle:g} s"))

    async def _finish(self) -> None:
        """The format's end was seen; give the connection a moment to end, too."""
        try:
            async with asyncio.timeout(TRAILER_WAIT):
                await self._response.read_chunk()
        except (TimeoutError, TransportError):
            pass  # the answer is whole; the connection is given up
        except BaseException:
            self._settle(Ending.COMPLETE)
            raise
        self._settle(Ending.COMPLETE)

    def _fail(self, failure: Failure) -> None:
        self._settle(Ending.FAILED, failure)

    def _settle(self, ending: Ending, failure: Failure | None = None) -> None:
        if self._end is not None:
            return
        self._end = end = StreamEnd(ending, failure, self._reader.usage)
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        self._response.close()
        settlers, self._settlers = self._settlers, []
        for settle in settlers:
            settle(end)
