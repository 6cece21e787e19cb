"""OpenAI's Responses through the official SDK, whoever answers: turns by `previous_response_id` go on anywhere."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import openai
import pytest

from support.service import Serving, serving

OPENAI = "oai/gpt-4o"
CHAT = "chatonly/gpt-4o-mini"
CLAUDE = "claude/claude-sonnet-4-5"
EVERYONE = (OPENAI, CHAT, CLAUDE)
PROVIDERS: Mapping[str, Any] = {
    "oai": {"adapter": "openai", "base_url": "{sim}/oai/v1", "key": "sk-oai-0001", "models": ["gpt-4o", "o3"]},
    "chatonly": {
        "adapter": "openai", "base_url": "{sim}/chatonly/v1", "key": "sk-chat-0002", "models": ["gpt-4o-mini"],
        "formats": ["chat"],
    },
    "claude": {
        "adapter": "anthropic", "base_url": "{sim}/claude", "key": "sk-ant-0003", "models": ["claude-sonnet-4-5"],
    },
}  # fmt: skip
"""One that speaks Responses itself, and two for which they are translated."""

TOOL: Any = {
    "type": "function",
    "name": "weather",
    "description": "the weather",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}


@pytest.fixture
async def three() -> AsyncIterator[Serving]:
    async with serving(providers=PROVIDERS, models={"any": [OPENAI, CHAT]}) as served:
        yield served


async def admin(served: Serving) -> str:
    return (await served.ask("POST", "/admin/keys", json={"name": "boss", "admin": True})).json["key"]


async def key_of(served: Serving, boss: str, name: str) -> str:
    headers = {"authorization": f"Bearer {boss}"}
    return (await served.ask("POST", "/admin/keys", json={"name": name}, headers=headers)).json["key"]


@pytest.mark.parametrize("model", EVERYONE)
@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_plain_and_streamed_responses_say_the_same(three: Serving, model: str, prefix: str) -> None:
    async with three.sdk(prefix=prefix) as sdk:
        plain = await sdk.responses.create(model=model, input="hello in 12 words")
        async with sdk.responses.stream(model=model, input="hello in 12 words") as stream:
            events = [event async for event in stream]
            final = await stream.get_final_response()
    assert len(plain.output_text.split()) == 12
    assert plain.output_text == final.output_text
    assert plain.id.startswith("resp_")
    assert plain.usage is not None
    assert plain.usage.output_tokens >= 12
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert kinds[-4:] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))


@pytest.mark.parametrize("second", EVERYONE)
@pytest.mark.parametrize("first", EVERYONE)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_asked_for_by_one_provider_is_answered_to_another(
    three: Serving, first: str, second: str, stream: bool
) -> None:
    async with three.sdk() as sdk:
        asked = await sdk.responses.create(model=first, input="use the tool", tools=[TOOL], stream=stream)
        if stream:
            asked = [event async for event in asked][-1].response
        call = next(item for item in asked.output if item.type == "function_call")
        result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny and 21 degrees"}]
        said = await sdk.responses.create(model=second, input=result, tools=[TOOL], previous_response_id=asked.id)
    assert said.status == "completed"
    assert said.output_text
    upstream = three.sim.seen(second.partition("/")[0])[-1].raw_body
    assert b"use the tool" in upstream
    assert b"sunny and 21 degrees" in upstream
    assert call.call_id.encode() in upstream
    assert b"previous_response_id" not in upstream


async def test_a_stream_that_is_just_being_answered_can_be_gone_on_from_at_once(three: Serving) -> None:
    """A client need not wait for the connection's end: the last event is enough."""
    async with three.sdk() as sdk:
        for model in EVERYONE:
            async for event in await sdk.responses.create(model=model, input="hello", stream=True):
                if event.type == "response.completed":
                    following = await sdk.responses.create(
                        model=model, input="and?", previous_response_id=event.response.id
                    )
                    assert following.output_text


async def test_the_thinking_of_one_turn_is_there_in_the_next(three: Serving) -> None:
    async with three.sdk() as sdk:
        thought = await sdk.responses.create(
            model="oai/o3", input="think", reasoning={"summary": "auto"}, include=["reasoning.encrypted_content"]
        )
        assert "reasoning" in [item.type for item in thought.output]
        for model in ("oai/o3", CHAT, CLAUDE):
            said = await sdk.responses.create(model=model, input="go on", previous_response_id=thought.id)
            assert said.output_text


