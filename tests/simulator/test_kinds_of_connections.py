"""Connections that are refused, not accepted, reset or too many; listeners of an account's own."""

import asyncio
import socket

import pytest
import uvloop

from segue.simulator import FaultError, Simulator
from segue.simulator.listeners import LISTENER_LIMIT
from simulator.wire import chat_request, hear, request_bytes

MODELS = request_bytes("GET", "/primary/v1/models")


async def test_an_account_gets_a_port_of_its_own(sim):
    """Both the shared port and its own serve the account; a path without an account means the listener's."""
    port = sim.port_of("primary")
    assert port == sim.port_of("primary") != sim.port
    assert sim.url_of("primary") == f"http://127.0.0.1:{port}/primary"
    for path in ("/v1/models", "/primary/v1/models", "/other/v1/models"):
        assert (await hear(port, request_bytes("GET", path))).status == 200
    assert [record.account for record in sim.seen()] == ["primary", "primary", "other"]


@pytest.mark.parametrize(("kind", "options"), [("refuse_connect", {}), ("down", {"listener": "closed"})])
@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_a_closed_listener_refuses_connections_and_reopens(runner, kind, options):
    """Connecting fails with ECONNREFUSED, open connections are reset, and lifting the fault reopens the same port."""

    async def main() -> None:
        async with asyncio.timeout(10), Simulator() as sim:
            port = sim.port_of("primary")
            idle = await asyncio.open_connection("127.0.0.1", port)
            idle[1].write(MODELS.replace(b"Connection: close\r\n", b""))
            await idle[0].readuntil(b"\r\n\r\n")
            for _ in range(3):
                fault = sim.fault("primary", kind, **options)
                with pytest.raises(ConnectionRefusedError):
                    await asyncio.open_connection("127.0.0.1", port)
                # The shared port cannot be closed for one account: it resets.
                assert (await hear(sim.port, MODELS)).end == "reset"
                sim.faults.remove(fault)
                assert (await hear(port, MODELS)).status == 200
            with pytest.raises(ConnectionResetError):
                await idle[0].read()
            idle[1].close()

    runner(main())


async def test_opening_and_closing_in_one_breath_leaves_it_open(sim):
    """No order of faults confuses the listener."""
    port = sim.port_of("primary")
    for _ in range(20):
        sim.fault("primary", "refuse_connect")
        sim.fault("primary", "no_accept", queue="full")
        sim.clear()
    assert (await hear(port, MODELS)).status == 200


async def test_a_schedule_closes_and_reopens_a_listener(sim, eventually):
    """Refused within the window, served before and after it."""
    port = sim.port_of("primary")
    sim.schedule("primary", [{"start": 0.1, "end": 0.25, "kind": "refuse_connect"}])
    seen = []
    async with asyncio.timeout(5):
        while seen[-1:] != ["served"] or "refused" not in seen:
            try:
                seen.append("served" if (await hear(port, MODELS)).data else "reset")
            except ConnectionRefusedError:
                seen.append("refused")
            await asyncio.sleep(0.01)
    assert seen[0] == "served"


@pytest.mark.parametrize("options", [{"rate": 0.9999999}, {"times": 1}, {"match": {"stream": True}}])
async def test_a_refusal_for_some_requests_has_to_accept_them(sim, options):
    """With rate, times or match the listener stays open, and the request is reset."""
    port = sim.port_of("primary")
    sim.fault("primary", "refuse_connect", **options)
    heard = await hear(port, chat_request(stream=True))
    assert (heard.data, heard.end) == (b"", "reset")


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_a_listener_that_does_not_accept_leaves_its_clients_waiting(runner):
    """Connecting succeeds and nothing comes; afterwards the same connection is served."""

    async def main() -> None:
        async with asyncio.timeout(10), Simulator() as sim:
            port = sim.port_of("primary")
            sim.fault("primary", "no_accept")
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(MODELS)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(reading := asyncio.ensure_future(reader.read(9))), 0.15)
            assert (await hear(sim.port, MODELS, 0.1)).end == "open"
            sim.clear()
            assert await reading == b"HTTP/1.1 "
            writer.close()

    runner(main())


async def test_who_gave_up_waiting_is_no_error(sim, settled, caplog):
    """A client that hung up before it was accepted is recorded as such, and nothing is logged."""
    port = sim.port_of("primary")
    sim.fault("primary", "no_accept")
    assert (await hear(port, MODELS, 0.02)).end == "open"
    sim.clear()
    assert (await hear(port, MODELS)).status == 200
    assert (await settled()).outcome == "answered"
    assert caplog.messages == []


async def test_a_full_queue_makes_connecting_hang(sim):
    """Not even the connection comes about; after the fault it does."""
    port = sim.port_of("primary")
    sim.fault("primary", "no_accept", queue="full")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 0.3)
    sim.clear()
    assert (await hear(port, MODELS)).status == 200


async def test_there_is_a_limit_to_listeners(sim):
    """The 65th is refused with a remedy; the star and wrong names are none."""
    for number in range(LISTENER_LIMIT):
        sim.port_of(f"a{number}")
    with pytest.raises(RuntimeError, match="share the common port"):
        sim.port_of("one-more")
    for name in ("*", "A B", ""):
        with pytest.raises(FaultError, match="account"):
            sim.port_of(name)


async def test_stopping_gives_all_ports_up():
    """After the end connecting is refused, and without a start there is no port."""
    async with Simulator() as sim:
        port = sim.port_of("primary")
        sim.fault("primary", "refuse_connect")
    with socket.socket() as reused:
        reused.bind(("127.0.0.1", port))
    with pytest.raises(RuntimeError, match="started"):
        sim.port_of("primary")


