"""Metrics: right, bounded, cheap."""

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backends.made import BUSY, attempt, attempt_ended, candidate, ended
from segue.backends.telemetry.metrics import CONTENT_TYPE, Metrics
from segue.backends.telemetry.series import Counter, Histogram
from segue.core.failure import Failure, Kind
from segue.core.outcome import Usage
from segue.core.signals import BreakerChanged, ConfigurationChanged, Signals


def samples(metrics: Metrics) -> dict[tuple, float]:
    """What a scraper reads, by name and sorted labels."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples
    }


@pytest.fixture
def metrics():
    return Metrics()


def test_calls_are_counted_by_how_they_ended(metrics):
    for code in ("ok", "ok", "unavailable", "cancelled"):
        metrics.call_ended(ended(code=code))
    found = samples(metrics)
    assert found["segue_calls_total", ("code", "ok"), ("operation", "chat")] == 2
    assert found["segue_calls_total", ("code", "unavailable"), ("operation", "chat")] == 1
    assert found["segue_calls_total", ("code", "cancelled"), ("operation", "chat")] == 1


def test_times_fall_into_buckets_whose_upper_ends_belong_to_them(metrics):
    for elapsed in (0.001, 0.005, 0.0051, 400.0):
        metrics.call_ended(ended(elapsed=elapsed))
    found = samples(metrics)

    def bucket(end):
        return found["segue_call_seconds_bucket", ("le", end), ("operation", "chat")]

    assert bucket("0.005") == 2
    assert bucket("0.01") == 3
    assert bucket("300.0") == 3
    assert bucket("+Inf") == 4
    assert found["segue_call_seconds_count", ("operation", "chat")] == 4
    assert found["segue_call_seconds_sum", ("operation", "chat")] == pytest.approx(400.0111)


def test_attempts_are_counted_by_provider_and_outcome(metrics):
    metrics.attempt_ended(attempt_ended(attempt(usage=Usage(7, 9))))
    metrics.attempt_ended(attempt_ended(attempt(failure=BUSY)))
    metrics.attempt_ended(attempt_ended(attempt(cancelled=True)))
    metrics.attempt_ended(attempt_ended(attempt(candidate("groq"), usage=Usage(None, 3))))
    found = samples(metrics)
    for outcome in ("ok", "overloaded", "cancelled"):
        assert found["segue_attempts_total", ("outcome", outcome), ("provider", "openai")] == 1
    assert found["segue_attempt_seconds_count", ("provider", "openai")] == 3
    assert found["segue_tokens_total", ("kind", "input"), ("provider", "openai")] == 7
    assert found["segue_tokens_total", ("kind", "output"), ("provider", "openai")] == 9
    assert found["segue_tokens_total", ("kind", "output"), ("provider", "groq")] == 3
    assert ("segue_tokens_total", ("kind", "input"), ("provider", "groq")) not in found


def test_another_try_at_the_same_candidate_is_a_retry_and_one_at_another_is_a_failover(metrics):
    openai, other_key = candidate(), candidate(key="key-2")
    mini, groq = candidate(model="mini"), candidate("groq")
    metrics.call_ended(ended(attempts=tuple(map(attempt, (openai, openai, other_key, mini, groq)))))
    metrics.call_ended(ended(attempts=(attempt(openai),)))
    found = samples(metrics)
    assert found["segue_retries_total",] == 2
    assert found["segue_failovers_total", ("operation", "chat")] == 2


def test_breakers_show_their_state_and_how_often_they_opened(metrics):
    for before, after in (("closed", "open"), ("open", "half_open"), ("half_open", "open")):
        metrics.breaker_changed(BreakerChanged("openai", before, after, "failures"))
    metrics.breaker_changed(BreakerChanged("groq", "open", "half_open", "time"))
    found = samples(metrics)
    assert found["segue_breaker_state", ("name", "openai")] == 2
    assert found["segue_breaker_state", ("name", "groq")] == 1
    assert found["segue_breaker_opens_total", ("name", "openai")] == 2
    metrics.breaker_changed(BreakerChanged("openai", "half_open", "closed", "probe"))
    assert samples(metrics)["segue_breaker_state", ("name", "openai")] == 0


def test_the_configuration_in_force_is_shown_and_a_refused_one_changes_only_its_count(metrics):
    metrics.configuration_changed(ConfigurationChanged(3, accepted=True))
    metrics.configuration_changed(ConfigurationChanged(4, accepted=False, problems=("x",)))
    found = samples(metrics)
    assert found["segue_config_version",] == 3
    assert found["segue_config_refused_total",] == 1


def test_what_others_count_is_asked_when_somebody_looks():
    running, dropped = {"openai": 3}, 0
    metrics = Metrics(in_flight=lambda: running, dropped=lambda: dropped)
    assert samples(metrics)["segue_call_log_dropped_total",] == 0
    dropped, running["openai"] = 5, 1
    found = samples(metrics)
    assert found["segue_call_log_dropped_total",] == 5
    assert found["segue_in_flight", ("provider", "openai")] == 1


def test_before_the_first_call_there_is_something_to_scrape(metrics):
    found = samples(metrics)
    assert found["segue_retries_total",] == 0
    assert found["segue_call_log_dropped_total",] == 0
    assert metrics.render().endswith(b"\n")
    assert CONTENT_TYPE.startswith("text/plain")


def test_two_instances_do_not_share_anything():
    one, two = Metrics(), Metrics()
    one.call_ended(ended())
    assert two.summary()["requests"] == 0


def test_it_listens_to_signals_and_shows_their_errors(metrics):
    signals = Signals()
    metrics.subscribe(signals)
    signals.emit(ended())
    signals.emit(attempt_ended(attempt()))
    signals.emit(BreakerChanged("openai", "closed", "open", "x"))
    signals.emit(ConfigurationChanged(1, accepted=True))
    signals.errors = 4
    found = samples(metrics)
    assert found["segue_calls_total", ("code", "ok"), ("operation", "chat")] == 1
    assert found["segue_attempts_total", ("outcome", "ok"), ("provider", "openai")] == 1
    assert found["segue_breaker_state", ("name", "openai")] == 2
    assert found["segue_config_version",] == 1
    assert found["segue_listener_errors_total",] == 4


@pytest.mark.parametrize("name", ['a"b', "a\nb", "a\\b", "ü", "{x}"])
def test_strange_names_do_not_break_the_format(metrics, name):
    metrics.attempt_ended(attempt_ended(attempt(candidate(name))))
    assert samples(metrics)["segue_attempts_total", ("outcome", "ok"), ("provider", name)] == 1


def test_series_are_bounded_and_what_is_beyond_is_counted_under_other():
    counter = Counter("c", "", ["a", "b"])
    for number in range(5000):
        counter.add((str(number), "x"))
    counter.add(("1", "x"))
    assert len(counter.values) == 1001
    assert counter.values["other", "other"] == 4000
    assert counter.values["1", "x"] == 2
    assert counter.total() == 5001
    histogram = Histogram("h", "", "a", [1.0])
    for number in range(5000):
        histogram.observe(str(number), 0.5)
    assert len(histogram.values) == 1001
    assert histogram.values["other"].counts == [4000, 0]


def test_breaker_names_are_bounded_too(metrics):
    for number in range(3000):
        metrics.breaker_changed(BreakerChanged(str(number), "closed", "open", "x"))
    assert len(metrics.breakers) == 1001


def test_the_summary_says_what_people_ask_first(metrics):
    broken = Failure(Kind.SERVER_ERROR, "x")
    for code in ("ok", "ok", "ok", "server_error", "cancelled"):
        metrics.call_ended(ended(code=code))
    for made in (attempt(), attempt(), attempt(failure=broken), attempt(cancelled=True), attempt(candidate("groq"))):
        metrics.attempt_ended(attempt_ended(made))
    assert metrics.summary() == {
        "requests": 5,
        "succeeded": 3,
        "failed": 1,
        "cancelled": 1,
        "success_rate": 0.75,
        "providers": {
            "openai": {"calls": 4, "failures": 1, "success_rate": pytest.approx(2 / 3)},
            "groq": {"calls": 1, "failures": 0, "success_rate": 1.0},
        },
    }


def test_the_summary_of_nothing_has_no_rates(metrics):
    assert metrics.summary() == {
        "requests": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "success_rate": None, "providers": {},
    }  # fmt: skip


def test_counting_a_call_is_cheap(metrics):
    """Measured below 1 µs; ten are the alarm, for busy machines."""
    signal = ended()
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        for _ in range(500):
            metrics.call_ended(signal)
        best = min(best, (time.perf_counter() - began) / 500)
    assert best < 10e-6
