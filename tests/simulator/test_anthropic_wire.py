"""Anthropic's Messages API as the official SDK sees it."""

import json
from collections.abc import AsyncIterator

import anthropic
import pytest

from segue.simulator import Simulator

OLD = "claude-haiku-4-5"
NEW = "claude-opus-5-5"
TOOL = {
    "name": "get_weather",
    "description": "d",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def user(*content) -> dict:
    return {"role": "user", "content": content[0] if len(content) == 1 else list(content)}


def text(value: str, **more) -> dict:
    return {"type": "text", "text": value, **more}


@pytest.fixture
async def claude(sim: Simulator) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The official SDK, speaking to the account `claude` without retries."""
    async with anthropic.AsyncAnthropic(base_url=f"{sim.url}/claude", api_key="sk-ant-key", max_retries=0) as made:
        yield made


async def create(claude, *messages, model=OLD, max_tokens=200, **fields):
    return await claude.messages.create(
        model=model, max_tokens=max_tokens, messages=list(messages) or [user("hello")], extra_body=fields
    )


async def streamed(claude, *messages, model=OLD, max_tokens=200, **fields):
    """The names of all events, and the message that the SDK makes of them."""
    async with claude.messages.stream(
        model=model, max_tokens=max_tokens, messages=list(messages) or [user("hello")], extra_body=fields
    ) as stream:
        return [
            (event.type, getattr(getattr(event, "delta", None), "type", None)) async for event in stream._raw_stream
        ]


async def final(claude, *messages, model=OLD, max_tokens=200, **fields):
    async with claude.messages.stream(
        model=model, max_tokens=max_tokens, messages=list(messages) or [user("hello")], extra_body=fields
    ) as stream:
        return await stream.get_final_message()


async def test_a_message_is_answered(claude):
    """The question comes back, with usage and the reason for the end."""
    message = await create(claude, user("is it raining"), system="be brief")
    assert message.id.startswith("msg_")
    assert (message.role, message.stop_reason, message.stop_sequence) == ("assistant", "end_turn", None)
    assert "is it raining" in message.content[0].text
    assert "system: be brief" in message.content[0].text
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens == len(message.content[0].text.split())
    assert message._request_id.startswith("req_")


async def test_a_stream_makes_the_same_message(claude):
    """All events come in the documented order, and the SDK puts them together."""
    kinds = await streamed(claude, user("say it in 3 words"))
    assert kinds == [
        ("message_start", None),
        ("content_block_start", None),
        *[("content_block_delta", "text_delta")] * 3,
        ("content_block_stop", None),
        ("message_delta", None),
        ("message_stop", None),
    ]
    whole = await create(claude, user("say it in 3 words"))
    put_together = await final(claude, user("say it in 3 words"))
    assert put_together.content[0].text == whole.content[0].text
    assert put_together.usage.output_tokens == whole.usage.output_tokens == 3
    assert put_together.stop_reason == "end_turn"


async def test_a_tool_is_called_and_its_result_is_understood(claude):
    """The input fits the schema; the answer quotes the result."""
    asked = user("use the tool please")
    called = await create(claude, asked, tools=[TOOL])
    assert called.stop_reason == "tool_use"
    use = called.content[-1]
    assert (use.type, use.name, use.input) == ("tool_use", "get_weather", {"city": "text"})
    result = user([{"type": "tool_result", "tool_use_id": use.id, "content": "18 degrees"}])
    turn = {"role": "assistant", "content": [block.to_dict() for block in called.content]}
    answered = await create(claude, asked, turn, result, tools=[TOOL])
    assert answered.stop_reason == "end_turn"
    assert "tool results: 18 degrees" in answered.content[0].text


async def test_the_input_of_a_tool_is_streamed_and_begins_empty(claude):
    """Several `input_json_delta` events, the first of them empty, join to the input."""
    kinds = await streamed(claude, user("use the tool"), tools=[TOOL])
    assert kinds.count(("content_block_delta", "input_json_delta")) >= 3
    assert (await final(claude, user("use the tool"), tools=[TOOL])).content[0].input == {"city": "text"}


async def test_tools_are_called_in_parallel_unless_that_is_disabled(claude):
    """`disable_parallel_tool_use` allows one call only."""
    tools = [TOOL, {**TOOL, "name": "get_time"}]
    both = await create(claude, user("use the tools, use the tool in parallel"), tools=tools)
    assert [block.name for block in both.content] == ["get_weather", "get_time"]
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    one = await create(claude, user("use the tool in parallel"), tools=tools, tool_choice=choice)
    assert len(one.content) == 1


async def test_thoughts_are_signed_and_taken_back(claude):
    """The signature comes as an event of its own; an untouched thought is accepted with the tool's result."""
    asked, thinking = user("use the tool"), {"type": "enabled", "budget_tokens": 1024}
    called = await final(claude, asked, max_tokens=2000, thinking=thinking, tools=[TOOL])
    thought = called.content[0]
    assert (thought.type, bool(thought.thinking), bool(thought.signature)) == ("thinking", True, True)
    turn = {"role": "assistant", "content": [block.to_dict() for block in called.content]}
    result = user([{"type": "tool_result", "tool_use_id": called.content[1].id, "content": "x"}])
    answered = await create(claude, asked, turn, result, max_tokens=2000, thinking=thinking, tools=[TOOL])
    assert [block.type for block in answered.content] == ["thinking", "text"]
    assert answered.usage.output_tokens_details.thinking_tokens > 0
    turn["content"][0]["thinking"] += "!"
    with pytest.raises(anthropic.BadRequestError, match=r"messages\.1\.content\.0: Invalid `signature`"):
        await create(claude, asked, turn, result, max_tokens=2000, thinking=thinking, tools=[TOOL])


async def test_newer_models_think_unseen(claude):
    """Without `display` there is a signature and no text; with `summarized` there is text."""
    hidden = await final(claude, user("hello"), model=NEW)
    assert (hidden.content[0].type, hidden.content[0].thinking) == ("thinking", "")
    assert hidden.content[0].signature
    shown = await create(claude, user("hello"), model=NEW, thinking={"type": "adaptive", "display": "summarized"})
    assert "hello" in shown.content[0].thinking


async def test_thoughts_can_be_redacted(claude):
    """The documented text makes a redacted block, which is taken back as it is."""
    question = user("ANTHROPIC_MAGIC_STRING_TRIGGER_REDACTED_THINKING_46C9 hello")
    thinking = {"type": "enabled", "budget_tokens": 1024}
    message = await final(claude, question, max_tokens=2000, thinking=thinking)
    assert message.content[0].type == "redacted_thinking"
    turn = {"role": "assistant", "content": [block.to_dict() for block in message.content]}
    assert await create(claude, question, turn, user("go on"))
    turn["content"][0]["data"] = "Zm9yZWlnbg=="
    with pytest.raises(anthropic.BadRequestError, match="redacted_thinking"):
        await create(claude, question, turn, user("go on"))


@pytest.mark.parametrize("ttl", ["5m", "1h"])
async def test_a_marked_prefix_is_written_once_and_then_read(claude, ttl):
    """The counts of written and read tokens add up with those that were not cached."""
    long = [text("barley " * 4500, cache_control={"type": "ephemeral", "ttl": ttl})]
    first = (await create(claude, user("one"), system=long)).usage
    second = (await final(claude, user("two"), system=long)).usage
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 4500
    assert (first.cache_read_input_tokens, second.cache_creation_input_tokens) == (0, 0)
    written = (first.cache_creation.ephemeral_5m_input_tokens, first.cache_creation.ephemeral_1h_input_tokens)
    assert written == (
        (first.cache_creation_input_tokens, 0) if ttl == "5m" else (0, first.cache_creation_input_tokens)
    )
    assert first.input_tokens < 20


async def test_a_short_prefix_is_not_cached(claude):
    """It is no error, and nothing is counted."""
    usage = (await create(claude, user([text("short", cache_control={"type": "ephemeral"})]))).usage
    assert (usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (0, 0)


async def test_images_and_documents_are_understood(claude):
    """The answer names what was attached; a document that may be cited is cited."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    linked = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "barley grows here"},
        "citations": {"enabled": True},
        "title": "notes",
    }
    message = await final(claude, user(text("look"), image, linked, document))
    assert "images: 2 (image/png, 70 bytes | https://example.com/a.png)" in message.content[0].text
    assert "documents: 1" in message.content[0].text
    citation = message.content[0].citations[0]
    assert (citation.type, citation.cited_text, citation.document_title) == (
        "char_location",
        "barley grows here",
        "notes",
    )


async def test_structured_output_fits_its_schema(claude):
    """As `output_config.format`, and as the older `output_format`."""
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "warm": {"type": "boolean"}},
        "required": ["city", "warm"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "schema": schema}
    for fields in ({"output_config": {"format": wanted}}, {"output_format": wanted}):
        message = await create(claude, user("Oslo"), **fields)
        assert json.loads(message.content[0].text) == {"city": "Oslo", "warm": True}


async def test_the_reasons_for_an_end(claude):
    """Length, a stop sequence, a refusal."""
    short = await create(claude, max_tokens=2)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 2)
    stopped = await final(claude, user("one STOP two"), stop_sequences=["STOP"])
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "STOP")
    assert "STOP" not in stopped.content[0].text
    for question in ("please refuse", "ANTHROPIC_MAGIC_STRING_TRIGGER_REFUSAL_1FAE"):
        refused = await create(claude, user(question))
        assert refused.stop_reason == "refusal"
        assert refused.stop_details.type == "refusal"


async def test_the_web_is_searched_by_the_vendor(claude):
    """Call and result are in the answer, its text cites the page, and usage counts the search."""
    tools = [{"type": "web_search_20250305", "name": "web_search"}]
    message = await final(claude, user("search the web for barley"), tools=tools)
    assert [block.type for block in message.content] == ["server_tool_use", "web_search_tool_result", "text"]
    assert message.content[1].content[0].url == message.content[2].citations[0].url
    assert message.usage.server_tool_use.web_search_requests == 1


async def test_a_turn_with_server_tools_can_pause_and_be_continued(claude):
    """`pause_turn` ends it; sent back as it is, it goes on, even with a model that takes no prefill."""
    tools = [{"type": "code_execution_20250825", "name": "code_execution"}]
    question = user("run the code and pause the turn")
    paused = await create(claude, question, model=NEW, tools=tools)
    assert paused.stop_reason == "pause_turn"
    assert paused.content[-1].content.stdout == "42\n"
    assert paused.container.id.startswith("container_")
    turn = {"role": "assistant", "content": [block.to_dict() for block in paused.content]}
    assert (await create(claude, question, turn, model=NEW, tools=tools)).stop_reason == "end_turn"


async def test_tokens_are_counted_as_they_are_billed(claude):
    """`count_tokens` and the usage of the same request agree."""
    counted = await claude.messages.count_tokens(model=OLD, messages=[user("how many tokens are these")])
    message = await create(claude, user("how many tokens are these"))
    assert counted.input_tokens == message.usage.input_tokens


async def test_models_are_listed_and_found(claude):
    """In pages, and one by one; the path is OpenAI's, too, and the headers tell the two apart."""
    listed = [model async for model in claude.models.list(limit=3)]
    assert len(listed) > 3
    one = await claude.models.retrieve(OLD)
    assert (one.id, one.max_tokens, one.capabilities.thinking.types.enabled.supported) == (OLD, 64_000, True)
    with pytest.raises(anthropic.NotFoundError):
        await claude.models.retrieve("missing-model")
