"""The counts in the text format of Prometheus, by its client library.

The library brings a web server of its own along, two megabytes that a process in which nobody looks need not carry: so
this is loaded when somebody does.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from segue.backends.telemetry.metrics import Metrics
from segue.backends.telemetry.series import MOST_SERIES, Histogram


def exposed(metrics: Metrics) -> bytes:
    """Everything that was counted."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(metrics))
    return generate_latest(registry)


class _Families(Collector):
    """Turns the plain numbers into the client library's types when somebody looks."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        metrics = self._metrics
        for counter in (
            metrics.calls,
            metrics.attempts,
            metrics.failovers,
            metrics.retries,
            metrics.tokens,
            metrics.breaker_opens,
            metrics.refused,
        ):
            family = CounterMetricFamily(counter.name, counter.documentation, labels=counter.labels)
            for labels, value in counter.values.items() or ((((), 0),) if not counter.labels else ()):
                family.add_metric(labels, value)
            yield family
        cost = CounterMetricFamily(metrics.cost.name, metrics.cost.documentation, labels=metrics.cost.labels)
        for labels, billionths in metrics.cost.values.items():
            cost.add_metric(labels, billionths / 1e9)
        yield cost
        for histogram in (metrics.call_seconds, metrics.attempt_seconds):
            yield _histogram(histogram)
        yield from _gauges(metrics)


def _histogram(histogram: Histogram) -> HistogramMetricFamily:
    family = HistogramMetricFamily(histogram.name, histogram.documentation, labels=[histogram.label])
    ends = (*(str(bound) for bound in histogram.bounds), "+Inf")
    for label, distribution in histogram.values.items():
        total = 0
        buckets: list[tuple[str, float]] = []
        for end, count in zip(ends, distribution.counts, strict=True):
            total += count
            buckets.append((end, total))
        family.add_metric([label], buckets, distribution.sum)
    return family


def _gauges(metrics: Metrics) -> Iterator[Metric]:
    """The values that are looked up rather than counted."""
    in_flight = GaugeMetricFamily("segue_in_flight", "Attempts that run now", labels=["provider"])
    for provider, count in list(metrics.in_flight().items())[:MOST_SERIES]:
        in_flight.add_metric([provider], count)
    yield in_flight
    breakers = GaugeMetricFamily("segue_breaker_state", "0 closed, 1 half-open, 2 open", labels=["name"])
    for name, state in metrics.breakers.items():
        breakers.add_metric([name], state)
    yield breakers
    yield GaugeMetricFamily("segue_config_version", "The configuration in force", value=metrics.version)
    yield CounterMetricFamily("segue_call_log_dropped", "Calls not written down", value=metrics.dropped())
    yield CounterMetricFamily("segue_listener_errors", "Defects of listeners", value=metrics.listener_errors)
    if metrics.worker:
        worker = GaugeMetricFamily("segue_worker_info", "Which worker has counted this", labels=["worker"])
        worker.add_metric([str(metrics.worker)], 1)
        yield worker
