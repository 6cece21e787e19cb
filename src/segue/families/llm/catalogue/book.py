"""What is known of a model at a vendor: looked up once, when a configuration is put in force.

A price belongs to a vendor, not to a name: `gpt-4o` at Azure, at a reseller and on somebody's own machine are three
prices, or none. So the vendor is told by the adapter only where the adapter's own address is used, and by the address
where another is given; at an unknown address nothing is assumed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Final

import msgspec

from segue.families.llm.catalogue.abilities import abilities_of
from segue.families.llm.catalogue.listing import Entry, Match, Offer, PriceList, Vendor, exact_names, matcher
from segue.metering.prices import Hours, Price, Step, Tariff, rates_of

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
}
"""Vendors of the price list by our adapters' ids."""

_OWN_ADDRESS: Final = frozenset({"azure", "vertex", "bedrock"})
"""Adapters whose customers have addresses of their own, all of them the vendor's."""

_DATE: Final = re.compile(r"[-@](20\d{2})-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?=$|[-:])")
_PATHS: Final = ("models/", "publishers/google/models/", "publishers/anthropic/models/")


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
            for name in names:
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
        self._vendors: dict[str, Vendor] = {vendor.id: vendor for vendor in prices.vendors}
        self._addresses = [(re.compile(vendor.address), vendor.id) for vendor in prices.vendors]
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
            # A name says what a model can do wherever it runs. How much a server takes is its own affair, and routing
            # passes over candidates whose window is known to be too small.
            context = None if vendor is None else abilities.context
            return Facts(context, abilities.max_output, abilities.words)
        entry, source = found
        context = entry.context or abilities.context
        return Facts(context, abilities.max_output, abilities.words, self._price(entry, source))

    def _find(self, vendor: str, model: str) -> tuple[Entry, str] | None:
        """The entry and the source that names it, trying the name as it is, its date written otherwise, and without."""
        name = model.lower()
        for path in _PATHS:
            name = name.removeprefix(path)
        if vendor == "huggingface":
            name, _, seller = name.partition(":")
            vendor = f"huggingface_{seller}"
        for spelling in dict.fromkeys((name, _DATE.sub(r"-\1-\2-\3", name), _DATE.sub(r"-\1\2\3", name))):
            if (entry := self._on(vendor, spelling)) is not None:
                return entry, self._source
        undated = _DATE.sub("", name)
        entry = self._on(vendor, undated) if undated != name else None
        return None if entry is None else (entry, f"{self._source}, as {undated}")

    def _on(self, vendor: str, name: str) -> Entry | None:
        for id_ in (vendor, *(self._vendors[vendor].fallbacks if vendor in self._vendors else ())):
            if id_ not in self._vendors:
                continue
            shelf = self._shelves.get(id_)
            if shelf is None:
                shelf = self._shelves[id_] = Shelf(self._vendors[id_].models)
            if (entry := shelf.find(name)) is not None:
                return entry
        return None

    def _price(self, entry: Entry, source: str) -> Price | None:
        days = [offer for offer in entry.offers if not offer.hours]
        hours = tuple(
            Hours(offer.hours[0], offer.hours[1], tariff_of(offer)) for offer in reversed(entry.offers) if offer.hours
        )
        tiers = {tier: tariff_of(offers[-1]) for tier, offers in entry.tiers.items()}
        price: Price | None = None
        later_from = float("inf")
        for offer in reversed(days):
            price = Price(
                standard=tariff_of(offer),
                tiers=tiers,
                hours=hours,
                source=source,
                date=self._date,
                later=price,
                later_from=later_from,
            )
            later_from = _midnight(offer.since) if offer.since else 0.0
        return price


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
