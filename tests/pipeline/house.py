"""A pipeline with everything real in it but the providers, the time and the dice."""

import asyncio
from collections.abc import Mapping
from typing import Any

from segue.core.call import Call, CallOptions, Hold
from segue.core.features import Features
from segue.core.operation import Nature, Operation
from segue.core.outcome import Outcome
from segue.core.ports import Executor, Limits
from segue.core.provider import NO_KEY, Candidate, Key, ModelInfo, Provider, Target
from segue.core.signals import AttemptEnded, CallEnded, Signals
from segue.pipeline.order import compose
from segue.pipeline.parts import Gate, Parts, Policy
from segue.resilience import BreakerOptions, HealthBook, State
from segue.routing.names import make_tier
from segue.routing.plan import Group
from segue.routing.strategies.priority import Priority
from segue.testing import CapturedSignals, ScriptedProvider, SeededChance, VirtualClock


def operation(nature: Nature = Nature.REPEATABLE, tokens: int = 0, stream: bool = False) -> Operation:
    return Operation(
        id="ask",
        family="test",
        nature=nature,
        request=str,
        answer=bytes,
        parse=lambda body: body,
        from_fields=lambda fields, text: fields,
        analyse=lambda request: Features(model="m", stream=stream, tokens=tokens),
    )


def provider(
    name: str,
    executor: Executor | None = None,
    *,
    keys: int = 0,
    models: tuple[ModelInfo, ...] = (),
    **more: Any,
) -> Provider:
    made = tuple(Key(f"key-{number}", f"secret-{name}-{number}") for number in range(1, keys + 1)) or (NO_KEY,)
    return Provider(
        name, "scripted", frozenset({"ask"}), executor or ScriptedProvider(), keys=made, models=models, **more
    )


class House:
    """A pipeline over tiers of targets.

    Args:
        tiers: for each tier its targets: a provider, or a provider with a model.
    """

    def __init__(
        self,
        *tiers: list[Provider | tuple[Provider, str]],
        policy: Policy | None = None,
        breaker: BreakerOptions | None = None,
        nature: Nature = Nature.REPEATABLE,
        gate: int = 1000,
        seed: int = 0,
        stream: bool = False,
        holds: Mapping[str, Hold] | None = None,
    ) -> None:
        self.clock = VirtualClock()
        self.chance = SeededChance(seed)
        self.signals = Signals()
        self.said = CapturedSignals(self.signals)
        self.health = HealthBook(self.signals)
        self.gate = Gate(gate)
        self.breaker = breaker or BreakerOptions()
        self.targets: dict[str, Target] = {}
        self.providers: dict[str, Provider] = {}
        compiled = tuple(
            make_tier(
                [self._target(one) for one in tier], lambda targets: Group(targets, Priority(targets, self.chance))
            )
            for tier in tiers
        )
        self.parts = Parts(
            operation(nature, stream=stream),
            policy or Policy(),
            lambda _name: compiled,
            self.clock,
            self.chance,
            self.signals,
            self.gate,
            holds or {},
        )
        self.run = compose(self.parts)
        self.calls = 0

    def _target(self, one: Provider | tuple[Provider, str]) -> Target:
        owner, model = one if isinstance(one, tuple) else (one, "")
        name = f"{owner.id}/{model}" if model else owner.id
        if name not in self.targets:
            self.providers[owner.id] = owner
            info = next((info for info in owner.models if info.id == model), None)
            candidates = tuple(
                Candidate(owner, model, key, self.health.guard(owner.id, model, key.label, self.breaker), info)
                for key in owner.keys
            )
            self.targets[name] = Target(owner, model, candidates)
        return self.targets[name]

    def call(self, **options: Any) -> Call:
        self.calls += 1
        return Call(
            id=f"call_{self.calls}",
            operation=self.parts.operation,
            request="?",
            started=self.clock.now(),
            started_wall=self.clock.wall(),
            options=CallOptions(**options) if options else None,
        )

    async def ask(self, **options: Any) -> tuple[Call, Outcome]:
        call = self.call(**options)
        return call, await self.run(call)

    def guard(self, name: str, key: int = 0) -> Any:
        return self.targets[name].candidates[key].guard

    def open_breaker(self, name: str, scope: str = "provider", key: int = 0) -> None:
        guard = self.guard(name, key)
        for _ in range(self.breaker.failures):
            guard.admit(self.clock.now()).fail(self.clock.now(), scope, "server_error")
        assert guard.blocked_until(self.clock.now()) is not None

    def assert_nothing_is_left(self) -> None:
        """No permit, count, stream, timer or task outlives the calls; each of them was told of once."""
        now = self.clock.now()
        assert self.gate.under_way == 0
        for one in self.providers.values():
            assert one.load.in_flight == 0
            if isinstance(one.executor, ScriptedProvider):
                assert one.executor.under_way == 0
        for target in self.targets.values():
            for candidate in target.candidates:
                for level in (candidate.guard.provider, candidate.guard.model, candidate.guard.key):
                    # A probe that nobody settled would keep its slot.
                    assert level is None or not level._probing
        assert asyncio.all_tasks() == {asyncio.current_task()}
        loop: Any = asyncio.get_running_loop()
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []
        ended = self.said.of(CallEnded)
        assert len(ended) == len({id(one.call) for one in ended})
        attempts = [attempt for one in ended for attempt in one.call.attempts]
        assert len(self.said.of(AttemptEnded)) == len(attempts)
        assert all(attempt.ended for attempt in attempts)
        assert now >= 0

    def state(self, name: str, key: int = 0) -> tuple[str, ...]:
        guard = self.guard(name, key)
        now = self.clock.now()
        return tuple(level.state(now).value for level in (guard.provider, guard.model, guard.key) if level is not None)


def who(call: Call) -> list[str]:
    """Who was asked, in order: `a/m#key-1`."""
    return [
        f"{attempt.candidate.name}#{attempt.candidate.key.label}"
        if attempt.candidate.key is not NO_KEY
        else attempt.candidate.name
        for attempt in call.attempts
    ]


QUICK = Limits(total=10.0, first_byte=5.0, first_content=10.0, idle=5.0, stream=100.0)
CLOSED = State.CLOSED.value
