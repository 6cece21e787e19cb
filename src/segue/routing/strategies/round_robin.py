"""Everyone in turn, whatever the weights."""

from collections.abc import Sequence

from segue.core.clock import Chance
from segue.core.features import Features
from segue.core.provider import Target


class RoundRobin:
    """The next target first, then those that follow it."""

    def __init__(self, targets: Sequence[Target], chance: Chance) -> None:
        self._targets = tuple(targets)
        # Many processes that start together should not all begin with the same provider.
        self._turn = int(chance.random() * len(self._targets))

    def order(self, features: Features, *, commit: bool) -> Sequence[Target]:  # noqa: ARG002 - the port's own shape
        """The targets, rotated by one with every call."""
        start = self._turn % len(self._targets)
        if commit:
            self._turn = start + 1
        return self._targets[start:] + self._targets[:start]


STRATEGY = RoundRobin
