"""Who has no words for a request has not been asked: it costs no attempt and hides no real failure."""

import pytest

from pipeline.house import House, provider, who
from segue.core.errors import NoCandidate, ProviderFailed, Unavailable, Unservable
from segue.core.failure import Executed, Kind, Scope
from segue.core.features import Features
from segue.core.provider import ModelInfo
from segue.pipeline.parts import Policy
from segue.testing import ScriptedProvider, answers, fails, run_virtual

UNSAID = fails(Kind.UNSUPPORTED, scope=Scope.REQUEST, executed=Executed.NO)


def wordless(name, **more):
    return provider(name, ScriptedProvider(then=UNSAID), **more)


def test_candidates_without_words_do_not_use_up_the_attempts():
    async def main():
        good = provider("good", ScriptedProvider([answers(b"yes")]))
        house = House([wordless("a")], [wordless("b")], [wordless("c")], [good], policy=Policy(max_attempts=1))
        call, outcome = await house.ask()
        assert outcome.answer == b"yes"
        assert who(call) == ["a", "b", "c", "good"]
        house.assert_nothing_is_left()

    run_virtual(main())


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_real_failure_is_told_whoever_had_no_words_beside_it(order):
    async def main():
        failing = provider("failing", ScriptedProvider(then=fails(Kind.SERVER_ERROR)))
        both = [[failing], [wordless("mute")]]
        house = House(*(both[place] for place in order), policy=Policy(retries=0))
        _, outcome = await house.ask()
        assert isinstance(outcome.refusal, ProviderFailed)
        assert outcome.refusal.failure.kind is Kind.SERVER_ERROR
        assert outcome.refusal.status == 502

    run_virtual(main())


def test_attempts_that_were_really_made_are_still_limited():
    async def main():
        failing = [provider(name, ScriptedProvider(then=fails(Kind.SERVER_ERROR))) for name in "abc"]
        house = House([wordless("mute")], *([one] for one in failing), policy=Policy(retries=0, max_attempts=2))
        call, _ = await house.ask()
        assert who(call) == ["mute", "a", "b"]

    run_virtual(main())


def test_when_nobody_has_words_the_caller_is_told_of_each_and_may_not_come_back():
    async def main():
        house = House([wordless("a")], [wordless("b")])
        _, outcome = await house.ask()
        refusal = outcome.refusal
        assert isinstance(refusal, Unservable)
        assert (refusal.status, refusal.code, refusal.should_retry) == (400, "unsupported", False)
        assert "nobody behind 'm' can serve this request (scripted: unsupported)" in refusal.message

    run_virtual(main())


def test_who_is_held_back_may_have_words_so_that_is_no_mistake_of_the_callers():
    async def main():
        house = House([wordless("mute")], [provider("asleep")])
        house.open_breaker("asleep")
        _, outcome = await house.ask()
        assert isinstance(outcome.refusal, Unavailable)
        assert outcome.refusal.retry_after is not None

    run_virtual(main())


def seeing(name, *capabilities, **more):
    info = ModelInfo("m", None, frozenset(capabilities))
    return provider(name, models=(info,), **more), "m"


def house_for(*tiers, needs, alternatives=()):
    house = House(*tiers)
    operation = house.parts.operation
    object.__setattr__(operation, "analyse", lambda _request: Features(model="m", needs=frozenset(needs)))
    object.__setattr__(house.parts, "alternatives", lambda _features: alternatives)
    from segue.pipeline.order import compose

    house.run = compose(house.parts)
    return house


def test_when_everybody_lacks_what_is_needed_the_error_names_each_its_lack_and_who_could():
    async def main():
        house = house_for(
            [seeing("a", "tools")], [seeing("b", "vision")], needs=["tools", "vision"], alternatives=["a/m", "c/x"]
        )
        call, outcome = await house.ask()
        assert isinstance(outcome.refusal, Unservable)
        assert isinstance(outcome.refusal, NoCandidate)
        assert outcome.refusal.status == 400
        assert outcome.refusal.message == (
            "nobody behind 'm' can serve this request (a/m lacks: vision; b/m lacks: tools); these may: c/x"
        )
        assert call.attempts == []

    run_virtual(main())


def test_when_others_are_out_for_other_reasons_it_is_not_called_the_callers_mistake():
    async def main():
        house = house_for([seeing("a", "tools")], [seeing("b", "vision", enabled=False)], needs=["vision"])
        _, outcome = await house.ask()
        assert type(outcome.refusal) is NoCandidate
        assert outcome.refusal.status == 503
        assert "a/m: lacks: vision; b/m: disabled" in outcome.refusal.message

    run_virtual(main())
