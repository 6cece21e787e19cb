"""Everything that a configuration describes, compiled and immutable.

A call takes the snapshot that is in force when it arrives and keeps it to its end. So a reload is one assignment: new
calls see the new world, old ones finish in the old, and no lock is held on the way of a call.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import cast

from segue.app.candidates import Candidates, offers_of, shaped
from segue.app.catalogue import ADAPTERS, STRATEGIES, every_operation
from segue.app.facts import ModelFacts
from segue.app.world import Part, World, face
from segue.config.models import Provider as ProviderSettings
from segue.config.models import Settings
from segue.config.policy import ResolvedPolicy, resolve_policy
from segue.core.errors import ConfigError
from segue.core.failure import TREATMENTS, Kind, Next, Treatment
from segue.core.fetching import Fetcher
from segue.core.operation import Operation
from segue.core.ports import AdapterKind, Executor, ProviderSpec, WireAdapter
from segue.core.provider import NO_KEY, Guard, Key, Load, Provider, Target
from segue.core.selection import Offer, Selector, expand, expand_tiers
from segue.core.signals import Signals
from segue.pipeline.fetching import FetchRules, HttpFetcher
from segue.pipeline.order import compose
from segue.pipeline.parts import CallHandler, Parts, Policy, no_alternatives
from segue.pipeline.wire import WireExecutor
from segue.resilience.breaker import BreakerOptions
from segue.resilience.health import HealthBook
from segue.routing.names import Names, make_tier
from segue.routing.plan import Group, Tier, Tiers


@dataclass(frozen=True, slots=True)
class Line:
    """One operation in one snapshot: its parts, and the pipeline that was composed of them.

    Attributes:
        chosen: for each alias the selectors that chose its targets, by the targets' names.
    """

    parts: Parts
    run: CallHandler
    names: Names | None
    chosen: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the configuration, ready to serve calls.

    Attributes:
        version: counts up from 1 with every change.
        providers: by id, in the order of the configuration.
        lines: by the operation's id; every operation of the installation has one.
        forwarded: headers of clients that some provider may see, in lower case; usually none.
    """

    version: int
    settings: Settings
    providers: Mapping[str, Provider]
    lines: Mapping[str, Line]
    forwarded: frozenset[bytes] = frozenset()


def build(settings: Settings, world: World, version: int) -> Snapshot:
    """Compile a configuration.

    Raises:
        ConfigError: it cannot be used. Nothing of the running one has changed: health and counters least of all.
    """
    policies = {
        operation.id: resolve_policy(settings.policies, operation.id, operation.family)
        for operation in every_operation().values()
    }
    facts = ModelFacts(settings, world)
    faces: dict[Part, bytes] = {}
    fetcher = _fetcher(settings, world)
    providers: dict[str, Provider] = {}
    adapters: dict[str, WireAdapter | Executor] = {}
    for provider_id, wanted in settings.providers.items():
        with _blamed(f"providers.{provider_id}: adapter {wanted.adapter!r}"):
            adapters[provider_id] = adapter = _adapter(provider_id, wanted, world, fetches=fetcher is not None)
            providers[provider_id] = provider = _provider(provider_id, wanted, adapter, world, facts, fetcher)
        faces[provider_id, ""] = face(f"{wanted.adapter} {wanted.base_url}")
        faces |= {(provider_id, key.label): face(key.secret) for key in provider.keys}

    aliases = _expanded(settings, adapters, world, facts)
    numbers = _breakers(providers.values(), policies)

    def lines(health: HealthBook) -> dict[str, Line]:
        compiled = {}
        for operation in every_operation().values():
            policy = policies[operation.id]
            with _blamed(f"policies: {operation.id}: strategy {policy.strategy!r}"):
                compiled[operation.id] = _line(
                    operation,
                    policy,
                    settings,
                    list(providers.values()),
                    world,
                    health,
                    Candidates(settings, adapters, operation.id, facts),
                    aliases,
                    numbers,
                )
        return compiled

    if version > 1:
        # A rehearsal on a book that nobody reads: guards of the real one would change breakers that are in force.
        lines(HealthBook(Signals()))
    world.settle(faces, {provider_id: provider.load for provider_id, provider in providers.items()})
    forwarded = frozenset(name.encode() for wanted in settings.providers.values() for name in wanted.forward_headers)
    return Snapshot(version, settings, providers, lines(world.health), forwarded)


@contextmanager
def _blamed(where: str) -> Iterator[None]:
    """Turn what a plugin raises into a problem of the configuration, with its place."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError([f"{where}: {type(error).__name__}: {error}"]) from error


def adapter_of(name: str, world: World) -> AdapterKind:
    """The adapter of this id; the program's own ones first."""
    return world.adapters.get(name) or ADAPTERS.get(name)


@dataclass(frozen=True, slots=True)
class Chosen:
    """An alias after its selectors were expanded: tiers of names, and which selector chose a name."""

    tiers: tuple[tuple[str, ...], ...]
    reasons: Mapping[str, str]


def _expanded(
    settings: Settings, adapters: Mapping[str, WireAdapter | Executor], world: World, facts: ModelFacts
) -> Mapping[str, Chosen]:
    selectors = {
        name: [wanted for tier in alias.tiers for wanted in tier if isinstance(wanted, Selector)]
        for name, alias in settings.models.items()
    }
    offers: list[Offer] = []
    if any(selectors.values()):
        for provider_id, wanted in settings.providers.items():
            catalogue = adapter_of(wanted.adapter, world).models
            offers += offers_of(provider_id, wanted, adapters[provider_id], catalogue, facts)
    chosen = {}
    for name, alias in settings.models.items():
        reasons: dict[str, str] = {}
        for selector in selectors[name]:
            for target in expand(selector, offers):
                reasons.setdefault(target, str(selector))
        chosen[name] = Chosen(expand_tiers(alias.tiers, offers), reasons)
    return chosen


