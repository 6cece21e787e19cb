"""A caller that hangs up, at any moment whatever, leaves nothing behind."""

import asyncio

import pytest

from pipeline.house import QUICK, House, provider, who
from pipeline.wires import wired
from segue.core.failure import Failure, Kind, Scope
from segue.core.signals import CallEnded
from segue.pipeline.parts import Policy
from segue.testing import (
    Close,
    ScriptedProvider,
    ScriptedTransport,
    answers,
    at_every_await,
    fails,
    hangs,
    refuses,
    replies,
    run_virtual,
    stalls,
    streams,
)

POLICY = Policy(limits=QUICK, deadline=100.0, retries=2)


async def pumped(house, **options):
    """What a surface does with a call."""
    _, outcome = await house.ask(**options)
    if outcome.stream is not None:
        try:
            while await outcome.stream.read():
                await house.clock.sleep(0.01)  # a client that takes its time
        finally:
            outcome.stream.cancel()
    return outcome


def native(*scripts):
    return [provider(chr(ord("a") + number), ScriptedProvider(script), keys=2) for number, script in enumerate(scripts)]


def wires(*scripts, stream=False):
    network = ScriptedTransport({chr(ord("a") + number): script for number, script in enumerate(scripts)})
    return [wired(chr(ord("a") + number), network, stream=stream) for number in range(len(scripts))], network


SLOW = answers(after=1.0)
NATIVE = {
    "an answer": [[SLOW]],
    "backoff": [[fails(Kind.SERVER_ERROR, after=0.1), fails(Kind.SERVER_ERROR, after=0.1), SLOW]],
    "failover": [[fails(Kind.CONNECT), fails(Kind.BAD_RESPONSE, after=0.1)], [SLOW]],
    "the next key": [[fails(Kind.AUTH, after=0.1, scope=Scope.KEY), SLOW]],
    "coming back": [[fails(Kind.RATE_LIMITED, after=0.1, retry_after=5.0), SLOW]],
    "a timeout": [[hangs()], [SLOW]],
    "a stream before its content": [[streams(b"x", b"y", after=1.0, every=1.0)]],
    "a stream that breaks": [[streams(b"x", b"y", after=1.0, every=1.0, cut=Failure(Kind.STREAM_CUT, "cut"))]],
    "nobody": [[fails(Kind.RATE_LIMITED, after=0.1), fails(Kind.RATE_LIMITED), fails(Kind.RATE_LIMITED)]],
}


@pytest.mark.parametrize("case", NATIVE)
def test_cancelled_at_any_await_a_call_leaves_nothing(case):
    async def main():
        finished = []
        houses = []

        def work():
            houses.append(House(*([one] for one in native(*NATIVE[case])), policy=POLICY))
            return pumped(houses[-1])

        async for trial in at_every_await(work):
            house = houses[-1]
            house.assert_nothing_is_left()
            (ended,) = house.said.of(CallEnded)
            assert (ended.code == "cancelled") == (not trial.finished)
            if not trial.finished:
                assert ended.status == 499
                assert all(attempt.cancelled or attempt.failure for attempt in ended.call.attempts)
            finished.append(trial.finished)
        assert finished.count(True) == 2
        assert len(finished) >= 4

    run_virtual(main())


WIRED = {
    "an answer": (False, [replies(b"a", 1.0, b"b", after=1.0)]),
    "an error, then an answer": (False, [replies(b"a", 1.0, status=500, after=1.0), replies(b"b", after=1.0)]),
    "refused, then an answer": (False, [refuses(after=1.0), replies(b"b", after=1.0)]),
    "a hint, then an answer": (False, [replies(status=429, headers={"retry-after": "3"}), replies(b"b", after=1.0)]),
    "silence, then somebody else": (False, [stalls()], [replies(b"b", after=1.0)]),
    "a stream": (True, [replies(b" ", 1.0, b"+", 1.0, b"+", 1.0, b".", 0.01, after=1.0)]),
    "a stream whose connection stays": (True, [replies(b" ", 1.0, b"+", 1.0, b".", close=Close.HANG)]),
    "a stream that stalls": (True, [replies(b"+", 1.0, b"+", close=Close.HANG)]),
    "a stream that is cut": (True, [replies(b"+", 1.0, b"+", close=Close.CUT)]),
    "a stream failed over": (True, [replies(b" ", 1.0, b"!", after=1.0)], [replies(b"+", 1.0, b".", after=1.0)]),
}


@pytest.mark.parametrize("case", WIRED)
def test_cancelled_at_any_await_a_call_over_the_network_leaves_no_connection_open(case):
    async def main():
        stream, *scripts = WIRED[case]
        made = []

        def work():
            providers, network = wires(*scripts, stream=stream)
            made.append((House(*([one] for one in providers), policy=POLICY), network))
            return pumped(made[-1][0])

        runs = 0
        async for _ in at_every_await(work):
            house, network = made[-1]
            assert not network.open
            house.assert_nothing_is_left()
            assert len(house.said.of(CallEnded)) == 1
            runs += 1
        assert runs >= 4

    run_virtual(main())


@pytest.mark.parametrize("script", [SLOW, streams(b"x", b"y", after=1.0, every=1.0)], ids=["plain", "stream"])
def test_a_probe_that_is_cancelled_at_any_await_leaves_the_breaker_able_to_close(script):
    async def main():
        houses = []

        async def work():
            houses.append(house := House([provider("a", ScriptedProvider([script]))], policy=POLICY))
            house.open_breaker("a")
            await house.clock.sleep(house.breaker.open_for)
            return await pumped(house)

        async for _ in at_every_await(work):
            house = houses[-1]
            house.assert_nothing_is_left()
            await house.clock.sleep(house.breaker.open_for)
            call, outcome = await house.ask()
            assert outcome.ok
            assert who(call) == ["a"]

    run_virtual(main())


def test_a_call_that_is_never_awaited_counts_nothing():
    async def main():
        house = House([provider("a")])
        coroutine = house.run(house.call())
        coroutine.close()
        house.assert_nothing_is_left()

    run_virtual(main())


def test_a_server_that_stops_cancels_many_calls_at_once():
    async def main():
        house = House([provider("a", ScriptedProvider(then=hangs()))], policy=POLICY)
        tasks = [asyncio.create_task(house.ask()) for _ in range(200)]
        await house.clock.sleep(1.0)
        assert house.gate.under_way == 200
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        house.assert_nothing_is_left()
        assert house.state("a") == ("closed", "closed")

    run_virtual(main())
