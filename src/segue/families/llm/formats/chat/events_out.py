"""Events of the intermediate form as a client of Chat Completions reads them: chunks, one for each piece."""

from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.formats.chat.answer_out import finish_reason, write_citation, write_detail
from segue.families.llm.formats.chat.usage import write_usage
from segue.families.llm.formats.openai_tiers import tier_for_openai
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
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
from segue.families.llm.ir.blocks import GOOGLE, Citation, Content, Refusal, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import Shown
from segue.families.llm.ir.seals import shown as as_shown

_encode: Final = msgspec.json.encode
DONE: Final = b"data: [DONE]\n\n"
MAX_CITATIONS: Final = 1000
"""Citations of one streamed answer: they are told together, at its end."""
_AFTER: Final = b',"logprobs":null,"finish_reason":null}]}\n\n'


class ChatChunks:
    """Writes one stream. What all chunks share is written once."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._functions = shown.conversation.functions
        self._before = b""
        self._unnamed = False  # the role is still to be told
        self._calls: dict[int, int] = {}
        self._refusals: set[int] = set()
        self._cited: list[Citation] = []
        self._details = 0
        self._usage: Usage | None = None
        self._segue: dict[str, Any] = {}
        self._id = f"chatcmpl-{shown.call_id}"
        self._model = shown.model
        self._created = shown.created

    def write(self, event: Event) -> bytes:
        """See `EventWriter.write`."""
        kind = type(event)
        if kind is TextMore:
            assert isinstance(event, TextMore)  # noqa: S101 - tells the type checker what the line above knows
            name = b'{"refusal":' if event.index in self._refusals else b'{"content":'
            return b"".join((self._before or self._open_head(), name, _encode(event.text), b"}", _AFTER))
        if isinstance(event, ThinkingMore):
            return self._delta({**self._role(), "reasoning_content": event.text})
        if isinstance(event, ArgumentsMore):
            place = self._calls.get(event.index, 0)
            if self._functions:
                return b"" if place else self._delta({"function_call": {"arguments": event.text}})
            return self._delta({"tool_calls": [{"index": place, "function": {"arguments": event.text}}]})
        return self._rare(event)

    def broken(self, failure: Failure) -> bytes:
        """The event that ends a broken stream: the SDK raises for it. No `[DONE]` follows."""
        error = {
            "message": f"the answer broke off: {failure.message}",
            "type": "server_error",
            "param": None,
            "code": failure.kind.value,
        }
        told = {"code": failure.kind.value, "call_id": self._shown.call_id}
        return b"data: " + _encode({"error": error, "segue": told}) + b"\n\n"

    def _rare(self, event: Event) -> bytes:
        match event:
            case Began():
                return self._begin(event)
            case BlockBegan():
                return self._block(event.index, event.block)
            case Signed():
                return self._signed(event)
            case Cited() if event.citation.url and len(self._cited) < MAX_CITATIONS:
                self._cited.append(event.citation)
            case Counted():
                self._usage = event.usage
            case Stopped():
                reason = finish_reason(event.stop, refused=bool(self._refusals), functions=self._functions)
                tier = tier_for_openai(event.service_tier)
                more = {**({"service_tier": tier} if tier else {}), **self._segue}
                choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}
                role = self._role("")  # still untold where an answer has no content
                return (self._delta(role) if role else b"") + self._annotations() + self._chunk([choice], more)
            case Continued():
                self._segue = {"segue": event.told}
            case Ended():
                return self._last()
        return b""

    def _begin(self, event: Began) -> bytes:
        self._id = event.id or self._id
        self._model = event.model or self._model
        self._created = event.created or self._created
        self._usage = event.usage
        self._before = b""
        self._unnamed = True
        return b""

    def _role(self, content: str | None = None) -> dict[str, Any]:
        """What begins the first delta: a text with "", a call or a thought with null, since SDKs start a text at "".

        Empty for every other delta.
        """
        if not self._unnamed:
            return {}
        self._unnamed = False
        return {"role": "assistant", "content": content}

    def _block(self, index: int, block: Content) -> bytes:
        if isinstance(block, ToolUse):
            place = self._calls[index] = len(self._calls)
            if self._functions and not block.custom:
                function = {"name": block.name, "arguments": block.arguments}
                return b"" if place else self._delta({"function_call": function})
            call: dict[str, Any] = {"index": place, "id": block.id, "type": "function"}
            if block.custom:
                call["type"] = "custom"
                call["custom"] = {"name": block.name, "input": block.arguments}
            else:
                call["function"] = {"name": block.name, "arguments": block.arguments}
            if block.signature is not None:
                call["extra_content"] = {"google": {"thought_signature": as_shown(block.signature, GOOGLE)}}
            return self._delta({**self._role(), "tool_calls": [call]})
        if isinstance(block, Thinking):
            delta: dict[str, Any] = {"reasoning_content": block.text} if block.text else {}
            if block.signature is not None:
                delta["reasoning_details"] = [self._detail(block.signature, block.text)]
            return self._delta({**self._role(), **delta}) if delta else b""
        if not isinstance(block, Text | Refusal):
            return b""
        role = self._role("")
        if isinstance(block, Refusal):
            self._refusals.add(index)
        name = "refusal" if isinstance(block, Refusal) else "content"
        return (self._delta(role) if role else b"") + (self._delta({name: block.text}) if block.text else b"")

    def _signed(self, event: Signed) -> bytes:
        place = self._calls.get(event.index)
        if place is None:
            return self._delta({**self._role(), "reasoning_details": [self._detail(event.signature, "")]})
        signed = {"google": {"thought_signature": as_shown(event.signature, GOOGLE)}}
        return self._delta({"tool_calls": [{"index": place, "extra_content": signed}]})

    def _detail(self, signature: Signature, text: str) -> dict[str, Any]:
        """A signature; numbered, because SDKs that add deltas up refuse a second list whose entries have no index."""
        self._details += 1
        return {**write_detail(signature, text), "index": self._details - 1}

    def _annotations(self) -> bytes:
        """All citations in one delta, for the same reason: OpenAI's have no index."""
        return self._delta({"annotations": list(map(write_citation, self._cited))}) if self._cited else b""

    def _last(self) -> bytes:
        if self._usage is None or not self._shown.conversation.stream_usage:
            return DONE
        return self._chunk([], {"usage": write_usage(self._usage)}) + DONE

    def _head(self) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
        }

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return b"".join((self._before or self._open_head(), _encode(delta), _AFTER))

    def _open_head(self) -> bytes:
        """What every chunk begins with, up to its delta."""
        head = _encode({**self._head(), "choices": []})
        self._before = b"data: " + head[:-2] + b'{"index":0,"delta":'
        return self._before

    def _chunk(self, choices: list[dict[str, Any]], more: dict[str, Any] | None = None) -> bytes:
        return b"data: " + _encode({**self._head(), "choices": choices, **(more or {})}) + b"\n\n"