def _adapter(provider_id: str, wanted: ProviderSettings, world: World, *, fetches: bool) -> WireAdapter | Executor:
    private = wanted.allow_private_network
    spec = ProviderSpec(provider_id, wanted.adapter, wanted.base_url, private, wanted.options, fetches=fetches)
    return adapter_of(wanted.adapter, world).build(spec)


def _fetcher(settings: Settings, world: World) -> Fetcher | None:
    """What fetches for all providers; `None` where nothing is fetched."""
    fetch = settings.server.fetching
    if not fetch.enabled or not settings.providers:
        return None
    return HttpFetcher(world.network(), FetchRules(fetch.allow_private_network, fetch.proxy, fetch.timeout, fetch.size))


def _provider(
    provider_id: str,
    wanted: ProviderSettings,
    built: WireAdapter | Executor,
    world: World,
    facts: ModelFacts,
    fetcher: Fetcher | None,
) -> Provider:
    kind = adapter_of(wanted.adapter, world)
    secrets = [secret.get_secret_value() for secret in wanted.all_keys]
    keys = tuple(Key(f"key-{number}", secret) for number, secret in enumerate(secrets, start=1)) or (NO_KEY,)
    executor: Executor
    if hasattr(built, "execute"):
        executor = cast("Executor", built)
    else:
        executor = WireExecutor(shaped(built, wanted), world.network(), world.clock, fetcher)
    listed = wanted.listed
    models = tuple(facts.info(provider_id, wanted, name) for name in (kind.models if listed is None else listed))
    return Provider(
        id=provider_id,
        adapter=wanted.adapter,
        operations=frozenset(kind.operations).union(getattr(built, "codecs", ())),
        executor=executor,
        keys=keys,
        models=models,
        # A vendor without a catalogue takes any name: nobody here can know better.
        wildcard=wanted.wildcard or (listed is None and not kind.models),
        catch_all=wanted.catch_all,
        priority=wanted.priority,
        weight=wanted.weight,
        enabled=wanted.enabled,
        load=world.loads.get(provider_id) or Load(),
    )


def _breakers(providers: Iterable[Provider], policies: Mapping[str, ResolvedPolicy]) -> Mapping[str, BreakerOptions]:
    """The numbers of each provider's breakers, by its id.

    A provider has one set of breakers, whatever it is asked for; the policy of its principal operation (the first that
    its family lists: of language models `chat`) says when they open.
    """
    found: dict[str, BreakerOptions] = {}
    for provider in providers:
        policy = next((policy for name, policy in policies.items() if name in provider.operations), None)
        if policy is None:
            continue
        limits, numbers = policy.timeouts, policy.breaker
        found[provider.id] = BreakerOptions(
            failures=numbers.failures,
            rate=numbers.rate,
            window=numbers.window,
            min_calls=numbers.min_calls,
            open_for=numbers.open_for,
            successes=numbers.successes,
            # Longer than a probe can take to find out: a stream has done so with its first content.
            lease=max(limits.total, limits.first_byte, limits.first_content) + 10.0,
        )
    return found


def _line(
    operation: Operation,
    policy: ResolvedPolicy,
    settings: Settings,
    providers: Sequence[Provider],
    world: World,
    health: HealthBook,
    candidates: Candidates,
    aliases: Mapping[str, Chosen],
    breakers: Mapping[str, BreakerOptions],
) -> Line:
    serving = [provider for provider in providers if operation.id in provider.operations]
    strategy = STRATEGIES.get(policy.strategy)
    limits = policy.timeouts

    def guard(provider: str, model: str, key: str) -> Guard:
        return health.guard(provider, model, key, breakers[provider])

    def target(provider: Provider, model: str) -> Target:
        return Target(provider, model, candidates.of(provider, model, guard))

    def group(targets: Sequence[Target]) -> Group:
        return Group(targets, strategy(targets, world.chance))

    def tier(targets: Sequence[Target]) -> Tier:
        return make_tier(targets, group)

    tiers = {name: chosen.tiers for name, chosen in aliases.items()}
    names = Names(serving, tiers, target, tier) if operation.by_model else None
    everyone: Tiers = ()
    if names is None and serving:
        everyone = (tier([target(provider, "") for provider in serving]),)
    parts = Parts(
        operation=operation,
        policy=Policy(
            policy.strategy,
            policy.retries,
            policy.max_attempts,
            policy.deadline,
            limits,
            policy.hold,
            _treatments(policy.on_failure),
            policy.on_cut,
        ),
        resolve=names.resolve if names is not None else lambda _name: everyone,
        clock=world.clock,
        chance=world.chance,
        signals=world.signals,
        gate=world.gate,
        alternatives=names.able if names is not None else no_alternatives,
        holds={name: alias.hold for name, alias in settings.models.items() if alias.hold is not None},
        on_cuts={name: alias.on_cut for name, alias in settings.models.items() if alias.on_cut is not None},
    )
    return Line(parts, compose(parts), names, {name: chosen.reasons for name, chosen in aliases.items()})


def _treatments(on_failure: Mapping[str, str]) -> Mapping[Kind, Treatment]:
    """The default treatments with what the policy says of some kinds."""
    own = {Kind[name.upper()]: Next(step) for name, step in on_failure.items()}
    return {**TREATMENTS, **{kind: replace(TREATMENTS[kind], next=step) for kind, step in own.items()}}
