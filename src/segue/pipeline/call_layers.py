"""The layers around a whole call: record, admit, limit, analyse, plan. Their order and reasons stand in `order`."""

from segue.core.call import Call, CallOptions, Continuation, Hold, OnCut
from segue.core.errors import CallFailed, NoCandidate, Overloaded, UnknownModel
from segue.core.outcome import Ending, Outcome, StreamEnd
from segue.core.signals import CallEnded
from segue.pipeline.folding import AroundCall, around_call
from segue.pipeline.parts import CallHandler, Parts
from segue.routing.plan import Plan, Tiers

CLIENT_CLOSED = 499
"""nginx's status for a caller that went away before its answer: never sent, only recorded."""


def trace(parts: Parts, inner: CallHandler) -> CallHandler:
    """Tell everyone how each call ended, once, and give refusals the call's id and its attempts."""
    clock, signals = parts.clock, parts.signals

    def ended(call: Call, code: str, status: int, end: StreamEnd | None = None) -> None:
        failure = end.failure if end else None
        signals.emit(CallEnded(call, code, status, clock.now() - call.started, failure))

    def stream_ended(call: Call, end: StreamEnd) -> None:
        if end.ending is Ending.COMPLETE:
            ended(call, "ok", 200, end)
        elif end.ending is Ending.CANCELLED:
            ended(call, "cancelled", CLIENT_CLOSED, end)
        else:
            ended(call, end.failure.kind.value if end.failure else "stream_cut", 200, end)

    def after(call: Call, outcome: Outcome) -> None:
        refusal = outcome.refusal
        if refusal is not None:
            refusal.call_id = call.id
            refusal.attempts = call.attempts
            ended(call, refusal.code, refusal.status)
        elif outcome.stream is not None:
            outcome.stream.on_end(lambda end: stream_ended(call, end))
        else:
            outcome.cost = call.cost
            ended(call, "ok", 200)

    def broken(call: Call, error: BaseException) -> None:
        cancelled = not isinstance(error, Exception)
        ended(call, "cancelled" if cancelled else "internal_error", CLIENT_CLOSED if cancelled else 500)

    return around_call(AroundCall(after=after, broken=broken), inner)


def admit(parts: Parts, inner: CallHandler) -> CallHandler:
    """Refuse at once what is too much, and everything while stopping."""
    gate = parts.gate

    def before(_call: Call) -> CallFailed | None:
        if gate.closed:
            return Overloaded("Segue is stopping: send this to another instance", retry_after=1.0)
        if gate.under_way >= gate.limit:
            return Overloaded(
                f"{gate.limit} calls are under way here, all that server.max_calls allows", retry_after=1.0
            )
        gate.under_way += 1
        return None

    def leave(_end: StreamEnd | None = None) -> None:
        gate.under_way -= 1

    def after(_call: Call, outcome: Outcome) -> None:
        if outcome.stream is not None:
            outcome.stream.on_end(leave)
        else:
            gate.under_way -= 1

    def broken(_call: Call, _error: BaseException) -> None:
        gate.under_way -= 1

    return around_call(AroundCall(before, after, broken), inner)


def deadline(parts: Parts, inner: CallHandler) -> CallHandler:
    """Fix when time is up: the policy's limit, or less where the caller asks for less."""
    allowed = parts.policy.deadline

    def before(call: Call) -> None:
        wanted = call.options.deadline if call.options else None
        call.deadline = call.started + (allowed if wanted is None else min(allowed, wanted))

    return around_call(AroundCall(before), inner)


def analyse(parts: Parts, inner: CallHandler) -> CallHandler:
    """Read off the request what routing may know."""
    features_of = parts.operation.analyse

    def before(call: Call) -> None:
        call.features = features_of(call.request)

    return around_call(AroundCall(before), inner)


def plan(parts: Parts, inner: CallHandler) -> CallHandler:
    """Turn the requested name, and the fallbacks that the caller named, into tiers of candidates."""
    resolve = parts.resolve
    may_go_on = bool(parts.on_cuts) or parts.policy.on_cut is OnCut.CONTINUE

    def before(call: Call) -> CallFailed | None:
        features, options = call.features, call.options
        try:
            tiers = resolve(features.model) if options is None else ()
            call.plan = Plan(tiers or tiers_for(parts, features.model, options), features, options)
        except CallFailed as refusal:
            # A value from here on. With its traceback it would hold the frames that hold it: a cycle for every refusal.
            return refusal.with_traceback(None)
        if features.stream:
            call.hold = hold_of(parts, features.model, options)
            if (may_go_on or options is not None) and on_cut_of(parts, features.model, options) is OnCut.CONTINUE:
                call.continuation = Continuation()
        return None

    return around_call(AroundCall(before), inner)


def hold_of(parts: Parts, model: str, options: CallOptions | None) -> Hold:
    """How much of the stream to keep back: as the request says, else the alias, else the policy."""
    wanted = options.hold if options else None
    return wanted if wanted is not None else parts.holds.get(model, parts.policy.hold)


def on_cut_of(parts: Parts, model: str, options: CallOptions | None) -> OnCut:
    """What follows when the stream breaks: as the request says, else the alias, else the policy."""
    wanted = options.on_cut if options else None
    return wanted if wanted is not None else parts.on_cuts.get(model, parts.policy.on_cut)


def make_plan(parts: Parts, call: Call) -> Plan:
    """The plan of a call.

    Raises:
        UnknownModel: the requested name, or a fallback that the caller named, does not exist.
        NoCandidate: no provider of this operation is configured.
    """
    return Plan(tiers_for(parts, call.features.model, call.options), call.features, call.options)


def tiers_for(parts: Parts, model: str, options: CallOptions | None) -> Tiers:
    """The tiers of a name, then those of the fallbacks that the caller named. Errors as of `make_plan`."""
    tiers: Tiers = parts.resolve(model)
    for name in options.fallbacks if options else ():
        try:
            tiers += parts.resolve(name)
        except UnknownModel as unknown:
            raise UnknownModel(f"fallback: {unknown.message}", param="fallbacks") from None
    if not tiers:
        raise NoCandidate(
            f"no provider serves {parts.operation.id!r}: configure one under `providers` (segue schema lists adapters)"
        )
    return tiers
