"""A provider that says when to come back is waited for when nobody else can answer, and only then."""

import asyncio

import pytest

from pipeline.house import House, provider, who
from segue.core.errors import DeadlineExceeded, ProviderFailed, Unavailable
from segue.core.failure import Kind, Scope
from segue.core.provider import ModelInfo
from segue.pipeline.parts import Policy
from segue.testing import ScriptedProvider, answers, fails, run_virtual

PATIENT = Policy(deadline=600.0)
HINTED = [Kind.RATE_LIMITED, Kind.OVERLOADED, Kind.SERVER_ERROR]


@pytest.mark.parametrize("kind", HINTED)
def test_with_an_alternative_a_hint_costs_no_time_and_the_one_that_asked_is_left_alone(kind):
    async def main():
        shy = ScriptedProvider([fails(kind, retry_after=20.0)])
        house = House([provider("a", shy)], [provider("b")], policy=PATIENT)
        first, _ = await house.ask()
        second, _ = await house.ask()
        assert house.clock.now() == 0.0
        await house.clock.sleep(20.0)
        third, _ = await house.ask()
        return who(first), who(second), who(third)

    assert run_virtual(main()) == (["a", "b"], ["b"], ["a"])


def test_a_rate_limit_of_one_key_cools_that_key_alone():
    async def main():
        by_key = ScriptedProvider(
            lambda call, attempt: (
                fails(Kind.RATE_LIMITED, scope=Scope.KEY, retry_after=30.0)
                if attempt.candidate.key.label == "key-1"
                else answers()
            )
        )
        house = House([provider("a", by_key, keys=2)], [provider("b")], policy=PATIENT)
        return [who((await house.ask())[0]) for _ in range(3)]

    assert run_virtual(main()) == [["a#key-1", "a#key-2"], ["a#key-2"], ["a#key-2"]]


@pytest.mark.parametrize("kind", HINTED)
@pytest.mark.parametrize("hint", [0.0, 0.3, 7.0, 60.0])
def test_without_an_alternative_the_hint_is_waited_for(kind, hint):
    async def main():
        house = House([provider("a", ScriptedProvider([fails(kind, retry_after=hint)]))], policy=PATIENT)
        call, outcome = await house.ask()
        assert outcome.ok
        assert len(call.attempts) == 2
        assert call.waited == pytest.approx(house.clock.now())
        house.assert_nothing_is_left()
        return house.clock.now()

    assert hint <= run_virtual(main()) <= hint * 1.1 + 0.1


def test_many_who_wait_for_the_same_moment_do_not_come_in_the_same_moment():
    async def main():
        shy = ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=10.0)])
        house = House([provider("a", shy)], policy=PATIENT)
        await asyncio.gather(*(house.ask() for _ in range(20)))
        return [attempt.started for attempt in shy.asked[1:]]

    times = run_virtual(main())
    assert len(set(times)) > 15
    assert min(times) >= 10.0
    assert max(times) <= 11.0


@pytest.mark.parametrize(("hint", "deadline"), [(60.1, 600.0), (3600.0, 600.0), (1e9, 600.0), (10.0, 9.0), (9.0, 9.0)])
def test_a_hint_beyond_a_minute_or_the_deadline_is_told_and_not_waited_for(hint, deadline):
    async def main():
        house = House(
            [provider("a", ScriptedProvider(then=fails(Kind.RATE_LIMITED, retry_after=hint)))], policy=PATIENT
        )
        _, outcome = await house.ask(deadline=deadline)
        assert house.clock.now() == 0.0
        return outcome.refusal

    refusal = run_virtual(main())
    assert isinstance(refusal, ProviderFailed)
    assert (refusal.status, refusal.retry_after) == (429, hint)


def test_calls_that_arrive_while_the_only_provider_cools_wait_rather_than_fail():
    async def main():
        shy = ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=10.0)])
        house = House([provider("a", shy)], policy=PATIENT)
        first = asyncio.create_task(house.ask())
        await house.clock.sleep(4.0)
        call, outcome = await house.ask()
        assert outcome.ok
        assert len(call.attempts) == 1  # never sent in vain
        assert house.clock.now() >= 10.0
        assert (await first)[1].ok
        house.assert_nothing_is_left()

    run_virtual(main())


def test_a_call_that_waits_while_the_cooling_grows_waits_on():
    """Somebody else came back first and was told to wait for longer: no reason to fail."""

    async def main():
        shy = ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=10.0), fails(Kind.RATE_LIMITED, retry_after=10.0)])
        house = House([provider("a", shy)], policy=PATIENT)
        outcomes = await asyncio.gather(*(house.ask() for _ in range(10)))
        assert all(outcome.ok for _, outcome in outcomes)
        house.assert_nothing_is_left()
        return len(shy.asked), house.clock.now()

    asked, took = run_virtual(main())
    assert asked == 12  # ten answers, two refusals
    assert 20.0 <= took <= 23.0


