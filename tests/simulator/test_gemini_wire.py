"""The Gemini API as the official SDK sees it."""

import json
from collections.abc import AsyncIterator

import pytest
from google import genai
from google.genai import errors, types

from segue.simulator import Simulator

# The SDK subclasses aiohttp's session, which aiohttp discourages.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
MODEL = "gemini-2.5-flash"
NEWEST = "gemini-3-pro-preview"
WEATHER = types.FunctionDeclaration(
    name="get_weather",
    parameters=types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"]),
)
TOOLS = [types.Tool(function_declarations=[WEATHER])]


def sdk(sim: Simulator, account: str = "google", key: str = "a-key") -> genai.Client:
    options = types.HttpOptions(base_url=f"{sim.url}/{account}", retry_options=types.HttpRetryOptions(attempts=1))
    return genai.Client(api_key=key, vertexai=False, http_options=options)


@pytest.fixture
async def gemini(sim: Simulator) -> AsyncIterator[genai.client.AsyncClient]:
    """The official SDK, speaking to the account `google`."""
    client = sdk(sim)
    try:
        yield client.aio
    finally:
        await client.aio.aclose()
        client.close()


async def generate(gemini, contents="hello", model=MODEL, **config):
    config.setdefault("automatic_function_calling", {"disable": True})
    return await gemini.models.generate_content(
        model=model, contents=contents, config=types.GenerateContentConfig(**config)
    )


async def chunks(gemini, contents="hello", model=MODEL, **config):
    config.setdefault("automatic_function_calling", {"disable": True})
    stream = await gemini.models.generate_content_stream(
        model=model, contents=contents, config=types.GenerateContentConfig(**config)
    )
    return [chunk async for chunk in stream]


async def test_a_question_is_answered(gemini):
    """The question and the system instruction come back, with usage that adds up."""
    answer = await generate(gemini, "is it raining", system_instruction="be brief")
    assert "is it raining" in answer.text
    assert "system: be brief" in answer.text
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert usage.thoughts_token_count > 0
    parts = (usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count)
    assert usage.total_token_count == sum(parts)
    assert answer.model_version == MODEL


async def test_a_stream_says_the_same(gemini):
    """The chunks joined are the whole answer; the last one carries the reason for the end."""
    whole = await generate(gemini, "say it in 5 words")
    streamed = await chunks(gemini, "say it in 5 words")
    assert "".join(chunk.text or "" for chunk in streamed) == whole.text
    assert len(streamed) == 6
    assert [bool(chunk.candidates[0].finish_reason) for chunk in streamed] == [False] * 5 + [True]
    assert streamed[-1].usage_metadata.total_token_count == whole.usage_metadata.total_token_count


