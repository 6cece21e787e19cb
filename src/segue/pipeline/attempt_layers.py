"""The layers around one attempt: permit, count, limit. Their order and reasons stand in `order`."""

import asyncio
from typing import Protocol

from segue.core.call import Attempt, Call
from segue.core.errors import CallFailed, Unavailable
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Ending, Outcome, StreamEnd
from segue.core.provider import Permit, Provider
from segue.core.signals import AttemptEnded
from segue.pipeline.folding import AroundAttempt, around_attempt
from segue.pipeline.parts import AttemptHandler, Parts, Policy
from segue.pipeline.timer import Timer, Watch

COOLING = frozenset({Kind.RATE_LIMITED, Kind.QUOTA, Kind.OVERLOADED, Kind.SERVER_ERROR})
"""Failures with which a provider may ask to be left alone for a while."""


def breaker_permit(parts: Parts, inner: AttemptHandler) -> AttemptHandler:
    """Send only with the leave of the candidate's breakers, and tell them what came of it."""
    clock, policy = parts.clock, parts.policy

    def settle(attempt: Attempt, permit: Permit, failure: Failure | None) -> None:
        if failure is None:
            permit.succeed(clock.now())
        else:
            settle_failure(policy, attempt, permit, failure, clock.now())

    def settle_stream(attempt: Attempt, permit: Permit, end: StreamEnd) -> None:
        if end.ending is Ending.CANCELLED:
            permit.abandon(clock.now())
        else:
            settle(attempt, permit, end.failure)

    def before(_call: Call, attempt: Attempt) -> CallFailed | None:
        attempt.permit = permit = attempt.candidate.guard.admit(clock.now())
        return _HELD_BACK if permit is None else None

    def after(_call: Call, attempt: Attempt, outcome: Outcome) -> None:
        permit = attempt.permit
        if permit is None:
            return
        if outcome.stream is not None:
            # First content shows that the provider is well. Others need not wait for that until a long answer ends.
            permit.proven(clock.now())
            outcome.stream.on_end(lambda end: settle_stream(attempt, permit, end))
        elif outcome.failure is None:
            permit.succeed(clock.now())
        else:
            settle(attempt, permit, outcome.failure)

    def broken(_call: Call, attempt: Attempt, _error: BaseException) -> None:
        if attempt.permit is not None:
            attempt.permit.abandon(clock.now())

    return around_attempt(AroundAttempt(before, after, broken), inner)


def settle_failure(policy: Policy, attempt: Attempt, permit: Permit, failure: Failure, now: float) -> None:
    """Tell the breakers of a failure, and have what it speaks of cool where the provider asks for that."""
    if failure.retry_after and failure.kind in COOLING:
        attempt.candidate.guard.cool(now + failure.retry_after, failure.scope.value)
    if policy.treatments[failure.kind].counts:
        permit.fail(now, failure.scope.value, failure.kind.value)
    elif failure.kind is Kind.DEADLINE:
        permit.abandon(now)
    else:
        # The provider did its part: the request was at fault, not its health.
        permit.fail(now, Scope.REQUEST.value, failure.kind.value)


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

    def before(call: Call, attempt: Attempt) -> None:
        candidate = attempt.candidate
        attempt.started = clock.now()
        if not call.attempts or first_at(call, candidate.provider):
            candidate.guard.deposit(attempt.started)
        call.attempts.append(attempt)
        candidate.provider.load.in_flight += 1

    def after(call: Call, attempt: Attempt, outcome: Outcome) -> None:
        if outcome.stream is not None:
            outcome.stream.on_end(lambda end: settle_stream(call, attempt, end))
        else:
            attempt.failure = outcome.failure
            attempt.usage = outcome.usage
            settle(call, attempt)

    def broken(call: Call, attempt: Attempt, _error: BaseException) -> None:
        attempt.cancelled = True
        settle(call, attempt)

    return around_attempt(AroundAttempt(before, after, broken), inner)


def first_at(call: Call, provider: Provider) -> bool:
    """Whether this provider has not been asked in this call: what failed elsewhere is no retry here."""
    return all(attempt.candidate.provider is not provider for attempt in call.attempts)


def attempt_timeout(parts: Parts, inner: AttemptHandler) -> AttemptHandler:
    """Cut an attempt off when the limit of its phase, or the call's deadline, has passed."""
    clock, policy = parts.clock, parts.policy
    total = policy.limits.total
    watch = Watch()

    def before(call: Call, attempt: Attempt) -> None:
        loop = asyncio.get_running_loop()
        if watch.loop is not loop:
            watch.on(loop)
        attempt.timer = Timer(watch, call.deadline - clock.now(), total)

    def after(_call: Call, attempt: Attempt, _outcome: Outcome) -> None:
        timer = attempt.timer
        if isinstance(timer, Timer):
            timer.settle()  # it may have rung, and what it cut off had ended in the same moment

    def broken(_call: Call, attempt: Attempt, error: BaseException) -> Outcome | None:
        timer = attempt.timer
        if isinstance(timer, Timer):
            alone = timer.settle()
            # Ours only if nobody else has cancelled as well.
            if alone and isinstance(error, asyncio.CancelledError):
                return Outcome(failure=timed_out(timer, policy))
        return None

    return around_attempt(AroundAttempt(before, after, broken), inner)


class Phase(Protocol):
    """What was limited: which phase, and whether by the call's deadline."""

    @property
    def phase(self) -> str:
        """Its name, as in `Limits`."""
        ...

    @property
    def by_deadline(self) -> bool:
        """Whether the limit was the deadline."""
        ...


def timed_out(timer: Phase, policy: Policy) -> Failure:
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
