"""A configuration comes into force whole or not at all, and nobody who is under way notices."""

import asyncio
from typing import Any, ClassVar

import pytest

from app.places import SAYS_HELLO, Place, scripted
from segue.app import snapshot as snapshots
from segue.core.errors import ConfigError
from segue.core.failure import Kind, Scope
from segue.core.signals import ConfigurationChanged
from segue.routing.strategies.priority import Priority
from segue.routing.strategy import STRATEGIES
from segue.testing import ScriptedAdapter, answers, fails, run_virtual, streams


def two():
    return {"providers": {"a": scripted(keys=["k-1", "k-2"]), "b": scripted(priority=2)}}


def changes(place):
    return [(change.version, change.accepted) for change in place.said.of(ConfigurationChanged)]


async def break_provider(place, name="a"):
    """Open the breaker of a provider by what its attempts come to."""
    place.adapter.providers[name]._then = fails(Kind.BAD_RESPONSE)
    for _ in range(5):
        await place.chat(only=(name,))
    assert place.status()[name]["state"] == "open"
    place.adapter.providers[name]._then = SAYS_HELLO


def test_calls_under_way_finish_in_the_old_world_and_new_ones_begin_in_the_new():
    async def main():
        place = Place(two())
        old = place.adapter.script("a", then=answers(b"old", after=10.0))
        place.reload(two())
        under_way = asyncio.create_task(place.chat())
        await place.world.clock.sleep(1.0)
        assert place.reload({"providers": {"b": scripted()}})
        assert "a" not in place.engine.snapshot.providers
        call, outcome = await place.chat()
        assert call.answered_by.provider.id == "b"
        call, outcome = await under_way
        assert outcome.answer == b"old"
        assert call.answered_by.provider.id == "a"
        assert len(old.asked) == 1
        assert place.world.gate.under_way == 0

    run_virtual(main())


def test_a_stream_outlives_the_configuration_that_it_began_in():
    async def main():
        place = Place(two())
        place.adapter.script("a", then=streams(b"x", b"y", every=5.0))
        place.reload(two())
        _, outcome = await place.chat()
        place.reload({"providers": {}})
        pieces = [piece async for piece in _pieces(outcome.stream)]
        assert pieces == [b"x", b"y"]
        assert place.world.gate.under_way == 0

    run_virtual(main())


async def _pieces(stream):
    while piece := await stream.read():
        yield piece


def test_every_change_counts_the_version_up_and_is_told():
    async def main():
        place = Place(two())
        place.reload(two())
        place.engine.enable("a", enabled=False)
        place.engine.remove("b")
        assert place.engine.snapshot.version == 4
        return changes(place)

    assert run_virtual(main()) == [(2, True), (3, True), (4, True)]


class Explosive(ScriptedAdapter):
    """An adapter that may refuse to be built."""

    armed: ClassVar[bool] = False
    error: ClassVar[Exception] = ValueError("region is missing")

    def build(self, spec):
        if self.armed:
            raise self.error
        return super().build(spec)


def not_readable():
    raise OSError(13, "Permission denied", "segue.yaml")


def quotes_a_secret():
    raise RuntimeError("sk-very-secret")


def not_valid():
    raise ConfigError(["segue.yaml:1: wrong"])


@pytest.mark.parametrize(
    ("read", "problem"),
    [(not_valid, "segue.yaml:1: wrong"), (not_readable, "Permission denied"), (quotes_a_secret, "RuntimeError")],
)
def test_a_configuration_that_cannot_be_read_leaves_the_old_one_in_force(read, problem):
    async def main():
        place = Place(two())
        before = place.engine.snapshot
        assert place.engine.reload(read) is False
        assert place.engine.snapshot is before
        assert problem in place.engine.problems[0]
        assert "secret" not in str(place.engine.problems)
        (told,) = place.said.of(ConfigurationChanged)
        assert (told.version, told.accepted, told.problems) == (1, False, place.engine.problems)
        assert place.reload(two())
        assert place.engine.problems == ()

    run_virtual(main())


def explode_in_adapter(monkeypatch):
    monkeypatch.setattr(Explosive, "armed", True)


def explode_in_strategy(monkeypatch):
    def kind(targets, chance):
        if len(targets) > 1 or targets[0].provider.id == "c":
            raise IndexError("no such thing")
        return Priority(targets, chance)

    monkeypatch.setitem(STRATEGIES._known, "priority", kind)


