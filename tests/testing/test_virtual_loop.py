"""On the virtual loop time passes exactly as asked for, and only when nobody can run."""

import asyncio
import threading
import time

import pytest

from segue.core.clock import Clock
from segue.testing import Deadlock, VirtualClock, VirtualLoop, run_virtual


def test_an_hour_passes_in_no_time_and_exactly():
    async def main():
        clock: Clock = VirtualClock()
        start = clock.now()
        await clock.sleep(3600.0)
        return clock.now() - start

    before = time.monotonic()
    assert run_virtual(main()) == 3600.0
    assert time.monotonic() - before < 5.0


def test_time_stands_still_while_somebody_can_run():
    async def main():
        for _ in range(1000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 0.0


def test_timers_fire_in_their_order_at_their_times():
    async def main():
        clock, fired = VirtualClock(), []

        async def wait(seconds):
            await clock.sleep(seconds)
            fired.append((seconds, clock.now()))

        await asyncio.gather(*(wait(seconds) for seconds in (3.0, 0.1, 86_400.0 * 3, 2.0, 0.25)))
        return fired

    assert run_virtual(main()) == [(at, pytest.approx(at)) for at in (0.1, 0.25, 2.0, 3.0, 86_400.0 * 3)]


def test_a_timeout_cuts_what_takes_too_long():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30.0):
                await asyncio.sleep(31.0)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 30.0


def test_a_timeout_spares_what_is_quick_enough():
    async def main():
        async with asyncio.timeout(30.0):
            await asyncio.sleep(29.0)
        return "done"

    assert run_virtual(main()) == "done"


def test_the_wall_clock_goes_along():
    async def main():
        clock = VirtualClock(wall=1000.0)
        await clock.sleep(5.0)
        return clock.wall()

    assert run_virtual(main()) == 1005.0


def test_waiting_for_what_cannot_happen_is_an_error_and_no_hang():
    async def main():
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="nothing can run and no timer is set"):
        run_virtual(main())


def test_waiting_again_and_again_for_ever_is_an_error_and_no_hang():
    ended = []

    async def main():
        try:
            while True:
                await asyncio.sleep(3600.0)
        finally:
            ended.append("cleaned up")

    with pytest.raises(Deadlock, match="2,592,000 virtual seconds have passed"):
        run_virtual(main())
    assert ended == ["cleaned up"]


def test_tasks_left_behind_are_cancelled_and_may_still_clean_up():
    cleaned = []

    async def linger():
        try:
            await asyncio.sleep(1000.0)
        finally:
            cleaned.append(asyncio.get_running_loop().time())

    async def main():
        task = asyncio.create_task(linger())
        await asyncio.sleep(1.0)
        return task

    assert run_virtual(main()).cancelled()
    assert cleaned == [1.0]


def test_an_error_of_the_test_comes_out_as_it_is():
    async def main():
        await asyncio.sleep(1.0)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_virtual(main())


def test_without_timers_a_thread_may_wake_it():
    async def main():
        woken = asyncio.Event()
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(woken.set))
        thread.start()
        await woken.wait()
        thread.join()
        return loop.time()

    assert run_virtual(main()) == 0.0


def test_each_loop_begins_at_nothing():
    loop = VirtualLoop()
    try:
        assert loop.time() == 0.0
    finally:
        loop.close()
