"""A stream from its first content on: one loop reads it, and everything that must be settled hears of its end once.

A cut stream that looks like a finished one is the worst answer of all: the caller stores half a sentence as the whole.
So a stream is complete only when its reader has seen the format's own end; a closed connection, a stall and a broken
event are failures, and `end` says so.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from segue.core.failure import Executed, Failure, Kind
from segue.core.outcome import Ending, StreamEnd
from segue.core.ports import Limits, StreamReader, TransportError, WireResponse

FINISH_WAIT: Final = 1.0
"""Seconds that an answer whose every choice has finished is given for its usage and its terminator, all together."""

TRAILER_WAIT: Final = 0.05
"""Seconds granted after a stream's own terminator for the connection's, so that the connection can be used again."""


class OpenedStream:
    """A provider's answer, piece by piece, in the caller's format.

    Args:
        response: the answer; from now on this closes it.
        reader: has seen the first content.
        limits: `idle` and `stream` count from now on.
    """

    __slots__ = (
        "_end",
        "_ends_at",
        "_finish_by",
        "_first",
        "_idle",
        "_limit",
        "_pending",
        "_pending_since",
        "_reader",
        "_response",
        "_settlers",
    )

    def __init__(self, response: WireResponse, reader: StreamReader, limits: Limits) -> None:
        self._response = response
        self._reader = reader
        self._first = b""
        self._idle = limits.idle
        self._limit = limits.stream
        self._ends_at = asyncio.get_running_loop().time() + limits.stream
        self._finish_by: float | None = None
        self._pending: asyncio.Task[bytes] | None = None
        self._pending_since = 0.0
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

    def show(self, first: bytes) -> None:
        """Its commit point has come: let `read` begin with what was kept back until now."""
        self._first = first

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
                chunk = await self.next_chunk()
                out = reader.feed(chunk) if chunk else reader.end()
            except TransportError as error:
                self._fail(cut_off(error))
                break
            except BaseException:
                self.cancel()
                raise
            if reader.failure is not None:
                self._fail(reader.failure)
            elif not chunk and not reader.finished:
                self._fail(ENDED_UNTOLD)
            if out:
                return out
        return b""

    async def next_chunk(self, patience: float | None = None) -> bytes | None:
        """The provider's next bytes; `b""` at their end, and where nothing more needs to come.

        Args:
            patience: seconds after which `None` is given back. The read goes on, and the next call gets what it brings.

        Raises:
            TransportError: the stream is cut, has stalled, or takes longer than a stream may.
        """
        now = asyncio.get_running_loop().time()
        since = now if self._pending is None else self._pending_since
        when = min(since + self._idle, self._ends_at)
        answered = self._reader.answered
        if answered:
            if self._finish_by is None:
                self._finish_by = now + FINISH_WAIT
            when = min(when, self._finish_by)
        if patience is not None and now + patience < when and not await self._comes_within(patience):
            return None
        timeout = asyncio.timeout_at(when)
        try:
            async with timeout:
                if self._pending is None:
                    return await self._response.read_chunk()
                chunk = await self._pending
                self._pending = None
                return chunk
        except TransportError:
            if not answered:
                raise
        except TimeoutError:
            if not timeout.expired():
                raise
            if not answered:
                raise self._too_slow(when) from None
        self._response.close()
        return b""

    async def _comes_within(self, patience: float) -> bool:
        # A read that is cut off costs its connection, so it is a task of its own that goes on when patience ends.
        if self._pending is None:
            self._pending_since = asyncio.get_running_loop().time()
            self._pending = asyncio.ensure_future(self._response.read_chunk())
        done, _ = await asyncio.wait((self._pending,), timeout=patience)
        return bool(done)

    def _too_slow(self, when: float) -> TransportError:
        if when >= self._ends_at:
            return TransportError(Failure(Kind.STREAM_CUT, f"longer than the limit of {self._limit:g} s"))
        return TransportError(Failure(Kind.STREAM_CUT, f"it stalled for more than {self._idle:g} s"))

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
            self._pending.cancel()  # also tells asyncio not to complain of an error that nobody looked at
            self._pending = None
        self._response.close()
        settlers, self._settlers = self._settlers, []
        for settle in settlers:
            settle(end)


ENDED_UNTOLD: Final = Failure(Kind.STREAM_CUT, "the stream ended, and its reader does not say how")
"""A lax format: what it does not call an end is none."""


def cut_off(error: TransportError) -> Failure:
    """The failure of a stream whose content had begun."""
    return Failure(Kind.STREAM_CUT, f"the stream was cut: {error.failure.message}", Executed.UNKNOWN)
