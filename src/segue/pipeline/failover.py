"""From candidate to candidate until one answers: the innermost part of a call, the outermost of its attempts.

The caller never waits between two candidates, and a candidate that failed is not asked again: neither it nor what
its failure speaks of. Only when nobody is left, and one of them had said "come back in a moment", that moment is
waited for, if it lies before the deadline. What reaches the caller in the end is the failure that tells it most, with
the list of all attempts.
"""

from dataclasses import dataclass

import msgspec

from segue.core.call import Attempt, Call, Skipped
from segue.core.errors import (
    CallFailed,
    DeadlineExceeded,
    NoCandidate,
    ProviderFailed,
    RequestInvalid,
    Unavailable,
    Unservable,
)
from segue.core.failure import Executed, Failure, Kind, Next
from segue.core.features import FIELD
from segue.core.operation import Nature
from segue.core.outcome import Outcome
from segue.core.provider import Candidate
from segue.pipeline.continuing import ContinuedStream
from segue.pipeline.parts import AttemptHandler, Begun, CallHandler, Parts
from segue.pipeline.retry import attempts_allowed, attempts_made, never_sent, times_asked
from segue.pipeline.stream import OpenedStream
from segue.resilience.backoff import full_jitter
from segue.routing.plan import LACKS, speaks_of

MOST_TOLD = 8
"""Candidates that an error names."""
MOST_ALTERNATIVES = 5

MAX_WAIT = 60.0
"""Seconds: a provider that wants to be left alone for longer is not waited for (research of SDKs: 60 to 120)."""

WORTH_A_WAIT = frozenset({Kind.RATE_LIMITED, Kind.OVERLOADED, Kind.SERVER_ERROR})
"""Failures whose own cure is time. A quota's is, too, but its time is a day."""

WORTH_GOING_ON = frozenset({Kind.STREAM_CUT, Kind.OVERLOADED, Kind.SERVER_ERROR})
"""Failures of a stream after which the same candidate may go on with it, when nobody else can."""


@dataclass(slots=True)
class Waiting:
    """A candidate that may be asked, or asked again, at `ready` on the monotonic clock."""

    candidate: Candidate
    ready: float


def failover(parts: Parts, inner: AttemptHandler) -> CallHandler:
    """Walk the plan."""
    return Failover(parts, inner).walk


