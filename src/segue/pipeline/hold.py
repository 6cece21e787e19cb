"""When a stream reaches its commit point: at its first content, or later where the caller or the policy asks for it.

What was shown to the caller cannot be taken back, so after the commit point a cut is an error that the caller sees.
Holding the beginning back buys time: a cut, a stall or a broken event before the commit point is repaired by failover
and never seen. It costs latency, so it is off unless asked for, and bounded in bytes in any case.
"""

import asyncio
from typing import Final

from segue.core.call import Attempt, Hold
from segue.core.clock import Clock
from segue.core.failure import Failure, Kind
from segue.core.ports import Limits, StreamReader, TransportError, WireResponse

MOST_HELD: Final = 1024 * 1024
"""Bytes that are held back at most; past them a stream commits, whatever was asked for."""

FINISH_WAIT: Final = 1.0
"""Seconds that an answer whose every choice has finished is given for its usage and its terminator."""


class Holding:
    """Decides for one stream whether its commit point has come, and reads until then.

    Args:
        hold: what was asked for.
        reader: sees the content.
        limits: `idle` and `stream` hold from the first content on, as they do after the commit point.
        clock: for durations.
    """

    __slots__ = ("_clock", "_hold", "_limits", "_pending", "_reader", "_since")

    def __init__(self, hold: Hold, reader: StreamReader, limits: Limits, clock: Clock) -> None:
        self._hold = hold
        self._reader = reader
        self._limits = limits
        self._clock = clock
        self._since: float | None = None
        self._pending: asyncio.Task[bytes] | None = None
        reader.counting = hold.tokens > 0

    def is_over(self, held: int) -> bool:
        """Whether the commit point has come, with so many bytes held back."""
        reader, hold = self._reader, self._hold
        if not reader.committed:
            return False
        if self._since is None:
            self._since = self._clock.now()
        if held > MOST_HELD:
            return True
        if hold.whole:
            return False
        return reader.tokens >= hold.tokens and self._clock.now() - self._since >= hold.seconds

    async def next_chunk(self, response: WireResponse, attempt: Attempt) -> bytes | None:
        """The next bytes; `None` when the time of the hold has passed without any."""
        if self._since is None:
            return await response.read_chunk()
        if self._reader.answered:
            return await terminator(response)
        if self._clock.now() - attempt.started >= self._limits.stream:
            raise TransportError(Failure(Kind.STREAM_CUT, f"longer than the limit of {self._limits.stream:g} s"))
        attempt.timer.renew("idle", self._limits.idle)
        left = self._since + self._hold.seconds - self._clock.now()
        if not self._hold.seconds or self._hold.whole or left <= 0:
            return await response.read_chunk()
        # A read must not be cut off in the middle, so it goes on as a task of its own when the time is over.
        task = self._pending = asyncio.ensure_future(response.read_chunk())
        try:
            done, _ = await asyncio.wait((task,), timeout=left)
        except BaseException:
            task.cancel()
            raise
        if not done:
            return None
        self._pending = None
        return task.result()

    def take_pending(self) -> "asyncio.Task[bytes] | None":
        """A read that is under way, for whoever reads on."""
        pending, self._pending = self._pending, None
        return pending


async def terminator(response: WireResponse) -> bytes:
    """What follows an answer that has come whole, if it comes soon; else `b""`, as at the end of the bytes."""
    try:
        async with asyncio.timeout(FINISH_WAIT):
            return await response.read_chunk()
    except (TimeoutError, TransportError):
        response.close()
        return b""
