"""A model on the own machine is often behind Ollama, whose own interface is neither OpenAI's nor a stream of events.

It offers `POST /api/chat`, `/api/generate`, `/api/embed`, `/api/show`, and `GET /api/tags`, `/api/version`. A stream is
JSON, line by line, and is the default. No key is needed. Source: https://docs.ollama.com/api.
"""

import time
from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange, without_nulls
from segue.simulator.script import Head, Script, Send, whole
from segue.simulator.vendors.openai_content import decoded_size
from segue.simulator.vendors.scripting import Ask, Attachment, Reply, Tool, ToolResult, digest, reply, words
from segue.simulator.vendors.vectors import unit_vector

NDJSON: Final = "application/x-ndjson"
_LISTED: Final = ("llama3.2:latest", "qwen3:8b", "nomic-embed-text:latest")
_SECOND: Final = 1_000_000_000
_DIMENSIONS: Final = 768
_THINKERS: Final = ("qwen3", "deepseek-r1", "gpt-oss", "magistral")
_WITHOUT_TOOLS: Final = ("gemma2", "phi3", "nomic-embed", "llama2")
_CODES: Final = {400: "invalid request", 404: "model not found", 429: "too many requests", 500: "internal server error"}
_BY_CODE: Final = {
    "rate_limit_exceeded": 429,
    "insufficient_quota": 402,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "context_length_exceeded": 400,
    "content_filter": 400,
}
_Json = dict[str, Any]


class OllamaError(Exception):
    """One error: a status and a text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def script(self) -> Script:
        """The answer that it is."""
        return whole(self.status, msgspec.json.encode({"error": self.message}))


def _read(exchange: Exchange, types: dict[str, type | tuple[type, ...]]) -> _Json:
    """The body; fields of other types are refused, and those that are unknown ignored, as Go's decoder does."""
    document = without_nulls(exchange.document)
    if not isinstance(document, dict):
        raise OllamaError(400, "invalid character looking for beginning of value" if exchange.body else "missing body")
    for name, wanted in types.items():
        value = document.get(name)
        wrong = type(value) is not int if wanted is int else not isinstance(value, wanted)
        if value is not None and wrong:
            shown = {str: "string", list: "array", dict: "object", bool: "bool"}.get(type(value), "number")
            raise OllamaError(400, f"json: cannot unmarshal {shown} into Go struct field .{name}")
    model = document.get("model")
    if not model:
        raise OllamaError(400, "model is required")
    if str(model).startswith("missing-"):
        raise OllamaError(404, f"model '{str(model)[:100]}' not found")
    return document


def _messages(document: _Json) -> list[_Json]:
    messages: list[Any] = document.get("messages") or []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("content", ""), str):
            raise OllamaError(400, "json: cannot unmarshal into Go struct field ChatRequest.messages")
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            raise OllamaError(400, f"invalid role: {str(message.get('role'))[:40]}")
    return messages


def _images(messages: list[_Json]) -> tuple[Attachment, ...]:
    given = [message.get("images") or [] for message in messages]
    if not all(isinstance(one, list) for one in given):
        raise OllamaError(400, "json: cannot unmarshal into Go struct field ChatRequest.messages.images")
    found = [image for one in given for image in one]
    if any(not isinstance(image, str) or not decoded_size(image) for image in found):
        raise OllamaError(400, "illegal base64 data at input byte 0")
    return tuple(Attachment("image", decoded_size(image)) for image in found)


def _options(document: _Json) -> _Json:
    options: _Json = document.get("options") or {}
    stop = options.get("stop") or []
    texts = isinstance(stop, list) and all(isinstance(one, str) for one in stop)
    if not texts or not isinstance(options.get("num_predict", 0), int):
        raise OllamaError(400, "option has a wrong type: stop must be an array, num_predict a number")
    return options


