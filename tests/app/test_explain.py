"""An explanation says what the next call will meet, and changes nothing."""

import asyncio

import pytest

from app.places import Place, scripted
from segue.app.explain import explain
from segue.core.call import CallOptions, Hold
from segue.core.errors import NoCandidate, UnknownModel
from segue.core.failure import Kind, Scope
from segue.testing import answers, fails, run_virtual

SETTINGS = {
    "providers": {
        "a": scripted("m", "n", keys=["k-1", "k-2"], weight=3),
        "b": scripted("m", weight=2),
        "c": scripted("m", priority=2),
        "off": scripted("m", enabled=False),
    },
    "models": {"smart": [["a/m", "b/m"], ["c/m"]]},
}


def explained(place, model="smart", **options):
    engine = place.engine
    return explain(
        engine.snapshot.lines["chat"], model, CallOptions(**options) if options else None, engine.snapshot.version
    )


@pytest.mark.parametrize("strategy", ["priority", "round_robin"])
@pytest.mark.parametrize("model", ["smart", "m", "a/n"])
def test_the_winner_is_who_the_next_call_asks_and_looking_moves_nothing(strategy, model):
    async def main():
        place = Place({**SETTINGS, "policies": {"default": {"strategy": strategy}}})
        winners = set()
        for _ in range(20):
            told = [explained(place, model) for _ in range(3)]
            assert told[0] == told[1] == told[2]
            call, _ = await place.chat(model)
            (attempt,) = call.attempts
            first = next(one for one in told[0].candidates if one.rank == 1)
            assert (first.candidate, first.key) == (attempt.candidate.name, attempt.candidate.key.label)
            assert told[0].winner == first.candidate
            winners.add((first.candidate, first.key))
        assert len(winners) > 1

    run_virtual(main())


def test_what_would_be_kept_back_of_a_stream_is_told():
    async def main():
        models = {"smart": ["a/m"], "careful": {"tiers": ["a/m"], "hold": "all"}}
        place = Place({**SETTINGS, "models": models, "policies": {"chat": {"hold": "64 tokens"}}})
        assert [explained(place, model).hold for model in ("smart", "careful")] == ["64 tokens", "all"]
        assert explained(place, "careful", hold=Hold(seconds=2.0)).hold == "2s"
        assert explained(Place(SETTINGS)).hold == "none"

    run_virtual(main())


def test_the_whole_order_is_that_of_a_call_that_fails_everywhere():
    async def main():
        place = Place({**SETTINGS, "policies": {"default": {"retries": 0}}})
        for name in ("a", "b", "c"):
            place.adapter.providers[name]._then = fails(Kind.QUOTA, scope=Scope.KEY)
        for model in ("smart", "m", "smart"):
            told = explained(place, model)
            call, _ = await place.chat(model)
            asked = [(attempt.candidate.name, attempt.candidate.key.label) for attempt in call.attempts]
            assert [(one.candidate, one.key) for one in told.candidates if one.rank] == asked

    run_virtual(main())


def test_everyone_who_would_not_be_asked_has_a_reason():
    async def main():
        place = Place(SETTINGS)
        place.adapter.providers["a"]._then = fails(Kind.BAD_RESPONSE)
        place.adapter.providers["b"]._then = fails(Kind.RATE_LIMITED, retry_after=30.0)
        for _ in range(5):
            await place.chat(only=("a",))
        await place.chat(only=("b",), deadline=1.0)
        told = explained(place, "m", avoid=("c",))
        assert told.winner is None
        return {one.candidate: one.reason for one in told.candidates}

    reasons = run_virtual(main())
    assert reasons["a/m"] == "its circuit breaker is open, for 60.0 s more"
    assert reasons["b/m"] == "cooling down as its provider asked, for 30.0 s more"
    assert reasons["c/m"] == "avoided by x-segue-avoid"
    assert reasons["off/m"] == "disabled"


def test_it_shows_tier_priority_weight_and_load():
    async def main():
        place = Place(SETTINGS)
        place.adapter.providers["a"]._then = answers(after=5.0)
        task = asyncio.create_task(place.chat("a/m"))
        await place.world.clock.sleep(1.0)
        told = explained(place)
        await task
        return told

    told = run_virtual(main())
    assert (told.operation, told.model, told.strategy, told.version) == ("chat", "smart", "priority", 1)
    first, *_, last = told.candidates
    assert (first.candidate, first.tier, first.priority, first.weight, first.in_flight) == ("a/m", 1, 1, 3, 1)
    assert first.reason == "tier 1, priority 1, then strategy priority (weight 3)"
    assert (last.candidate, last.tier, last.priority) == ("c/m", 2, 2)


def test_fallbacks_that_the_caller_names_are_part_of_it():
    async def main():
        place = Place(SETTINGS)
        told = explained(place, "a/n", fallbacks=("c/m",))
        assert [one.candidate for one in told.candidates] == ["a/n", "a/n", "c/m"]
        with pytest.raises(UnknownModel, match="fallback"):
            explained(place, "a/n", fallbacks=("nope",))

    run_virtual(main())


def test_what_cannot_be_called_cannot_be_explained():
    async def main():
        place = Place(SETTINGS)
        with pytest.raises(UnknownModel, match="did you mean"):
            explained(place, "smartt")
        line = place.engine.snapshot.lines["weather.current"]
        with pytest.raises(NoCandidate, match="configure one"):
            explain(line, "", None, 1)

    run_virtual(main())
