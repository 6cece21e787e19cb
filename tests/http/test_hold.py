"""What a caller sees of a stream that breaks after its content has begun: an error, or with a hold nothing at all."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from backends.scripted import Peer
from backends.scripted import serving as scripted
from support.service import CALM, HELLO, MODELS, Serving, contents, eventually, serving

FAULTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "cut": ("cut", {"after": 3}, "stream_cut"),
    "closed": ("cut", {"after": 3, "reset": False}, "stream_cut"),
    "stall": ("stall", {"after": 3}, "stream_cut"),
    "half an event": ("malformed", {"event": 5}, "stream_cut"),
    "error event": ("error_event", {"after": 3, "code": 500}, "server_error"),
    "end before finish": ("end_without_done", {"variant": "before_finish", "after": 3}, "stream_cut"),
}
QUICK: Mapping[str, Any] = {"default": {**CALM["default"], "timeouts": {"idle": "300ms"}}}
TIERS = MODELS["smart"]
WAYS: dict[str, tuple[dict[str, str], Any, dict[str, str]]] = {
    # header, what stands behind the name, policy
    "header, all": ({"x-segue-hold": "all"}, TIERS, {}),
    "header, tokens": ({"x-segue-hold": "64 tokens"}, TIERS, {}),
    "header, seconds": ({"x-segue-hold": "30s"}, TIERS, {}),
    "alias": ({}, {"tiers": TIERS, "hold": "all"}, {}),
    "policy": ({}, TIERS, {"hold": "64 tokens"}),
    "header over alias over policy": ({"x-segue-hold": "all"}, {"tiers": TIERS, "hold": "none"}, {"hold": "1 token"}),
    "alias over policy": ({}, {"tiers": TIERS, "hold": "all"}, {"hold": "none"}),
}
WAYS_WITHOUT: dict[str, tuple[dict[str, str], Any, dict[str, str]]] = {
    "nothing": ({}, TIERS, {}),
    "header over all": ({"x-segue-hold": "none"}, {"tiers": TIERS, "hold": "all"}, {"hold": "all"}),
    "alias over policy": ({}, {"tiers": TIERS, "hold": "none"}, {"hold": "all"}),
    "fewer tokens than came": ({"x-segue-hold": "2 tokens"}, TIERS, {}),
}


@asynccontextmanager
async def as_written(names: Any, policy: Mapping[str, str]) -> AsyncIterator[Serving]:
    async with serving(models={"smart": names}, policies={**QUICK, "chat": dict(policy)}) as served:
        yield served


@pytest.mark.parametrize("way", WAYS)
async def test_with_a_hold_the_sdk_sees_one_whole_answer_of_the_backup_whatever_breaks(way: str) -> None:
    headers, names, policy = WAYS[way]
    async with as_written(names, policy) as served, served.sdk() as sdk:
        for kind, options, failure in FAULTS.values():
            break_(served, kind, **options)
            raw = await sdk.chat.completions.with_raw_response.create(
                model="smart", messages=HELLO, stream=True, extra_headers=headers
            )
            pieces = [piece async for piece in raw.parse()]
            assert {piece.model for piece in pieces} == {"gpt-4o-mini"}, kind
            assert len("".join(piece.choices[0].delta.content or "" for piece in pieces).split()) == 12
            assert pieces[-1].choices[0].finish_reason == "stop"
            assert (raw.headers["x-segue-provider"], raw.headers["x-segue-attempts"]) == ("backup", "2")
            await eventually(lambda: served.calls)
            (ended,) = served.calls
            assert (ended.code, ended.status) == ("ok", 200)
            recorded = await record_of(served, raw.headers["x-segue-call-id"])
            assert [attempt["kind"] for attempt in recorded["attempts"]] == [failure, None]
            served.calls.clear()
            served.sim.clear()
        assert served.in_flight() == 0
        assert served.service.running.engine.world.gate.under_way == 0


def break_(served: Serving, kind: str, **options: Any) -> None:
    """Break the answers of the first provider, whose words come one by one: what is read together breaks together."""
    served.sim.fault("primary", kind, **options)
    served.sim.fault("primary", "pace", token_delay=0.01)


async def record_of(served: Serving, call_id: str) -> dict[str, Any]:
    """What `GET /v1/calls/{id}` says, once it is written."""
    async with asyncio.timeout(5):
        while (answer := await served.ask("GET", f"/v1/calls/{call_id}")).status != 200:
            await asyncio.sleep(0.02)
    return answer.json


@pytest.mark.parametrize("way", WAYS_WITHOUT)
async def test_without_a_hold_the_sdk_raises_after_what_had_come(way: str) -> None:
    headers, names, policy = WAYS_WITHOUT[way]
    async with as_written(names, policy) as served, served.sdk() as sdk:
        for kind, options, failure in FAULTS.values():
            break_(served, kind, **options)
            stream = await sdk.chat.completions.create(
                model="smart", messages=HELLO, stream=True, extra_headers=headers
            )
            words: list[str] = []
            with pytest.raises(openai.APIError, match="broke off") as error:
                await contents(stream, words)
            assert (len(words), error.value.code) == (3, failure), kind
            await eventually(lambda: served.calls)
            assert len(served.calls.pop().call.attempts) == 1
            served.sim.clear()
        assert served.sim.seen("backup") == []


async def test_with_nobody_to_fall_back_on_a_broken_stream_is_a_clean_error_and_no_half_answer() -> None:
    async with serving(policies=QUICK) as served, served.sdk() as sdk:
        served.sim.fault("primary", "cut", after=3)
        with pytest.raises(openai.InternalServerError) as error:
            await sdk.chat.completions.create(
                model="alone", messages=HELLO, stream=True, extra_headers={"x-segue-hold": "all"}
            )
        assert (error.value.status_code, error.value.code) == (502, "stream_cut")


async def test_every_word_comes_once_and_in_order_however_much_is_kept_back(served: Serving) -> None:
    async def ask(hold: str) -> bytes:
        headers = {"x-segue-hold": hold}
        answer = await served.chat("smart", stream=True, seed=1, headers=headers)
        assert answer.headers["x-segue-attempts"] == "1"
        events = [line for line in answer.body.split(b"\n\n") if line not in {b"", b"data: [DONE]"}]
        assert answer.body.endswith(b"data: [DONE]\n\n")
        choices = [json.loads(one.removeprefix(b"data: "))["choices"] for one in events]
        return json.dumps(choices).encode()

    holds = ("none", "1 token", "5 tokens", "100000 tokens", "1ms", "20ms", "10m", "all")
    answers = [await ask(hold) for hold in holds]
    assert len(set(answers)) == 1


# --- in time ---------------------------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(text: str | None, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    data = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


async def words_every_tenth_of_a_second(peer: Peer) -> None:
    while await peer.request():
        await peer.say(HEAD)
        for number in range(30):
            await peer.say(event(f"{number} "))
            await asyncio.sleep(0.1)
        await peer.say(event(None, "stop"), b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


async def test_two_seconds_are_kept_back_and_then_given_at_once_and_the_rest_flows() -> None:
    async with scripted(words_every_tenth_of_a_second) as server:
        providers = {"slow": {"adapter": "openai", "base_url": server.url("/v1"), "key": "sk-slow", "models": ["m"]}}
        async with serving(providers=providers, models={"m": ["slow/m"]}) as served:

            async def arrivals(hold: str) -> list[float]:
                begun = time.monotonic()
                async with served.sdk() as sdk:
                    stream = await sdk.chat.completions.create(
                        model="m", messages=HELLO, stream=True, extra_headers={"x-segue-hold": hold}
                    )
                    came = [(piece.choices[0].delta.content, time.monotonic() - begun) async for piece in stream]
                assert [word for word, _ in came if word] == [f"{number} " for number in range(30)]
                return [at for word, at in came if word]

            none, two, tokens, whole = await asyncio.gather(*map(arrivals, ("none", "2s", "10 tokens", "all")))
    assert none[0] < 1.0
    assert 2.0 <= two[0] < 2.9
    assert two[18] - two[0] < 0.6  # what was kept back comes in one go
    assert two[29] > 2.8  # and the rest as it is written
    assert 0.9 <= tokens[0] < 2.0
    assert 3.0 <= whole[0] < 5.0
    assert whole[29] - whole[0] < 1.0


# --- ends and noise --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hold", ["none", "all", "5 tokens", "10s"])
async def test_an_answer_without_done_on_an_open_connection_is_whole_within_seconds(served: Serving, hold: str) -> None:
    served.sim.fault("primary", "end_without_done", variant="open")
    begun = time.monotonic()
    answer = await served.chat("smart", stream=True, headers={"x-segue-hold": hold})
    assert time.monotonic() - begun < 3.0
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert answer.body.count(b"[DONE]") == 1
    assert answer.headers["x-segue-provider"] == "primary"
    await eventually(lambda: served.calls)
    assert served.calls[0].code == "ok"
    assert served.calls[0].call.attempts[0].usage.output_tokens == 12
    await eventually(lambda: served.in_flight() == 0)


@pytest.mark.parametrize("hold", ["none", "all"])
@pytest.mark.parametrize("event", [1, 2, 6])
async def test_noise_between_the_events_is_left_out_and_the_answer_is_whole(
    served: Serving, hold: str, event: int
) -> None:
    served.sim.fault("primary", "malformed", event=event, variant="garbage")
    async with served.sdk() as sdk:
        stream = await sdk.chat.completions.create(
            model="alone", messages=HELLO, stream=True, extra_headers={"x-segue-hold": hold}
        )
        words: list[str] = []
        await contents(stream, words)
    assert len(words) == 12


async def test_half_a_chunk_is_a_hole_in_the_answer_and_breaks_it(served: Serving) -> None:
    break_(served, "malformed", event=6, variant="half")
    async with served.sdk() as sdk:
        stream = await sdk.chat.completions.create(model="alone", messages=HELLO, stream=True)
        words: list[str] = []
        with pytest.raises(openai.APIError, match="not valid"):
            await contents(stream, words)
    assert len(words) == 4


async def test_a_caller_that_hangs_up_while_a_stream_is_kept_back_stops_the_provider(served: Serving) -> None:
    served.sim.fault("primary", "stall", after=3)
    for hold in ("all", "30s", "64 tokens"):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await served.chat("smart", stream=True, headers={"x-segue-hold": hold})
        await eventually(lambda: served.calls)
        assert served.calls.pop().code == "cancelled"
        await eventually(lambda: served.in_flight() == 0)
    await eventually(lambda: all(one.outcome != "open" for one in served.sim.seen("primary")))
    assert served.sim.seen("backup") == []
