"""An unmodified OpenAI SDK notices nothing of Segue between itself and its provider, except what headers tell."""

import asyncio
import json

import openai
import pytest

from support.service import HELLO, PRIMARY_KEY, Serving, eventually, serving

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "the weather",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
USE_TOOL = [{"role": "user", "content": "use the tool"}]


async def texts(stream) -> str:
    return "".join([piece.choices[0].delta.content or "" async for piece in stream if piece.choices])


async def recorded(served: Serving, call_id: str) -> dict:
    answer = await served.ask("GET", f"/v1/calls/{call_id}")
    assert answer.status == 200
    return answer.json


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_plain_and_streamed_chats_say_the_same(served: Serving, prefix: str) -> None:
    async with served.sdk(prefix=prefix) as sdk:
        plain = await sdk.chat.completions.create(model="alone", messages=HELLO)
        stream = await sdk.chat.completions.create(model="alone", messages=HELLO, stream=True)
        assert await texts(stream) == plain.choices[0].message.content
        assert len(plain.choices[0].message.content.split()) == 12
        assert plain.model == "gpt-4o"


async def test_the_synchronous_sdk_in_a_thread_works_too(served: Serving) -> None:
    def ask() -> tuple[str, str]:
        with openai.OpenAI(base_url=f"{served.url}/v1", api_key="x", max_retries=0) as sdk:
            plain = sdk.chat.completions.create(model="alone", messages=HELLO)
            stream = sdk.chat.completions.create(model="alone", messages=HELLO, stream=True)
            return plain.choices[0].message.content, "".join(
                piece.choices[0].delta.content or "" for piece in stream if piece.choices
            )

    plain, streamed = await asyncio.to_thread(ask)
    assert plain == streamed != ""


async def test_the_sdks_own_stream_helper_sees_a_whole_completion(served: Serving) -> None:
    async with served.sdk() as sdk, sdk.chat.completions.stream(model="alone", messages=HELLO) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_completion()
    assert kinds[-1] == "content.done"
    assert final.choices[0].finish_reason == "stop"


