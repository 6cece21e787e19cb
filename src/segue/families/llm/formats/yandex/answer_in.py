"""Answers of Yandex's, whole and streamed.

A stream is the whole answer so far, again and again, one JSON object in a line: what is new is told from what came
before by its length alone, so that no text is kept. There is no formal end: a final status is the end.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.lines import LineSplitter, LineTooLong
from segue.families.llm.formats.tool_calls import made_id
from segue.families.llm.formats.yandex.errors import read_line_error
from segue.families.llm.formats.yandex.wire import Line, Message, Result, stop_of, usage_of
from segue.families.llm.ir.answer import (
    Answer,
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Counted,
    Ended,
    Event,
    Stop,
    Stopped,
    TextMore,
)
from segue.families.llm.ir.blocks import Content, Text, ToolUse
from segue.families.llm.ir.format import BadAnswer

_line: Final = msgspec.json.Decoder(Line)
_TAIL: Final = 32  # characters of the text so far that are kept, to see that the next line goes on from it


def _decoded(body: bytes) -> Line:
    """A line.

    Raises:
        BadAnswer: it is none.
    """
    try:
        if not body.isascii():
            body.decode()  # values that are kept as bytes are not looked into
        return _line.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer.of(error, body) from None


def read_answer(body: bytes) -> Answer:
    """A whole answer.

    Raises:
        BadAnswer: it is none, or unfinished.
    """
    result = _decoded(body).result
    if result is None or not result.alternatives:
        raise BadAnswer("field 'result.alternatives' is missing or empty")
    first = result.alternatives[0]
    stop = stop_of(first.status)
    if stop is None and first.message is None:
        raise BadAnswer("field 'result.alternatives[0]' has neither a message nor a final status")
    content: list[Content] = []
    if first.message is not None:
        if first.message.text:
            content.append(Text(first.message.text))
        content += _calls(first.message, result)
    return Answer(
        model=result.model_version or "",
        content=content,
        stop=stop or Stop.END,
        vendor_stop=first.status or "",
        usage=usage_of(result.usage),
    )


def _calls(message: Message, result: Result) -> list[ToolUse]:
    """The calls of an answer, with names made from their places and from what tells this answer from others."""
    told = message.tool_call_list
    usage = result.usage
    size = f"{usage.input_text_tokens}/{usage.completion_tokens}" if usage is not None else ""
    calls = []
    for position, call in enumerate(told.tool_calls or () if told is not None else ()):
        function = call.function_call
        if function is None or not function.name:
            raise BadAnswer("a call of a tool without 'functionCall.name'")
        arguments = bytes(function.arguments).decode()
        name = made_id(position, result.model_version or "", size, function.name, arguments)
        calls.append(ToolUse(name, function.name, "" if arguments == "null" else arguments))
    return calls


class YandexReader:
    """Reads one stream."""

    __slots__ = ("_began", "_closed", "_lines", "_open", "_stopped", "_tail", "_told")

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._told = 0  # characters of the text that were given out
        self._tail = ""
        self._began = False
        self._open = False
        self._stopped = False
        self._closed = False

    def feed(self, chunk: bytes) -> Sequence[Event]:
        """The events that these bytes complete."""
        events: list[Event] = []
        if self._closed:
            return events
        try:
            for line in self._lines.feed(chunk):
                self._take(line, events)
        except LineTooLong as error:
            self._break(str(error), events)
        return events

    def end(self) -> Sequence[Event]:
        """What is left when the bytes have ended."""
        events: list[Event] = []
        rest = self._lines.rest()
        if rest and not self._closed and not self._stopped:
            self._take(rest, events)  # the last line may lack its ending
        if self._stopped and not self._closed:
            self._closed = True
            events.append(Ended())
        elif not self._closed:
            self._break("it ended before a final status", events)
        return events

    def _break(self, how: str, events: list[Event]) -> None:
        self._closed = True
        kind = Kind.STREAM_CUT if self._began else Kind.BAD_RESPONSE
        events.append(Broke(Failure(kind, f"Yandex's stream is broken: {how}", Executed.UNKNOWN, Scope.PROVIDER)))

    def _take(self, line: bytes, events: list[Event]) -> None:
        if self._closed or self._stopped:
            return
        try:
            told = _decoded(line)
            if told.result is not None:
                self._go_on(told.result, events)
            else:
                failure = read_line_error(line)
                if failure is not None:
                    self._closed = True
                    events.append(Broke(failure))
        except BadAnswer as error:
            self._break(str(error), events)

    def _go_on(self, result: Result, events: list[Event]) -> None:
        if not self._began:
            self._began = True
            events.append(Began(model=result.model_version or ""))
        first = result.alternatives[0] if result.alternatives else None
        if first is None:
            return
        stop = stop_of(first.status)
        if first.message is not None:
            self._tell(first.message.text or "", stop, events)
            if self._closed:
                return
        if stop is None:
            return
        index = 0
        if self._open:
            events.append(BlockEnded(0))
            index = 1
        if first.message is not None:
            for call in _calls(first.message, result):
                events.append(BlockBegan(index, ToolUse(call.id, call.name)))
                if call.arguments:
                    events.append(ArgumentsMore(index, call.arguments))
                events.append(BlockEnded(index))
                index += 1
        usage = usage_of(result.usage)
        if usage is not None:
            events.append(Counted(usage))
        self._stopped = True
        events.append(Stopped(stop, None, first.status or ""))

    def _tell(self, text: str, stop: Stop | None, events: list[Event]) -> None:
        """Give out what a text has more than the one before."""
        if len(text) < self._told or not text.startswith(self._tail, self._told - len(self._tail)):
            # The filter puts words of its own in the answer's place, and calls of tools may come without the text.
            if stop is Stop.FILTER or not text:
                return
            self._break("a text does not go on from the one before", events)
            return
        more = text[self._told :]
        if not more:
            return
        if not self._open:
            self._open = True
            events.append(BlockBegan(0, Text()))
        self._told = len(text)
        self._tail = text[-_TAIL:]
        events.append(TextMore(0, more))
