"""The official SDK takes the simulator for OpenAI."""

import json

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel

QUESTION = [{"role": "user", "content": "hello"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
            "required": ["city", "days"],
        },
    },
}


def unknown_fields(value: object, where: str = "answer") -> list[str]:
    """The places of all fields that the SDK's types do not know."""
    if isinstance(value, list):
        return [found for item in value for found in unknown_fields(item, f"{where}[]")]
    if not isinstance(value, BaseModel):
        return []
    found = [f"{where}.{name}" for name in value.model_extra or {}]
    for name in type(value).model_fields:
        found += unknown_fields(getattr(value, name), f"{where}.{name}")
    return found


async def test_a_completion_has_the_documented_shape(chat):
    """A completion validates strictly against the SDK's own type, and has no field beside those."""
    async with chat() as answer:
        assert answer.status == 200
        assert answer.headers["x-request-id"].startswith("req_")
        assert int(answer.headers["openai-processing-ms"]) >= 1
        assert answer.headers["x-ratelimit-limit-requests"] == "500"
        document = await answer.read()
    completion = ChatCompletion.model_validate_json(document, strict=True)
    assert unknown_fields(completion) == []
    assert completion.id.startswith("chatcmpl-")
    assert completion.model == "gpt-4o-mini"
    assert completion.choices[0].finish_reason == "stop"
    assert "hello" in completion.choices[0].message.content
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens


async def test_a_stream_has_the_documented_events(chat):
    """Role first, then text, finish, usage without choices, and the terminator; each chunk is of the SDK's type."""
    async with chat(stream=True, stream_options={"include_usage": True}) as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        events = (await answer.text()).split("\n\n")
    assert events[-1] == ""
    assert events[-2] == "data: [DONE]"
    chunks = [ChatCompletionChunk.model_validate_json(e.removeprefix("data: "), strict=True) for e in events[:-2]]
    assert [place for chunk in chunks for place in unknown_fields(chunk)] == []
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.choices[0].delta.content for chunk in chunks[1:-2])
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == len(chunks) - 3
    assert len({chunk.id for chunk in chunks}) == 1


async def test_usage_is_streamed_only_when_asked_for(chat):
    """Without include_usage no chunk has the field, and every chunk has a choice."""
    async with chat(stream=True) as answer:
        events = (await answer.text()).split("\n\n")[:-2]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)


async def test_a_stream_says_what_the_completion_says(client):
    """Both forms of an answer to the same question have the same text and the same usage."""
    whole = await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
    options = {"include_usage": True}
    stream = await client.chat.completions.create(
        model="gpt-4o", messages=QUESTION, stream=True, stream_options=options
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage


async def test_a_tool_is_called_when_the_user_says_so(client):
    """`use the tool` makes a call whose arguments fit the schema, and the tool's answer ends the round."""
    messages = [{"role": "user", "content": "Please use the tool."}]
    first = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=[TOOL])
    assert first.choices[0].finish_reason == "tool_calls"
    message = first.choices[0].message
    assert message.content is None
    call = message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "text", "days": 2}
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    second = await client.chat.completions.create(model="gpt-4o", messages=messages, tools=[TOOL])
    assert second.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("chosen", ["required", {"type": "function", "function": {"name": "get_weather"}}])
async def test_a_tool_is_called_when_the_request_demands_it(client, chosen):
    """tool_choice `required`, or a named function, makes a call; streamed, the name precedes the arguments."""
    stream = await client.chat.completions.create(
        model="gpt-4o", messages=QUESTION, tools=[TOOL], tool_choice=chosen, stream=True
    )
    deltas = [chunk.choices[0].delta async for chunk in stream]
    first = deltas[0].tool_calls[0]
    assert first.id.startswith("call_")
    assert first.function.name == "get_weather"
    fragments = [delta.tool_calls[0].function.arguments for delta in deltas if delta.tool_calls]
    assert len(fragments) > 2
    assert json.loads("".join(fragments)) == {"city": "text", "days": 2}


async def test_tools_are_not_called_unasked(client):
    """Offered tools alone, or tool_choice `none`, make no call."""
    for fields in ({}, {"tool_choice": "none"}):
        answer = await client.chat.completions.create(model="gpt-4o", messages=QUESTION, tools=[TOOL], **fields)
        assert answer.choices[0].message.tool_calls is None


async def test_several_choices(client):
    """`n` choices are numbered and differ, whole and streamed."""
    answer = await client.chat.completions.create(model="gpt-4o", messages=QUESTION, n=3, logprobs=True)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    texts = [choice.message.content for choice in answer.choices]
    assert len(set(texts)) == 3
    stream = await client.chat.completions.create(model="gpt-4o", messages=QUESTION, n=3, stream=True)
    streamed = ["", "", ""]
    async for chunk in stream:
        streamed[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert streamed == texts


async def test_limits_on_the_text_are_kept(client):
    """max_tokens ends with `length`, stop sequences cut, `N words` gives exactly so many tokens."""
    short = await client.chat.completions.create(model="gpt-4o", messages=QUESTION, max_tokens=3)
    assert (short.choices[0].finish_reason, short.usage.completion_tokens) == ("length", 3)
    stopped = await client.chat.completions.create(model="gpt-4o", messages=QUESTION, stop=["hello"])
    assert stopped.choices[0].message.content == "You said: "
    wanted = [{"role": "user", "content": [{"type": "text", "text": "Tell me in 40 words."}]}]
    long = await client.chat.completions.create(model="gpt-4o", messages=wanted)
    assert long.usage.completion_tokens == 40


async def test_structured_answers_fit_their_schema(client):
    """response_format `json_object` and `json_schema` give JSON, the latter with the required fields."""
    plain = await client.chat.completions.create(
        model="gpt-4o", messages=QUESTION, response_format={"type": "json_object"}
    )
    assert "reply" in json.loads(plain.choices[0].message.content)
    schema = {"name": "s", "schema": {"type": "object", "properties": {"ok": {"type": "boolean"}}}}
    structured = await client.chat.completions.create(
        model="gpt-4o", messages=QUESTION, response_format={"type": "json_schema", "json_schema": schema}
    )
    assert json.loads(structured.choices[0].message.content) == {"ok": True}


async def test_models_are_listed_and_found(client):
    """The list has known models, any id is found, and `missing-` ids are not."""
    assert "gpt-4o-mini" in [model.id async for model in client.models.list()]
    assert (await client.models.retrieve("anything-7b")).id == "anything-7b"
    with pytest.raises(openai.NotFoundError) as caught:
        await client.models.retrieve("missing-7b")
    assert caught.value.code == "model_not_found"


async def test_the_seed_decides_the_text():
    """Two simulators with one seed, and two accounts of one, say the same; another seed says something else."""
    from segue.simulator import Simulator

    async def text(seed: int, account: str) -> str:
        async with (
            Simulator(seed=seed) as sim,
            openai.AsyncOpenAI(base_url=f"{sim.url}/{account}/v1", api_key="k") as c,
        ):
            answer = await c.chat.completions.create(model="gpt-4o", messages=QUESTION)
            return answer.choices[0].message.content

    assert await text(1, "primary") == await text(1, "backup") == await text(1, "primary")
    assert await text(1, "primary") != await text(2, "primary")
