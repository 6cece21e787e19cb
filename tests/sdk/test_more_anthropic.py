"""What Anthropic's SDK offers beyond the matrix: the runner of tools and its threads, lists, its own errors."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anthropic
import pytest
import pytest_asyncio

from sdk.columns import BY_NAME
from support.service import Serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELLO: Any = [{"role": "user", "content": "hello in 12 words"}]
TOOL: Any = [{"role": "user", "content": "use the tool"}]
ALL = ("anthropic", "vertex", "chat", "responses", "gemini", "bedrock", "groq", "ollama-native")
ABSENT: dict[str, Callable[[anthropic.AsyncAnthropic], Any]] = {
    "batches": lambda sdk: sdk.messages.batches.create(requests=[]),
    "files": lambda sdk: sdk.beta.files.list(),
    "skills": lambda sdk: sdk.beta.skills.list(),
    "agents": lambda sdk: sdk.beta.agents.list(),
}


def model_of(column: str) -> str:
    return BY_NAME[column].model_of("text")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sdk(everyone: Serving) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=everyone.url, api_key="not-needed", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("column", ALL)
async def test_the_runner_of_tools_reaches_its_end(sdk: anthropic.AsyncAnthropic, column: str) -> None:
    """It leaves the conversation to a thread on the server and sends everything again where there is none."""
    asked: list[str] = []

    @anthropic.beta_async_tool
    async def weather(place: str) -> str:
        """The weather.

        Args:
            place: where.
        """
        asked.append(place)
        return f"sunny in {place}"

    runner = sdk.beta.messages.tool_runner(model=model_of(column), max_tokens=500, messages=TOOL, tools=[weather])
    final = await runner.until_done()
    assert asked == ["text"]
    assert final.stop_reason == "end_turn"
    assert "sunny in text" in final.content[-1].text


@pytest.mark.parametrize("column", ALL)
async def test_the_helper_for_threads_goes_on_with_its_conversation(
    everyone: Serving, sdk: anthropic.AsyncAnthropic, column: str
) -> None:
    thread = sdk.beta.messages.thread(model=model_of(column), max_tokens=50, system="be brief")
    for words in (2, 3, 4, 5):
        answer = await thread.send({"role": "user", "content": f"hello in {words} words"})
        assert len(answer.content[-1].text.split()) == words
    assert len(thread.messages) == 8
    sent = json.dumps(everyone.sim.seen(column)[-1].body)
    assert all(f"hello in {words} words" in sent for words in (2, 3, 4, 5)), "the whole conversation"


@pytest.mark.parametrize("column", ["chat", "vertex", "bedrock"])
async def test_a_thread_that_nobody_holds_is_told_in_anthropics_words(
    everyone: Serving, sdk: anthropic.AsyncAnthropic, column: str
) -> None:
    thread: Any = {"type": "create"}
    first = await sdk.beta.messages.with_raw_response.create(
        model=model_of(column), max_tokens=50, messages=HELLO, thread=thread
    )
    assert "thread left out" in first.headers["x-segue-warnings"]
    before = len(everyone.sim.seen(column))
    for messages in (HELLO, []):  # a turn that was paused is gone on with by nothing
        thread = {"type": "continue", "previous_message_id": (await first.parse()).id}
        with pytest.raises(anthropic.NotFoundError) as raised:
            await sdk.beta.messages.create(model=model_of(column), max_tokens=50, messages=messages, thread=thread)
        error: Any = raised.value.body
        assert error["error"]["type"] == "not_found_error"
        assert error["error"]["details"]["error_code"] == "thread_not_found"
    assert len(everyone.sim.seen(column)) == before, "nobody was asked"


@pytest.mark.parametrize("thread", [{"type": "other"}, {"type": "continue"}, "create", 7])
async def test_a_thread_that_is_none_is_refused(sdk: anthropic.AsyncAnthropic, thread: Any) -> None:
    with pytest.raises(anthropic.BadRequestError, match="thread"):
        await sdk.beta.messages.create(model=model_of("chat"), max_tokens=50, messages=HELLO, thread=thread)


async def test_an_answer_has_the_id_of_its_request(sdk: anthropic.AsyncAnthropic) -> None:
    for column in ("anthropic", "chat"):
        raw = await sdk.messages.with_raw_response.create(model=model_of(column), max_tokens=50, messages=HELLO)
        assert (await raw.parse())._request_id == raw.headers["x-segue-call-id"]
        async with sdk.messages.stream(model=model_of(column), max_tokens=50, messages=HELLO) as stream:
            assert stream.request_id == stream.response.headers["x-segue-call-id"]
            await stream.until_done()
    with pytest.raises(anthropic.BadRequestError) as raised:
        await sdk.messages.create(
            model=model_of("chat"), max_tokens=50, messages=HELLO, extra_body={"container": "container_1"}
        )
    assert raised.value.request_id == raised.value.response.headers["x-segue-call-id"]


@pytest.mark.parametrize(("column", "code"), [("anthropic", 529), ("chat", 503), ("gemini", 503)])
async def test_an_overload_raises_the_sdks_own_class(
    everyone: Serving, sdk: anthropic.AsyncAnthropic, column: str, code: int
) -> None:
    everyone.sim.fault(column, "status", code=code)
    with pytest.raises(anthropic.APIStatusError) as raised:
        await sdk.messages.create(model=model_of(column), max_tokens=50, messages=HELLO)
    assert raised.value.status_code == 529
    assert type(raised.value).__name__ == "OverloadedError"
    assert raised.value.type == "overloaded_error"
    assert raised.value.response.headers["x-should-retry"] == "false"


async def test_a_model_that_openai_does_not_have_is_not_found(everyone: Serving, sdk: anthropic.AsyncAnthropic) -> None:
    """OpenAI calls that an invalid request; Anthropic's SDK knows a word of its own."""
    everyone.sim.fault("chat", "status", code=404)
    with pytest.raises(anthropic.NotFoundError) as raised:
        await sdk.messages.create(model=model_of("chat"), max_tokens=50, messages=HELLO)
    assert raised.value.type == "not_found_error"


