"""Two kinds of money that must never be mixed.

A payment moves whole minor units of a currency and is a legal fact; the price of 37 tokens is a fraction of a
millionth and is a measurement. Floats lose cents, and one type for both invites adding them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class Money:
    """An amount that is paid: integer minor units (cents, yen, thousandths of a dinar) and an ISO 4217 code."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost us: integer billionths of one unit of `currency` (1 USD = 1_000_000_000).

    Attributes:
        lacks: what was used, is billed beside the rest, and has no known price (`web_search`): the amount is without
            it, and says so wherever it is written.
    """

    billionths: int
    currency: str = "USD"
    lacks: tuple[str, ...] = ()

    def __add__(self, other: "Cost") -> "Cost":
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency} without a rate of exchange")
        lacks = tuple(dict.fromkeys((*self.lacks, *other.lacks)))
        return Cost(self.billionths + other.billionths, self.currency, lacks)

    def __str__(self) -> str:
        whole, rest = divmod(abs(self.billionths), 1_000_000_000)
        digits = f"{rest:09d}".rstrip("0").ljust(2, "0")
        amount = f"{'-' if self.billionths < 0 else ''}{whole}.{digits} {self.currency}"
        return f"{amount} without {', '.join(self.lacks)}" if self.lacks else amount


class CostItem(msgspec.Struct, frozen=True, gc=False):
    """One line of a bill.

    Attributes:
        name: what was bought: `input`, `cached_input`, `cache_write`, `cache_write_1h`, `audio_input`, `image_input`,
            `output`, `audio_output`, `image_output`, `audio_seconds`, `characters`, `pictures`, `requests`,
            `web_search` or `file_search`; `billed` where the vendor told the sum.
        quantity: tokens, seconds, characters, pictures, requests or searches.
        price: billionths of the currency for a million of them.
        billionths: quantity times price, rounded half to even.
    """

    name: str
    quantity: int
    price: int
    billionths: int


class Charge(msgspec.Struct, frozen=True):
    """What one attempt cost, and how that is known.

    Attributes:
        cost: the sum of the items, in the currency of the bill.
        source, date: where the price comes from, and of which day (`2026-11-20`) it is.
        estimated: whether the quantities are our estimate, because the provider did not tell them.
        dollars: the cost in dollars where it is in another currency and a rate is known.
        exchange: that rate's day and source.
    """

    cost: Cost
    items: tuple[CostItem, ...]
    source: str
    date: str
    estimated: bool = False
    dollars: Cost | None = None
    exchange: str = ""


def total_of(charges: Sequence[Charge]) -> Cost | None:
    """The sum, in the currency that all share, else in dollars; `None` of nothing, and where a rate is missing."""
    costs = [charge.cost for charge in charges]
    if len({cost.currency for cost in costs}) > 1:
        in_dollars = [charge.cost if charge.cost.currency == "USD" else charge.dollars for charge in charges]
        costs = [cost for cost in in_dollars if cost is not None]
        if len(costs) < len(charges):
            return None
    return sum(costs[1:], costs[0]) if costs else None
