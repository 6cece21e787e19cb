"""OpenAI's SDK, Responses; every turn repeats the whole conversation."""

import json
from typing import Any, ClassVar

import openai

from sdk.drivers.chat import ERRORS
from sdk.wishes import Call, Counts, Heard, Results, User, Wish


class ResponsesDriver:
    name = "openai-responses"
    stops: ClassVar = {"end": "completed", "length": "max_output_tokens", "tools": "completed"}
    errors = ERRORS
    broken = openai.APIError
    lacks = frozenset({"stop sequence", "error of a tool"})

    def __init__(self, url: str) -> None:
        self._sdk = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)

    async def close(self) -> None:
        await self._sdk.close()

    async def ask(self, wish: Wish, *, stream: bool = False) -> Heard:
        raw = await self._sdk.responses.with_raw_response.create(**_body(wish), stream=stream)
        if not stream:
            heard = _whole(raw.parse())
            heard.headers = raw.headers
            return heard
        pieces, arguments, last = [], {}, None
        async for event in raw.parse():
            if event.type == "response.output_text.delta":
                pieces.append(event.delta)
            elif event.type == "response.function_call_arguments.delta":
                arguments[event.item_id] = arguments.get(event.item_id, "") + event.delta
            elif event.type in {"response.completed", "response.incomplete"}:
                last = event.response
            elif event.type == "response.failed":
                raise openai.APIError(event.response.error.message, None, body=event.response.error)  # type: ignore[arg-type]
        assert last is not None, "the stream ended without its last event"
        heard = _whole(last)
        assert "".join(pieces) == heard.text
        assert [json.loads(one) for one in arguments.values()] == [call.arguments for call in heard.calls]
        heard.pieces, heard.headers = pieces, raw.headers
        return heard


def _body(wish: Wish) -> dict[str, Any]:
    items: list[Any] = []
    for turn in wish.turns:
        items += _said(turn)
    body: dict[str, Any] = {"model": wish.model, "input": items, "store": False, **wish.raw}
    if wish.system:
        body["instructions"] = wish.system
    if wish.max_tokens is not None:
        body["max_output_tokens"] = wish.max_tokens
    for name in ("temperature", "top_p"):
        if getattr(wish, name) is not None:
            body[name] = getattr(wish, name)
    if wish.tools:
        body["tools"] = [
            {"type": "function", "name": tool.name, "parameters": tool.schema, "strict": True} for tool in wish.tools
        ]
    if wish.choice:
        plain = wish.choice in {"auto", "none", "required"}
        body["tool_choice"] = wish.choice if plain else {"type": "function", "name": wish.choice}
    if wish.schema is not None:
        body["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": wish.schema, "strict": True}}
    if wish.thinking:
        body |= {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    return body


def _said(turn: Any) -> list[Any]:
    if isinstance(turn, User):
        parts: list[Any] = [{"type": "input_text", "text": turn.text}]
        for picture in turn.pictures:
            url = picture.url or f"data:image/png;base64,{picture.data}"
            parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
        return [{"role": "user", "content": parts if turn.pictures else turn.text}]
    if isinstance(turn, Results):
        return [{"type": "function_call_output", "call_id": one.call.id, "output": one.content} for one in turn.results]
    return list(turn.native)


def _whole(answer: Any) -> Heard:
    heard = Heard(native=[item.model_dump(exclude_none=True) for item in answer.output])
    heard.pieces = [answer.output_text] if answer.output_text else []
    heard.stop = answer.incomplete_details.reason if answer.incomplete_details else answer.status
    for item in answer.output:
        if item.type == "function_call":
            heard.calls.append(Call(item.call_id, item.name, json.loads(item.arguments)))
        elif item.type == "reasoning":
            heard.thoughts += "".join(part.text for part in item.summary)
    usage = answer.usage
    heard.usage = Counts(usage.input_tokens, usage.output_tokens, usage.input_tokens_details.cached_tokens)
    return heard