async def test_a_failover_in_the_second_turn_is_not_noticed(three: Serving) -> None:
    async with three.sdk() as sdk:
        first = await sdk.responses.create(model="any", input="hello in 5 words")
        three.sim.fault("oai", "status", code=503)
        second = await sdk.responses.with_raw_response.create(
            model="any", input="and again", previous_response_id=first.id
        )
    assert second.headers["x-segue-provider"] == "chatonly"
    assert b"hello in 5 words" in three.sim.seen("chatonly")[-1].raw_body
    assert second.parse().previous_response_id == first.id


async def test_what_translating_loses_is_told(three: Serving) -> None:
    answer = await three.ask(
        "POST", "/v1/responses", json={"model": CLAUDE, "input": "hi", "text": {"verbosity": "low"}}
    )
    assert answer.status == 200
    assert "verbosity" in answer.headers["x-segue-warnings"]


async def test_a_kept_response_can_be_read_and_listed_and_deleted(three: Serving) -> None:
    async with three.sdk() as sdk:
        for model in EVERYONE:
            made = await sdk.responses.create(model=model, input="hello in 5 words")
            assert (await sdk.responses.retrieve(made.id)).output_text == made.output_text
            items = [item async for item in sdk.responses.input_items.list(made.id)]
            assert [item.content[0].text for item in items] == ["hello in 5 words"]
            with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
                await sdk.responses.cancel(made.id)
            await sdk.responses.delete(made.id)
            for gone in (sdk.responses.retrieve, sdk.responses.delete, sdk.responses.cancel):
                with pytest.raises(openai.NotFoundError):
                    await gone(made.id)
            if model != OPENAI:  # whose provider has a copy of its own
                with pytest.raises(openai.BadRequestError) as caught:
                    await sdk.responses.create(model=model, input="and?", previous_response_id=made.id)
                assert caught.value.code == "previous_response_not_found"


async def test_the_items_of_a_conversation_come_page_by_page_in_either_order(three: Serving) -> None:
    turns: Any = [{"role": "user" if number % 2 == 0 else "assistant", "content": f"{number}"} for number in range(7)]
    async with three.sdk() as sdk:
        made = await sdk.responses.create(model=CHAT, input=turns)
        newest = [item.content[0].text async for item in sdk.responses.input_items.list(made.id, limit=2)]
        oldest = [item.content[0].text async for item in sdk.responses.input_items.list(made.id, limit=3, order="asc")]
    assert newest == ["6", "5", "4", "3", "2", "1", "0"]
    assert oldest == newest[::-1]
    for query in ("limit=0", "limit=101", "limit=x", "order=up", "after=nobody"):
        answer = await three.ask("GET", f"/v1/responses/{made.id}/input_items?{query}")
        assert (answer.status, answer.error["param"]) == (400, query.partition("=")[0])


async def test_a_response_belongs_to_its_caller(three: Serving) -> None:
    boss = await admin(three)
    ours, theirs = await key_of(three, boss, "ours"), await key_of(three, boss, "theirs")
    async with three.sdk(key=ours) as mine, three.sdk(key=theirs) as other:
        made = await mine.responses.create(model=CHAT, input="a secret")
        for ask in (other.responses.retrieve, other.responses.delete, other.responses.cancel):
            with pytest.raises(openai.NotFoundError):
                await ask(made.id)
        with pytest.raises(openai.NotFoundError):
            await other.responses.input_items.list(made.id)
        with pytest.raises(openai.BadRequestError) as caught:
            await other.responses.create(model=CHAT, input="and?", previous_response_id=made.id)
        assert caught.value.code == "previous_response_not_found"
        assert (await mine.responses.retrieve(made.id)).id == made.id
    assert (await three.ask("GET", f"/v1/responses/{made.id}")).status == 401


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_not_to_be_stored_is_not(three: Serving, stream: bool) -> None:
    async with three.sdk() as sdk:
        for model in EVERYONE:
            made = await sdk.responses.create(model=model, input="hello", store=False, stream=stream)
            if stream:
                made = [event async for event in made][-1].response
            with pytest.raises(openai.NotFoundError):
                await sdk.responses.retrieve(made.id)


