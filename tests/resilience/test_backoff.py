"""Waits are spread evenly, double, and never overflow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.resilience import full_jitter
from segue.testing import SeededChance


class Always:
    """Dice that always fall the same way."""

    def __init__(self, number):
        self.number = number

    def random(self):
        return self.number

    def new_id(self, prefix):
        return prefix


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.1), (1, 0.2), (2, 0.4), (5, 3.2), (6, 5.0), (7, 5.0)])
def test_the_longest_wait_doubles_up_to_the_cap(attempt, longest):
    assert full_jitter(attempt, Always(1.0)) == pytest.approx(longest)


def test_the_wait_may_be_nothing():
    assert full_jitter(3, Always(0.0)) == 0.0


def test_the_wait_is_spread_over_the_whole_interval():
    assert full_jitter(3, Always(0.25)) == pytest.approx(0.2)


@pytest.mark.parametrize("attempt", [61, 1023, 1024, 5000, 10**9, 10**400])
def test_a_loop_that_retries_for_days_does_not_overflow(attempt):
    """Both stamina (#137) and Polly (#2163) have shipped this one."""
    assert full_jitter(attempt, Always(1.0)) == 5.0


def test_an_attempt_below_the_first_counts_as_the_first():
    assert full_jitter(-3, Always(1.0)) == pytest.approx(0.1)


def test_base_and_cap_can_be_chosen():
    assert full_jitter(1, Always(1.0), base=2.0, cap=60.0) == 4.0
    assert full_jitter(9, Always(1.0), base=2.0, cap=60.0) == 60.0


@given(st.integers(), st.integers(0, 2**32))
def test_every_wait_is_between_nothing_and_the_cap(attempt, seed):
    assert 0 <= full_jitter(attempt, SeededChance(seed)) < 5.0
