"""What a call needs goes with it: thousands of calls and streams, a tenth of them given up, leave nothing behind.

Objects are counted, not bytes: a count is the same on every machine. Bytes are measured by `benchmarks.growth`.
"""

import asyncio
import gc
import resource
from collections import Counter
from typing import Any

import pytest

from segue.simulator import Simulator
from soak.traffic import Caller, by_callers, our_objects, request, settled
from support.service import PROVIDERS, Serving, serving

CALLERS = 16
SLACK = 3
"""Tasks and objects that may be there by chance: a writer's nap, the last exchange of a connection."""
TENTH = 60
"""Calls that are given up where so many times ten are made."""


async def before_source(sim: Simulator) -> dict[str, Any]:
    """Options of a service before the simulator's source of load, which has no tasks of its own to be counted."""
    provider = {**PROVIDERS["primary"], "base_url": f"{await sim.load_source()}/primary/v1"}
    return {"providers": {"primary": provider}, "models": {"alone": ["primary/gpt-4o"]}, "sim": sim}


async def some_calls(served: Serving, count: int) -> Counter[int]:
    """Whole answers; each tenth is given up, each hundredth asks for a model that nobody has."""

    async def one(caller: Caller, number: int) -> int:
        fields = {"model": f"missing-{number}"} if number % 100 == 1 else {}
        leave = b"" if number % 10 == 0 else None
        return await caller.ask(request("in 5 words", user=f"user-{number}", **fields), leave=leave)

    return await by_callers(served.service.port, CALLERS, count, one)


async def some_streams(served: Serving, count: int) -> Counter[int]:
    """Streams; of each tenth the client hangs up after the first content."""

    async def one(caller: Caller, number: int) -> int:
        leave = b'"delta"' if number % 10 == 0 else None
        return await caller.ask(request("in 9 words", stream=True, user=f"user-{number}"), leave=leave)

    return await by_callers(served.service.port, CALLERS, count, one)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("calls", "streams"), [(4_500, 500), pytest.param(100_000, 10_000, marks=pytest.mark.slow)], ids=["sample", "full"]
)
async def test_calls_and_streams_leave_no_object_and_no_task_behind(sim, calls: int, streams: int) -> None:
    async with serving(**await before_source(sim)) as served:
        await some_calls(served, 200)
        await some_streams(served, 100)
        before = await settled(served)
        statuses = await some_calls(served, calls)
        assert statuses == {200: calls - calls // 10 - calls // 100, 404: calls // 100, 499: calls // 10}
        assert await some_streams(served, streams) == {200: streams - streams // 10, 499: streams // 10}
        after = await settled(served)
        grown = {name: (before[name], count) for name, count in after.items() if count > before[name] + SLACK}
        assert grown == {}
        opening, kept = served.service.running.engine.world.transport.counts
        assert opening == 0
        assert kept <= CALLERS


@pytest.mark.parametrize("traffic", [some_calls, some_streams])
async def test_what_a_call_needs_goes_without_the_garbage_collector(sim, traffic) -> None:
    """It looks for cycles seldom (`calm_garbage_collector`), which is right only while calls make none."""
    async with serving(**await before_source(sim)) as served:
        await traffic(served, 50)
        before = await settled(served)
        ours = our_objects()
        gc.disable()
        try:
            await traffic(served, 10 * TENTH)
            after = await settled(served, collect=False)
            more = our_objects() - ours
        finally:
            gc.enable()
        assert {name: count for name, count in after.items() if count > before[name] + SLACK} == {}
        # Of any type: one of every call that was given up would be a cycle.
        assert {name: count for name, count in more.items() if count > TENTH // 2} == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [300, pytest.param(5_000, marks=pytest.mark.slow)])
async def test_idle_connections_keep_nobody_from_being_served_and_hold_no_call(sim, count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < 2 * count + 500:
        pytest.skip(f"needs {2 * count + 500} open files, the system allows {hard}")
    idle: list[Caller] = []
    async with serving(**await before_source(sim)) as served:
        try:
            before = await settled(served)
            for first in range(0, count, 100):
                fresh = [Caller(served.service.port) for _ in range(min(100, count - first))]
                assert await asyncio.gather(*(one.ask(request("hello")) for one in fresh)) == [200] * len(fresh)
                idle += fresh
            after = await settled(served)
            assert after["Call"] == before["Call"]
            assert after["Attempt"] == before["Attempt"]
            assert after["tasks"] <= before["tasks"] + SLACK
            idle.append(Caller(served.service.port))
            assert await idle[-1].ask(request("hello")) == 200
            assert (await served.ask("GET", "/health")).status == 200
        finally:
            for one in idle:
                await one.close()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert (await served.chat()).status == 200
