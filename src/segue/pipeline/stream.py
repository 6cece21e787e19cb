"""A stream from its first content on: one loop reads it, and everything that must be settled hears of its end once.

A cut stream that looks like a finished one is the worst answer of all: the caller stores half a sentence as the whole.
So a stream is complete only when its reader has seen the format's own end; a closed connection, a stall and a broken
event are failures, and `end` says so.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from segue.core.failure import Executed, Failure, Kind
from segue.core.outcome import Ending, StreamEnd
from segue.core.ports import Limits, SoFar, StreamReader, TransportError, WireResponse
from segue.pipeline.alarm import Alarm
from segue.pipeline.pouring import Listen, Push

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
        "_alarm", "_end", "_ends_at", "_finish_by", "_first", "_idle", "_limit", "_listen", "_loop", "_pending",
        "_pending_since", "_poured", "_push", "_reader", "_reading", "_response", "_settlers", "_stalled",
    )  # fmt: skip

    def __init__(self, response: WireResponse, reader: StreamReader, limits: Limits) -> None:
        self._response = response
        self._reader = reader
        self._first = b""
        self._idle = limits.idle
        self._limit = limits.stream
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + limits.stream
        self._alarm = Alarm(self._loop, self._ends_at, self._ring)
        self._reading: asyncio.Task[Any] | None = None
        self._stalled: TransportError | None = None
        self._poured: asyncio.Future[None] | None = None
        self._push: Push | None = None
        self._listen: Listen | None = None
        self._finish_by: float | None = None
        self._pending: asyncio.Task[bytes] | None = None
        self._pending_since = 0.0
        self._end: StreamEnd | None = None
        self._settlers: list[Callable[[StreamEnd], None]] = []

    @property
    def end(self) -> StreamEnd | None:
        """How the stream ended; `None` while it is open."""
        return self._end

    @property
    def continuable(self) -> bool:
        """Whether another attempt may be able to go on with it."""
        return hasattr(self._reader, "so_far")

    @property
    def so_far(self) -> SoFar | None:
        """What another attempt needs to go on with it; `None` where that cannot be done."""
        tell = getattr(self._reader, "so_far", None)
        return None if tell is None else tell()

    def until(self, seconds: float) -> None:
        """End it so many seconds from now at the latest; before anything is read."""
        self._ends_at = min(self._ends_at, self._loop.time() + seconds)

    def on_end(self, settle: Callable[[StreamEnd], None]) -> None:
        """Have `settle` called exactly once when the stream ends."""
        if self._end is not None:
            settle(self._end)
        else:
            self._settlers.append(settle)

    def cancel(self) -> None:
        """The reader went away."""
        self._settle(Ending.CANCELLED)

    def broken(self, failure: Failure) -> bytes:
        """What ends the caller's stream after this failure, in its own format; `b""` where the reader cannot tell."""
        tell = getattr(self._reader, "broken", None)
        return tell(failure) if tell is not None else b""

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
            if reader.failure is not None:
                self._fail(reader.failure)
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
        if self._stalled is not None:
            raise self._stalled
        now = self._loop.time()
        since = now if self._pending is None else self._pending_since
        when = min(since + self._idle, self._ends_at)
        answered = self._reader.answered
        if answered and not getattr(self._reader, "patient", False):
            if self._finish_by is None:
                self._finish_by = now + FINISH_WAIT
            when = min(when, self._finish_by)
        if patience is not None and now + patience < when and not await self._comes_within(patience):
            return None
        try:
            return await self._read_until(when)
        except TransportError:
            if not answered:
                raise
            self._stalled = None
        self._response.close()
        return b""

    async def _read_until(self, when: float) -> bytes:
        """The provider's next bytes, or the failure that they did not come in time."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        cancelling = task.cancelling()
        self._reading = task
        self._alarm.set(when)
        try:
            if self._pending is None:
                return await self._response.read_chunk()
            chunk = await self._pending
            self._pending = None
            return chunk
        except asyncio.CancelledError:
            # Ours only if nobody else has cancelled as well.
            if self._stalled is not None and task.uncancel() <= cancelling:
                raise self._stalled from None
            raise
        finally:
            self._reading = None
            self._alarm.rest()

    async def pour(self, push: Push) -> None:
        """Hand on what comes in the very moment in which it comes; then let `read` go on.

        It returns when the stream is about to end, when it has stalled, and when `push` takes no more. Where the
        transport can only be asked for the next bytes, it returns at once.

        Args:
            push: where it goes; what it was given is sent, also when it says that it takes no more.
        """
        listen: Listen | None = getattr(self._response, "listen", None)
        if listen is None or self._first or self._pending is not None or self._over or not listen(self):
            return
        self._listen = listen
        self._push = push
        self._poured = self._loop.create_future()
        self._alarm.set(self._loop.time() + self._idle)
        try:
            await self._poured
        except BaseException:
            self.cancel()
            raise
        finally:
            self._deafen()
            self._poured = self._push = None
            self._alarm.rest()

    def arrived(self, chunk: bytes) -> None:
        """The transport has these bytes, while the stream is poured."""
        push, poured = self._push, self._poured
        if push is None or poured is None or poured.done():
            return
        self._alarm.when = self._loop.time() + self._idle
        try:
            out = self._reader.feed(chunk)
            if (out and not push(out)) or self._over:
                self.ended()
        except Exception as defect:  # noqa: BLE001 - who pours hears of it, not the event loop
            self._deafen()
            poured.set_exception(defect)

    def ended(self) -> None:
        """The transport has the rest, or will have no more: `read` finds out."""
        if self._poured is not None and not self._poured.done():
            self._deafen()
            self._poured.set_result(None)

    def _deafen(self) -> None:
        """What comes from now on waits for `read`."""
        listen, self._listen = self._listen, None
        if listen is not None:
            listen(None)

    @property
    def _over(self) -> bool:
        """Whether more is only waited for as a formality, if at all."""
        reader = self._reader
        return reader.finished or reader.failure is not None or reader.answered or self._end is not None

    def _ring(self) -> None:
        self._stalled = self._too_slow(self._alarm.when)
        if self._reading is not None:
            self._reading.cancel()
        else:
            self.ended()

    async def _comes_within(self, patience: float) -> bool:
        # A read that is cut off costs its connection, so it is a task of its own that goes on when patience ends.
        if self._pending is None:
            self._pending_since = self._loop.time()
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
        self._end = end = StreamEnd(ending, failure, self._reader.usage, self._reader.tokens)
        self._alarm.stop()
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
