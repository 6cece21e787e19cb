"""One answer has two forms, a message and the events of a stream, and the SDK must make the same of both.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Head, Part, Script, Send, whole
from segue.simulator.vendors.anthropic_cache import Cached
from segue.simulator.vendors.anthropic_content import Answer, message_id
from segue.simulator.vendors.scripting import digest, fragments_of

_LIMITS: Final = (("requests", 50), ("input-tokens", 50_000), ("output-tokens", 10_000), ("tokens", 60_000))
_CONTAINER_LIVES: Final = 1800.0
_Json = dict[str, Any]


def moment(seconds: float) -> str:
    """A moment as RFC 3339, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def request_id(exchange: Exchange, prefix: str = "") -> str:
    """The identifier of a request; Vertex AI puts a prefix in it."""
    return f"req_{prefix}01{digest(exchange.seed, exchange.number, 'request', length=22)}"


def standard_headers(exchange: Exchange, *, exhausted: bool = False) -> tuple[tuple[str, str], ...]:
    """The headers of every answer; with `exhausted` nothing is left of the limits."""
    headers = [
        ("request-id", request_id(exchange)),
        ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
    ]
    reset = moment(time.time() + 60)
    for name, limit in _LIMITS:
        headers += [
            (f"anthropic-ratelimit-{name}-limit", str(limit)),
            (f"anthropic-ratelimit-{name}-remaining", "0" if exhausted else str(limit - 1)),
            (f"anthropic-ratelimit-{name}-reset", reset),
        ]
    return tuple(headers)


def event(name: str, document: _Json, part: Part) -> Send:
    """One event of a stream, with its name on a line of its own."""
    data = msgspec.json.encode({"type": name} | document)
    return Send(b"event: " + name.encode() + b"\ndata: " + data + b"\n\n", part)


class Rendering:
    """An answer, ready to be rendered in both forms."""

    def __init__(
        self,
        exchange: Exchange,
        answer: Answer,
        model: str,
        prompt_tokens: int,
        cached: Cached,
        headers: tuple[tuple[str, str], ...],
        prefix: str = "",
    ) -> None:
        self._exchange = exchange
        self._answer = answer
        self._model = model
        self._prompt_tokens = max(0 if cached.tokens else 1, prompt_tokens - cached.tokens)
        self._cached = cached
        self._headers = headers
        self._prefix = prefix

    def _usage(self, output_tokens: int) -> _Json:
        return {
            "input_tokens": self._prompt_tokens,
            "cache_creation_input_tokens": self._cached.written_5m + self._cached.written_1h,
            "cache_read_input_tokens": self._cached.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": self._cached.written_5m,
                "ephemeral_1h_input_tokens": self._cached.written_1h,
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
        }

    def _final_usage(self) -> _Json:
        usage: _Json = {"output_tokens_details": {"thinking_tokens": self._answer.thinking_tokens}}
        if self._answer.searches:
            usage["server_tool_use"] = {"web_search_requests": self._answer.searches, "web_fetch_requests": 0}
        return usage

    def _ending(self) -> _Json:
        ending: _Json = {"stop_reason": self._answer.stop, "stop_sequence": self._answer.sequence}
        if self._answer.stop == "refusal":
            ending["stop_details"] = {"type": "refusal", "category": None, "explanation": None}
        if self._answer.executes:
            expires = moment(self._exchange.started + _CONTAINER_LIVES)
            ending["container"] = {
                "id": f"container_01{digest(self._exchange.seed, 'container')}",
                "expires_at": expires,
            }
        return ending

    def _message(self, content: list[_Json], ending: _Json, usage: _Json) -> _Json:
        message: _Json = {
            "id": message_id(self._exchange, self._prefix),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": content,
        }
        return message | ending | {"usage": usage}

    def document(self) -> Script:
        """The answer as one message."""
        usage = self._usage(self._answer.tokens) | self._final_usage()
        message = self._message(list(self._answer.blocks), self._ending(), usage)
        return whole(200, msgspec.json.encode(message), self._headers, self._answer.tokens)

    def _block(self, index: int) -> Iterator[Send]:
        block, pieces = self._answer.blocks[index], self._answer.pieces[index]

        def delta(kind: str, part: Part = "content", **values: object) -> Send:
            return event("content_block_delta", {"index": index, "delta": {"type": kind, **values}}, part)

        def start(**empty: object) -> Send:
            return event("content_block_start", {"index": index, "content_block": block | empty}, "role")

        match block["type"]:
            case "text":
                citations = block.get("citations") or ()
                yield start(text="", **({"citations": []} if citations else {}))
                for citation in citations:
                    yield delta("citations_delta", "role", citation=citation)
                for piece in pieces:
                    yield delta("text_delta", text=piece)
            case "thinking":
                yield start(thinking="", signature="")
                for piece in pieces:
                    yield delta("thinking_delta", thinking=piece)
                yield delta("signature_delta", "role", signature=block["signature"])
            case "tool_use" | "server_tool_use":
                yield start(input={})
                # The first part of the input is always empty.
                yield delta("input_json_delta", "role", partial_json="")
                for piece in pieces or fragments_of(msgspec.json.encode(block["input"]).decode()):
                    yield delta("input_json_delta", partial_json=piece)
            case _:
                yield start()
        yield event("content_block_stop", {"index": index}, "role")

    def stream(self) -> Script:
        """The answer as a stream of events."""
        begun = self._message([], {"stop_reason": None, "stop_sequence": None}, self._usage(1))
        steps = [event("message_start", {"message": begun}, "role")]
        for index in range(len(self._answer.blocks)):
            sends = self._block(index)
            steps.append(next(sends))
            if index == 0:
                steps.append(event("ping", {}, "role"))
            steps += sends
        usage = self._usage(self._answer.tokens) | self._final_usage()
        steps.append(event("message_delta", {"delta": self._ending(), "usage": usage}, "finish"))
        steps.append(event("message_stop", {}, "done"))
        headers = (("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-cache"), *self._headers)
        return Script((Head(200, headers, None), *steps), self._answer.tokens)
