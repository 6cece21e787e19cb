"""Answers of Ollama's, whole and streamed: the stream is one JSON object in a line after the other, `done` the end.

Texts and thoughts come in pieces, calls of tools whole, and old servers give calls no names. Ollama says "stop" for an
answer that calls tools too.
"""

from datetime import UTC, datetime
from typing import Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.formats.counts import NOTHING, read_count
from segue.families.llm.formats.line_format import LineReader, whole_call
from segue.families.llm.formats.ollama.errors import read_line_error
from segue.families.llm.formats.tool_calls import made_id
from segue.families.llm.ir.answer import (
    Answer,
    Began,
    BlockBegan,
    BlockEnded,
    Counted,
    Ended,
    Event,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Content, Text, Thinking, ToolUse
from segue.families.llm.ir.format import BadAnswer, decoded

Raw = msgspec.Raw


class Function(msgspec.Struct, gc=False):
    """What is called; `arguments` is an object."""

    name: str | None = None
    arguments: Raw = Raw(b"null")


class Call(msgspec.Struct, gc=False):
    """A call of a tool; old servers give it no name."""

    id: str | None = None
    function: Function | None = None


class Message(msgspec.Struct, gc=False):
    """The assistant's turn, or a piece of it."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None


class Line(msgspec.Struct, gc=False):
    """A whole answer, or one line of a stream."""

    model: str | None = None
    created_at: str | None = None
    message: Message | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: Raw = NOTHING
    eval_count: Raw = NOTHING


_line: Final = msgspec.json.Decoder(Line)
_STOPS: Final = {"stop": Stop.END, "": Stop.END, "length": Stop.LENGTH}


def read_answer(body: bytes) -> Answer:
    """A whole answer.

    Raises:
        BadAnswer: it is none, or unfinished.
    """
    told = decoded(_line, body)
    message = told.message
    if message is None:
        raise BadAnswer("field 'message' is missing")
    if told.done is False:
        raise BadAnswer("field 'done' is false: the answer is unfinished")
    content: list[Content] = []
    if message.thinking:
        content.append(Thinking(message.thinking))
    if message.content:
        content.append(Text(message.content))
    calls = _calls(told, 0)
    content += calls
    return Answer(
        model=told.model or "",
        created=_seconds(told.created_at),
        content=content,
        stop=_stop_of(told.done_reason, called=bool(calls)),
        vendor_stop=told.done_reason or "",
        usage=_usage_of(told),
    )


def _calls(told: Line, first: int) -> list[ToolUse]:
    """The calls of a line; `first`: how many came before."""
    calls: list[ToolUse] = []
    for position, call in enumerate((told.message.tool_calls or ()) if told.message is not None else (), first):
        function = call.function
        if function is None or not function.name:
            raise BadAnswer("a call of a tool without 'function.name'")
        arguments = bytes(function.arguments).decode()
        name = call.id or made_id(position, told.created_at or "", function.name, arguments)
        calls.append(ToolUse(name, function.name, "" if arguments == "null" else arguments))
    return calls


def _stop_of(reason: str | None, *, called: bool) -> Stop:
    stop = _STOPS.get(reason or "", Stop.OTHER)
    return Stop.TOOLS if called and stop is Stop.END else stop


def _usage_of(told: Line) -> Usage | None:
    """Usage by our convention, which is Ollama's too: the output includes thoughts; nothing is told of its cache."""
    given, made = read_count(told.prompt_eval_count), read_count(told.eval_count)
    return None if given is None and made is None else Usage(given, made)


def _seconds(moment: str | None) -> int:
    """Seconds since 1970 of a moment in ISO 8601; 0 where it is none."""
    try:
        told = datetime.fromisoformat(moment or "")
        return max(0, int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError, OSError):
        return 0


class OllamaReader(LineReader):
    """Reads one stream."""

    __slots__ = ("_called", "_count", "_open")

    whose = "Ollama"
    lacks = "'done'"

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._open: type[Text | Thinking] | None = None  # what the open block is; its number is the last
        self._called = 0

    def _read(self, line: bytes, events: list[Event]) -> Failure | None:
        told = decoded(_line, line)
        if told.message is None and not told.done:
            return read_line_error(line)
        self._go_on(told, events)
        return None

    def _go_on(self, told: Line, events: list[Event]) -> None:
        if not self._began:
            self._began = True
            events.append(Began(model=told.model or "", created=_seconds(told.created_at)))
        message = told.message
        if message is not None:
            if message.thinking:
                events.append(ThinkingMore(self._index(Thinking, events), message.thinking))
            if message.content:
                events.append(TextMore(self._index(Text, events), message.content))
            if message.tool_calls:
                self._call(told, events)
        if not told.done:
            return
        self._end_block(events)
        usage = _usage_of(told)
        if usage is not None:
            events.append(Counted(usage))
        self._closed = True
        stop = _stop_of(told.done_reason, called=self._called > 0)
        events += [Stopped(stop, None, told.done_reason or ""), Ended()]

    def _index(self, what: type[Text | Thinking], events: list[Event]) -> int:
        """The number of the open block of this kind; it is begun if another one, or none, is open."""
        if self._open is not what:
            self._end_block(events)
            self._open = what
            events.append(BlockBegan(self._count, what()))
            self._count += 1
        return self._count - 1

    def _end_block(self, events: list[Event]) -> None:
        if self._open is not None:
            self._open = None
            events.append(BlockEnded(self._count - 1))

    def _call(self, told: Line, events: list[Event]) -> None:
        calls = _calls(told, self._called)
        self._end_block(events)
        for call in calls:
            index = self._count
            self._count += 1
            events += whole_call(index, call)
        self._called += len(calls)
