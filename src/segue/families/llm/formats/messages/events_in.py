"""One streamed answer out of Anthropic's Messages.

Anthropic sends one block after the other: its beginning, its pieces, its end. Two of its habits matter here. Usage is
told twice, each number in full (cumulative), so that nothing is added up. And `message_delta` with a `stop_reason`
makes the answer whole, before `message_stop` says so formally.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from segue.families.llm.formats.messages.answer_in import (
    citation_of,
    kind_of,
    made_id,
    raw_of,
    read_block,
    unknown_reason,
)
from segue.families.llm.formats.messages.errors import read_error
from segue.families.llm.formats.messages.open_block import OpenBlock, Unusable
from segue.families.llm.formats.messages.stops import read_stop
from segue.families.llm.formats.messages.usage import read_usage, told_usage, update
from segue.families.llm.formats.messages.wire import Raw, present
from segue.families.llm.formats.messages.wire_answer import Delta, WireEvent, WireMessage, WireUsage
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
    Ping,
    Signed,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import ANTHROPIC, ServerItem, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import BadAnswer
from segue.families.llm.sse import EventSplitter, EventTooLong, read_event
from segue.families.llm.stream_reader import cut, reported

SPLICED: Final = "another answer began in the middle of the stream"
"""Anthropic's streams have been seen to begin again under another id, with what came before left unfinished."""

_event: Final = msgspec.json.Decoder(WireEvent)
_PARTS: Final = frozenset({
    b"message_start", b"content_block_start", b"content_block_delta", b"content_block_stop", b"message_delta",
    b"message_stop",
})  # fmt: skip

_PIECES: Final[dict[tuple[str, str], tuple[str, Callable[[int, str], Event]]]] = {
    ("text_delta", "text"): ("text", TextMore),
    ("input_json_delta", "arguments"): ("partial_json", ArgumentsMore),
    ("input_json_delta", "json"): ("partial_json", TextMore),
    ("thinking_delta", "thinking"): ("thinking", ThinkingMore),
}
"""By the type of a piece and what its block is: the field with the words, and the event that they become."""

MAX_OPEN: Final = 64
"""Blocks that may be open at the same time; Anthropic itself never has more than one."""


