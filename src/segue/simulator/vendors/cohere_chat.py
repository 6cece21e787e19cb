"""Cohere's second interface looks like OpenAI's and is not: other events, other reasons, another place for usage.

This is `POST /v2/chat`. Sources: https://docs.cohere.com/reference/chat and https://docs.cohere.com/docs/streaming.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from segue.simulator.script import Head, Part, Script, Send
from segue.simulator.vendors.openai_access import Request
from segue.simulator.vendors.openai_answers import STREAM_HEADERS
from segue.simulator.vendors.openai_checks import (
    Check,
    array,
    boolean,
    choice,
    entries,
    entry,
    integer,
    mapping,
    missing,
    number,
    refusal,
    required_text,
    string,
    text,
)
from segue.simulator.vendors.openai_content import decoded_size
from segue.simulator.vendors.openai_headers import standard_headers
from segue.simulator.vendors.scripting import Ask, Attachment, Reply, Tool, ToolResult, digest, reply

_Json = dict[str, Any]
_FINISHES: Final = {
    "end": "COMPLETE",
    "refusal": "COMPLETE",
    "stop_sequence": "STOP_SEQUENCE",
    "length": "MAX_TOKENS",
    "tools": "TOOL_CALL",
}
_PARTS: Final = frozenset({"text", "image_url", "thinking", "document"})


def _content(message: _Json, param: str) -> None:
    content = message.get("content")
    if content is None and message["role"] == "assistant" and (message.get("tool_calls") or message.get("tool_plan")):
        return
    if content is None:
        raise missing(f"{param}.content")
    if isinstance(content, str):
        return
    for index, part in enumerate(entries(content, f"{param}.content", least=1)):
        place = f"{param}.content[{index}]"
        kind = required_text(entry(part, place), "type", place)
        if kind not in _PARTS:
            raise refusal(f"invalid request: unknown content type '{kind}'", place, "invalid_value")


def _messages(value: object, param: str) -> None:
    called: list[str] = []
    for index, item in enumerate(entries(value, param, least=1)):
        place = f"{param}[{index}]"
        message = entry(item, place)
        choice("system", "developer", "user", "assistant", "tool")(message.get("role"), f"{place}.role")
        _content(message, place)
        if message["role"] == "tool":
            identifier = required_text(message, "tool_call_id", place)
            if identifier not in called:
                what = f"invalid request: tool_call_id '{identifier[:64]}' matches no tool call of the message before"
                raise refusal(what, place, "invalid_value")
            called.remove(identifier)
            continue
        if called:
            raise refusal("invalid request: all tool calls must have tool results", place, "invalid_value")
        calls = entries(message.get("tool_calls") or [], f"{place}.tool_calls")
        called = [required_text(entry(one, place), "id", place) for one in calls]
    if called:
        raise refusal("invalid request: all tool calls must have tool results", param, "invalid_value")


def _tools(value: object, param: str) -> None:
    for index, item in enumerate(entries(value, param)):
        place = f"{param}[{index}].function"
        function = entry(entry(item, f"{param}[{index}]").get("function"), place)
        required_text(function, "name", place)
        mapping(function.get("parameters", {}), f"{place}.parameters")


def _texts(value: object, param: str) -> None:
    for index, item in enumerate(entries(value, param, most=5)):
        text(item, f"{param}[{index}]")


CHAT: Final[dict[str, Check]] = {
    "model": string,
    "messages": _messages,
    "stream": boolean,
    "tools": _tools,
    "strict_tools": boolean,
    "documents": array,
    "citation_options": mapping,
    "response_format": mapping,
    "safety_mode": choice("CONTEXTUAL", "STRICT", "OFF"),
    "max_tokens": integer(1),
    "stop_sequences": _texts,
    "temperature": number(0, 1),
    "seed": integer(0),
    "frequency_penalty": number(0, 1),
    "presence_penalty": number(0, 1),
    "k": integer(0, 500),
    "p": number(0.01, 0.99),
    "logprobs": boolean,
    "tool_choice": choice("REQUIRED", "NONE"),
    "thinking": mapping,
    "priority": integer(0, 999),
}


def _text_of(message: _Json) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in content if part["type"] == "text")


def _images(messages: list[_Json]) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    for part in (part for message in messages for part in message.get("content") or () if isinstance(part, dict)):
        if part["type"] == "image_url":
            image = part.get("image_url")
            address = str(image.get("url", "") if isinstance(image, dict) else image)
            media, _, data = address.removeprefix("data:").partition(";base64,")
            found.append(Attachment(media, decoded_size(data)) if data else Attachment("image", None, address))
    return tuple(found)


def ask_of(document: _Json) -> Ask:
    """A request as the scripting of all vendors understands it."""
    messages: list[_Json] = document["messages"]
    asked = max((place for place, one in enumerate(messages) if one["role"] == "user"), default=-1)
    functions = [tool["function"] for tool in document.get("tools") or ()]
    form = document.get("response_format") or {}
    schema = form.get("json_schema") or form.get("schema")
    thinking = (document.get("thinking") or {}).get("type")
    return Ask(
        question=_text_of(messages[asked]) if asked >= 0 else "",
        system=" ".join(_text_of(one) for one in messages if one["role"] in {"system", "developer"}),
        context=(
            *(msgspec.json.encode(one).decode() for one in functions),
            *(_text_of(one) for one in messages),
        ),
        images=_images(messages),
        tools=tuple(Tool(one["name"], one.get("parameters")) for one in functions),
        choice={"REQUIRED": "required", "NONE": "none"}.get(document.get("tool_choice", ""), "auto"),
        results=tuple(
            ToolResult(one["tool_call_id"], _text_of(one)) for one in messages[asked + 1 :] if one["role"] == "tool"
        ),
        schema=schema if isinstance(schema, dict) else None,
        json=form.get("type") == "json_object",
        maximum=document.get("max_tokens"),
        stop=tuple(document.get("stop_sequences") or ()),
        reasoning=thinking == "enabled" or ("reasoning" in str(document["model"]) and thinking != "disabled"),
    )


def _event(kind: str, document: _Json, part: Part) -> Send:
    data = msgspec.json.encode({"type": kind} | document)
    return Send(b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n", part)


class _Rendering:
    """An answer of `/v2/chat` in both forms."""

    def __init__(self, request: Request, ask: Ask, said: Reply) -> None:
        self._request, self._ask, self._said = request, ask, said

    @property
    def _identifier(self) -> str:
        exchange = self._request.exchange
        made = digest(exchange.seed, exchange.number, "cohere", length=32)
        return "-".join((made[:8], made[8:12], made[12:16], made[16:20], made[20:]))

    def _usage(self) -> _Json:
        tokens = {"input_tokens": self._ask.tokens, "output_tokens": self._said.tokens}
        return {"billed_units": tokens, "tokens": tokens, "cached_tokens": 0}

    def _plan(self) -> str:
        names = ", ".join(call.name for call in self._said.calls)
        return f"I will use {names}."

    def document(self) -> Script:
        """The answer as one document."""
        said = self._said
        message: _Json = {"role": "assistant"}
        content: list[_Json] = [{"type": "thinking", "thinking": said.thoughts}] if said.reasoning else []
        content += [{"type": "text", "text": said.text}] if said.pieces else []
        if content:
            message["content"] = content
        if said.calls:
            message["tool_plan"] = self._plan()
            message["tool_calls"] = [
                {
                    "id": f"{call.name}_{call.identifier[:12]}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in said.calls
            ]
        answer = {"id": self._identifier, "finish_reason": _FINISHES[said.stop], "message": message}
        return self._request.answer(answer | {"usage": self._usage()}, said.tokens)

    def _block(self, index: int, kind: str, pieces: tuple[str, ...]) -> Iterator[Send]:
        start = {"index": index, "delta": {"message": {"content": {"type": kind, kind: ""}}}}
        yield _event("content-start", start, "role")
        for piece in pieces:
            yield _event("content-delta", {"index": index, "delta": {"message": {"content": {kind: piece}}}}, "content")
        yield _event("content-end", {"index": index}, "role")

    def _calls(self) -> Iterator[Send]:
        yield _event("tool-plan-delta", {"delta": {"message": {"tool_plan": self._plan()}}}, "content")
        for index, call in enumerate(self._said.calls):
            function = {"name": call.name, "arguments": ""}
            made = {"id": f"{call.name}_{call.identifier[:12]}", "type": "function", "function": function}
            yield _event("tool-call-start", {"index": index, "delta": {"message": {"tool_calls": made}}}, "role")
            for piece in call.fragments:
                delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
                yield _event("tool-call-delta", {"index": index, "delta": delta}, "content")
            yield _event("tool-call-end", {"index": index}, "role")

    def stream(self) -> Script:
        """The answer as a stream of events; the last of them ends it."""
        said = self._said
        begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        steps = [_event("message-start", {"id": self._identifier, "delta": {"message": begun}}, "role")]
        if said.reasoning:
            steps += self._block(0, "thinking", said.reasoning)
        if said.calls:
            steps += self._calls()
        elif said.pieces:
            steps += self._block(int(bool(said.reasoning)), "text", said.pieces)
        ending = {"finish_reason": _FINISHES[said.stop], "usage": self._usage()}
        steps.append(_event("message-end", {"id": self._identifier, "delta": ending}, "done"))
        headers = (*STREAM_HEADERS, *standard_headers(self._request.exchange, self._request.flavour))
        return Script((Head(200, headers, None), *steps), said.tokens)


def chat(request: Request) -> Script:
    """The answer to `POST /v2/chat`."""
    request.need("POST")
    document = request.parameters(CHAT, "model", "messages")
    ask = ask_of(document)
    rendering = _Rendering(request, ask, reply(ask, request.exchange.seed))
    return rendering.stream() if document.get("stream") is True else rendering.document()
