"""A running Segue: the snapshot in force, and everything that changes it.

The service and the library are two faces of this one object. Every change (a reload, a provider registered, disabled
or removed at run time) goes the same way: new settings are laid out, a snapshot is built from them, and only when that
has worked is it put in force.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from segue.app.candidates import offers_of
from segue.app.catalogue import ADAPTERS, STRATEGIES, every_operation, family_names, operations
from segue.app.facts import ModelFacts
from segue.app.snapshot import Snapshot, adapter_of, build
from segue.app.world import World
from segue.config.known import Known
from segue.config.load import Loaded, parse_settings
from segue.config.models import Provider as ProviderSettings
from segue.config.models import Settings
from segue.core.call import ANYONE, Call, Caller, CallOptions
from segue.core.errors import ConfigError, UnknownOperation
from segue.core.operation import Operation
from segue.core.outcome import Outcome
from segue.core.ports import AdapterKind, ProviderSpec
from segue.core.registry import UnknownId
from segue.core.selection import Offer
from segue.core.signals import ConfigurationChanged


@dataclass(slots=True)
class Changes:
    """What was changed at run time, laid over every configuration that is loaded from then on."""

    registered: dict[str, ProviderSettings] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    enabled: dict[str, bool] = field(default_factory=dict)


class Engine:
    """Serves calls from the snapshot in force.

    Attributes:
        world: what outlives configurations.
        problems: why the last configuration was refused; empty when the last one is in force.
        warnings: what the configuration in force allows and probably does not mean.
    """

    def __init__(self, settings: Settings, world: World | None = None, *, warnings: tuple[str, ...] = ()) -> None:
        self.world = world or World()
        self.problems: tuple[str, ...] = ()
        self.warnings = warnings
        self._base = settings
        self._changes = Changes()
        self.world.gate.limit = self.world.part_of(settings.server.max_calls)
        self._snapshot = build(settings, self.world, 1)

    @property
    def snapshot(self) -> Snapshot:
        """The version in force."""
        return self._snapshot

    def call(
        self,
        operation: Operation,
        request: Any,
        *,
        caller: Caller = ANYONE,
        options: CallOptions | None = None,
        surface: str = "library",
    ) -> Call:
        """A new call, not yet under way."""
        world = self.world
        return Call(
            id=world.chance.new_id("call_"),
            operation=operation,
            request=request,
            started=world.clock.now(),
            started_wall=world.clock.wall(),
            caller=caller,
            options=options,
            surface=surface,
        )

    def run(self, call: Call) -> Awaitable[Outcome]:
        """Send a call down the pipeline of its operation, in the snapshot that is in force now."""
        return self._snapshot.lines[call.operation.id].run(call)

    def operation(self, name: str) -> Operation:
        """The operation of this id.

        Raises:
            UnknownOperation: with the ids that there are.
        """
        found = operations().get(name)
        if found is None:
            raise UnknownOperation(f"unknown operation {name[:100]!r}: there are {', '.join(sorted(operations()))}")
        return found

    def reload(self, read: Callable[[], Loaded]) -> bool:
        """Put a new configuration in force, or keep the old one and say why.

        Args:
            read: reads and checks it; raises `ConfigError` when it cannot be used.
        """
        try:
            loaded = read()
            self._put_in_force(loaded.settings, self._changes)
        except ConfigError as error:
            return self._refused(error.problems)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new configuration, the old one goes on
            # The text of a stranger's exception may quote what it read, secrets included; a file's error does not.
            why = str(error) if isinstance(error, OSError) else type(error).__name__
            return self._refused((f"the configuration cannot be read: {why}",))
        self._base = loaded.settings
        self.warnings = loaded.warnings
        self.problems = ()
        self.world.signals.emit(ConfigurationChanged(self._snapshot.version, accepted=True))
        return True

    def _refused(self, problems: tuple[str, ...]) -> bool:
        self.problems = problems
        self.world.signals.emit(ConfigurationChanged(self._snapshot.version, accepted=False, problems=problems))
        return False

    def register(
        self,
        provider_id: str,
        adapter: str | AdapterKind,
        values: Mapping[str, Any],
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Add a provider, or replace one of the same id. Calls under way are not touched.

        Args:
            provider_id: its name.
            adapter: the id of an adapter, or one of the program's own.
            values: what stands under a provider in the configuration.
            environ: the variables for `${NAME}`; none when absent, since not everybody who may register a provider
                may read the environment.

        Raises:
            ConfigError: a value is wrong; nothing has changed.
        """
        adapters = self.world.adapters
        before = dict(adapters)
        if not isinstance(adapter, str):
            adapters[adapter.id] = adapter
            adapter = adapter.id
        try:
            wanted = {"providers": {provider_id: {"adapter": adapter, **values}}}
            loaded = parse_settings(wanted, known(self.world), environ=environ)
            changes = self._copied_changes()
            changes.registered[provider_id] = loaded.settings.providers[provider_id]
            changes.removed.discard(provider_id)
            changes.enabled.pop(provider_id, None)
            self._change(changes)
        except BaseException:
            adapters.clear()
            adapters.update(before)
            raise

    def remove(self, provider_id: str) -> None:
        """Take a provider out: new calls do not see it, calls under way finish.

        Raises:
            ConfigError: there is no such provider.
        """
        self._must_exist(provider_id)
        changes = self._copied_changes()
        changes.registered.pop(provider_id, None)
        changes.enabled.pop(provider_id, None)
        if provider_id in self._base.providers:  # else there is nothing to hide, and the list would grow for ever
            changes.removed.add(provider_id)
        self._change(changes)

    def enable(self, provider_id: str, *, enabled: bool = True) -> None:
        """Let a provider take part, or not, from the next call on.

        Raises:
            ConfigError: there is no such provider.
        """
        self._must_exist(provider_id)
        changes = self._copied_changes()
        changes.enabled[provider_id] = enabled
        self._change(changes)

    def _must_exist(self, provider_id: str) -> None:
        if provider_id not in self._snapshot.providers:
            there_are = ", ".join(self._snapshot.providers) or "none"
            raise ConfigError([f"unknown provider {provider_id!r}: there are {there_are}"])

    def _copied_changes(self) -> Changes:
        now = self._changes
        return Changes(dict(now.registered), set(now.removed), dict(now.enabled))

    def _change(self, changes: Changes) -> None:
        self._put_in_force(self._base, changes)
        self._changes = changes
        self.world.signals.emit(ConfigurationChanged(self._snapshot.version, accepted=True))

    def _put_in_force(self, base: Settings, changes: Changes) -> None:
        providers = {**base.providers, **changes.registered}
        for gone in changes.removed:
            providers.pop(gone, None)
        for provider_id, enabled in changes.enabled.items():
            if provider_id in providers:
                providers[provider_id] = _with_enabled(providers[provider_id], enabled=enabled)
        settings = base.model_copy(update={"providers": providers})
        self._snapshot = build(settings, self.world, self._snapshot.version + 1)
        self.world.gate.limit = self.world.part_of(settings.server.max_calls)


