"""What other currencies are worth in dollars, for vendors that bill in their own.

A rate of exchange is a fact of one day and one source, so it never changes a cost: a cost stays in the currency of its
bill, and its value in dollars stands beside it with the day and the source of the rate. The few that are built in
(`BUILT_IN`) are those of vendors whose prices are, too; they go stale, which their day tells, and `prices.exchange` of
the configuration goes before them. Without a rate a cost is told in its own currency alone.
"""

from collections.abc import Mapping
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
        return Cost(half_even(cost.billionths * self.rate, BILLION), DOLLAR, cost.lacks)


def _told_of_a_dollar(currency: str, price: int, date: str, source: str) -> Exchange:
    """The rate of a currency of which a dollar costs `price` billionths of a unit."""
    return Exchange(currency, half_even(BILLION * BILLION, price), date, source)


BUILT_IN: Final[Mapping[str, Exchange]] = {
    # The official rate of that day, cbr.ru/scripts/XML_daily.asp?date_req=02/10/2026: 83.2454 rubles for a dollar.
    "RUB": _told_of_a_dollar("RUB", 83_245_400_000, "2026-10-02", "cbr.ru"),
}
