"""What is known of a model at a vendor: looked up once, when a configuration is put in force.

A price belongs to a vendor, not to a name: `gpt-4o` at Azure, at a reseller and on somebody's own machine are three
prices, or none. So the vendor is told by the adapter only where the adapter's own address is used, and by the address
where another is given; at an unknown address nothing is assumed.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Final

import msgspec

from segue.families.llm.catalogue.abilities import abilities_of
from segue.families.llm.catalogue.listing import Entry, Match, Offer, PriceList, Vendor, exact_names, matcher
from segue.families.llm.catalogue.own import BESIDE, OWN
from segue.metering.prices import EVERY_DAY, Hours, Price, Step, Tariff, rates_of

VENDORS: Final[Mapping[str, str]] = {
    "openai": "openai",
    "openai-responses": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "gemini": "google",
    "vertex": "google",
    "bedrock": "aws",
    "groq": "groq",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "openrouter": "openrouter",
    "xai": "x-ai",
    "together": "together",
    "fireworks": "fireworks",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "perplexity": "perplexity",
    "huggingface": "huggingface",
    "yandex": "yandex",
}
"""Vendors of the price list by our adapters' ids."""

FACTORS: Final[Mapping[str, Mapping[str, Decimal]]] = {
    # platform.claude.com/docs/en/about-claude/pricing, "Data residency pricing": all tokens cost 1.1 times as much
    # where the answer says `inference_geo: us`; models that do not know the choice say `not_available`.
    "anthropic": {"us": Decimal("1.1")},
    # Bedrock's pages have no figures. In AWS's Price List (service AmazonBedrock, usage types that end with
    # `-input-tokens-flex`, `-output-tokens-priority`, …) every model that has these tiers (Nova Pro, Nova 2 Lite,
    # Qwen3, gpt-oss among them) has them at these factors, in the regions that public code quotes. `reserved` is
    # capacity that is bought beforehand, and has none.
    "aws": {"flex": Decimal("0.5"), "priority": Decimal("1.75"), "batch": Decimal("0.5")},
}
"""Tiers of vendors that cost so many times the ordinary price, where the price list does not have them."""

FACTOR_SOURCES: Final[Mapping[str, str]] = {
    "anthropic": "platform.claude.com/docs/en/api/service-tiers, 2026-11-21",
    "aws": "AWS Price List (AmazonBedrock) as public code quotes it, 2026-07-30",
}
"""Where `FACTORS` come from, and of what day that is, by vendor."""

TELL: Final = frozenset({"openrouter", "perplexity", "x-ai"})
"""Vendors whose answers say what they cost: OpenRouter asks what the provider asks that it chose
(openrouter.ai/docs/use-cases/usage-accounting), Perplexity takes a fee that depends on how much it searched
(docs.perplexity.ai/api-reference/chat-completions-post, `usage.cost`), xAI bills its own tools and pictures by the
piece (docs.x.ai/developers/cost-tracking, `usage.cost_in_usd_ticks`)."""

ONLY_TOLD: Final = Price(Tariff(rates_of({})), told=True)
"""The price of a model of theirs that no list has: what the vendor says, and nothing without its word."""

_OWN_ADDRESS: Final = frozenset({"azure", "vertex", "bedrock"})
"""Adapters whose customers have addresses of their own, all of them the vendor's."""

_DATE: Final = re.compile(r"[-@](20\d{2})-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?=$|[-:])")
_PATHS: Final = ("models/", "publishers/google/models/", "publishers/anthropic/models/")
_FOLDER: Final = re.compile(r"gpt://[^/]+/")


class Facts(msgspec.Struct, frozen=True):
    """What is known of one model at one vendor; `None` and nothing where it is not."""

    context: int | None = None
    max_output: int | None = None
    capabilities: frozenset[str] = frozenset()
    price: Price | None = None


