"""Late, lost and cancelled results: each of these has broken a breaker in use somewhere.

The libraries named below are those in whose source the trap was found.
"""

import pytest

from segue.resilience import Breaker, BreakerOptions, State


@pytest.fixture
def breaker():
    return Breaker("openai", BreakerOptions(failures=2, open_for=60.0, lease=300.0))


def open_it(breaker, now=0.0):
    for _ in range(2):
        breaker.failed(breaker.acquire(now), now, "timeout")
    assert breaker.state(now) is State.OPEN


def test_a_cancelled_probe_does_not_close_the_breaker(breaker):
    """Polly: an outcome that its predicate does not handle, such as a cancellation, closes a half-open circuit."""
    open_it(breaker)
    breaker.abandoned(breaker.acquire(60.0), 61.0)
    assert breaker.state(61.0) is State.HALF_OPEN


def test_a_cancelled_probe_frees_its_slot_at_once(breaker):
    open_it(breaker)
    breaker.abandoned(breaker.acquire(60.0), 61.0)
    assert breaker.blocked_until(61.0) is None
    assert breaker.acquire(61.0) is not None


def test_a_success_that_began_before_the_breaker_opened_does_not_close_it(breaker):
    """Polly: a call let through while closed, finishing while half open, closes the circuit."""
    early = breaker.acquire(0.0)
    open_it(breaker)
    assert breaker.state(60.0) is State.HALF_OPEN
    breaker.succeeded(early, 60.0)
    assert breaker.state(60.0) is State.HALF_OPEN


def test_a_success_that_began_before_does_not_settle_the_probe_under_way(breaker):
    early = breaker.acquire(0.0)
    open_it(breaker)
    probe = breaker.acquire(60.0)
    breaker.succeeded(early, 60.5)
    breaker.abandoned(early, 60.5)
    assert breaker.acquire(60.5) is None
    breaker.succeeded(probe, 61.0)
    assert breaker.state(61.0) is State.CLOSED


def test_failures_that_began_before_the_breaker_opened_do_not_open_it_again(breaker):
    early = [breaker.acquire(0.0) for _ in range(10)]
    open_it(breaker)
    assert breaker.state(60.0) is State.HALF_OPEN
    for token in early:
        breaker.failed(token, 60.0, "timeout")
    assert breaker.state(60.0) is State.HALF_OPEN


def test_failures_that_began_in_an_earlier_closed_time_do_not_count_in_a_later_one(breaker):
    early = [breaker.acquire(0.0) for _ in range(10)]
    open_it(breaker)
    breaker.succeeded(breaker.acquire(60.0), 60.0)
    for token in early:
        breaker.failed(token, 61.0, "timeout")
    seen = breaker.snapshot(61.0)
    assert (seen.state, seen.calls, seen.consecutive) == (State.CLOSED, 0, 0)


def test_late_results_do_not_add_probes(breaker):
    """failsafe-go: each result of a call that began while closed returns a permit to the half-open state."""
    early = [breaker.acquire(0.0) for _ in range(10)]
    open_it(breaker)
    assert breaker.acquire(60.0) is not None
    for token in early:
        breaker.abandoned(token, 60.0)
    assert breaker.acquire(60.0) is None


def test_a_late_failure_does_not_prolong_the_open_time(breaker):
    early = breaker.acquire(0.0)
    open_it(breaker)
    breaker.failed(early, 50.0, "timeout")
    assert breaker.blocked_until(50.0) == 60.0
    assert breaker.snapshot(50.0).opens == 1


def test_a_probe_that_never_returns_does_not_hold_its_slot_for_ever(breaker):
    """Polly, resilience4j, linkerd, gobreaker: a probe that hangs leaves the breaker half open for ever."""
    open_it(breaker)
    breaker.acquire(60.0)
    assert breaker.state(359.9) is State.HALF_OPEN
    assert breaker.state(360.0) is State.OPEN
    assert breaker.blocked_until(360.0) == 420.0
    assert breaker.acquire(420.0) is not None


def test_a_probe_whose_lease_is_over_counts_as_a_failure_at_that_moment_whoever_looks_when(breaker):
    open_it(breaker)
    breaker.acquire(60.0)
    seen = breaker.snapshot(365.0)
    assert (seen.state, seen.since, seen.opens, seen.consecutive) == (State.OPEN, 360.0, 2, 3)
    assert seen.reason == "no word of the probe in 300 s"


def test_when_nobody_looked_for_long_a_lost_probe_has_been_forgotten(breaker):
    open_it(breaker)
    breaker.acquire(60.0)
    assert breaker.blocked_until(5000.0) is None
    assert breaker.snapshot(5000.0).since == 420.0


@pytest.mark.parametrize("result", ["succeeded", "failed", "abandoned"])
def test_a_probe_that_comes_back_after_its_lease_changes_nothing_more(breaker, result):
    """Though nobody has looked at the breaker since, the lease had run out before the result came."""
    open_it(breaker)
    probe = breaker.acquire(60.0)
    arguments = (probe, 365.0, "timeout") if result == "failed" else (probe, 365.0)
    getattr(breaker, result)(*arguments)
    seen = breaker.snapshot(365.0)
    assert (seen.state, seen.since, seen.opens) == (State.OPEN, 360.0, 2)


def test_a_lost_probe_cannot_speak_for_the_one_after_it(breaker):
    open_it(breaker)
    lost = breaker.acquire(60.0)
    probe = breaker.acquire(420.0)
    breaker.succeeded(lost, 421.0)
    assert breaker.state(421.0) is State.HALF_OPEN
    breaker.failed(lost, 421.0, "timeout")
    assert breaker.state(421.0) is State.HALF_OPEN
    breaker.succeeded(probe, 422.0)
    assert breaker.state(422.0) is State.CLOSED


def test_an_abandoned_probe_cannot_speak_for_the_one_after_it(breaker):
    open_it(breaker)
    first = breaker.acquire(60.0)
    breaker.abandoned(first, 61.0)
    breaker.acquire(61.0)
    breaker.failed(first, 62.0, "timeout")
    breaker.succeeded(first, 62.0)
    assert breaker.state(62.0) is State.HALF_OPEN
    assert breaker.acquire(62.0) is None


def test_a_probe_settled_twice_counts_once():
    breaker = Breaker("openai", BreakerOptions(failures=1, successes=2))
    breaker.failed(breaker.acquire(0.0), 0.0, "timeout")
    probe = breaker.acquire(60.0)
    breaker.succeeded(probe, 60.0)
    breaker.succeeded(probe, 60.0)
    breaker.failed(probe, 60.0, "timeout")
    assert breaker.state(60.0) is State.HALF_OPEN


def test_callers_mistakes_and_departures_never_open_it(breaker):
    for _ in range(1000):
        breaker.abandoned(breaker.acquire(0.0), 0.0)
    assert breaker.snapshot(0.0).calls == 0


def test_callers_mistakes_do_not_dilute_the_failures(breaker):
    breaker.failed(breaker.acquire(0.0), 0.0, "timeout")
    breaker.abandoned(breaker.acquire(0.0), 0.0)
    breaker.failed(breaker.acquire(0.0), 0.0, "timeout")
    assert breaker.state(0.0) is State.OPEN
