"""The layers around one attempt: permit, count, limit. Their order and reasons stand in `order`."""

import asyncio
from typing import Any

from segue.core.call import Attempt, Call
from segue.core.errors import Unavailable
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Ending, Outcome, StreamEnd
from segue.core.provider import Permit, Provider
from segue.core.signals import AttemptEnded
from segue.pipeline.parts import AttemptHandler, Parts, Policy

COOLING = frozenset({Kind.RATE_LIMITED, Kind.QUOTA, Kind.OVERLOADED, Kind.SERVER_ERROR})
"""Failures with which a provider may ask to be left alone for a while."""


def breaker_permit(parts: Parts, inner: AttemptHandler) -> AttemptHandler:
    """Send only with the leave of the candidate's breakers, and tell them what came of it."""
    clock, policy = parts.clock, parts.policy

    def settle(attempt: Attempt, permit: Permit, failure: Failure | None) -> None:
        now = clock.now()
        if failure is None:
            permit.succeed(now)
            return
        if failure.retry_after and failure.kind in COOLING:
            attempt.candidate.guard.cool(now + failure.retry_after, failure.scope.value)
        if policy.treatments[failure.kind].counts:
            permit.fail(now, failure.scope.value, failure.kind.value)
        elif failure.kind is Kind.DEADLINE:
            permit.abandon(now)
        else:
            # The provider did its part: the request was at fault, not its health.
            permit.fail(now, Scope.REQUEST.value, failure.kind.value)

    def settle_stream(attempt: Attempt, permit: Permit, end: StreamEnd) -> None:
        if end.ending is Ending.CANCELLED:
            permit.abandon(clock.now())
        else:
            settle(attempt, permit, end.failure)

    async def guarded(call: Call, attempt: Attempt) -> Outcome:
        permit = attempt.candidate.guard.admit(clock.now())
        if permit is None:
            return Outcome(refusal=_HELD_BACK)
        attempt.permit = permit
        try:
            outcome = await inner(call, attempt)
        except BaseException:
            permit.abandon(clock.now())
            raise
        if outcome.stream is not None:
            # First content shows that the provider is well. Others need not wait for that until a long answer ends.
            permit.proven(clock.now())
            outcome.stream.on_end(lambda end: settle_stream(attempt, permit, end))
        else:
            settle(attempt, permit, outcome.failure)
        return outcome

    return guarded


_HELD_BACK = Unavailable("held back by its circuit breaker or rate limit")
"""Never reaches a caller: failover turns it into an error with names and times."""


def in_flight(parts: Parts, inner: AttemptHandler) -> AttemptHandler:
    """Record the attempt, count it while it runs, time it, and tell everyone how it ended."""
    clock, signals = parts.clock, parts.signals

    def settle(call: Call, attempt: Attempt) -> None:
        attempt.candidate.provider.load.in_flight -= 1
        attempt.elapsed = clock.now() - attempt.started
        attempt.ended = True
        signals.emit(AttemptEnded(call, attempt))

    def settle_stream(call: Call, attempt: Attempt, end: StreamEnd) -> None:
        attempt.failure = end.failure
        attempt.usage = end.usage
        attempt.cancelled = end.ending is Ending.CANCELLED
        settle(call, attempt)

    async def counted(call: Call, attempt: Attempt) -> Outcome:
        candidate = attempt.candidate
        attempt.started = clock.now()
        if not call.attempts or first_at(call, candidate.provider):
            candidate.guard.deposit(attempt.started)
        call.attempts.append(attempt)
        candidate.provider.load.in_flight += 1
        try:
            outcome = await inner(call, attempt)
        except BaseException:
            attempt.cancelled = True
            settle(call, attempt)
            raise
        if outcome.stream is not None:
            outcome.stream.on_end(lambda end: settle_stream(call, attempt, end))
        else:
            attempt.failure = outcome.failure
            attempt.usage = outcome.usage
            settle(call, attempt)
        return outcome

    return counted


def first_at(call: Call, provider: Provider) -> bool:
    """Whether this provider has not been asked in this call: what failed elsewhere is no retry here."""
    return all(attempt.candidate.provider is not provider for attempt in call.attempts)


class Timer:
    """The limit of the phase that an attempt is in: one timer of the loop, moved only when it must ring earlier.

    It does what `asyncio.timeout` does, at a third of the cost: a limit that grows is noticed when the timer rings.
    """

    __slots__ = (
        "_deadline",
        "_handle",
        "_loop",
        "_rings_at",
        "_started",
        "_task",
        "_when",
        "by_deadline",
        "expired",
        "phase",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any]", time_left: float) -> None:
        self._loop = loop
        self._task = task
        self._started = loop.time()
        self._deadline = self._started + time_left
        self._handle: asyncio.TimerHandle | None = None
        self._when = self._rings_at = 0.0
        self.phase = "total"
        self.by_deadline = False
        self.expired = False

    def enter(self, phase: str, seconds: float) -> None:
        """Limit this phase, counted from the start of the attempt; never beyond the call's deadline."""
        when = self._started + seconds
        self.by_deadline = when > self._deadline
        self.phase = phase
        self._set(self._deadline if self.by_deadline else when)

    def renew(self, phase: str, seconds: float) -> None:
        """Limit this phase, counted from now; the deadline has been met."""
        self.by_deadline = False
        self.phase = phase
        self._set(self._loop.time() + seconds)

    def stop(self) -> None:
        """Nothing is limited any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _set(self, when: float) -> None:
        self._when = when
        if self._handle is None or when < self._rings_at:
            self.stop()
            self._rings_at = when
            self._handle = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._handle = None
        if self._loop.time() < self._when - _TICK:
            self._set(self._when)
        elif not self.expired:
            self.expired = True
            self._task.cancel()


_TICK = 0.001
"""Seconds: loops ring up to their clock's resolution too early (uvloop's is a millisecond)."""


def attempt_timeout(parts: Parts, inner: AttemptHandler) -> AttemptHandler:
    """Cut an attempt off when the limit of its phase, or the call's deadline, has passed."""
    clock, policy = parts.clock, parts.policy

    async def timed(call: Call, attempt: Attempt) -> Outcome:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        cancelling = task.cancelling()
        timer = Timer(asyncio.get_running_loop(), task, call.deadline - clock.now())
        timer.enter("total", policy.limits.total)
        attempt.timer = timer
        try:
            outcome = await inner(call, attempt)
        except asyncio.CancelledError:
            # Ours only if nobody else has cancelled as well.
            if timer.expired and task.uncancel() <= cancelling:
                return Outcome(failure=timed_out(timer, policy))
            raise
        finally:
            timer.stop()
        if timer.expired:
            task.uncancel()  # it rang, and what it cut off had ended in the same moment
        return outcome

    return timed


def timed_out(timer: Timer, policy: Policy) -> Failure:
    """The failure of an attempt that was cut off; whose limit it was decides whether it is the provider's."""
    if timer.by_deadline:
        return Failure(Kind.DEADLINE, f"the call's deadline passed in the phase {timer.phase!r}", scope=Scope.REQUEST)
    seconds = getattr(policy.limits, timer.phase)
    return Failure(
        Kind.TIMEOUT,
        f"silent beyond the limit of {seconds:g} s for {timer.phase!r}",
        executed=Executed.UNKNOWN,
        scope=Scope.PROVIDER,
    )
