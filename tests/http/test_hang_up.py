"""A caller that goes away stops the work for it, upstream too, at once, and leaves nothing behind."""

import asyncio
import json

import aiohttp
import pytest

from support.service import HELLO, Serving, eventually, serving


def request(model: str = "alone", **fields) -> bytes:
    body = json.dumps({"model": model, "messages": HELLO, **fields}).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body) + body


async def connect(served: Serving) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", served.service.port)


async def nothing_is_left(served: Serving, calls: int = 1) -> None:
    await eventually(lambda: len(served.calls) == calls)
    assert {call.code for call in served.calls} == {"cancelled"}
    assert {call.status for call in served.calls} == {499}
    await eventually(lambda: served.in_flight() == 0)
    assert served.service.running.engine.world.gate.under_way == 0
    assert all(ended.attempt.cancelled for ended in served.attempts)
    await eventually(lambda: not served.service._server.server_state.tasks)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_that_goes_away_while_waiting_cancels_the_provider(served: Serving, stream: bool) -> None:
    served.sim.fault("primary", "silence")
    _, writer = await connect(served)
    writer.write(request(stream=stream))
    await eventually(lambda: served.in_flight() == 1)
    await eventually(lambda: served.sim.seen("primary"))
    writer.close()
    await nothing_is_left(served)
    await eventually(lambda: served.sim.seen("primary")[0].outcome == "client_hung_up")
    assert len(served.sim.seen()) == 1, "no failover for a caller that is gone"


@pytest.mark.parametrize("reset", [False, True])
async def test_a_caller_that_goes_away_in_the_middle_of_a_stream_cancels_the_provider(served: Serving, reset) -> None:
    served.sim.fault("primary", "pace", token_delay=0.02)
    reader, writer = await connect(served)
    writer.write(request(stream=True))
    await reader.readuntil(b'"delta":{"content"')
    if reset:
        writer.transport.abort()
    else:
        writer.close()
    await nothing_is_left(served)
    await eventually(lambda: served.sim.seen("primary")[0].outcome == "client_hung_up")
    assert served.sim.seen("primary")[0].chunks < 12
    record = (await served.ask("GET", f"/v1/calls/{served.calls[0].call.id}")).json
    assert (record["code"], record["status"]) == ("cancelled", 499)
    assert record["attempts"][0]["cancelled"] is True
    state = (await served.ask("GET", "/admin/providers")).json["primary"]
    assert (state["state"], state["in_flight"]) == ("closed", 0)


async def test_an_sdk_that_leaves_its_stream_early_cancels_the_provider(served: Serving) -> None:
    served.sim.fault("primary", "pace", token_delay=0.02)
    async with served.sdk() as sdk:
        stream = await sdk.chat.completions.create(model="alone", messages=HELLO, stream=True)
        async for piece in stream:
            if piece.choices[0].delta.content:
                break
        await stream.close()
        await nothing_is_left(served)


async def test_a_caller_that_goes_away_during_a_retrys_wait_stops_the_call() -> None:
    async with serving(policies={"default": {"retries": 2}}) as served:
        served.sim.fault("primary", "status", code=429, retry_after=20)
        _, writer = await connect(served)
        writer.write(request())
        await eventually(lambda: served.attempts)
        assert served.calls == []
        writer.close()
        await eventually(lambda: served.calls)
        assert served.calls[0].code == "cancelled"
        assert len(served.sim.seen("primary")) == 1


async def test_a_caller_that_goes_away_before_its_request_is_whole_is_no_call(served: Serving, caplog) -> None:
    for part in (b"POST /v1/ch", request()[:-10], request()[:120]):
        _, writer = await connect(served)
        writer.write(part)
        await asyncio.sleep(0.02)
        writer.close()
    chunked = b"POST /v1/call/chat HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"
    _, writer = await connect(served)
    writer.write(chunked)
    await asyncio.sleep(0.02)
    writer.close()
    await eventually(lambda: not served.service._server.server_state.tasks)
    assert (await served.chat()).status == 200
    assert [call.code for call in served.calls] == ["ok"]
    assert "ASGI" not in caplog.text


async def test_two_hundred_callers_that_go_away_together_leave_a_service_that_answers(served: Serving) -> None:
    served.sim.fault("primary", "silence", match={"stream": False})
    served.sim.fault("primary", "pace", token_delay=5, match={"stream": True})
    pairs = await asyncio.gather(*(connect(served) for _ in range(200)))
    for number, (_, writer) in enumerate(pairs):
        writer.write(request(stream=number % 2 == 0))
    await eventually(lambda: served.in_flight() == 200)
    await eventually(lambda: len(served.sim.seen("primary")) == 200)
    for number, (_, writer) in enumerate(pairs):
        if number % 3:
            writer.close()
        else:
            writer.transport.abort()
    await nothing_is_left(served, calls=200)
    health = await served.ask("GET", "/health")
    assert (health.status, health.json["status"]) == (200, "ok")
    served.sim.clear()
    assert (await served.chat()).status == 200
    await eventually(lambda: {one.outcome for one in served.sim.seen("primary")} == {"client_hung_up", "answered"})


async def test_a_caller_that_goes_away_after_its_answer_changes_nothing(served: Serving) -> None:
    async with aiohttp.ClientSession(served.url) as session:
        for stream in (False, True):
            async with session.post(
                "/v1/chat/completions", json={"model": "alone", "messages": HELLO, "stream": stream}
            ) as answer:
                await answer.read()
    await eventually(lambda: len(served.calls) == 2)
    assert [call.code for call in served.calls] == ["ok", "ok"]


async def test_a_caller_that_pipelined_another_request_is_still_noticed_when_it_goes(served: Serving) -> None:
    served.sim.fault("primary", "silence")
    _, writer = await connect(served)
    writer.write(request() + request())
    await eventually(lambda: served.sim.seen("primary"))
    await asyncio.sleep(0.05)
    writer.close()
    await nothing_is_left(served)
    assert len(served.sim.seen("primary")) == 1, "the one behind it was never begun"
