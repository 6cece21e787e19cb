"""Counts what happens, for Prometheus and for `segue.metrics()`.

Names and meanings:

    segue_calls_total{operation,code}       calls by how they ended: ok, cancelled, or the error's code
    segue_call_seconds{operation}           from a call's arrival to its last byte
    segue_attempts_total{provider,outcome}  tries: ok, cancelled, or the failure's kind
    segue_attempt_seconds{provider}         from a try's start to its end
    segue_failovers_total{operation}        tries at a provider or model other than the one before
    segue_retries_total                     tries at the same one again
    segue_tokens_total{provider,kind}       input and output tokens as the providers report them
    segue_cost_total{provider,model,currency}  what tries cost, where a price is known; estimates included
    segue_in_flight{provider}               tries that run now
    segue_breaker_state{name}               0 closed, 1 half-open, 2 open
    segue_breaker_opens_total{name}         how often it opened
    segue_call_log_dropped_total            calls that could not be written down
    segue_config_version                    the configuration in force
    segue_config_refused_total              configurations that were refused
    segue_listener_errors_total             defects of listeners that were kept away from calls
    segue_worker_info{worker}               1; which of several workers has counted all this, absent where there is one

No label is a caller's own word: providers and operations come from the configuration, and each metric has at most
1,000 series.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import TypedDict

from segue.backends.telemetry.series import MOST_SERIES, OTHER, Counter, Distribution, Histogram
from segue.core.money import Charge
from segue.core.outcome import Usage
from segue.core.provider import Candidate
from segue.core.signals import Answered, AttemptEnded, BreakerChanged, CallEnded, ConfigurationChanged, Signals, unheard

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES: Mapping[str, int] = {"closed": 0, "half_open": 1, "open": 2}
# From a local model's first word to the longest that an answer may take; about three per power of ten.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


class ProviderSummary(TypedDict):
    """One provider's part of a summary; `success_rate` is `None` before its first call."""

    calls: int
    failures: int
    success_rate: float | None


class Summary(TypedDict):
    """What happened since the start.

    `requests` are all calls that ended; those that their callers gave up are neither `succeeded` nor `failed`, and the
    rates leave them out. `calls` of a provider are attempts.
    """

    requests: int
    succeeded: int
    failed: int
    cancelled: int
    success_rate: float | None
    providers: dict[str, ProviderSummary]


class _Usual:
    """What was counted of one candidate's usual calls since they were last folded in."""

    __slots__ = ("attempt_seconds", "call_seconds", "calls", "operation", "provider", "tokens_in", "tokens_out")

    def __init__(
        self, operation: str, provider: str, call_seconds: Distribution, attempt_seconds: Distribution
    ) -> None:
        self.operation = operation
        self.provider = provider
        self.call_seconds = call_seconds
        self.attempt_seconds = attempt_seconds
        self.calls = 0
        self.tokens_in = 0
        self.tokens_out = 0


MOST_TOKENS = 1_000_000_000_000
"""Of one attempt, as `segue.metering.cost` has it."""


