"""Retries stay within a fifth of the traffic, and one a second."""

from hypothesis import given, settings
from hypothesis import strategies as st

from segue.resilience import RetryBudget
from segue.resilience.budget import FLOOR, SHARE, SPAN
from segue.resilience.window import SLOTS

steps = st.lists(st.tuples(st.integers(0, 24), st.integers(0, 12), st.integers(0, 12)), max_size=60)


def spend_all(budget, now):
    spent = 0
    while budget.spend(now):
        spent += 1
    return spent


def test_without_traffic_it_allows_one_retry_a_second_counted_over_ten():
    assert spend_all(RetryBudget(), 0.0) == 10


def test_five_first_attempts_earn_one_retry():
    budget = RetryBudget()
    spend_all(budget, 0.0)
    for _ in range(4):
        budget.deposit(0.0)
    assert not budget.spend(0.0)
    budget.deposit(0.0)
    assert budget.spend(0.0)
    assert not budget.spend(0.0)


def test_what_was_earned_is_lost_after_ten_seconds():
    budget = RetryBudget()
    for _ in range(500):
        budget.deposit(0.0)
    assert budget.left(9.9) == 110.0
    assert budget.left(10.0) == 10.0


def test_what_was_spent_comes_back_after_ten_seconds():
    budget = RetryBudget()
    spend_all(budget, 0.0)
    assert not budget.spend(9.9)
    assert spend_all(budget, 10.0) == 10


def test_what_is_left_is_never_below_nothing():
    budget = RetryBudget()
    for _ in range(50):
        budget.deposit(0.0)
    assert spend_all(budget, 5.0) == 20
    assert budget.left(10.0) == 0.0


def test_when_everything_fails_the_provider_sees_a_fifth_more_and_the_floor():
    """100 calls a second for a minute, each of which would retry three times."""
    budget, retries = RetryBudget(), 0
    for call in range(6000):
        now = call / 100
        budget.deposit(now)
        retries += sum(budget.spend(now) for _ in range(3))
    assert 6000 * SHARE <= retries <= 6000 * SHARE + FLOOR * 60 * 10 / 9


@settings(deadline=None)
@given(steps)
def test_over_any_window_retries_are_a_fifth_of_the_traffic_and_the_floor_give_or_take_a_slot(traffic):
    budget, now, deposits, spends = RetryBudget(), 0.0, [], []
    for quarters, attempts, wishes in traffic:
        now += quarters / 4
        for _ in range(attempts):
            budget.deposit(now)
        deposits += [now] * attempts
        granted = sum(budget.spend(now) for _ in range(wishes))
        spends += [now] * granted

        slot = SPAN / SLOTS
        long_enough = sum(at > now - SPAN for at in deposits)
        surely_inside = sum(at > now - SPAN + slot for at in spends)
        assert not granted or surely_inside <= SHARE * long_enough + FLOOR * SPAN

        exact = [sum(int(at) > int(now) - SLOTS for at in times) for times in (deposits, spends)]
        left = SHARE * exact[0] + FLOOR * SPAN - exact[1]
        assert abs(budget.left(now) - max(0.0, left)) < 1e-9
        assert granted == wishes or left < 1
