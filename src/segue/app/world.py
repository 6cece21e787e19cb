"""What outlives a configuration: time, the network, health and counters.

A reload builds everything that a configuration describes anew, and nothing that was learnt: a broken provider must
not look well again because somebody corrected a typing error elsewhere in the file.
"""

import hashlib
from dataclasses import dataclass, field

from segue.core.clock import Chance, Clock, SystemChance, SystemClock
from segue.core.ports import AdapterKind, Transport
from segue.core.provider import Load
from segue.core.signals import Signals
from segue.pipeline.parts import Gate
from segue.resilience.health import HealthBook


@dataclass(slots=True)
class World:
    """Shared by all snapshots of one Segue.

    Attributes:
        transport: the way to the network; `None` until the first provider needs it.
        adapters: adapters that a program gave to its own Segue; they hide installed ones.
        loads: how busy each provider is, by its id.
    """

    clock: Clock = field(default_factory=SystemClock)
    chance: Chance = field(default_factory=SystemChance)
    signals: Signals = field(default_factory=Signals)
    gate: Gate = field(default_factory=lambda: Gate(10_000))
    transport: Transport | None = None
    health: HealthBook = field(init=False)
    adapters: dict[str, AdapterKind] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    _faces: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.health = HealthBook(self.signals)

    def network(self) -> Transport:
        """The transport, made when first needed: a library that calls nobody opens nothing."""
        if self.transport is None:
            from segue.backends.transport.aiohttp_transport import AiohttpTransport

            self.transport = AiohttpTransport(per_host=0)
        return self.transport

    def load_of(self, provider_id: str) -> Load:
        """How busy a provider is; the same object in every snapshot."""
        return self.loads.setdefault(provider_id, Load())

    def remember(self, provider_id: str, part: str, what: str) -> None:
        """Forget the health of a provider, or of a key of it, when another one has taken its name.

        Args:
            provider_id: the provider.
            part: the key's label; empty for the provider's own address.
            what: address or secret; only its hash is kept.
        """
        face = hashlib.blake2b(what.encode(), digest_size=16).digest()
        before = self._faces.get((provider_id, part))
        self._faces[provider_id, part] = face
        if before is not None and before != face:
            if part:
                self.health.forget(provider_id, part)
            else:
                self.health.forget(provider_id)

    def keep_only(self, provider_ids: set[str]) -> None:
        """Drop what belonged to providers that are no longer configured."""
        for gone in {provider_id for provider_id, _ in self._faces} - provider_ids:
            self.health.forget(gone)
            self.loads.pop(gone, None)
            for face in [face for face in self._faces if face[0] == gone]:
                del self._faces[face]
