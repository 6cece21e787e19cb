"""Faults are set by several hands (admin, files, schedules, model names), and one request must get a definite one.

The board keeps what is set and decides for each request which faults apply. Its dice are seeded per fault, so a run
with the same seed and the same order of requests has the same outages.
"""

import asyncio
import itertools
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.faults.catalogue import KINDS, fault_in_model_name
from segue.simulator.faults.kinds import Kind, Options, Seconds, Situation
from segue.simulator.faults.timing import before_content
from segue.simulator.script import Script
from segue.simulator.vendors import Vendor

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
    hits: int = 0

    def active(self, moment: float) -> bool:
        """Whether it applies at `moment` (seconds since the start) and has hits left."""
        in_window = self.begins <= moment and (self.ends is None or moment < self.ends)
        return in_window and (self.terms.times is None or self.hits < self.terms.times)

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


class Board:
    """All faults that are set, in the order in which they were set."""

    def __init__(self, seed: int, on_down: Callable[[str], None], clock: Callable[[], float]) -> None:
        """`on_down` ends an account's connections; `clock` tells seconds since the start."""
        self._seed = seed
        self._on_down = on_down
        self._clock = clock
        self._faults: dict[str, Fault] = {}
        self._numbers = itertools.count(1)
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self.first_token_delay = 0.0
        self.token_delay = 0.0

    @staticmethod
    def check(values: Mapping[str, object]) -> tuple[Terms, Kind[Any], Options]:
        """Read a fault from its fields; raises FaultError naming the first field that is wrong."""
        for name in ("account", "kind"):
            if not isinstance(values.get(name), str):
                raise FaultError(f"{name}: a string is required, for example {_EXAMPLE}")
        kind = read_kind(str(values["kind"]))
        terms: Terms = _converted({n: v for n, v in values.items() if n in _COMMON}, Terms, "fault")
        if not _ACCOUNT.fullmatch(terms.account):
            raise FaultError("account: use lower-case letters, digits and hyphens, or * for all accounts.")
        own = {name: value for name, value in values.items() if name not in _COMMON}
        options: Options = _converted(own, kind.options, f"options of {kind.name!r}")
        return terms, kind, options

    def set(self, values: Mapping[str, object], window: Window | None = None, origin: float | None = None) -> str:
        """Set a fault from now on, or in a window counted from `origin` (seconds since the start); returns its id."""
        terms, kind, options = self.check(values)
        now = self._clock()
        begins, ends = now if origin is None else origin, None
        if window is not None:
            if window.end is not None and window.end <= window.start:
                raise FaultError("end: must be later than start.")
            ends = None if window.end is None else begins + window.end
            begins += window.start
        identifier = f"fault-{next(self._numbers)}"
        chance = random.Random(f"{self._seed}|{identifier}")
        self._faults[identifier] = Fault(identifier, terms, kind, options, begins, ends, chance)
        if kind.name == "down":
            self._arm(identifier, begins - now)
        return identifier

    def _arm(self, identifier: str, delay: float) -> None:
        """End the account's connections when its outage begins: at once, or by an alarm."""
        if delay <= 0:
            self._on_down(self._faults[identifier].terms.account)
            return
        account = self._faults[identifier].terms.account
        self._alarms[identifier] = asyncio.get_running_loop().call_later(delay, self._on_down, account)

    def remove(self, identifier: str) -> bool:
        """Lift one fault; False when there is none of that id."""
        alarm = self._alarms.pop(identifier, None)
        if alarm is not None:
            alarm.cancel()
        return self._faults.pop(identifier, None) is not None

    def clear(self, account: str | None = None) -> int:
        """Lift all faults of an account (None: of all accounts); returns how many."""
        chosen = [name for name, fault in self._faults.items() if account in (None, fault.terms.account)]
        return sum(map(self.remove, chosen))

    def as_json(self) -> list[dict[str, object]]:
        """All faults as the admin interface shows them."""
        moment = self._clock()
        return [fault.as_json(moment) for fault in self._faults.values()]

    def _chosen(self, exchange: Exchange, script: Script) -> list[Fault]:
        """The faults that apply to a request: all that delay, and the first of the others."""
        moment = self._clock()
        chosen: list[Fault] = []
        # An outage wins over every other fault, whichever was set first.
        for fault in sorted(self._faults.values(), key=lambda fault: fault.kind.name != "down"):
            if not (fault.concerns(exchange.account) and fault.active(moment) and fault.terms.match.accepts(exchange)):
                continue
            taken = not fault.kind.timing and any(not other.kind.timing for other in chosen)
            if taken or not fault.kind.applies_to(script):
                continue
            if fault.chance.random() < fault.terms.rate:
                fault.hits += 1
                chosen.append(fault)
        return chosen

    def _in_model_name(self, exchange: Exchange) -> Fault | None:
        asked = fault_in_model_name(exchange.model)
        if asked is None:
            return None
        kind, options = KINDS[asked[0]], asked[1]
        try:
            read = msgspec.convert(options, kind.options)
        except msgspec.ValidationError:
            return None
        chance = random.Random(f"{self._seed}|{exchange.number}")
        return Fault("model", Terms(exchange.account, kind.name), kind, read, 0.0, None, chance)

    def apply(self, exchange: Exchange, vendor: Vendor, script: Script) -> tuple[Script, list[str]]:
        """The script as the faults leave it, and the kinds that were applied, in order."""
        chosen = self._chosen(exchange, script)
        named = self._in_model_name(exchange)
        # A model name is only looked at in a request that the vendor accepts, and yields to faults that are set.
        accepted = named is not None and script.succeeded and named.kind.applies_to(script)
        if named is not None and accepted and (named.kind.timing or all(fault.kind.timing for fault in chosen)):
            chosen.append(named)
        if self.first_token_delay or self.token_delay:
            script = before_content(script, self.first_token_delay, self.token_delay)
        # Delays come last: what delays an answer delays the faulty one, too.
        for fault in sorted(chosen, key=lambda fault: fault.kind.timing):
            situation = Situation(exchange, vendor, fault.chance)
            script = fault.kind.rewrite(script, fault.options, situation)
        return script, [fault.kind.name for fault in chosen]


_EXAMPLE: Final = '{"account": "primary", "kind": "status", "code": 503}'