class Shelf:
    """The models of one vendor, by name."""

    def __init__(self, models: Iterable[Entry]) -> None:
        self._exact: dict[str, tuple[int, Entry]] = {}
        self._tests: list[tuple[int, Match, Entry]] = []
        for place, entry in enumerate(models):
            names = exact_names(entry.match)
            for name in (*names, entry.id.lower()):
                self._exact.setdefault(name, (place, entry))
            if not names:
                self._tests.append((place, matcher(entry.match), entry))

    def find(self, name: str) -> Entry | None:
        """The first model of the list that the name means."""
        place, found = self._exact.get(name, (len(self._exact) + len(self._tests), None))
        # A name that stands in the list itself may still be meant by a pattern above it.
        for earlier, test, entry in self._tests:
            if found is not None and earlier > place:
                break
            if test(name):
                return entry
        return found


class Catalogue:
    """A price list and what is known beside it.

    Args:
        prices: the list.
    """

    def __init__(self, prices: PriceList) -> None:
        self._source = prices.source
        self._date = prices.date
        vendors = (*prices.vendors, *OWN)
        self._vendors: dict[str, Vendor] = {vendor.id: vendor for vendor in vendors}
        self._addresses = [(re.compile(vendor.address), vendor.id) for vendor in vendors]
        self._shelves: dict[str, Shelf] = {}
        self.facts: Callable[[str, str | None, str], Facts] = lru_cache(maxsize=16_384)(self._facts)

    def vendor(self, adapter: str, base_url: str | None) -> str | None:
        """The vendor's id in the price list; `None` where nobody can know who bills."""
        if base_url is None or adapter in _OWN_ADDRESS:
            return VENDORS.get(adapter)
        return next((vendor for address, vendor in self._addresses if address.match(base_url)), None)

    def _facts(self, adapter: str, base_url: str | None, model: str) -> Facts:
        """What is known of a model; remembered.

        Args:
            adapter: the adapter's id.
            base_url: the address, when it is not the adapter's own.
            model: the name as the provider knows it.
        """
        abilities = abilities_of(model)
        vendor = self.vendor(adapter, base_url)
        found = None if vendor is None else self._find(vendor, model)
        if found is None:
            price = ONLY_TOLD if vendor in TELL else None
            # A name says what a model can do wherever it runs. How much a server takes is its own affair, and routing
            # passes over candidates whose window is known to be too small.
            context = None if vendor is None else abilities.context
            return Facts(context, abilities.max_output, abilities.words, price)
        entry, seller, name = found
        context = entry.context or abilities.context
        source = f"{seller.source or self._source}{f', as {name}' if name else ''}"
        price = price_of(entry, source, seller.date or self._date, seller.currency)
        if vendor in TELL:
            price = ONLY_TOLD if price is None else _told(price)
        factors = FACTORS.get(seller.id)
        if price is not None and factors is not None:
            price = _with_tiers(price, factors, FACTOR_SOURCES[seller.id])
        return Facts(context, abilities.max_output, abilities.words, price)

    def _find(self, vendor: str, model: str) -> tuple[Entry, Vendor, str] | None:
        """The entry, in whose list it stands, and its name where that is not the one that was asked for.

        The name is tried as it is, with its date written otherwise, and without.
        """
        name = _FOLDER.sub("", model.lower()) if vendor == "yandex" else model.lower()
        for path in _PATHS:
            name = name.removeprefix(path)
        if vendor == "huggingface":
            name, _, seller = name.partition(":")
            vendor = f"huggingface_{seller}"
        for spelling in dict.fromkeys((name, _DATE.sub(r"-\1-\2-\3", name), _DATE.sub(r"-\1\2\3", name))):
            if (found := self._on(vendor, spelling)) is not None:
                return *found, ""
        undated = _DATE.sub("", name)
        found = self._on(vendor, undated) if undated != name else None
        return None if found is None else (*found, undated)

    def _on(self, vendor: str, name: str) -> tuple[Entry, Vendor] | None:
        """The entry in the vendor's list, or in those of whom it sells for, or beside the list if that has no price."""
        unpriced: tuple[Entry, Vendor] | None = None
        for id_ in (vendor, *(self._vendors[vendor].fallbacks if vendor in self._vendors else ())):
            if id_ not in self._vendors:
                continue
            entry = self._shelf(id_, self._vendors[id_]).find(name)
            if entry is not None:
                if entry.offers or vendor not in BESIDE:
                    return entry, self._vendors[id_]
                unpriced = unpriced or (entry, self._vendors[id_])
        beside = BESIDE.get(vendor)
        found = None if beside is None else self._shelf(f"{vendor}, beside", beside).find(name)
        return unpriced if beside is None or found is None else (found, beside)

    def _shelf(self, id_: str, vendor: Vendor) -> Shelf:
        shelf = self._shelves.get(id_)
        if shelf is None:
            shelf = self._shelves[id_] = Shelf(vendor.models)
        return shelf


