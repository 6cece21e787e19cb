"""Makes `prices.json` from the package genai-prices: `python -m segue.families.llm.catalogue.extract`.

The package (github.com/pydantic/genai-prices, MIT) is the best kept list of prices that there is. It is needed here,
and where a configuration says `prices: {source: package}`; nothing else imports it. A model that is billed in units
which no usage tells (pages, video that costs other than text, sound at most vendors) is left without a price: none is
better than a wrong one. Characters of text that is said aloud are known without the vendor's word.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
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
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
    "cache_audio_read_mtok": "cached_audio",
    "cache_image_read_mtok": "cached_image",
    "requests_kcount": "request",
    "web_searches_kcount": "web_search",
    "storage_searches_kcount": "file_search",
    "input_mchars": "character",
}
_UNLIKE: Final = {"google": frozenset({"web_search"})}
"""Fees that are not what one use costs. Google's are for a prompt or for a query, depending on the model, and begin
when a free allowance is used up (ai.google.dev/gemini-api/docs/pricing), which nobody but Google counts."""
_UNTOLD: Final = {"openai": ("gpt-4o-search-preview", "gpt-4o-mini-search-preview", "gpt-5-search-api")}
"""Models that search for every answer and take a fee for it, of which no usage tells: a price without it is none."""
_HEARD: Final = frozenset({"audio_hours", "input_audio_hours"})
_TELL_SECONDS: Final = frozenset({"openai"})
"""Vendors whose transcripts tell the seconds that are billed. Groq bills ten at least, and tells none."""
_WEEKDAYS: Final = {"deepseek": (0, 1, 2, 3, 4)}
"""Days on which a vendor's hours hold, where the package says every day. DeepSeek: "01:00 - 04:00 and 06:00 - 10:00
UTC, Monday through Friday" (api-docs.deepseek.com/quick_start/pricing, since 2026-08-23)."""
_CLAUSES: Final = {"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "*", "regex": "re"}
_TIERS: Final = {("processing", "batch"): "batch", ("speed", "fast"): "fast"}


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
            (*_untold(provider.id), *(_entry(model, day, provider.id) for model in provider.models)),
            tuple(provider.fallback_model_providers or ()),
        )
        for provider in providers
    )
    return PriceList(f"genai-prices {version('genai-prices')}", day.isoformat(), _LICENCE, vendors)


def _untold(vendor: str) -> tuple[Entry, ...]:
    """Entries without a price, before those that would give them one."""
    return tuple(Entry(name, ["^", name]) for name in _UNTOLD.get(vendor, ()))


def _entry(model: Any, day: date, vendor: str) -> Entry:
    priced = (
        [(None, model.prices)]
        if not isinstance(model.prices, list)
        else [(one.constraint, one.prices) for one in model.prices]
    )
    offers = _offers([(constraint, prices.__dict__) for constraint, prices in priced], day, vendor)
    variants: dict[str, list[tuple[Any, Mapping[str, Any]]]] = {}
    for variant in model.price_variants or ():
        tier = _tier(variant.when)
        if tier is not None:
            base = _base(priced, variant.constraint, day)
            whole = {**base, **{key: value for key, value in variant.prices.__dict__.items() if value is not None}}
            variants.setdefault(tier, []).append((variant.constraint, whole))
    tiers = {tier: _offers(given, day, vendor) for tier, given in variants.items()} if offers else {}
    usable = {tier: one for tier, one in tiers.items() if one}
    return Entry(model.id, _clause(model.match), model.context_window, offers, usable)


def _base(priced: Sequence[tuple[Any, Any]], constraint: Any, day: date) -> Mapping[str, Any]:
    """The ordinary prices beside which a variant stands: those of its first day, or of today."""
    first = max(day, getattr(constraint, "start_date", day))
    valid = [
        prices
        for constraint, prices in priced
        if not hasattr(constraint, "start_time") and getattr(constraint, "start_date", first) <= first
    ]
    base: Mapping[str, Any] = valid[-1].__dict__ if valid else {}
    return base


def _tier(when: Mapping[str, str]) -> str | None:
    """The service tier of a variant; other conditions (a route, a kind of search) are not told by any usage."""
    if len(when) != 1:
        return None
    ((name, value),) = when.items()
    return value if name == "service_tier" else _TIERS.get((name, value))


def _offers(priced: Iterable[tuple[Any, Mapping[str, Any]]], day: date, vendor: str) -> tuple[Offer, ...]:
    offers = []
    for constraint, prices in priced:
        given = {key: value for key, value in prices.items() if value is not None}
        if vendor in _TELL_SECONDS and set(given) == _HEARD:
            million_seconds = given["input_audio_hours"] * 1_000_000 / 3600
            offers.append(Offer({"audio_second": _written(million_seconds)}, since=_since(constraint)))
            continue
        if not given or not set(given) <= set(_NAMES):
            return ()
        given = {key: value for key, value in given.items() if _NAMES[key] not in _UNLIKE.get(vendor, ())}
        since = _since(constraint)
        hours: tuple[int, ...] = ()
        days: tuple[int, ...] = ()
        if constraint is not None and not since:
            hours = (_second(constraint.start_time), _second(constraint.end_time))
            days = _WEEKDAYS.get(vendor, ())
        starts = sorted({tier.start for value in given.values() for tier in getattr(value, "tiers", ())})
        steps = {str(start): _amounts(given, start) for start in starts}
        offers.append(Offer(_amounts(given, 0), steps, since, hours, days))
    return _without_past(offers, day)


def _since(constraint: Any) -> str:
    return constraint.start_date.isoformat() if hasattr(constraint, "start_date") else ""


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
        amounts[_NAMES[key]] = _written(amount / 1000 if key.endswith("_kcount") else amount)
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
