"""Who is asked after whom, and when nobody else is asked."""

import pytest

from pipeline.house import QUICK, House, provider, who
from segue.core.errors import DeadlineExceeded, NoCandidate, ProviderFailed, Unavailable
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.operation import Nature
from segue.core.provider import ModelInfo
from segue.pipeline.failover import exhausted
from segue.pipeline.parts import Policy
from segue.resilience import BreakerOptions
from segue.testing import ScriptedProvider, answers, breaks, fails, hangs, run_virtual

ALONE = Policy(retries=0)


@pytest.mark.parametrize("kind", [Kind.INVALID_REQUEST, Kind.NOT_FOUND, Kind.CONTENT_FILTER])
@pytest.mark.parametrize("scope", list(Scope))
def test_the_callers_own_mistake_is_tried_once_ever(kind, scope):
    """One attempt, no other candidate, no word against anybody's health, and the vendor's own reason at the end."""
    bad = ScriptedProvider(then=fails(kind, scope=scope))
    other = ScriptedProvider()

    async def main():
        house = House([provider("a", bad, keys=2)], [provider("b", other)])
        for _ in range(50):
            call, outcome = await house.ask()
            assert len(call.attempts) == 1
            assert isinstance(outcome.refusal, ProviderFailed)
            assert outcome.refusal.failure.kind is kind
        assert other.asked == []
        assert house.state("a") == ("closed", "closed")
        assert house.guard("a").provider.snapshot(0.0).failed == 0
        house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize("kind", [Kind.INVALID_REQUEST, Kind.NOT_FOUND, Kind.CONTENT_FILTER])
def test_a_mistake_that_is_told_at_the_last_moment_is_still_told(kind):
    """A caller that hears "too late" instead of "wrong" sends the same again."""

    async def main():
        call = House().call()
        call.deadline = 5.0
        return exhausted(call, [Failure(Kind.SERVER_ERROR, "busy"), Failure(kind, "wrong")], now=5.0)

    assert run_virtual(main()).code == kind.value


@pytest.mark.parametrize("kind", [Kind.AUTH, Kind.PERMISSION, Kind.QUOTA, Kind.RATE_LIMITED])
def test_a_failure_of_a_key_goes_to_the_next_key_of_the_same_model_first(kind):
    """The same account's other key serves the same model at the same price; another provider may not."""

    async def main():
        by_key = ScriptedProvider(
            lambda call, attempt: fails(kind, scope=Scope.KEY) if attempt.candidate.key.label != "key-3" else answers()
        )
        house = House([(provider("a", by_key, keys=3), "m")], [(provider("b"), "m")])
        call, outcome = await house.ask()
        assert outcome.ok
        return who(call)

    assert run_virtual(main()) == ["a/m#key-1", "a/m#key-2", "a/m#key-3"]


def test_a_bad_key_is_not_shown_for_another_model_either():
    async def main():
        refuses = ScriptedProvider(
            lambda call, attempt: (
                fails(Kind.AUTH, scope=Scope.KEY)
                if attempt.candidate.key.label == "key-1"
                else fails(Kind.MODEL_MISSING, scope=Scope.MODEL)
            )
        )
        owner = provider("a", refuses, keys=2)
        house = House([(owner, "m")], [(owner, "n")], [provider("b")])
        call, _ = await house.ask()
        return who(call)

    assert run_virtual(main()) == ["a/m#key-1", "a/m#key-2", "a/n#key-2", "b"]


@pytest.mark.parametrize("kind", [Kind.CONNECT, Kind.TIMEOUT, Kind.BAD_RESPONSE, Kind.SERVER_ERROR])
def test_a_failure_of_the_provider_skips_its_other_keys_and_models(kind):
    async def main():
        owner = provider("a", ScriptedProvider(then=fails(kind)), keys=3)
        house = House([(owner, "m")], [(owner, "n")], [provider("b")], policy=ALONE)
        call, outcome = await house.ask()
        assert outcome.ok
        return who(call)

    assert run_virtual(main()) == ["a/m#key-1", "b"]


