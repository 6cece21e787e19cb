"""What opens a breaker, what closes it, and the numbers that it is given."""

from dataclasses import FrozenInstanceError

import pytest

from segue.core.errors import ConfigError
from segue.resilience import Breaker, BreakerOptions, State


def make(**options):
    changes = []
    breaker = Breaker("openai", BreakerOptions(**options), lambda *change: changes.append(change))
    return breaker, changes


def call(breaker, now, kind=None):
    """Make one call that succeeds, or fails with `kind`; whether it was let through."""
    token = breaker.acquire(now)
    if token is None:
        return False
    if kind is None:
        breaker.succeeded(token, now)
    else:
        breaker.failed(token, now, kind)
    return True


def test_five_failures_in_a_row_open_it():
    breaker, changes = make()
    for _ in range(4):
        call(breaker, 10.0, "timeout")
    assert breaker.state(10.0) is State.CLOSED
    call(breaker, 10.0, "server_error")
    assert breaker.state(10.0) is State.OPEN
    assert changes == [(State.CLOSED, State.OPEN, "5 failures in a row, the last: server_error")]


def test_a_success_breaks_the_row():
    breaker, _ = make()
    for kind in [*["timeout"] * 4, None, *["timeout"] * 4]:
        call(breaker, 10.0, kind)
    assert breaker.state(10.0) is State.CLOSED


def test_half_of_twenty_calls_failed_opens_it_though_no_row_is_long():
    breaker, changes = make()
    for _ in range(9):
        call(breaker, 10.0)
        call(breaker, 10.0, "timeout")
    call(breaker, 10.0)
    assert breaker.state(10.0) is State.CLOSED
    call(breaker, 10.0, "timeout")
    assert changes == [(State.CLOSED, State.OPEN, "10 of 20 calls in 30 s failed, the last: timeout")]


def test_the_share_means_nothing_below_the_least_number_of_calls():
    breaker, _ = make(failures=1000, min_calls=20)
    for _ in range(19):
        call(breaker, 10.0, "timeout")
    assert breaker.state(10.0) is State.CLOSED


def test_the_share_is_exact_where_multiplication_is_not():
    """0.1 x 30 is a little more than 3 in floating point; 3 of 30 is a tenth all the same."""
    breaker, _ = make(failures=1000, min_calls=30, rate=0.1)
    for _ in range(27):
        call(breaker, 10.0)
    for _ in range(2):
        call(breaker, 10.0, "timeout")
    assert breaker.state(10.0) is State.CLOSED
    call(breaker, 10.0, "timeout")
    assert breaker.state(10.0) is State.OPEN


def test_failures_of_long_ago_do_not_count_in_the_share():
    breaker, _ = make(failures=1000)
    for _ in range(19):
        call(breaker, 10.0, "timeout")
    call(breaker, 45.0, "timeout")
    assert breaker.state(45.0) is State.CLOSED


def test_a_success_never_opens_it_though_it_completes_the_least_number():
    breaker, _ = make(failures=1000)
    for _ in range(19):
        call(breaker, 10.0, "timeout")
    call(breaker, 10.0)
    assert breaker.state(10.0) is State.CLOSED


def test_rate_limits_in_a_row_do_not_open_it():
    breaker, _ = make()
    for _ in range(19):
        call(breaker, 10.0, "rate_limited")
    assert breaker.state(10.0) is State.CLOSED
    assert breaker.snapshot(10.0).consecutive == 0


def test_rate_limits_neither_lengthen_nor_break_a_row():
    breaker, _ = make()
    for kind in [*["timeout"] * 4, "rate_limited"]:
        call(breaker, 10.0, kind)
    assert breaker.snapshot(10.0).consecutive == 4
    call(breaker, 10.0, "timeout")
    assert breaker.state(10.0) is State.OPEN


def test_rate_limits_count_in_the_share():
    breaker, _ = make()
    for _ in range(20):
        call(breaker, 10.0, "rate_limited")
    assert breaker.state(10.0) is State.OPEN


def test_a_rate_limited_probe_is_a_failed_probe():
    breaker, _ = make(failures=1)
    call(breaker, 0.0, "timeout")
    call(breaker, 60.0, "rate_limited")
    assert breaker.state(60.0) is State.OPEN
    assert breaker.blocked_until(60.0) == 120.0


def test_an_open_one_lets_nobody_through_before_its_time():
    breaker, _ = make(failures=1)
    call(breaker, 10.0, "timeout")
    assert breaker.blocked_until(10.0) == 70.0
    assert not call(breaker, 69.999)
    assert call(breaker, 70.0)


def test_one_successful_probe_closes_it():
    breaker, changes = make(failures=1)
    call(breaker, 0.0, "timeout")
    call(breaker, 60.0)
    assert breaker.state(60.0) is State.CLOSED
    assert [(before, after) for before, after, _ in changes] == [
        (State.CLOSED, State.OPEN),
        (State.OPEN, State.HALF_OPEN),
        (State.HALF_OPEN, State.CLOSED),
    ]
    assert changes[-1][2] == "1 successful probe"


def test_as_many_probes_as_asked_for_must_succeed_in_a_row():
    breaker, changes = make(failures=1, successes=2)
    call(breaker, 0.0, "timeout")
    call(breaker, 60.0)
    assert breaker.state(60.0) is State.HALF_OPEN
    call(breaker, 61.0, "timeout")
    call(breaker, 121.0)
    assert breaker.state(121.0) is State.HALF_OPEN
    call(breaker, 122.0)
    assert breaker.state(122.0) is State.CLOSED
    assert changes[-1][2] == "2 successful probes"


