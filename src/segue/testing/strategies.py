"""What every strategy must keep to, as tests for whoever writes one.

class TestMine(StrategyContract):
    kind = MyStrategy
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from segue.core.features import Features
from segue.core.provider import Provider, Target
from segue.routing.strategy import Strategy, StrategyKind
from segue.testing.chance import SeededChance


def made_targets(*weights: int) -> tuple[Target, ...]:
    """Targets `a/m`, `b/m`, … with these weights, which nobody can ask."""
    nobody: Any = None
    return tuple(
        Target(Provider(chr(ord("a") + index), "scripted", frozenset({"chat"}), nobody, weight=weight), "m", ())
        for index, weight in enumerate(weights)
    )


class StrategyContract:
    """Inherit from this, and set `kind`."""

    kind: ClassVar[StrategyKind]

    def made(self, targets: Sequence[Target], seed: int = 0) -> Strategy:
        """A new strategy of this kind."""
        return type(self).kind(targets, SeededChance(seed))

    def test_every_target_is_in_the_order_once(self) -> None:
        """Whoever is left out can never be failed over to."""
        for number in range(1, 6):
            targets = made_targets(*range(1, number + 1))
            strategy = self.made(targets)
            for _ in range(20):
                order = strategy.order(Features(), commit=True)
                assert len(order) == number
                assert set(order) == set(targets)

    def test_looking_changes_nothing(self) -> None:
        """Else an explanation would move traffic."""
        targets = made_targets(5, 1, 1)
        looked, unlooked = self.made(targets, seed=7), self.made(targets, seed=7)
        for _ in range(20):
            seen = [tuple(looked.order(Features(), commit=False)) for _ in range(3)]
            done = tuple(looked.order(Features(), commit=True))
            assert done == tuple(unlooked.order(Features(), commit=True))
            assert len(set(seen)) == 1

    def test_nobody_is_starved(self) -> None:
        """In a hundred turns for each unit of weight everyone comes first at least once."""
        targets = made_targets(1, 2, 3)
        strategy = self.made(targets)
        assert {strategy.order(Features(), commit=True)[0] for _ in range(600)} == set(targets)

    def test_the_same_seed_gives_the_same_order(self) -> None:
        """A simulation must be repeatable."""
        targets = made_targets(3, 2, 1)
        one, other = self.made(targets, seed=3), self.made(targets, seed=3)
        for _ in range(50):
            assert tuple(one.order(Features(), commit=True)) == tuple(other.order(Features(), commit=True))
