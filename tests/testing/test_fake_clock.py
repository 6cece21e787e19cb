"""The clock and the dice of tests do what the real ones promise, and the same every time."""

import asyncio

import pytest

from segue.core.clock import Chance, Clock
from segue.testing import FakeClock, SeededChance


def test_it_stands_still_until_it_is_moved():
    clock: Clock = FakeClock(now=5.0, wall=1000.0)
    assert (clock.now(), clock.now(), clock.wall()) == (5.0, 5.0, 1000.0)


def test_moving_it_moves_both_clocks():
    clock = FakeClock(now=5.0, wall=1000.0)
    clock.advance(2.5)
    assert (clock.now(), clock.wall()) == (7.5, 1002.5)


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_it_never_steps_back(seconds):
    with pytest.raises(ValueError, match="a clock moves forward only"):
        FakeClock().advance(seconds)


def test_the_wall_clock_alone_may_be_set():
    clock = FakeClock(now=5.0)
    clock.set_wall(0.0)
    assert (clock.now(), clock.wall()) == (5.0, 0.0)


async def test_a_sleep_is_noted_and_takes_its_time():
    clock = FakeClock(now=5.0)
    await clock.sleep(1.5)
    await clock.sleep(0.0)
    await clock.sleep(-1.0)
    assert clock.sleeps == [1.5, 0.0, -1.0]
    assert clock.now() == 6.5


async def test_a_sleep_lets_the_others_run():
    ran = []
    task = asyncio.ensure_future(asyncio.sleep(0, ran.append("other")))
    await FakeClock().sleep(60.0)
    assert ran == ["other"]
    await task


def test_the_same_seed_gives_the_same_numbers():
    one, same, other = SeededChance(7), SeededChance(7), SeededChance(8)
    numbers = [one.random() for _ in range(20)]
    assert numbers == [same.random() for _ in range(20)]
    assert numbers != [other.random() for _ in range(20)]
    assert all(0 <= number < 1 for number in numbers)


def test_identifiers_are_counted_and_sort_in_the_order_of_making():
    chance: Chance = SeededChance()
    made = [chance.new_id("call_") for _ in range(12)]
    assert made[0] == "call_0000000000000001"
    assert made == sorted(made)
    assert len(set(made)) == 12
