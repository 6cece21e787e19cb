"""What the README and the guides of Google's SDK show beyond the matrix, before providers of every format."""

import enum
import io
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from sdk.columns import BY_NAME
from support.service import Serving

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

FORMATS: Final = ("chat", "responses", "anthropic", "gemini", "bedrock", "ollama-native")
BY_SCHEMA: Final = ("chat", "responses", "anthropic", "gemini", "bedrock", "azure", "ollama-native")


class City(BaseModel):
    """An answer with a field that may be left out."""

    name: str
    population: int
    tags: list[str] = []


class Mood(enum.Enum):
    """An answer of one word."""

    GOOD = "good"
    BAD = "bad"


def weather(place: str) -> str:
    """Tell the weather of a place."""
    return f"sunny in {place}"


def _client(url: str, **options: Any) -> genai.Client:
    retries = types.HttpRetryOptions(attempts=1)
    return genai.Client(http_options=types.HttpOptions(base_url=url, retry_options=retries), **options)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def google(everyone: Serving) -> AsyncIterator[genai.Client]:
    client = _client(everyone.url, api_key="none")
    yield client
    await client.aio.aclose()
    client.close()


def _model(column: str) -> str:
    return BY_NAME[column].model_of("text")


@pytest.mark.parametrize("column", FORMATS)
async def test_functions_of_python_are_called_by_the_sdk_itself(google: genai.Client, column: str) -> None:
    config = types.GenerateContentConfig(tools=[weather])
    answer = await google.aio.models.generate_content(
        model=_model(column), contents="use the tool weather", config=config
    )
    assert "sunny in text" in answer.text


@pytest.mark.parametrize("column", FORMATS)
async def test_functions_are_called_by_the_sdk_in_streams_too(google: genai.Client, column: str) -> None:
    """It sends every chunk of the stream back as a content of its own, the empty last one included."""
    config = types.GenerateContentConfig(tools=[weather])
    stream = await google.aio.models.generate_content_stream(
        model=_model(column), contents="use the tool weather", config=config
    )
    assert "sunny in text" in "".join([piece.text or "" async for piece in stream])


@pytest.mark.parametrize("role", ["user", "tool", "function"])
@pytest.mark.parametrize("column", FORMATS)
async def test_a_result_may_have_the_role_of_the_readme(google: genai.Client, column: str, role: str) -> None:
    call = types.Part.from_function_call(name="weather", args={"place": "x"})
    result = types.Part.from_function_response(name="weather", response={"result": "sunny"})
    contents = [
        types.Content(role="user", parts=[types.Part(text="use the tool weather")]),
        types.Content(role="model", parts=[call]),
        types.Content(role=role, parts=[result]),
    ]
    disabled = types.AutomaticFunctionCallingConfig(disable=True)
    config = types.GenerateContentConfig(tools=[weather], automatic_function_calling=disabled)
    answer = await google.aio.models.generate_content(model=_model(column), contents=contents, config=config)
    assert "sunny" in answer.text


@pytest.mark.parametrize("schema", [City, list[City], Mood], ids=["object", "list", "enum"])
@pytest.mark.parametrize("column", BY_SCHEMA)
async def test_an_answer_by_any_schema_is_parsed(google: genai.Client, column: str, schema: Any) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema)
    answer = await google.aio.models.generate_content(model=_model(column), contents="describe", config=config)
    expected = {City: City, Mood: Mood}.get(schema, list)
    assert isinstance(answer.parsed, expected)
    stream = await google.aio.models.generate_content_stream(model=_model(column), contents="describe", config=config)
    assert "".join([piece.text or "" async for piece in stream]) == answer.text


@pytest.mark.parametrize("column", BY_SCHEMA)
async def test_an_enumeration_as_plain_text_is_parsed(google: genai.Client, column: str) -> None:
    config = types.GenerateContentConfig(response_mime_type="text/x.enum", response_schema=Mood)
    answer = await google.aio.models.generate_content(model=_model(column), contents="describe", config=config)
    assert answer.parsed is Mood.GOOD


@pytest.mark.parametrize("column", ["chat", "responses", "anthropic", "gemini", "bedrock"])
async def test_dynamic_thinking_needs_no_limit_of_tokens(google: genai.Client, column: str) -> None:
    thinking = types.ThinkingConfig(thinking_budget=-1, include_thoughts=True)
    answer = await google.aio.models.generate_content(
        model=BY_NAME[column].model_of("thoughts"),
        contents="ponder in 5 words",
        config=types.GenerateContentConfig(thinking_config=thinking),
    )
    assert len(answer.text.split()) == 5


@pytest.mark.parametrize("column", ["chat", "anthropic", "bedrock"])
async def test_counts_of_nothing_are_left_out_as_google_leaves_them_out(google: genai.Client, column: str) -> None:
    usage = (await google.aio.models.generate_content(model=_model(column), contents="hi in 5 words")).usage_metadata
    assert usage is not None
    assert (usage.candidates_token_count, usage.cached_content_token_count, usage.thoughts_token_count) == (
        5,
        None,
        None,
    )


