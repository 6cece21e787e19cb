"""Everything that a configuration describes, compiled and immutable.

A call takes the snapshot that is in force when it arrives and keeps it to its end. So a reload is one assignment: new
calls see the new world, old ones finish in the old, and no lock is held on the way of a call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from segue.app.catalogue import ADAPTERS, STRATEGIES, operations
from segue.app.world import World
from segue.config.models import Provider as ProviderSettings
from segue.config.models import Settings
from segue.config.policy import ResolvedPolicy, resolve_policy
from segue.core.operation import Operation
from segue.core.ports import AdapterKind, Executor, ProviderSpec
from segue.core.provider import NO_KEY, Candidate, Key, ModelInfo, Provider, Target
from segue.pipeline.order import compose
from segue.pipeline.parts import CallHandler, Parts, Policy
from segue.pipeline.wire import WireExecutor
from segue.resilience.breaker import BreakerOptions
from segue.routing.names import Names, make_tier
from segue.routing.plan import Group, Tier, Tiers


@dataclass(frozen=True, slots=True)
class Line:
    """One operation in one snapshot: its parts, and the pipeline that was composed of them."""

    parts: Parts
    run: CallHandler
    names: Names | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the configuration, ready to serve calls.

    Attributes:
        version: counts up from 1 with every change.
        providers: by id, in the order of the configuration.
        lines: by the operation's id; every operation of the installation has one.
    """

    version: int
    settings: Settings
    providers: Mapping[str, Provider]
    lines: Mapping[str, Line]


def build(settings: Settings, world: World, version: int) -> Snapshot:
    """Compile a configuration. Nothing of the running one changes if this raises."""
    policies = {
        operation.id: resolve_policy(settings.policies, operation.id, operation.family)
        for operation in operations().values()
    }
    providers = {
        provider_id: _provider(provider_id, wanted, world) for provider_id, wanted in settings.providers.items()
    }
    lines = {
        operation.id: _line(operation, policies[operation.id], settings, list(providers.values()), world)
        for operation in operations().values()
    }
    world.keep_only(set(providers))
    return Snapshot(version, settings, providers, lines)


def adapter_of(name: str, world: World) -> AdapterKind:
    """The adapter of this id; the program's own ones first."""
    return world.adapters.get(name) or ADAPTERS.get(name)


def _provider(provider_id: str, wanted: ProviderSettings, world: World) -> Provider:
    kind = adapter_of(wanted.adapter, world)
    secrets = [secret.get_secret_value() for secret in wanted.all_keys]
    keys = tuple(Key(f"key-{number}", secret) for number, secret in enumerate(secrets, start=1)) or (NO_KEY,)
    world.remember(provider_id, "", f"{wanted.adapter} {wanted.base_url}")
    for key in keys:
        world.remember(provider_id, key.label, key.secret)
    spec = ProviderSpec(provider_id, wanted.adapter, wanted.base_url, wanted.allow_private_network, wanted.options)
    built = kind.build(spec)
    executor: Executor
    if hasattr(built, "execute"):
        executor = cast("Executor", built)
    else:
        executor = WireExecutor(built, world.network(), world.clock)
    listed = wanted.listed
    if listed is None:
        models = tuple(ModelInfo(name) for name in kind.models)
    else:
        models = tuple(ModelInfo(name, info.context, frozenset(info.capabilities)) for name, info in listed.items())
    return Provider(
        id=provider_id,
        adapter=wanted.adapter,
        operations=frozenset(kind.operations),
        executor=executor,
        keys=keys,
        models=models,
        # A vendor without a catalogue takes any name: nobody here can know better.
        wildcard=wanted.wildcard or (listed is None and not kind.models),
        catch_all=wanted.catch_all,
        priority=wanted.priority,
        weight=wanted.weight,
        enabled=wanted.enabled,
        load=world.load_of(provider_id),
    )


def _line(
    operation: Operation, policy: ResolvedPolicy, settings: Settings, providers: Sequence[Provider], world: World
) -> Line:
    serving = [provider for provider in providers if operation.id in provider.operations]
    strategy = STRATEGIES.get(policy.strategy)
    numbers = policy.breaker
    limits = policy.timeouts
    options = BreakerOptions(
        failures=numbers.failures,
        rate=numbers.rate,
        window=numbers.window,
        min_calls=numbers.min_calls,
        open_for=numbers.open_for,
        successes=numbers.successes,
        # A probe may be a stream that lives long after it has shown that the provider is well.
        lease=max(limits.total, limits.first_content, limits.stream) + 10.0,
    )

    def target(provider: Provider, model: str) -> Target:
        info = next((info for info in provider.models if info.id == model), None)
        candidates = tuple(
            Candidate(provider, model, key, world.health.guard(provider.id, model, key.label, options), info)
            for key in provider.keys
        )
        return Target(provider, model, candidates)

    def group(targets: Sequence[Target]) -> Group:
        return Group(targets, strategy(targets, world.chance))

    def tier(targets: Sequence[Target]) -> Tier:
        return make_tier(targets, group)

    names = Names(serving, settings.models, target, tier) if operation.by_model else None
    everyone: Tiers = ()
    if names is None and serving:
        everyone = (tier([target(provider, "") for provider in serving]),)
    parts = Parts(
        operation=operation,
        policy=Policy(policy.strategy, policy.retries, policy.max_attempts, policy.deadline, limits),
        resolve=names.resolve if names is not None else lambda _name: everyone,
        clock=world.clock,
        chance=world.chance,
        signals=world.signals,
        gate=world.gate,
    )
    return Line(parts, compose(parts), names)
