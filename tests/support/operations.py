"""Providers of all operations of language models, and the SDKs that ask for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import httpx2
from google import genai
from google.genai import types

from support.service import Serving

SMALL = "text-embedding-3-small"
GOOGLE = "gemini-embedding-001"
CLAUDE = "claude-sonnet-4-5"
RANKER = "ranker"
OPENAI_MODELS = [
    *("gpt-4o", "gpt-3.5-turbo-instruct", SMALL, "omni-moderation-latest", "gpt-image-1"),
    *("gpt-4o-transcribe", "whisper-1", "tts-1"),
]
PROVIDERS = {
    "o": {
        "adapter": "openai", "base_url": "{sim}/o/v1", "key": "sk-secret-of-primary-0001", "models": OPENAI_MODELS,
    },
    "g": {
        "adapter": "gemini", "base_url": "{sim}/gemini", "key": "g-secret-000001",
        "models": ["gemini-2.5-flash", GOOGLE],
    },
    "a": {"adapter": "anthropic", "base_url": "{sim}/a", "key": "sk-ant-secret-0003", "models": [CLAUDE]},
    "t": {"adapter": "together", "base_url": "{sim}/together/v1", "key": "t-secret-000004", "models": [RANKER]},
}  # fmt: skip
MODELS = {
    "vectors": [f"o/{SMALL}", f"g/{GOOGLE}"],
    "counted": ["o/gpt-4o", f"a/{CLAUDE}"],
}
PNG = b"\x89PNG\r\n\x1a\n--not-the-boundary\r\n\r\n" + bytes(range(256))
WAVE = b"RIFF" + bytes(range(256)) * 4
DOCUMENTS = ["the sea is deep", "a cat sleeps", "the cat sees the sea"]


@asynccontextmanager
async def google(served: Serving) -> AsyncIterator[Any]:
    """The models of Google's SDK, without retries of its own."""
    async with httpx2.AsyncClient() as client:
        options = types.HttpOptions(
            base_url=served.url, httpx_async_client=client, retry_options=types.HttpRetryOptions(attempts=1)
        )
        yield genai.Client(api_key="not-needed", http_options=options).aio.models


def claude(served: Serving) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=served.url, api_key="not-needed", max_retries=0)