async def test_models_are_listed_page_by_page(sdk: anthropic.AsyncAnthropic) -> None:
    names = [model.id async for model in sdk.models.list(limit=1000)]
    assert len(names) > 20
    first = await sdk.models.list()
    assert ([model.id for model in first.data], first.has_more) == (names[:20], True)
    assert [model.id async for model in sdk.models.list(limit=7)] == names
    back = await sdk.models.list(limit=3, before_id=names[5])
    assert ([model.id for model in back.data], back.has_more) == (names[2:5], True)
    last = await sdk.models.list(limit=3, after_id=names[-2])
    assert ([model.id for model in last.data], last.has_more) == (names[-1:], False)
    for limit in (0, 1001):
        with pytest.raises(anthropic.BadRequestError, match="limit"):
            await sdk.models.list(limit=limit)


@pytest.mark.parametrize("what", ABSENT)
async def test_what_segue_does_not_offer_raises_with_a_message(sdk: anthropic.AsyncAnthropic, what: str) -> None:
    with pytest.raises(anthropic.APIStatusError) as raised:
        await ABSENT[what](sdk)
    error: Any = raised.value.body
    assert raised.value.status_code == 501
    assert (error["type"], error["error"]["details"]["error_code"]) == ("error", "not_offered")
    assert "does not offer /v1/" in error["error"]["message"]


