"""Applications and the gateway speak to Yandex's models by Yandex's own interface; this is that interface, simulated.

Under `POST /foundationModels/v1/` it offers `completion`, `textEmbedding`, `tokenize` and `tokenizeCompletion`. A
stream is JSON, line by line, and each line repeats the whole text so far. Numbers of 64 bits are strings, as protobuf
has it.
Source: https://yandex.cloud/en/docs/ai-studio/text-generation/api-ref/.
"""

from itertools import accumulate
from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Head, Part, Script, Send, whole
from segue.simulator.vendors.scripting import Ask, Reply, Tool, ToolResult, digest, pieces_of, reply
from segue.simulator.vendors.vectors import unit_vector
from segue.simulator.vendors.yandex_errors import YandexError, named_error
from segue.simulator.vendors.yandex_requests import COMPLETION, EMBEDDING, TOKENIZE, read

_ROOT: Final = "/foundationModels/v1/"
_VERSION: Final = "09.02.2025"
_DIMENSIONS: Final = 256
_MOST_DIMENSIONS: Final = 4096
_STATUSES: Final = {
    "end": "ALTERNATIVE_STATUS_FINAL",
    "stop_sequence": "ALTERNATIVE_STATUS_FINAL",
    "length": "ALTERNATIVE_STATUS_TRUNCATED_FINAL",
    "tools": "ALTERNATIVE_STATUS_TOOL_CALLS",
    "refusal": "ALTERNATIVE_STATUS_CONTENT_FILTER",
}
_PARTIAL: Final = "ALTERNATIVE_STATUS_PARTIAL"
_Json = dict[str, Any]


def _results(message: _Json) -> list[_Json]:
    return [one["functionResult"] for one in (message.get("toolResultList") or {}).get("toolResults", ())]


def _words_in(message: _Json) -> str:
    calls = (message.get("toolCallList") or {}).get("toolCalls", ())
    spoken = [msgspec.json.encode(one).decode() for one in calls]
    return " ".join([message.get("text") or "", *spoken, *(one.get("content", "") for one in _results(message))])


def ask_of(document: _Json, model: str) -> Ask:
    """A request as the scripting of all vendors understands it."""
    messages: list[_Json] = document["messages"]
    options = document.get("completionOptions") or {}
    asked = [place for place, one in enumerate(messages) if one["role"] == "user" and one.get("text") is not None]
    since = messages[asked[-1] + 1 :] if asked else messages
    functions = [tool["function"] for tool in document.get("tools") or ()]
    chosen = document.get("toolChoice") or {}
    mode = {"NONE": "none", "REQUIRED": "required"}.get(chosen.get("mode", ""), "auto")
    mode_of_reasoning = (options.get("reasoningOptions") or {}).get("mode")
    return Ask(
        question=messages[asked[-1]]["text"] if asked else "",
        system=messages[0].get("text") or "" if messages[0]["role"] == "system" else "",
        context=(
            *(msgspec.json.encode(one).decode() for one in functions),
            *(_words_in(message) for message in messages),
        ),
        tools=tuple(Tool(one["name"], one["parameters"]) for one in functions),
        choice=chosen.get("functionName") or mode,
        parallel=document.get("parallelToolCalls") is not False,
        results=tuple(
            ToolResult(one["name"], one.get("content", "")) for message in since for one in _results(message)
        ),
        schema=(document.get("jsonSchema") or {}).get("schema"),
        json=document.get("jsonObject") is True,
        maximum=int(options["maxTokens"]) if options.get("maxTokens") else None,
        reasoning=mode_of_reasoning == "ENABLED_HIDDEN" or "deepseek" in model or "gpt-oss" in model,
    )


def _usage(prompt: int, answered: int, reasoned: int) -> _Json:
    return {
        "inputTextTokens": str(prompt),
        "completionTokens": str(answered),
        "totalTokens": str(prompt + answered),
        "completionTokensDetails": {"reasoningTokens": str(reasoned)},
    }


def _called(said: Reply) -> _Json:
    calls = [
        {"functionCall": {"name": call.name, "arguments": msgspec.json.decode(call.arguments)}} for call in said.calls
    ]
    return {"toolCallList": {"toolCalls": calls}}


def _line(message: _Json, status: str, usage: _Json) -> bytes:
    alternative = {"message": {"role": "assistant"} | message, "status": status}
    result = {"alternatives": [alternative], "usage": usage, "modelVersion": _VERSION}
    return msgspec.json.encode({"result": result})


