"""A stream can be right and unusual: what the standard allows, some vendor sends. These kinds change only its form.

They can be combined with one another and with any other fault.
"""

from typing import Annotated, Final, Literal

import msgspec

from segue.simulator import frames
from segue.simulator.faults.kinds import Kind, Options, Positive, Seconds, Situation, mapped, retold
from segue.simulator.script import Part, Script, Send, Step, Wait

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def _is_event(step: Step, *parts: Part) -> bool:
    return isinstance(step, Send) and (step.part in parts if parts else step.part != "body")


class DuplicateOptions(Options, frozen=True):
    """Which content event, counted from 1, is sent again, and how many times."""

    event: Positive = 2
    copies: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


def _duplicate(script: Script, options: DuplicateOptions, _situation: Situation) -> Script:
    places = [place for place, step in enumerate(script.steps) if _is_event(step, "content")]
    if not places:
        return script
    target = places[min(options.event, len(places)) - 1]
    again = [script.steps[target]] * options.copies
    return retold(script, (*script.steps[:target], *again, *script.steps[target:]))


def _between(script: Script, every: int, extra: Send) -> Script:
    """The stream with `extra` before the first event and before every so-manyth after it."""
    steps: list[Step] = []
    events = 0
    for step in script.steps:
        if _is_event(step):
            if events % every == 0:
                steps.append(extra)
            events += 1
        steps.append(step)
    return retold(script, tuple(steps))


class EveryOptions(Options, frozen=True):
    """`every` is how many events come between two of the extra ones."""

    every: Positive = 1


def _empty_choices(script: Script, options: EveryOptions, situation: Situation) -> Script:
    if not any(isinstance(step, Send) and b'"choices":' in step.data for step in script.steps):
        return script
    document = {
        "id": "",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": situation.exchange.model or "",
        "choices": [],
    }
    return _between(script, options.every, Send(b"data: " + msgspec.json.encode(document) + b"\n\n", "extra"))


class CommentOptions(Options, frozen=True):
    """`text` is the comment, and `every` how many events come between two of them."""

    text: str = "keep-alive"
    every: Positive = 1


def _comments(script: Script, options: CommentOptions, situation: Situation) -> Script:
    if frames.is_binary(script) or frames.is_lines(script):
        # These have no comments.
        situation.spoilt = False
        return script
    comment = b": " + _one_line(options.text) + b"\n\n"
    return _between(script, options.every, Send(comment, "extra"))


class UnknownEventOptions(Options, frozen=True):
    """An event of another type: its name, its data, and how many events come between two of them."""

    event: str = "ping"
    data: str = '{"type":"ping"}'
    every: Positive = 1


def _unknown_events(script: Script, options: UnknownEventOptions, _situation: Situation) -> Script:
    if frames.is_binary(script):
        data = frames.event(options.event[:255], _one_line(options.data))
    elif frames.is_lines(script):
        data = _one_line(options.data) + b"\n"
    else:
        data = b"event: " + _one_line(options.event) + b"\ndata: " + _one_line(options.data) + b"\n\n"
    return _between(script, options.every, Send(data, "extra"))


def _one_line(text: str) -> bytes:
    return " ".join(text.splitlines()).encode("utf-8", "replace")


class LineEndingOptions(Options, frozen=True):
    """What ends a line: carriage return and line feed, or a carriage return alone."""

    ending: Literal["crlf", "cr"] = "crlf"


def _line_endings(script: Script, options: LineEndingOptions, situation: Situation) -> Script:
    if frames.is_binary(script):
        situation.spoilt = False
        return script
    ending = b"\r\n" if options.ending == "crlf" else b"\r"
    return retold(
        script,
        tuple(
            Send(step.data.replace(b"\n", ending), step.part, step.events)
            if isinstance(step, Send) and step.part != "body"
            else step
            for step in script.steps
        ),
    )


def _byte_order_mark(script: Script, _options: Options, situation: Situation) -> Script:
    if frames.is_binary(script):
        situation.spoilt = False
        return script
    return mapped(script, lambda bodies: (_BYTE_ORDER_MARK + bodies[0], *bodies[1:]) if bodies else ())


class MergeOptions(Options, frozen=True):
    """How many events are sent in one piece."""

    events: Positive = 3


def _merge(script: Script, options: MergeOptions, _situation: Situation) -> Script:
    steps: list[Step] = []
    group: list[Send] = []

    def flush() -> None:
        if group:
            count = sum(send.events for send in group if send.part == "content")
            steps.append(Send(b"".join(send.data for send in group), "content" if count else group[0].part, count))
            group.clear()

    for step in script.steps:
        if isinstance(step, Send) and step.part != "body":
            group.append(step)
            if len(group) == options.events:
                flush()
            continue
        # A wait between two events that travel together comes before both.
        if not isinstance(step, Wait):
            flush()
        steps.append(step)
    flush()
    return retold(script, tuple(steps))


class SplitOptions(Options, frozen=True):
    """Into which pieces the body is split.

    Attributes:
        bytes: The size of each piece, or with `random` the largest, at least 1.
        random: Whether the sizes are drawn by lot (seeded).
        pause: Seconds between two pieces.
    """

    bytes: Positive = 1
    random: bool = False
    pause: Seconds = 0.0


def _split(script: Script, options: SplitOptions, situation: Situation) -> Script:
    steps: list[Step] = []
    for step in script.steps:
        if not isinstance(step, Send):
            steps.append(step)
            continue
        start = 0
        while start < len(step.data):
            size = situation.chance.randint(1, options.bytes) if options.random else options.bytes
            end = start + size
            steps += [
                Send(step.data[start:end], step.part, step.events if end >= len(step.data) else 0),
                Wait(options.pause),
            ]
            start = end
    return retold(script, tuple(steps))


DUPLICATE_EVENT: Final = Kind(
    name="duplicate_event",
    summary="A content event is sent again.",
    options=DuplicateOptions,
    rewrite=_duplicate,
    scope="stream",
    stage="shape",
)
EMPTY_CHOICES: Final = Kind(
    name="empty_choices",
    summary="Events with an empty list of choices between the others.",
    options=EveryOptions,
    rewrite=_empty_choices,
    scope="stream",
    stage="shape",
)
COMMENTS: Final = Kind(
    name="comments",
    summary="Comment lines between the events, as a keep-alive.",
    options=CommentOptions,
    rewrite=_comments,
    scope="stream",
    stage="shape",
)
UNKNOWN_EVENTS: Final = Kind(
    name="unknown_events",
    summary="Events of an unknown type between the others.",
    options=UnknownEventOptions,
    rewrite=_unknown_events,
    scope="stream",
    stage="shape",
)
LINE_ENDINGS: Final = Kind(
    name="line_endings",
    summary="Lines of a stream end in CRLF, or in CR.",
    options=LineEndingOptions,
    rewrite=_line_endings,
    scope="stream",
    stage="shape",
)
BYTE_ORDER_MARK: Final = Kind(
    name="byte_order_mark",
    summary="The body begins with a UTF-8 byte order mark.",
    options=Options,
    rewrite=_byte_order_mark,
    scope="success",
    stage="shape",
)
MERGE: Final = Kind(
    name="merge",
    summary="Several events travel in one segment.",
    options=MergeOptions,
    rewrite=_merge,
    scope="stream",
    stage="shape",
)
SPLIT: Final = Kind(
    name="split",
    summary="The body travels in segments of so many bytes, or of random sizes.",
    options=SplitOptions,
    rewrite=_split,
    scope="success",
    stage="shape",
)
