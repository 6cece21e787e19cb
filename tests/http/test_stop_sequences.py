"""Stop sequences before providers that take none: official SDKs see the answer end as if the vendor had stopped."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest

from backends.scripted import Peer
from backends.scripted import serving as scripted
from support.service import CALM, Serving, eventually, serving

RESPONSES = "oai/gpt-4o"
PRICED = {"overrides": {"oai/*": {"input": 2, "output": 10}}}
PROVIDERS: Any = {
    "oai": {"adapter": "openai-responses", "base_url": "{sim}/oai/v1", "key": "sk-o-0001", "models": ["gpt-4o", "o3"]},
    "chat": {
        "adapter": "openai", "base_url": "{sim}/chat/v1", "key": "sk-c-0002", "models": ["o3"], "formats": ["chat"],
    },
    "xai": {"adapter": "xai", "base_url": "{sim}/xai/v1", "key": "sk-x-0003", "models": ["grok-3-mini"]},
    "claude": {
        "adapter": "anthropic", "base_url": "{sim}/claude", "key": "sk-a-0004", "models": ["claude-sonnet-4-5"],
    },
}  # fmt: skip
ASKED = [{"role": "user", "content": "before HALT after"}]
SHOWN = "You said: before "
QUICK = {"default": {**CALM["default"], "timeouts": {"idle": "400ms"}}}


@asynccontextmanager
async def service(**sections: Any) -> AsyncIterator[Serving]:
    async with serving(**{"providers": PROVIDERS, "prices": PRICED, **sections}) as served:
        yield served


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    async with service() as one:
        yield one


def claude_of(served: Serving) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=served.url, api_key="not-needed", max_retries=0)


async def chats(served: Serving, model: str = RESPONSES, **more: Any) -> tuple[str, list[Any], Any]:
    """The text of a streamed chat, its pieces, and its headers."""
    options = {"stop": ["HALT"], "stream_options": {"include_usage": True}, **more}
    async with served.sdk() as sdk:
        raw = await sdk.chat.completions.with_raw_response.create(model=model, messages=ASKED, stream=True, **options)
        pieces = [piece async for piece in raw.parse()]
    text = "".join(choice.delta.content or "" for piece in pieces for choice in piece.choices)
    return text, pieces, raw.headers


async def cost_of(served: Serving) -> dict[str, Any]:
    """What the record of the last call says of its only attempt's cost."""
    ended = await eventually(lambda: served.calls and served.calls[-1])
    (attempt,) = (await served.ask("GET", f"/v1/calls/{ended.call.id}")).json["attempts"]
    return attempt


async def test_a_chat_ends_before_its_stop_sequence_whole_and_streamed(served: Serving) -> None:
    async with served.sdk() as sdk:
        raw = await sdk.chat.completions.with_raw_response.create(model=RESPONSES, messages=ASKED, stop="HALT")
    whole = raw.parse()
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (SHOWN, "stop")
    text, pieces, headers = await chats(served)
    assert (text, [choice.finish_reason for piece in pieces for choice in piece.choices][-1]) == (SHOWN, "stop")
    for told in (raw.headers, headers):
        assert "stop changed for oai/gpt-4o: Segue stops the text itself" in told["x-segue-warnings"]
    assert pieces[-1].usage == whole.usage, "what the vendor bills, its unseen words too"
    assert whole.usage.completion_tokens > len(SHOWN.split()) + 5
    assert all("stop" not in one.body for one in served.sim.seen("oai"))


async def test_a_message_ends_with_the_sequence_named(served: Serving) -> None:
    asked: Any = {"model": RESPONSES, "max_tokens": 100, "messages": ASKED, "stop_sequences": ["never", "HALT"]}
    async with claude_of(served) as sdk:
        whole = await sdk.messages.create(**asked)
        async with sdk.messages.stream(**asked) as stream:
            streamed = await stream.get_final_message()
    for answer in (whole, streamed):
        assert [block.text for block in answer.content] == [SHOWN]
        assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "HALT")
    assert streamed.usage.output_tokens == whole.usage.output_tokens


async def test_the_cost_is_that_of_the_whole_answer_and_no_estimate(served: Serving) -> None:
    _, pieces, _ = await chats(served)
    usage = pieces[-1].usage
    attempt = await cost_of(served)
    billionths = sum(item["billionths"] for item in attempt["charge"]["items"])
    assert billionths == usage.prompt_tokens * 2_000 + usage.completion_tokens * 10_000
    assert not attempt["charge"]["estimated"]
    (answered,) = [one.outcome for one in served.sim.seen("oai")]
    assert answered == "answered"


