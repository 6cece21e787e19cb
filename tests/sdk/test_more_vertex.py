"""Anthropic's SDK for Vertex AI, and its client for Azure's Foundry: Messages in other envelopes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import anthropic
import pytest
import pytest_asyncio
from anthropic import AnthropicFoundry
from anthropic.lib.vertex import AnthropicVertex, AsyncAnthropicVertex

from sdk.columns import BY_NAME
from support.service import CALM, Serving, serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELLO: Final[Any] = [{"role": "user", "content": "hello in 12 words"}]
TOOL: Final[Any] = {"name": "weather", "input_schema": {"type": "object", "properties": {"place": {"type": "string"}}}}
ALL: Final = ("anthropic", "vertex", "bedrock", "chat", "responses", "gemini", "groq", "yandex")
PUBLISHER: Final = "/v1/projects/p/locations/us-east5/publishers"
MODELS: Final = f"{PUBLISHER}/anthropic/models"


def model_of(column: str) -> str:
    return BY_NAME[column].model_of("text")


def vertex(url: str, key: str = "not-needed") -> AsyncAnthropicVertex:
    return AsyncAnthropicVertex(
        base_url=f"{url}/v1", access_token=key, project_id="p", region="us-east5", max_retries=0
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sdk(everyone: Serving) -> AsyncIterator[AsyncAnthropicVertex]:
    async with vertex(everyone.url) as made:
        yield made


@pytest.mark.parametrize("column", ALL)
async def test_messages_streams_and_tools_work_whoever_answers(sdk: AsyncAnthropicVertex, column: str) -> None:
    asked: dict[str, Any] = {"model": model_of(column), "max_tokens": 2000}
    answer = await sdk.messages.create(**asked, messages=HELLO)
    assert len(answer.content[-1].text.split()) == 12
    async with sdk.messages.stream(**asked, messages=HELLO) as stream:
        final = await stream.get_final_message()
    assert final.content[-1].text == answer.content[-1].text
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 12)
    question = {"role": "user", "content": "use the tool weather"}
    called = await sdk.messages.create(**asked, messages=[question], tools=[TOOL])
    result = {"type": "tool_result", "tool_use_id": called.content[-1].id, "content": "sunny"}
    turns: Any = [question, {"role": "assistant", "content": called.content}, {"role": "user", "content": [result]}]
    told = await sdk.messages.create(**asked, messages=turns, tools=[TOOL])
    assert "sunny" in told.content[-1].text


@pytest.mark.parametrize("column", ["anthropic", "vertex", "gemini", "bedrock", "chat"])
async def test_tokens_are_counted_or_estimated(sdk: AsyncAnthropicVertex, column: str) -> None:
    raw = await sdk.messages.with_raw_response.count_tokens(model=model_of(column), messages=HELLO)
    assert (await raw.parse()).input_tokens > 5
    assert (raw.headers.get("x-segue-warnings") == "estimated") == (column == "chat")


async def test_the_client_that_blocks_works_as_well(everyone: Serving) -> None:
    with AnthropicVertex(base_url=f"{everyone.url}/v1", access_token="k", project_id="p", region="global") as made:
        answer = await asyncio.to_thread(made.messages.create, model=model_of("chat"), max_tokens=50, messages=HELLO)
    assert len(answer.content[-1].text.split()) == 12


async def test_the_client_for_foundry_needs_nothing_but_its_address(everyone: Serving) -> None:
    with AnthropicFoundry(base_url=f"{everyone.url}/anthropic", api_key="k") as made:
        answer = await asyncio.to_thread(made.messages.create, model=model_of("gemini"), max_tokens=50, messages=HELLO)
    assert len(answer.content[-1].text.split()) == 12


async def test_the_envelope_is_taken_off_and_put_on_again(everyone: Serving, sdk: AsyncAnthropicVertex) -> None:
    betas = ["context-1m-2025-08-07"]
    claude = "vertex/claude-sonnet-4-5@20250929"
    await sdk.beta.messages.create(model=model_of("anthropic"), max_tokens=50, messages=HELLO, betas=betas)
    seen = everyone.sim.seen("anthropic")[-1]
    assert "anthropic_version" not in seen.body
    assert seen.body["model"] == "claude-sonnet-4-5"
    assert seen.headers["anthropic-beta"] == betas[0]
    async with sdk.messages.stream(model=claude, max_tokens=50, messages=HELLO) as stream:
        assert (await stream.get_final_message()).content
    sent = everyone.sim.seen("vertex")[-1].body
    assert (sent["anthropic_version"], sent["stream"]) == ("vertex-2023-10-16", True)
    assert "model" not in sent


async def test_a_stream_that_is_cut_raises(everyone: Serving, sdk: AsyncAnthropicVertex) -> None:
    everyone.sim.fault("chat", "cut", after=3)
    with pytest.raises(anthropic.APIStatusError, match="broke off"):
        async with sdk.messages.stream(model=model_of("chat"), max_tokens=50, messages=HELLO) as stream:
            await stream.until_done()


@pytest.mark.parametrize(
    ("code", "raised", "word"),
    [
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (503, anthropic.APIStatusError, "overloaded_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
    ],
)
async def test_errors_are_anthropics(
    everyone: Serving, sdk: AsyncAnthropicVertex, code: int, raised: Any, word: str
) -> None:
    everyone.sim.fault("chat", "status", code=code)
    with pytest.raises(raised) as error:
        await sdk.messages.create(model=model_of("chat"), max_tokens=50, messages=HELLO)
    assert error.value.type == word
    assert error.value.request_id == error.value.response.headers["x-segue-call-id"]


async def test_an_access_token_is_a_key_of_segues() -> None:
    async with serving(providers={"chat": BY_NAME["chat"].settings}, policies=CALM) as served:
        key, _ = await served.service.running.key_store.create("one")
        await served.service.running.reload_keys()
        asked: dict[str, Any] = {"model": "chat/gpt-4o", "messages": HELLO}
        async with vertex(served.url, key) as sdk:
            assert (await sdk.messages.create(**asked, max_tokens=50)).content
            assert (await sdk.messages.count_tokens(**asked)).input_tokens
        async with vertex(served.url, "ya29.of-google") as sdk:
            with pytest.raises(anthropic.AuthenticationError) as raised:
                await sdk.messages.create(**asked, max_tokens=50)
            assert raised.value.type == "authentication_error"
            with pytest.raises(anthropic.AuthenticationError):
                await sdk.messages.count_tokens(**asked)
        assert len(served.sim.seen("chat")) == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "shape"),
    [
        (f"{MODELS}/chat%2Fgpt-4o:rawPredict", {"messages": HELLO, "max_tokens": 9}, 400, "anthropic"),
        (f"{MODELS}/count-tokens:rawPredict", {"anthropic_version": "v", "messages": HELLO}, 400, "anthropic"),
        (f"{MODELS}/nobody:streamRawPredict", {"anthropic_version": "v", "max_tokens": 9, "messages": HELLO}, 404,
         "anthropic"),
        (f"{PUBLISHER}/mistralai/models/m:rawPredict", {}, 501, "google"),
        (f"{MODELS}/x:predict", {}, 501, "google"),
    ],
    ids=["no version", "no model to count for", "unknown", "another maker", "another action"],
)  # fmt: skip
async def test_what_is_not_served_is_told_in_the_clients_words(
    everyone: Serving, path: str, body: Any, status: int, shape: str
) -> None:
    answer = await everyone.ask("POST", path, json=body)
    assert answer.status == status, answer.body
    assert answer.json.get("type") == ("error" if shape == "anthropic" else None)
    assert answer.json["error"]["message"]


async def test_a_path_without_a_project_means_the_same(everyone: Serving) -> None:
    body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 50, "messages": HELLO}
    for path in ("/v1/publishers", "/v1beta1/publishers", "/v1beta1/projects/p/locations/l/publishers"):
        answer = await everyone.ask("POST", f"{path}/anthropic/models/chat%2Fgpt-4o:rawPredict", json=body)
        assert answer.status == 200, path
