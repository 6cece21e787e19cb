"""One streamed answer in ConverseStream.

Only calls of tools announce their beginning; a text or a thought begins with its first piece. One block is open at a
time, blocks are numbered without gaps, and the usage comes last, in an event of its own behind the reason of the end.
"""

from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.formats.converse.answer_out import (
    carrier,
    metrics_of,
    own_fields,
    proof_of,
    redacted,
    write_citation,
    write_stop,
    write_usage,
)
from segue.families.llm.formats.converse.errors_out import broken_off
from segue.families.llm.formats.converse.media import format_of_image
from segue.families.llm.formats.eventstream import write_frame
from segue.families.llm.formats.messages.blocks_in import LAST
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Cited,
    Continued,
    Counted,
    Ended,
    Event,
    Signed,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Media, Refusal, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import Shown
from segue.families.llm.ir.sequence import InSequence

_encode: Final = msgspec.json.encode
_TEXT: Final = "text"
_THOUGHT: Final = "thought"
_ARGUMENTS: Final = "arguments"
_WHOLE: Final = "whole"  # nothing more comes of it


class ConverseWriter:
    """Writes the events of one answer."""

    __slots__ = (
        "_custom", "_index", "_late", "_order", "_proven", "_segue", "_shown", "_started", "_stop", "_usage", "_what",
    )  # fmt: skip

    def __init__(self, told: Shown) -> None:
        self._shown = told
        self._order = InSequence()
        self._started = False
        self._index = -1
        self._what = ""
        self._custom = False
        self._proven = False  # the thought has its signature
        self._late: Signature | None = None
        self._stop: Stopped | None = None
        self._usage: Usage | None = None
        self._segue: dict[str, Any] = {}

    def write(self, event: Event) -> bytes:
        """What the client is to see of this event."""
        return b"".join([self._one(item) for item in self._order.feed(event)])

    def broken(self, failure: Failure) -> bytes:
        """The frame that ends a broken stream: the SDK raises for it."""
        return broken_off(failure)

    def _one(self, event: Event) -> bytes:
        match event:
            case TextMore():
                return self._delta({"text": event.text}) if self._what == _TEXT else b""
            case ThinkingMore():
                return self._delta({"reasoningContent": {"text": event.text}}) if self._what == _THOUGHT else b""
            case ArgumentsMore():
                return self._arguments(event.text) if self._what == _ARGUMENTS else b""
            case BlockBegan():
                return self._begin_block(event)
            case BlockEnded():
                return self._end_block()
            case Signed():
                return self._sign(event.signature)
            case Cited():
                return self._delta({"citation": write_citation(event.citation)}) if self._what == _TEXT else b""
            case Began():
                self._usage = event.usage or self._usage
                return self._start()
            case Counted():
                self._usage = event.usage
            case Stopped():
                self._stop = event
            case Continued():
                self._segue = {"segue": event.told}
            case Ended():
                return self._finish()
            case Broke():
                return broken_off(event.failure)
        return b""

    def _start(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return _frame("messageStart", {"role": "assistant"})

    def _begin_block(self, event: BlockBegan) -> bytes:
        out = self._start()
        block = event.block
        self._what, self._late, self._custom = "", None, False
        match block:
            case Text() | Refusal():
                out += self._carry(block.signature if isinstance(block, Text) else None)
                self._open(_TEXT)
                if block.text:
                    out += self._delta({"text": block.text})
                for citation in block.citations if isinstance(block, Text) else ():
                    out += self._delta({"citation": write_citation(citation)})
            case ToolUse():
                out += self._carry(block.signature)
                self._open(_ARGUMENTS)
                use = {"toolUseId": block.id, "name": block.name}
                out += self._announce({"toolUse": use})
                self._custom = block.custom
                if self._custom:
                    out += self._delta({"toolUse": {"input": '{"input":"'}})
                if block.arguments:
                    out += self._arguments(block.arguments)
            case Thinking():
                out += self._think(block)
            case Media(kind="image") if block.data and format_of_image(block) is not None:
                self._open(_WHOLE)
                out += self._announce({"image": {"format": format_of_image(block)}})
                out += self._delta({"image": {"source": {"bytes": block.data}}})
        return out

    def _think(self, block: Thinking) -> bytes:
        signature = block.signature
        if signature is not None and signature.kind == "redacted" and not block.text:
            self._open(_WHOLE)
            return self._delta({"reasoningContent": {"redactedContent": redacted(signature)}})
        self._open(_THOUGHT)
        self._proven = False
        out = self._delta({"reasoningContent": {"text": block.text}})
        return out if signature is None else out + self._sign(signature)

    def _open(self, what: str) -> None:
        self._index += 1
        self._what = what

    def _announce(self, start: dict[str, Any]) -> bytes:
        return _frame("contentBlockStart", {"start": start, "contentBlockIndex": self._index})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _frame("contentBlockDelta", {"delta": delta, "contentBlockIndex": self._index})

    def _arguments(self, text: str) -> bytes:
        if self._custom:
            text = _encode(text)[1:-1].decode()  # a piece of the string that `{"input":"` has begun
        return self._delta({"toolUse": {"input": text}})

    def _sign(self, signature: Signature) -> bytes:
        if self._what == _THOUGHT:
            self._proven = True
            return self._delta({"reasoningContent": {"signature": proof_of(signature)}})
        if self._what in {_TEXT, _ARGUMENTS}:
            self._late = signature  # goes behind the block, in a thought of its own
        return b""

    def _carry(self, signature: Signature | None, kind: str | None = None) -> bytes:
        """A block of its own for a signature that another block cannot have."""
        out = b""
        for thought in carrier(signature) if kind is None else carrier(signature, kind):
            self._index += 1
            proof = thought["reasoningContent"]["reasoningText"]["signature"]
            out += self._delta({"reasoningContent": {"text": ""}})
            out += self._delta({"reasoningContent": {"signature": proof}}) + self._close()
        return out

    def _end_block(self) -> bytes:
        what, late = self._what, self._late
        out = self._delta({"toolUse": {"input": '"}'}}) if self._custom else b""
        self._what, self._late, self._custom = "", None, False
        if not what:
            return b""  # a block that has no word here was never begun
        if what == _THOUGHT and not self._proven:
            # So that the thought is known by its empty proof when the client sends it back.
            out = self._delta({"reasoningContent": {"signature": ""}})
        return out + self._close() + self._carry(late, LAST)

    def _close(self) -> bytes:
        return _frame("contentBlockStop", {"contentBlockIndex": self._index})

    def _finish(self) -> bytes:
        out = self._start()
        stop = self._stop
        if stop is None:
            return out
        told = {"stopReason": write_stop(stop.stop, stop.vendor_stop), **own_fields(stop.sequence)}
        out += _frame("messageStop", told)
        last = {"usage": write_usage(self._usage), "metrics": metrics_of(self._shown), **self._segue}
        return out + _frame("metadata", last)


def _frame(name: str, body: object) -> bytes:
    headers = ((":event-type", name), (":content-type", "application/json"), (":message-type", "event"))
    return write_frame(headers, _encode(body))