def test_a_failure_of_the_model_skips_only_that_model():
    async def main():
        by_model = ScriptedProvider(
            lambda call, attempt: (
                fails(Kind.MODEL_MISSING, scope=Scope.MODEL) if attempt.candidate.model == "m" else answers()
            )
        )
        owner = provider("a", by_model, keys=3)
        house = House([(owner, "m")], [(owner, "n")], [provider("b")])
        call, _ = await house.ask()
        return who(call)

    assert run_virtual(main()) == ["a/m#key-1", "a/n#key-1"]


@pytest.mark.parametrize("scope", list(Scope))
def test_a_full_context_window_goes_only_to_a_larger_or_an_unknown_one(scope):
    """Whatever scope an adapter gives it; and never to the same model with another key."""

    async def main():
        full = ScriptedProvider(then=fails(Kind.CONTEXT_LENGTH, scope=scope))
        windows = tuple(ModelInfo(name, size) for name, size in (("s", 4), ("m", 8), ("x", 6), ("l", 16), ("u", None)))
        a, b = provider("a", full, keys=2, models=windows), provider("b", full, models=windows)
        house = House([(a, "m")], [(a, "s"), (b, "x"), (b, "m")], [(a, "l")], [(b, "u")])
        call, outcome = await house.ask()
        assert outcome.refusal.code == "context_length_exceeded"
        assert outcome.refusal.status == 400
        assert house.state("a/m")[0] == "closed"
        return who(call)

    asked = run_virtual(main())
    if scope is Scope.KEY:
        assert [name.split("#")[0] for name in asked] == ["a/m", "a/l", "b/u"]
    else:
        assert asked == ["a/m#key-1", "a/l#key-1", "b/u"]


def test_silence_is_paid_for_once():
    """No retry of the same candidate, no other key, and the call's time is left for somebody else."""

    async def main():
        house = House(
            [provider("a", ScriptedProvider(then=hangs()), keys=2)], [provider("b")], policy=Policy(limits=QUICK)
        )
        call, outcome = await house.ask()
        assert outcome.ok
        return who(call), house.clock.now()

    assert run_virtual(main()) == (["a#key-1", "b"], 10.0)


def test_groups_of_priority_and_tiers_are_asked_in_their_order():
    async def main():
        failing = ScriptedProvider(then=fails(Kind.BAD_RESPONSE))
        first, second, third = (
            provider(name, failing, priority=rank) for name, rank in (("p1", 1), ("p0", 0), ("p7", 7))
        )
        house = House([first, second, third], [provider("t2", failing, priority=0)])
        call, _ = await house.ask()
        return who(call)

    assert run_virtual(main()) == ["p0", "p1", "p7", "t2"]


def test_a_target_that_is_named_twice_is_asked_once():
    async def main():
        owner = provider("a", ScriptedProvider(then=fails(Kind.UNSUPPORTED, scope=Scope.REQUEST)))
        house = House([(owner, "m")], [(owner, "m"), (owner, "n")])
        call, _ = await house.ask()
        return who(call)

    assert run_virtual(main()) == ["a/m", "a/n"]


def test_a_target_that_answered_badly_but_speaks_of_one_key_is_still_asked_once_for_each_key():
    """A name twice in an alias, or as a fallback too, must not ask the same key twice."""

    async def main():
        owner = provider("a", ScriptedProvider(then=fails(Kind.QUOTA, scope=Scope.MODEL)))
        other = provider("b", ScriptedProvider(then=fails(Kind.QUOTA, scope=Scope.KEY)), keys=2)
        house = House([(owner, "m"), (other, "m")], [(owner, "m"), (other, "m")])
        call, _ = await house.ask()
        return [f"{one.candidate.name}#{one.candidate.key.label}" for one in call.attempts], len(call.skipped)

    assert run_virtual(main()) == (["a/m#none", "b/m#key-1", "b/m#key-2"], 0)