def ask_of(document: _Json) -> Ask:
    """A request as the scripting of all vendors understands it."""
    prompt = document.get("prompt")
    messages = [{"role": "user", "content": prompt, "images": document.get("images")}] if prompt else []
    messages = messages or _messages(document)
    options = _options(document)
    asked = max((place for place, one in enumerate(messages) if one["role"] == "user"), default=-1)
    tools: list[Any] = document.get("tools") or []
    functions: list[Any] = [tool.get("function") if isinstance(tool, dict) else None for tool in tools]
    if not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in functions):
        raise OllamaError(400, "json: cannot unmarshal into Go struct field ChatRequest.tools")
    system = [one.get("content", "") for one in messages if one["role"] == "system"]
    limit = options.get("num_predict", -1)
    form = document.get("format")
    model = str(document["model"])
    if document.get("tools") and model.startswith(_WITHOUT_TOOLS):
        raise OllamaError(400, f"registry.ollama.ai/library/{model} does not support tools")
    thinks = document.get("think")
    if thinks and not model.startswith(_THINKERS):
        raise OllamaError(400, f'"{model}" does not support thinking')
    results = [one for one in messages[asked + 1 :] if one["role"] == "tool"]
    return Ask(
        question=messages[asked].get("content", "") if asked >= 0 else "",
        system=" ".join([document.get("system") or "", *system]).strip(),
        context=(
            *(msgspec.json.encode(one).decode() for one in functions),
            *(one.get("content", "") for one in messages),
        ),
        images=_images(messages),
        tools=tuple(Tool(one.get("name", ""), one.get("parameters")) for one in functions),
        results=tuple(ToolResult(one.get("tool_name", ""), one.get("content", "")) for one in results),
        schema=form if isinstance(form, dict) else None,
        json=form == "json",
        maximum=limit if limit > 0 else None,
        stop=tuple(options.get("stop") or ()),
        reasoning=model.startswith(_THINKERS) and thinks is not False,
        # github.com/ollama/ollama/issues/6778: a last message of the assistant's is gone on with.
        prefill=messages[-1].get("content", "") if messages and messages[-1]["role"] == "assistant" else "",
    )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime())


class _Rendering:
    """An answer of `chat` or `generate`, whole or line by line."""

    def __init__(self, document: _Json, ask: Ask, said: Reply, *, chat: bool) -> None:
        self._document, self._ask, self._said, self._chat = document, ask, said, chat

    def _part(self, text: str = "", thinking: str = "", calls: list[_Json] | None = None) -> _Json:
        fields = {"thinking": thinking} if thinking else {}
        if not self._chat:
            return {"response": text} | fields
        message: _Json = {"role": "assistant", "content": text} | fields
        return {"message": message | ({"tool_calls": calls} if calls else {})}

    def _line(self, part: _Json, *, done: bool = False) -> _Json:
        line: _Json = {"model": self._document["model"], "created_at": _now()} | part | {"done": done}
        if not done:
            return line
        return line | {
            "done_reason": "length" if self._said.stop == "length" else "stop",
            "total_duration": _SECOND,
            "load_duration": _SECOND // 10,
            "prompt_eval_count": self._ask.tokens,
            "prompt_eval_duration": _SECOND // 5,
            "eval_count": self._said.tokens,
            "eval_duration": _SECOND // 2,
        }

    def _calls(self) -> list[_Json]:
        return [
            {"id": f"call_{call.identifier[:8]}"}
            | {"function": {"index": index, "name": call.name, "arguments": msgspec.json.decode(call.arguments)}}
            for index, call in enumerate(self._said.calls)
        ]

    def script(self) -> Script:
        """The answer as it was asked for."""
        said = self._said
        if self._document.get("stream") is False:
            part = self._part(said.text, said.thoughts, self._calls())
            return whole(200, msgspec.json.encode(self._line(part, done=True)), (), said.tokens)
        parts = [self._part(thinking=piece) for piece in said.reasoning]
        parts += [self._part(piece) for piece in said.pieces]
        parts += [self._part(calls=[call]) for call in self._calls()]
        steps = [Send(msgspec.json.encode(self._line(part)) + b"\n", "content") for part in parts]
        steps.append(Send(msgspec.json.encode(self._line(self._part(), done=True)) + b"\n", "done"))
        return Script((Head(200, (("Content-Type", NDJSON),), None), *steps), said.tokens)


