"""What OpenAI's SDK offers beyond the matrix: other clients of it, older words, and what only OpenAI has."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import openai
import pytest
import pytest_asyncio
from openai.types.chat import ChatCompletion

from sdk.columns import BY_NAME, PROVIDERS
from support.service import Serving, serving

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the SDK's methods for assistants
]

HELLO: Any = [{"role": "user", "content": "hello in 12 words"}]
TOOL: Any = [{"role": "user", "content": "use the tool"}]
FUNCTION: Any = {"name": "weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}
FOREIGN = ("responses", "anthropic", "gemini", "bedrock", "ollama-native")
TIERS = {"auto", "default", "flex", "scale", "priority"}
ABSENT: dict[str, Callable[[openai.AsyncOpenAI], Any]] = {
    "conversations": lambda sdk: sdk.conversations.create(),
    "vector stores": lambda sdk: sdk.vector_stores.create(name="a"),
    "assistants": lambda sdk: sdk.beta.assistants.list(),
    "threads": lambda sdk: sdk.beta.threads.create(),
    "uploads": lambda sdk: sdk.uploads.create(bytes=1, filename="a", mime_type="text/plain", purpose="batch"),
    "containers": lambda sdk: sdk.containers.list(),
    "evals": lambda sdk: sdk.evals.list(),
    "kept chats": lambda sdk: sdk.chat.completions.retrieve("chatcmpl-1"),
    "kept messages": lambda sdk: sdk.chat.completions.messages.list("chatcmpl-1"),
}


def model_of(column: str, behaviour: str = "text") -> str:
    return BY_NAME[column].model_of(behaviour)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sdk(everyone: Serving) -> AsyncIterator[openai.AsyncOpenAI]:
    async with everyone.sdk() as client:
        yield client


def azure_of(served: Serving, **options: Any) -> openai.AsyncAzureOpenAI:
    return openai.AsyncAzureOpenAI(azure_endpoint=served.url, api_version="2024-10-21", max_retries=0, **options)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def azure(everyone: Serving) -> AsyncIterator[openai.AsyncAzureOpenAI]:
    async with azure_of(everyone, api_key="not-needed") as client:
        yield client


@pytest.mark.parametrize("column", ["chat", "anthropic", "gemini"])
async def test_the_client_for_azure_finds_every_provider(azure: openai.AsyncAzureOpenAI, column: str) -> None:
    """A name with a slash is a deployment like any other."""
    model = model_of(column)
    plain = await azure.chat.completions.create(model=model, messages=HELLO)
    assert len((plain.choices[0].message.content or "").split()) == 12
    stream = await azure.chat.completions.create(model=model, messages=HELLO, stream=True)
    pieces = [piece.choices[0].delta.content or "" async for piece in stream if piece.choices]
    assert "".join(pieces) == plain.choices[0].message.content
    told = await azure.responses.create(model=model, input="hello in 12 words")
    assert len(told.output_text.split()) == 12
    assert model in [listed.id async for listed in await azure.models.list()]


async def test_at_azure_the_deployment_in_the_url_counts(everyone: Serving) -> None:
    options = {"azure_deployment": model_of("anthropic"), "azure_ad_token": "not-needed"}
    async with azure_of(everyone, **options) as client:
        answer = await client.chat.completions.create(model="whatever", messages=HELLO)
    assert answer.model == BY_NAME["anthropic"].model


async def test_a_deployments_form_needs_no_model_of_its_own(everyone: Serving) -> None:
    path = "/openai/deployments/nobody/audio/transcriptions?api-version=2024-10-21"
    for more in ("", '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nother\r\n'):
        form = f'{more}--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n'
        headers = {"content-type": "multipart/form-data; boundary=b"}
        answer = await everyone.ask("POST", path, data=form.encode(), headers=headers)
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")
        assert "'nobody'" in answer.error["message"]


async def test_an_unknown_path_below_azures_is_none(everyone: Serving) -> None:
    for path in ("/openai/deployments/gpt-4o/nothing", "/openai/nothing"):
        answer = await everyone.ask("POST", path, json={"model": "gpt-4o"})
        assert answer.status == 404, path


@pytest.mark.parametrize("what", ABSENT)
async def test_what_segue_does_not_offer_raises_with_a_message(sdk: openai.AsyncOpenAI, what: str) -> None:
    with pytest.raises(openai.InternalServerError) as raised:
        await ABSENT[what](sdk)
    assert (raised.value.status_code, raised.value.code) == (501, "not_offered")
    assert "does not offer /v1/" in raised.value.message


async def test_an_unknown_path_tells_the_sdk_why(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as raised:
        await sdk.get("/nothing", cast_to=object)
    assert raised.value.code == "not_found"
    assert "there is nothing at /v1/nothing" in raised.value.message


@pytest.mark.parametrize("column", FOREIGN)
async def test_functions_are_called_by_their_older_name(sdk: openai.AsyncOpenAI, column: str) -> None:
    """`functions` were what is now `tools`; an application that offers them looks for a `function_call`."""
    asked: Any = {"model": model_of(column), "messages": TOOL, "functions": [FUNCTION]}
    whole: ChatCompletion = await sdk.chat.completions.create(**asked)
    message = whole.choices[0].message
    assert whole.choices[0].finish_reason == "function_call"
    assert message.tool_calls is None
    assert message.function_call is not None
    assert message.function_call.name == "weather"
    assert json.loads(message.function_call.arguments) == {"place": "text"}

    name, arguments, reasons = "", "", []
    async for piece in await sdk.chat.completions.create(**asked, stream=True):
        choice = piece.choices[0]
        assert not choice.delta.tool_calls
        if choice.delta.function_call is not None:
            name += choice.delta.function_call.name or ""
            arguments += choice.delta.function_call.arguments or ""
        reasons += [choice.finish_reason] if choice.finish_reason else []
    assert (name, json.loads(arguments), reasons) == ("weather", {"place": "text"}, ["function_call"])


@pytest.mark.parametrize("column", FOREIGN)
async def test_an_answers_tier_is_one_that_openai_has(sdk: openai.AsyncOpenAI, column: str) -> None:
    chat = await sdk.chat.completions.create(model=model_of(column), messages=HELLO)
    response = await sdk.responses.create(model=model_of(column), input="hello")
    pieces = await sdk.chat.completions.create(model=model_of(column), messages=HELLO, stream=True)
    streamed = {piece.service_tier async for piece in pieces}
    assert {chat.service_tier, response.service_tier, *streamed} <= TIERS | {None}
    if column == "anthropic":
        assert chat.service_tier == "default"


async def test_a_tier_goes_to_openais_chat_completions_without_a_false_warning(
    everyone: Serving, sdk: openai.AsyncOpenAI
) -> None:
    raw = await sdk.responses.with_raw_response.create(model=model_of("chat"), input="hello", service_tier="flex")
    assert "x-segue-warnings" not in raw.headers
    sent: Any = everyone.sim.seen("chat")[-1].body
    assert sent["service_tier"] == "flex"


async def test_a_search_is_what_it_is_in_responses_and_refused_by_those_who_cannot(
    everyone: Serving, sdk: openai.AsyncOpenAI
) -> None:
    """An answer without the search that was asked for would be another answer."""
    place = {"country": "GB", "city": "London"}
    options: Any = {
        "search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": place},
    }
    await sdk.chat.completions.create(model=model_of("responses"), messages=HELLO, web_search_options=options)
    sent: Any = everyone.sim.seen("responses")[-1].body
    flat = {"type": "approximate", **place}
    assert sent["tools"] == [{"type": "web_search", "search_context_size": "low", "user_location": flat}]
    for column in ("anthropic", "gemini", "bedrock"):
        with pytest.raises(openai.BadRequestError) as refused:
            await sdk.chat.completions.create(model=model_of(column), messages=HELLO, web_search_options=options)
        assert refused.value.code == "unsupported"
        assert "web_search" in refused.value.message
    wrong: Any = "yes"
    with pytest.raises(openai.BadRequestError, match="web_search_options"):
        await sdk.chat.completions.create(model=model_of("gemini"), messages=HELLO, web_search_options=wrong)


@pytest.mark.parametrize("column", FOREIGN)
async def test_what_is_left_out_is_named(sdk: openai.AsyncOpenAI, column: str) -> None:
    raw = await sdk.chat.completions.with_raw_response.create(
        model=model_of(column), messages=HELLO, extra_body={"novelty": 1}
    )
    assert f"novelty left out for {model_of(column)}" in raw.headers["x-segue-warnings"]


async def test_instructions_alone_are_a_question_to_gemini(sdk: openai.AsyncOpenAI) -> None:
    raw = await sdk.chat.completions.with_raw_response.create(
        model=model_of("gemini"), messages=[{"role": "developer", "content": "hello in 12 words"}]
    )
    assert len((raw.parse().choices[0].message.content or "").split()) == 12
    assert "sent as the user's turn" in raw.headers["x-segue-warnings"]


@pytest.mark.parametrize("column", ["anthropic", "gemini", "bedrock"])
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_a_foreign_vendors_refusal_has_openais_words(column: str, api: str) -> None:
    """Applications look at `type` and `code`; what Google or Amazon call the same would tell them nothing."""
    async with serving(providers={column: PROVIDERS[column]}, models={}) as served, served.sdk() as sdk:
        served.sim.fault(column, "status", code=429)
        ask: dict[str, Callable[[], Any]] = {
            "chat": lambda: sdk.chat.completions.create(model=model_of(column), messages=HELLO),
            "responses": lambda: sdk.responses.create(model=model_of(column), input="hello"),
        }
        with pytest.raises(openai.RateLimitError) as limited:
            await ask[api]()
        assert (limited.value.type, limited.value.code) == ("requests", "rate_limit_exceeded")
        told: Any = limited.value.response.json()
        assert told["segue"]["code"] == "rate_limited", "Segue's own word stands beside"


@pytest.mark.parametrize("column", ["chat", "responses", "anthropic", "gemini", "bedrock", "ollama-native"])
async def test_the_tokens_of_a_response_are_counted_before_it_is_asked_for(
    sdk: openai.AsyncOpenAI, column: str
) -> None:
    few = await sdk.responses.input_tokens.count(model=model_of(column), input="hello")
    many = await sdk.responses.input_tokens.count(
        model=model_of(column), input="hello " * 100, instructions="be brief", tools=[{"type": "function", **FUNCTION}]
    )
    assert few.object == "response.input_tokens"
    assert 0 < few.input_tokens < 50 < many.input_tokens < 500


async def test_what_is_not_sent_is_not_counted(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await sdk.responses.input_tokens.count(model=model_of("chat"), input="a", previous_response_id="resp_1")
    assert refused.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.input_tokens.count(model="nobody", input="a")


async def test_a_model_that_does_something_else_is_not_said_to_be_missing(sdk: openai.AsyncOpenAI) -> None:
    for ask in (
        lambda model: sdk.embeddings.create(model=model, input="a"),
        lambda model: sdk.completions.create(model=model, prompt="a"),
    ):
        with pytest.raises(openai.NotFoundError, match="chats, and nobody serves"):
            await ask(model_of("anthropic"))
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            await ask("nobody")


async def test_a_name_of_two_meanings_is_listed_with_the_owner_that_answers() -> None:
    """OpenRouter calls a model `openai/gpt-4o`, which at a provider named `openai` is another thing."""
    openai_itself = {"adapter": "openai", "base_url": "{sim}/openai/v1", "key": "k-1", "models": ["gpt-4o"]}
    both = {"openrouter": PROVIDERS["openrouter"], "openai": openai_itself}
    async with serving(providers=both, models={}) as served, served.sdk() as sdk:
        assert (await sdk.models.retrieve("openai/gpt-4o")).owned_by == "openai"
        assert {model.id: model.owned_by async for model in sdk.models.list()}["openai/gpt-4o"] == "openai"
        answer = await sdk.chat.completions.with_raw_response.create(model="openai/gpt-4o", messages=HELLO)
        assert answer.headers["x-segue-provider"] == "openai"
