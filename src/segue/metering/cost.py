"""From what a call took to what it cost.

The commonest mistake of gateways is to bill cached tokens twice, or not at all: some vendors count them within the
input, some beside it. Here every format has translated its vendor's count into one convention before (see
`segue.core.outcome.Usage`), and the input is divided up once: each token stands in exactly one item.

    cost = sum over items of round_half_even(quantity * price / 1_000_000)

in integer billionths of the currency, so the items add up to the total to the last digit. What cannot be known is
`None` and never 0: a free model has a price of 0, one without a price has none.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from segue.core.money import Charge, Cost, CostItem
from segue.core.outcome import Usage
from segue.metering.rounding import MILLION, half_even

if TYPE_CHECKING:
    from segue.metering.prices import Price, Rates

MOST_TOKENS: Final = 1_000_000_000_000
"""A vendor that reports more in one answer has lost count."""

_MOST_LACKS: Final = 8


def charge(usage: Usage, price: "Price", wall: float) -> Charge | None:
    """What a usage cost.

    Args:
        usage: what the provider said, or what was estimated.
        price: the one that is valid at `wall`.
        wall: when, in seconds since 1970-01-01 UTC; matters where hours have prices of their own.

    Returns:
        The cost with its items. Tools of the vendor's that were used and have no known price are named in
        `Cost.lacks`. `None` where the provider did not say how large the input was, where it served in a tier without
        a known price, where a kind of token was used that has none, and where its counts cannot be: below 0, above
        `MOST_TOKENS`, or parts that are more than the whole.
    """
    if price.told and usage.billed is not None:
        return _told(usage.billed, usage, wall)
    tariff = price.tariff(usage.service_tier, wall)
    if tariff is None:
        return None
    inputs = usage.input_tokens
    if inputs is None and (usage.output_tokens is not None or tariff.rates.input or tariff.steps):
        return None
    rates = tariff.rates_for(inputs or 0)
    divided = _divided(usage, rates)
    if divided is None:
        return None
    if usage.audio_seconds:
        divided.append(("audio_seconds", usage.audio_seconds, rates.audio_second))
    if usage.characters and rates.character is not None:
        divided.append(("characters", usage.characters, rates.character))
    if usage.pictures:
        divided.append(("pictures", usage.pictures, price.picture(usage.picture, rates)))
    if not divided and inputs is None:
        return None  # nothing was told of what is billed
    lacks = _tools(usage, rates, divided) if usage.tool_calls else ()
    items: list[CostItem] = []
    total = 0
    for name, quantity, rate in divided:
        if rate is None or not 0 <= quantity <= MOST_TOKENS:
            return None
        amount = half_even(quantity * rate, MILLION)
        items.append(CostItem(name, quantity, rate, amount))
        total += amount
    if usage.cached_tokens:
        lacks += _of_the_cache(usage, rates)
    cost = Cost(total, price.currency, lacks)
    exchange = price.exchange
    source = price.source
    if usage.service_tier in price.tier_sources:
        source = f"{source}; {usage.service_tier}: {price.tier_sources[usage.service_tier]}"
    if exchange is None:
        return Charge(cost, tuple(items), source, price.date, usage.estimated)
    told = f"{exchange.date} {exchange.source}"
    return Charge(cost, tuple(items), source, price.date, usage.estimated, exchange.to_dollars(cost), told)


def _told(billed: int, usage: Usage, wall: float) -> Charge:
    """What the vendor itself says that it took: its word, of this day."""
    day = datetime.fromtimestamp(wall, UTC).date().isoformat()
    items = (CostItem("billed", 1, billed * MILLION, billed),)
    return Charge(Cost(billed), items, "the provider's answer", day, usage.estimated)


def _divided(usage: Usage, rates: "Rates") -> list[tuple[str, int, int | None]] | None:
    """Each token in one place: what is special first, then the rest at the ordinary rate.

    What is read from a cache and what is written to it are different tokens; if they are more than the whole, the
    vendor counts in a way that we do not know, and nothing is said. A sound or a picture may have come from a cache,
    too, and no vendor says how much of it: it is counted as cached, and never twice.
    """
    rest = usage.input_tokens or 0
    divided: list[tuple[str, int, int | None]] = []
    # What a request holds besides plain text is the exception, and most usages tell nothing of it.
    if usage.cached_tokens:
        divided.append(("cached_input", usage.cached_tokens, rates.cached_input))
        rest -= usage.cached_tokens
    if usage.cache_write_tokens:
        divided.append(("cache_write", usage.cache_write_tokens, rates.cache_write))
        rest -= usage.cache_write_tokens
    if usage.cache_write_1h_tokens:
        divided.append(("cache_write_1h", usage.cache_write_1h_tokens, rates.cache_write_1h))
        rest -= usage.cache_write_1h_tokens
    if rest < 0:
        return None
    if usage.audio_input_tokens or usage.image_input_tokens:
        rest = _not_text(usage, rates, rest, divided)
        if rest < 0:
            return None
    if rest:
        divided.insert(0, ("input", rest, rates.input))
    sound, pictures = usage.audio_output_tokens or 0, usage.image_output_tokens or 0
    rest = (usage.output_tokens or 0) - sound - pictures
    if rest < 0:
        return None
    if rest:
        divided.append(("output", rest, rates.output))
    if sound:
        divided.append(("audio_output", sound, rates.audio_output))
    if pictures:
        divided.append(("image_output", pictures, rates.image_output))
    if rates.request and usage.requests:
        divided.append(("requests", usage.requests, rates.request))
    return divided


def _not_text(usage: Usage, rates: "Rates", rest: int, divided: list[tuple[str, int, int | None]]) -> int:
    """Add sound and pictures as far as they did not come from a cache; what is left, or -1 for what cannot be."""
    sound, pictures = usage.audio_input_tokens or 0, usage.image_input_tokens or 0
    if min(sound, pictures) < 0 or sound + pictures > (usage.input_tokens or 0):
        return -1
    for name, tokens, rate in (
        ("audio_input", sound, rates.audio_input),
        ("image_input", pictures, rates.image_input),
    ):
        part = min(rest, tokens)
        if part:
            divided.append((name, part, rate))
            rest -= part
    return rest


def _tools(usage: Usage, rates: "Rates", divided: list[tuple[str, int, int | None]]) -> tuple[str, ...]:
    """Add the fees for the vendor's own tools; the names of those without a known price."""
    fees = {"web_search": rates.web_search, "file_search": rates.file_search}
    lacks: list[str] = []
    for name, uses in (usage.tool_calls or {}).items():
        fee = fees.get(name)
        if fee is not None:
            divided.append((name, uses, fee))
        elif uses and len(lacks) < _MOST_LACKS:
            lacks.append(name)
    return tuple(lacks)


def _of_the_cache(usage: Usage, rates: "Rates") -> tuple[str, ...]:
    """What of the cached input may have cost more than is counted, since nobody says what kind of tokens it was."""
    lacks = []
    if usage.audio_input_tokens and rates.cached_audio != rates.cached_input:
        lacks.append("cached_audio")
    if usage.image_input_tokens and rates.cached_image != rates.cached_input:
        lacks.append("cached_image")
    return tuple(lacks)
