"""One streamed answer in Anthropic's Messages.

One block is open at a time, blocks are numbered without gaps (the SDK counts on it), and usage belongs into
`message_delta` beside the reason of the end: so that event waits for the formal end, because other vendors tell their
usage after the reason.
"""

from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.formats.messages.answer_out import (
    TIERS,
    carrier,
    message_of,
    proof_of,
    write_block,
    write_citation,
    write_thinking,
)
from segue.families.llm.formats.messages.blocks_in import LAST
from segue.families.llm.formats.messages.errors import broken_off
from segue.families.llm.formats.messages.stops import write_stop
from segue.families.llm.formats.messages.usage import write_usage
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
    Ping,
    Signed,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import ANTHROPIC, Refusal, ServerItem, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import Shown
from segue.families.llm.ir.sequence import InSequence
from segue.families.llm.sse import one_line

_encode: Final = msgspec.json.encode
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PING: Final = b'event: ping\ndata: {"type":"ping"}\n\n'


class _Piece(msgspec.Struct, gc=False):
    type: str
    text: str | msgspec.UnsetType = msgspec.UNSET
    thinking: str | msgspec.UnsetType = msgspec.UNSET
    partial_json: str | msgspec.UnsetType = msgspec.UNSET
    signature: str | msgspec.UnsetType = msgspec.UNSET
    citation: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Delta(msgspec.Struct, tag_field="type", tag="content_block_delta", gc=False):
    index: int
    delta: _Piece


