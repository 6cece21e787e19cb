"""The book keeps health by name: over reloads, within a bound, and until it is told to forget."""

import gc

import pytest

from segue.core.signals import BreakerChanged, Signals
from segue.resilience import BreakerOptions, HealthBook, State
from segue.resilience.health import MOST_LISTED

ONE = BreakerOptions(failures=1)


@pytest.fixture
def signals():
    return Signals()


@pytest.fixture
def told(signals):
    records = []
    signals.subscribe(BreakerChanged, records.append)
    return records


@pytest.fixture
def book(signals):
    return HealthBook(signals, most_models=3)


def strike(book, model, scope="model", now=0.0):
    book.guard("p", model, "k", ONE).admit(now).fail(now, scope, "timeout")


def is_open(book, model, now=0.0):
    return book.guard("p", model, "k", ONE).model.state(now) is State.OPEN


def test_a_reload_finds_a_broken_provider_still_broken(book):
    strike(book, "a", "provider")
    assert book.guard("p", "a", "k", ONE).admit(1.0) is None


def test_new_options_are_in_force_on_every_level_also_for_guards_handed_out_before(book):
    guard = book.guard("p", "a", "k", BreakerOptions())
    book.guard("p", "a", "k", ONE)
    for level in (guard.model, guard.key, guard.provider):
        level.failed(level.acquire(0.0), 0.0, "timeout")
        assert level.state(0.0) is State.OPEN


def test_the_model_asked_for_longest_ago_makes_room(book):
    for model in ("a", "b", "c", "a", "d"):
        guard = book.guard("p", model, "k", BreakerOptions())
        guard.admit(0.0).succeed(0.0)
    calls = {}
    for model in ("a", "c", "d", "b"):
        calls[model] = book.guard("p", model, "k", BreakerOptions()).model.snapshot(0.0).calls
        gc.collect()
    assert calls == {"a": 2, "c": 1, "d": 1, "b": 0}


def test_a_flood_of_names_cannot_push_out_an_open_breaker(book):
    strike(book, "broken")
    for number in range(1000):
        book.guard("p", f"m{number}", "k", ONE)
    assert is_open(book, "broken")


def test_when_nothing_but_open_breakers_is_left_the_oldest_of_those_makes_room(book):
    for model in ("a", "b", "c", "d"):
        strike(book, model)
    assert [is_open(book, model) for model in ("b", "c", "d")] == [True, True, True]
    assert not is_open(book, "a")


def test_a_breaker_that_closed_again_may_be_pushed_out_like_any_other(book):
    strike(book, "a")
    book.guard("p", "a", "k", ONE).admit(60.0).succeed(60.0)
    book.guard("p", "a", "k", ONE).admit(60.0).succeed(60.0)
    for number in range(3):
        book.guard("p", f"m{number}", "k", ONE)
    assert book.guard("p", "a", "k", ONE).model.snapshot(60.0).calls == 0


def test_the_book_keeps_no_more_models_than_it_may(book):
    held = [book.guard("p", f"m{number}", "k", ONE) for number in range(50)]
    assert len(book._closed) == 3
    for guard in held:
        guard.model.failed(guard.model.acquire(0.0), 0.0, "timeout")
    assert (len(book._closed), len(book._troubled)) == (0, 3)


def test_a_model_that_a_candidate_still_holds_is_never_doubled(book):
    held = book.guard("p", "a", "k", ONE)
    for number in range(50):
        book.guard("p", f"m{number}", "k", ONE)
    assert book.guard("p", "a", "k", ONE).model is held.model


def test_what_nobody_holds_any_more_is_let_go_without_the_garbage_collector(book):
    gc.disable()
    try:
        for number in range(50):
            book.guard("p", f"m{number}", "k", ONE)
        assert len(book._providers["p"].models) == 3
    finally:
        gc.enable()


def test_a_forgotten_provider_begins_anew(book):
    strike(book, "a")
    strike(book, "b", "provider")
    book.forget("p")
    assert book.status(0.0) == {}
    assert (len(book._closed), len(book._troubled)) == (0, 0)
    assert book.guard("p", "a", "k", ONE).admit(0.0) is not None


def test_attempts_that_outlive_their_provider_disturb_nobody(book, told):
    permit = book.guard("p", "a", "k", ONE).admit(0.0)
    book.forget("p")
    book.guard("p", "a", "k", ONE)
    permit.fail(0.0, "model", "timeout")
    assert told == []
    assert book.guard("p", "a", "k", ONE).admit(0.0) is not None
    assert len(book._troubled) == 0


def test_a_key_whose_secret_was_replaced_begins_anew_and_the_rest_is_kept(book):
    strike(book, "a", "key")
    book.guard("p", "b", "k2", ONE).admit(0.0).fail(0.0, "model", "timeout")
    book.forget("p", "k")
    assert book.guard("p", "a", "k", ONE).admit(0.0) is not None
    assert book.guard("p", "b", "k", ONE).admit(0.0) is None


def test_forgetting_the_unknown_is_no_error(book):
    book.guard("p", "a", "k", ONE)
    book.forget("nobody")
    book.forget("p", "nobody")
    assert list(book.status(0.0)) == ["p"]


def test_the_status_of_a_healthy_provider_is_short(book):
    guard = book.guard("p", "a", "k", ONE)
    guard.admit(5.0).succeed(5.0)
    well = {
        "state": "closed",
        "for": None,
        "reason": "",
        "calls": 1,
        "failed": 0,
        "consecutive_failures": 0,
        "opens": 0,
        "cooling_for": 0.0,
    }
    assert book.status(6.0) == {"p": {**well, "retries_left": 10.0, "keys": {"k": well}, "models": {}}}


def test_the_status_lists_the_models_that_are_held_back(book):
    strike(book, "open")
    book.guard("p", "cooling", "k", ONE).cool(30.0, "model")
    book.guard("p", "fine", "k", ONE)
    models = book.status(10.0)["p"]["models"]
    assert {name: (seen["state"], seen["for"], seen["cooling_for"]) for name, seen in models.items()} == {
        "cooling": ("closed", None, 20.0),
        "open": ("open", 10.0, 0.0),
    }


def test_the_status_lists_only_so_many_models(signals):
    book = HealthBook(signals)
    for number in range(MOST_LISTED + 50):
        strike(book, f"m{number}")
    assert len(book.status(0.0)["p"]["models"]) == MOST_LISTED


def test_the_status_shows_time_passing_though_nobody_calls(book, told):
    strike(book, "a", "provider")
    assert book.status(100.0)["p"]["state"] == "half_open"
    assert book.status(100.0)["p"]["for"] == 40.0
    assert told[-1].after == "half_open"


def test_a_listener_may_ask_the_book(signals, book):
    """The news of a change is told when the change is complete, and nobody is walking over the book."""
    strike(book, "a", "provider")
    strike(book, "a", "key", now=60.0)

    def look(record):
        book.guard("p", "m", f"after {record.name}", ONE)
        book.guard(f"after {record.name}", "m", "k", ONE)

    signals.subscribe(BreakerChanged, look)
    book.status(200.0)
    assert signals.errors == 0
    assert set(book.status(200.0)) == {"p", "after p#k"}
    assert set(book.status(200.0)["p"]["keys"]) == {"k", "after p#k"}


def test_the_default_bound_is_ten_thousand_models(signals):
    book = HealthBook(signals)
    for number in range(10_050):
        book.guard("p", str(number), "k", ONE)
    assert len(book._closed) == 10_000
