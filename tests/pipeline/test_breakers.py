"""Breakers seen from the pipeline: probes, and what counts against whom."""

import asyncio

import pytest

from pipeline.house import QUICK, House, provider, who
from segue.core.errors import Unavailable
from segue.core.failure import Failure, Kind, Scope
from segue.core.signals import BreakerChanged
from segue.pipeline.parts import Policy
from segue.testing import ScriptedProvider, answers, fails, hangs, run_virtual, streams

CUT = Failure(Kind.STREAM_CUT, "cut")


async def half_open(house, name="a"):
    house.open_breaker(name)
    await house.clock.sleep(house.breaker.open_for)


@pytest.mark.parametrize(("scope", "open_now"), [("provider", 0), ("model", 1), ("key", 2)])
def test_failures_open_the_breaker_that_their_scope_names(scope, open_now):
    async def main():
        bad = ScriptedProvider(then=fails(Kind.BAD_RESPONSE, scope=Scope(scope)))
        house = House([(provider("a", bad, keys=1), "m")], [provider("b")])
        for _ in range(5):
            assert (await house.ask())[1].ok
        call, _ = await house.ask()
        assert who(call) == ["b"]
        return house.state("a/m")

    expected = ["closed", "closed", "closed"]
    expected[open_now] = "open"
    assert run_virtual(main()) == tuple(expected)


def test_of_a_hundred_calls_one_is_the_probe_and_the_others_fail_over():
    async def main():
        slow = ScriptedProvider(then=answers(after=1.0))
        house = House([provider("a", slow)], [provider("b")])
        await half_open(house)
        results = await asyncio.gather(*(house.ask() for _ in range(100)))
        assert all(outcome.ok for _, outcome in results)
        assert len(slow.asked) == 1
        assert house.state("a") == ("closed", "closed")
        house.assert_nothing_is_left()

    run_virtual(main())


def test_without_anybody_else_those_who_are_no_probe_are_told_to_come_back_soon():
    async def main():
        house = House([provider("a", ScriptedProvider(then=answers(after=1.0)))])
        await half_open(house)
        results = await asyncio.gather(*(house.ask() for _ in range(100)))
        refusals = [outcome.refusal for _, outcome in results if not outcome.ok]
        assert len(refusals) == 99
        assert all(isinstance(refusal, Unavailable) for refusal in refusals)
        assert all(refusal.retry_after == pytest.approx(1.0) for refusal in refusals)

    run_virtual(main())


def test_a_probe_that_fails_opens_again_and_the_call_is_answered_elsewhere():
    async def main():
        house = House([provider("a", ScriptedProvider(then=fails(Kind.BAD_RESPONSE)))], [provider("b")])
        await half_open(house)
        call, outcome = await house.ask()
        assert outcome.ok
        assert who(call) == ["a", "b"]
        return house.state("a")

    assert run_virtual(main()) == ("open", "closed")


def test_a_retry_stops_when_the_breaker_opens_meanwhile_and_the_failure_before_it_is_told():
    async def main():
        house = House([provider("a", ScriptedProvider(then=fails(Kind.SERVER_ERROR)))], policy=Policy(retries=20))
        call, outcome = await house.ask()
        assert outcome.refusal.code == "server_error"
        return len(call.attempts)

    assert run_virtual(main()) == 5  # `failures` of the breaker


def test_a_cancelled_probe_gives_its_slot_back():
    async def main():
        slow = ScriptedProvider([hangs()])
        house = House([provider("a", slow)], policy=Policy(limits=QUICK))
        await half_open(house)
        probe = asyncio.create_task(house.ask())
        await house.clock.sleep(1.0)
        probe.cancel()
        await asyncio.wait({probe})
        assert house.state("a") == ("half_open", "closed")
        assert (await house.ask())[1].ok
        assert house.state("a") == ("closed", "closed")
        house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize("kind", [Kind.INVALID_REQUEST, Kind.DEADLINE])
def test_a_probe_that_learns_nothing_gives_its_slot_back(kind):
    async def main():
        house = House([provider("a", ScriptedProvider([fails(kind)]))])
        await half_open(house)
        await house.ask()
        assert house.state("a") == ("half_open", "closed")
        assert (await house.ask())[1].ok
        return house.state("a")

    assert run_virtual(main()) == ("closed", "closed")


def test_a_callers_short_deadline_never_counts_against_the_provider():
    async def main():
        house = House([provider("a", ScriptedProvider(then=hangs()))], policy=Policy(limits=QUICK))
        for _ in range(50):
            await house.ask(deadline=0.01)
        assert house.guard("a").provider.snapshot(house.clock.now()).failed == 0
        return house.state("a")

    assert run_virtual(main()) == ("closed", "closed")


def test_the_providers_own_silence_does_count():
    async def main():
        house = House(
            [provider("a", ScriptedProvider(then=hangs()))], policy=Policy(limits=QUICK, deadline=100.0, retries=0)
        )
        for _ in range(5):
            await house.ask()
        return house.state("a")

    assert run_virtual(main()) == ("open", "closed")


def test_a_stream_is_proof_with_its_first_content():
    """Else a healthy provider would refuse everybody until the probe's long answer has ended."""

    async def main():
        long = ScriptedProvider([streams(*[b"x"] * 60, every=1.0)])
        house = House([provider("a", long)])
        await half_open(house)
        _, probe = await house.ask()
        assert house.state("a") == ("closed", "closed")
        assert (await house.ask())[1].ok
        while await probe.stream.read():
            pass
        house.assert_nothing_is_left()
        return [(change.before, change.after) for change in house.said.of(BreakerChanged)]

    assert run_virtual(main())[-1] == ("half_open", "closed")


def test_a_stream_that_is_no_probe_counts_when_it_ends():
    async def main():
        house = House([provider("a", ScriptedProvider(then=streams(b"x", cut=CUT)))])
        for _ in range(5):
            _, outcome = await house.ask()
            while await outcome.stream.read():
                pass
        house.assert_nothing_is_left()
        return house.state("a")

    assert run_virtual(main()) == ("open", "closed")


def test_a_stream_that_its_reader_leaves_speaks_against_nobody():
    async def main():
        house = House([provider("a", ScriptedProvider(then=streams(b"x", b"y")))])
        for _ in range(20):
            _, outcome = await house.ask()
            outcome.stream.cancel()
        assert house.guard("a").provider.snapshot(0.0).calls == 0
        house.assert_nothing_is_left()
        return house.state("a")

    assert run_virtual(main()) == ("closed", "closed")
