"""Anthropic's SDK, Messages."""

import json
from typing import Any, ClassVar

import anthropic

from sdk.wishes import Call, Counts, Heard, Results, User, Wish


class MessagesDriver:
    name = "anthropic"
    stops: ClassVar = {"end": "end_turn", "length": "max_tokens", "sequence": "stop_sequence", "tools": "tool_use"}
    errors: ClassVar = {
        400: anthropic.BadRequestError,
        401: anthropic.AuthenticationError,
        404: anthropic.NotFoundError,
        429: anthropic.RateLimitError,
        500: anthropic.InternalServerError,
    }
    broken = anthropic.APIError
    lacks: frozenset[str] = frozenset()

    def __init__(self, url: str) -> None:
        self._sdk = anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0)

    async def close(self) -> None:
        await self._sdk.close()

    async def ask(self, wish: Wish, *, stream: bool = False) -> Heard:
        raw = await self._sdk.messages.with_raw_response.create(**_body(wish), stream=stream)
        if not stream:
            heard = _whole(await raw.parse())
            heard.headers = raw.headers
            return heard
        pieces: list[str] = []
        blocks: list[dict[str, Any]] = []
        arguments: dict[int, str] = {}
        heard, used, ended = Heard(), {}, False
        async for event in await raw.parse():
            if event.type == "message_start":
                used |= event.message.usage.model_dump(exclude_none=True)
            elif event.type == "content_block_start":
                assert event.index == len(blocks)
                blocks.append(event.content_block.model_dump(exclude_none=True))
            elif event.type == "content_block_delta":
                block, delta = blocks[event.index], event.delta
                if delta.type == "text_delta":
                    block["text"] += delta.text
                    pieces.append(delta.text)
                elif delta.type == "thinking_delta":
                    block["thinking"] += delta.thinking
                elif delta.type == "signature_delta":
                    block["signature"] = delta.signature
                elif delta.type == "input_json_delta":
                    arguments[event.index] = arguments.get(event.index, "") + delta.partial_json
            elif event.type == "content_block_stop" and event.index in arguments:
                blocks[event.index]["input"] = json.loads(arguments[event.index] or "{}")
            elif event.type == "message_delta":
                heard.stop = event.delta.stop_reason
                used |= event.usage.model_dump(exclude_none=True)
            elif event.type == "message_stop":
                ended = True
        assert ended, "the stream ended without message_stop"
        heard.pieces, heard.native, heard.headers = pieces, {"role": "assistant", "content": blocks}, raw.headers
        heard.calls = [Call(one["id"], one["name"], one["input"]) for one in blocks if one["type"] == "tool_use"]
        heard.thoughts = "".join(one["thinking"] for one in blocks if one["type"] == "thinking")
        heard.usage = _counts(used)
        return heard


def _body(wish: Wish) -> dict[str, Any]:
    body: dict[str, Any] = {"model": wish.model, "max_tokens": wish.max_tokens or 8000}
    body["messages"] = [_said(turn) for turn in wish.turns]
    if wish.system:
        body["system"] = wish.system
    if wish.stop:
        body["stop_sequences"] = list(wish.stop)
    # The SDK types them no longer; the wire knows them for models that take them.
    extra = {name: getattr(wish, name) for name in ("temperature", "top_p") if getattr(wish, name) is not None}
    if extra:
        body["extra_body"] = extra
    if wish.tools:
        body["tools"] = [{"name": tool.name, "input_schema": tool.schema} for tool in wish.tools]
    if wish.choice:
        plain = {"auto": "auto", "none": "none", "required": "any"}.get(wish.choice)
        body["tool_choice"] = {"type": plain} if plain else {"type": "tool", "name": wish.choice}
    if wish.schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": wish.schema}}
    if wish.thinking:
        body["thinking"] = {"type": "enabled", "budget_tokens": 2000}
    return {**body, **wish.raw}


def _said(turn: Any) -> Any:
    if isinstance(turn, User):
        parts: list[Any] = []
        for picture in turn.pictures:
            by_data = {"type": "base64", "media_type": "image/png", "data": picture.data}
            parts.append({"type": "image", "source": {"type": "url", "url": picture.url} if picture.url else by_data})
        return {"role": "user", "content": [*parts, {"type": "text", "text": turn.text}] if parts else turn.text}
    if isinstance(turn, Results):
        return {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": one.call.id, "content": one.content}
                | ({"is_error": True} if one.error else {})
                for one in turn.results
            ],
        }
    return turn.native


def _whole(answer: Any) -> Heard:
    heard = Heard(stop=answer.stop_reason)
    heard.native = {"role": "assistant", "content": [one.model_dump(exclude_none=True) for one in answer.content]}
    for block in answer.content:
        if block.type == "text":
            heard.pieces.append(block.text)
        elif block.type == "thinking":
            heard.thoughts += block.thinking
        elif block.type == "tool_use":
            heard.calls.append(Call(block.id, block.name, block.input))
    heard.usage = _counts(answer.usage.model_dump(exclude_none=True))
    return heard


def _counts(used: dict[str, Any]) -> Counts:
    return Counts(used["input_tokens"], used["output_tokens"], used.get("cache_read_input_tokens", 0))