async def test_the_reason_comes_at_once_and_the_usage_when_the_vendor_has_ended() -> None:
    """Longer than the second for which a vendor that has ended is waited for."""
    async with service() as served, served.sdk() as sdk:
        served.sim.fault("oai", "pace", token_delay=0.12)
        began = time.monotonic()
        stream = await sdk.chat.completions.create(
            model=RESPONSES, messages=ASKED, stop=["HALT"], stream=True, stream_options={"include_usage": True}
        )
        stopped = usage = None
        async for piece in stream:
            if piece.choices and piece.choices[0].finish_reason:
                stopped = time.monotonic() - began
            usage = piece.usage or usage
        ended = time.monotonic() - began
    assert stopped is not None
    assert usage is not None
    assert ended - stopped > 1.1
    assert usage.completion_tokens > 12


@pytest.mark.parametrize("fault", ["cut", "stall", "error_event"])
@pytest.mark.parametrize("on_cut", ["error", "continue"])
async def test_a_break_behind_the_sequence_is_no_break(fault: str, on_cut: str) -> None:
    policies = {**QUICK, "chat": {"on_cut": on_cut}}
    models = {"smart": [RESPONSES, "claude/claude-sonnet-4-5"]}
    async with service(policies=policies, models=models) as served:
        served.sim.fault("oai", fault, after=9)
        served.sim.fault("oai", "pace", token_delay=0.01)
        text, pieces, headers = await chats(served, "smart")
        assert (text, pieces[-1].choices[0].finish_reason) == (SHOWN, "stop")
        assert headers["x-segue-provider"] == "oai"
        attempt = await cost_of(served)
        assert (attempt["provider"], attempt["kind"], attempt["charge"]["estimated"]) == ("oai", None, True)
        assert not served.sim.seen("claude")


async def test_a_break_before_the_sequence_is_gone_on_with_and_both_texts_are_searched() -> None:
    policies = {**QUICK, "chat": {"on_cut": "continue"}}
    models = {"smart": [RESPONSES, "claude/claude-sonnet-4-5"]}
    async with service(policies=policies, models=models) as served:
        served.sim.fault("oai", "cut", after=2, reset=False)
        served.sim.fault("oai", "pace", token_delay=0.01)
        text, pieces, _ = await chats(served, "smart")
        assert (text, pieces[-2].choices[0].finish_reason) == (SHOWN, "stop")
        assert len(served.sim.seen("claude")) == 1


@pytest.mark.parametrize("hold", ["all", "64 tokens", "30s"])
async def test_a_stream_that_is_held_back_is_whole_when_it_has_stopped(served: Serving, hold: str) -> None:
    text, pieces, _ = await chats(served, extra_headers={"x-segue-hold": hold})
    assert (text, pieces[-1].usage is not None) == (SHOWN, True)


@pytest.mark.parametrize("model", ["chat/o3", "xai/grok-3-mini"])
async def test_models_that_refuse_the_setting_are_not_sent_it_where_the_request_is_translated(
    served: Serving, model: str
) -> None:
    asked: Any = {"model": model, "max_tokens": 100, "messages": ASKED, "stop_sequences": ["HALT"]}
    async with claude_of(served) as sdk:
        whole = await sdk.messages.create(**asked)
        async with sdk.messages.stream(**asked) as stream:
            streamed = await stream.get_final_message()
    for answer in (whole, streamed):
        assert answer.content[-1].text == SHOWN
        assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "HALT")
    assert all("stop" not in one.body for one in served.sim.seen(model.partition("/")[0]))


async def test_what_claude_would_not_take_ends_its_answer_all_the_same(served: Serving) -> None:
    async with served.sdk() as sdk:
        answer = await sdk.chat.completions.create(model="claude/claude-sonnet-4-5", messages=ASKED, stop=" ")
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("You", "stop")


async def test_more_sequences_than_segue_looks_for_are_refused_in_the_clients_shape(served: Serving) -> None:
    asked: Any = {"model": RESPONSES, "max_tokens": 100, "messages": ASKED}
    async with claude_of(served) as sdk:
        with pytest.raises(anthropic.BadRequestError, match=r"64 sequences of 256 characters at most"):
            await sdk.messages.create(**asked, stop_sequences=[f"s{number}" for number in range(65)])
    assert not served.sim.seen("oai")


