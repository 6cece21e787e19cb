"""Any traffic over the candidates of a provider leaves no slot behind, and no level stuck."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from segue.core.signals import BreakerChanged, Signals
from segue.resilience import BreakerOptions, HealthBook, State

CANDIDATES = [(model, key) for model in ("", "a", "b") for key in ("key-1", "key-2")]
OPTIONS = BreakerOptions(failures=2, min_calls=4, open_for=15.0, lease=50.0)


class GuardMachine(RuleBasedStateMachine):
    permits = Bundle("permits")

    @initialize()
    def start(self):
        self.now = 0.0
        signals = Signals()
        self.told = []
        signals.subscribe(BreakerChanged, self.told.append)
        self.book = HealthBook(signals, most_models=1)
        self.guards = [self.book.guard("p", model, key, OPTIONS) for model, key in CANDIDATES]
        self.levels = {level for guard in self.guards for level in (guard.provider, guard.model, guard.key) if level}
        self.out = {}

    @rule(quarters=st.one_of(st.integers(0, 8), st.integers(0, 100)))
    def wait(self, quarters):
        self.now += quarters / 4

    @rule(target=permits, index=st.integers(0, len(CANDIDATES) - 1))
    def ask(self, index):
        guard = self.guards[index]
        levels = [level for level in (guard.provider, guard.model, guard.key) if level]
        each = [level.blocked_until(self.now) for level in levels]
        permit = guard.admit(self.now)
        assert (permit is None) == any(until is not None for until in each)
        if permit is None:
            assert guard.blocked_until(self.now) == max(until for until in each if until is not None)
            return multiple()
        self.out[permit] = {level for level in levels if level.state(self.now) is State.HALF_OPEN}, self.now
        return permit

    @rule(permit=consumes(permits), scope=st.sampled_from(["", "abandon", "request", "provider", "model", "key"]))
    def settle(self, permit, scope):
        self.out.pop(permit)
        if scope == "":
            permit.succeed(self.now)
        elif scope == "abandon":
            permit.abandon(self.now)
        else:
            permit.fail(self.now, scope, "timeout")

    @rule(
        index=st.integers(0, len(CANDIDATES) - 1), seconds=st.integers(-5, 40), scope=st.sampled_from(["key", "model"])
    )
    def cool(self, index, seconds, scope):
        self.guards[index].cool(self.now + seconds, scope)

    @rule()
    def reload(self):
        """The same candidates under a new configuration: they must find the very same levels."""
        self.guards = [self.book.guard("p", model, key, OPTIONS) for model, key in CANDIDATES]
        found = {level for guard in self.guards for level in (guard.provider, guard.model, guard.key) if level}
        assert found == self.levels

    @invariant()
    def a_calm_level_keeps_its_word(self):
        for level in self.levels:
            if level.calm:
                assert level.blocked_until(self.now) is None
                assert level.state(self.now) is State.CLOSED

    @invariant()
    def at_most_one_live_permit_probes_each_level(self):
        for level in self.levels:
            probes = [at for probed, at in self.out.values() if level in probed and self.now < at + OPTIONS.lease]
            assert len(probes) <= 1

    @invariant()
    def half_open_without_a_probe_means_free(self):
        probed = {level for levels, at in self.out.values() if self.now < at + OPTIONS.lease for level in levels}
        for level in self.levels - probed:
            if level.state(self.now) is State.HALF_OPEN and level.cooling(self.now) is None:
                assert level.blocked_until(self.now) is None

    def teardown(self):
        if not hasattr(self, "book"):
            return
        for permit in self.out:
            permit.abandon(self.now)
        self.out.clear()
        self.half_open_without_a_probe_means_free()
        self.now += 4000.0
        for guard in self.guards:
            guard.admit(self.now).succeed(self.now)
        assert all(level.calm for level in self.levels)
        names = {record.name for record in self.told}
        assert names <= {level.name for level in self.levels}


TestGuardMachine = GuardMachine.TestCase
TestGuardMachine.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
