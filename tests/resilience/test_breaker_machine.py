"""Any sequence of calls, results and waits leaves the breaker as a naive model of it says, and never stuck.

The model keeps every event since the breaker last closed and counts them anew each time it is asked; it knows a permit
by an object of its own, not by a number.
"""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from segue.resilience import Breaker, BreakerOptions, State


@dataclass(eq=False)
class Era:
    """A time in which the state did not change; permits belong to one."""

    state: State
    since: float
    events: list = field(default_factory=list)  # (time, failed) of settled calls
    row: int = 0
    proven: int = 0
    probe: object = None
    probe_since: float = 0.0


class Model:
    def __init__(self, options):
        self.options = options
        self.era = Era(State.CLOSED, 0.0)

    def wait(self, now):
        era, options = self.era, self.options
        if era.probe is not None and now >= era.probe_since + options.lease:
            era = self.era = Era(State.OPEN, era.probe_since + options.lease)
        if era.state is State.OPEN and now >= era.since + options.open_for:
            self.era = Era(State.HALF_OPEN, era.since + options.open_for)

    def admit(self, now):
        era = self.era
        if era.state is State.OPEN or era.probe is not None:
            return None
        permit = (era, object())
        if era.state is State.HALF_OPEN:
            era.probe, era.probe_since = permit[1], now
        return permit

    def settle(self, permit, now, result):
        born, identity = permit
        era, options = self.era, self.options
        if born is not era:
            return
        if era.state is State.HALF_OPEN:
            if era.probe is not identity:
                return
            era.probe = None
            era.proven += result == "success"
            if result in {"timeout", "rate_limited"}:
                self.era = Era(State.OPEN, now)
            elif era.proven == options.successes:
                self.era = Era(State.CLOSED, now)
            return
        if result == "abandoned":
            return
        era.events.append((now, result != "success"))
        era.row = {"success": 0, "rate_limited": era.row}.get(result, era.row + 1)
        calls, failed = self.counts(now)
        too_many = calls >= options.min_calls and failed / calls >= options.rate
        if result != "success" and (too_many or era.row >= options.failures):
            self.era = Era(State.OPEN, now)

    def counts(self, now):
        width = self.options.window / 10
        inside = [failed for at, failed in self.era.events if at // width > now // width - 10]
        return len(inside), sum(inside)


class BreakerMachine(RuleBasedStateMachine):
    permits = Bundle("permits")

    @initialize(
        failures=st.integers(1, 6),
        rate=st.sampled_from([0.25, 0.5, 1.0]),
        min_calls=st.integers(1, 8),
        successes=st.integers(1, 3),
        window=st.sampled_from([10.0, 30.0]),
        open_for=st.sampled_from([1.0, 15.0]),
        lease=st.sampled_from([5.0, 20.0, 300.0]),
    )
    def start(self, failures, rate, min_calls, successes, window, open_for, lease):
        self.now = 0.0
        self.options = BreakerOptions(failures, rate, window, min_calls, open_for, successes, lease)
        self.changes = []
        self.breaker = Breaker("b", self.options, lambda *change: self.changes.append(change))
        self.model = Model(self.options)
        self.live_probes = {}

    @rule(quarters=st.one_of(st.integers(0, 8), st.integers(0, 160), st.just(1300)))
    def wait(self, quarters):
        self.now += quarters / 4
        self.model.wait(self.now)
        self.live_probes = {t: at for t, at in self.live_probes.items() if self.now < at + self.options.lease}

    @rule(target=permits)
    def ask(self):
        blocked = self.breaker.blocked_until(self.now)
        token, permit = self.breaker.acquire(self.now), self.model.admit(self.now)
        assert (token is None) == (permit is None)
        assert (token is None) == (blocked is not None)
        if blocked is not None:
            assert blocked > self.now
        if token is not None and self.breaker.state(self.now) is State.HALF_OPEN:
            self.live_probes[token] = self.now
            assert len(self.live_probes) == 1
        return token, permit

    @rule(permit=consumes(permits), result=st.sampled_from(["success", "timeout", "rate_limited", "abandoned"]))
    def settle(self, permit, result):
        self.report(permit, result)

    @rule(permit=permits, result=st.sampled_from(["success", "timeout", "rate_limited", "abandoned"]))
    def settle_a_probe_and_come_again_later(self, permit, result):
        """A token of a probe, or of an earlier generation, may come as often as it likes."""
        token, _ = permit
        if token is not None and (token in self.live_probes or token != self.breaker.generation):
            self.report(permit, result)

    def report(self, permit, result):
        token, modelled = permit
        if token is None:
            return
        stale = token != self.breaker.generation
        before = self.breaker.snapshot(self.now)
        if result == "success":
            self.breaker.succeeded(token, self.now)
        elif result == "abandoned":
            self.breaker.abandoned(token, self.now)
        else:
            self.breaker.failed(token, self.now, result)
        self.model.settle(modelled, self.now, result)
        self.live_probes.pop(token, None)
        if stale:
            assert self.breaker.snapshot(self.now) == before

    @invariant()
    def state_and_counts_are_those_of_the_model(self):
        seen, era = self.breaker.snapshot(self.now), self.model.era
        assert seen.state is era.state
        if seen.since is not None:
            assert seen.since == era.since
        if era.state is State.CLOSED:
            assert (seen.calls, seen.failed) == self.model.counts(self.now)
            assert seen.consecutive == era.row
        if era.state is State.OPEN:
            assert self.breaker.blocked_until(self.now) == era.since + self.options.open_for

    @invariant()
    def changes_are_told_without_a_gap(self):
        state = self.breaker.state(self.now)
        states = [State.CLOSED, *(after for _, after, _ in self.changes)]
        assert [before for before, _, _ in self.changes] == states[:-1]
        assert states[-1] is state
        assert all(reason for _, _, reason in self.changes)

    def teardown(self):
        """Never stuck: from wherever it is, time and successes close it."""
        if not hasattr(self, "breaker"):
            return
        self.now += self.options.lease + self.options.open_for
        for _ in range(self.options.successes):
            token = self.breaker.acquire(self.now)
            assert token is not None
            self.breaker.succeeded(token, self.now)
        assert self.breaker.state(self.now) is State.CLOSED


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=120, stateful_step_count=60, deadline=None)
