"""OpenAI's SDK, Chat Completions."""

import json
from typing import Any, ClassVar

import openai

from sdk.wishes import Call, Counts, Heard, Results, User, Wish

ERRORS = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
}


class ChatDriver:
    name = "openai-chat"
    stops: ClassVar = {"end": "stop", "length": "length", "sequence": "stop", "tools": "tool_calls"}
    errors = ERRORS
    broken = openai.APIError
    lacks = frozenset({"error of a tool"})

    def __init__(self, url: str) -> None:
        self._sdk = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)

    async def close(self) -> None:
        await self._sdk.close()

    async def ask(self, wish: Wish, *, stream: bool = False) -> Heard:
        body = self._body(wish)
        if stream:
            body |= {"stream": True} | ({"stream_options": {"include_usage": True}} if wish.count else {})
        raw = await self._sdk.chat.completions.with_raw_response.create(**body)
        heard = await streamed(raw.parse()) if stream else whole(raw.parse())
        heard.headers = raw.headers
        return heard

    def _body(self, wish: Wish) -> dict[str, Any]:
        messages: list[Any] = [{"role": "system", "content": wish.system}] if wish.system else []
        for turn in wish.turns:
            messages += said(turn)
        body: dict[str, Any] = {"model": wish.model, "messages": messages, **wish.raw}
        if wish.max_tokens is not None:
            body["max_completion_tokens"] = wish.max_tokens
        if wish.stop:
            body["stop"] = list(wish.stop)
        for name in ("temperature", "top_p"):
            if getattr(wish, name) is not None:
                body[name] = getattr(wish, name)
        if wish.tools:
            body["tools"] = [
                {"type": "function", "function": {"name": tool.name, "parameters": tool.schema}} for tool in wish.tools
            ]
        if wish.choice:
            plain = wish.choice in {"auto", "none", "required"}
            body["tool_choice"] = wish.choice if plain else {"type": "function", "function": {"name": wish.choice}}
        if wish.schema is not None:
            body["response_format"] = {
                "type": "json_schema", "json_schema": {"name": "answer", "schema": wish.schema, "strict": True},
            }  # fmt: skip
        if wish.thinking:
            body["reasoning_effort"] = "low"
        return body


def said(turn: Any) -> list[Any]:
    """A turn as messages."""
    if isinstance(turn, User):
        parts: list[Any] = [{"type": "text", "text": turn.text}]
        for picture in turn.pictures:
            url = picture.url or f"data:image/png;base64,{picture.data}"
            parts.append({"type": "image_url", "image_url": {"url": url}})
        return [{"role": "user", "content": parts if turn.pictures else turn.text}]
    if isinstance(turn, Results):
        return [{"role": "tool", "tool_call_id": one.call.id, "content": one.content} for one in turn.results]
    return [turn.native]


def whole(answer: Any) -> Heard:
    choice = answer.choices[0]
    message = choice.message
    heard = Heard(stop=choice.finish_reason, native=message.model_dump(exclude_none=True))
    heard.pieces = [message.content] if message.content else []
    heard.calls = [
        Call(one.id, one.function.name, json.loads(one.function.arguments)) for one in message.tool_calls or ()
    ]
    heard.thoughts = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None) or ""
    heard.usage = counts(answer.usage)
    return heard


async def streamed(stream: Any) -> Heard:
    heard = Heard()
    calls: dict[int, dict[str, str]] = {}
    async for chunk in stream:
        heard.usage = counts(chunk.usage) or heard.usage
        for choice in chunk.choices:
            delta = choice.delta
            if delta.content:
                heard.pieces.append(delta.content)
            thought = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None)
            heard.thoughts += thought or ""
            for one in delta.tool_calls or ():
                known = calls.setdefault(one.index, {"id": "", "name": "", "arguments": ""})
                known["id"] = known["id"] or one.id or ""
                known["name"] += one.function.name or ""
                known["arguments"] += one.function.arguments or ""
            heard.stop = choice.finish_reason or heard.stop
    heard.calls = [Call(one["id"], one["name"], json.loads(one["arguments"])) for one in calls.values()]
    made = [
        {"id": one["id"], "type": "function", "function": {"name": one["name"], "arguments": one["arguments"]}}
        for one in calls.values()
    ]
    heard.native = {"role": "assistant", "content": heard.text or None} | ({"tool_calls": made} if made else {})
    return heard


def counts(usage: Any) -> Counts | None:
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    return Counts(usage.prompt_tokens, usage.completion_tokens, (details.cached_tokens or 0) if details else 0)