def explode_in_registry(monkeypatch):
    monkeypatch.delitem(STRATEGIES._known, "priority", raising=False)
    monkeypatch.setattr(STRATEGIES, "_where", {})


def explode_in_breaker(monkeypatch):
    def broken(**_numbers: Any):
        raise ConfigError(["breaker.lease: must be a number"])

    monkeypatch.setattr(snapshots, "BreakerOptions", broken)


@pytest.mark.parametrize(
    ("explode", "problem"),
    [
        (explode_in_adapter, "providers.a: adapter 'scripted': ValueError: region is missing"),
        (explode_in_strategy, "policies: chat: strategy 'priority': IndexError: no such thing"),
        (explode_in_registry, "unknown strategy 'priority'"),
        (explode_in_breaker, "breaker.lease: must be a number"),
    ],
)
def test_a_build_that_fails_anywhere_changes_nothing_at_all(explode, problem, monkeypatch):
    """Not the health of the running one, not the numbers of its breakers, not its keys, not its load."""

    async def main():
        place = Place(two(), Explosive(("chat",)))
        await break_provider(place)
        await place.chat()
        engine, world = place.engine, place.world
        before = (engine.snapshot, place.status(), dict(world.loads), dict(world._faces), world.gate.limit)
        wanted = {
            "server": {"max_calls": 7},
            "providers": {
                "a": scripted(keys=["other-1", "other-2"], base_url="http://8.8.8.8"),
                "c": scripted(),
            },
            "policies": {"default": {"breaker": {"open_for": "1s", "window": "3s"}}},
        }
        with monkeypatch.context() as armed:
            explode(armed)
            assert place.reload(wanted) is False
            assert problem in engine.problems[0]
            with pytest.raises(ConfigError):
                engine.register("z", "scripted", {"models": ["m"]})
        assert (engine.snapshot, place.status(), dict(world.loads), dict(world._faces), world.gate.limit) == before
        await world.clock.sleep(30.0)
        assert place.status()["a"]["state"] == "open"  # for its own 60 s, not for 1 s
        assert "z" not in engine.snapshot.providers
        assert place.reload(wanted)
        assert place.status()["a"]["state"] == "closed"

    run_virtual(main())


def test_a_first_configuration_that_cannot_be_built_is_a_configuration_error(monkeypatch):
    monkeypatch.setattr(Explosive, "armed", True)
    with pytest.raises(ConfigError, match="region is missing"):
        Place(two(), Explosive(("chat",)))


def test_health_survives_a_reload():
    async def main():
        place = Place(two())
        await break_provider(place)
        assert place.reload({**two(), "server": {"max_calls": 5}})
        assert place.status()["a"]["state"] == "open"
        assert place.world.gate.limit == 5
        call, _ = await place.chat()
        assert call.answered_by.provider.id == "b"

    run_virtual(main())


@pytest.mark.parametrize(
    "change", [{"base_url": "http://8.8.8.8"}, {"adapter": "other"}], ids=["another address", "another adapter"]
)
def test_the_health_of_a_provider_is_forgotten_with_its_address(change):
    async def main():
        place = Place(two())
        place.world.adapters["other"] = ScriptedAdapter(("chat",), id="other")
        await break_provider(place)
        settings = two()
        settings["providers"]["a"].update(change)
        assert place.reload(settings)
        assert place.status()["a"]["state"] == "closed"

    run_virtual(main())


def test_the_health_of_a_key_is_forgotten_with_its_secret_and_the_others_stay():
    async def main():
        place = Place(two())
        place.adapter.providers["a"]._then = fails(Kind.AUTH, scope=Scope.KEY)
        for _ in range(5):
            await place.chat()
        assert [key["state"] for key in place.status()["a"]["keys"].values()] == ["open", "open"]
        settings = two()
        settings["providers"]["a"]["keys"] = ["new", "k-2"]
        place.reload(settings)
        return {label: key["state"] for label, key in place.status()["a"]["keys"].items()}

    assert run_virtual(main()) == {"key-1": "closed", "key-2": "open"}


