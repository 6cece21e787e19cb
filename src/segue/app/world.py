"""What outlives a configuration: time, the network, health and counters.

A reload builds everything that a configuration describes anew, and nothing that was learnt: a broken provider must
not look well again because somebody corrected a typing error elsewhere in the file.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from segue.core.clock import Chance, Clock, SystemChance, SystemClock
from segue.core.ports import AdapterKind, Transport
from segue.core.provider import Load
from segue.core.signals import Signals
from segue.pipeline.parts import Gate
from segue.resilience.health import HealthBook

MOST_CONNECTIONS = 30_000
"""To one host and port: what one address of this machine has ports for; how many calls run is server.max_calls' say."""

Part = tuple[str, str]
"""A provider's id and a key's label; without a label, the provider itself."""


@dataclass(slots=True)
class World:
    """Shared by all snapshots of one Segue.

    Attributes:
        transport: the way to the network; `None` until the first provider needs it.
        adapters: adapters that a program gave to its own Segue; they hide installed ones.
        loads: how busy each provider is, by its id.
        workers: how many processes share every limit and know nothing of each other; each takes its part.
    """

    clock: Clock = field(default_factory=SystemClock)
    chance: Chance = field(default_factory=SystemChance)
    signals: Signals = field(default_factory=Signals)
    gate: Gate = field(default_factory=lambda: Gate(10_000))
    transport: Transport | None = None
    health: HealthBook = field(init=False)
    adapters: dict[str, AdapterKind] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    workers: int = 1
    _faces: dict[Part, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.health = HealthBook(self.signals, sharers=self.workers)

    def part_of(self, limit: int) -> int:
        """What this process may use of a limit that its workers share: 1/N, rounded up."""
        return -(-limit // self.workers)

    def network(self) -> Transport:
        """The transport, made when first needed: a library that calls nobody opens nothing."""
        if self.transport is None:
            from segue.backends.transport.routed import open_network

            self.transport = open_network(per_host=self.part_of(MOST_CONNECTIONS), clock=self.clock)
        return self.transport

    def settle(self, faces: Mapping[Part, bytes], loads: Mapping[str, Load]) -> None:
        """Take over what a configuration that was found good says of its providers.

        The health of a provider, or of a key of it, is forgotten when it is no longer configured, and when another one
        has taken its name.

        Args:
            faces: `face` of each provider's address, and of each key by its label.
            loads: of each provider.
        """
        for (provider_id, part), before in self._faces.items():
            if (provider_id, "") not in faces:
                self.health.forget(provider_id)
            elif faces.get((provider_id, part), before) != before:
                self.health.forget(provider_id, part or None)
        # A key that is gone may come back at its old place, and then is known by its face.
        kept = {part: face for part, face in self._faces.items() if (part[0], "") in faces}
        self._faces = {**kept, **faces}
        self.loads.clear()
        self.loads.update(loads)


def face(what: str) -> bytes:
    """What is kept of an address or a secret to know it again: its hash."""
    return hashlib.blake2b(what.encode(), digest_size=16).digest()
