"""Bedrock's clients, and what tests of several files ask by them."""

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from anthropic import AsyncAnthropicBedrock

from sdk.columns import BY_NAME

HELLO: Final[Any] = [{"role": "user", "content": "hello in 12 words"}]
TURNS: Final[Any] = [{"role": "user", "content": [{"text": "hello in 12 words"}]}]
VERSION: Final = "bedrock-2023-05-31"
BODY: Final = {"anthropic_version": VERSION, "max_tokens": 50, "messages": HELLO}
ALL: Final = ("anthropic", "vertex", "bedrock", "chat", "responses", "gemini", "groq", "yandex")


def model_of(column: str) -> str:
    return BY_NAME[column].model_of("text")


def anthropics(url: str, key: str = "not-needed", **options: Any) -> AsyncAnthropicBedrock:
    options = {"api_key": key, "max_retries": 0, "aws_region": "us-east-1"} | options
    return AsyncAnthropicBedrock(base_url=url, **options)


async def apart(work: Callable[[], Any]) -> Any:
    """What blocks, in a thread: the service runs in this one."""
    return await asyncio.to_thread(work)


def invoked(boto: Any, model: str, body: Any = BODY, **options: Any) -> Any:
    answer = boto.invoke_model(modelId=model, body=json.dumps(body), **options)
    return json.loads(answer["body"].read()), answer["ResponseMetadata"]["HTTPHeaders"]


def streamed(boto: Any, model: str, body: Any = BODY) -> list[Any]:
    answer = boto.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
    assert answer["contentType"] == "application/json"
    with closing(answer["body"]) as events:
        return [json.loads(event["chunk"]["bytes"]) for event in events]
