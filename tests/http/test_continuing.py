"""A stream that breaks after its content has begun, and is gone on with: what callers see, by their real SDKs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest

from backends.scripted import Peer
from backends.scripted import serving as scripted
from faults.callers import CALLERS, Heard, web
from segue.app.explain import explain
from segue.core.call import CallOptions, OnCut
from support.service import CALM, HELLO, Serving, contents, eventually, serving

SECRET = "sk-secret-of-everybody-0001"
CLAUDE = "claude-sonnet-4-5"
ACCOUNTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    # account: its path, its model, its settings
    "openai": ("/v1", "gpt-4o", {"adapter": "openai", "formats": ["chat"]}),
    "openai-responses": ("/v1", "gpt-4o", {"adapter": "openai-responses"}),
    "claude": ("", "claude-sonnet-4-5", {"adapter": "anthropic"}),
    "claude-new": ("", "claude-opus-4-6", {"adapter": "anthropic"}),
    "gemini": ("", "gemini-2.5-flash", {"adapter": "gemini"}),
    "gemini-new": ("", "gemini-3.6-flash", {"adapter": "gemini"}),
    "bedrock": ("", "us.anthropic.claude-haiku-4-5-20251001-v1:0", {"adapter": "bedrock", "region": "us-east-1"}),
    "groq": ("/openai/v1", "llama-3.3-70b-versatile", {"adapter": "groq"}),
    "mistral": ("/v1", "mistral-large-latest", {"adapter": "mistral"}),
    "deepseek": ("/v1", "deepseek-chat", {"adapter": "deepseek"}),
    "deepseek-thinks": ("/v1", "deepseek-reasoner", {"adapter": "deepseek"}),
    "openrouter": ("/api/v1", "meta-llama/llama-3.3-70b-instruct", {"adapter": "openrouter"}),
    "vllm": ("/v1", "meta-llama/Llama-3.1-8B-Instruct", {"adapter": "vllm"}),
    "ollama": ("", "llama3.2", {"adapter": "ollama", "native": True}),
}
GO_ON = ("claude", "gemini", "bedrock", "groq", "mistral", "deepseek", "openrouter", "vllm", "ollama")
"""Those that document it."""
FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "cut": ("cut", {"after": 3}, "stream_cut"),
    "closed": ("cut", {"after": 3, "reset": False}, "stream_cut"),
    "stall": ("stall", {"after": 3}, "stream_cut"),
    "error event": ("error_event", {"after": 3, "code": 500}, "server_error"),
    "end before finish": ("end_without_done", {"variant": "before_finish", "after": 3}, "stream_cut"),
}
CONTINUE = {"default": {**CALM["default"], "timeouts": {"idle": "300ms"}}, "chat": {"on_cut": "continue"}}


def names(*accounts: str) -> list[str]:
    return [f"{account}/{ACCOUNTS[account][1]}" for account in accounts]


@asynccontextmanager
async def behind(*accounts: str, policies: Any = CONTINUE, **more: Any) -> AsyncIterator[Serving]:
    """A service whose model `smart` is these accounts, tried in this order."""
    providers = {
        account: {**settings, "base_url": f"{{sim}}/{account}{path}", "key": SECRET, "models": [model]}
        for account, (path, model, settings) in ((name, ACCOUNTS[name]) for name in dict.fromkeys(accounts))
    }
    models = more.pop("models", {"smart": names(*accounts)})
    async with serving(providers=providers, models=models, policies=policies, **more) as served:
        yield served


def break_(served: Serving, account: str, fault: str = "closed", **options: Any) -> None:
    """Break an account's answers, whose words come one by one: what is read together breaks together.

    A connection that is closed loses nothing of what was sent, even on a busy machine; one that is cut may.
    """
    kind, usual, _ = FAULTS[fault]
    served.sim.fault(account, kind, **{**usual, **options})
    served.sim.fault(account, "pace", token_delay=0.005)


async def recorded(served: Serving) -> dict[str, Any]:
    """What `GET /v1/calls/{id}` says of the last call."""
    ended = await eventually(lambda: served.calls and served.calls[-1])
    async with asyncio.timeout(5):
        while (answer := await served.ask("GET", f"/v1/calls/{ended.call.id}")).status != 200:
            await asyncio.sleep(0.02)
    return answer.json


def kinds(record: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(attempt["provider"], attempt["kind"]) for attempt in record["attempts"]]


def mark(heard: Heard) -> Any:
    """What the caller is told of the seams, wherever its format has it."""
    body = bytes(heard.body).decode()
    at = body.index('"segue":') + len('"segue":')
    told, _ = json.JSONDecoder().raw_decode(body[at:])
    return told


async def nothing_left(served: Serving) -> None:
    await eventually(lambda: served.in_flight() == 0)
    gate = served.service.running.engine.world.gate
    await eventually(lambda: gate.under_way == 0)
    await eventually(lambda: all(one.outcome != "open" for one in served.sim.seen()))


PAIRS = [
    *(("openai", account) for account in GO_ON),
    *(("claude", "claude"), ("gemini", "gemini"), ("groq", "groq"), ("openai-responses", "claude")),
    *(("claude", "gemini"), ("gemini", "groq"), ("bedrock", "mistral"), ("ollama", "bedrock"), ("mistral", "claude")),
]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
async def test_every_sdk_sees_one_whole_answer_however_formats_change_in_its_middle(pair: tuple[str, str]) -> None:
    first, second = pair
    retries = {**CONTINUE, "default": {**CONTINUE["default"], "retries": 1}} if first == second else CONTINUE
    async with behind(*dict.fromkeys(pair), policies=retries) as served, web() as client:
        for made in CALLERS:
            caller = made(served.url, client)
            whole = await caller.ask("smart", stream=True)
            # Once only: the second answer of the same account must not break.
            break_(served, first, times=1)
            heard = await caller.ask("smart", stream=True)
            assert (heard.whole, heard.wrong, heard.raised) == (True, "", ""), (caller.name, bytes(heard.body))
            assert heard.text == whole.text, caller.name
            assert heard.headers["x-segue-provider"] == first
            model = ACCOUNTS[second][1]
            (seam,) = mark(heard)["continued"]
            assert (seam["provider"], seam["model"]) == (second, model)
            # A cut connection may take words along that were sent and not read yet.
            shown = heard.text[: seam["after_characters"]].split()
            assert 1 <= len(shown) <= 3
            assert shown == heard.text.split()[: len(shown)]
            record = await recorded(served)
            assert (record["code"], record["status"]) == ("ok", 200)
            assert kinds(record) == [(first, "stream_cut"), (second, None)]
            gone_on = f"after {seam['after_characters']} characters {second}/{model} went on with it"
            assert gone_on in record["attempts"][0]["message"]
            served.calls.clear()
            served.sim.clear()
        await nothing_left(served)


@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_breaks_the_stream_another_goes_on(fault: str) -> None:
    async with behind("openai", "claude") as served, web() as client:
        break_(served, "openai", fault)
        for made in CALLERS:
            heard = await made(served.url, client).ask("smart", stream=True)
            assert heard.whole, (made.name, heard)
            assert len(heard.text.split()) == 12
            assert kinds(await recorded(served)) == [("openai", FAULTS[fault][2]), ("claude", None)]
            served.calls.clear()
        await nothing_left(served)


async def test_one_id_one_beginning_one_end() -> None:
    async with behind("groq", "claude") as served:
        break_(served, "groq")
        answer = await served.chat("smart", stream=True, stream_options={"include_usage": True})
    events = [json.loads(line[6:]) for line in answer.body.decode().split("\n\n") if line and "[DONE]" not in line]
    assert len({event["id"] for event in events}) == 1
    assert len({event["model"] for event in events}) == 1
    choices = [event["choices"][0] for event in events if event["choices"]]
    assert sum("role" in choice["delta"] for choice in choices) == 1
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert answer.body.count(b"[DONE]") == 1


async def test_a_stream_that_breaks_twice_is_gone_on_with_twice() -> None:
    async with behind("openai", "groq", "claude") as served, web() as client:
        break_(served, "openai")
        break_(served, "groq", after=4)
        for made in CALLERS:
            heard = await made(served.url, client).ask("smart", stream=True)
            assert heard.whole, (made.name, heard)
            assert len(heard.text.split()) == 12
            first, second = mark(heard)["continued"]
            assert (first["provider"], second["provider"]) == ("groq", "claude")
            assert len(heard.text[: second["after_characters"]].split()) == 7
            record = await recorded(served)
            assert kinds(record) == [("openai", "stream_cut"), ("groq", "stream_cut"), ("claude", None)]
            served.calls.clear()


async def test_a_candidate_that_fails_before_it_adds_a_word_leaves_no_trace_in_the_answer() -> None:
    async with behind("openai", "groq", "claude") as served, web() as client:
        break_(served, "openai")
        for fault, options in (("status", {"code": 503}), ("cut", {"after": 0}), ("error_event", {"code": 500})):
            served.sim.fault("groq", fault, **options)
            for made in CALLERS:
                heard = await made(served.url, client).ask("smart", stream=True)
                assert heard.whole, (made.name, fault, heard)
                assert len(heard.text.split()) == 12
                assert [seam["provider"] for seam in mark(heard)["continued"]] == ["claude"]
            served.sim.clear("groq")


NOBODY = (("openai",), ("openai", "openai-responses"), ("openai", "claude-new", "gemini-new"))


@pytest.mark.parametrize("accounts", NOBODY, ids=" then ".join)
async def test_where_nobody_goes_on_the_caller_gets_the_error_of_its_own_protocol(accounts: tuple[str, ...]) -> None:
    async with behind(*accounts) as served, web() as client:
        break_(served, "openai")
        for made in CALLERS:
            heard = await made(served.url, client).ask("smart", stream=True)
            assert heard.raised in made.breaks, (made.name, heard)
            assert len(heard.text.split()) == 3
            ended = await eventually(lambda: served.calls and served.calls[-1])
            assert (ended.code, ended.failure.kind.value) == ("stream_cut", "stream_cut")
            served.calls.clear()
        for account in accounts[1:]:
            assert served.sim.seen(account) == []  # nobody was asked who would write it all anew
        await nothing_left(served)


WAYS: dict[str, tuple[dict[str, str], dict[str, Any], dict[str, str], bool]] = {
    # header, what the name says, policy of `chat`, whether it is gone on with
    "policy": ({}, {}, {"on_cut": "continue"}, True),
    "alias": ({}, {"on_cut": "continue"}, {}, True),
    "header": ({"x-segue-on-cut": "continue"}, {}, {}, True),
    "nothing": ({}, {}, {}, False),
    "alias over policy": ({}, {"on_cut": "error"}, {"on_cut": "continue"}, False),
    "header over alias": ({"x-segue-on-cut": "error"}, {"on_cut": "continue"}, {"on_cut": "continue"}, False),
}


@pytest.mark.parametrize("way", WAYS)
async def test_the_request_goes_before_the_name_and_the_name_before_the_policy(way: str) -> None:
    headers, alias, policy, goes_on = WAYS[way]
    models = {"smart": {"tiers": names("openai", "claude"), **alias}}
    async with (
        behind("openai", "claude", policies={**CALM, "chat": policy}, models=models) as served,
        served.sdk() as sdk,
    ):
        break_(served, "openai")
        stream = await sdk.chat.completions.create(model="smart", messages=HELLO, stream=True, extra_headers=headers)
        words: list[str] = []
        if goes_on:
            await contents(stream, words)
            assert len("".join(words).split()) == 12
        else:
            with pytest.raises(openai.APIError, match="broke off"):
                await contents(stream, words)
            assert len(words) == 3


async def test_a_header_that_is_no_word_for_it_is_refused() -> None:
    async with behind("openai") as served:
        answer = await served.chat("smart", headers={"x-segue-on-cut": "maybe"})
    assert answer.status == 400
    assert "expected error or continue" in answer.error["message"]


TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
UNFIT: dict[str, dict[str, Any]] = {
    "two answers": {"n": 2},
    "probabilities": {"logprobs": True},
    "JSON": {"response_format": {"type": "json_object"}},
    "a call of a tool": {"tools": [TOOL], "messages": [{"role": "user", "content": "use the tool"}]},
    "a refusal": {"messages": [{"role": "user", "content": "please refuse"}]},
}


@pytest.mark.parametrize("unfit", UNFIT)
async def test_what_could_not_be_gone_on_with_well_ends_with_the_error(unfit: str) -> None:
    async with behind("openai", "groq", "claude") as served, served.sdk() as sdk:
        break_(served, "openai")
        stream = await sdk.chat.completions.create(
            **{"model": "smart", "messages": HELLO, "stream": True, **UNFIT[unfit]}
        )
        with pytest.raises(openai.APIError, match="broke off"):
            async for _ in stream:
                pass
        assert served.sim.seen("groq") + served.sim.seen("claude") == []


async def test_thoughts_are_not_gone_on_with() -> None:
    async with behind("deepseek-thinks", "groq") as served, served.sdk() as sdk:
        break_(served, "deepseek-thinks")
        stream = await sdk.chat.completions.create(model="smart", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="broke off"):
            async for _ in stream:
                pass
        assert served.sim.seen("groq") == []


async def test_attempts_are_counted_as_always() -> None:
    async with behind("openai", "groq", "claude") as served, served.sdk() as sdk:
        break_(served, "openai")
        break_(served, "groq", after=2)
        stream = await sdk.chat.completions.create(
            model="smart", messages=HELLO, stream=True, extra_headers={"x-segue-max-attempts": "2"}
        )
        words: list[str] = []
        with pytest.raises(openai.APIError, match="broke off"):
            await contents(stream, words)
        assert len("".join(words).split()) == 5
        assert served.sim.seen("claude") == []


async def test_the_same_candidate_goes_on_when_nobody_else_can_as_often_as_it_may_be_retried() -> None:
    policies = {**CONTINUE, "default": {**CONTINUE["default"], "retries": 2}}
    async with behind("groq", "openai", policies=policies) as served, served.sdk() as sdk:
        break_(served, "groq", after=5, times=2)
        stream = await sdk.chat.completions.create(model="smart", messages=HELLO, stream=True)
        words: list[str] = []
        await contents(stream, words)
        assert len("".join(words).split()) == 12
        record = await recorded(served)
        assert [one for one in kinds(record) if one[0] == "groq"] == [
            ("groq", "stream_cut"), ("groq", "stream_cut"), ("groq", None)
        ]  # fmt: skip
        served.sim.clear()
        served.calls.clear()
        break_(served, "groq", after=2)
        stream = await sdk.chat.completions.create(model="smart", messages=HELLO, stream=True)
        words = []
        with pytest.raises(openai.APIError, match="broke off"):
            await contents(stream, words)
        assert len("".join(words).split()) == 6  # three attempts of two words each


async def test_a_caller_that_hangs_up_while_another_is_asked_stops_that_one() -> None:
    async with behind("openai", "claude") as served:
        break_(served, "openai")
        served.sim.fault("claude", "silence")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await served.chat("smart", stream=True)
        ended = await eventually(lambda: served.calls and served.calls[-1])
        assert ended.code == "cancelled"
        assert [attempt.cancelled for attempt in ended.call.attempts] == [False, True]
        await nothing_left(served)


async def test_the_usage_is_that_of_both_and_each_attempt_has_its_own_cost() -> None:
    price = {"input": 1.0, "output": 10.0}
    providers = {
        account: {
            **ACCOUNTS[account][2], "base_url": f"{{sim}}/{account}{ACCOUNTS[account][0]}", "key": SECRET,
            "models": {ACCOUNTS[account][1]: {"prices": price}},
        }
        for account in ("claude", "groq")
    }  # fmt: skip
    async with serving(providers=providers, models={"smart": names("claude", "groq")}, policies=CONTINUE) as served:
        break_(served, "claude")
        answer = await served.chat("smart", stream=True, stream_options={"include_usage": True})
        usage = next(json.loads(line[6:])["usage"] for line in answer.body.decode().split("\n\n") if '"usage":' in line)
        record = await recorded(served)
    broken, gone_on = record["attempts"]
    # Anthropic tells the input at once and the output too late: three words, a token each, are counted.
    assert (broken["input_tokens"] > 0, gone_on["output_tokens"]) == (True, 9)
    assert usage["prompt_tokens"] == broken["input_tokens"] + gone_on["input_tokens"]
    assert usage["completion_tokens"] == 3 + 9
    assert gone_on["input_tokens"] > broken["input_tokens"]  # what was written is input now
    first, second = (attempt["charge"] for attempt in record["attempts"])
    assert (first["estimated"], second["estimated"]) == (True, False)
    assert [item["quantity"] for item in first["items"]] == [broken["input_tokens"], 3]
    assert [item["quantity"] for item in second["items"]] == [gone_on["input_tokens"], 9]
    assert record["cost_billionths"] == first["cost"]["billionths"] + second["cost"]["billionths"]


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


async def two_words_with_a_space_behind_each(peer: Peer) -> None:
    await peer.request()
    await peer.say(HEAD)
    for word in ("one ", "two "):
        data = json.dumps({"id": "c", "choices": [{"index": 0, "delta": {"content": word}}]}).encode()
        await peer.say(b"%x\r\ndata: %s\n\n\r\n" % (len(data) + 8, data))
        await asyncio.sleep(0.05)


async def test_white_space_at_the_seam_is_neither_sent_nor_doubled() -> None:
    async with scripted(two_words_with_a_space_behind_each) as server:
        providers = {
            "odd": {"adapter": "openai", "base_url": server.url("/v1"), "key": SECRET, "models": ["m"]},
            "claude": {
                "adapter": "anthropic",
                "base_url": "{sim}/claude",
                "key": SECRET,
                "models": ["claude-sonnet-4-5"],
            },
        }
        models = {"smart": ["odd/m", f"claude/{CLAUDE}"]}
        async with serving(providers=providers, models=models, policies=CONTINUE) as served, served.sdk() as sdk:
            stream = await sdk.chat.completions.create(model="smart", messages=HELLO, stream=True)
            words: list[str] = []
            await contents(stream, words)
            (asked,) = served.sim.seen("claude")
    begun = asked.body["messages"][-1]
    # Claude refuses a beginning that ends with white space, and so does the simulator.
    assert (begun["role"], begun["content"][0]["text"]) == ("assistant", "one two")
    text = "".join(words)
    assert text.startswith("one two ")
    assert "  " not in text
    assert len(text.split()) == 2 + 12


async def test_what_the_caller_began_itself_stays_the_beginning() -> None:
    async with behind("groq", "mistral") as served, served.sdk() as sdk:
        break_(served, "groq")
        messages: list[Any] = [*HELLO, {"role": "assistant", "content": "It says:"}]
        stream = await sdk.chat.completions.create(model="smart", messages=messages, stream=True)
        words: list[str] = []
        await contents(stream, words)
        (asked,) = served.sim.seen("mistral")
    begun = asked.body["messages"][-1]
    assert begun["content"].startswith("It says: ")
    assert begun["prefix"] is True
    assert len(asked.body["messages"]) == 2
    assert not "".join(words).strip().startswith("It says")


async def test_the_limit_of_the_answer_is_lowered_by_what_was_written() -> None:
    async with behind("openai", "claude") as served, served.sdk() as sdk:
        break_(served, "openai")
        stream = await sdk.chat.completions.create(model="smart", messages=HELLO, stream=True, max_tokens=10)
        words: list[str] = []
        await contents(stream, words)
        (asked,) = served.sim.seen("claude")
    assert asked.body["max_tokens"] == 7
    assert len("".join(words).split()) == 10


async def test_without_the_policy_bytes_pass_through_as_before() -> None:
    async with behind("openai", policies=CALM) as served:
        passed = await served.chat("smart", stream=True)
        read = await served.chat("smart", stream=True, headers={"x-segue-on-cut": "continue"})
    assert b'"system_fingerprint"' in passed.body
    assert b'"system_fingerprint"' not in read.body


@pytest.mark.parametrize(
    "pair", [("groq", "claude"), ("openai-responses", "gemini"), ("gemini", "claude")], ids="-".join
)
async def test_the_sdks_own_gatherers_make_one_answer_of_it_and_show_where_it_was_joined(pair: tuple[str, str]) -> None:
    async with behind(*pair) as served:
        break_(served, pair[0])
        seam = {"provider": pair[1], "model": ACCOUNTS[pair[1]][1]}
        async with served.sdk() as sdk:
            async with sdk.chat.completions.stream(model="smart", messages=HELLO) as stream:
                chunks = [event.chunk async for event in stream if event.type == "chunk"]
                made = await stream.get_final_completion()
            assert len(made.choices[0].message.content.split()) == 12
            last = next(chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason)
            assert seam.items() <= last.model_extra["segue"]["continued"][0].items()
            async with sdk.responses.stream(model="smart", input=HELLO[0]["content"]) as stream:
                response = await stream.get_final_response()
            assert len(response.output_text.split()) == 12
            assert seam.items() <= response.model_extra["segue"]["continued"][0].items()
            # What is kept for the next turn is the whole answer.
            served.sim.clear()
            again = await sdk.responses.create(model="smart", input="and?", previous_response_id=response.id)
            assert again.output_text
            assert response.output_text in served.sim.seen(pair[0])[-1].raw_body.decode()
        break_(served, pair[0])
        async with (
            anthropic.AsyncAnthropic(base_url=served.url, api_key="none", max_retries=0) as client,
            client.messages.stream(model="smart", max_tokens=500, messages=HELLO) as stream,
        ):
            events = [event async for event in stream]
            message = await stream.get_final_message()
        assert [block.type for block in message.content] == ["text"]
        assert len(message.content[0].text.split()) == 12
        delta = next(event for event in events if event.type == "message_delta")
        assert seam.items() <= delta.model_extra["segue"]["continued"][0].items()


async def test_explain_tells_what_would_follow(served_with_both: Serving) -> None:
    engine = served_with_both.service.running.engine
    line = engine.snapshot.lines["chat"]
    assert explain(line, "smart", None, 1).on_cut == "continue"
    assert explain(line, "smart", CallOptions(on_cut=OnCut.ERROR), 1).on_cut == "error"


@pytest.fixture
async def served_with_both() -> AsyncIterator[Serving]:
    async with behind("openai", "claude") as served:
        yield served