def test_only_and_avoid_take_providers_and_models():
    async def main():
        owner = provider("a", ScriptedProvider(then=fails(Kind.UNSUPPORTED, scope=Scope.REQUEST)))
        house = House([(owner, "m"), (owner, "n")], [(provider("b"), "m")])
        asked = []
        for options in ({"only": ("b",)}, {"only": ("a/n",)}, {"avoid": ("a",)}, {"avoid": ("a/m",)}):
            call, _ = await house.ask(**options)
            asked.append(who(call))
        call, outcome = await house.ask(only=("b",), avoid=("b/m",))
        assert isinstance(outcome.refusal, NoCandidate)
        assert "x-segue-only" in str(outcome.refusal)
        assert "avoided" in str(outcome.refusal)
        return asked

    assert run_virtual(main()) == [["b/m"], ["a/n"], ["b/m"], ["a/n", "b/m"]]


def test_a_disabled_provider_is_not_asked_and_the_error_says_so():
    async def main():
        house = House([provider("a", enabled=False)])
        call, outcome = await house.ask()
        assert call.attempts == []
        return outcome.refusal

    refusal = run_virtual(main())
    assert isinstance(refusal, NoCandidate)
    assert refusal.status == 503
    assert "a: disabled" in refusal.message


def test_an_operation_that_nobody_serves_is_refused():
    async def main():
        _, outcome = await House().ask()
        return outcome.refusal

    refusal = run_virtual(main())
    assert isinstance(refusal, NoCandidate)
    assert "configure one" in refusal.message


def test_the_error_lists_the_attempts_in_order_with_the_one_that_decided():
    async def main():
        house = House(
            [provider("a", ScriptedProvider(then=fails(Kind.BAD_RESPONSE)))],
            [provider("b", ScriptedProvider(then=fails(Kind.CONNECT)))],
            policy=ALONE,
        )
        _, outcome = await house.ask()
        return outcome.refusal

    refusal = run_virtual(main())
    assert isinstance(refusal, ProviderFailed)
    assert refusal.code == "connect_failed"
    assert refusal.call_id == "call_1"
    assert [attempt.failure.kind for attempt in refusal.attempts] == [Kind.BAD_RESPONSE, Kind.CONNECT]
    assert refusal.message.startswith("2 attempts failed (a: bad_response, b: connect_failed); the one that decided")


def test_a_call_that_everybody_is_too_busy_for_hears_the_earliest_time_to_come_back():
    async def main():
        house = House(
            [provider("a", ScriptedProvider(then=fails(Kind.RATE_LIMITED, retry_after=90.0)))],
            [provider("b", ScriptedProvider(then=fails(Kind.QUOTA, retry_after=700.0)))],
        )
        _, outcome = await house.ask()
        return outcome.refusal

    refusal = run_virtual(main())
    assert (refusal.status, refusal.retry_after) == (429, 90.0)


@pytest.mark.parametrize("hint", [None, 0.1])
@pytest.mark.parametrize("kind", [Kind.BAD_RESPONSE, Kind.SERVER_ERROR, Kind.RATE_LIMITED])
def test_max_attempts_of_the_caller_is_kept_and_cannot_exceed_the_policys(kind, hint):
    """Whether they are failovers, retries, or come after a wait."""

    async def main():
        failing = ScriptedProvider(then=fails(kind, retry_after=hint))
        everyone = [provider(f"p{number}", failing) for number in range(9 if kind is Kind.BAD_RESPONSE else 3)]
        house = House(everyone, policy=Policy(max_attempts=4), breaker=BreakerOptions(failures=100))
        return [len((await house.ask(max_attempts=wanted))[0].attempts) for wanted in (1, 2, 4, 100)]

    assert run_virtual(main()) == [1, 2, 4, 4]


