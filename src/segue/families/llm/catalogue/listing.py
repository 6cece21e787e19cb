"""The form in which price lists are kept: `prices.json` beside this file, made by `extract`, read here.

A price list that is a Python package costs a quarter of a second to import and brings an HTTP client along. What is
needed of it fits into a file that is decoded in milliseconds, and is looked into once per model when a configuration is
put in force.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

Amounts = Mapping[str, str]
"""Decimals by the names of `segue.metering.prices.Rates`; of `request`: for one."""


class Offer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A tariff as it is written down.

    Attributes:
        rates: for requests of ordinary length.
        steps: rates by the number of input tokens above which they hold.
        since: the first day on which it is valid, `YYYY-MM-DD`; empty for one that always was.
        hours: first and last second of the day (UTC) between which it is valid; empty for the whole day.
    """

    rates: Amounts
    steps: Mapping[str, Amounts] = {}
    since: str = ""
    hours: tuple[int, ...] = ()


class Entry(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One model of a price list.

    Attributes:
        match: which names mean it; see `matcher`.
        context: the context window in tokens.
        offers: in the order of the list: of those that are valid the last one counts. Empty where the model is billed
            in units that no usage tells.
        tiers: offers by service tier.
    """

    id: str
    match: Any
    context: int | None = None
    offers: tuple[Offer, ...] = ()
    tiers: Mapping[str, tuple[Offer, ...]] = {}


class Vendor(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One vendor of a price list.

    Attributes:
        address: a pattern for the beginning of its addresses.
        fallbacks: vendors whose models it sells at their prices.
    """

    id: str
    address: str
    models: tuple[Entry, ...]
    fallbacks: tuple[str, ...] = ()


class PriceList(msgspec.Struct, frozen=True):
    """A whole price list: where it comes from, and the day on which it was read."""

    source: str
    date: str
    licence: str
    vendors: tuple[Vendor, ...]


Match = Callable[[str], bool]


def matcher(clause: Sequence[Any]) -> Match:
    """The test that a clause describes.

    `["=", x]`, `["^", x]`, `["$", x]`, `["*", x]`: is, begins with, ends with, contains; `["re", x]`: a regular
    expression found anywhere; `["or", a, b, …]` and `["and", a, b, …]`. Names are compared in lower case.

    Raises:
        ValueError: the clause is none of these.
    """
    kind, *rest = clause
    if kind in _BY_TEXT:
        return _BY_TEXT[kind](rest[0].lower())
    if kind == "re":
        found = re.compile(rest[0]).search
        return lambda name: found(name) is not None
    if kind in {"or", "and"}:
        parts = [matcher(part) for part in rest]
        several = any if kind == "or" else all
        return lambda name: several(part(name) for part in parts)
    raise ValueError(f"unknown clause {kind!r}")


_BY_TEXT: Final[Mapping[str, Callable[[str], Match]]] = {
    "=": lambda text: lambda name: name == text,
    "^": lambda text: lambda name: name.startswith(text),
    "$": lambda text: lambda name: name.endswith(text),
    "*": lambda text: lambda name: text in name,
}


def exact_names(clause: Sequence[Any]) -> tuple[str, ...]:
    """The names that a clause means, when it names them all; else nothing."""
    kind, *rest = clause
    if kind == "=":
        return (rest[0].lower(),)
    if kind == "or":
        names = [exact_names(part) for part in rest]
        return tuple(name for each in names for name in each) if all(names) else ()
    return ()
