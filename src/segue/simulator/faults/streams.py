"""A stream can break after it began well, which is the failure that gateways handle worst. These are those kinds."""

from typing import Annotated, Final, Literal

import msgspec

from segue.simulator.faults.kinds import Count, Kind, Options, Situation, retold, upto_content
from segue.simulator.script import Abort, Hang, Script, Send, Step


class AfterOptions(Options, frozen=True):
    """`after` is how many content events are sent first (a document is sent by half)."""

    after: Count = 3


class CutOptions(Options, frozen=True):
    """As `after`; with `reset` the connection ends in a TCP reset, without in an ordinary close."""

    after: Count = 3
    reset: bool = True


def _stall(script: Script, options: AfterOptions, _situation: Situation) -> Script:
    return retold(script, (*upto_content(script, options.after), Hang()))


def _cut(script: Script, options: CutOptions, _situation: Situation) -> Script:
    return retold(script, (*upto_content(script, options.after), Abort(options.reset)))


class EndOptions(Options, frozen=True):
    """A clean end without `[DONE]`: `after_finish` keeps the finish reason and usage, `before_finish` drops them.

    With `after`, only so many content events are sent before a `before_finish` end.
    """

    variant: Literal["after_finish", "before_finish"] = "after_finish"
    after: Count | None = None


def _end_without_done(script: Script, options: EndOptions, _situation: Situation) -> Script:
    if options.variant == "before_finish":
        return retold(script, upto_content(script, 1_000_000 if options.after is None else options.after))
    kept: tuple[Step, ...] = tuple(
        step for step in script.steps if not (isinstance(step, Send) and step.part == "done")
    )
    return retold(script, kept)


class MalformedOptions(Options, frozen=True):
    """`event` counts the events of a stream from 1 (the first carries the role); a document ignores it."""

    event: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 2


def _half_event(send: Send) -> Send:
    """The first half of an event, still ended by the empty line, so that it is read as an event of its own."""
    if send.part == "body":
        # The length that was announced stays true: what is broken is the JSON, not the transfer.
        half = send.data[: len(send.data) // 2]
        return Send(half + b" " * (len(send.data) - len(half)), "body")
    return Send(send.data.rstrip()[: len(send.data) // 2] + b"\n\n", send.part)


def _malformed(script: Script, options: MalformedOptions, _situation: Situation) -> Script:
    sends = [place for place, step in enumerate(script.steps) if isinstance(step, Send) and step.part != "done"]
    # A stream with fewer events has its last one spoilt, so that the fault is never silently without effect.
    target = sends[min(options.event, len(sends)) - 1]
    steps: tuple[Step, ...] = tuple(
        _half_event(step) if place == target and isinstance(step, Send) else step
        for place, step in enumerate(script.steps)
    )
    return retold(script, steps)


class ErrorEventOptions(Options, frozen=True):
    """An error event in place of the rest of the stream.

    Attributes:
        after: How many content events come before it; with 0 it is the very first event.
        code: The status whose error is meant, 400..599; left out, that of `error`, or 500.
        error: The vendor's own code.
        message: Replaces the vendor's text.
    """

    after: Count = 0
    code: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    error: str | None = None
    message: str | None = None


def _error_event(script: Script, options: ErrorEventOptions, situation: Situation) -> Script:
    failure = situation.vendor.failure(situation.exchange, options.code, options.error, options.message)
    body = b"".join(step.data for step in failure.steps if isinstance(step, Send))
    event = Send(b"data: " + msgspec.json.encode(msgspec.json.decode(body)) + b"\n\n", "error")
    kept = upto_content(script, options.after)
    if options.after == 0:
        kept = tuple(step for step in kept if not isinstance(step, Send))
    return retold(script, (*kept, event))


STALL: Final = Kind("stall", AfterOptions, _stall, "success")
CUT: Final = Kind("cut", CutOptions, _cut, "success")
END_WITHOUT_DONE: Final = Kind("end_without_done", EndOptions, _end_without_done, "stream")
MALFORMED: Final = Kind("malformed", MalformedOptions, _malformed, "success")
ERROR_EVENT: Final = Kind("error_event", ErrorEventOptions, _error_event, "stream")
