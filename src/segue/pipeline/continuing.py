"""A stream that breaks after its commit point, and goes on.

What the caller has seen cannot be taken back, but another attempt can be given it as the beginning of its own answer,
and what that one adds is written behind it. For the caller it is one stream; for everything else each attempt is one
of its own, with its permit, its record and its cost. When nobody can go on, the stream ends with the failure that broke
it, as it would have without all this.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from segue.core.call import NO_HOLD, Attempt, Call
from segue.core.clock import Clock
from segue.core.failure import Failure
from segue.core.outcome import Ending, Outcome, StreamEnd
from segue.core.ports import SoFar
from segue.pipeline.stream import OpenedStream

GoOn = Callable[[Call, Attempt, Failure], Awaitable[Outcome]]
"""Makes another attempt: for this call, after this attempt's stream broke with this failure."""

MOST_SEAMS: Final = 8
"""Times that one stream is gone on with; the attempts of a call are limited, too, but a policy may allow many."""


class ContinuedStream:
    """The stream of a call, whoever provides it; see `segue.core.outcome.Stream`.

    Args:
        call: whose stream it is; `attempts` ends with the one that opened it.
        stream: what that attempt opened.
        go_on: makes another attempt.
        clock: for the call's deadline.
        limit: seconds that the stream may take as a whole, from now on.
    """

    def __init__(self, call: Call, stream: OpenedStream, go_on: GoOn, clock: Clock, limit: float) -> None:
        self._call = call
        # Whoever carries the stream lets these go, because usually nobody is asked again.
        self._request: Any = call.request
        self._plan: Any = call.plan
        self._attempt = call.attempts[-1]
        self._input = call.features.tokens
        self._stream = stream
        self._go_on: GoOn | None = go_on
        self._clock = clock
        self._patience = call.deadline - call.started
        self._ends_at = clock.now() + limit
        self._tokens = 0
        self._seams = 0
        self._end: StreamEnd | None = None
        self._settlers: list[Callable[[StreamEnd], None]] = []

    @property
    def end(self) -> StreamEnd | None:
        """How the stream ended; `None` while it is open."""
        return self._end

    def on_end(self, settle: Callable[[StreamEnd], None]) -> None:
        """Have `settle` called exactly once when the stream ends, whoever provides it then."""
        if self._end is not None:
            settle(self._end)
        else:
            self._settlers.append(settle)

    def cancel(self) -> None:
        """The reader went away."""
        self._stream.cancel()
        self._settle(StreamEnd(Ending.CANCELLED, None, None, self._tokens))

    def broken(self, failure: Failure) -> bytes:
        """What ends the caller's stream after this failure, in its own format."""
        return self._stream.broken(failure)

    async def read(self) -> bytes:
        """The next bytes for the caller; `b""` at the end."""
        while self._end is None:
            try:
                piece = await self._stream.read()
                if piece:
                    return piece
                end = self._stream.end
                if end is None:
                    return b""
                if end.ending is not Ending.FAILED or end.failure is None or not await self._repaired(end.failure):
                    self._settle(StreamEnd(end.ending, end.failure, end.usage, self._tokens + end.tokens))
            except BaseException:
                self.cancel()
                raise
        return b""

    async def _repaired(self, failure: Failure) -> bool:
        """Whether another attempt goes on."""
        call, now, go_on = self._call, self._clock.now(), self._go_on
        continuation, so_far = call.continuation, self._stream.so_far
        if continuation is None or so_far is None or go_on is None or now >= self._ends_at:
            return False
        if self._seams >= MOST_SEAMS:
            return False
        kept = call.request, call.plan, call.hold, call.deadline
        call.request, call.plan, call.hold = self._request, self._plan, NO_HOLD
        # The deadline was for the first content, and was met. The wait for what follows is the same again.
        call.deadline = min(now + self._patience, self._ends_at)
        # What was written so far is input now, and is billed as such.
        call.features = msgspec.structs.replace(call.features, tokens=self._input + so_far.tokens)
        continuation.so_far = so_far
        try:
            outcome = await go_on(call, self._attempt, failure)
        finally:
            call.request, call.plan, call.hold, call.deadline = kept
            continuation.so_far = None  # the call is kept until it is recorded, its text is not
        stream = outcome.stream
        if not isinstance(stream, OpenedStream):
            return False
        if self._end is not None:  # given up by somebody else meanwhile
            stream.cancel()
            return False
        self._join(stream, so_far, failure)
        return True

    def _join(self, stream: OpenedStream, so_far: SoFar, failure: Failure) -> None:
        end = self._stream.end
        self._tokens += end.tokens if end is not None else 0
        self._seams += 1
        broken, self._attempt = self._attempt, self._call.attempts[-1]
        by = self._attempt.candidate.name
        # The record of the attempt that broke says what became of it.
        broken.failure = failure.with_(
            message=f"{failure.message}; after {so_far.characters} characters {by} went on with it"
        )
        stream.until(self._ends_at - self._clock.now())
        self._stream = stream

    def _settle(self, end: StreamEnd) -> None:
        if self._end is not None:
            return
        self._end = end
        self._go_on = self._request = self._plan = None
        settlers, self._settlers = self._settlers, []
        for settle in settlers:
            settle(end)
