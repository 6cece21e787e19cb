"""A fault is asked for in words, and every wrong word has to be named: this reads one, and knows when it applies."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.faults.catalogue import KINDS
from segue.simulator.faults.kinds import Door, Kind, Options, Seconds

ALL_ACCOUNTS: Final = "*"
_ACCOUNT: Final = re.compile(r"[a-z0-9-]+|\*")
_COMMON: Final = ("account", "kind", "rate", "times", "match")


class FaultError(ValueError):
    """A fault was asked for wrongly; the text names the field and says what would be right."""


class Match(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which requests a fault is for: those that name this model, those that stream (or do not)."""

    model: str | None = None
    stream: bool | None = None

    def accepts(self, exchange: Exchange) -> bool:
        """Whether the request is one of those."""
        return self.model in (None, exchange.model) and self.stream in (None, exchange.streaming)


class Terms(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """When a fault applies, whatever its kind.

    Attributes:
        account: An account's name, or `*` for all.
        kind: A name in the catalogue.
        rate: The share of matching requests that it hits, 0..1.
        times: For how many requests at most; None for no limit.
        match: Which requests it is for.
    """

    account: str
    kind: str
    rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    match: Match = Match()


class Window(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """From when until when a fault applies, in seconds; `end` None means for ever."""

    start: Seconds = 0.0
    end: Seconds | None = None


@dataclass(slots=True)
class Fault:
    """One fault on the board; `begins` and `ends` are seconds since the simulator started."""

    identifier: str
    terms: Terms
    kind: Kind[Any]
    options: Options
    begins: float
    ends: float | None
    chance: random.Random
    state: object = None
    hits: int = 0

    def active(self, moment: float) -> bool:
        """Whether it applies at `moment` (seconds since the start) and has hits left."""
        in_window = self.begins <= moment and (self.ends is None or moment < self.ends)
        return in_window and (self.terms.times is None or self.hits < self.terms.times)

    def door(self, moment: float) -> Door:
        """What it does to the account's own listener at `moment`.

        A fault that is only for some requests leaves the listener open: a request has to be read to be told apart.
        """
        terms = self.terms
        for_all = terms.rate == 1 and terms.times is None and terms.match == Match()
        return self.kind.door(self.options) if for_all and self.active(moment) else "open"

    def hit_by_lot(self) -> bool:
        """Throw the dice: whether this request is among the share that it hits."""
        return self.chance.random() < self.terms.rate

    def concerns(self, account: str) -> bool:
        """Whether it is set for this account."""
        return self.terms.account in (account, ALL_ACCOUNTS)

    def as_json(self, moment: float) -> dict[str, object]:
        """The fault as the admin interface shows it."""
        shown: dict[str, object] = {"id": self.identifier, "active": self.active(moment), "hits": self.hits}
        shown |= {"begins": self.begins, "ends": self.ends}
        shown |= msgspec.to_builtins(self.terms)
        shown["options"] = msgspec.to_builtins(self.options)
        return shown


def _converted(values: Mapping[str, object], wanted: type[Any], where: str) -> Any:
    try:
        return msgspec.convert(dict(values), wanted)
    except msgspec.ValidationError as error:
        allowed = ", ".join(wanted.__struct_fields__) or "none"
        raise FaultError(f"{where}: {error}. Allowed fields: {allowed}.") from error


def read_kind(name: str) -> Kind[Any]:
    """The kind of that name."""
    if name not in KINDS:
        raise FaultError(f"kind: there is no kind {name!r}. Use one of: {', '.join(KINDS)}.")
    return KINDS[name]


def read_account(name: str) -> str:
    """The name of one account; raises FaultError when it cannot be one."""
    if name == ALL_ACCOUNTS or not _ACCOUNT.fullmatch(name):
        raise FaultError("account: use lower-case letters, digits and hyphens.")
    return name


def read_fault(values: Mapping[str, object]) -> tuple[Terms, Kind[Any], Options]:
    """Read a fault from its fields; raises FaultError naming the first field that is wrong."""
    for name in ("account", "kind"):
        if not isinstance(values.get(name), str):
            raise FaultError(f"{name}: a string is required, for example {_EXAMPLE}")
    kind = read_kind(str(values["kind"]))
    terms: Terms = _converted({n: v for n, v in values.items() if n in _COMMON}, Terms, "fault")
    if not _ACCOUNT.fullmatch(terms.account):
        raise FaultError("account: use lower-case letters, digits and hyphens, or * for all accounts.")
    if kind.before_body and terms.match != Match():
        raise FaultError(
            f"match: {kind.name} answers before the body was read, which is what match looks at; leave it out."
        )
    own = {name: value for name, value in values.items() if name not in _COMMON}
    options: Options = _converted(own, kind.options, f"options of {kind.name!r}")
    return terms, kind, options


_EXAMPLE: Final = '{"account": "primary", "kind": "status", "code": 503}'
