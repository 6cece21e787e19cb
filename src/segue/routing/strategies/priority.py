"""By priority alone; equals share the traffic in proportion to their weights.

Groups of equal priority are formed before a strategy is asked, so what is left here is to share. The smooth weighted
round robin of nginx (commit 52327e0, 2012) spreads weights 5, 1, 1 as a a b a c a a, not as five in a row: at every
turn each target gains its weight, the richest is chosen and pays the sum of all.
"""

from collections.abc import Sequence

from segue.core.clock import Chance
from segue.core.features import Features
from segue.core.provider import Target


class Priority:
    """Smooth weighted round robin."""

    def __init__(self, targets: Sequence[Target], chance: Chance) -> None:  # noqa: ARG002 - the port's own shape
        self._targets = tuple(targets)
        self._weights = tuple(target.provider.weight for target in targets)
        self._sum = sum(self._weights)
        self._credit = [0] * len(self._targets)

    def order(self, features: Features, *, commit: bool) -> Sequence[Target]:  # noqa: ARG002 - the port's own shape
        """The target whose turn it is, then the others by the credit that they have left."""
        if len(self._targets) == 1:
            return self._targets
        credit = [have + weight for have, weight in zip(self._credit, self._weights, strict=True)]
        ranked = sorted(range(len(credit)), key=lambda index: -credit[index])
        if commit:
            credit[ranked[0]] -= self._sum
            self._credit = credit
        return tuple(self._targets[index] for index in ranked)


STRATEGY = Priority