async def test_without_events_a_stream_is_an_array(sim, web):
    """The elements of one JSON array; an error is an element of it, too."""
    path, key = f"/google/v1beta/models/{MODEL}:streamGenerateContent", {"key": "a-key"}
    body = {"contents": [{"parts": [{"text": "in 3 words"}]}]}
    async with web.post(path, params=key, json=body) as answer:
        assert answer.content_type == "application/json"
        assert len(json.loads(await answer.text())) == 4
    sim.fault("google", "error_event", error="UNAVAILABLE", after=1, times=1)
    async with web.post(path, params=key, json=body) as answer:
        elements = json.loads(await answer.text())
        assert elements[-1]["error"]["status"] == "UNAVAILABLE"
        assert len(elements) == 2
    async with web.post(path, params=key, json={}) as answer:
        assert answer.status == 400
        assert (await answer.json())[0]["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("model", [MODEL, NEWEST])
async def test_a_function_is_called_and_its_result_is_understood(gemini, model):
    """The arguments fit the declaration; the answer quotes the response."""
    called = await generate(gemini, "use the tool", model=model, tools=TOOLS)
    call = called.function_calls[0]
    assert (call.name, call.args) == ("get_weather", {"city": "text"})
    history = [
        types.Content(role="user", parts=[types.Part(text="use the tool")]),
        called.candidates[0].content,
        types.Content(
            role="user",
            parts=[
                types.Part(function_response=types.FunctionResponse(name=call.name, id=call.id, response={"t": "18"}))
            ],
        ),
    ]
    answered = await generate(gemini, history, model=model, tools=TOOLS)
    assert 'tool results: {"t":"18"}' in answered.text


async def test_the_newest_models_want_their_signature_back(gemini):
    """A call of the current turn without its signature is refused, and so is one with a foreign signature."""
    called = await generate(gemini, "use the tool", model=NEWEST, tools=TOOLS)
    content = called.candidates[0].content
    part = content.parts[-1]
    assert part.thought_signature
    assert part.function_call.id
    response = types.FunctionResponse(name="get_weather", id=part.function_call.id, response={"t": 1})
    after = types.Content(role="user", parts=[types.Part(function_response=response)])
    history = [types.Content(role="user", parts=[types.Part(text="use the tool")]), content, after]
    part.thought_signature = b"foreign"
    with pytest.raises(errors.ClientError, match="Corrupted thought signature"):
        await generate(gemini, history, model=NEWEST, tools=TOOLS)
    part.thought_signature = None
    with pytest.raises(errors.ClientError, match="is missing a thought_signature in functionCall parts"):
        await generate(gemini, history, model=NEWEST, tools=TOOLS)
    assert await generate(gemini, history, model=MODEL, tools=TOOLS)
    done = types.Content(role="model", parts=[types.Part(text="done")])
    again = types.Content(role="user", parts=[types.Part(text="thanks")])
    assert await generate(gemini, [*history, done, again], model=NEWEST, tools=TOOLS)


async def test_only_the_first_of_parallel_calls_is_signed(gemini):
    """As the vendor documents it."""
    tools = [types.Tool(function_declarations=[WEATHER, types.FunctionDeclaration(name="get_time")])]
    called = await generate(gemini, "use the tool in parallel", model=NEWEST, tools=tools)
    assert [bool(part.thought_signature) for part in called.candidates[0].content.parts] == [True, False]


async def test_thoughts_are_shown_when_they_are_asked_for(gemini):
    """Parts that are thoughts come first."""
    answer = await generate(gemini, thinking_config=types.ThinkingConfig(include_thoughts=True))
    assert [bool(part.thought) for part in answer.candidates[0].content.parts] == [True, False]
    off = await generate(gemini, thinking_config=types.ThinkingConfig(thinking_budget=0))
    assert off.usage_metadata.thoughts_token_count is None


async def test_structured_output_fits_its_schema(gemini):
    """By Google's schema and by JSON schema."""
    google = types.Schema(type="OBJECT", properties={"city": types.Schema(type="STRING")}, required=["city"])
    answer = await generate(gemini, "Oslo", response_mime_type="application/json", response_schema=google)
    assert json.loads(answer.text) == {"city": "Oslo"}
    plain = {"type": "object", "properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    answer = await generate(gemini, "Oslo", response_mime_type="application/json", response_json_schema=plain)
    assert json.loads(answer.text) == {"n": 1}


async def test_the_reasons_for_an_end(gemini):
    """Length, safety, and a prompt that is blocked without any candidate."""
    short = await generate(gemini, max_output_tokens=2, thinking_config=types.ThinkingConfig(thinking_budget=0))
    assert short.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    refused = await generate(gemini, "please refuse")
    assert refused.candidates[0].finish_reason == types.FinishReason.SAFETY
    assert refused.text is None
    blocked = await generate(gemini, "please block this")
    assert blocked.candidates is None
    assert blocked.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    stopped = await generate(gemini, "one STOP two", stop_sequences=["STOP"])
    assert "STOP" not in stopped.text


async def test_candidates_images_and_grounding(gemini):
    """Several candidates, attached files, and what a search found."""
    several = await generate(gemini, candidate_count=2)
    assert [candidate.index for candidate in several.candidates] == [0, 1]
    image = types.Part.from_bytes(data=b"12345", mime_type="image/png")
    seen = await generate(gemini, ["look", image])
    assert "images: 1 (image/png, 5 bytes)" in seen.text
    found = await generate(gemini, "barley", tools=[types.Tool(google_search=types.GoogleSearch())])
    grounding = found.candidates[0].grounding_metadata
    assert grounding.grounding_chunks[0].web.uri.startswith("https://")
    assert grounding.grounding_supports[0].segment.text == found.text
    assert found.usage_metadata.tool_use_prompt_token_count > 0


async def test_tokens_are_counted_and_texts_embedded(gemini):
    """`countTokens` agrees with usage; the same text has the same vector."""
    counted = await gemini.models.count_tokens(model=MODEL, contents="how many tokens")
    answer = await generate(gemini, "how many tokens")
    assert counted.total_tokens == answer.usage_metadata.prompt_token_count
    found = await gemini.models.embed_content(
        model="gemini-embedding-001",
        contents=["one", "two", "one"],
        config=types.EmbedContentConfig(output_dimensionality=8),
    )
    vectors = [embedding.values for embedding in found.embeddings]
    assert len(vectors[0]) == 8
    assert vectors[0] == vectors[2] != vectors[1]


async def test_contents_are_kept_and_referred_to(gemini):
    """An explicit cache counts as cached tokens; an unknown one is refused."""
    kept = await gemini.caches.create(
        model=MODEL, config=types.CreateCachedContentConfig(contents="barley " * 2000, ttl="60s")
    )
    answer = await generate(gemini, cached_content=kept.name)
    assert answer.usage_metadata.cached_content_token_count == kept.usage_metadata.total_token_count
    await gemini.caches.delete(name=kept.name)
    with pytest.raises(errors.ClientError, match="CachedContent not found"):
        await generate(gemini, cached_content=kept.name)


async def test_a_long_prefix_is_read_from_the_cache_when_it_comes_again(gemini):
    """Implicit caching needs no request for it."""
    await generate(gemini, "barley " * 3000)
    again = await generate(gemini, "barley " * 3000)
    assert again.usage_metadata.cached_content_token_count > 2000


async def test_models_are_listed_and_found(gemini):
    """Each with its limits and methods."""
    listed = [model async for model in await gemini.models.list()]
    assert f"models/{MODEL}" in {model.name for model in listed}
    one = await gemini.models.get(model=MODEL)
    assert (one.input_token_limit, one.thinking) == (1_048_576, True)
    with pytest.raises(errors.ClientError, match="is not found for API version v1,"):
        await generate(gemini, model="missing-model")


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"code": 503}, 503, "UNAVAILABLE"),
        ({"error": "RESOURCE_EXHAUSTED"}, 429, "RESOURCE_EXHAUSTED"),
        ({"error": "FAILED_PRECONDITION"}, 400, "FAILED_PRECONDITION"),
        ({"code": 504}, 504, "DEADLINE_EXCEEDED"),
        ({"code": 500}, 500, "INTERNAL"),
        ({"error": "insufficient_quota"}, 429, "RESOURCE_EXHAUSTED"),
    ],
)
async def test_errors_have_their_documented_words(sim, gemini, fault, code, status):
    """By code and by status word."""
    sim.fault("google", "status", **fault)
    with pytest.raises(errors.APIError) as caught:
        await generate(gemini)
    assert (caught.value.code, caught.value.status) == (code, status)


async def test_a_quota_says_which_it_is_and_when_to_come_back(sim, gemini):
    """The details QuotaFailure and RetryInfo."""
    sim.fault("google", "status", code=429)
    with pytest.raises(errors.ClientError) as caught:
        await generate(gemini)
    details = {one["@type"].rpartition(".")[2]: one for one in caught.value.details["error"]["details"]}
    assert details["RetryInfo"]["retryDelay"] == "1s"
    assert details["QuotaFailure"]["violations"][0]["quotaDimensions"]["model"] == MODEL


async def test_a_wrong_key_is_an_invalid_argument(sim):
    """Status 400 with the reason API_KEY_INVALID."""
    with pytest.raises(errors.ClientError) as caught:
        await generate(sdk(sim, key="an-invalid-key").aio)
    assert (caught.value.code, caught.value.details["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")


async def test_faults_match_the_model_in_the_path(sim, gemini):
    """The model and the stream are told by the path."""
    sim.fault("google", "status", code=503, match={"model": MODEL, "stream": True})
    assert await generate(gemini)
    with pytest.raises(errors.ServerError):
        await chunks(gemini)
    with pytest.raises(errors.ClientError):
        await generate(gemini, model="sim-quota")
