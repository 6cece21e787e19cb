"""One answer has two forms, a document and the frames of a stream, and a client must make the same of both.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html.
"""

import random
import string
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from segue.simulator import frames
from segue.simulator.exchange import Exchange
from segue.simulator.script import Head, Part, Script, Send, whole
from segue.simulator.vendors.anthropic_cache import Cached
from segue.simulator.vendors.anthropic_content import Answer
from segue.simulator.vendors.scripting import digest, fragments_of, pieces_of

_Json = dict[str, Any]
_BLOCKED: Final = "Sorry, the model cannot answer this question."
_STOPS: Final = {"refusal": "content_filtered", "pause_turn": "end_turn"}


def request_id(exchange: Exchange) -> str:
    """The identifier of a request."""
    made = digest(exchange.seed, exchange.number, "bedrock", length=32)
    return "-".join((made[:8], made[8:12], made[12:16], made[16:20], made[20:]))


def standard_headers(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """The headers of every answer."""
    return (("x-amzn-RequestId", request_id(exchange)),)


def blocked() -> Answer:
    """What a guardrail says in place of the model."""
    pieces = pieces_of(_BLOCKED)
    return Answer(({"type": "text", "text": _BLOCKED},), (pieces,), "guardrail_intervened", None, len(pieces), 0)


class Rendering:
    """An answer, ready to be rendered in both forms."""

    def __init__(
        self, exchange: Exchange, document: _Json, answer: Answer, tokens: int, cached: Cached, *, signs: bool
    ) -> None:
        self._exchange = exchange
        self._document = document
        self._answer = answer
        self._cached = cached
        self._tokens = max(0 if cached.tokens else 1, tokens - cached.tokens)
        self._signs = signs
        # A stream hides how long its words are behind a field of random length.
        self._chance = random.Random(f"{exchange.seed}|{exchange.number}|padding")

    def _usage(self) -> _Json:
        written = self._cached.written_5m + self._cached.written_1h
        usage = {
            "inputTokens": self._tokens,
            "outputTokens": self._answer.tokens,
            "totalTokens": self._tokens + self._answer.tokens + self._cached.tokens,
            "cacheReadInputTokens": self._cached.read,
            "cacheWriteInputTokens": written,
        }
        lives = (("5m", self._cached.written_5m), ("1h", self._cached.written_1h))
        details = [{"ttl": ttl, "inputTokens": count} for ttl, count in lives if count]
        return usage | ({"cacheDetails": details} if details else {})

    def _trace(self) -> _Json:
        config = self._document.get("guardrailConfig") or {}
        if config.get("trace") not in {"enabled", "enabled_full"} or self._answer.stop != "guardrail_intervened":
            return {}
        topic = {"name": "blocked", "type": "DENY", "action": "BLOCKED", "detected": True}
        assessment = {config["guardrailIdentifier"]: {"topicPolicy": {"topics": [topic]}}}
        return {"trace": {"guardrail": {"inputAssessment": assessment, "actionReason": "Guardrail blocked."}}}

    def _ending(self) -> _Json:
        named = {"/stop_sequence": self._answer.sequence, "/stop_reason": self._answer.stop}
        asked = self._document.get("additionalModelResponseFieldPaths") or ()
        extra = {path[1:]: named[path] for path in asked if path in named}
        ending = {"stopReason": _STOPS.get(self._answer.stop, self._answer.stop)}
        return ending | ({"additionalModelResponseFields": extra} if extra else {})

    def _metadata(self) -> _Json:
        asked = {
            name: self._document[name] for name in ("performanceConfig", "serviceTier") if self._document.get(name)
        }
        return {"usage": self._usage(), "metrics": {"latencyMs": 100 + self._answer.tokens}} | self._trace() | asked

    @staticmethod
    def _call_id(block: _Json) -> str:
        return f"tooluse_{block['id'].removeprefix('toolu_01')}"

    def _content(self, block: _Json) -> _Json:
        match block["type"]:
            case "thinking":
                signature = {"signature": block["signature"]} if self._signs else {}
                return {"reasoningContent": {"reasoningText": {"text": block["thinking"]} | signature}}
            case "redacted_thinking":
                return {"reasoningContent": {"redactedContent": block["data"]}}
            case "tool_use":
                call = {"toolUseId": self._call_id(block), "name": block["name"], "input": block["input"]}
                return {"toolUse": call}
            case _:
                return {"text": block["text"]}

    def document(self) -> Script:
        """The answer as one document."""
        content = [self._content(block) for block in self._answer.blocks]
        output = {"output": {"message": {"role": "assistant", "content": content}}}
        body = msgspec.json.encode(output | self._ending() | self._metadata())
        return whole(200, body, standard_headers(self._exchange), self._answer.tokens)

    def _event(self, kind: str, document: _Json, part: Part) -> Send:
        padding = string.ascii_letters[: self._chance.randint(1, 50)]
        return Send(frames.event(kind, msgspec.json.encode(document | {"p": padding})), part)

    def _block(self, index: int) -> Iterator[Send]:
        block, pieces = self._answer.blocks[index], self._answer.pieces[index]

        def delta(value: _Json, part: Part = "content") -> Send:
            return self._event("contentBlockDelta", {"contentBlockIndex": index, "delta": value}, part)

        match block["type"]:
            case "thinking":
                for piece in pieces:
                    yield delta({"reasoningContent": {"text": piece}})
                if self._signs:
                    yield delta({"reasoningContent": {"signature": block["signature"]}}, "role")
            case "redacted_thinking":
                yield delta({"reasoningContent": {"redactedContent": block["data"]}}, "role")
            case "tool_use":
                start = {"toolUse": {"toolUseId": self._call_id(block), "name": block["name"]}}
                yield self._event("contentBlockStart", {"contentBlockIndex": index, "start": start}, "role")
                for piece in pieces or fragments_of(msgspec.json.encode(block["input"]).decode()):
                    yield delta({"toolUse": {"input": piece}})
            case _:
                # Only calls of tools are announced; a text begins with its first words.
                for piece in pieces:
                    yield delta({"text": piece})
        yield self._event("contentBlockStop", {"contentBlockIndex": index}, "role")

    def stream(self) -> Script:
        """The answer as a stream of frames; the last of them, with the usage, ends it."""
        steps = [self._event("messageStart", {"role": "assistant"}, "role")]
        for index in range(len(self._answer.blocks)):
            steps += self._block(index)
        steps.append(self._event("messageStop", self._ending(), "finish"))
        steps.append(self._event("metadata", self._metadata(), "done"))
        headers = (("Content-Type", frames.CONTENT_TYPE), *standard_headers(self._exchange))
        return Script((Head(200, headers, None), *steps), self._answer.tokens)
