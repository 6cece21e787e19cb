"""From what a call took to what it cost.

The commonest mistake of gateways is to bill cached tokens twice, or not at all: some vendors count them within the
input, some beside it. Here every format has translated its vendor's count into one convention before (see
`segue.core.outcome.Usage`), and the input is divided up once: each token stands in exactly one item.

    cost = sum over items of round_half_even(quantity * price / 1_000_000)

in integer billionths of the currency, so the items add up to the total to the last digit. What cannot be known is
`None` and never 0: a free model has a price of 0, one without a price has none.
"""

from typing import TYPE_CHECKING, Final

from segue.core.money import Charge, Cost, CostItem
from segue.core.outcome import Usage
from segue.metering.rounding import MILLION, half_even

if TYPE_CHECKING:
    from segue.metering.prices import Price, Rates

MOST_TOKENS: Final = 1_000_000_000_000
"""A vendor that reports more in one answer has lost count; what is above is not believed."""


def charge(usage: Usage, price: "Price", wall: float) -> Charge | None:
    """What a usage cost.

    Args:
        usage: what the provider said, or what was estimated.
        price: the one that is valid at `wall`.
        wall: when, in seconds since 1970-01-01 UTC; matters where hours have prices of their own.

    Returns:
        The cost with its items; `None` where the provider did not say how large the input was, or where something
        was used that has no known price.
    """
    tariff = price.tariff(usage.service_tier, wall)
    if tariff is None:
        return None
    inputs = usage.input_tokens
    if inputs is None and (usage.output_tokens is not None or tariff.rates.input is not None):
        return None
    rates = tariff.rates_for(inputs or 0)
    items: list[CostItem] = []
    total = 0
    for name, quantity, rate in _quantities(usage, rates):
        if rate is None:
            return None
        amount = half_even(quantity * rate, MILLION)
        items.append(CostItem(name, quantity, rate, amount))
        total += amount
    cost = Cost(total, price.currency)
    exchange = price.exchange
    if exchange is None:
        return Charge(cost, tuple(items), price.source, price.date, usage.estimated)
    told = f"{exchange.date} {exchange.source}"
    return Charge(cost, tuple(items), price.source, price.date, usage.estimated, exchange.to_dollars(cost), told)


def _quantities(usage: Usage, rates: "Rates") -> list[tuple[str, int, int | None]]:
    """Each token in one place: what is special first, as far as the whole goes, then the rest at the ordinary rate.

    A sound that was read from a cache is both; it is counted as cached, and never twice.
    """
    rest = _count(usage.input_tokens)
    divided: list[tuple[str, int, int | None]] = []
    # What a request holds besides plain text is the exception, and most usages tell nothing of it.
    if usage.cached_tokens:
        part = min(rest, _count(usage.cached_tokens))
        divided.append(("cached_input", part, rates.cached_input))
        rest -= part
    if usage.cache_write_tokens:
        part = min(rest, _count(usage.cache_write_tokens))
        divided.append(("cache_write", part, rates.cache_write))
        rest -= part
    if usage.cache_write_1h_tokens:
        part = min(rest, _count(usage.cache_write_1h_tokens))
        divided.append(("cache_write_1h", part, rates.cache_write_1h))
        rest -= part
    if usage.audio_input_tokens:
        part = min(rest, _count(usage.audio_input_tokens))
        divided.append(("audio_input", part, rates.audio_input))
        rest -= part
    if rest:
        divided.insert(0, ("input", rest, rates.input))
    rest = _count(usage.output_tokens)
    sound = min(rest, _count(usage.audio_output_tokens)) if usage.audio_output_tokens else 0
    if rest > sound:
        divided.append(("output", rest - sound, rates.output))
    if sound:
        divided.append(("audio_output", sound, rates.audio_output))
    if rates.request and usage.requests > 0:
        divided.append(("requests", min(usage.requests, MOST_TOKENS), rates.request))
    return divided


def _count(tokens: int | None) -> int:
    return 0 if tokens is None else max(0, min(tokens, MOST_TOKENS))
