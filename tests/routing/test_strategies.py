"""How equals share the traffic."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from segue.core.features import Features
from segue.core.registry import UnknownId
from segue.routing.strategies.priority import Priority
from segue.routing.strategies.round_robin import RoundRobin
from segue.routing.strategy import STRATEGIES
from segue.testing import SeededChance, StrategyContract, made_targets


class TestPriority(StrategyContract):
    kind = Priority


class TestRoundRobin(StrategyContract):
    kind = RoundRobin


def firsts(strategy, number):
    return "".join(strategy.order(Features(), commit=True)[0].provider.id for _ in range(number))


def test_the_contract_covers_every_built_in_strategy():
    covered = {TestPriority.kind, TestRoundRobin.kind}
    assert {STRATEGIES.get(name) for name in STRATEGIES.ids()} == covered


def test_an_unknown_strategy_is_an_error_that_names_the_nearest():
    with pytest.raises(UnknownId, match="priority"):
        STRATEGIES.get("prioritty")


def test_weights_are_spread_smoothly():
    """The example of nginx's own commit message: five in a row would be a burst."""
    assert firsts(Priority(made_targets(5, 1, 1), SeededChance()), 14) == "aabacaa" * 2


def test_equal_weights_take_turns():
    assert firsts(Priority(made_targets(1, 1, 1), SeededChance()), 6) == "abcabc"


@given(some.lists(some.integers(1, 30), min_size=1, max_size=6))
def test_shares_are_exact_over_every_round(weights):
    total = sum(weights)
    strategy = Priority(made_targets(*weights), SeededChance())
    order = firsts(strategy, 2 * total)
    for half in (order[:total], order[total:]):
        counted = Counter(half)
        assert [counted[chr(ord("a") + index)] for index in range(len(weights))] == weights


@given(some.lists(some.integers(1, 9), min_size=2, max_size=5), some.integers(0, 50))
def test_at_any_moment_everyone_is_within_a_few_turns_of_its_share(weights, turns):
    counted = Counter(firsts(Priority(made_targets(*weights), SeededChance()), turns))
    for index, weight in enumerate(weights):
        fair = turns * weight / sum(weights)
        assert abs(counted[chr(ord("a") + index)] - fair) <= len(weights)


def test_round_robin_passes_over_weights():
    strategy = RoundRobin(made_targets(9, 1, 1), SeededChance())
    assert Counter(firsts(strategy, 300)) == {"a": 100, "b": 100, "c": 100}


def test_processes_that_start_together_do_not_all_begin_with_the_same():
    begun = {firsts(RoundRobin(made_targets(1, 1, 1), SeededChance(seed)), 1) for seed in range(50)}
    assert begun == {"a", "b", "c"}