class MessagesWriter:
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
        ready = self._order.feed(event)
        if len(ready) == 1:
            return self._one(ready[0])
        return b"".join([self._one(item) for item in ready])

    def broken(self, failure: Failure) -> bytes:
        """The event that ends a broken stream: the SDK raises for it."""
        return broken_off(failure)

    def _one(self, event: Event) -> bytes:
        match event:
            case TextMore():
                return self._text(event.text) if self._what == "text" else b""
            case ThinkingMore():
                return self._piece(_Piece("thinking_delta", thinking=event.text)) if self._what == "thinking" else b""
            case ArgumentsMore():
                return self._arguments(event.text) if self._what == "arguments" else b""
            case BlockBegan():
                return self._begin_block(event)
            case BlockEnded():
                return self._end_block()
            case Signed():
                return self._sign(event.signature)
            case Cited():
                citation = write_citation(event.citation) if self._what == "text" else None
                if citation is None:
                    return b""
                return _event("content_block_delta", _Delta(self._index, _Piece("citations_delta", citation=citation)))
            case Began():
                return self._start(event)
            case Counted() | Stopped() | Continued():
                self._keep(event)
            case Ended():
                return self._finish()
            case Ping():
                return _PING
            case Broke():
                return broken_off(event.failure)
        return b""

    def _keep(self, event: Counted | Stopped | Continued) -> None:
        """What is told at the end."""
        if isinstance(event, Counted):
            self._usage = event.usage
        elif isinstance(event, Stopped):
            self._stop = event
        else:
            self._segue = {"segue": event.told}

    def _start(self, event: Began) -> bytes:
        if self._started:
            return b""
        self._started = True
        self._usage = event.usage or self._usage
        message = {
            **message_of(event.id, event.model, self._shown),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage),
        }
        return _event("message_start", {"type": "message_start", "message": message})

    def _begin_block(self, event: BlockBegan) -> bytes:
        start = b"" if self._started else self._start(Began())
        block, rest = event.block, b""
        self._what, self._late, self._custom = "", None, False
        match block:
            case Text() | Refusal():
                out = start + self._carry(block.signature if isinstance(block, Text) else None)
                self._what = "text"
                out += self._open({"type": "text", "text": ""})
                rest = self._text(block.text) if block.text else b""
                for citation in block.citations if isinstance(block, Text) else ():
                    rest += self._one(Cited(event.index, citation))
            case ToolUse():
                out = start + self._carry(block.signature)
                self._what, self._custom = "arguments", block.custom
                out += self._open({"type": "tool_use", "id": block.id, "name": block.name, "input": {}})
                if self._custom:
                    rest = self._piece(_Piece("input_json_delta", partial_json='{"input":"'))
                if block.arguments:
                    rest += self._arguments(block.arguments)
            case Thinking():
                written = write_thinking(block)
                self._what = "own"
                if written["type"] == "thinking":
                    self._what, self._proven = "thinking", False
                    written.update(thinking="", signature="")
                out = start + self._open(written)
                if block.text:
                    rest = self._piece(_Piece("thinking_delta", thinking=block.text))
                if self._what == "thinking" and block.signature is not None:
                    rest += self._sign(block.signature)
            case ServerItem(vendor=vendor) if vendor == ANTHROPIC:
                self._what = "own"
                out = start + self._open(write_block(block)[0])
            case _:
                out = start
        return out + rest

    def _open(self, block: object) -> bytes:
        self._index += 1
        return _event(
            "content_block_start", {"type": "content_block_start", "index": self._index, "content_block": block}
        )

    def _carry(self, signature: Signature | None) -> bytes:
        """A block of its own for a signature that the next block cannot have."""
        return b"".join(self._whole(thought) for thought in carrier(signature))

    def _whole(self, thought: dict[str, str]) -> bytes:
        out = self._open({"type": "thinking", "thinking": "", "signature": ""})
        out += self._piece(_Piece("signature_delta", signature=thought["signature"]))
        return out + self._close()

    def _end_block(self) -> bytes:
        what, late, custom = self._what, self._late, self._custom
        self._what, self._late, self._custom = "", None, False
        if not what:
            return b""  # a block that has no word here was never begun
        out = self._piece(_Piece("input_json_delta", partial_json='"}')) if custom else b""
        if what == "thinking" and not self._proven:
            # Clients that gather a thought from its deltas would send it back without a signature, which is refused.
            out = self._piece(_Piece("signature_delta", signature=""))
        out += self._close()
        return out + b"".join(self._whole(thought) for thought in carrier(late, LAST))

    def _text(self, text: str) -> bytes:
        return self._piece(_Piece("text_delta", text=text))

    def _arguments(self, text: str) -> bytes:
        if self._custom:
            text = _encode(text)[1:-1].decode()  # a piece of the string that `{"input":"` has begun
        return self._piece(_Piece("input_json_delta", partial_json=text))

    def _sign(self, signature: Signature) -> bytes:
        if self._what == "thinking":
            self._proven = True
            return self._piece(_Piece("signature_delta", signature=proof_of(signature)))
        if self._what in {"text", "arguments"}:
            self._late = signature  # goes behind the block, in a thought of its own
        return b""

    def _piece(self, piece: _Piece) -> bytes:
        return b"event: content_block_delta\ndata: " + _encode(_Delta(self._index, piece)) + b"\n\n"

    def _close(self) -> bytes:
        return b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % self._index

    def _finish(self) -> bytes:
        out = b"" if self._started else self._start(Began())
        stop = self._stop
        if stop is None:
            return out
        usage = write_usage(self._usage)
        delta: dict[str, Any] = {
            "stop_reason": write_stop(stop.stop),
            "stop_sequence": stop.sequence,
        }
        told: dict[str, Any] = {"type": "message_delta", "delta": delta, "usage": usage, **self._segue}
        if stop.service_tier in TIERS:
            usage["service_tier"] = stop.service_tier
        if stop.raw and stop.vendor == ANTHROPIC:
            facts = _fields.decode(stop.raw)
            for name in ("stop_reason", "stop_details", "container"):
                if name in facts:
                    delta[name] = facts[name]
            if "context_management" in facts:
                told["context_management"] = facts["context_management"]
            if "server_tool_use" in facts:
                usage["server_tool_use"] = facts["server_tool_use"]
        out += _event("message_delta", told)
        return out + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def _event(name: str, body: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), one_line(_encode(body)))
