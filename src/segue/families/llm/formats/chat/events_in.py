"""A provider's stream in Chat Completions into events of the intermediate form."""

from typing import Final

import msgspec

from segue.core.failure import Failure
from segue.families.llm.formats.chat import wire_answer
from segue.families.llm.formats.chat.answer_in import (
    STOPS,
    call_signature,
    citations_of,
    custom_of,
    signature_of,
    split_content,
)
from segue.families.llm.formats.chat.usage import read_groq, read_usage
from segue.families.llm.formats.openai_errors import classify, error_object, gave_up
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
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Refusal, Text, Thinking, ToolUse
from segue.families.llm.sse import EventSplitter, EventTooLong, read_event
from segue.families.llm.stream_reader import broken_event, cut, reported

_chunk: Final = msgspec.json.Decoder(wire_answer.Completion)
_EMPTY: Final = b"null"
_MARKS: Final = (b'"choices"', b'"delta"', b'"content"', b"chat.completion", b'"finish_reason"')
# What of the answer is open besides calls of tools.
_NOTHING, _TEXT, _THINKING, _REFUSAL = range(4)


class ChatEvents:
    """Reads one stream. Calls of tools stay open until the answer stops: vendors may mix their pieces."""

    def __init__(self, secret: str = "") -> None:
        self._splitter = EventSplitter()
        self._secret = secret
        self._blocks = 0
        self._kind = _NOTHING
        self._current = -1
        self._calls: dict[int | str, int] = {}
        self._last_call: int | str = 0
        self._began = False
        self._stopped = False
        self._over = False
        self._id = ""
        self._refused = False

    def feed(self, chunk: bytes) -> list[Event]:
        """See `EventReader.feed`."""
        out: list[Event] = []
        if self._over:
            return out
        try:
            events = self._splitter.feed(chunk)
        except EventTooLong as error:
            self._break(out, cut(str(error)))
            return out
        for event in events:
            name, data = read_event(event)
            if not data:
                continue
            if data.strip() == b"[DONE]":
                if self._blocks and not self._stopped:
                    self._stop("", "", out)  # some servers leave the reason out, and say only that they are done
                self._done(out)
            elif name == b"error":
                self._break(out, self._reported(data))
            else:
                self._read(data, out)
            if self._over:
                break
        return out

    def end(self) -> list[Event]:
        """See `EventReader.end`."""
        out = self.feed(b"\n\n") if self._splitter.tail.strip() else []
        if not self._over:
            self._done(out)
        return out

    def _done(self, out: list[Event]) -> None:
        if self._stopped:
            out.append(Ended())
            self._over = True
        else:
            self._break(out, cut("the stream ended before the answer had"))

    def _break(self, out: list[Event], failure: Failure) -> None:
        out.append(Broke(failure))
        self._over = True

    def _reported(self, data: bytes) -> Failure:
        return reported(classify(200, error_object(data), self._secret))

    def _read(self, data: bytes, out: list[Event]) -> None:
        try:
            if not data.isascii():
                data.decode()
            chunk = _chunk.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if not self._stopped and (data.lstrip()[:1] == b"{" or any(mark in data for mark in _MARKS)):
                self._break(out, broken_event())
            return
        if bytes(chunk.error) != _EMPTY:
            self._break(out, self._reported(data))
            return
        if not self._began:
            self._began = True
            self._id = chunk.id or ""
            out.append(Began(self._id, chunk.model or "", int(chunk.created or 0)))
        for choice in chunk.choices or ():
            if choice.index:
                continue  # only the first of several answers has a place in the intermediate form
            delta = choice.delta or choice.message
            if delta is not None and not self._stopped:
                self._delta(delta, out)
            if choice.finish_reason and not self._stopped:  # some servers send "" until the end
                self._stop(choice.finish_reason, chunk.service_tier or "", out)
                if self._over:
                    return
        usage = read_usage(chunk.usage)
        if usage is None and bytes(chunk.x_groq) != _EMPTY:
            usage = read_groq(chunk.x_groq)
        if usage is not None:
            usage.service_tier = chunk.service_tier or ""
            out.append(Counted(usage))

    def _delta(self, delta: wire_answer.Message, out: list[Event]) -> None:
        content = delta.content
        thought = delta.reasoning_content or delta.reasoning
        if content is not None and not isinstance(content, str):
            content, inner = split_content(content)
            thought = thought or inner
        if thought:
            out.append(ThinkingMore(self._open(_THINKING, out), thought))
        if delta.reasoning_details:
            signature = signature_of(delta.reasoning_details)
            if signature is not None:
                out.append(Signed(self._open(_THINKING, out), signature))
        if content:
            out.append(TextMore(self._open(_TEXT, out), content))
        if delta.annotations:
            out.extend(Cited(self._open(_TEXT, out), citation) for citation in citations_of(delta.annotations))
        if delta.refusal:
            self._refused = True
            out.append(TextMore(self._open(_REFUSAL, out), delta.refusal))
        for call in delta.tool_calls or ():
            self._call(call, out)
        if delta.function_call is not None and (delta.function_call.name or delta.function_call.arguments):
            name = delta.function_call.name
            named = f"call_{name}" if name else None
            self._call(wire_answer.ToolCall(named, index=0, function=delta.function_call), out)

    def _open(self, kind: int, out: list[Event]) -> int:
        """The number of the open block of this kind; begins one if it is not the one that is open."""
        if self._kind != kind:
            self._close(out)
            self._kind = kind
            self._current = self._blocks
            self._blocks += 1
            block = Text() if kind == _TEXT else Thinking() if kind == _THINKING else Refusal()
            out.append(BlockBegan(self._current, block))
        return self._current

    def _close(self, out: list[Event]) -> None:
        if self._kind != _NOTHING:
            out.append(BlockEnded(self._current))
            self._kind = _NOTHING

    def _call(self, call: wire_answer.ToolCall, out: list[Event]) -> None:
        """A piece of a call. Its place is its `index`; servers that give none are told apart by their ids."""
        place: int | str = call.index if call.index is not None else call.id or self._last_call
        self._last_call = place
        number = self._calls.get(place)
        function, custom = call.function, custom_of(call)
        if custom is not None:
            function = None
        name = (function.name if function else custom.name if custom else None) or ""
        if number is None:
            self._close(out)
            number = self._calls[place] = self._blocks
            self._blocks += 1
            made = call.id or f"call_{self._id[-24:]}_{number}"
            block = ToolUse(made, name, signature=call_signature(call), custom=custom is not None)
            out.append(BlockBegan(number, block))
        more = (function.arguments if function else custom.input if custom else None) or ""
        if more:
            out.append(ArgumentsMore(number, more))

    def _stop(self, reason: str, tier: str, out: list[Event]) -> None:
        broken = gave_up(reason)
        if broken is not None:
            self._break(out, reported(broken))
            return
        self._close(out)
        out.extend(BlockEnded(number) for number in self._calls.values())
        stop = STOPS.get(reason or "stop", Stop.OTHER)
        if stop is Stop.END and self._calls:
            stop = Stop.TOOLS
        elif stop is Stop.END and self._refused:
            stop = Stop.REFUSAL
        self._stopped = True
        out.append(Stopped(stop, vendor_stop=reason, service_tier=tier))
