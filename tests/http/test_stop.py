"""A deployment cuts no answer that can still be finished in time, and loses no record."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager

import openai
import pytest

from backends.scripted import Peer
from backends.scripted import serving as scripted
from segue.backends.store.call_log import CallLog
from segue.backends.store.store import Store
from segue.core.clock import SystemClock
from segue.core.errors import ConfigError
from segue.http.server import Service, is_loopback, listen
from support.service import HELLO, Serving, contents, eventually, serving


async def records(served: Serving) -> dict[str, str]:
    """What the store holds after the service has stopped: codes by calls."""
    store = await Store.open(f"sqlite:///{served.directory}/segue.db")
    try:
        log = CallLog(store, SystemClock())
        return {call.id: call.code for call in await log.list()}
    finally:
        await store.close()


@asynccontextmanager
async def streaming(served: Serving, *, token_delay: float):
    """A stream whose first piece has come."""
    served.sim.fault("primary", "pace", token_delay=token_delay)
    async with served.sdk() as sdk:
        stream = await sdk.chat.completions.create(model="alone", messages=HELLO, stream=True)
        await anext(stream)
        yield stream


async def test_a_stream_under_way_finishes_within_the_limit_and_new_calls_are_sent_elsewhere() -> None:
    async with serving(server={"shutdown_timeout": "10s"}) as served:
        async with streaming(served, token_delay=0.03) as stream:
            stopping = asyncio.create_task(served.service.stop())
            await eventually(lambda: served.service.running.engine.world.gate.closed)
            refused = await served.chat()
            assert (refused.status, refused.error["code"]) == (503, "segue_overloaded")
            assert "another instance" in refused.error["message"]
            assert "x-should-retry" not in refused.headers, "an SDK may try again: nothing was sent"
            weather = await served.ask("GET", "/v1/weather/current?query=Oslo")
            assert weather.status == 503
            ready = await served.ask("GET", "/ready")
            assert (ready.status, ready.json["status"]) == (503, "stopping")
            pieces = [piece async for piece in stream]
            assert pieces[-1].choices[0].finish_reason == "stop"
            await asyncio.wait_for(stopping, 5)
        assert sorted((await records(served)).values()) == ["ok", "segue_overloaded", "segue_overloaded"]
        with pytest.raises(openai.APIConnectionError):
            async with served.sdk() as sdk:
                await sdk.models.list()


async def test_a_stream_beyond_the_limit_is_cut_told_and_recorded() -> None:
    async with serving(server={"shutdown_timeout": "300ms"}) as served:
        async with streaming(served, token_delay=5) as stream:
            stopping = asyncio.create_task(served.service.stop())
            with pytest.raises(openai.APIError, match="broke off: Segue is stopping"):
                await contents(stream, [])
            await asyncio.wait_for(stopping, 5)
        assert list((await records(served)).values()) == ["cancelled"]
        assert served.in_flight() == 0
        await eventually(lambda: served.sim.seen("primary")[0].outcome == "client_hung_up")


async def test_a_plain_call_beyond_the_limit_is_told_and_recorded(caplog) -> None:
    async with serving(server={"shutdown_timeout": "200ms"}) as served:
        served.sim.fault("*", "silence")
        waiting = asyncio.create_task(served.chat())
        weather = asyncio.create_task(served.ask("GET", "/v1/weather/current?query=Oslo"))
        await eventually(lambda: served.in_flight() == 2)
        await asyncio.wait_for(served.service.stop(), 5)
        answer = await waiting
        assert (answer.status, answer.error["code"]) == (503, "segue_overloaded")
        assert answer.headers["x-should-retry"] == "false"
        assert (await weather).headers["content-type"] == "application/problem+json"
        assert set((await records(served)).values()) == {"cancelled"}
        assert "ASGI" not in caplog.text


async def test_a_stop_that_does_not_wait_cuts_at_once() -> None:
    async with serving(server={"shutdown_timeout": "1h"}) as served:
        served.sim.fault("primary", "silence")
        waiting = asyncio.create_task(served.chat())
        await eventually(lambda: served.in_flight() == 1)
        await asyncio.wait_for(served.service.stop(wait=False), 3)
        assert (await waiting).status == 503
        assert list((await records(served)).values()) == ["cancelled"]


async def test_a_reader_that_does_not_read_cannot_hold_the_stop_up() -> None:
    piece = b'data: {"choices":[{"delta":{"content":"' + b"x" * 60_000 + b'"}}]}\n\n'

    async def say(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", *[piece] * 1000)

    async with (
        scripted(say) as server,
        serving(
            providers={
                "raw": {"adapter": "openai", "base_url": server.url("/v1"), "key": "sk-raw-0001", "models": ["m"]}
            },
            server={"shutdown_timeout": "300ms"},
        ) as served,
    ):
        _, writer = await asyncio.open_connection("127.0.0.1", served.service.port, limit=1024)
        writer.transport.pause_reading()
        body = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}'
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )
        await eventually(lambda: served.in_flight() == 1)
        connections = served.service._server.server_state.connections
        await eventually(lambda: any(one.flow.write_paused for one in connections))
        await asyncio.wait_for(served.service.stop(), 8)
        assert list((await records(served)).values()) == ["cancelled"]
        writer.transport.abort()


async def test_an_idle_service_stops_quickly_and_twice_is_fine(served: Serving) -> None:
    await served.chat()
    await asyncio.wait_for(served.service.stop(), 2)
    await asyncio.wait_for(served.service.stop(), 2)
    assert list((await records(served)).values()) == ["ok"]


async def test_a_signal_stops_it_and_another_one_does_not_wait() -> None:
    async with serving(server={"shutdown_timeout": "1h"}) as served:
        served.sim.fault("primary", "silence")
        waiting = asyncio.create_task(served.chat())
        await eventually(lambda: served.in_flight() == 1)
        until = asyncio.create_task(served.service.until_signal())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGHUP)
        await eventually(lambda: served.service.running.engine.snapshot.version == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        await eventually(lambda: served.service.running.engine.world.gate.closed)
        assert not until.done()
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(until, 5)
        assert (await waiting).status == 503


async def test_one_signal_lets_it_finish() -> None:
    async with serving() as served:
        until = asyncio.create_task(served.service.until_signal())
        await asyncio.sleep(0)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(until, 5)
        assert served.service.running.store is None


async def test_a_port_in_use_is_told_with_its_remedy(served: Serving) -> None:
    with pytest.raises(ConfigError, match="choose another with --port"):
        listen("127.0.0.1", served.service.port)
    again = Service(served.service.running, host="127.0.0.1", port=served.service.port)
    with pytest.raises(ConfigError, match="address already in use"):
        await again.start()


async def test_a_store_that_cannot_be_opened_frees_the_port_again() -> None:
    with pytest.raises(ConfigError):
        async with serving(store="sqlite:////nowhere/at/all/segue.db"):
            pass


def test_loopback_is_known_by_name_and_by_number() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9"):
        assert is_loopback(host), host
    for host in ("0.0.0.0", "::", "10.0.0.1", "example.com", ""):
        assert not is_loopback(host), host


async def test_the_address_is_written_so_that_it_can_be_used(served: Serving) -> None:
    for host, url in (
        ("::", "http://[::1]:7"), ("0.0.0.0", "http://127.0.0.1:7"), ("::1", "http://[::1]:7"),
        ("localhost", "http://localhost:7"), ("[::1]", "http://[::1]:7"),
    ):  # fmt: skip
        assert Service(served.service.running, host=host, port=7).url == url


async def test_it_listens_on_ipv6_too() -> None:
    async with serving(server={"host": "::1"}) as served:
        assert (await served.chat()).status == 200
