"""Segue before three providers, each of another format, under names that say nothing of them."""

from collections.abc import AsyncIterator

import pytest_asyncio

from sdk.columns import PROVIDERS
from support.service import Serving, serving

FORMATS = {
    "speaks-chat": "chat/gpt-4o",
    "speaks-responses": "responses/gpt-4o",
    "speaks-messages": "anthropic/claude-sonnet-4-5",
    "speaks-gemini": "gemini/gemini-2.5-flash",
}


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Serving]:
    providers = {name: PROVIDERS[name] for name in ("chat", "responses", "anthropic", "gemini")}
    models = {name: [target] for name, target in FORMATS.items()}
    async with serving(providers=providers, models={**models, "smart": ["gemini/gemini-2.5-flash"]}) as made:
        yield made
