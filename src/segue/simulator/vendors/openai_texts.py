"""Beside chat, OpenAI's interface turns texts into vectors, verdicts and continuations; clients fail over these, too.

`POST /v1/embeddings`, `/v1/moderations` and the legacy `/v1/completions`.
"""

import base64
import math
import random
import struct
from collections.abc import Iterator
from typing import Any, Final

from segue.simulator.script import Head, Part, Script, Send
from segue.simulator.vendors.openai_access import Request
from segue.simulator.vendors.openai_answers import DONE, FINISH, STREAM_HEADERS, event
from segue.simulator.vendors.openai_checks import (
    Check,
    boolean,
    choice,
    entries,
    integer,
    mapping,
    number,
    refusal,
    string,
    wrong_type,
)
from segue.simulator.vendors.openai_errors import OpenAIError
from segue.simulator.vendors.openai_headers import standard_headers
from segue.simulator.vendors.openai_requests import check_stop
from segue.simulator.vendors.scripting import Ask, Reply, digest, reply, words

_Json = dict[str, Any]
_LARGE: Final = 3072
_SMALL: Final = 1536
_MOST_INPUTS: Final = 2048
_CATEGORIES: Final = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip


def texts_or_tokens(value: object, param: str) -> None:
    """Accept a text, texts, tokens, or lists of tokens; nothing empty."""
    if isinstance(value, str):
        if not value:
            raise refusal(f"Invalid '{param}': input cannot be an empty string.", param, "invalid_value")
        return
    if not isinstance(value, list):
        raise wrong_type(value, param, "one of a string or array")
    for index, item in enumerate(entries(value, param, least=1, most=_MOST_INPUTS)):
        if isinstance(item, bool) or not isinstance(item, str | int | list):
            raise wrong_type(item, f"{param}[{index}]", "a string")
        if item in ("", []):
            raise refusal(f"Invalid '{param}[{index}]': input cannot be empty.", f"{param}[{index}]", "invalid_value")