def test_a_call_that_cannot_wait_for_the_cooling_hears_how_long_it_lasts():
    async def main():
        shy = ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=100.0)])
        house = House([provider("a", shy)], policy=PATIENT)
        await house.ask()
        await house.clock.sleep(30.0)
        _, outcome = await house.ask()
        return outcome.refusal

    refusal = run_virtual(main())
    assert isinstance(refusal, Unavailable)
    assert refusal.retry_after == pytest.approx(70.0)


def test_a_candidate_that_was_not_asked_yet_needs_no_retry_budget():
    """It cools because of somebody else's call: coming to it is a failover, and failovers are never limited."""

    async def main():
        house = House(
            [provider("a", ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=5.0)]))],
            [provider("b", ScriptedProvider([answers()], then=fails(Kind.BAD_RESPONSE)))],
            policy=PATIENT,
        )
        await house.ask()
        while house.guard("a").spend_retry(house.clock.now()):
            pass
        call, outcome = await house.ask()
        assert outcome.ok
        return who(call)

    assert run_virtual(main()) == ["b", "a"]


def test_coming_back_takes_a_retry_of_the_budget():
    """It is one: without a budget an outage with hints would be asked twice by everyone."""

    async def main():
        house = House([provider("a", ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=5.0)]))], policy=PATIENT)
        while house.guard("a").spend_retry(house.clock.now()):
            pass
        call, outcome = await house.ask()
        assert outcome.refusal.retry_after == 5.0
        return len(call.attempts), house.clock.now()

    assert run_virtual(main()) == (1, 0.0)


def test_a_candidate_that_another_failure_ruled_out_is_not_waited_for():
    async def main():
        by_key = ScriptedProvider(
            lambda call, attempt: (
                fails(Kind.RATE_LIMITED, scope=Scope.KEY, retry_after=5.0)
                if attempt.candidate.key.label == "key-1"
                else fails(Kind.CONTEXT_LENGTH, scope=Scope.MODEL)
            )
        )
        house = House([(provider("a", by_key, keys=2), "m")], policy=PATIENT)
        tried, _ = await house.ask()  # key-1 was asked, and key-2 then says that no key helps
        cooling, _ = await house.ask()  # key-1 cools and has not been asked
        assert house.clock.now() == 0.0
        return who(tried), who(cooling)

    assert run_virtual(main()) == (["a/m#key-1", "a/m#key-2"], ["a/m#key-2"])


def test_a_smaller_window_is_not_waited_for_after_a_larger_one_was_full():
    async def main():
        small = provider(
            "a", ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=5.0)]), models=(ModelInfo("m", 4),)
        )
        full = ScriptedProvider([answers()], then=fails(Kind.CONTEXT_LENGTH, scope=Scope.MODEL))
        house = House([(small, "m")], [(provider("b", full, models=(ModelInfo("n", 8),)), "n")], policy=PATIENT)
        await house.ask()
        call, outcome = await house.ask()  # a/m cools and has not been asked
        assert outcome.refusal.code == "context_length_exceeded"
        return who(call), house.clock.now()

    assert run_virtual(main()) == (["b/n"], 0.0)


def test_whoever_waited_in_vain_hears_of_what_is_to_come_and_not_of_what_is_over():
    """The first to come back is told to wait for longer than anybody waits."""

    async def main():
        hints = (10.0, 300.0)
        shy = ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=hint) for hint in hints])
        house = House([provider("a", shy)], policy=PATIENT)
        first = asyncio.create_task(house.ask())
        await house.clock.sleep(1.0)
        others = await asyncio.gather(*(house.ask() for _ in range(20)))
        await first
        refusals = [outcome.refusal for call, outcome in others if not call.attempts]
        assert len(refusals) >= 19
        return [refusal.retry_after for refusal in refusals]

    assert all(280.0 < wait <= 300.0 for wait in run_virtual(main()))


def test_the_one_that_is_ready_first_is_waited_for():
    async def main():
        house = House(
            [provider("a", ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=9.0)]))],
            [provider("b", ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=2.0)]))],
            policy=PATIENT,
        )
        call, _ = await house.ask()
        return who(call), house.clock.now() < 3.0

    assert run_virtual(main()) == (["a", "b", "b"], True)


def test_a_rate_limit_without_a_hint_is_waited_for_a_moment():
    async def main():
        house = House([provider("a", ScriptedProvider([fails(Kind.RATE_LIMITED)]))], policy=PATIENT)
        call, outcome = await house.ask()
        assert outcome.ok
        return house.clock.now(), len(call.attempts)

    took, attempts = run_virtual(main())
    assert 0.5 <= took <= 1.0
    assert attempts == 2


@pytest.mark.parametrize("kind", HINTED)
def test_a_vendor_that_says_do_not_retry_is_obeyed(kind):
    async def main():
        shy = ScriptedProvider(then=fails(kind, retry_after=1.0, should_retry=False))
        house = House([provider("a", shy)], policy=PATIENT)
        call, _ = await house.ask()
        return len(call.attempts), house.clock.now()

    assert run_virtual(main()) == (1, 0.0)


