"""A candidate is admitted when its provider, its model and its key all let it through; a failure strikes one."""

import pytest

from segue.core.failure import Kind, Scope
from segue.core.provider import Guard, Permit
from segue.core.signals import BreakerChanged, Signals
from segue.resilience import BreakerOptions, HealthBook, State
from segue.resilience.guard import LONGEST_COOLING

ONE = BreakerOptions(failures=1)
HOUR = 3600.0


@pytest.fixture
def book():
    return HealthBook(Signals())


def strike(guard, now, scope, kind="timeout"):
    guard.admit(now).fail(now, scope, kind)


def states(guard, now):
    return tuple(level.state(now).value for level in (guard.provider, guard.model, guard.key))


def test_it_is_the_guard_and_the_permit_that_the_core_asks_for(book):
    guard: Guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    permit: Permit | None = guard.admit(0.0)
    assert permit is not None
    permit.succeed(0.0)


def test_a_success_counts_on_every_level(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    guard.admit(1.0).succeed(2.0)
    assert [level.snapshot(2.0).calls for level in (guard.provider, guard.model, guard.key)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("scope", "after"),
    [
        (Scope.PROVIDER, ("open", "closed", "closed")),
        (Scope.MODEL, ("closed", "open", "closed")),
        (Scope.KEY, ("closed", "closed", "open")),
        (Scope.REQUEST, ("closed", "closed", "closed")),
        ("a scope nobody has heard of", ("open", "closed", "closed")),
    ],
)
def test_a_failure_strikes_the_level_that_its_scope_names_and_no_other(book, scope, after):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    strike(guard, 0.0, scope)
    assert states(guard, 0.0) == after


@pytest.mark.parametrize("scope", list(Scope))
def test_the_levels_that_a_failure_does_not_name_count_no_call_at_all(book, scope):
    """Counted as a success, a refused key would hide the failures of the house behind the front door."""
    guard = book.guard("openai", "gpt-4o", "key-1", BreakerOptions())
    strike(guard, 0.0, scope)
    named = guard.level(scope)
    others = [level for level in (guard.provider, guard.model, guard.key) if level is not named]
    assert [level.snapshot(0.0).calls for level in others] == [0] * len(others)


def test_a_failure_of_a_key_breaks_no_row_of_the_provider(book):
    guard = book.guard("openai", "gpt-4o", "key-1", BreakerOptions(failures=3))
    for scope in ("provider", "key", "provider", "key", "provider"):
        strike(guard, 0.0, scope)
    assert states(guard, 0.0) == ("open", "closed", "closed")


def test_without_models_a_failure_of_the_model_strikes_the_provider(book):
    guard = book.guard("weather", "", "none", ONE)
    assert guard.model is None
    strike(guard, 0.0, "model")
    assert guard.provider.state(0.0) is State.OPEN


def test_without_models_all_else_works_as_well(book):
    guard = book.guard("weather", "", "none", ONE)
    guard.admit(0.0).succeed(0.0)
    guard.admit(0.0).abandon(0.0)
    strike(guard, 0.0, "key")
    assert guard.admit(0.0) is None
    guard.admit(60.0).succeed(60.0)
    assert guard.key.closed


@pytest.mark.parametrize("scope", ["provider", "model", "key"])
def test_one_open_level_refuses_the_candidate(book, scope):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    strike(guard, 0.0, scope)
    assert guard.admit(59.9) is None
    assert guard.blocked_until(59.9) == 60.0
    assert guard.admit(60.0) is not None


def test_it_is_blocked_until_the_last_of_its_levels_is_free(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    strike(guard, 0.0, "key")
    guard.cool(90.0, "model")
    assert guard.blocked_until(0.0) == 90.0
    assert guard.blocked_until(89.0) == 90.0
    assert guard.blocked_until(90.0) is None


def test_other_models_and_keys_of_the_provider_stay_open_for_business(book):
    struck = book.guard("openai", "gpt-4o", "key-1", ONE)
    strike(struck, 0.0, "key")
    strike(book.guard("openai", "o3", "key-2", ONE), 0.0, "model")
    assert book.guard("openai", "gpt-4o", "key-2", ONE).admit(0.0) is not None
    assert book.guard("openai", "o3", "key-2", ONE).admit(0.0) is None


def test_the_provider_is_shared_by_all_its_candidates(book):
    strike(book.guard("openai", "gpt-4o", "key-1", ONE), 0.0, "provider")
    assert book.guard("openai", "o3", "key-2", ONE).admit(0.0) is None
    assert book.guard("groq", "gpt-4o", "key-1", ONE).admit(0.0) is not None


def test_when_one_level_refuses_no_probe_slot_of_another_is_taken(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    strike(guard, 0.0, "provider")
    guard.cool(100.0, "key")
    assert guard.admit(60.0) is None
    other = book.guard("openai", "gpt-4o", "key-2", ONE)
    assert other.admit(60.0) is not None


def test_only_one_candidate_probes_a_provider(book):
    one, other = (book.guard("openai", "gpt-4o", key, ONE) for key in ("key-1", "key-2"))
    strike(one, 0.0, "provider")
    probe = one.admit(60.0)
    assert other.admit(60.0) is None
    probe.succeed(61.0)
    assert other.admit(61.0) is not None


@pytest.mark.parametrize(
    ("scope", "kind"), [("key", Kind.AUTH), ("model", Kind.SERVER_ERROR), ("request", Kind.BAD_RESPONSE)]
)
def test_only_a_success_closes_a_provider_that_is_probed(book, scope, kind):
    """The door opened, but nobody has seen the house: the provider stays half open, and the next call may probe."""
    guard = book.guard("openai", "gpt-4o", "key-1", BreakerOptions(failures=2))
    for _ in range(2):
        strike(guard, 0.0, "provider")
    strike(guard, 60.0, scope, kind)
    assert guard.provider.state(60.0) is State.HALF_OPEN
    guard.admit(60.0).succeed(60.0)
    assert guard.provider.state(60.0) is State.CLOSED


def test_a_failure_of_the_provider_gives_back_the_probe_of_its_model(book):
    guard = book.guard("openai", "gpt-4o", "key-1", BreakerOptions(failures=2))
    for _ in range(2):
        strike(guard, 0.0, "model")
    strike(guard, 60.0, "provider")
    assert states(guard, 60.0) == ("closed", "half_open", "closed")
    assert guard.admit(60.0) is not None


def test_a_caller_that_leaves_gives_every_slot_back_and_closes_nothing(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    for scope in ("provider", "model", "key"):
        token = guard.level(scope).acquire(0.0)
        guard.level(scope).failed(token, 0.0, "timeout")
    guard.admit(60.0).abandon(60.0)
    assert states(guard, 60.0) == ("half_open",) * 3
    assert guard.admit(60.0) is not None


@pytest.mark.parametrize("first", ["succeed", "fail", "abandon"])
@pytest.mark.parametrize("second", ["succeed", "fail", "abandon"])
def test_a_permit_is_settled_once_and_later_words_change_nothing(book, first, second):
    def settle(permit, word):
        getattr(permit, word)(0.0, *(("provider", "timeout") if word == "fail" else ()))

    guard = book.guard("openai", "gpt-4o", "key-1", BreakerOptions())
    permit = guard.admit(0.0)
    settle(permit, first)
    before = [level.snapshot(0.0) for level in (guard.provider, guard.model, guard.key)]
    settle(permit, second)
    assert [level.snapshot(0.0) for level in (guard.provider, guard.model, guard.key)] == before


def test_a_permit_of_an_earlier_generation_changes_nothing(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    late = [guard.admit(0.0) for _ in range(3)]
    strike(guard, 0.0, "provider")
    guard.admit(60.0).succeed(60.0)
    late[0].fail(61.0, "provider", "timeout")
    late[1].succeed(61.0)
    late[2].abandon(61.0)
    assert guard.provider.snapshot(61.0).calls == 0
    assert states(guard, 61.0) == ("closed",) * 3


@pytest.mark.parametrize("scope", ["provider", "model", "key"])
def test_what_cools_is_not_asked_until_then(book, scope):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    guard.cool(30.0, scope)
    assert guard.admit(29.9) is None
    assert guard.blocked_until(29.9) == 30.0
    assert guard.admit(30.0) is not None
    assert guard.level(scope).calm


def test_a_request_cannot_be_cooled(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    guard.cool(30.0, "request")
    assert guard.admit(0.0) is not None


def test_a_shorter_cooling_time_does_not_cut_a_longer_one(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    guard.cool(30.0, "key")
    guard.cool(10.0, "key")
    assert guard.blocked_until(0.0) == 30.0


@pytest.mark.parametrize("until", [1e18, float("inf")])
def test_cooling_lasts_an_hour_at_most_from_the_first_look(book, until):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    guard.cool(until, "key")
    assert guard.blocked_until(100.0) == 100.0 + LONGEST_COOLING == 100.0 + HOUR
    assert guard.blocked_until(200.0) == 100.0 + HOUR
    assert guard.admit(100.0 + HOUR) is not None


@pytest.mark.parametrize("until", [float("nan"), float("-inf"), -5.0, 0.0])
def test_a_cooling_time_that_is_none_or_over_holds_nobody_back(book, until):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    guard.cool(until, "key")
    assert guard.admit(0.0) is not None


def test_a_breaker_that_opens_while_it_cools_is_blocked_for_the_longer_of_both(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    permit = guard.admit(0.0)
    guard.cool(30.0, "key")
    permit.fail(0.0, "key", "timeout")
    assert guard.blocked_until(0.0) == 60.0
    assert guard.blocked_until(40.0) == 60.0
    assert guard.admit(60.0) is not None


def test_a_breaker_that_closes_while_it_cools_still_holds_back(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    strike(guard, 0.0, "key")
    probe = guard.admit(60.0)
    guard.cool(100.0, "key")
    probe.succeed(61.0)
    assert guard.key.closed
    assert guard.admit(61.0) is None
    assert guard.admit(100.0) is not None


def test_a_wait_that_was_asked_for_is_told_apart_from_an_open_breaker(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    assert guard.cooling_until(0.0) is None
    guard.cool(30.0, "key")
    guard.cool(40.0, "provider")
    assert guard.cooling_until(0.0) == 40.0
    assert guard.cooling_until(40.0) is None


def test_where_a_breaker_is_open_too_waiting_is_of_no_use(book):
    guard = book.guard("openai", "gpt-4o", "key-1", ONE)
    strike(guard, 0.0, "model")
    guard.cool(90.0, "key")
    assert guard.cooling_until(0.0) is None
    assert guard.blocked_until(0.0) == 90.0
    assert guard.cooling_until(60.0) == 90.0


def test_without_models_a_wait_is_told_as_well(book):
    guard = book.guard("weather", "", "none", ONE)
    guard.cool(30.0, "model")
    assert guard.cooling_until(0.0) == 30.0


def test_retries_of_all_candidates_come_out_of_one_budget_of_their_provider(book):
    one, other = (book.guard("openai", "gpt-4o", key, ONE) for key in ("key-1", "key-2"))
    spent = 0
    while one.spend_retry(0.0):
        spent += 1
    assert spent == 10
    assert not other.spend_retry(0.0)
    for _ in range(5):
        other.deposit(0.0)
    assert one.spend_retry(0.0)
    assert not one.spend_retry(0.0)
    assert book.guard("groq", "", "none", ONE).spend_retry(0.0)


def test_every_change_of_a_breaker_is_told_by_its_name():
    signals, told = Signals(), []
    signals.subscribe(BreakerChanged, told.append)
    guard = HealthBook(signals).guard("openai", "gpt-4o", "key-1", ONE)
    for now, scope in enumerate(("provider", "model", "key")):
        token = guard.level(scope).acquire(now)
        guard.level(scope).failed(token, now, "timeout")
    guard.admit(70.0).succeed(70.0)
    assert [(record.name, record.before, record.after) for record in told] == [
        ("openai", "closed", "open"),
        ("openai/gpt-4o", "closed", "open"),
        ("openai#key-1", "closed", "open"),
        ("openai", "open", "half_open"),
        ("openai/gpt-4o", "open", "half_open"),
        ("openai#key-1", "open", "half_open"),
        ("openai", "half_open", "closed"),
        ("openai#key-1", "half_open", "closed"),
        ("openai/gpt-4o", "half_open", "closed"),
    ]
    assert told[0].reason == "1 failure in a row, the last: timeout"
