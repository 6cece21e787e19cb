"""What a chat completion can carry beside text: tools, pictures, reasoning, cached prompts."""

import json

import openai
import pytest

from simulator.test_openai_wire import TOOL

PIXEL = "data:image/png;base64,iVBORw0KGgo="
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


def picture(url):
    return {"type": "image_url", "image_url": {"url": url}}


async def said(client, messages, **fields):
    answer = await client.chat.completions.create(model=fields.pop("model", "gpt-4o"), messages=messages, **fields)
    return answer.choices[0].message.content


async def test_all_offered_tools_are_called_in_parallel(client):
    """`use the tools in parallel` makes one call of each; streamed, the calls are numbered."""
    asked = {"messages": [{"role": "user", "content": "use the tools in parallel"}], "tools": [TOOL, CLOCK]}
    whole = (await client.chat.completions.create(model="gpt-4o", **asked)).choices[0].message
    assert [call.function.name for call in whole.tool_calls] == ["get_weather", "get_time"]
    gathered = {}
    async for chunk in await client.chat.completions.create(model="gpt-4o", stream=True, **asked):
        for call in chunk.choices[0].delta.tool_calls or ():
            known = gathered.setdefault(call.index, [call.id, call.function.name, ""])
            known[2] += call.function.arguments
    assert [tuple(entry) for entry in gathered.values()] == [
        (call.id, call.function.name, call.function.arguments) for call in whole.tool_calls
    ]
    single = await client.chat.completions.create(model="gpt-4o", parallel_tool_calls=False, **asked)
    assert len(single.choices[0].message.tool_calls) == 1


async def test_what_was_understood_is_stated(client):
    """The system prompt, the pictures and the results of tools are named in the answer."""
    call = {"id": "c", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        {"role": "developer", "content": "be brief"},
        *user({"type": "text", "text": "look"}, picture(PIXEL), picture("https://images.invalid/a.png")),
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
    ]
    facts = (await said(client, messages)).partition(" [")[2]
    assert facts == (
        "system: be brief; images: 2 (image/png, 8 bytes | https://images.invalid/a.png); tool results: sunny]"
    )


@pytest.mark.parametrize(
    ("model", "part", "code"),
    [
        ("gpt-4o", picture("ftp://x"), "invalid_value"),
        ("gpt-4o", picture("data:image/tiff;base64,AAAA"), "invalid_image_format"),
        ("gpt-4o", picture("data:image/png;base64,%%"), "invalid_base64"),
        ("gpt-3.5-turbo", picture(PIXEL), None),
        ("gpt-4o", {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "invalid_value"),
    ],
)
async def test_files_that_a_model_cannot_read_are_refused(client, model, part, code):
    """400 for a wrong address, format or encoding, and for a model without eyes or ears."""
    with pytest.raises(openai.BadRequestError) as caught:
        await said(client, user({"type": "text", "text": "x"}, part), model=model)
    assert caught.value.code == code


async def test_an_audio_model_hears(client):
    """The same sound is accepted by a model for it."""
    part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    assert "audio: 1 (audio/wav, 3 bytes)" in await said(client, user(part), model="gpt-4o-audio-preview")


async def test_a_reasoning_model_counts_what_it_hides(client):
    """reasoning_tokens are part of the completion's tokens; temperature and max_tokens are refused by name."""
    messages = [{"role": "user", "content": "hello"}]
    answer = await client.chat.completions.create(model="o4-mini", messages=messages)
    assert 0 < answer.usage.completion_tokens_details.reasoning_tokens < answer.usage.completion_tokens
    for fields, code in (
        ({"max_tokens": 5}, "unsupported_parameter"),
        ({"temperature": 0.2}, "unsupported_value"),
    ):
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="o4-mini", messages=messages, **fields)
        assert (caught.value.code, caught.value.param) == (code, next(iter(fields)))
    short = await client.chat.completions.create(model="o4-mini", messages=messages, max_completion_tokens=3)
    assert (short.choices[0].finish_reason, short.choices[0].message.content) == ("length", "")


async def test_a_long_prefix_is_cached_when_it_is_sent_again(client):
    """The first time nothing is cached; the second time the whole steps of 128 tokens from 1,024 on."""
    long = " ".join(f"word{number}" for number in range(1500))

    async def cached(question):
        messages = [{"role": "system", "content": long}, {"role": "user", "content": question}]
        answer = await client.chat.completions.create(model="gpt-4o", messages=messages)
        return answer.usage.prompt_tokens_details.cached_tokens

    assert [await cached("one"), await cached("two"), await cached("in 3 words")] == [0, 1408, 1408]


async def test_a_refusal_has_its_own_field(client):
    """`please refuse` gives `refusal` instead of content, whole and streamed."""
    messages = [{"role": "user", "content": "please refuse"}]
    message = (await client.chat.completions.create(model="gpt-4o", messages=messages)).choices[0].message
    assert message.content is None
    stream = await client.chat.completions.create(model="gpt-4o", messages=messages, stream=True)
    assert "".join([chunk.choices[0].delta.refusal or "" async for chunk in stream]) == message.refusal


async def test_top_logprobs_have_so_many_alternatives(client):
    """Each token comes with as many alternatives as were asked for, the token itself first."""
    answer = await client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "in 2 words"}], logprobs=True, top_logprobs=3
    )
    tokens = answer.choices[0].logprobs.content
    assert [len(token.top_logprobs) for token in tokens] == [3, 3]
    assert tokens[0].top_logprobs[0].token == tokens[0].token
    assert json.loads(answer.model_dump_json())["choices"][0]["logprobs"]["refusal"] is None