@pytest.mark.parametrize("retries", [0, 1, 2, 4])
@pytest.mark.parametrize(
    "script",
    [
        [fails(Kind.SERVER_ERROR)] * 20,
        [fails(Kind.RATE_LIMITED, retry_after=0.5)] * 20,
        [fails(Kind.SERVER_ERROR), fails(Kind.RATE_LIMITED, retry_after=0.5)] * 10,
        [fails(Kind.RATE_LIMITED, retry_after=0.5), fails(Kind.SERVER_ERROR), fails(Kind.SERVER_ERROR)] * 7,
    ],
    ids=["errors", "rate limits", "an error, a rate limit", "a rate limit, errors"],
)
def test_retries_of_a_candidate_are_counted_over_the_whole_call(retries, script):
    """Coming back after a wait gives no new allowance of retries."""

    async def main():
        house = House([provider("a", ScriptedProvider(script))], policy=Policy(retries=retries, deadline=600.0))
        call, _ = await house.ask()
        return len(call.attempts)

    assert run_virtual(main()) == retries + 1


def test_a_wait_that_ends_in_the_callers_own_mistake_ends_the_call():
    async def main():
        script = ScriptedProvider([fails(Kind.RATE_LIMITED, retry_after=1.0), fails(Kind.INVALID_REQUEST)])
        house = House([provider("a", script)], policy=PATIENT)
        _, outcome = await house.ask()
        return outcome.refusal

    assert run_virtual(main()).code == "invalid_request"


def test_backoff_that_would_outlast_the_deadline_is_not_begun():
    async def main():
        house = House([provider("a", ScriptedProvider([fails(Kind.SERVER_ERROR, after=0.9999)]))], policy=PATIENT)
        call, outcome = await house.ask(deadline=1.0)
        assert not isinstance(outcome.refusal, DeadlineExceeded)
        return len(call.attempts)

    assert run_virtual(main()) == 1


def test_in_an_outage_of_the_only_provider_retries_are_a_fifth_of_the_calls_and_one_a_second():
    """Three tries for each call would be the outage's second half."""

    async def main():
        down = ScriptedProvider(then=fails(Kind.SERVER_ERROR))
        house = House([provider("a", down)], policy=PATIENT)
        # The breaker would end this at once; here the budget alone is to be seen.
        house.guard("a").provider.configure(type(house.breaker)(failures=10_000, min_calls=1_000_000))
        tasks = []
        for _ in range(1000):  # 50 calls a second for 20 seconds
            tasks.append(asyncio.create_task(house.ask()))
            await house.clock.sleep(0.02)
        await asyncio.gather(*tasks)
        house.assert_nothing_is_left()
        return len(down.asked) - 1000

    retries = run_virtual(main())
    assert 200 <= retries <= 0.2 * 1000 + 20 * 1.0 + 10


def test_failover_to_somebody_new_is_never_limited():
    async def main():
        down = ScriptedProvider(then=fails(Kind.SERVER_ERROR))
        house = House([provider("a", down)], [provider("b")], policy=PATIENT)
        while house.guard("a").spend_retry(house.clock.now()):
            pass
        return [(await house.ask())[1].ok for _ in range(100)]

    assert all(run_virtual(main()))


def test_calls_that_were_failed_over_earn_their_new_provider_retries():
    """It has their traffic, so it may have a fifth of it in retries."""

    async def main():
        down = ScriptedProvider(then=fails(Kind.BAD_RESPONSE))
        house = House([provider("a", down)], [provider("b")], policy=PATIENT)
        for _ in range(100):
            await house.ask()
        left = house.health.status(house.clock.now())
        return left["b"]["retries_left"]

    assert run_virtual(main()) == pytest.approx(30.0)  # a fifth of 100, and 1/s over 10 s


def cooled(house, *names):
    """Have these providers ask for a pause: of 5 s the first, of 6 s the second, and so on."""
    for number, name in enumerate(names):
        house.guard(name).cool(house.clock.now() + 5.0 + number, "provider")


def test_a_wait_that_just_fits_before_the_deadline_is_granted():
    """The little chance in a wait is taken from what is left after it, never from what is not there."""

    async def main():
        took = []
        for seed in range(20):
            house = House([provider("a")], seed=seed)
            cooled(house, "a")
            call, outcome = await house.ask(deadline=5.1)
            assert outcome.ok
            took.append(call.waited)
        return took

    assert all(5.0 <= waited < 5.1 for waited in run_virtual(main()))


def test_after_a_final_failure_nobody_else_who_waits_is_asked():
    async def main():
        house = House([provider("a", ScriptedProvider(then=fails(Kind.INVALID_REQUEST)))], [provider("b")])
        cooled(house, "a", "b")
        call, outcome = await house.ask()
        assert outcome.refusal.code == "invalid_request"
        return who(call)

    assert run_virtual(main()) == ["a"]


def test_a_window_that_was_full_after_a_wait_rules_out_the_smaller_ones_that_wait():
    async def main():
        full = ScriptedProvider(then=fails(Kind.CONTEXT_LENGTH, scope=Scope.MODEL))
        a = provider("a", full, models=(ModelInfo("m", 8),))
        b = provider("b", models=(ModelInfo("m", 4),))
        house = House([(a, "m")], [(b, "m")])
        cooled(house, "a/m", "b/m")
        call, _ = await house.ask()
        return who(call)

    assert run_virtual(main()) == ["a/m"]