def _completion(exchange: Exchange) -> Script:
    document, model = read(exchange, COMPLETION, ("gpt", "ds"), "messages")
    ask = ask_of(document, model)
    said = reply(ask, exchange.seed)
    reasoned = said.reasoning_tokens
    final = _called(said) if said.calls else {"text": said.text}
    last = _line(final, _STATUSES[said.stop], _usage(ask.tokens, said.tokens, reasoned))
    headers = _headers(exchange)
    if not (document.get("completionOptions") or {}).get("stream"):
        return whole(200, last, headers, said.tokens)
    steps: list[Send] = []
    for number, text in enumerate(accumulate(said.pieces), start=1):
        usage = _usage(ask.tokens, reasoned + number, reasoned)
        steps.append(Send(_line({"text": text}, _PARTIAL, usage) + b"\n", "content"))
    ending: Part = "finish"
    steps.append(Send(last + b"\n", ending))
    return Script((Head(200, (("Content-Type", "application/json"), *headers), None), *steps), said.tokens)


def _tokens_of(texts: tuple[str, ...], model: str) -> Script:
    pieces = [piece for text in texts for piece in pieces_of(text)]
    listed = [
        {"id": str(int(digest(piece, length=4), 16)), "text": piece.replace(" ", "▁"), "special": False}
        for piece in pieces
    ]
    return whole(200, msgspec.json.encode({"tokens": listed, "modelVersion": f"{model} {_VERSION}"}))


def _embedding(exchange: Exchange) -> Script:
    document, _ = read(exchange, EMBEDDING, ("emb",), "text")
    size = int(document.get("dim") or _DIMENSIONS)
    if size > _MOST_DIMENSIONS:
        raise YandexError(400, f"Error in field 'dim': must be no more than {_MOST_DIMENSIONS}")
    answer = {
        "embedding": unit_vector(exchange.seed, document["text"], size),
        "numTokens": str(len(pieces_of(document["text"]))),
        "modelVersion": _VERSION,
    }
    return whole(200, msgspec.json.encode(answer), _headers(exchange))


def _headers(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    made = digest(exchange.seed, exchange.number, "yandex", length=32)
    identifier = "-".join((made[:8], made[8:12], made[12:16], made[16:20], made[20:]))
    given = exchange.headers.get("x-client-request-id")
    return (("x-request-id", identifier), *((("x-client-request-id", given),) if given else ()))


def _check_access(exchange: Exchange) -> None:
    scheme, _, key = exchange.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() not in {"api-key", "bearer"} or not key:
        raise YandexError(401, "Authentication credentials are not provided: an API key or an IAM token is expected")
    if "invalid" in key:
        shown = f"Unknown api key '{key[:4]}...'" if scheme.lower() == "api-key" else "The token is invalid"
        raise YandexError(401, shown)
    if "expired" in key:
        raise YandexError(401, "The token has expired")


class YandexVendor:
    """Yandex's own interface to its models."""

    name = "yandex"

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""
        try:
            return self._answer(exchange)
        except YandexError as error:
            return whole(error.status, error.body(), _headers(exchange))

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error: by status, by gRPC's name, or both; None leaves it to the vendor."""
        made = named_error(status, error, message)
        return whole(made.status, made.body(), _headers(exchange))

    def error_event(self, _exchange: Exchange, body: bytes, _sent: int, *, terminal: bool) -> bytes | None:
        """An error inside a stream is a line in place of the next result."""
        del terminal
        return body + b"\n"

    @staticmethod
    def _answer(exchange: Exchange) -> Script:
        operation = exchange.path.removeprefix(_ROOT)
        if operation not in {"completion", "textEmbedding", "tokenize", "tokenizeCompletion"}:
            raise YandexError(404, "Not Found")
        if exchange.method != "POST":
            raise YandexError(501, "Method Not Allowed")
        _check_access(exchange)
        if operation == "completion":
            return _completion(exchange)
        if operation == "textEmbedding":
            return _embedding(exchange)
        if operation == "tokenize":
            document, model = read(exchange, TOKENIZE, ("gpt",), "text")
            return _tokens_of((document["text"],), model)
        document, model = read(exchange, COMPLETION, ("gpt",), "messages")
        return _tokens_of(tuple(_words_in(message) for message in document["messages"]), model)


def is_yandex(path: str) -> bool:
    """Whether a vendor's own path is one of Yandex's."""
    return path.startswith("/foundationModels/")