class Metrics:
    """All counts of one running Segue.

    Args:
        in_flight: attempts that run now, by provider; asked when somebody looks.
        dropped: records that the call log has dropped; asked when somebody looks.

    Attributes:
        worker: the number of the worker whose counts these are, from 1; 0 where one process is all there is.
    """

    def __init__(
        self,
        *,
        in_flight: Callable[[], Mapping[str, int]] | None = None,
        dropped: Callable[[], int] | None = None,
    ) -> None:
        self.in_flight: Callable[[], Mapping[str, int]] = in_flight or dict
        self.dropped: Callable[[], int] = dropped or int
        self._signals: Signals | None = None
        self.calls = Counter("segue_calls", "Calls by how they ended", ["operation", "code"])
        self.call_seconds = Histogram("segue_call_seconds", "From arrival to the last byte", "operation", SECONDS)
        self.attempts = Counter("segue_attempts", "Attempts by how they ended", ["provider", "outcome"])
        self.attempt_seconds = Histogram("segue_attempt_seconds", "From start to end", "provider", SECONDS)
        self.failovers = Counter("segue_failovers", "Attempts at another candidate than before", ["operation"])
        self.retries = Counter("segue_retries", "Attempts at the same candidate again", [])
        self.tokens = Counter("segue_tokens", "Tokens that providers reported", ["provider", "kind"])
        self.cost = Counter("segue_cost", "What attempts cost", ["provider", "model", "currency"])  # in billionths
        self.breaker_opens = Counter("segue_breaker_opens", "How often a breaker opened", ["name"])
        self.refused = Counter("segue_config_refused", "Configurations that were refused", [])
        self.breakers: dict[str, int] = {}
        self._usual: dict[Candidate, _Usual] = {}
        self.version = 0
        self.worker = 0

    def subscribe(self, signals: Signals) -> None:
        """Listen."""
        self._signals = signals
        signals.subscribe(CallEnded, self.call_ended, answered=self.answered)
        signals.subscribe(AttemptEnded, self.attempt_ended, answered=unheard)
        signals.subscribe(BreakerChanged, self.breaker_changed)
        signals.subscribe(ConfigurationChanged, self.configuration_changed)

    def answered(self, answered: Answered) -> None:
        """Count a usual call and its attempt: on the hottest path, and folded in when somebody looks."""
        one = self._usual.get(answered.candidate)
        if one is None:
            one = self._first_of(answered)
        one.calls += 1
        ended = answered.ended
        seconds, spread = ended - answered.started, one.call_seconds
        spread.counts[bisect_left(SECONDS, seconds)] += 1
        spread.sum += seconds
        seconds, spread = ended - answered.sent, one.attempt_seconds
        spread.counts[bisect_left(SECONDS, seconds)] += 1
        spread.sum += seconds
        usage = answered.usage
        tokens_in, tokens_out = usage.input_tokens, usage.output_tokens
        if tokens_in and 0 < tokens_in <= MOST_TOKENS:  # see `_take`
            one.tokens_in += tokens_in
        if tokens_out and 0 < tokens_out <= MOST_TOKENS:
            one.tokens_out += tokens_out
        if answered.charge is not None:
            self._take(answered.candidate, None, answered.charge)

    def fold(self) -> None:
        """Add what was counted of usual calls to the counters: to be called before they are read."""
        for one in self._usual.values():
            calls, one.calls = one.calls, 0
            if calls:
                self.calls.add((one.operation, "ok"), calls)
                self.attempts.add((one.provider, "ok"), calls)
            tokens_in, one.tokens_in = one.tokens_in, 0
            if tokens_in:
                self.tokens.add((one.provider, "input"), tokens_in)
            tokens_out, one.tokens_out = one.tokens_out, 0
            if tokens_out:
                self.tokens.add((one.provider, "output"), tokens_out)

    def _first_of(self, answered: Answered) -> "_Usual":
        """Begin to count a candidate's usual calls."""
        if len(self._usual) >= MOST_SERIES:
            self.fold()
            self._usual.clear()
        operation, provider = answered.operation, answered.candidate.provider.id
        one = self._usual[answered.candidate] = _Usual(
            operation, provider, self.call_seconds.series(operation), self.attempt_seconds.series(provider)
        )
        return one

    def call_ended(self, ended: CallEnded) -> None:
        """Count one call; on the hot path."""
        call = ended.call
        operation = call.operation.id
        labels, values = (operation, ended.code), self.calls.values
        if labels in values:  # `Counter.add`, without the call: nearly always
            values[labels] += 1
        else:
            self.calls.add(labels)
        self.call_seconds.observe(operation, ended.elapsed)
        if len(call.attempts) > 1:
            before = call.attempts[0].candidate
            for attempt in call.attempts[1:]:
                candidate = attempt.candidate
                # Another key of the same model is the same candidate tried again, as far as anyone outside can tell.
                if candidate.provider.id == before.provider.id and candidate.model == before.model:
                    self.retries.add(())
                else:
                    self.failovers.add((operation,))
                before = candidate

    def attempt_ended(self, ended: AttemptEnded) -> None:
        """Count one attempt; on the hot path."""
        attempt = ended.attempt
        provider = attempt.candidate.provider.id
        failure = attempt.failure
        outcome = failure.kind.value if failure is not None else "cancelled" if attempt.cancelled else "ok"
        labels, values = (provider, outcome), self.attempts.values
        if labels in values:  # as above
            values[labels] += 1
        else:
            self.attempts.add(labels)
        self.attempt_seconds.observe(provider, attempt.elapsed)
        self._take(attempt.candidate, attempt.usage, attempt.charge)

    def _take(self, candidate: Candidate, usage: Usage | None, charge: Charge | None) -> None:
        """Count what an attempt took."""
        provider = candidate.provider.id
        if usage is not None:
            # A vendor that has lost count must not turn a counter back, or past what a float can count.
            if usage.input_tokens and 0 < usage.input_tokens <= MOST_TOKENS:
                self.tokens.add((provider, "input"), usage.input_tokens)
            if usage.output_tokens and 0 < usage.output_tokens <= MOST_TOKENS:
                self.tokens.add((provider, "output"), usage.output_tokens)
        if charge is not None:
            cost = charge.cost
            self.cost.add((provider, _model_label(candidate), cost.currency), cost.billionths)

    def breaker_changed(self, changed: BreakerChanged) -> None:
        """Note a breaker's state."""
        name = changed.name
        if name not in self.breakers and len(self.breakers) >= MOST_SERIES:
            name = OTHER
        self.breakers[name] = STATES.get(changed.after, 0)
        if changed.after == "open":
            self.breaker_opens.add((name,))

    def configuration_changed(self, changed: ConfigurationChanged) -> None:
        """Note which configuration is in force."""
        if changed.accepted:
            self.version = changed.version
            self.fold()
            self._usual.clear()  # its candidates hold keys, and will not be seen again
        else:
            self.refused.add(())

    @property
    def listener_errors(self) -> int:
        """Defects of listeners that were kept away from calls."""
        return 0 if self._signals is None else self._signals.errors

    def render(self) -> bytes:
        """Everything in the text format of Prometheus, for the content type `CONTENT_TYPE`."""
        from segue.backends.telemetry.exposition import exposed  # the client library is loaded when somebody looks

        self.fold()
        return exposed(self)

    def summary(self) -> Summary:
        """The counts that people ask for first."""
        self.fold()
        requests = self.calls.total()
        succeeded = sum(count for (_, code), count in self.calls.values.items() if code == "ok")
        cancelled = sum(count for (_, code), count in self.calls.values.items() if code == "cancelled")
        failed = requests - succeeded - cancelled
        providers: dict[str, ProviderSummary] = {}
        given_up: dict[str, int] = {}
        for (provider, outcome), count in self.attempts.values.items():
            one = providers.setdefault(provider, {"calls": 0, "failures": 0, "success_rate": None})
            one["calls"] += count
            if outcome == "cancelled":
                given_up[provider] = count
            elif outcome != "ok":
                one["failures"] += count
        for provider, one in providers.items():
            judged = one["calls"] - given_up.get(provider, 0)
            one["success_rate"] = _rate(judged - one["failures"], judged)
        return {
            "requests": requests,
            "succeeded": succeeded,
            "failed": failed,
            "cancelled": cancelled,
            "success_rate": _rate(succeeded, succeeded + failed),
            "providers": providers,
        }


def _model_label(candidate: Candidate) -> str:
    """The model where the configuration names it; what callers ask a provider for that takes any name is no label."""
    if not candidate.provider.wildcard or any(candidate.info is info for info in candidate.provider.models):
        return candidate.model
    return "*"


def _rate(good: int, all_of_them: int) -> float | None:
    return good / all_of_them if all_of_them else None
