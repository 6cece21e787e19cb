"""The order of the layers, outside in, each with the reason for its place.

The order is most of what a pipeline is: a retry outside a deadline waits for ever, a breaker outside a timeout never
hears of one. So it stands here, once, and nothing else composes layers. A layer without a `make` is a place that
later work fills: it is named so that nobody has to look for it.

A layer is `(Parts, inner) -> handler`; one that is off for an operation returns `inner` itself and costs nothing.
Neighbours that await nothing are folded into one coroutine (`segue.pipeline.folding`), in this same order.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from segue.core.call import Attempt, Call
from segue.core.failure import Failure, Kind
from segue.core.outcome import Outcome
from segue.pipeline.attempt_layers import attempt_timeout, breaker_permit, in_flight
from segue.pipeline.call_layers import admit, analyse, deadline, plan, trace
from segue.pipeline.cost import cost
from segue.pipeline.failover import failover
from segue.pipeline.folding import AroundAttempt, FoldedCall, around_attempt
from segue.pipeline.parts import AttemptHandler, CallHandler, Finish, Parts
from segue.pipeline.retry import retry


@dataclass(frozen=True, slots=True)
class CallLayer:
    """A layer around a whole call."""

    name: str
    why: str
    make: Callable[[Parts, CallHandler], CallHandler] | None = None


@dataclass(frozen=True, slots=True)
class AttemptLayer:
    """A layer around one attempt."""

    name: str
    why: str
    make: Callable[[Parts, AttemptHandler], AttemptHandler] | None = None


CALL_LAYERS: tuple[CallLayer, ...] = (
    CallLayer(
        "trace", "outermost: sees every call, also those that the next line refuses, and when a stream ends", trace
    ),
    CallLayer("admit", "before any work: overload is answered at once, while there is still strength to answer", admit),
    CallLayer(
        "deadline", "above all that waits or repeats: one limit for retries, failovers and waits together", deadline
    ),
    CallLayer("idempotency", "above the cache and every attempt: a replay must not look anything up or send anything"),
    CallLayer(
        "analyse", "above all that chooses: cache keys, rules and reservations read features, never requests", analyse
    ),
    CallLayer("cache", "below analyse, whose features are its key; a hit needs no plan and no attempt"),
    CallLayer("coalesce", "below the cache: only a miss can have followers; above the plan: followers need none"),
    CallLayer("plan", "names and rules give tiers of candidates; below the cache, which must not pay for it", plan),
    CallLayer(
        "reserve", "below the plan, whose dearest candidate sets the sum; above failover: reserved once per call"
    ),
)
"""Around a call. Innermost, below them all, is `failover`: it walks the plan and makes attempts."""

ATTEMPT_LAYERS: tuple[AttemptLayer, ...] = (
    AttemptLayer(
        "retry", "above all that an attempt costs, since each try pays anew; below failover: same candidate", retry
    ),
    AttemptLayer("hedge", "below retry: a pair of hedged attempts is one try; shares the retry budget"),
    AttemptLayer("quota", "above the limiter: a candidate without quota must not make anybody queue"),
    AttemptLayer("concurrency", "waits (bounded) for a slot; above the breaker, whose state may change while we wait"),
    AttemptLayer(
        "breaker", "the last word before the send: a refused permit is no attempt, and gives slots back", breaker_permit
    ),
    AttemptLayer(
        "in_flight", "below every refusal: counts and times only what was sent; ends when a stream ends", in_flight
    ),
    AttemptLayer("commit", "effectful operations write the attempt down before anything is sent"),
    AttemptLayer(
        "timeout", "below breaker and in_flight, which must see that it fired; above all that can hang", attempt_timeout
    ),
    AttemptLayer(
        "cost", "sees the usage of every attempt, of those that lost a race and of those that failed, too", cost
    ),
    AttemptLayer("faults", "innermost: an injected fault must look to all above like the provider's own"),
)
"""Around an attempt. Innermost, below them all, is the candidate's executor: encode, transport, decode."""


ACTIVE: frozenset[str] = frozenset(
    [layer.name for layer in CALL_LAYERS if layer.make is not None]
    + [of_attempt.name for of_attempt in ATTEMPT_LAYERS if of_attempt.make is not None]
)
"""The layers that there are by now. `segue.pipeline.express` must know what each means for a usual call."""


def compose(parts: Parts) -> CallHandler:
    """The pipeline of one operation: its layers, folded into one callable."""
    attempt: AttemptHandler = _execute(parts)
    for attempt_layer in reversed(ATTEMPT_LAYERS):
        if attempt_layer.make is not None:
            attempt = attempt_layer.make(parts, attempt)
    call: CallHandler = failover(parts, attempt)
    for call_layer in reversed(CALL_LAYERS):
        if call_layer.make is not None:
            call = call_layer.make(parts, call)
    return call.handler if isinstance(call, FoldedCall) else call


def _execute(parts: Parts) -> AttemptHandler:
    limits = parts.policy.limits

    def execute(call: Call, attempt: Attempt, finish: Finish | None = None) -> Awaitable[Outcome]:
        del finish  # the layer outside of this one has asked it
        return attempt.candidate.provider.executor.execute(call, attempt, limits)

    def broken(_call: Call, _attempt: Attempt, error: BaseException) -> Outcome | None:
        # A defect of one adapter must not take the others' answers away. Its text stays out: nobody knows what a
        # stranger's exception quotes.
        if not isinstance(error, Exception):
            return None
        return Outcome(failure=Failure(Kind.BAD_RESPONSE, f"the adapter is defective: {type(error).__name__}"))

    return around_attempt(AroundAttempt(broken=broken), execute)