def test_a_defect_of_one_adapter_is_a_failure_like_any_other():
    """A plugin that raises must not take away the answer that somebody else has."""

    async def main():
        house = House([provider("a", ScriptedProvider(then=breaks(KeyError("secret-a-1"))))], [provider("b")])
        call, outcome = await house.ask()
        assert outcome.ok
        assert who(call) == ["a", "b"]
        house.assert_nothing_is_left()
        return call.attempts[0].failure

    failure = run_virtual(main())
    assert failure.kind is Kind.BAD_RESPONSE
    assert failure.message == "the adapter is defective: KeyError"


def test_a_deadline_that_passes_while_a_provider_works_is_the_callers_and_ends_the_call():
    async def main():
        house = House([provider("a", ScriptedProvider(then=hangs()))], [provider("b")], policy=Policy(limits=QUICK))
        call, outcome = await house.ask(deadline=3.0)
        assert isinstance(outcome.refusal, DeadlineExceeded)
        assert outcome.refusal.status == 504
        assert house.guard("a").provider.snapshot(3.0).failed == 0
        return house.clock.now(), who(call)

    assert run_virtual(main()) == (3.0, ["a"])


@pytest.mark.parametrize("hint", [None, 1.0])
@pytest.mark.parametrize("executed", [Executed.YES, Executed.UNKNOWN])
@pytest.mark.parametrize("kind", list(Kind))
def test_an_effectful_call_is_never_sent_again_unless_it_surely_did_not_happen(kind, executed, hint):
    async def main():
        maybe = ScriptedProvider(then=fails(kind, executed=executed, retry_after=hint))
        house = House([provider("a", maybe, keys=2)], [provider("b")], nature=Nature.EFFECTFUL)
        call, outcome = await house.ask()
        assert not outcome.ok
        return who(call)

    assert run_virtual(main()) == ["a#key-1"]


def test_an_effectful_call_that_surely_did_not_happen_is_retried_and_failed_over():
    async def main():
        house = House(
            [provider("a", ScriptedProvider(then=fails(Kind.CONNECT, executed=Executed.NO)))],
            [provider("b")],
            nature=Nature.EFFECTFUL,
        )
        call, outcome = await house.ask()
        assert outcome.ok
        return who(call)

    assert run_virtual(main()) == ["a", "a", "a", "b"]


def test_an_effectful_call_that_times_out_is_not_sent_again():
    async def main():
        house = House(
            [provider("a", ScriptedProvider(then=hangs()))],
            [provider("b")],
            nature=Nature.EFFECTFUL,
            policy=Policy(limits=QUICK),
        )
        call, _ = await house.ask()
        return who(call)

    assert run_virtual(main()) == ["a"]


def test_all_open_is_503_with_the_time_of_the_earliest_reopening():
    async def main():
        house = House([provider("a")], [provider("b")])
        house.open_breaker("a")
        await house.clock.sleep(20.0)
        house.open_breaker("b")
        call, outcome = await house.ask()
        assert call.attempts == []
        assert [skipped.candidate for skipped in call.skipped] == ["a", "b"]
        return outcome.refusal

    refusal = run_virtual(main())
    assert isinstance(refusal, Unavailable)
    assert refusal.status == 503
    assert refusal.retry_after == pytest.approx(40.0)
    assert "a, b" in refusal.message


@pytest.mark.parametrize(("scope", "served_by"), [("key", "a/m#key-2"), ("model", "a/n#key-1"), ("provider", "b")])
def test_what_is_open_is_skipped_without_an_attempt_and_nothing_else_is(scope, served_by):
    async def main():
        owner = provider("a", keys=2)
        house = House([(owner, "m")], [(owner, "n")], [provider("b")])
        house.open_breaker("a/m", scope)
        call, outcome = await house.ask()
        assert outcome.ok
        house.assert_nothing_is_left()
        return who(call)

    assert run_virtual(main()) == [served_by]