async def test_an_id_that_only_the_provider_knows_is_left_to_it(three: Serving) -> None:
    async with three.sdk() as sdk:
        made = await sdk.responses.create(model=OPENAI, input="hello in 5 words")
        await sdk.responses.delete(made.id)  # ours, not the provider's
        following = await sdk.responses.create(model=OPENAI, input="and?", previous_response_id=made.id)
        assert following.previous_response_id == made.id
        assert json.loads(three.sim.seen("oai")[-1].raw_body)["previous_response_id"] == made.id
        # Its beginning is not known here, so nobody but the provider can go on from it.
        with pytest.raises(openai.NotFoundError):
            await sdk.responses.retrieve(following.id)
        assert (await sdk.responses.create(model=OPENAI, input="so?", previous_response_id=following.id)).output_text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", EVERYONE)
async def test_an_id_that_nobody_knows_is_refused_in_openais_words(three: Serving, model: str, stream: bool) -> None:
    async with three.sdk() as sdk:
        with pytest.raises(openai.BadRequestError) as caught:
            await sdk.responses.create(model=model, input="and?", previous_response_id="resp_nobody", stream=stream)
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"
    assert caught.value.body is not None


async def test_background_and_unknown_paths_are_refused_clearly(three: Serving) -> None:
    async with three.sdk() as sdk:
        with pytest.raises(openai.BadRequestError, match="'background'") as caught:
            await sdk.responses.create(model=OPENAI, input="hello", background=True)
    assert caught.value.param == "background"
    assert (await three.ask("POST", "/v1/responses/resp_1/compact")).status == 501
    assert (await three.ask("PUT", "/v1/responses/resp_1")).status == 405
    assert (await three.ask("GET", "/v1/responses")).status == 405
    assert three.sim.seen() == []


@pytest.mark.parametrize("model", EVERYONE)
async def test_a_stream_that_breaks_makes_the_sdk_raise_and_keeps_nothing(three: Serving, model: str) -> None:
    account = model.partition("/")[0]
    three.sim.fault(account, "cut", after=4)
    events: list[Any] = []

    async def read(stream: Any) -> None:
        async for event in stream:
            events.append(event)  # noqa: PERF401 - what came before the error is wanted, too

    async with three.sdk() as sdk:
        stream = await sdk.responses.create(model=model, input="hello in 40 words", stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            await read(stream)
        assert events
        with pytest.raises(openai.NotFoundError):
            await sdk.responses.retrieve(events[0].response.id)


async def test_fallbacks_in_the_body_are_ours_and_not_sent_on(three: Serving) -> None:
    three.sim.fault("oai", "status", code=503)
    answer = await three.ask("POST", "/v1/responses", json={"model": OPENAI, "input": "hi", "fallbacks": [CHAT]})
    assert answer.headers["x-segue-provider"] == "chatonly"
    assert b"fallbacks" not in three.sim.seen("oai")[-1].raw_body


async def test_a_conversation_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with serving(providers=PROVIDERS, directory=tmp_path) as before, before.sdk() as sdk:
        made = [await sdk.responses.create(model=model, input=f"I am {model}") for model in EVERYONE]
    async with serving(providers=PROVIDERS, directory=tmp_path) as after, after.sdk() as sdk:
        for one, model in zip(made, EVERYONE[::-1], strict=True):
            assert (await sdk.responses.retrieve(one.id)).output_text == one.output_text
            said = await sdk.responses.create(model=model, input="who am I?", previous_response_id=one.id)
            assert said.output_text
            assert b"I am " in after.sim.seen(model.partition("/")[0])[-1].raw_body
            await sdk.responses.delete(one.id)
    async with serving(providers=PROVIDERS, directory=tmp_path) as later, later.sdk() as sdk:
        for one in made:
            with pytest.raises(openai.NotFoundError):
                await sdk.responses.retrieve(one.id)


async def test_many_conversations_at_once_do_not_mix(three: Serving) -> None:
    async with three.sdk() as sdk:

        async def talk(number: int) -> None:
            model = EVERYONE[number % 3]
            first = await sdk.responses.create(model=model, input=f"number {number}.")
            second = await sdk.responses.create(model=CHAT, input="and?", previous_response_id=first.id)
            items = [item async for item in sdk.responses.input_items.list(second.id, order="asc")]
            assert items[0].content[0].text == f"number {number}."
            assert items[1].content[0].text == first.output_text

        await asyncio.gather(*(talk(number) for number in range(30)))