class MessagesReader:
    """Reads the events of one answer."""

    __slots__ = ("_began", "_blocks", "_id", "_open", "_over", "_raw", "_splitter", "_stopped", "_tools", "_usage")

    def __init__(self) -> None:
        self._splitter = EventSplitter()
        self._open: dict[int, OpenBlock] = {}
        self._usage = WireUsage()
        self._raw: dict[str, Raw] = {}
        self._id = ""
        self._blocks = 0
        self._tools = False
        self._began = False
        self._stopped = False
        self._over = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that these bytes complete."""
        out: list[Event] = []
        if self._over:
            return out
        try:
            events = self._splitter.feed(chunk)
        except EventTooLong as error:
            self._break(out, str(error))
            return out
        for event in events:
            name, data = _parts(event)
            if data:
                self._take(name, data, out)
                if self._over:
                    break
        return out

    def end(self) -> list[Event]:
        """The bytes have ended."""
        if self._over:
            return []
        out = self.feed(b"\n\n") if self._splitter.tail.strip() else []  # some leave the last empty line out
        if self._over:
            return out
        if self._stopped:
            self._over = True
            out.append(Ended())
        else:
            self._break(out, "the connection was closed before the answer had ended")
        return out

    def _take(self, name: bytes, data: bytes, out: list[Event]) -> None:
        try:
            if not data.isascii():
                data.decode()
            event = _event.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if name == b"error":
                self._error(None, data, out)
            elif not self._stopped and (not name or name in _PARTS):
                self._break(out, "an event in the middle of the stream is not valid")
            return
        handle = _HANDLERS.get(event.type or name.decode("latin-1"))
        if handle is not None:
            handle(self, event, data, out)

    def _start(self, event: WireEvent, _data: bytes, out: list[Event]) -> None:
        message = event.message or WireMessage()
        if self._began:
            if message.id and message.id != self._id and not self._stopped:
                self._break(out, SPLICED)
            return
        self._began = True
        self._id = message.id or ""
        usage = told_usage(message.usage)
        if usage is not None:
            self._usage = usage
        self._learn(
            container=message.container, context_management=message.context_management, diagnostics=message.diagnostics
        )
        out.append(Began(self._id, message.model or "", usage=read_usage(usage)))

    def _block(self, event: WireEvent, _data: bytes, out: list[Event]) -> None:
        if self._stopped:
            return
        if not self._began:
            self._start(event, b"", out)
        index = self._blocks if event.index is None else event.index
        try:
            block = read_block(event.content_block, made_id(self._id, index))
        except BadAnswer as error:
            self._break(out, str(error))
            return
        if index in self._open:
            self._close(index, out)
        if len(self._open) >= MAX_OPEN:
            self._break(out, f"more than {MAX_OPEN} blocks at the same time")
        if self._over:
            return
        opened = self._open[index] = OpenBlock(self._blocks, "own")
        if isinstance(block, ServerItem):
            opened.begin_own(block.raw)
            return
        self._blocks += 1
        match block:
            case ToolUse():
                opened.what, self._tools = "arguments", True
                if block.arguments == "{}":
                    block.arguments = ""  # the pieces that follow are the arguments
            case Text():
                opened.what = "text" if kind_of(event.content_block) == "text" else "json"
                if opened.what == "json" and block.text == "{}":
                    block.text = ""
            case Thinking():
                opened.what = "thinking"
        out.append(BlockBegan(opened.number, block))

    def _delta(self, event: WireEvent, data: bytes, out: list[Event]) -> None:
        opened = self._open.get(-1 if event.index is None else event.index)
        delta = event.delta
        if opened is None or delta is None:
            if not self._stopped:
                self._break(out, "a piece of a block that never began")
            return
        kind, what = delta.type, opened.what
        if what == "own":
            try:
                opened.keep(delta, data)
            except Unusable as error:
                self._break(out, str(error))
            return
        made = _PIECES.get((kind, what))
        if made is not None:
            text = getattr(delta, made[0])
            if text:
                out.append(made[1](opened.number, text))
        elif kind == "signature_delta":
            if delta.signature and what == "thinking":
                out.append(Signed(opened.number, Signature(ANTHROPIC, delta.signature)))
        elif kind == "citations_delta" and what == "text":
            citation = citation_of(delta.citation)
            if citation is not None:
                out.append(Cited(opened.number, citation))

    def _stop_block(self, event: WireEvent, _data: bytes, out: list[Event]) -> None:
        if event.index in self._open:
            self._close(event.index, out)

    def _close(self, index: int, out: list[Event]) -> None:
        opened = self._open.pop(index)
        if opened.what == "own":
            try:
                item = opened.whole()
            except Unusable as error:
                self._break(out, str(error))
                return
            opened.number = self._blocks
            self._blocks += 1
            out.append(BlockBegan(opened.number, item))
        out.append(BlockEnded(opened.number))

    def _message_delta(self, event: WireEvent, _data: bytes, out: list[Event]) -> None:
        told = told_usage(event.usage)
        if told is not None:
            update(self._usage, told)
            usage = read_usage(self._usage)
            if usage is not None:
                out.append(Counted(usage))
        delta = event.delta or Delta()
        self._learn(
            container=delta.container, context_management=event.context_management, stop_details=delta.stop_details
        )
        if delta.stop_reason is None or self._stopped:
            return
        for index in list(self._open):
            self._close(index, out)
            if self._over:
                return
        stop = read_stop(delta.stop_reason)
        if stop is Stop.TOOLS and not self._tools:
            stop = Stop.END  # the only call was of the tool that stands for JSON
        self._finish(out, stop, delta.stop_sequence, delta.stop_reason)

    def _finish(self, out: list[Event], stop: Stop, sequence: str | None, reason: str) -> None:
        self._stopped = True
        facts = {"server_tool_use": self._usage.server_tool_use, "stop_reason": unknown_reason(stop, reason)}
        raw = raw_of({**self._raw, **facts})
        out.append(Stopped(stop, sequence, reason, self._usage.service_tier or "", raw, ANTHROPIC if raw else ""))

    def _message_stop(self, _event: WireEvent, _data: bytes, out: list[Event]) -> None:
        if self._stopped:
            self._over = True
            out.append(Ended())
        else:
            self._break(out, "the stream ended without a reason")

    def _ping(self, _event: WireEvent, _data: bytes, out: list[Event]) -> None:
        out.append(Ping())

    def _error(self, _event: WireEvent | None, data: bytes, out: list[Event]) -> None:
        if self._stopped:
            return  # the answer is whole: what goes wrong after it is the vendor's own matter
        self._over = True
        out.append(Broke(reported(read_error(200, {}, data, ""))))

    def _learn(self, **facts: Raw) -> None:
        for name, value in facts.items():
            if present(value):
                self._raw[name] = value.copy()

    def _break(self, out: list[Event], message: str) -> None:
        self._over = True
        out.append(Broke(cut(message)))


_HANDLERS: Final[dict[str, Callable[[MessagesReader, WireEvent, bytes, list[Event]], None]]] = {
    "message_start": MessagesReader._start,
    "content_block_start": MessagesReader._block,
    "content_block_delta": MessagesReader._delta,
    "content_block_stop": MessagesReader._stop_block,
    "message_delta": MessagesReader._message_delta,
    "message_stop": MessagesReader._message_stop,
    "ping": MessagesReader._ping,
    "error": MessagesReader._error,
}


def _parts(event: bytes) -> tuple[bytes, bytes]:
    """The name and the data of one event; nearly all have one line of each."""
    if event.startswith(b"event: ") and b"\r" not in event:
        middle = event.find(b"\ndata: ")
        if middle > 0 and event.find(b"\n") == middle and event.find(b"\n", middle + 7) == len(event) - 2:
            return event[7:middle], event[middle + 7 : -2]
    return read_event(event)