class Failover:
    """Walks the plan of each call of one operation. Keeps nothing between calls."""

    def __init__(self, parts: Parts, inner: AttemptHandler) -> None:
        self._parts = parts
        self._inner = inner
        self._policy = parts.policy
        self._clock = parts.clock
        self._chance = parts.chance
        self._effectful = parts.operation.nature is Nature.EFFECTFUL

    async def walk(self, call: Call, begun: Begun | None = None) -> Outcome:
        """Ask one candidate after the other; the first one was asked already where it was `begun`."""
        waiting: list[Waiting] = []
        failures: list[Failure] = []
        allowed = 0  # worked out when something has failed: most calls never need it
        while (candidate := call.plan.next()) is not None:
            if begun is None:
                outcome = await self._inner(call, Attempt(candidate))
            else:
                outcome = await self._inner(call, begun.attempt, begun.finish)
                begun = None
            failure = outcome.failure
            if failure is None and outcome.refusal is None:
                call.answered_by = candidate
                if call.continuation is not None:
                    self._continue(call, outcome)
                return outcome
            allowed = allowed or attempts_allowed(self._parts, call)
            if failure is None:  # refused: no attempt was made
                self._skip(call, candidate, waiting)
                continue
            failures.append(failure)
            if self._final(failure):
                return self._give_up(call, failures)
            call.plan.rule_out(candidate, failure)
            self._wait_or_drop(call, candidate, failure, waiting)
            if attempts_made(call) >= allowed or self._clock.now() >= call.deadline:
                return self._give_up(call, failures)
        return await self._come_back(call, waiting, failures, allowed or attempts_allowed(self._parts, call))

    async def _come_back(self, call: Call, waiting: list[Waiting], failures: list[Failure], allowed: int) -> Outcome:
        """Nobody is left but those who asked for a moment: grant it, to the earliest first."""
        while waiting and attempts_made(call) < allowed:
            waiting.sort(key=lambda one: one.ready)
            turn = waiting.pop(0)
            now = self._clock.now()
            wait = max(0.0, turn.ready - now)
            spare = call.deadline - now - wait
            if wait > MAX_WAIT or spare <= 0:
                break  # and all others would have to be waited for even longer
            if not self._may_come_back(call, turn.candidate, now):
                continue
            # A little chance, so that those who wait for the same moment do not all come in it.
            await self._clock.sleep(wait + self._chance.random() * min(wait / 10, spare / 2))
            call.waited += self._clock.now() - now
            outcome = await self._ask(call, turn.candidate)
            if outcome.ok:
                return outcome
            failure = outcome.failure
            if failure is None:  # somebody else was told meanwhile to wait for longer
                self._skip(call, turn.candidate, waiting)
                continue
            failures.append(failure)
            if self._final(failure):
                break
            call.plan.rule_out(turn.candidate, failure)
            self._wait_or_drop(call, turn.candidate, failure, waiting)
        return self._give_up(call, failures)

    async def _ask(self, call: Call, candidate: Candidate) -> Outcome:
        outcome = await self._inner(call, Attempt(candidate))
        if outcome.ok:
            call.answered_by = candidate
            if call.continuation is not None:
                self._continue(call, outcome)
        return outcome

    def _continue(self, call: Call, outcome: Outcome) -> None:
        """Let the stream of a call's first answer be gone on with when it breaks."""
        continuation, stream = call.continuation, outcome.stream
        if continuation is None or continuation.so_far is not None:
            return
        if isinstance(stream, OpenedStream) and stream.continuable:
            outcome.stream = ContinuedStream(call, stream, self._go_on, self._clock, self._policy.limits.stream)

    async def _go_on(self, call: Call, broken: Attempt, failure: Failure) -> Outcome:
        """Another attempt after a stream that broke: at whoever is left in the plan, and then at the same once more."""
        candidate = broken.candidate
        allowed = attempts_allowed(self._parts, call)
        refused = Outcome(failure=failure)
        if self._final(failure) or attempts_made(call) >= allowed:
            return refused
        call.plan.rule_out(candidate, failure)
        before = len(call.attempts)
        outcome = await self.walk(call)
        if outcome.ok or not self._may_be_asked_again(call, candidate, failure, call.attempts[before:], allowed):
            return outcome
        now = self._clock.now()
        wait = full_jitter(times_asked(call, candidate) - 1, self._chance)
        if now + wait >= call.deadline or not candidate.guard.spend_retry(now):
            return refused
        await self._clock.sleep(wait)
        call.waited += self._clock.now() - now
        return await self._ask(call, candidate)

    def _may_be_asked_again(
        self, call: Call, candidate: Candidate, failure: Failure, since: list[Attempt], allowed: int
    ) -> bool:
        """Whether nothing speaks against one whose stream broke but that it did."""
        if failure.kind not in WORTH_GOING_ON or times_asked(call, candidate) > self._policy.retries:
            return False
        if attempts_made(call) >= allowed or candidate.guard.blocked_until(self._clock.now()) is not None:
            return False
        return not any(
            attempt.failure is not None and speaks_of(attempt.failure, attempt.candidate, candidate)
            for attempt in since
        )

    def _skip(self, call: Call, candidate: Candidate, waiting: list[Waiting]) -> None:
        """Write down that a candidate's guard refused; when it only asked for a pause, come back to it."""
        now = self._clock.now()
        call.skipped.append(Skipped(candidate.name, "held back", candidate.guard.blocked_until(now)))
        if (until := candidate.guard.cooling_until(now)) is not None:
            waiting.append(Waiting(candidate, until))

    def _final(self, failure: Failure) -> bool:
        """Whether nobody else may be asked after this."""
        if self._effectful and failure.executed is not Executed.NO:
            return True
        return self._policy.next_after(failure) in {Next.STOP, Next.RESOLVE}

    def _may_come_back(self, call: Call, candidate: Candidate, now: float) -> bool:
        if times_asked(call, candidate):
            return candidate.guard.spend_retry(now)
        # Not asked yet, so this is no retry; but meanwhile another failure may have ruled it out.
        return call.plan.why_not(candidate) is None

    def _wait_or_drop(self, call: Call, candidate: Candidate, failure: Failure, waiting: list[Waiting]) -> None:
        """Come back to a candidate that asked for a moment; to none of which another failure speaks, too."""
        wait = self._wait_for(call, candidate, failure)
        if wait is None:
            waiting[:] = [one for one in waiting if not speaks_of(failure, candidate, one.candidate)]
        else:
            waiting.append(Waiting(candidate, self._clock.now() + wait))

    def _wait_for(self, call: Call, candidate: Candidate, failure: Failure) -> float | None:
        """Seconds after which this candidate may be asked again, if that may help and is allowed."""
        if failure.kind not in WORTH_A_WAIT or failure.should_retry is False:
            return None
        asked = times_asked(call, candidate)
        if asked > self._policy.retries:
            return None
        if failure.retry_after is not None:
            return failure.retry_after if failure.retry_after <= MAX_WAIT else None
        if failure.kind is Kind.RATE_LIMITED:
            return 0.5 + full_jitter(asked, self._chance)
        return None  # the retry layer has had its tries

    def _give_up(self, call: Call, failures: list[Failure]) -> Outcome:
        now = self._clock.now()
        if not failures:
            return Outcome(refusal=nobody(self._parts, call, now))
        if all(never_sent(failure) for failure in failures):
            return Outcome(refusal=unservable(self._parts, call, failures, now))
        return Outcome(refusal=exhausted(call, failures, now))


