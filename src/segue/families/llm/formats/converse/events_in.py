"""A streamed answer of ConverseStream's.

Converse numbers its blocks, but announces only calls of tools: a text or a thought simply begins with its first
piece. Failures come as messages of the type "exception" in the middle of the stream, under status 200.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.converse.answer_in import SERVER_TOOL
from segue.families.llm.formats.converse.errors import read_exception
from segue.families.llm.formats.converse.usage import usage_of
from segue.families.llm.formats.converse.wire import (
    BlockDelta,
    BlockStart,
    BlockStop,
    Delta,
    MessageStop,
    Metadata,
    ReasoningDelta,
    citation_of,
    is_there,
    sequence_of,
    stop_of,
    tier_of,
)
from segue.families.llm.formats.eventstream import BadFrame, Frame, FrameSplitter
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Cited,
    Counted,
    Ended,
    Event,
    Signed,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Content, Signature, Text, Thinking, ToolUse

_DECODERS: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "contentBlockStart": msgspec.json.Decoder(BlockStart),
    "contentBlockDelta": msgspec.json.Decoder(BlockDelta),
    "contentBlockStop": msgspec.json.Decoder(BlockStop),
    "messageStop": msgspec.json.Decoder(MessageStop),
    "metadata": msgspec.json.Decoder(Metadata),
}

MAX_BLOCKS: Final = 10_000
"""Blocks of one answer: beyond any answer of use, and a limit on what a broken provider can make us keep."""

_TEXT: Final = 0
_THOUGHT: Final = 1
_TOOL: Final = 2
_IGNORED: Final = 3  # steps of Bedrock's own tools, and images in pieces


def _checked(payload: bytes) -> bytes:
    """Bytes that are UTF-8: citations stay raw, and go on as they came.

    Raises:
        UnicodeDecodeError: they are not.
    """
    if not payload.isascii():
        payload.decode()
    return payload


class ConverseReader:
    """Reads one stream.

    Args:
        vendor: whose the proofs of thoughts are.
    """

    __slots__ = ("_began", "_closed", "_count", "_frames", "_open", "_stopped", "_vendor")

    def __init__(self, vendor: str) -> None:
        self._vendor = vendor
        self._frames = FrameSplitter()
        self._open: dict[int, tuple[int, int]] = {}  # by Bedrock's number: ours, and what it is
        self._count = 0
        self._began = False
        self._stopped = False
        self._closed = False

    def feed(self, chunk: bytes) -> Sequence[Event]:
        """The events that these bytes complete."""
        if self._closed:
            return ()
        events: list[Event] = []
        broken: BadFrame | None = None
        frames: Sequence[Frame]
        try:
            frames = self._frames.feed(chunk)
        except BadFrame as error:
            broken, frames = error, error.before
        for frame in frames:
            self._take(frame, events)
            if self._closed:
                return events
        if broken is not None:
            self._break(f"unreadable: {broken}", events)
        return events

    def end(self) -> Sequence[Event]:
        """What is left when the bytes have ended."""
        if self._closed:
            return ()
        events: list[Event] = []
        if self._stopped:
            self._closed = True
            events.append(Ended())
        else:
            self._break("ended before 'messageStop'", events)
        return events

    def _break(self, how: str, events: list[Event]) -> None:
        self._closed = True
        if self._stopped:  # the answer is whole
            events.append(Ended())
            return
        kind = Kind.STREAM_CUT if self._began else Kind.BAD_RESPONSE
        events.append(Broke(Failure(kind, f"Bedrock's stream is {how}", Executed.UNKNOWN, Scope.PROVIDER)))

    def _take(self, frame: Frame, events: list[Event]) -> None:
        headers = frame.headers
        kind = headers.get(":message-type")
        if kind != "event":
            if kind in {"exception", "error"}:
                if self._stopped:
                    self._break("broken", events)
                    return
                self._closed = True
                events.append(Broke(read_exception(headers, frame.payload)))
            return
        name = headers.get(":event-type")
        if name == "messageStart":
            self._begin(events)
            return
        decoder = _DECODERS.get(name) if isinstance(name, str) else None
        if decoder is None:
            return  # an event of tomorrow's
        try:
            told = decoder.decode(_checked(frame.payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._break(f"unreadable: the event {name!r} is not as documented", events)
            return
        self._begin(events)
        if name == "contentBlockDelta":
            if told.delta is not None:
                self._piece(told.content_block_index, told.delta, events)
        elif name == "contentBlockStart":
            self._start(told, events)
        elif name == "contentBlockStop":
            self._stop_block(told.content_block_index, events)
        elif name == "messageStop":
            self._stop(told, events)
        else:
            usage = usage_of(told.usage, tier_of(told.service_tier, told.performance_config))
            if usage is not None:
                events.append(Counted(usage))
            if self._stopped:
                self._closed = True
                events.append(Ended())

    def _begin(self, events: list[Event]) -> None:
        if not self._began:
            self._began = True
            events.append(Began())

    def _start(self, told: BlockStart, events: list[Event]) -> None:
        start = told.start
        if start is None or self._stopped:
            return
        use = start.tool_use
        self._stop_block(told.content_block_index, events)
        if use is None or use.type == SERVER_TOOL:
            if use is not None or is_there(start.tool_result) or is_there(start.image):
                self._open[told.content_block_index] = (-1, _IGNORED)
            return
        if not use.tool_use_id or not use.name:
            self._break("unreadable: a call of a tool has no 'toolUseId' or no 'name'", events)
            return
        self._add(told.content_block_index, _TOOL, ToolUse(use.tool_use_id, use.name), events)

    def _add(self, number: int, what: int, block: Content, events: list[Event]) -> int:
        """Begin a block; its number by our count, -1 if the stream was broken off instead."""
        if self._count >= MAX_BLOCKS:
            self._break(f"of more than {MAX_BLOCKS} blocks", events)
            return -1
        index = self._count
        self._count += 1
        self._open[number] = (index, what)
        events.append(BlockBegan(index, block))
        return index

    def _index(self, number: int, what: int, events: list[Event]) -> int:
        """Our number of an open block of this kind; it is begun if there is none."""
        known = self._open.get(number)
        if known is not None:
            if known[1] == what:
                return known[0]
            if known[1] == _IGNORED:
                return -1
            self._stop_block(number, events)
        return self._add(number, what, Text() if what == _TEXT else Thinking(), events)

    def _piece(self, number: int, delta: Delta, events: list[Event]) -> None:
        if self._stopped or self._closed:
            return
        if delta.text is not None:
            index = self._index(number, _TEXT, events)
            if delta.text and index >= 0:
                events.append(TextMore(index, delta.text))
        elif delta.tool_use is not None:
            known = self._open.get(number)
            if known is None or known[1] not in {_TOOL, _IGNORED}:
                self._break("unreadable: arguments of a tool whose call has not begun", events)
            elif known[1] == _TOOL and delta.tool_use.input:
                events.append(ArgumentsMore(known[0], delta.tool_use.input))
        elif delta.reasoning_content is not None:
            self._thought(number, delta.reasoning_content, events)
        elif is_there(delta.citation):
            citation = citation_of(delta.citation)
            index = self._index(number, _TEXT, events) if citation is not None else -1
            if citation is not None and index >= 0:
                events.append(Cited(index, citation))

    def _thought(self, number: int, delta: ReasoningDelta, events: list[Event]) -> None:
        if delta.redacted_content:
            self._stop_block(number, events)
            signature = Signature(self._vendor, delta.redacted_content, "redacted")
            self._add(number, _THOUGHT, Thinking(signature=signature), events)
            return
        if not delta.text and not delta.signature:
            return
        index = self._index(number, _THOUGHT, events)
        if index < 0:
            return
        if delta.text:
            events.append(ThinkingMore(index, delta.text))
        if delta.signature:
            events.append(Signed(index, Signature(self._vendor, delta.signature)))

    def _stop_block(self, number: int, events: list[Event]) -> None:
        known = self._open.pop(number, None)
        if known is not None and known[1] != _IGNORED:
            events.append(BlockEnded(known[0]))

    def _stop(self, told: MessageStop, events: list[Event]) -> None:
        if self._stopped:
            return
        for number in list(self._open):
            self._stop_block(number, events)
        self._stopped = True
        sequence = sequence_of(told.additional_model_response_fields)
        events.append(Stopped(stop_of(told.stop_reason), sequence, told.stop_reason or ""))
