"""Dice that fall the same way every time."""

import random


class SeededChance:
    """A `segue.core.clock.Chance` that is decided by its seed; identifiers are counted.

    Args:
        seed: the same seed gives the same numbers, on every machine.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - predictable on purpose
        self._made = 0

    def random(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def new_id(self, prefix: str) -> str:
        """`prefix` and how many identifiers were made so far, from 1, in 16 digits."""
        self._made += 1
        return f"{prefix}{self._made:016d}"
