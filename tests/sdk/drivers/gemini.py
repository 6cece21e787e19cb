"""Google's SDK."""

import base64
from typing import Any, ClassVar

from google import genai
from google.genai import errors as raised
from google.genai import types

from sdk.wishes import Call, Counts, Heard, Results, User, Wish

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


class GeminiDriver:
    name = "google-genai"
    stops: ClassVar = {"end": "STOP", "length": "MAX_TOKENS", "sequence": "STOP", "tools": "STOP"}
    errors: ClassVar = {
        400: raised.ClientError,
        401: raised.ClientError,
        404: raised.ClientError,
        429: raised.ClientError,
        500: raised.ServerError,
    }
    broken = raised.APIError
    lacks: frozenset[str] = frozenset()

    def __init__(self, url: str) -> None:
        options = types.HttpOptions(base_url=url, retry_options=types.HttpRetryOptions(attempts=1))
        self._sdk = genai.Client(api_key="none", http_options=options)

    async def close(self) -> None:
        await self._sdk.aio.aclose()
        self._sdk.close()

    async def ask(self, wish: Wish, *, stream: bool = False) -> Heard:
        asked = {"model": wish.model, "contents": [_said(turn) for turn in wish.turns], "config": _config(wish)}
        models = self._sdk.aio.models
        heard = Heard()
        parts: list[Any] = []
        if stream:
            async for piece in await models.generate_content_stream(**asked):
                _take(heard, piece, parts)
        else:
            _take(heard, await models.generate_content(**asked), parts)
        heard.native = types.Content(role="model", parts=parts)
        return heard


def _config(wish: Wish) -> types.GenerateContentConfig:
    config: dict[str, Any] = {
        "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
        "system_instruction": wish.system or None,
        "max_output_tokens": wish.max_tokens,
        "stop_sequences": list(wish.stop) or None,
        "temperature": wish.temperature,
        "top_p": wish.top_p,
    }
    if wish.tools:
        declared = [
            types.FunctionDeclaration(name=tool.name, parameters_json_schema=dict(tool.schema)) for tool in wish.tools
        ]
        config["tools"] = [types.Tool(function_declarations=declared)]
    if wish.choice:
        mode = _MODES.get(wish.choice)
        names = None if mode else [wish.choice]
        calling = types.FunctionCallingConfig(mode=mode or "ANY", allowed_function_names=names)
        config["tool_config"] = types.ToolConfig(function_calling_config=calling)
    if wish.schema is not None:
        config |= {"response_mime_type": "application/json", "response_json_schema": dict(wish.schema)}
    if wish.thinking:
        config["thinking_config"] = types.ThinkingConfig(include_thoughts=True, thinking_budget=2000)
    return types.GenerateContentConfig(**(config | dict(wish.raw)))


def _said(turn: Any) -> types.Content:
    if isinstance(turn, User):
        parts = [
            types.Part.from_uri(file_uri=picture.url, mime_type="image/png")
            if picture.url
            else types.Part.from_bytes(data=base64.b64decode(picture.data), mime_type="image/png")
            for picture in turn.pictures
        ]
        return types.Content(role="user", parts=[*parts, types.Part(text=turn.text)])
    if isinstance(turn, Results):
        given = [
            types.FunctionResponse(
                id=one.call.id or None,
                name=one.call.name,
                response={"error": one.content} if one.error else {"output": one.content},
            )
            for one in turn.results
        ]
        return types.Content(role="user", parts=[types.Part(function_response=one) for one in given])
    return turn.native


def _take(heard: Heard, answer: Any, parts: list[Any]) -> None:
    if answer.sdk_http_response is not None and answer.sdk_http_response.headers:
        heard.headers = {name.lower(): value for name, value in answer.sdk_http_response.headers.items()}
    usage = answer.usage_metadata
    if usage is not None and usage.prompt_token_count is not None:
        output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        heard.usage = Counts(usage.prompt_token_count, output, usage.cached_content_token_count or 0)
    for candidate in answer.candidates or ():
        if candidate.finish_reason is not None:
            heard.stop = candidate.finish_reason.value
        for part in (candidate.content.parts if candidate.content else None) or ():
            parts.append(part)
            if part.function_call is not None:
                call = part.function_call
                heard.calls.append(Call(call.id or "", call.name, call.args or {}))
            elif part.thought:
                heard.thoughts += part.text or ""
            elif part.text:
                heard.pieces.append(part.text)
