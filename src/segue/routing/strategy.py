"""The shape of a strategy, and where strategies are found.

Tiers and the providers' priorities come first; a strategy puts only those in order that are equals after that. It
gives an order, not a winner: whoever comes second is whom a failover asks next.
"""

from collections.abc import Sequence
from typing import Protocol

from segue.core.clock import Chance
from segue.core.features import Features
from segue.core.provider import Target
from segue.core.registry import Registry


class Strategy(Protocol):
    """Orders one group of targets. An instance belongs to one group and may keep state for it."""

    def order(self, features: Features, *, commit: bool) -> Sequence[Target]:
        """The targets, the one to ask first in front.

        Args:
            features: what is known of the request.
            commit: False when somebody only wants to know: then nothing may change.
        """
        ...


class StrategyKind(Protocol):
    """Makes the strategy for one group: usually the strategy's class itself."""

    def __call__(self, targets: Sequence[Target], chance: Chance) -> Strategy:
        """A strategy for these targets; there is at least one."""
        ...


STRATEGIES: Registry[StrategyKind] = Registry(
    "strategy", packages=("segue.routing.strategies",), attribute="STRATEGY", group="segue.strategies"
)
