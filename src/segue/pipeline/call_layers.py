"""The layers around a whole call: record, admit, limit, analyse, plan. Their order and reasons stand in `order`."""

from segue.core.call import Call, CallOptions, Hold
from segue.core.errors import CallFailed, NoCandidate, Overloaded, UnknownModel
from segue.core.outcome import Ending, Outcome, StreamEnd
from segue.core.signals import CallEnded
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

    async def traced(call: Call) -> Outcome:
        try:
            outcome = await inner(call)
        except BaseException as error:
            cancelled = not isinstance(error, Exception)
            ended(call, "cancelled" if cancelled else "internal_error", CLIENT_CLOSED if cancelled else 500)
            raise
        if outcome.refusal is not None:
            outcome.refusal.call_id = call.id
            outcome.refusal.attempts = call.attempts
            ended(call, outcome.refusal.code, outcome.refusal.status)
        elif outcome.stream is not None:
            outcome.stream.on_end(lambda end: stream_ended(call, end))
        else:
            ended(call, "ok", 200)
        return outcome

    return traced


def admit(parts: Parts, inner: CallHandler) -> CallHandler:
    """Refuse at once what is too much, and everything while stopping."""
    gate = parts.gate

    def leave(_end: StreamEnd | None = None) -> None:
        gate.under_way -= 1

    async def admitted(call: Call) -> Outcome:
        if gate.closed:
            return Outcome(refusal=Overloaded("Segue is stopping: send this to another instance", retry_after=1.0))
        if gate.under_way >= gate.limit:
            return Outcome(
                refusal=Overloaded(
                    f"{gate.limit} calls are under way here, all that server.max_calls allows", retry_after=1.0
                )
            )
        gate.under_way += 1
        try:
            outcome = await inner(call)
        except BaseException:
            leave()
            raise
        if outcome.stream is not None:
            outcome.stream.on_end(leave)
        else:
            leave()
        return outcome

    return admitted


def deadline(parts: Parts, inner: CallHandler) -> CallHandler:
    """Fix when time is up: the policy's limit, or less where the caller asks for less."""
    allowed = parts.policy.deadline

    async def limited(call: Call) -> Outcome:
        wanted = call.options.deadline if call.options else None
        call.deadline = call.started + (allowed if wanted is None else min(allowed, wanted))
        return await inner(call)

    return limited


def analyse(parts: Parts, inner: CallHandler) -> CallHandler:
    """Read off the request what routing may know."""
    features_of = parts.operation.analyse

    async def analysed(call: Call) -> Outcome:
        call.features = features_of(call.request)
        return await inner(call)

    return analysed


def plan(parts: Parts, inner: CallHandler) -> CallHandler:
    """Turn the requested name, and the fallbacks that the caller named, into tiers of candidates."""

    async def planned(call: Call) -> Outcome:
        try:
            call.plan = make_plan(parts, call)
        except CallFailed as refusal:
            return Outcome(refusal=refusal)
        if call.features.stream:
            call.hold = hold_of(parts, call.features.model, call.options)
        return await inner(call)

    return planned


def hold_of(parts: Parts, model: str, options: CallOptions | None) -> Hold:
    """How much of the stream to keep back: as the request says, else the alias, else the policy."""
    wanted = options.hold if options else None
    return wanted if wanted is not None else parts.holds.get(model, parts.policy.hold)


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
