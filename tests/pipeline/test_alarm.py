"""One timer keeps every limit of a stream, and rings neither early nor twice."""

import asyncio

import pytest

from segue.pipeline.alarm import Alarm
from segue.testing.loop import run_virtual


def rung(use, *, latest: float = 1000.0) -> list[float]:
    """When it rang, after the start, within 200 s."""
    times: list[float] = []

    async def main():
        loop = asyncio.get_running_loop()
        began = loop.time()
        alarm = Alarm(loop, began + latest, lambda: times.append(loop.time() - began))
        await use(alarm, loop, began)
        await asyncio.sleep(200.0)
        alarm.stop()

    run_virtual(main())
    return times


def test_it_rings_at_its_limit():
    async def use(alarm, _loop, began):
        alarm.set(began + 5.0)

    assert rung(use) == [pytest.approx(5.0, abs=0.01)]


def test_a_limit_that_is_moved_rings_only_at_the_last_one():
    async def use(alarm, loop, began):
        alarm.set(began + 5.0)
        for _ in range(20):
            await asyncio.sleep(3.0)
            alarm.when = loop.time() + 5.0

    assert rung(use) == [pytest.approx(65.0, abs=0.01)]


def test_an_earlier_limit_rings_earlier():
    async def use(alarm, _loop, began):
        alarm.set(began + 50.0)
        alarm.set(began + 2.0)

    assert rung(use) == [pytest.approx(2.0, abs=0.01)]


def test_nothing_is_limited_while_it_rests():
    async def use(alarm, loop, began):
        alarm.set(began + 5.0)
        alarm.rest()
        await asyncio.sleep(20.0)
        alarm.set(loop.time() + 5.0)

    assert rung(use) == [pytest.approx(25.0, abs=0.01)]


def test_the_latest_time_holds_whatever_the_limit_is_moved_to():
    async def use(alarm, _loop, began):
        alarm.set(began + 5.0)
        alarm.when = began + 500.0

    assert rung(use, latest=30.0) == [pytest.approx(30.0, abs=0.01)]


def test_it_never_rings_once_it_was_stopped():
    async def use(alarm, loop, began):
        alarm.set(began + 5.0)
        alarm.stop()
        alarm.set(loop.time() + 1.0)

    assert rung(use) == []
