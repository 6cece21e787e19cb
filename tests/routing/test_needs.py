"""Who is asked follows from what a request needs, as far as it is known what candidates can do."""

from typing import Any

import pytest

from segue.core.call import CallOptions
from segue.core.features import Features
from segue.core.provider import Candidate, Key, ModelInfo, Provider, Target
from segue.routing.names import make_tier
from segue.routing.plan import ROOM, Group, Plan
from segue.routing.strategies.priority import Priority
from segue.testing import SeededChance

NOBODY: Any = None
WISHES = frozenset({"reasoning"})


def target(name, capabilities=(), context=None, *, carries=None, tags=(), listed=""):
    owner = Provider(name, "x", frozenset({"chat"}), NOBODY, keys=(Key("key-1", "s"),))
    info = ModelInfo("m", context, frozenset(capabilities))
    tested = None if carries is None else (lambda need, _model: need in carries)
    made = Candidate(owner, "m", owner.keys[0], NOBODY, info, listed, frozenset(tags), tested)
    return Target(owner, "m", (made,))


def plan_of(*targets, needs=(), tokens=0, **options):
    tier = make_tier(targets, lambda equals: Group(equals, Priority(equals, SeededChance())))
    features = Features(tokens=tokens, needs=frozenset(needs), wishes=WISHES)
    return Plan((tier,), features, CallOptions(**options) if options else None)


def walk(plan):
    seen = []
    while (candidate := plan.next()) is not None:
        seen.append(candidate.provider.id)
    return seen


def reasons(plan):
    return {candidate.provider.id: plan.why_not(candidate) for candidate in plan.preview()}


def test_who_is_known_to_lack_a_need_is_not_asked_and_the_reason_names_it():
    plan = plan_of(target("blind", ["tools"]), target("seeing", ["tools", "vision"]), needs=["vision", "tools"])
    assert reasons(plan) == {"blind": "lacks: vision", "seeing": None}
    assert walk(plan) == ["seeing"]


def test_of_whom_nothing_is_known_is_asked_for_everything():
    assert walk(plan_of(target("unknown"), needs=["vision", "audio"])) == ["unknown"]


def test_what_is_bound_to_a_vendor_goes_only_where_it_can_be_carried():
    able, unable, untold = target("able", carries={"files:openai"}), target("unable", carries=set()), target("untold")
    plan = plan_of(able, unable, untold, needs=["files:openai"])
    assert reasons(plan) == {"able": None, "unable": "lacks: files:openai", "untold": None}


def test_a_wish_puts_others_first_and_nobody_out():
    plan = plan_of(target("plain", ["tools"]), target("thinking", ["tools", "reasoning"]), needs=["reasoning", "tools"])
    assert reasons(plan) == {"plain": None, "thinking": None}
    assert walk(plan) == ["thinking", "plain"]


@pytest.mark.parametrize(("tokens", "order"), [(4000, ["small", "large"]), (6000, ["small", "large"])])
def test_a_window_that_may_do_changes_nothing(tokens, order):
    assert tokens <= 4000 * ROOM
    assert sorted(
        walk(plan_of(target("small", context=4000), target("large", context=100_000), tokens=tokens))
    ) == sorted(order)


def test_a_window_that_is_clearly_too_small_is_passed_over_while_others_are_left():
    small, large, unknown = target("small", context=4000), target("large", context=100_000), target("unknown")
    for _ in range(3):  # whatever the turn of the strategy is
        assert walk(plan_of(small, large, unknown, tokens=6001))[-1] == "small"
    assert walk(plan_of(small, tokens=6001)) == ["small"]


def test_callers_may_name_tags_and_the_name_under_which_a_mapped_model_is_listed():
    eu, us = target("a", tags=["eu"], listed="known-as"), target("b", tags=["us", "fast"])
    assert walk(plan_of(eu, us, only=("tag:eu",))) == ["a"]
    assert walk(plan_of(eu, us, only=("tag:fast", "tag:eu"))) == ["a", "b"]
    assert walk(plan_of(eu, us, avoid=("tag:eu",))) == ["b"]
    assert walk(plan_of(eu, us, only=("a/known-as",))) == ["a"]
    assert walk(plan_of(eu, us, only=("a/m",))) == ["a"]
    assert walk(plan_of(eu, us, only=("eu",))) == []