def known(world: World | None = None) -> Known:
    """The names that a configuration may use in this installation."""
    own = world.adapters if world is not None else {}

    def options(adapter: str) -> Any:
        return getattr(own.get(adapter) or ADAPTERS.get(adapter), "options", None)

    def needs_key(adapter: str) -> bool:
        try:
            return adapter_of(adapter, world).needs_key if world is not None else ADAPTERS.get(adapter).needs_key
        except UnknownId:
            return False

    def offers(provider_id: str, wanted: ProviderSettings) -> Sequence[Offer]:
        kind = own.get(wanted.adapter) or ADAPTERS.get(wanted.adapter)
        spec = ProviderSpec(provider_id, wanted.adapter, wanted.base_url, wanted.allow_private_network, wanted.options)
        return offers_of(provider_id, wanted, kind.build(spec), kind.models, ModelFacts(Settings(), world or World()))

    return Known(
        adapters=lambda: sorted({*own, *ADAPTERS.ids()}),
        adapter_options=options,
        strategies=STRATEGIES.ids(),
        operations=sorted(every_operation()),
        families=family_names(),
        needs_key=needs_key,
        offers=offers,
    )


def _with_enabled(provider: ProviderSettings, *, enabled: bool) -> ProviderSettings:
    return provider.model_copy(update={"enabled": enabled})