def _inputs(value: object) -> list[str]:
    """Each input as a text; tokens are written as numbers."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list) or (value and isinstance(value[0], int)):
        return [" ".join(map(str, value if isinstance(value, list) else ()))]
    return [item if isinstance(item, str) else " ".join(map(str, item)) for item in value]


def vector(seed: int, model: str, text: str, length: int) -> list[float]:
    """A vector of length 1 that is the same for the same text and model."""
    chance = random.Random(f"{seed}|{model}|{text}")
    raw = [chance.gauss(0, 1) for _ in range(length)]
    norm = math.sqrt(sum(value * value for value in raw))
    return [value / norm for value in raw]


EMBEDDINGS: Final[dict[str, Check]] = {
    "model": string,
    "input": texts_or_tokens,
    "encoding_format": choice("float", "base64"),
    "dimensions": integer(1, _LARGE),
    "user": string,
}


def embeddings(request: Request) -> Script:
    """The answer to `POST /v1/embeddings`."""
    request.need("POST")
    named = request.flavour.dimensions
    table = EMBEDDINGS
    if named != "dimensions":  # such a vendor has a schema of its own, without a user
        table = {name: check for name, check in EMBEDDINGS.items() if name not in {"dimensions", "user"}}
        table |= {named: EMBEDDINGS["dimensions"]}
    document = request.parameters(table, "model", "input")
    model = str(document["model"])
    if document.get(named) is not None and "ada-002" in model:
        message = "This model does not support specifying dimensions."
        raise OpenAIError(400, message, "invalid_request_error", None)
    length = document.get(named) or (_LARGE if "large" in model else _SMALL)
    inputs = _inputs(document["input"])
    data: list[_Json] = []
    for index, text in enumerate(inputs):
        made: object = vector(request.exchange.seed, model, text, length)
        if document.get("encoding_format") == "base64":
            made = base64.b64encode(struct.pack(f"<{length}f", *made)).decode()  # type: ignore[misc]
        data.append({"object": "embedding", "index": index, "embedding": made})
    tokens = sum(map(words, inputs))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return request.answer({"object": "list", "data": data, "model": model, "usage": usage})


def _moderated(value: object, param: str) -> None:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        for index, part in enumerate(value):
            if not isinstance(part, dict) or part.get("type") not in {"text", "image_url"}:
                place = f"{param}[{index}].type"
                raise refusal("Invalid value. Supported values are: 'text', and 'image_url'.", place, "invalid_value")
        return
    texts_or_tokens(value, param)


def _verdict(text: str, applied: list[str]) -> _Json:
    """A text is flagged for each category that it names."""
    flagged = {name: name in text.lower() for name in _CATEGORIES}
    return {
        "flagged": any(flagged.values()),
        "categories": flagged,
        "category_scores": {name: 0.98 if hit else 0.0001 for name, hit in flagged.items()},
        "category_applied_input_types": dict.fromkeys(_CATEGORIES, applied),
    }


def moderations(request: Request) -> Script:
    """The answer to `POST /v1/moderations`."""
    request.need("POST")
    document = request.parameters({"input": _moderated, "model": string}, "input")
    given = document["input"]
    if isinstance(given, list) and given and isinstance(given[0], dict):
        kinds = sorted({"image" if part["type"] == "image_url" else "text" for part in given})
        results = [_verdict(" ".join(str(part.get("text", "")) for part in given), kinds)]
    else:
        results = [_verdict(text, ["text"]) for text in _inputs(given)]
    model = document.get("model") or "omni-moderation-latest"
    identifier = f"modr-{digest(request.exchange.seed, request.exchange.number, length=29)}"
    return request.answer({"id": identifier, "model": model, "results": results})


def _stream_options(value: object, param: str) -> None:
    mapping(value, param)


COMPLETIONS: Final[dict[str, Check]] = {
    "model": string,
    "prompt": texts_or_tokens,
    "best_of": integer(0, 20),
    "echo": boolean,
    "frequency_penalty": number(-2, 2),
    "logit_bias": mapping,
    "logprobs": integer(0, 5),
    "max_tokens": integer(0),
    "n": integer(1, 128),
    "presence_penalty": number(-2, 2),
    "seed": integer(),
    "stop": check_stop,
    "stream": boolean,
    "stream_options": _stream_options,
    "suffix": string,
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "user": string,
}


class _Continuation:
    """All choices of one legacy completion."""

    def __init__(self, request: Request, document: _Json) -> None:
        exchange = request.exchange
        self._document = document
        stop = document.get("stop")
        stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
        maximum = document.get("max_tokens")
        self._prompts = _inputs(document["prompt"])
        self._replies: list[Reply] = []
        for prompt in self._prompts:
            # Sixteen tokens are what the reference states for a request that says nothing.
            ask = Ask(question=prompt, context=(prompt,), stop=stops, maximum=16 if maximum is None else maximum)
            self._replies += [reply(ask, exchange.seed, index) for index in range(document.get("n") or 1)]
        self._envelope: _Json = {
            "id": f"cmpl-{digest(exchange.seed, exchange.number, length=29)}",
            "object": "text_completion",
            "created": int(exchange.started),
            "model": document["model"],
        }

    @property
    def tokens(self) -> int:
        """The tokens of the longest choice."""
        return max(one.tokens for one in self._replies)

    def _usage(self) -> _Json:
        prompt = sum(map(words, self._prompts))
        made = sum(one.tokens for one in self._replies)
        return {"prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made}

    def _choice(self, index: int, pieces: tuple[str, ...], finish: str | None, start: int = 0) -> _Json:
        logprobs = None
        if self._document.get("logprobs") is not None:
            offsets = [start + sum(map(len, pieces[:place])) for place in range(len(pieces))]
            logprobs = {
                "tokens": list(pieces),
                "token_logprobs": [-0.01] * len(pieces),
                "top_logprobs": [{piece: -0.01} for piece in pieces],
                "text_offset": offsets,
            }
        return {"index": index, "text": "".join(pieces), "logprobs": logprobs, "finish_reason": finish}

    def _echo(self, index: int) -> tuple[str, ...]:
        prompt = self._prompts[index // (self._document.get("n") or 1)]
        return (prompt,) if self._document.get("echo") is True else ()

    def whole(self) -> _Json:
        """One document."""
        choices = [
            self._choice(index, self._echo(index) + one.pieces, FINISH[one.stop])
            for index, one in enumerate(self._replies)
        ]
        return self._envelope | {"choices": choices, "usage": self._usage()}

    def events(self) -> Iterator[Send]:
        """The events of a stream, choice after choice."""
        for index, one in enumerate(self._replies):
            start = 0
            for piece in (*self._echo(index), *one.pieces):
                yield self._event([self._choice(index, (piece,), None, start)], "content")
                start += len(piece)
            part: Part = "finish" if index == len(self._replies) - 1 else "role"
            yield self._event([self._choice(index, (), FINISH[one.stop])], part)
        if (self._document.get("stream_options") or {}).get("include_usage") is True:
            yield event(self._envelope | {"choices": [], "usage": self._usage()}, "usage")

    def _event(self, choices: list[_Json], part: Part) -> Send:
        return event(self._envelope | {"choices": choices}, part)


def completions(request: Request) -> Script:
    """The answer to `POST /v1/completions`."""
    request.need("POST")
    document = request.parameters(COMPLETIONS, "model", "prompt")
    made = _Continuation(request, document)
    if document.get("stream") is not True:
        return request.answer(made.whole(), made.tokens)
    head = Head(200, (*STREAM_HEADERS, *standard_headers(request.exchange, request.flavour)), None)
    return Script((head, *made.events(), DONE), made.tokens)
