"""The walk over candidates, and what a failure rules out of it."""

import gc
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from segue.core.call import CallOptions
from segue.core.failure import Failure, Kind, Scope
from segue.core.features import Features
from segue.core.provider import Allowance, Candidate, Key, ModelInfo, Provider, Target
from segue.routing.names import make_tier
from segue.routing.plan import Group, Plan, speaks_of
from segue.routing.strategies.priority import Priority
from segue.testing import SeededChance

NOBODY: Any = None


def target(provider, model, context=None):
    info = ModelInfo(model, context)
    return Target(provider, model, tuple(Candidate(provider, model, key, NOBODY, info) for key in provider.keys))


def owner(name, keys=1, **more):
    made = tuple(Key(f"key-{number}", f"{name}{number}") for number in range(1, keys + 1))
    return Provider(name, "x", frozenset({"chat"}), NOBODY, keys=made, **more)


def tiers_of(*tiers):
    return tuple(make_tier(tier, lambda equals: Group(equals, Priority(equals, SeededChance()))) for tier in tiers)


def walk(plan):
    seen = []
    while (candidate := plan.next()) is not None:
        seen.append(f"{candidate.name}#{candidate.key.label[-1]}")
    return seen


def test_keys_take_turns_and_all_of_them_are_offered():
    a = owner("a", keys=3)
    tiers = tiers_of([target(a, "m")])
    walks = [walk(Plan(tiers, Features(), None)) for _ in range(4)]
    assert walks == [
        ["a/m#1", "a/m#2", "a/m#3"],
        ["a/m#2", "a/m#3", "a/m#1"],
        ["a/m#3", "a/m#1", "a/m#2"],
        ["a/m#1", "a/m#2", "a/m#3"],
    ]


def test_a_plan_that_is_left_before_its_end_goes_without_the_garbage_collector():
    """It looks for cycles seldom: one for each call was seven megabytes of a busy service."""

    class Watched(Plan):
        __slots__ = ("__weakref__",)

    plan = Watched(tiers_of([target(owner("a", keys=2), "m")]), Features(), None)
    assert plan.next() is not None
    gc.disable()
    try:
        left = weakref.ref(plan)
        del plan
        assert left() is None
    finally:
        gc.enable()


def test_a_target_that_is_named_twice_is_offered_once():
    one = target(owner("a", keys=2), "m")
    assert walk(Plan(tiers_of([one, one], [one]), Features(), None)) == ["a/m#1", "a/m#2"]


def test_a_key_of_which_the_vendor_says_that_nothing_is_left_is_asked_last_until_then():
    a = owner("a", keys=2)
    tiers = tiers_of([target(a, "m")])
    a.load.tell("key-1", Allowance(requests=0, tokens=None, told_at=10.0, spent_until=70.0))
    assert [walk(Plan(tiers, Features(), None)) for _ in range(2)] == [["a/m#2", "a/m#1"]] * 2
    a.load.tell("key-2", Allowance(requests=9, tokens=None, told_at=71.0))  # the other key's answer, after the reset
    assert walk(Plan(tiers, Features(), None)) == ["a/m#1", "a/m#2"]


def test_a_tier_that_is_not_reached_does_not_take_its_turn():
    a, b, c = owner("a"), owner("b"), owner("c")
    tiers = tiers_of([target(a, "m")], [target(b, "m"), target(c, "m")])
    for _ in range(3):
        assert Plan(tiers, Features(), None).next().provider is a
    assert walk(Plan(tiers, Features(), None)) == ["a/m#1", "b/m#1", "c/m#1"]


def test_looking_ahead_shows_everyone_in_the_order_of_the_next_call_and_changes_nothing():
    a, b = owner("a", keys=2), owner("b", enabled=False)
    tiers = tiers_of([target(a, "m"), target(b, "m")], [target(a, "n")])
    for _ in range(5):
        seen = [[f"{c.name}#{c.key.label[-1]}" for c in Plan(tiers, Features(), None).preview()] for _ in range(3)]
        assert seen[0] == seen[1] == seen[2]
        assert "b/m#1" in seen[0]
        assert [name for name in seen[0] if name != "b/m#1"] == walk(Plan(tiers, Features(), None))


scopes = some.sampled_from(list(Scope))
kinds = some.sampled_from([Kind.CONTEXT_LENGTH, Kind.SERVER_ERROR, Kind.AUTH])


@given(some.lists(some.tuples(some.integers(0, 5), kinds, scopes), max_size=12))
def test_what_a_failure_speaks_of_is_never_offered_again(events):
    a, b = owner("a", keys=3), owner("b", keys=2)
    every = [target(a, "m", 8), target(a, "n", None), target(b, "m", 16), target(b, "n", 4)]
    plan = Plan(tiers_of(every[:2], every[2:]), Features(), None)
    failed = []
    for skip, kind, scope in events:
        candidate = plan.next()
        if candidate is None:
            break
        for failure, other in failed:
            assert not speaks_of(failure, other, candidate)
            window = other.info.context if failure.kind is Kind.CONTEXT_LENGTH else None
            if window and candidate.info.context:
                assert candidate.info.context > window
        if skip:
            failure = Failure(kind, "", scope=scope)
            plan.rule_out(candidate, failure)
            failed.append((failure, candidate))
            assert plan.why_not(candidate) is not None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (CallOptions(only=("b",)), "not among x-segue-only"),
        (CallOptions(only=("a/n",)), "not among x-segue-only"),
        (CallOptions(avoid=("a",)), "avoided by x-segue-avoid"),
        (CallOptions(avoid=("a/m",)), "avoided by x-segue-avoid"),
        (CallOptions(only=("a",), avoid=("b",)), None),
        (None, None),
    ],
)
def test_the_reason_why_somebody_may_not_serve_is_told(options, reason):
    one = target(owner("a"), "m")
    plan = Plan(tiers_of([one]), Features(), options)
    assert plan.why_not(one.candidates[0]) == reason
    assert walk(plan) == ([] if reason else ["a/m#1"])


def test_a_window_that_is_no_larger_is_a_reason_of_its_own():
    a, b = owner("a"), owner("b")
    small, large = target(a, "m", 8), target(b, "m", 8)
    plan = Plan(tiers_of([small, large]), Features(), None)
    plan.rule_out(plan.next(), Failure(Kind.CONTEXT_LENGTH, "", scope=Scope.MODEL))
    assert plan.why_not(large.candidates[0]) == "its context window (8 tokens) is no larger"
    assert plan.why_not(small.candidates[0]) == "its context window (8 tokens) is no larger"
    assert plan.next() is None
