"""Clients parse these documents with the vendor's own types, so each field must be present and nothing invented.

One reply is rendered here in its two forms: as one completion, and as the chunks of a stream.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Head, Part, Script, Send, whole
from segue.simulator.vendors.openai_content import ask_of
from segue.simulator.vendors.openai_filters import chunk_filter, prompt_filter
from segue.simulator.vendors.openai_flavour import Flavour
from segue.simulator.vendors.openai_headers import standard_headers
from segue.simulator.vendors.openai_prefill import prefill_of
from segue.simulator.vendors.scripting import Reply, digest, reply

DONE: Final = Send(b"data: [DONE]\n\n", "done")
STREAM_HEADERS: Final = (("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-cache"))
FINISH: Final = {
    "end": "stop",
    "length": "length",
    "tools": "tool_calls",
    "stop_sequence": "stop",
    "refusal": "stop",
}
_Json = dict[str, Any]


def event(document: object, part: Part) -> Send:
    """One event of a stream."""
    return Send(b"data: " + msgspec.json.encode(document) + b"\n\n", part)


def token_logprobs(pieces: tuple[str, ...], alternatives: int) -> list[_Json]:
    """The certainty of each token: the token itself first, then as many made-up alternatives as are left."""

    def entry(piece: str, place: int) -> _Json:
        return {"token": piece, "logprob": -0.01 - place, "bytes": list(piece.encode())}

    return [
        entry(piece, 0)
        | {"top_logprobs": [entry(piece if not place else f"{piece}{place}", place) for place in range(alternatives)]}
        for piece in pieces
    ]


class Rendering:
    """All replies to one accepted request, ready to be rendered."""

    def __init__(self, exchange: Exchange, document: _Json, flavour: Flavour) -> None:
        self._exchange = exchange
        self._document = document
        self._flavour = flavour
        count = document.get("n") or 1
        model = str(document["model"])
        self._ask = ask_of(
            document,
            reasoning=flavour.thinks(model) and document.get("reasoning_effort") != "none",
            prefill=prefill_of(document, flavour.prefill, exchange.path),
            echoes=flavour.prefill == "prefix",
        )
        self._replies = [reply(self._ask, exchange.seed, index) for index in range(count)]
        self._identifier = f"chatcmpl-{digest(exchange.seed, exchange.number, 'completion', length=29)}"
        self._created = int(exchange.started)
        self._cached = exchange.memory.cached_prefix(f"openai.{model}", "\n".join(self._ask.context))

    def _envelope(self, kind: str, choices: list[_Json]) -> _Json:
        return {
            "id": self._identifier,
            "object": kind,
            "created": self._created,
            "model": self._document["model"],
            "choices": choices,
            "service_tier": "default",
            "system_fingerprint": f"fp_{digest(self._exchange.seed, 'fingerprint', length=10)}",
            **self._flavour.envelope,
        }

    @property
    def tokens(self) -> int:
        """The tokens of the longest reply: replies are thought up side by side."""
        return max(one.tokens for one in self._replies)

    def _usage(self) -> _Json:
        prompt = self._ask.tokens
        completion = sum(one.tokens for one in self._replies)
        reasoned = sum(one.reasoning_tokens for one in self._replies)
        usage: _Json = {
            "prompt_tokens": prompt,
            "completion_tokens": completion - reasoned if self._flavour.apart else completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": self._cached, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reasoned,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
        if self._flavour.cache == "deepseek":
            usage |= {"prompt_cache_hit_tokens": self._cached, "prompt_cache_miss_tokens": prompt - self._cached}
        return usage

    def _logprobs(self, pieces: tuple[str, ...]) -> _Json | None:
        if self._document.get("logprobs") is not True:
            return None
        return {"content": token_logprobs(pieces, self._document.get("top_logprobs") or 0), "refusal": None}

    def _refuses(self, one: Reply) -> bool:
        """Whether the text belongs into the field `refusal`, which only some vendors have."""
        return one.stop == "refusal" and self._flavour.refusals

    def _message(self, one: Reply) -> _Json:
        message: _Json = {"role": "assistant", "content": one.text}
        if self._flavour.refusals:
            message |= {"refusal": None, "annotations": []}
        if self._refuses(one):
            message |= {"content": None, "refusal": one.text}
        if one.reasoning and self._flavour.reasoning is not None:
            message[self._flavour.reasoning] = one.thoughts
        if one.calls:
            message["content"] = None
            message["tool_calls"] = [
                {
                    "id": self._flavour.call(call.identifier),
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in one.calls
            ]
        return message

    def completion(self) -> Script:
        """The answer as one document."""
        choices = [
            {
                "index": index,
                "message": self._message(one),
                "logprobs": self._logprobs(one.pieces),
                "finish_reason": FINISH[one.stop],
                **chunk_filter(self._flavour),
            }
            for index, one in enumerate(self._replies)
        ]
        document = self._envelope("chat.completion", choices) | {"usage": self._usage()} | prompt_filter(self._flavour)
        headers = standard_headers(self._exchange, self._flavour)
        return whole(200, msgspec.json.encode(document), headers, self.tokens)

    def _chunk(
        self, part: Part, index: int, delta: _Json, pieces: tuple[str, ...] = (), finish: str | None = None
    ) -> Send:
        choice: _Json = {
            "index": index,
            "delta": delta,
            "logprobs": self._logprobs(pieces) if pieces else None,
            "finish_reason": finish,
        }
        if self._flavour.filters and part == "content":
            choice |= chunk_filter(self._flavour)
        document = self._envelope("chat.completion.chunk", [choice]) | self._usage_field(part)
        return event(document, part)

    def _usage_field(self, part: Part) -> _Json:
        match self._flavour.usage:
            case "finish" if part == "finish":
                return {"usage": self._usage()}
            case "x_groq" if part == "finish":
                identifier = f"req_{digest(self._exchange.seed, self._exchange.number, 'groq', length=26)}"
                return {"x_groq": {"id": identifier, "usage": self._usage()}}
            case "asked" if self._wants_usage:
                # Once usage is asked for, every chunk carries the field, and all but the last carry it empty.
                return {"usage": None}
            case _:
                return {}

    @property
    def _wants_usage(self) -> bool:
        options = self._document.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    @property
    def _ends_with_usage(self) -> bool:
        mode = self._flavour.usage
        return mode == "last" or (mode in {"asked", "x_groq"} and self._wants_usage)

    def _begun_call(self, one: Reply, position: int) -> _Json:
        call = one.calls[position]
        function = {"name": call.name, "arguments": ""}
        return {"index": position, "id": self._flavour.call(call.identifier), "type": "function", "function": function}

    def _first(self, index: int, one: Reply) -> Send:
        delta: _Json = {"role": "assistant", "content": ""}
        if self._flavour.refusals:
            delta["refusal"] = None
        if one.calls and not one.reasoning:
            delta["content"] = None
            delta["tool_calls"] = [self._begun_call(one, 0)]
        return self._chunk("role", index, delta)

    def _rest(self, index: int, one: Reply) -> Iterator[Send]:
        if self._flavour.reasoning is not None:
            for piece in one.reasoning:
                yield self._chunk("content", index, {self._flavour.reasoning: piece})
        for position, call in enumerate(one.calls):
            if position or one.reasoning:
                yield self._chunk("role", index, {"tool_calls": [self._begun_call(one, position)]})
            for fragment in call.fragments:
                delta = {"tool_calls": [{"index": position, "function": {"arguments": fragment}}]}
                yield self._chunk("content", index, delta)
        field = "refusal" if self._refuses(one) else "content"
        for piece in one.pieces:
            yield self._chunk("content", index, {field: piece}, (piece,))
        yield self._chunk("finish", index, {}, finish=FINISH[one.stop])

    def _lead(self) -> Iterator[Send]:
        """What comes before the first chunk of an answer."""
        if self._flavour.comment is not None:
            yield Send(f": {self._flavour.comment}\n\n".encode(), "extra")
        if self._flavour.filters:
            document = self._envelope("chat.completion.chunk", []) | prompt_filter(self._flavour)
            yield event(document | {"id": "", "created": 0, "model": ""}, "role")

    def stream(self) -> Script:
        """The answer as a stream of events; the chunks of several choices take turns."""
        steps = [*self._lead(), *(self._first(index, one) for index, one in enumerate(self._replies))]
        waiting = [self._rest(index, one) for index, one in enumerate(self._replies)]
        while waiting:
            for source in list(waiting):
                chunk = next(source, None)
                if chunk is None:
                    waiting.remove(source)
                else:
                    steps.append(chunk)
        if self._ends_with_usage:
            steps.append(event(self._envelope("chat.completion.chunk", []) | {"usage": self._usage()}, "usage"))
        headers = (*STREAM_HEADERS, *standard_headers(self._exchange, self._flavour))
        return Script((Head(200, headers, None), *steps, DONE), self.tokens)