def test_a_provider_that_is_gone_is_forgotten_and_comes_back_new():
    async def main():
        place = Place(two())
        await break_provider(place)
        place.reload({"providers": {"b": scripted()}})
        assert set(place.status()) == {"b"}
        assert set(place.world.loads) == {"b"}
        assert {name for name, _ in place.world._faces} == {"b"}
        place.reload(two())
        assert place.status()["a"]["state"] == "closed"

    run_virtual(main())


def test_load_is_counted_across_reloads():
    async def main():
        place = Place(two())
        place.adapter.script("a", then=answers(after=10.0))
        place.reload(two())
        task = asyncio.create_task(place.chat())
        await place.world.clock.sleep(1.0)
        place.reload(two())
        assert place.engine.snapshot.providers["a"].load.in_flight == 1
        await task
        assert place.engine.snapshot.providers["a"].load.in_flight == 0

    run_virtual(main())


def test_what_was_changed_at_run_time_survives_a_reload_of_the_file():
    async def main():
        place = Place(two())
        place.engine.register("mine", "scripted", {"models": ["own"], "key": "k"})
        place.engine.enable("a", enabled=False)
        place.engine.remove("b")
        assert place.reload({"providers": {**two()["providers"], "c": scripted()}})
        snapshot = place.engine.snapshot
        assert list(snapshot.providers) == ["a", "c", "mine"]
        assert not snapshot.providers["a"].enabled
        place.engine.enable("a")
        call, _ = await place.chat()
        assert call.answered_by.provider.id == "a"
        call, _ = await place.chat("own")
        assert call.answered_by.provider.id == "mine"

    run_virtual(main())


def test_registering_replaces_a_provider_of_the_same_id_and_undoes_what_was_done_to_it():
    async def main():
        place = Place(two())
        place.engine.remove("a")
        place.engine.register("a", "scripted", {"models": ["n"]})
        place.engine.enable("a", enabled=False)
        place.engine.register("a", "scripted", {"models": ["n"]})
        assert place.engine.snapshot.providers["a"].enabled
        call, _ = await place.chat("n")
        assert call.answered_by.provider.id == "a"

    run_virtual(main())


def test_a_provider_that_only_came_at_run_time_leaves_no_trace_when_removed():
    """A program that registers one for each of its customers must not grow for ever."""

    async def main():
        place = Place(two())
        for number in range(50):
            place.engine.register(f"p{number}", "scripted", {"models": ["m"]})
            place.engine.enable(f"p{number}", enabled=False)
            place.engine.remove(f"p{number}")
        assert place.engine._changes.removed == set()
        assert place.engine._changes.enabled == {}
        assert place.engine._changes.registered == {}
        assert set(place.world.loads) == {"a", "b"}
        assert place.reload({"providers": {**two()["providers"], "p7": scripted()}})
        assert "p7" in place.engine.snapshot.providers

    run_virtual(main())


@pytest.mark.parametrize("change", ["remove", "enable"])
def test_an_unknown_provider_is_an_error_that_names_those_that_there_are(change):
    async def main():
        place = Place(two())
        with pytest.raises(ConfigError, match="unknown provider 'nope': there are a, b"):
            getattr(place.engine, change)("nope")

    run_virtual(main())


def test_a_provider_that_is_refused_changes_nothing_not_even_the_adapters():
    async def main():
        place = Place(two())
        impostor = ScriptedAdapter(("chat",))
        for values in ({"weight": 0}, {"colour": "red"}, {"key": "${NOT_SET}"}):
            with pytest.raises(ConfigError):
                place.engine.register("z", impostor, {"models": ["m"], **values})
        assert place.world.adapters["scripted"] is place.adapter
        with pytest.raises(ConfigError, match="colour"):
            place.engine.register("z", ScriptedAdapter(("chat",), id="brand-new"), {"colour": "red"})
        assert "brand-new" not in place.world.adapters
        assert place.engine.snapshot.version == 1

    run_virtual(main())


def test_registering_reads_only_the_variables_that_it_was_given():
    async def main():
        place = Place(two())
        with pytest.raises(ConfigError, match="HOME"):
            place.engine.register("z", "scripted", {"key": "${HOME}"})
        place.engine.register("z", "scripted", {"key": "${TOKEN}", "models": ["m"]}, environ={"TOKEN": "t"})
        assert place.engine.snapshot.providers["z"].keys[0].secret == "t"

    run_virtual(main())
