"""LangChain's ChatOpenAI, as many applications reach OpenAI."""

from functools import reduce
from operator import add
from typing import Any, ClassVar

import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_openai import ChatOpenAI

from sdk.drivers.chat import ERRORS
from sdk.wishes import Call, Counts, Heard, Results, User, Wish


class LangChainDriver:
    name = "langchain-openai"
    stops: ClassVar = {"end": "stop", "length": "length", "sequence": "stop", "tools": "tool_calls"}
    errors = ERRORS
    broken = openai.APIError
    # It shows no thoughts of Chat Completions.
    lacks = frozenset({"error of a tool", "thoughts"})

    def __init__(self, url: str) -> None:
        self._url = f"{url}/v1"
        self._web = openai.DefaultAsyncHttpxClient()
        self._blocking = openai.DefaultHttpxClient()

    async def close(self) -> None:
        await self._web.aclose()
        self._blocking.close()

    async def ask(self, wish: Wish, *, stream: bool = False) -> Heard:
        model, messages = self._model(wish), []
        if wish.system:
            messages.append(SystemMessage(wish.system))
        for turn in wish.turns:
            messages += _said(turn)
        if not stream:
            return _heard(await model.ainvoke(messages), [])
        chunks = [chunk async for chunk in model.astream(messages)]
        return _heard(reduce(add, chunks), [chunk.text for chunk in chunks if chunk.text])

    def _model(self, wish: Wish) -> Any:
        settings: dict[str, Any] = {"max_tokens": wish.max_tokens, "temperature": wish.temperature, "top_p": wish.top_p}
        if wish.stop:
            settings["stop"] = list(wish.stop)
        if wish.thinking:
            settings["reasoning_effort"] = "low"
        if wish.raw:
            settings["model_kwargs"] = dict(wish.raw)
        model: Any = ChatOpenAI(
            model=wish.model, base_url=self._url, api_key="none", max_retries=0, stream_usage=wish.count,
            include_response_headers=True, use_responses_api=False, http_async_client=self._web,
            http_client=self._blocking, **settings,
        )  # fmt: skip
        if wish.tools:
            declared = [
                {"type": "function", "function": {"name": tool.name, "parameters": tool.schema}} for tool in wish.tools
            ]
            model = model.bind_tools(declared, **({"tool_choice": wish.choice} if wish.choice else {}))
        if wish.schema is not None:
            named = {"name": "answer", "schema": wish.schema, "strict": True}
            model = model.bind(response_format={"type": "json_schema", "json_schema": named})
        return model


def _said(turn: Any) -> list[Any]:
    if isinstance(turn, User):
        parts: list[Any] = [{"type": "text", "text": turn.text}]
        for picture in turn.pictures:
            url = picture.url or f"data:image/png;base64,{picture.data}"
            parts.append({"type": "image_url", "image_url": {"url": url}})
        return [HumanMessage(parts if turn.pictures else turn.text)]
    if isinstance(turn, Results):
        return [ToolMessage(one.content, tool_call_id=one.call.id) for one in turn.results]
    return [turn.native]


def _heard(message: AIMessage, pieces: list[str]) -> Heard:
    heard = Heard(pieces=pieces or ([message.text] if message.text else []), native=message)
    heard.calls = [Call(one["id"] or "", one["name"], one["args"]) for one in message.tool_calls]
    told = message.response_metadata
    heard.stop, heard.headers = told.get("finish_reason", ""), told.get("headers", {})
    usage = message.usage_metadata
    if usage is not None:
        cached = usage.get("input_token_details", {}).get("cache_read", 0)
        heard.usage = Counts(usage["input_tokens"], usage["output_tokens"], cached or 0)
    return heard
