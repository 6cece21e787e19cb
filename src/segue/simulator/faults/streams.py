"""A stream can break after it began well, which is the failure that gateways handle worst. These are those kinds."""

from collections.abc import Callable
from typing import Any, Final, Literal

import msgspec

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
    """As `after`; with `reset` the connection ends in a TCP reset, without in an ordinary close."""

    after: Count = 3
    reset: bool = True


def _stall(script: Script, options: AfterOptions, _situation: Situation) -> Script:
    return retold(script, (*upto_content(script, options.after), Hang()))


def _cut(script: Script, options: CutOptions, _situation: Situation) -> Script:
    return retold(script, (*upto_content(script, options.after), Abort(options.reset)))


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
            and `text` a line that is no event. A document is halved, filled with garbage, or preceded by text.
    """

    event: Positive = 2
    variant: Literal["half", "garbage", "text"] = "half"


_GARBAGE: Final = b"{not json"
_TEXT: Final = b"upstream connect error or disconnect/reset before headers\n\n"


def _half_event(send: Send) -> Send:
    """The first half of an event, still ended by the empty line, so that it is read as an event of its own."""
    if send.part == "body":
        # The length that was announced stays true: what is broken is the JSON, not the transfer.
        half = send.data[: len(send.data) // 2]
        return Send(half + b" " * (len(send.data) - len(half)), "body")
    return Send(send.data.rstrip()[: len(send.data) // 2] + b"\n\n", send.part)


def _malformed_document(script: Script, options: MalformedOptions) -> Script:
    body = b"".join(step.data for step in script.steps if isinstance(step, Send))
    if options.variant == "half":
        return retold(script, tuple(_half_event(step) if isinstance(step, Send) else step for step in script.steps))
    return document_instead(script, _GARBAGE if options.variant == "garbage" else _TEXT + body)


def _malformed(script: Script, options: MalformedOptions, _situation: Situation) -> Script:
    if not script.streams:
        return _malformed_document(script, options)
    sends = [place for place, step in enumerate(script.steps) if isinstance(step, Send) and step.part != "done"]
    # A stream with fewer events has its last one spoilt, so that the fault is never silently without effect.
    target = sends[min(options.event, len(sends)) - 1]
    extra = {"garbage": b"data: " + _GARBAGE + b"\n\n", "text": _TEXT, "half": b""}[options.variant]
    steps: list[Step] = []
    for place, step in enumerate(script.steps):
        if place != target or not isinstance(step, Send):
            steps.append(step)
        elif options.variant == "half":
            steps.append(_half_event(step))
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


def _error_bytes(failure: Script, options: ErrorEventOptions, situation: Situation, sent: int) -> bytes:
    """The event as the vendor words it, or else as one whose data is the body of the refusal."""
    text = options.form == "text"
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
    event = Send(_error_bytes(failure, options, situation, sum(isinstance(step, Send) for step in kept)), "error")
    ends: dict[str, tuple[Step, ...]] = {
        "end": (),
        "done": (Send(b"data: [DONE]\n\n", "done"),),
        "reset": (Abort(),),
        "open": (Hang(),),
    }
    return retold(script, (*kept, event, *ends[options.then]))


class FinishReasonOptions(Options, frozen=True):
    """Another reason for the end of an answer; `after` is how many content events of a stream come before it."""

    reason: str = "content_filter"
    after: Count = 3


def edited(data: bytes, edit: Callable[[dict[str, Any]], None]) -> bytes:
    """JSON, or an event that carries JSON, after `edit` has changed the decoded object; other bytes as they are.

    An event that is named after the `type` of its data keeps being so.
    """
    name, separator, rest = data.partition(b"\ndata: ")
    if not (separator and name.startswith(b"event: ")):
        name, separator, rest = b"", b"data: ", data.removeprefix(b"data: ")
        separator = b"data: " if data.startswith(b"data: ") else b""
    try:
        document = msgspec.json.decode(rest)
    except msgspec.DecodeError:
        return data
    if not isinstance(document, dict):
        return data
    named_by_type = name.removeprefix(b"event: ") == str(document.get("type")).encode()
    edit(document)
    if name and named_by_type:
        name = b"event: " + str(document.get("type")).encode()
    return name + separator + msgspec.json.encode(document) + (b"\n\n" if separator else b"")


def _finish_reason(script: Script, options: FinishReasonOptions, _situation: Situation) -> Script:
    def finish(document: dict[str, Any]) -> None:
        for choice in document.get("choices", ()):
            choice["finish_reason"] = options.reason
        for candidate in document.get("candidates", ()):
            candidate["finishReason"] = options.reason.upper()
        for owner in (document, document.get("delta")):
            if isinstance(owner, dict) and "stop_reason" in owner:
                owner["stop_reason"] = options.reason
        response = document if document.get("object") == "response" else document.get("response")
        if isinstance(response, dict) and response.get("object") == "response":
            response |= {"status": "incomplete", "incomplete_details": {"reason": options.reason}}
            if "response" in document:
                document["type"] = "response.incomplete"

    if not script.streams:
        body = b"".join(step.data for step in script.steps if isinstance(step, Send))
        return document_instead(script, edited(body, finish))
    steps: list[Step] = []
    contents = 0
    for step in script.steps:
        if isinstance(step, Send) and step.part == "content":
            contents += 1
            if contents > options.after:
                continue
        ends = isinstance(step, Send) and step.part in {"finish", "done"}
        steps.append(Send(edited(step.data, finish), step.part) if ends and isinstance(step, Send) else step)
    return retold(script, tuple(steps))


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
FINISH_REASON: Final = Kind(
    name="finish_reason",
    summary="The answer ends early and for another reason, such as `content_filter`.",
    options=FinishReasonOptions,
    rewrite=_finish_reason,
    scope="success",
)
