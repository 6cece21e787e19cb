"""Chat Completions answered by a provider of another format: the SDK notices nothing but what headers tell."""

import time
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from support.service import HELLO, Serving, contents, serving

MODEL = "claude/claude-sonnet-4-5"
PROVIDERS: Any = {
    "oai": {"adapter": "openai", "base_url": "{sim}/oai/v1", "key": "sk-oai-0001", "models": ["gpt-4o"]},
    "claude": {
        "adapter": "anthropic", "base_url": "{sim}/claude", "key": "sk-ant-0002", "models": ["claude-sonnet-4-5"],
    },
}  # fmt: skip


@pytest.fixture
async def two() -> AsyncIterator[Serving]:
    async with serving(providers=PROVIDERS) as served:
        yield served


@pytest.mark.parametrize("stream", [False, True])
async def test_what_translating_loses_is_told_and_what_passes_through_loses_nothing(two: Serving, stream: bool) -> None:
    told = (await two.chat(MODEL, stream=stream, seed=7)).headers["x-segue-warnings"]
    assert "seed left out for claude/claude-sonnet-4-5" in told
    assert "x-segue-warnings" not in (await two.chat(MODEL, stream=stream)).headers
    assert "x-segue-warnings" not in (await two.chat("oai/gpt-4o", stream=stream, seed=7)).headers


async def test_a_translated_answer_has_a_date(two: Serving) -> None:
    before = int(time.time())
    async with two.sdk() as sdk:
        plain = await sdk.chat.completions.create(model=MODEL, messages=HELLO)
        stream = await sdk.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        streamed = {piece.created async for piece in stream}
    for created in (plain.created, *streamed):
        assert before <= created <= time.time()


@pytest.mark.parametrize("model", [MODEL, "oai/gpt-4o"])
async def test_a_stream_that_breaks_makes_the_sdk_raise(two: Serving, model: str) -> None:
    two.sim.fault(model.partition("/")[0], "cut", after=3)
    said: list[str] = []
    async with two.sdk() as sdk:
        raw = await sdk.chat.completions.with_raw_response.create(model=model, messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="the answer broke off") as caught:
            await contents(raw.parse(), said)
    assert said
    assert caught.value.code == "stream_cut"


async def test_an_error_of_another_vendor_has_openais_shape(two: Serving) -> None:
    two.sim.fault("claude", "status", code=429)
    async with two.sdk() as sdk:
        with pytest.raises(openai.RateLimitError) as caught:
            await sdk.chat.completions.create(model=MODEL, messages=HELLO)
    assert caught.value.body["message"]
    two.sim.faults.clear("claude")
    answer = await two.ask("POST", "/v1/chat/completions", json={"messages": HELLO})
    assert (answer.status, answer.error["type"], answer.error["param"]) == (400, "invalid_request_error", "model")
    assert answer.json["segue"]["code"] == "invalid_request"
