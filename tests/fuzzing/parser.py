"""One parser in the table."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fuzzing.mutations import Breaker, Exchange
from fuzzing.reading import Try
from fuzzing.scale import SAMPLE


@dataclass(frozen=True)
class Parser:
    """One parser.

    Attributes:
        name: `format: what of it`.
        exchanges: what is broken for it.
        one: reads one broken exchange, asserts what must hold, and says in a word how it ended.
        sample: how many are read by `make test`.
        ends: words of which each must come up, so that nobody tests only refusals.
    """

    name: str
    exchanges: Sequence[Exchange]
    one: Try
    ends: tuple[str, ...] = ("read",)
    sample: int = SAMPLE

    @cached_property
    def breaker(self) -> Breaker:
        """What breaks its exchanges."""
        return Breaker(self.exchanges)

    def broken(self, seed: int) -> bytes:
        """The exchange of a seed."""
        return self.breaker.broken(random.Random(seed))

    def try_seed(self, seed: int) -> str:
        """Read one broken exchange."""
        dice = random.Random(seed)
        return self.one(self.breaker.broken(dice), dice)
