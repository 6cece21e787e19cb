"""Makes `prices.json` from the package genai-prices: `python -m segue.families.llm.catalogue.extract`.

The package (github.com/pydantic/genai-prices, MIT) is the best kept list of prices that there is. It is needed here,
and where a configuration says `prices: {source: package}`; nothing else imports it. A model that is billed in units
which no usage tells (hours of sound, pages, images that cost other than text) is left without a price: none is better
than a wrong one. Fees for searches come beside the tokens, and are not counted.
"""

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from segue.core.clock import SystemClock
from segue.families.llm.catalogue.listing import Amounts, Entry, Offer, PriceList, Vendor

FILE: Final = Path(__file__).with_name("prices.json")

_NAMES: Final = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached_input",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
    "requests_kcount": "request",
}
_BESIDE: Final = frozenset({"web_searches_kcount", "storage_searches_kcount", "cache_audio_read_mtok"})
_CLAUSES: Final = {"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "*", "regex": "re"}
_TIERS: Final = {("processing", "batch"): "batch"}


def extract(day: date) -> PriceList:
    """The price list of the installed package, without what is over on this day.

    Raises:
        ImportError: genai-prices is not installed.
    """
    from genai_prices.data import providers

    vendors = tuple(
        Vendor(
            provider.id,
            provider.api_pattern,
            tuple(_entry(model, day) for model in provider.models),
            tuple(provider.fallback_model_providers or ()),
        )
        for provider in providers
    )
    return PriceList(f"genai-prices {version('genai-prices')}", day.isoformat(), _LICENCE, vendors)


def _entry(model: Any, day: date) -> Entry:
    priced = (
        [(None, model.prices)]
        if not isinstance(model.prices, list)
        else [(one.constraint, one.prices) for one in model.prices]
    )
    tiers: dict[str, tuple[Offer, ...]] = {}
    for variant in model.price_variants or ():
        tier = _tier(variant.when)
        if tier is not None:
            base = priced[-1][1].__dict__ if priced else {}
            whole = {**base, **{key: value for key, value in variant.prices.__dict__.items() if value is not None}}
            tiers[tier] = _offers([(variant.constraint, whole)], day)
    offers = _offers([(constraint, prices.__dict__) for constraint, prices in priced], day)
    usable = {tier: one for tier, one in tiers.items() if one}
    return Entry(model.id, _clause(model.match), model.context_window, offers, usable if offers else {})


def _tier(when: Mapping[str, str]) -> str | None:
    """The service tier of a variant; other conditions (a route, a kind of search) are not told by any usage."""
    if len(when) != 1:
        return None
    ((name, value),) = when.items()
    return value if name == "service_tier" else _TIERS.get((name, value))


def _offers(priced: Iterable[tuple[Any, Mapping[str, Any]]], day: date) -> tuple[Offer, ...]:
    offers = []
    for constraint, prices in priced:
        given = {key: value for key, value in prices.items() if value is not None and key not in _BESIDE}
        if not given or not set(given) <= set(_NAMES):
            return ()
        since = ""
        hours: tuple[int, ...] = ()
        if hasattr(constraint, "start_date"):
            since = constraint.start_date.isoformat()
        elif constraint is not None:
            hours = (_second(constraint.start_time), _second(constraint.end_time))
        starts = sorted({tier.start for value in given.values() for tier in getattr(value, "tiers", ())})
        steps = {str(start): _amounts(given, start) for start in starts}
        offers.append(Offer(_amounts(given, 0), steps, since, hours))
    return _without_past(offers, day)


def _without_past(offers: list[Offer], day: date) -> tuple[Offer, ...]:
    """What is valid on the day or will be: of the days' offers the last that has begun, and those to come."""
    begun = [offer for offer in offers if not offer.hours and offer.since <= day.isoformat()]
    later = [offer for offer in offers if offer.since > day.isoformat()]
    return (*begun[-1:], *later, *(offer for offer in offers if offer.hours))


def _amounts(prices: Mapping[str, Any], tokens: int) -> Amounts:
    amounts = {}
    for key, value in prices.items():
        amount = getattr(value, "base", value)
        for tier in getattr(value, "tiers", ()):
            if tokens >= tier.start:
                amount = tier.price
        amounts[_NAMES[key]] = _written(amount / 1000 if key == "requests_kcount" else amount)
    return amounts


def _written(amount: Decimal) -> str:
    """To a billionth, half to even; a few vendors' prices are quotients without an end."""
    return format(amount.quantize(Decimal("1e-9"), ROUND_HALF_EVEN).normalize(), "f")


def _clause(match: Any) -> list[Any]:
    for name, sign in _CLAUSES.items():
        if hasattr(match, name):
            return [sign, getattr(match, name)]
    several = "or" if hasattr(match, "or_") else "and"
    return [several, *(_clause(part) for part in getattr(match, f"{several}_"))]


def _second(when: time) -> int:
    return when.hour * 3600 + when.minute * 60 + when.second


_LICENCE: Final = (
    "The MIT License, Copyright (c) Pydantic Services Inc. 2025 to present; its text stands in LICENSE-genai-prices"
)


def main() -> None:
    """Write the file."""
    today = datetime.fromtimestamp(SystemClock().wall(), UTC).date()
    content = msgspec.json.format(msgspec.json.encode(extract(today)), indent=0)
    FILE.write_bytes(content + b"\n")
    sys.stdout.write(f"{FILE}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