async def test_an_unknown_path_has_anthropics_shape(sdk: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as raised:
        await sdk.get("/v1/nothing", cast_to=object)
    assert raised.value.type == "not_found_error"


GRASS = "the grass is green"
PIECES: Any = {
    "type": "content",
    "content": [{"type": "text", "text": "the grass"}, {"type": "text", "text": "is green"}],
}
TEXTS: dict[str, Any] = {
    "as text": {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": GRASS}},
    "in pieces": {"type": "document", "title": "Lawn", "source": PIECES},
    "in one piece": {"type": "document", "source": {"type": "content", "content": GRASS}},
    "found": {
        "type": "search_result", "source": "https://lawn.example", "title": "Lawn",
        "content": [{"type": "text", "text": GRASS}],
    },
}  # fmt: skip


@pytest.mark.parametrize("form", TEXTS)
@pytest.mark.parametrize("column", ["chat", "responses", "gemini", "bedrock", "groq"])
async def test_a_text_is_read_everywhere_whatever_its_form(
    everyone: Serving, sdk: anthropic.AsyncAnthropic, column: str, form: str
) -> None:
    content: Any = [TEXTS[form], {"type": "text", "text": "what is it"}]
    answer = await sdk.messages.create(
        model=model_of(column), max_tokens=2000, messages=[{"role": "user", "content": content}]
    )
    assert answer.stop_reason == "end_turn"
    sent = json.dumps(everyone.sim.seen(column)[-1].body)
    if column == "bedrock":
        assert "documents: 1 (text/plain" in answer.content[-1].text
    else:
        assert "the grass" in sent
        assert "is green" in sent
        assert "Lawn" in sent or form in {"as text", "in one piece"} or column == "gemini"


@pytest.mark.parametrize("column", ["chat", "responses", "gemini", "bedrock"])
async def test_what_a_tool_has_found_is_its_result(sdk: anthropic.AsyncAnthropic, column: str) -> None:
    tool: Any = {"name": "find", "input_schema": {"type": "object", "properties": {}}}
    used: Any = {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {}}
    result: Any = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [TEXTS["found"]]}
    turns: Any = [
        *TOOL,
        {"role": "assistant", "content": [used]},
        {"role": "user", "content": [result]},
    ]
    answer = await sdk.messages.create(model=model_of(column), max_tokens=2000, messages=turns, tools=[tool])
    assert "tool results:" in answer.content[-1].text
    assert GRASS in answer.content[-1].text


@pytest.mark.parametrize("form", ["in pieces", "found"])
async def test_what_is_to_be_cited_goes_to_whoever_cites(
    everyone: Serving, sdk: anthropic.AsyncAnthropic, form: str
) -> None:
    content: Any = [{**TEXTS[form], "citations": {"enabled": True}}, {"type": "text", "text": "what is it"}]
    asked: Any = {"max_tokens": 50, "messages": [{"role": "user", "content": content}]}
    with pytest.raises(anthropic.BadRequestError, match="citations"):
        await sdk.messages.create(model=model_of("chat"), **asked)
    await sdk.messages.create(model=model_of("bedrock"), **asked)
    assert '"citations": {"enabled": true}' in json.dumps(everyone.sim.seen("bedrock")[-1].body)
    await sdk.messages.create(model=model_of("anthropic"), **asked)
    sent: Any = everyone.sim.seen("anthropic")[-1].body
    assert sent["messages"][0]["content"] == content, "as it came"


async def test_a_wish_to_cache_everything_is_a_mark_at_the_end(
    everyone: Serving, sdk: anthropic.AsyncAnthropic
) -> None:
    wish: Any = {"type": "ephemeral"}
    await sdk.messages.create(model=model_of("bedrock"), max_tokens=50, messages=HELLO, cache_control=wish)
    sent: Any = everyone.sim.seen("bedrock")[-1].body
    assert sent["messages"][-1]["content"][-1] == {"cachePoint": {"type": "default"}}
    raw = await sdk.messages.with_raw_response.create(
        model=model_of("chat"), max_tokens=50, messages=HELLO, cache_control=wish
    )
    assert "cache_control left out" in raw.headers["x-segue-warnings"]
    with pytest.raises(anthropic.BadRequestError, match="cache_control"):
        await sdk.messages.create(
            model=model_of("chat"), max_tokens=50, messages=HELLO, extra_body={"cache_control": {"type": "for ever"}}
        )
