"""Prices of the user's own: from what stands in a configuration to what can be multiplied."""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from segue.config.pricing import ExchangeRate, ModelPrices, TokenPrices
from segue.metering.exchange import BUILT_IN, Exchange
from segue.metering.prices import EACH, Price, Rates, Step, Tariff, rates_of
from segue.metering.rounding import MILLION, billionths

SOURCE: Final = "configuration"

_TOKENS: Final = tuple(TokenPrices.model_fields)
_FEES: Final = EACH | {"character"}
"""What does not depend on how long a request is."""


def price_of(prices: ModelPrices, exchange: Mapping[str, Exchange]) -> Price:
    """A price as the configuration gives it.

    Args:
        prices: what was written.
        exchange: rates by currency; see `exchanges_of`.
    """
    fee = {name: amount for name in _FEES if (amount := getattr(prices, name)) is not None}
    standard = Tariff(
        rates_of({**_amounts(prices), **fee}),
        tuple(Step(int(above), _rates_above(rates, fee)) for above, rates in prices.above.items()),
    )
    return Price(
        standard=standard,
        tiers={tier: standard.times(factor) for tier, factor in (prices.service_tiers or {}).items()},
        currency=prices.currency,
        source=SOURCE,
        date=prices.date or "",
        exchange=exchange.get(prices.currency),
        pictures={
            "" if kind == "default" else kind: billionths(amount) * MILLION
            for kind, amount in (prices.pictures or {}).items()
        },
    )


def exchanges_of(rates: Mapping[str, ExchangeRate]) -> Mapping[str, Exchange]:
    """Rates of exchange by currency: those of the configuration, and for others the built-in ones."""
    given = {
        currency: Exchange(currency, billionths(one.rate), one.date, one.source) for currency, one in rates.items()
    }
    return {**BUILT_IN, **given}


def with_exchange(price: Price, exchange: Mapping[str, Exchange]) -> Price:
    """A price of the price list that knows what its currency is worth, where that is known."""
    rate = exchange.get(price.currency)
    if rate is None:
        return price
    later = price.later and with_exchange(price.later, exchange)
    return replace(price, exchange=rate, later=later)


class Overrides:
    """Prices by patterns of `provider/model`; of those that fit the longest counts."""

    def __init__(self, prices: Mapping[str, Price]) -> None:
        longest_first = sorted(prices, key=lambda pattern: (-len(pattern.replace("*", "")), pattern))
        self._exact = {pattern: prices[pattern] for pattern in longest_first if "*" not in pattern}
        self._patterns = [(_compiled(pattern), prices[pattern]) for pattern in longest_first if "*" in pattern]
        self.find = lru_cache(maxsize=16_384)(self._find)

    def _find(self, name: str) -> Price | None:
        """The price of `provider/model`, if one was given; remembered."""
        found = self._exact.get(name)
        if found is not None:
            return found
        return next((price for pattern, price in self._patterns if pattern.fullmatch(name)), None)


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def _amounts(prices: TokenPrices) -> dict[str, Decimal]:
    return {name: amount for name in _TOKENS if (amount := getattr(prices, name)) is not None}


def _rates_above(prices: TokenPrices, fee: Mapping[str, Decimal]) -> Rates:
    return rates_of({**_amounts(prices), **fee})
