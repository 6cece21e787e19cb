"""Another try of the same candidate, where that may help and is allowed.

Retries turn a small outage into a large one: three layers that each try three times send 27 requests. So a retry
needs four yeses: the kind of failure says that a second try may help, the candidate's retries and the call's attempts
are not used up, the provider's budget (20 % of its traffic) has one left, and the wait ends before the deadline.

A request that its adapter has mended after a refusal (`Failure.mended`) is another request: it is sent at once,
whatever the number of retries, and only the call's attempts limit it.

A provider that names a wait is not waited for here: another candidate may be free at once. Failover comes back to it
when nobody else is left.
"""

from segue.core.call import Attempt, Call
from segue.core.failure import Executed, Failure, Kind, Next
from segue.core.operation import Nature
from segue.core.outcome import Outcome
from segue.core.provider import Candidate
from segue.pipeline.folding import FoldedAttempt
from segue.pipeline.parts import AttemptHandler, Finish, Parts
from segue.resilience.backoff import full_jitter


def retry(parts: Parts, inner: AttemptHandler) -> AttemptHandler:
    """Try again after full-jitter backoff."""
    policy, clock, chance = parts.policy, parts.clock, parts.chance
    effectful = parts.operation.nature is Nature.EFFECTFUL
    if isinstance(inner, FoldedAttempt):
        inner = inner.handler  # nothing further is folded into it

    def may_repeat(call: Call, failure: Failure, asked: int) -> bool:
        if policy.next_after(failure) is not Next.RETRY_SAME or failure.retry_after:
            return False
        if (asked > policy.retries and not failure.mended) or attempts_made(call) >= attempts_allowed(parts, call):
            return False
        return not effectful or failure.executed is Executed.NO

    async def retried(call: Call, attempt: Attempt, finish: Finish | None = None) -> Outcome:
        while True:
            outcome = await inner(call, attempt, finish)
            finish = None
            failure = outcome.failure
            if failure is None:
                return outcome
            # Counted in the call's own record: failover may come back here, and that is no new allowance.
            asked = times_asked(call, attempt.candidate)
            if not may_repeat(call, failure, asked):
                return outcome
            now = clock.now()
            wait = 0.0 if failure.mended else full_jitter(asked - 1, chance)
            if now + wait >= call.deadline or not (failure.mended or attempt.candidate.guard.spend_retry(now)):
                return outcome
            await clock.sleep(wait)
            call.waited += clock.now() - now
            attempt = Attempt(attempt.candidate)
            # A breaker may have opened meanwhile: the failure before it is the better answer then.
            if attempt.candidate.guard.blocked_until(clock.now()) is not None:
                return outcome

    return retried


def times_asked(call: Call, candidate: Candidate) -> int:
    """How often this candidate was asked in this call."""
    return sum(attempt.candidate is candidate for attempt in call.attempts)


def attempts_made(call: Call) -> int:
    """The attempts that count: who cannot even be sent the request has not been asked."""
    return sum(attempt.failure is None or not never_sent(attempt.failure) for attempt in call.attempts)


def never_sent(failure: Failure) -> bool:
    """Whether a candidate turned out to have no words for the request, before anything was sent."""
    # One that a provider has told us has a status: that one was sent.
    return failure.kind is Kind.UNSUPPORTED and failure.executed is Executed.NO and failure.status is None


def attempts_allowed(parts: Parts, call: Call) -> int:
    """All attempts that this call may make: the policy's number, or fewer where the caller asks for fewer."""
    wanted = call.options.max_attempts if call.options else None
    return parts.policy.max_attempts if wanted is None else min(wanted, parts.policy.max_attempts)
