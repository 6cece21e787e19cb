"""The numbers of one operation: defaults with the less specific laid under the more specific, key by key."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from segue.config.known import Known
from segue.config.load import parse_settings
from segue.config.policy import BreakerNumbers, ResolvedPolicy, applying, resolve_policy
from segue.core.call import NO_HOLD, Hold, OnCut
from segue.core.ports import Limits


@pytest.fixture
def resolve(known: Known) -> Any:
    def run(policies: dict[str, Any], operation: str = "chat", family: str = "llm") -> ResolvedPolicy:
        return resolve_policy(parse_settings({"policies": policies}, known).settings.policies, operation, family)

    return run


def test_the_llm_family_has_the_numbers_of_the_contract(resolve: Any):
    assert resolve({}) == ResolvedPolicy(
        strategy="priority",
        retries=2,
        max_attempts=8,
        deadline=600.0,
        timeouts=Limits(connect=5, total=240, first_byte=30, first_content=60, idle=60, stream=3600),
        breaker=BreakerNumbers(failures=5, rate=0.5, window=30, min_calls=20, open_for=60, successes=1),
    )


def test_other_families_are_less_patient_and_leave_a_provider_alone_for_longer(resolve: Any):
    other = resolve({}, "weather.current", "weather")
    assert (other.deadline, other.timeouts.total, other.breaker.open_for) == (30.0, 10.0, 300.0)
    llm = resolve({})
    assert (other.timeouts.connect, other.timeouts.idle, other.breaker.window) == (5.0, 60.0, 30.0)
    assert (other.retries, other.max_attempts, other.strategy) == (llm.retries, llm.max_attempts, llm.strategy)


def test_each_level_lies_over_the_less_specific_key_by_key(resolve: Any):
    policies = {
        "weather.current": {"breaker": {"failures": 9}},
        "weather.*": {"retries": 3, "breaker": {"failures": 8, "window": "8s"}},
        "weather": {"retries": 4, "max_attempts": 4, "breaker": {"failures": 7, "window": "7s", "rate": 0.7}},
        "default": {"retries": 5, "max_attempts": 5, "deadline": "5s", "strategy": "round_robin"},
    }
    found = resolve(policies, "weather.current", "weather")
    assert (found.retries, found.max_attempts, found.deadline, found.strategy) == (3, 4, 5.0, "round_robin")
    assert (found.breaker.failures, found.breaker.window, found.breaker.rate) == (9, 8.0, 0.7)
    assert found.breaker.open_for == 300.0


def test_a_written_default_lies_over_the_built_in_numbers_of_every_family(resolve: Any):
    policies = {"default": {"deadline": "7s"}}
    assert resolve(policies).deadline == 7.0
    assert resolve(policies, "weather.current", "weather").deadline == 7.0


def test_zero_is_a_number_and_not_absence(resolve: Any):
    assert resolve({"default": {"retries": 5}, "chat": {"retries": 0}}).retries == 0


def test_the_longest_pattern_wins(resolve: Any):
    policies = {"weather.cur*": {"retries": 1}, "w*": {"retries": 2, "max_attempts": 3}, "weather.*": {"retries": 4}}
    found = resolve(policies, "weather.current", "weather")
    assert (found.retries, found.max_attempts) == (1, 3)


def test_policies_of_others_do_not_apply(resolve: Any):
    policies = {"weather": {"retries": 9}, "weather.*": {"retries": 9}, "embeddings": {"retries": 9}}
    assert resolve(policies).retries == 2


def test_the_order_of_specificity_is_default_family_pattern_operation():
    names = ("chat", "ch*", "c*", "llm", "default", "other")
    assert applying(names, "chat", "llm") == ("default", "llm", "c*", "ch*", "chat")


def test_an_operation_named_like_its_family_counts_as_the_operation():
    assert applying(("events", "e*"), "events", "events") == ("e*", "events")


def test_a_hold_is_replaced_as_a_whole_by_the_more_specific_and_is_off_by_default(resolve: Any):
    assert resolve({}).hold == NO_HOLD
    assert resolve({"default": {"hold": "64 tokens"}}).hold == Hold(tokens=64)
    assert resolve({"default": {"hold": "64 tokens"}, "llm": {"retries": 1}, "chat": {"hold": "2s"}}).hold == Hold(
        seconds=2.0
    )
    assert resolve({"default": {"hold": "all"}, "chat": {"hold": "none"}}).hold == NO_HOLD


def test_a_resolved_policy_cannot_be_changed(resolve: Any):
    with pytest.raises(FrozenInstanceError):
        resolve({}).retries = 1


def test_what_follows_a_cut_is_an_error_unless_it_is_said_otherwise(resolve: Any):
    assert resolve({}).on_cut is OnCut.ERROR
    assert resolve({"default": {"on_cut": "continue"}}).on_cut is OnCut.CONTINUE
    assert resolve({"default": {"on_cut": "continue"}, "chat": {"on_cut": "error"}}).on_cut is OnCut.ERROR