# An answer that goes on with calls of tools behind the sequence; no simulated model does that.

_CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": '{"a":1}'}
_THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "I STOP to think."}]}


def _message(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def _response(*items: dict[str, Any]) -> dict[str, Any]:
    used = {"input_tokens": 11, "output_tokens": 900, "output_tokens_details": {"reasoning_tokens": 700}}
    known = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "error": None}
    return {**known, "status": "completed", "output": list(items), "usage": used}


def _events(*items: dict[str, Any]) -> bytes:
    told: list[dict[str, Any]] = [{"type": "response.created", "response": {**_response(), "usage": None}}]
    for place, item in enumerate(items):
        at = {"output_index": place, "item_id": item["id"]}
        told.append({"type": "response.output_item.added", **at, "item": {**item, "content": [], "summary": []}})
        if item["type"] == "message":
            (part,) = item["content"]
            part_at = {**at, "content_index": 0}
            told.append({"type": "response.content_part.added", **part_at, "part": {**part, "text": ""}})
            pieces = [*part["text"]]
            told += [{"type": "response.output_text.delta", **part_at, "delta": piece} for piece in pieces]
            told.append({"type": "response.content_part.done", **part_at, "part": part})
        elif item["type"] == "function_call":
            told.append({"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]})
        told.append({"type": "response.output_item.done", **at, "item": item})
    told.append({"type": "response.completed", "response": _response(*items)})
    return b"".join(b"event: %b\ndata: %b\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in told)


@asynccontextmanager
async def saying(*items: dict[str, Any]) -> AsyncIterator[Serving]:
    """A service before a provider of Responses whose answers are these items."""

    async def script(peer: Peer) -> None:
        while asked := await peer.request():
            stream = b'"stream":true' in asked
            body = _events(*items) if stream else json.dumps(_response(*items)).encode()
            kind = "text/event-stream" if stream else "application/json"
            head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
            await peer.say(head.encode() + body)

    async with scripted(script) as server:
        one = {"adapter": "openai-responses", "base_url": server.url("/v1"), "key": "sk-1", "models": ["m"]}
        async with serving(providers={"oai": one}, prices=PRICED) as served:
            yield served


TOOL: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


async def test_calls_and_texts_behind_the_sequence_are_dropped_and_thoughts_before_it_are_shown() -> None:
    items = (_THOUGHT, _message("one STOP two"), _CALL, {**_message("three"), "id": "msg_2"})
    asked: Any = {"model": "oai/m", "max_tokens": 9, "messages": ASKED, "stop_sequences": ["STOP"]}
    tools: Any = [{"name": "look", "input_schema": {"type": "object"}}]
    async with saying(*items) as served, claude_of(served) as sdk:
        whole = await sdk.messages.create(**asked, tools=tools)
        async with sdk.messages.stream(**asked, tools=tools) as stream:
            streamed = await stream.get_final_message()
        for answer in (whole, streamed):
            assert [block.type for block in answer.content] == ["thinking", "text"]
            assert (answer.content[0].thinking, answer.content[1].text) == ("I STOP to think.", "one ")
            assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "STOP")
            assert (answer.usage.input_tokens, answer.usage.output_tokens) == (11, 900)


async def test_a_call_without_any_sequence_before_it_is_a_call() -> None:
    async with saying(_message("one two"), _CALL) as served, served.sdk() as sdk:
        asked: Any = {"model": "oai/m", "messages": ASKED, "stop": ["STOP"], "tools": [TOOL]}
        answer = await sdk.chat.completions.create(**asked)
        assert answer.choices[0].finish_reason == "tool_calls"
        assert answer.choices[0].message.content == "one two"
        pieces = [piece async for piece in await sdk.chat.completions.create(**asked, stream=True)]
        assert pieces[-1].choices[0].finish_reason == "tool_calls"


async def test_an_error_keeps_its_shape(served: Serving) -> None:
    served.sim.fault("oai", "status", code=429)
    async with served.sdk() as sdk:
        with pytest.raises(openai.RateLimitError):
            await sdk.chat.completions.create(model=RESPONSES, messages=ASKED, stop="HALT")