def exhausted(call: Call, failures: list[Failure], now: float) -> CallFailed:
    """The error for a call whose attempts all failed."""
    deciding = telling(failures)
    told = deciding.treatment.next is Next.STOP and deciding.kind is not Kind.DEADLINE
    if not told and (deciding.kind is Kind.DEADLINE or now >= call.deadline):
        took = f"{now - call.started:.3g} s"
        return DeadlineExceeded(f"no answer before the deadline, after {took} and {attempts_in_words(call)}")
    if len(call.attempts) == 1:
        return ProviderFailed(deciding, deciding.message)
    return ProviderFailed(deciding, f"{attempts_in_words(call)}; the one that decided: {deciding.message}")


def telling(failures: list[Failure]) -> Failure:
    """The failure that tells the caller most: its own mistake, else the last of the provider's troubles.

    When everybody is only too busy the caller should hear that, with the earliest time to come back.
    """
    # That somebody had no words for the request matters only where everybody had none.
    failures = [failure for failure in failures if not never_sent(failure)] or failures
    last = failures[-1]
    if all(failure.kind in {Kind.RATE_LIMITED, Kind.QUOTA} for failure in failures):
        waits = [failure.retry_after for failure in failures if failure.retry_after is not None]
        return last.with_(retry_after=min(waits)) if waits else last
    for failure in reversed(failures):
        if failure.kind is Kind.CONTEXT_LENGTH:
            return failure
    return last


def unservable(parts: Parts, call: Call, failures: list[Failure], now: float) -> CallFailed:
    """The error for a call for which nobody who is left has words."""
    if call.skipped:  # somebody who is held back for now may have
        return nobody(parts, call, now)
    for failure in failures:
        if failure.code is not None:  # no other candidate would mend that
            return RequestInvalid(failure.message, param=failure.param, code=failure.code)
    told = [f"{failure.message}" for failure in failures[:MOST_TOLD]] + lacking(call)
    needs = frozenset(f"{FIELD}{failure.needs}" for failure in failures if failure.needs)
    return Unservable(_unserved(parts, call, list(dict.fromkeys(told)), needs), param=failures[-1].param)


def lacking(call: Call) -> list[str]:
    """Who was not asked because of what the request needs: `openai/gpt-4 lacks: vision`."""
    reasons = ((candidate, call.plan.why_not(candidate)) for candidate in call.plan.preview())
    told = (f"{candidate.name} {reason}" for candidate, reason in reasons if reason and reason.startswith(LACKS))
    return list(dict.fromkeys(told))


def _unserved(parts: Parts, call: Call, told: list[str], needs: frozenset[str] = frozenset()) -> str:
    features = msgspec.structs.replace(call.features, needs=call.features.needs | needs)
    tried = {candidate.name for candidate in call.plan.preview()}
    others = [name for name in parts.alternatives(features) if name not in tried][:MOST_ALTERNATIVES]
    remedy = f"these may: {', '.join(others)}" if others else "no other model that is listed here is known to"
    return f"nobody behind {call.features.model!r} can serve this request ({'; '.join(told[:MOST_TOLD])}); {remedy}"


def attempts_in_words(call: Call) -> str:
    """`3 attempts failed (openai/gpt-4o: timeout, …)`, at most eight of them."""
    told = [
        f"{attempt.candidate.name}: {attempt.failure.kind.value}" for attempt in call.attempts[:8] if attempt.failure
    ]
    number = len(call.attempts)
    return f"{number} attempt{'' if number == 1 else 's'} failed ({', '.join(told)})"


def nobody(parts: Parts, call: Call, now: float) -> CallFailed:
    """The error for a call that could not be tried anywhere."""
    if call.skipped:
        # Of those that were waited for in vain the time is over.
        times = [skipped.until for skipped in call.skipped if skipped.until is not None and skipped.until > now]
        names = ", ".join(dict.fromkeys(skipped.candidate for skipped in call.skipped))
        wait = max(0.0, min(times) - now) if times else None
        return Unavailable(
            f"every candidate is held back by its circuit breaker or rate limit for now: {names}", retry_after=wait
        )
    told = lacking(call)
    every = [call.plan.why_not(candidate) for candidate in call.plan.preview()]
    if told and all(reason is not None and reason.startswith(LACKS) for reason in every):
        return Unservable(_unserved(parts, call, told))
    reasons = dict.fromkeys(
        f"{candidate.name}: {reason}"
        for candidate in call.plan.preview()
        if (reason := call.plan.why_not(candidate)) is not None
    )
    return NoCandidate(
        f"no candidate may serve this call of {parts.operation.id!r} ({'; '.join(list(reasons)[:8]) or 'none is left'})"
    )
