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
        days: days of the week (UTC; Monday is 0) on which those hours hold; empty for all.
    """

    rates: Amounts
    steps: Mapping[str, Amounts] = {}
    since: str = ""
    hours: tuple[int, ...] = ()
    days: tuple[int, ...] = ()


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
        currency: in which it bills, as ISO 4217 writes it.
        source, date: where its prices come from, and the day on which they were read there, where they are not those
            of the list.
    """

    id: str
    address: str
    models: tuple[Entry, ...]
    fallbacks: tuple[str, ...] = ()
    currency: str = "USD"
    source: str = ""
    date: str = ""


class PriceList(msgspec.Struct, frozen=True):
    """A whole price list: where it comes from, and the day on which it was read."""

    source: str
    date: str
    licence: str
    vendors: tuple[Vendor, ...]


Match = Callable[[str], bool]

_BEFORE: Final = re.compile(r"(?:.*[/.:])?")
"""What may stand before a model's name without making it another model: a path, a maker, a region."""
_AFTER: Final = re.compile(
    r"(?:[-@:](?:latest|00\d|v\d{1,2}(?::\d{1,2})?|20\d{6}|20\d\d-\d\d-\d\d|\d\d-20\d\d|\d\d-\d\d)|(?<=-v\d):\d|(?<=-\d):\d|:\d)*"
)
"""What may stand behind it: a date, a revision (`-v2:0`, `-001`), `latest`."""
_OWN: Final = re.compile(r"[-\d]*(?::.*)?")


def matcher(clause: Sequence[Any]) -> Match:
    """The test that a clause describes, taken narrowly.

    `["=", x]`, `["^", x]`, `["$", x]`, `["*", x]`: is, begins with, ends with, contains; `["re", x]`: a regular
    expression found anywhere; `["or", a, b, …]` and `["and", a, b, …]`. Names are compared in lower case.

    A list that says "begins with gpt-5-nano" means the dated names of that model, and would take a model of next year
    (`gpt-5-nano-pro`) for it, too. So a name may have no more around the text than a path, a maker or a region before
    it, and a date or a revision behind it; else it is a model that the list does not know, and has no price.

    Raises:
        ValueError: the clause is none of these.
    """
    kind, *rest = clause
    if kind in _AROUND:
        text = rest[0].lower()
        before, after = _AROUND[kind]
        return lambda name: _means(name, text, before=before, after=after)
    if kind == "re":
        found = re.compile(rest[0]).search
        return lambda name: found(name) is not None
    if kind in {"or", "and"}:
        parts = [matcher(part) for part in rest]
        several = any if kind == "or" else all
        return lambda name: several(part(name) for part in parts)
    raise ValueError(f"unknown clause {kind!r}")


_AROUND: Final[Mapping[str, tuple[bool, bool]]] = {
    "=": (False, False),
    "^": (False, True),
    "$": (True, False),
    "*": (True, True),
}
"""Whether a clause allows anything before its text, and behind it."""


def _means(name: str, text: str, *, before: bool, after: bool) -> bool:
    if name == text:
        return True
    start = name.find(text)
    while start >= 0:
        ahead, behind = name[:start], name[start + len(text) :]
        if (not ahead or (before and _BEFORE.fullmatch(ahead))) and (not behind or (after and _follows(text, behind))):
            return True
        start = name.find(text, start + 1)
    return False


def _follows(text: str, behind: str) -> bool:
    """Whether what stands behind is a date or a revision; a text may end in the middle of one (`claude-sonnet-4@`).

    Behind the model of a fine-tuned one its owner's words stand (`ft:gpt-4o-2024-08-06:acme::9abc`).
    """
    if text.startswith("ft:") and _OWN.fullmatch(behind):
        return True
    return any(_AFTER.fullmatch(text[-cut:] + behind if cut else behind) for cut in _cuts(text))


def _cuts(text: str) -> tuple[int, ...]:
    """How much of a text's end belongs to what follows: nothing, or a separator and the digits behind it."""
    end = re.search(r"[-@:](?:v?\d{0,7})$", text)
    return (0,) if end is None else (0, len(end.group()))


def exact_names(clause: Sequence[Any]) -> tuple[str, ...]:
    """The names that a clause means, when it names them all; else nothing."""
    kind, *rest = clause
    if kind == "=":
        return (rest[0].lower(),)
    if kind == "or":
        names = [exact_names(part) for part in rest]
        return tuple(name for each in names for name in each) if all(names) else ()
    return ()