async def test_listeners_are_started_by_admin_and_by_file(sim, web, tmp_path):
    """A name and a port, or any free one; what cannot be is explained."""
    async with web.post("/_sim/listeners", json={"account": "primary"}) as answer:
        assert answer.status == 201
        assert await answer.json() == {"port": sim.port_of("primary")}
    file = tmp_path / "faults.json"
    file.write_text('{"listeners": [{"account": "b"}], "faults": [{"account": "b", "kind": "refuse_connect"}]}')
    sim.load_faults(file)
    async with web.get("/_sim/listeners") as answer:
        shown = {entry["account"]: entry["door"] for entry in await answer.json()}
    assert shown == {"primary": "open", "b": "closed"}
    for body, word in (
        ({}, "account"),
        ({"account": "*"}, "account"),
        ({"account": "c", "port": 70000}, "port"),
        ({"account": "c", "port": sim.port}, "port: cannot be opened"),
    ):
        async with web.post("/_sim/listeners", json=body) as answer:
            assert answer.status == 400
            assert word in (await answer.json())["error"]


@pytest.mark.parametrize(("reset", "end"), [(True, "reset"), (False, "closed")])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_short_body_is_less_than_was_announced(sim, ask, reset, end, stream):
    """The length is larger than what comes before the connection ends."""
    sim.fault("primary", "short_body", missing=37, reset=reset)
    heard = await ask(stream=stream)
    assert heard.end == end
    assert int(heard.headers["content-length"]) == len(heard.body) + 37


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_every_reset_is_a_reset_on_both_event_loops(runner):
    """`refuse`, `cut`, `reset_after`, `short_body`, `error_event`, `early_response`: all end in RST."""
    faults = {
        "refuse": {},
        "cut": {},
        "reset-after": {"bytes": 9},
        "short-body": {"reset": True},
        "error-event": {"then": "reset"},
        "early-response": {"then": "reset"},
    }

    async def main() -> list[str]:
        ends = []
        async with asyncio.timeout(10), Simulator() as sim:
            for account, options in faults.items():
                sim.fault(account, account.replace("-", "_"), **options)
                ends.append((await hear(sim.port, chat_request(account, stream=True))).end)
        return ends

    assert runner(main()) == ["reset"] * len(faults)


async def test_more_requests_at_a_time_than_the_limit_are_refused(sim, ask, eventually):
    """Two are being answered, the third gets 429 with Retry-After, and later there is room again."""
    sim.fault("primary", "concurrency", limit=2, retry_after=3)
    sim.fault("primary", "slow_headers", seconds=0.2)
    running = [asyncio.create_task(ask()) for _ in range(2)]
    await eventually(lambda: len(sim.seen()) == 2)
    third = await ask()
    assert (third.status, third.headers["retry-after"]) == (429, "3")
    assert [heard.status for heard in await asyncio.gather(*running)] == [200, 200]
    assert (await ask()).status == 200
    assert sim.faults.as_json()[0]["hits"] == 1
    assert [record.faults for record in sim.seen()].count(["concurrency", "slow_headers"]) == 1


async def test_a_limit_can_have_a_queue(sim, ask):
    """Those that wait are served in order, and one too many is refused with the status asked for."""
    sim.fault("primary", "concurrency", limit=1, queue=2, code=503)
    sim.fault("primary", "slow_headers", seconds=0.05)
    clock = asyncio.get_running_loop()
    started = clock.time()
    statuses = [heard.status for heard in await asyncio.gather(*(ask() for _ in range(4)))]
    assert sorted(statuses) == [200, 200, 200, 503]
    assert clock.time() - started >= 0.15


async def test_who_hangs_up_gives_its_place_back(sim, ask):
    """Neither a seat nor a place in the queue is lost with its client."""
    sim.fault("primary", "concurrency", limit=1, queue=1)
    sim.fault("primary", "stall", match={"stream": True})
    for _ in range(5):
        gone = await asyncio.gather(ask(stream=True, patience=0.05), ask(stream=True, patience=0.05))
        assert [heard.end for heard in gone] == ["open", "open"]
    assert (await ask()).status == 200


async def test_requests_too_often_are_refused_with_all_headers(sim, ask):
    """The bucket empties, the refusal says when to come again, and then it is true."""
    sim.fault("primary", "rate_limit", requests=10, per=1, burst=2)
    first, second, third = [await ask() for _ in range(3)]
    assert [first.status, second.status, third.status] == [200, 200, 429]
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert [one.headers["x-ratelimit-remaining-requests"] for one in (first, second, third)] == ["1", "0", "0"]
    assert third.headers["retry-after"] == "1"
    wait = int(third.headers["retry-after-ms"]) / 1000
    assert 0 < wait <= 0.1
    assert third.headers["x-ratelimit-reset-requests"].endswith("ms")
    await asyncio.sleep(wait + 0.005)
    assert (await ask()).status == 200


@pytest.mark.parametrize(
    ("told", "names"),
    [("none", set()), ("seconds", {"retry-after"}), ("milliseconds", {"retry-after-ms"})],
)
async def test_a_rate_limit_tells_as_much_as_asked_for(sim, ask, told, names):
    """Which of the two headers come can be chosen."""
    sim.fault("primary", "rate_limit", requests=1, per=3600, retry_after=told, headers=False)
    await ask()
    heard = await ask()
    assert heard.status == 429
    assert {name for name in heard.headers if name.startswith("retry")} == names