def price_of(entry: Entry, source: str, day: str, currency: str = "USD") -> Price | None:
    """The price of an entry, with all that follow it; `None` where it is billed in units that no usage tells.

    Args:
        entry: as the list has it.
        source: where the list is from.
        day: when it was read.
        currency: in which the vendor bills.
    """
    days = [offer for offer in entry.offers if not offer.hours]
    hours = tuple(
        Hours(offer.hours[0], offer.hours[1], tariff_of(offer), frozenset(offer.days or EVERY_DAY))
        for offer in reversed(entry.offers)
        if offer.hours
    )
    price: Price | None = None
    later_from = float("inf")
    # A new price of the model or of one of its tiers begins a new part of the time.
    starts = {offer.since for offers in (days, *entry.tiers.values()) for offer in offers if not offer.hours}
    for start in sorted(starts | {""}, reverse=True):
        standard = _valid(days, start)
        if standard is None:
            continue
        tiers = {tier: tariff_of(found) for tier, given in entry.tiers.items() if (found := _valid(given, start))}
        price = Price(
            standard=tariff_of(standard),
            tiers=tiers,
            hours=hours,
            currency=currency,
            source=source,
            date=day,
            later=price,
            later_from=later_from,
        )
        later_from = _midnight(start) if start else 0.0
    return price


def _told(price: Price) -> Price:
    return replace(price, told=True, later=price.later and _told(price.later))


def _with_tiers(price: Price, factors: Mapping[str, Decimal], source: str) -> Price:
    """A price with tiers that cost so many times as much as the ordinary one."""
    tiers = {**{tier: price.standard.times(factor) for tier, factor in factors.items()}, **price.tiers}
    sources = dict.fromkeys(factors.keys() - price.tiers.keys(), source)
    later = price.later and _with_tiers(price.later, factors, source)
    return replace(price, tiers=tiers, tier_sources=sources, later=later)


def _valid(offers: Sequence[Offer], day: str) -> Offer | None:
    """The last offer that has begun on this day."""
    begun = [offer for offer in offers if offer.since <= day and not offer.hours]
    return begun[-1] if begun else None


def tariff_of(offer: Offer) -> Tariff:
    """The tariff that an offer writes down."""
    steps = tuple(Step(int(above), rates_of(_decimals(rates))) for above, rates in offer.steps.items())
    return Tariff(rates_of(_decimals(offer.rates)), steps)


def _decimals(amounts: Mapping[str, str]) -> Mapping[str, Decimal]:
    return {name: Decimal(amount) for name, amount in amounts.items()}


def _midnight(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


@cache
def shipped() -> Catalogue:
    """The catalogue with the prices that came with this release."""
    from importlib.resources import files

    content = files("segue.families.llm.catalogue").joinpath("prices.json").read_bytes()
    return Catalogue(msgspec.json.decode(content, type=PriceList))


def packaged(day: float) -> Catalogue:
    """The catalogue with the prices of the installed package genai-prices.

    Args:
        day: now, in seconds since 1970-01-01 UTC.

    Raises:
        ImportError: it is not installed.
    """
    return _packaged(datetime.fromtimestamp(day, UTC).date())


@lru_cache(maxsize=1)
def _packaged(day: date) -> Catalogue:
    # Once a day at most, and not at every reload: it takes a third of a second.
    from segue.families.llm.catalogue.extract import extract

    return Catalogue(extract(day))