async def test_the_usage_chunk_comes_when_it_is_asked_for(served: Serving) -> None:
    async with served.sdk() as sdk:
        stream = await sdk.chat.completions.create(
            model="alone", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [piece async for piece in stream]
    assert chunks[-1].usage.completion_tokens == 12
    assert chunks[-1].choices == []


async def test_unasked_no_usage_chunk_comes_and_yet_the_usage_is_recorded(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.chat.completions.with_raw_response.create(model="alone", messages=HELLO, stream=True)
        chunks = [piece async for piece in answer.parse()]
    assert all(piece.choices and piece.usage is None for piece in chunks)
    assert served.sim.seen("primary")[0].body["stream_options"] == {"include_usage": True}
    record = await recorded(served, answer.headers["x-segue-call-id"])
    assert (record["code"], record["streamed"], record["output_tokens"]) == ("ok", True, 12)
    assert record["input_tokens"] > 0


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_and_parallel_tools_go_through(served: Serving, stream: bool) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.chat.completions.create(
            model="alone", messages=USE_TOOL, tools=[TOOL, TOOL | {"function": TOOL["function"] | {"name": "time"}}],
            parallel_tool_calls=True, tool_choice="required", stream=stream,
        )  # fmt: skip
        if stream:
            deltas = [piece.choices[0].delta async for piece in answer]
            called = [call for delta in deltas for call in delta.tool_calls or ()]
            arguments = "".join(call.function.arguments or "" for call in called)
            name = called[0].function.name
        else:
            function = answer.choices[0].message.tool_calls[0].function
            name, arguments = function.name, function.arguments
    assert name in {"weather", "time"}
    assert isinstance(json.loads(arguments), dict)


async def test_the_result_of_a_tool_can_be_sent_back(served: Serving) -> None:
    async with served.sdk() as sdk:
        first = await sdk.chat.completions.create(model="alone", messages=USE_TOOL, tools=[TOOL])
        message = first.choices[0].message
        result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
        second = await sdk.chat.completions.create(
            model="alone", messages=[*USE_TOOL, message, result, *HELLO], tools=[TOOL]
        )
    assert second.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
async def test_several_answers_come_whole(served: Serving, stream: bool) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.chat.completions.create(model="alone", messages=HELLO, n=2, stream=stream)
        if stream:
            finished = [
                choice.index async for piece in answer for choice in piece.choices if choice.finish_reason is not None
            ]
        else:
            finished = [choice.index for choice in answer.choices]
    assert sorted(finished) == [0, 1]


EVERYTHING = {
    "messages": [
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": 'in 5 words — ünïcode \u2028 " \\ \n'}]},
    ],
    "temperature": 0.1, "top_p": 0.90, "max_completion_tokens": 100, "frequency_penalty": -0.5,
    "seed": 7, "stop": ["never"], "user": "u-1", "logit_bias": {"50256": -100}, "logprobs": True, "top_logprobs": 2,
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    "presence_penalty": 0.25, "verbosity": "low", "prediction": {"type": "content", "content": "x"},
    "metadata": {"a": "b"}, "store": False, "service_tier": "auto", "reasoning_effort": "low", "modalities": ["text"],
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
async def test_every_parameter_reaches_the_provider_byte_by_byte(served: Serving, stream: bool) -> None:
    sent = json.dumps(
        {"model": "alone", **EVERYTHING, "fallbacks": ["backup/gpt-4o-mini"], "stream": stream}, ensure_ascii=False
    ).encode()
    answer = await served.ask("POST", "/v1/chat/completions", data=sent, headers={"content-type": "application/json"})
    assert answer.status == 200, answer.body
    seen = served.sim.seen("primary")[0].raw_body
    expected = {**json.loads(sent), "model": "gpt-4o"}
    del expected["fallbacks"]
    if stream:
        expected["stream_options"] = {"include_usage": True}
    assert json.loads(seen) == expected
    assert list(json.loads(seen)) == list(expected)
    # Byte by byte: the spelling of each value, spaces and all, is the caller's.
    for name, value in EVERYTHING.items():
        assert json.dumps(value, ensure_ascii=False).encode() in seen, name


async def test_headers_tell_who_answered_and_after_how_many_attempts(served: Serving) -> None:
    served.sim.fault("primary", "status", code=503)
    async with served.sdk() as sdk:
        answer = await sdk.chat.completions.with_raw_response.create(model="smart", messages=HELLO)
    headers = answer.headers
    assert headers["x-segue-provider"] == "backup"
    assert headers["x-segue-model"] == "gpt-4o-mini"
    assert headers["x-segue-attempts"] == "2"
    assert headers["x-segue-cache"] == "off"
    assert headers["x-request-id"] == headers["x-segue-call-id"]
    assert 0 <= float(headers["x-segue-overhead-ms"]) < 1000
    assert answer.parse()._request_id == headers["x-segue-call-id"]
    assert answer.parse().model == "gpt-4o-mini"


async def test_the_record_of_a_call_names_its_attempts(served: Serving) -> None:
    served.sim.fault("primary", "status", code=503)
    answer = await served.chat("smart", headers={"x-segue-tags": "team=blue", "x-segue-user": "u-7"})
    record = await recorded(served, answer.headers["x-segue-call-id"])
    assert [(one["provider"], one["kind"]) for one in record["attempts"]] == [
        ("primary", "overloaded"),
        ("backup", None),
    ]
    assert (record["provider"], record["surface"], record["operation"]) == ("backup", "openai", "chat")
    assert (record["tags"], record["user"]) == ({"team": "blue"}, "u-7")


async def test_models_are_listed_and_found_by_every_name_also_with_slashes(served: Serving) -> None:
    for prefix in ("/v1", "/openai/v1"):
        async with served.sdk(prefix=prefix) as sdk:
            listed = [model.id async for model in sdk.models.list()]
            assert {"smart", "alone", "gpt-4o", "primary/gpt-4o", "backup/gpt-4o-mini"} <= set(listed)
            for name in listed:
                assert (await sdk.models.retrieve(name)).id == name
            assert (await sdk.models.retrieve("primary/gpt-4o")).owned_by == "primary"
            with pytest.raises(openai.NotFoundError) as caught:
                await sdk.models.retrieve("primary/gpt-4")
    assert "primary/gpt-4o" in caught.value.message


async def test_a_model_of_a_provider_that_takes_any_name_is_found_though_nobody_lists_it() -> None:
    providers = {"local": {"adapter": "openai", "base_url": "{sim}/local/v1", "key": "sk-local-1", "models": ["*"]}}
    async with serving(providers=providers) as served, served.sdk() as sdk:
        for name in ("local/some/model:free", "local/50%25 off", "local/ünïcode"):
            assert (await sdk.models.retrieve(name)).id == name
            answer = await sdk.chat.completions.create(model=name, messages=HELLO)
            assert answer.model == name.removeprefix("local/")
        assert [model.id async for model in sdk.models.list()] == []


async def test_a_name_with_a_line_break_cannot_break_into_the_headers() -> None:
    providers = {"local": {"adapter": "openai", "base_url": "{sim}/local/v1", "key": "sk-local-1", "models": ["*"]}}
    async with serving(providers=providers) as served:
        answer = await served.chat("local/x\r\nset-cookie: a=b")
        assert answer.status == 200
        assert answer.headers["x-segue-model"] == "x??set-cookie: a=b"
        assert "set-cookie" not in answer.headers


async def test_the_sdks_own_time_limit_shortens_the_deadline(served: Serving) -> None:
    served.sim.fault("primary", "silence")
    async with served.sdk(timeout=openai.Timeout(30, read=0.3)) as sdk:
        with pytest.raises((openai.APITimeoutError, openai.InternalServerError)):
            await sdk.chat.completions.create(model="alone", messages=HELLO)
    await eventually(lambda: served.calls)
    assert served.calls[0].code in {"deadline_exceeded", "cancelled"}
    assert served.calls[0].elapsed < 5


async def test_fallbacks_in_the_body_and_in_the_header_mean_the_same(served: Serving) -> None:
    served.sim.fault("primary", "status", code=500)
    async with served.sdk() as sdk:
        by_body = await sdk.chat.completions.create(
            model="alone", messages=HELLO, extra_body={"fallbacks": ["backup/gpt-4o-mini"]}
        )
        by_header = await sdk.chat.completions.create(
            model="alone", messages=HELLO, extra_headers={"x-segue-fallbacks": "backup/gpt-4o-mini"}
        )
    assert by_body.model == by_header.model == "gpt-4o-mini"
    assert "fallbacks" not in served.sim.seen("backup")[0].body


async def test_only_the_providers_key_goes_upstream_never_the_clients(served: Serving) -> None:
    secret = "sk-client-key-9876"
    async with served.sdk(key=secret, default_headers={"x-custom": secret, "cookie": f"a={secret}"}) as sdk:
        await sdk.chat.completions.create(model="alone", messages=HELLO)
    record = served.sim.seen("primary")[0]
    assert record.headers["authorization"] == f"...{PRIMARY_KEY[-4:]}"
    assert "9876" not in json.dumps(record.headers)
    assert not {name for name in record.headers if name.startswith(("x-stainless", "x-custom", "cookie", "openai-"))}
    assert record.headers["user-agent"].startswith("segue/")