NOT_OFFERED: Final = {
    "files.upload": lambda aio: aio.files.upload(file=io.BytesIO(b"x"), config={"mime_type": "text/plain"}),
    "files.get": lambda aio: aio.files.get(name="files/abc"),
    "files.list": lambda aio: aio.files.list(),
    "files.delete": lambda aio: aio.files.delete(name="files/abc"),
    "caches.create": lambda aio: aio.caches.create(model="chat/gpt-4o", config={"contents": ["x"], "ttl": "60s"}),
    "caches.get": lambda aio: aio.caches.get(name="cachedContents/abc"),
    "caches.list": lambda aio: aio.caches.list(),
    "batches.list": lambda aio: aio.batches.list(),
    "file_search_stores.list": lambda aio: aio.file_search_stores.list(),
}


@pytest.mark.parametrize("method", NOT_OFFERED)
async def test_what_is_not_offered_says_so_in_googles_shape(google: genai.Client, method: str) -> None:
    with pytest.raises(errors.ServerError, match="does not offer") as refused:
        await NOT_OFFERED[method](google.aio)
    assert (refused.value.code, refused.value.status) == (501, "UNIMPLEMENTED")


async def test_an_unknown_path_is_not_found_whatever_the_method(everyone: Serving) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await everyone.ask(method, "/v1beta/nothing", json={})
        assert (answer.status, answer.error["status"]) == (404, "NOT_FOUND")


async def test_a_model_tells_its_limits(google: genai.Client) -> None:
    model = await google.aio.models.get(model=_model("bedrock"))
    assert (model.name, model.input_token_limit) == (f"models/{_model('bedrock')}", 200_000)
    assert model.output_token_limit == 64_000


async def test_every_model_that_is_listed_can_be_had(google: genai.Client) -> None:
    """OpenRouter's `deepseek/deepseek-r1` is hidden by the provider `deepseek`, and so not listed under that name."""
    names = [model.name async for model in await google.aio.models.list()]
    assert "models/openrouter/deepseek/deepseek-r1" in names
    for name in names:
        assert (await google.aio.models.get(model=name)).name == name


@pytest.mark.parametrize(
    "model", ["gemini-2.5-flash", "gemini/gemini-2.5-flash-lite", "anthropic/claude-sonnet-4-5", "gpt-4o"]
)
async def test_the_sdk_may_be_in_its_mode_for_vertex(everyone: Serving, model: str) -> None:
    """Its paths name a project, a location and a publisher, which takes the model's first segment."""
    client = _client(everyone.url, vertexai=True, api_key="none")
    try:
        answer = await client.aio.models.generate_content(model=model, contents="hello in 12 words")
        assert len(answer.text.split()) == 12
        stream = await client.aio.models.generate_content_stream(model=model, contents="hello in 12 words")
        assert "".join([piece.text or "" async for piece in stream]) == answer.text
        assert (await client.aio.models.count_tokens(model=model, contents="hello")).total_tokens > 0
        assert [one.name async for one in await client.aio.models.list()]
        with pytest.raises(errors.ServerError, match="does not offer"):
            await client.aio.models.compute_tokens(model=model, contents="hello")
    finally:
        await client.aio.aclose()
        client.close()


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_a_project_and_a_location_may_stand_before_the_publisher(everyone: Serving, version: str) -> None:
    path = f"/{version}/projects/p/locations/l/publishers/google/models/gpt-4o:generateContent"
    body = {"contents": [{"role": "user", "parts": [{"text": "hello in 12 words"}]}]}
    answer = await everyone.ask("POST", path, json=body)
    assert len(answer.json["candidates"][0]["content"]["parts"][0]["text"].split()) == 12
    missing = await everyone.ask("POST", path.replace("gpt-4o", "nobodys"), json=body)
    assert (missing.status, missing.error["status"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "column", ["chat", "anthropic", "gemini", "bedrock", "mistral", "deepseek", "groq", "ollama-native"]
)
async def test_a_file_of_plain_text_is_read_by_everybody(google: genai.Client, everyone: Serving, column: str) -> None:
    part = types.Part.from_bytes(data=b"the lighthouse", mime_type="text/plain")
    answer = await google.aio.models.generate_content(model=_model(column), contents=["what is this", part])
    assert "lighthouse" in answer.text or "1 (text/plain, 14 bytes)" in answer.text


@pytest.mark.parametrize("column", ["chat", "responses", "anthropic", "gemini", "bedrock", "yandex", "ollama-native"])
async def test_instructions_may_have_several_parts(google: genai.Client, column: str) -> None:
    config = types.GenerateContentConfig(system_instruction=["You are a lighthouse.", "Be brief."])
    answer = await google.aio.models.generate_content(model=_model(column), contents="who are you", config=config)
    assert "You are a lighthouse." in answer.text
    assert "Be brief." in answer.text
