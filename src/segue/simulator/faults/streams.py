"""A stream can break after it began well, which is the failure that gateways handle worst. These are those kinds."""

from typing import Final, Literal

import msgspec

from segue.simulator import frames
from segue.simulator.faults.answers import error_body
from segue.simulator.faults.kinds import (
    Count,
    ErrorStatus,
    Kind,
    Options,
    Positive,
    Situation,
    document_instead,
    retold,
    upto_content,
)
from segue.simulator.script import Abort, Hang, Script, Send, Step
from segue.simulator.vendors import ErrorEvents


class AfterOptions(Options, frozen=True):
    """`after` is how many content events are sent first (a document is sent by half)."""

    after: Count = 3


class CutOptions(Options, frozen=True):
    """As `after`.

    Attributes:
        after: How many content events are sent whole.
        reset: Whether the connection ends in a TCP reset, or in an ordinary close.
        inside: Whether the first half of the next event is sent, too.
    """

    after: Count = 3
    reset: bool = True
    inside: bool = False


def _stall(script: Script, options: AfterOptions, _situation: Situation) -> Script:
    return retold(script, (*upto_content(script, options.after), Hang()))


def _cut(script: Script, options: CutOptions, _situation: Situation) -> Script:
    kept = upto_content(script, options.after)
    follows = next((step for step in script.steps[len(kept) :] if isinstance(step, Send)), None)
    half: tuple[Step, ...] = ()
    if options.inside and script.streams and follows is not None:
        half = (Send(follows.data[: len(follows.data) // 2], "extra"),)
    return retold(script, (*kept, *half, Abort(options.reset)))


class EndOptions(Options, frozen=True):
    """An end without `[DONE]`.

    Attributes:
        variant: `after_finish` keeps the finish reason and usage, `before_finish` drops them, too, and both end
            cleanly; `open` keeps them and leaves the connection open without another byte.
        after: With `before_finish`, only so many content events are sent.
    """

    variant: Literal["after_finish", "before_finish", "open"] = "after_finish"
    after: Count | None = None


def _end_without_done(script: Script, options: EndOptions, _situation: Situation) -> Script:
    if options.variant == "before_finish":
        return retold(script, upto_content(script, 1_000_000 if options.after is None else options.after))
    kept: tuple[Step, ...] = tuple(
        step for step in script.steps if not (isinstance(step, Send) and step.part == "done")
    )
    return retold(script, (*kept, Hang()) if options.variant == "open" else kept)


class MalformedOptions(Options, frozen=True):
    """What is wrong, and where.

    Attributes:
        event: Counts the events of a stream from 1 (the first carries the role); a document ignores it.
        variant: `half` halves the JSON of that event; before that event, `garbage` puts one whose data is no JSON,
            and `text` a line that is no event. `checksum` spoils what a binary stream ends each event with, and in
            a stream of text, which has none, the last letter of the event. A document is halved, filled with garbage,
            preceded by text, or loses its last letter.
    """

    event: Positive = 2
    variant: Literal["half", "garbage", "text", "checksum"] = "half"


_GARBAGE: Final = b"{not json"
_TEXT: Final = b"upstream connect error or disconnect/reset before headers\n\n"


def _half_event(send: Send) -> Send:
    """The first half of an event, still ended by the empty line, so that it is read as an event of its own."""
    if send.part == "body":
        # The length that was announced stays true: what is broken is the JSON, not the transfer.
        half = send.data[: len(send.data) // 2]
        return Send(half + b" " * (len(send.data) - len(half)), "body")
    if frames.is_frame(send.data):
        payload = frames.payload_of(send.data)
        return Send(frames.with_payload(send.data, payload[: len(payload) // 2]), send.part)
    return Send(send.data.rstrip()[: len(send.data) // 2] + b"\n\n", send.part)


def _spoilt_end(send: Send) -> Send:
    """The event with a wrong checksum, or without the last letter before its empty line."""
    if frames.is_frame(send.data):
        return Send(frames.damaged(send.data), send.part)
    shown = send.data.rstrip()
    return Send(shown[:-1] + (b" " if send.part == "body" else b"") + send.data[len(shown) :], send.part)


def _malformed_document(script: Script, options: MalformedOptions) -> Script:
    body = b"".join(step.data for step in script.steps if isinstance(step, Send))
    if options.variant == "half":
        return retold(script, tuple(_half_event(step) if isinstance(step, Send) else step for step in script.steps))
    if options.variant == "checksum":
        return retold(script, tuple(_spoilt_end(step) if isinstance(step, Send) else step for step in script.steps))
    return document_instead(script, _GARBAGE if options.variant == "garbage" else _TEXT + body)


def _malformed(script: Script, options: MalformedOptions, _situation: Situation) -> Script:
    if not script.streams:
        return _malformed_document(script, options)
    sends = [place for place, step in enumerate(script.steps) if isinstance(step, Send) and step.part != "done"]
    # A stream with fewer events has its last one spoilt, so that the fault is never silently without effect.
    target = sends[min(options.event, len(sends)) - 1]
    garbage = b"data: " + _GARBAGE + b"\n\n"
    if frames.is_binary(script):
        garbage = frames.event("contentBlockDelta", _GARBAGE)
    extra = garbage if options.variant == "garbage" else _TEXT
    steps: list[Step] = []
    for place, step in enumerate(script.steps):
        if place != target or not isinstance(step, Send):
            steps.append(step)
        elif options.variant == "half":
            steps.append(_half_event(step))
        elif options.variant == "checksum":
            steps.append(_spoilt_end(step))
        else:
            steps += [Send(extra, "extra"), step]
    return retold(script, tuple(steps))


class ErrorEventOptions(Options, frozen=True):
    """An error event in place of the rest of the stream.

    Attributes:
        after: How many content events come before it; with 0 it is the very first event.
        code: The status whose error is meant, 400..599; left out, that of `error`, or 500.
        error: The vendor's own code.
        message: Replaces the vendor's text.
        form: `vendor`; `failed` for the event that ends a failed answer, where the vendor has one
            (`response.failed`); or `text` for `{"error": "text"}`.
        named: Whether the event has a line `event: error`.
        then: What follows: a clean end, `[DONE]`, a TCP reset, or nothing on an open connection.
    """

    after: Count = 0
    code: ErrorStatus | None = None
    error: str | None = None
    message: str | None = None
    form: Literal["vendor", "text", "failed"] = "vendor"
    named: bool = False
    then: Literal["end", "done", "reset", "open"] = "end"


def _error_frame(body: bytes, kind: str, options: ErrorEventOptions) -> bytes:
    """The error as a binary stream has it: an exception of that name, or for `failed` and `text` one without."""
    if options.form == "vendor":
        return frames.exception(kind[:1].lower() + kind[1:], body)
    return frames.error(kind, str(msgspec.json.decode(body).get("message", "")))


def _error_bytes(
    failure: Script, options: ErrorEventOptions, situation: Situation, sent: int, *, binary: bool
) -> bytes:
    """The event as the vendor words it, or else as one whose data is the body of the refusal."""
    text = options.form == "text"
    named = dict(failure.head.headers).get("x-amzn-ErrorType", "") if failure.head else ""
    if binary:
        return _error_frame(error_body(failure, "vendor", options.message), named.partition(":")[0], options)
    body = msgspec.json.encode(msgspec.json.decode(error_body(failure, "text" if text else "vendor", options.message)))
    vendor = situation.vendor
    if not text and isinstance(vendor, ErrorEvents):
        worded = vendor.error_event(situation.exchange, body, sent, terminal=options.form == "failed")
        if worded is not None:
            return worded
    return (b"event: error\n" if options.named else b"") + b"data: " + body + b"\n\n"


def _error_event(script: Script, options: ErrorEventOptions, situation: Situation) -> Script:
    failure = situation.vendor.failure(situation.exchange, options.code, options.error, options.message)
    kept = upto_content(script, options.after)
    if options.after == 0:
        kept = tuple(step for step in kept if not isinstance(step, Send))
    binary = frames.is_binary(script)
    sent = sum(isinstance(step, Send) for step in kept)
    event = Send(_error_bytes(failure, options, situation, sent, binary=binary), "error")
    ends: dict[str, tuple[Step, ...]] = {
        "end": (),
        "done": () if binary else (Send(b"data: [DONE]\n\n", "done"),),
        "reset": (Abort(),),
        "open": (Hang(),),
    }
    return retold(script, (*kept, event, *ends[options.then]))


STALL: Final = Kind(
    name="stall",
    summary="So many content chunks (half of a whole answer), then silence.",
    options=AfterOptions,
    rewrite=_stall,
    scope="success",
)
CUT: Final = Kind(
    name="cut",
    summary="So many content chunks (half of a whole answer), then a TCP reset, or a plain close.",
    options=CutOptions,
    rewrite=_cut,
    scope="success",
)
END_WITHOUT_DONE: Final = Kind(
    name="end_without_done",
    summary="No terminator: a clean end after or before the finish reason, or a connection that stays open.",
    options=EndOptions,
    rewrite=_end_without_done,
    scope="stream",
)
MALFORMED: Final = Kind(
    name="malformed",
    summary="The event of that number, counted from 1, is half JSON, or comes after garbage or text.",
    options=MalformedOptions,
    rewrite=_malformed,
    scope="success",
)
ERROR_EVENT: Final = Kind(
    name="error_event",
    summary="An error event in place of the rest of the stream.",
    options=ErrorEventOptions,
    rewrite=_error_event,
    scope="stream",
)