def test_a_failed_probe_opens_it_again_for_as_long():
    breaker, changes = make(failures=1)
    call(breaker, 0.0, "timeout")
    call(breaker, 75.0, "connect_failed")
    assert breaker.blocked_until(75.0) == 135.0
    assert changes[-1] == (State.HALF_OPEN, State.OPEN, "the probe failed: connect_failed")


def test_only_one_probe_is_under_way_at_a_time():
    breaker, _ = make(failures=1)
    call(breaker, 0.0, "timeout")
    assert breaker.acquire(60.0) is not None
    assert breaker.acquire(60.0) is None
    assert breaker.acquire(200.0) is None


def test_whoever_asks_while_a_probe_is_under_way_is_told_to_come_back_in_a_second():
    breaker, _ = make(failures=1, lease=10.0)
    call(breaker, 0.0, "timeout")
    breaker.acquire(60.0)
    assert breaker.blocked_until(61.0) == 62.0
    assert breaker.blocked_until(69.5) == 70.0


def test_a_closed_one_begins_with_clean_counts():
    """Though the failures that opened it would still be in the window."""
    breaker, _ = make(failures=5, open_for=5.0)
    for _ in range(5):
        call(breaker, 0.0, "timeout")
    call(breaker, 5.0)
    seen = breaker.snapshot(5.0)
    assert (seen.calls, seen.failed, seen.consecutive) == (0, 0, 0)


def test_the_snapshot_says_what_happened():
    breaker, _ = make(failures=2)
    assert breaker.snapshot(0.0).since is None
    call(breaker, 1.0)
    call(breaker, 2.0, "timeout")
    call(breaker, 3.0, "timeout")
    seen = breaker.snapshot(50.0)
    assert (seen.name, seen.state, seen.since, seen.opens) == ("openai", State.OPEN, 3.0, 1)
    assert (seen.calls, seen.failed, seen.consecutive) == (3, 2, 2)
    assert seen.reason == "2 failures in a row, the last: timeout"


def test_the_snapshot_of_a_closed_one_forgets_with_time():
    breaker, _ = make()
    call(breaker, 1.0, "timeout")
    assert breaker.snapshot(1.0).calls == 1
    assert breaker.snapshot(100.0).calls == 0
    assert breaker.snapshot(100.0).consecutive == 1


def test_it_is_half_open_since_its_time_was_over_whenever_somebody_looks():
    breaker, changes = make(failures=1)
    call(breaker, 0.0, "timeout")
    seen = breaker.snapshot(1000.0)
    assert (seen.state, seen.since) == (State.HALF_OPEN, 60.0)
    assert changes[-1] == (State.OPEN, State.HALF_OPEN, "its time is over")


def test_without_a_listener_it_works_as_well():
    breaker = Breaker("x", BreakerOptions(failures=1))
    call(breaker, 0.0, "timeout")
    assert breaker.state(0.0) is State.OPEN


def test_new_options_keep_the_state_and_are_in_force_at_once():
    breaker, _ = make(failures=3)
    call(breaker, 0.0, "timeout")
    call(breaker, 0.0, "timeout")
    breaker.configure(BreakerOptions(failures=3, open_for=10.0))
    call(breaker, 1.0, "timeout")
    assert breaker.blocked_until(1.0) == 11.0
    breaker.configure(BreakerOptions(failures=3, open_for=20.0))
    assert breaker.state(11.0) is State.OPEN
    assert breaker.blocked_until(11.0) == 21.0


def test_a_window_of_another_length_begins_empty_and_the_row_is_kept():
    breaker, _ = make()
    call(breaker, 0.0, "timeout")
    breaker.configure(BreakerOptions(window=60.0))
    seen = breaker.snapshot(0.0)
    assert (seen.calls, seen.consecutive) == (0, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("failures", 0),
        ("failures", 10_001),
        ("failures", 2.5),
        ("failures", True),
        ("rate", 0.0),
        ("rate", 1.01),
        ("rate", float("nan")),
        ("rate", "0.5"),
        ("window", 0.0),
        ("window", float("inf")),
        ("min_calls", 0),
        ("open_for", 0.0),
        ("open_for", 3e6),
        ("successes", 1001),
        ("lease", -1.0),
        ("lease", None),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_name_and_its_range(field, value):
    with pytest.raises(
        ConfigError, match=rf"^breaker\.{field}: must be a .*number (from .* to|above 0 and at most) [0-9,.]+, not "
    ):
        BreakerOptions(**{field: value})


def test_every_wrong_number_is_named_at_once():
    with pytest.raises(ConfigError) as caught:
        BreakerOptions(failures=0, rate=7.0, lease=0)
    assert caught.value.problems == (
        "breaker.failures: must be a whole number from 1 to 10,000, not 0",
        "breaker.rate: must be a number above 0 and at most 1.0, not 7.0",
        "breaker.lease: must be a number from 0.001 to 172,800.0, not 0",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [("rate", 1), ("window", 30), ("open_for", 0.001), ("lease", 86_400 * 2), ("rate", 1e-9), ("failures", 10_000)],
)
def test_the_ends_of_a_range_and_whole_seconds_are_good(field, value):
    assert getattr(BreakerOptions(**{field: value}), field) == value


def test_options_and_snapshots_cannot_be_changed():
    breaker, _ = make()
    with pytest.raises(FrozenInstanceError):
        BreakerOptions().failures = 1
    with pytest.raises(FrozenInstanceError):
        breaker.snapshot(0.0).calls = 1
