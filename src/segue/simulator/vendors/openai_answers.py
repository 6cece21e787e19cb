"""Clients parse these documents with the vendor's own types, so each field must be present and nothing invented.

One reply is rendered here in its two forms: as one completion, and as the chunks of a stream.
"""

import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Head, Part, Script, Send, whole
from segue.simulator.vendors.openai_content import Reply, digest, prompt_tokens, reply

_DONE: Final = Send(b"data: [DONE]\n\n", "done")
_Json = dict[str, Any]


def event(document: object, part: Part) -> Send:
    """One event of a stream."""
    return Send(b"data: " + msgspec.json.encode(document) + b"\n\n", part)


def standard_headers(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """The headers that OpenAI puts on every answer of its interface."""
    return (
        ("x-request-id", f"req_{digest(exchange.seed, exchange.number, 'request', length=32)}"),
        ("openai-organization", "org-simulated"),
        ("openai-processing-ms", str(max(1, int((time.time() - exchange.started) * 1000)))),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-remaining-requests", "499"),
        ("x-ratelimit-reset-requests", "120ms"),
        ("x-ratelimit-limit-tokens", "200000"),
        ("x-ratelimit-remaining-tokens", "199000"),
        ("x-ratelimit-reset-tokens", "300ms"),
    )


class Rendering:
    """All replies to one accepted request, ready to be rendered."""

    def __init__(self, exchange: Exchange, document: _Json) -> None:
        self._exchange = exchange
        self._document = document
        self._messages: list[_Json] = document["messages"]
        count = document.get("n") or 1
        self._replies = [reply(document, self._messages, exchange.seed, index) for index in range(count)]
        self._identifier = f"chatcmpl-{digest(exchange.seed, exchange.number, 'completion', length=29)}"
        self._created = int(exchange.started)

    def _envelope(self, kind: str, choices: list[_Json]) -> _Json:
        return {
            "id": self._identifier,
            "object": kind,
            "created": self._created,
            "model": self._document["model"],
            "choices": choices,
            "service_tier": "default",
            "system_fingerprint": f"fp_{digest(self._exchange.seed, 'fingerprint', length=10)}",
        }

    @property
    def tokens(self) -> int:
        """The tokens of the longest reply: replies are thought up side by side."""
        return max(one.tokens for one in self._replies)

    def _usage(self) -> _Json:
        prompt = prompt_tokens(self._messages)
        completion = sum(one.tokens for one in self._replies)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def _logprobs(self, pieces: tuple[str, ...]) -> _Json | None:
        if self._document.get("logprobs") is not True:
            return None
        tokens = [
            {"token": piece, "logprob": -0.01, "bytes": list(piece.encode()), "top_logprobs": []} for piece in pieces
        ]
        return {"content": tokens, "refusal": None}

    def _message(self, one: Reply) -> _Json:
        message: _Json = {"role": "assistant", "content": one.text, "refusal": None, "annotations": []}
        if one.call is not None:
            function = {"name": one.call.name, "arguments": "".join(one.call.fragments)}
            message["content"] = None
            message["tool_calls"] = [{"id": one.call.identifier, "type": "function", "function": function}]
        return message

    def completion(self) -> Script:
        """The answer as one document."""
        choices = [
            {
                "index": index,
                "message": self._message(one),
                "logprobs": self._logprobs(one.pieces),
                "finish_reason": one.finish,
            }
            for index, one in enumerate(self._replies)
        ]
        document = self._envelope("chat.completion", choices) | {"usage": self._usage()}
        return whole(200, msgspec.json.encode(document), standard_headers(self._exchange), self.tokens)

    def _chunk(
        self, part: Part, index: int, delta: _Json, pieces: tuple[str, ...] = (), finish: str | None = None
    ) -> Send:
        choice: _Json = {
            "index": index,
            "delta": delta,
            "logprobs": self._logprobs(pieces) if pieces else None,
            "finish_reason": finish,
        }
        return event(self._envelope("chat.completion.chunk", [choice]) | self._usage_field(), part)

    def _usage_field(self) -> _Json:
        # Once usage is asked for, every chunk carries the field, and all but the last carry it empty.
        return {"usage": None} if self._wants_usage else {}

    @property
    def _wants_usage(self) -> bool:
        options = self._document.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    def _first(self, index: int, one: Reply) -> Send:
        delta: _Json = {"role": "assistant", "content": "", "refusal": None}
        if one.call is not None:
            function = {"name": one.call.name, "arguments": ""}
            delta["content"] = None
            delta["tool_calls"] = [{"index": 0, "id": one.call.identifier, "type": "function", "function": function}]
        return self._chunk("role", index, delta)

    def _rest(self, index: int, one: Reply) -> Iterator[Send]:
        if one.call is not None:
            for fragment in one.call.fragments:
                delta = {"tool_calls": [{"index": 0, "function": {"arguments": fragment}}]}
                yield self._chunk("content", index, delta)
        for piece in one.pieces:
            yield self._chunk("content", index, {"content": piece}, (piece,))
        yield self._chunk("finish", index, {}, finish=one.finish)

    def stream(self) -> Script:
        """The answer as a stream of events; the chunks of several choices take turns."""
        steps = [self._first(index, one) for index, one in enumerate(self._replies)]
        waiting = [self._rest(index, one) for index, one in enumerate(self._replies)]
        while waiting:
            for source in list(waiting):
                chunk = next(source, None)
                if chunk is None:
                    waiting.remove(source)
                else:
                    steps.append(chunk)
        if self._wants_usage:
            steps.append(event(self._envelope("chat.completion.chunk", []) | {"usage": self._usage()}, "usage"))
        headers = (
            ("Content-Type", "text/event-stream; charset=utf-8"),
            ("Cache-Control", "no-cache"),
            *standard_headers(self._exchange),
        )
        return Script((Head(200, headers, None), *steps, _DONE), self.tokens)
