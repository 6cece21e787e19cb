"""Answers of Yandex's, whole and streamed.

A stream is the whole answer so far, again and again, one JSON object in a line: what is new is told from what came
before by its length alone, so that no text is kept. There is no formal end: a final status is the end.
"""

from typing import Final

import msgspec

from segue.core.failure import Failure
from segue.families.llm.formats.line_format import LineReader, whole_call
from segue.families.llm.formats.tool_calls import made_id
from segue.families.llm.formats.yandex.errors import read_line_error
from segue.families.llm.formats.yandex.wire import Line, Message, Result, stop_of, told_usage, usage_of
from segue.families.llm.ir.answer import (
    Answer,
    Began,
    BlockBegan,
    BlockEnded,
    Counted,
    Event,
    Stop,
    Stopped,
    TextMore,
)
from segue.families.llm.ir.blocks import Content, Text, ToolUse
from segue.families.llm.ir.format import BadAnswer, decoded

_line: Final = msgspec.json.Decoder(Line)
_TAIL: Final = 32  # characters of the text so far that are kept, to see that the next line goes on from it


def read_answer(body: bytes) -> Answer:
    """A whole answer.

    Raises:
        BadAnswer: it is none, or unfinished.
    """
    result = decoded(_line, body).result
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
    usage = told_usage(result.usage)
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


class YandexReader(LineReader):
    """Reads one stream."""

    __slots__ = ("_open", "_tail", "_told")

    whose = "Yandex"
    lacks = "a final status"

    def __init__(self) -> None:
        super().__init__()
        self._told = 0  # characters of the text that were given out
        self._tail = ""
        self._open = False

    def _read(self, line: bytes, events: list[Event]) -> Failure | None:
        told = decoded(_line, line)
        if told.result is None:
            return read_line_error(line)
        self._go_on(told.result, events)
        return None

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
                events += whole_call(index, call)
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