_TALK: Final[dict[str, type | tuple[type, ...]]] = {
    "model": str,
    "messages": list,
    "prompt": str,
    "system": str,
    "stream": bool,
    "tools": list,
    "options": dict,
    "images": list,
    "format": (str, dict),
    "think": (bool, str),
    "keep_alive": (str, int, float),
}


def _talk(exchange: Exchange, *, chat: bool) -> Script:
    document = _read(exchange, _TALK)
    ask = ask_of(document)
    if not ask.context:
        # An empty request loads the model, and says so at once.
        return _Rendering(document | {"stream": False}, ask, Reply((), "end"), chat=chat).script()
    return _Rendering(document, ask, reply(ask, exchange.seed), chat=chat).script()


def _embed(exchange: Exchange) -> Script:
    document = _read(
        exchange, {"model": str, "input": (str, list), "truncate": bool, "dimensions": int, "options": dict}
    )
    given = document.get("input")
    texts = [given] if isinstance(given, str) else given or []
    if not all(isinstance(text, str) for text in texts):
        raise OllamaError(400, "invalid input type")
    size = document.get("dimensions") or _DIMENSIONS
    vectors = [unit_vector(exchange.seed, text, max(1, min(size, _DIMENSIONS))) for text in texts]
    answer = {"model": document["model"], "embeddings": vectors, "total_duration": _SECOND, "load_duration": 0}
    return whole(200, msgspec.json.encode(answer | {"prompt_eval_count": sum(map(words, texts))}))


def _entry(name: str) -> _Json:
    details = {"format": "gguf", "family": name.partition(":")[0], "parameter_size": "8B", "quantization_level": "Q4_0"}
    facts = {"name": name, "model": name, "modified_at": "2026-01-01T00:00:00Z", "size": 4_000_000_000}
    return facts | {"digest": digest(name, length=64), "details": details}


class OllamaVendor:
    """Ollama's own interface."""

    name = "ollama"

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the refusal of a wrong one."""
        try:
            return self._answer(exchange)
        except OllamaError as error:
            return error.script()

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """An error by status; Ollama has no codes, so another vendor's only choose the status."""
        chosen = status or _BY_CODE.get(error or "", 500)
        text = _CODES.get(chosen, error or "the request failed")
        if chosen == 404 and exchange.model:  # noqa: PLR2004 - the status of a model that is not there
            text = f"model '{exchange.model[:100]}' not found"
        return OllamaError(chosen, text if message is None else message).script()

    def error_event(self, _exchange: Exchange, body: bytes, _sent: int, *, terminal: bool) -> bytes | None:
        """An error inside a stream is a line in place of the next."""
        del terminal
        return body + b"\n"

    @staticmethod
    def _answer(exchange: Exchange) -> Script:
        path = exchange.path
        if path in {"/api/tags", "/api/version"}:
            if exchange.method not in {"GET", "HEAD"}:
                raise OllamaError(405, "405 method not allowed")
            answer: _Json = {"models": [_entry(name) for name in _LISTED]}
            return whole(200, msgspec.json.encode(answer if path == "/api/tags" else {"version": "0.12.6"}))
        if path not in {"/api/chat", "/api/generate", "/api/embed", "/api/show"}:
            raise OllamaError(404, "404 page not found")
        if exchange.method != "POST":
            raise OllamaError(405, "405 method not allowed")
        if path == "/api/embed":
            return _embed(exchange)
        if path == "/api/show":
            shown = _entry(_read(exchange, {"model": str})["model"])
            abilities = ["completion", "tools"]
            return whole(200, msgspec.json.encode({"details": shown["details"], "capabilities": abilities}))
        return _talk(exchange, chat=path == "/api/chat")


def is_ollama(path: str) -> bool:
    """Whether a vendor's own path is one of Ollama's."""
    return path.startswith("/api/") and not path.startswith("/api/v1")
