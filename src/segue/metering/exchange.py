"""What other currencies are worth in dollars, for vendors that bill in their own.

A rate of exchange is a fact of one day and one source, so it never changes a cost: a cost stays in the currency of its
bill, and its value in dollars stands beside it with the day and the source of the rate. No rates are built in: one that
was right when a release was made misleads a year later, so they stand under `prices.exchange` of the configuration, and
without one a cost is told in its own currency alone.
"""

from dataclasses import dataclass
from typing import Final

from segue.core.money import Cost
from segue.metering.rounding import BILLION, half_even

DOLLAR: Final = "USD"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one unit of a currency is worth.

    Attributes:
        currency: its ISO 4217 code.
        rate: billionths of a US dollar for one unit, above 0.
        date: the day of the rate, as `2026-11-20`.
        source: who published it.
    """

    currency: str
    rate: int
    date: str
    source: str

    def to_dollars(self, cost: Cost) -> Cost:
        """The same value in dollars, rounded half to even.

        Raises:
            ValueError: the cost is in another currency.
        """
        if cost.currency != self.currency:
            raise ValueError(f"a rate for {self.currency} says nothing of {cost.currency}")
        return Cost(half_even(cost.billionths * self.rate, BILLION), DOLLAR)
