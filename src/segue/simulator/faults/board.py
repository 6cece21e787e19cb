"""Faults are set by several hands (admin, files, schedules, model names), and one request must get a definite one.

The board keeps what is set and decides for each request which faults apply. Its dice are seeded per fault, so a run
with the same seed and the same order of requests has the same outages.
"""

import asyncio
import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.faults.catalogue import KINDS, fault_in_model_name
from segue.simulator.faults.fault import Fault, FaultError, Terms, Window, read_fault
from segue.simulator.faults.kinds import Door, Lease, Situation
from segue.simulator.faults.timing import before_content
from segue.simulator.script import Queue, Script
from segue.simulator.vendors import Vendor

FAULT_LIMIT: Final = 10_000
_STAGES: Final = {"limit": 0, "fault": 1, "timing": 2, "shape": 3}
_ORDER: Final = {name: place for place, name in enumerate(KINDS)}
# The more of a listener is gone, the more it counts.
_DOORS: Final[tuple[Door, ...]] = ("closed", "full", "unaccepted", "open")


@dataclass(slots=True)
class Applied:
    """What the faults made of an answer; the leases are to be closed when it has been given."""

    script: Script
    kinds: list[str] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)


class Board:
    """All faults that are set, in the order in which they were set."""

    def __init__(
        self,
        seed: int,
        on_down: Callable[[str], None],
        clock: Callable[[], float],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Make an empty board.

        Args:
            seed: Decides the dice.
            on_down: Ends an account's connections.
            clock: Tells seconds since the start.
            on_change: Is called when a listener may have to open or close.
        """
        self._seed = seed
        self._on_down = on_down
        self._on_change = on_change
        self._clock = clock
        self._faults: dict[str, Fault] = {}
        self._numbers = itertools.count(1)
        self._alarms: dict[str, list[asyncio.TimerHandle]] = {}
        self.first_token_delay = 0.0
        self.token_delay = 0.0

    check = staticmethod(read_fault)

    def set(self, values: Mapping[str, object], window: Window | None = None, origin: float | None = None) -> str:
        """Set a fault from now on, or in a window counted from `origin` (seconds since the start); returns its id."""
        terms, kind, options = read_fault(values)
        if len(self._faults) >= FAULT_LIMIT:
            raise FaultError(f"faults: there are {FAULT_LIMIT} already; lift some first.")
        now = self._clock()
        begins, ends = now if origin is None else origin, None
        if window is not None:
            if window.end is not None and window.end <= window.start:
                raise FaultError("end: must be later than start.")
            ends = None if window.end is None else begins + window.end
            begins += window.start
        identifier = f"fault-{next(self._numbers)}"
        chance = random.Random(f"{self._seed}|{identifier}")
        state = None if kind.state is None else kind.state(options)
        fault = Fault(identifier, terms, kind, options, begins, ends, chance, state)
        self._faults[identifier] = fault
        if kind.ends_connections:
            self._arm(fault, now)
        return identifier

    def _arm(self, fault: Fault, now: float) -> None:
        """End the account's connections when its outage begins, and let its listener follow, now or by alarms."""

        def begin() -> None:
            self._on_change()
            if fault.active(max(self._clock(), fault.begins)):
                self._on_down(fault.terms.account)

        if fault.begins <= now:
            begin()
        for moment, action in ((fault.begins, begin), (fault.ends, self._on_change)):
            if moment is not None and moment > now:
                # A timer may be early by the clock's resolution, and then the fault would not yet, or still, be active.
                handle = asyncio.get_running_loop().call_later(moment - now + 0.001, action)
                self._alarms.setdefault(fault.identifier, []).append(handle)

    def remove(self, identifier: str) -> bool:
        """Lift one fault; False when there is none of that id."""
        for alarm in self._alarms.pop(identifier, ()):
            alarm.cancel()
        fault = self._faults.pop(identifier, None)
        if fault is not None and fault.kind.ends_connections:
            self._on_change()
        return fault is not None

    def clear(self, account: str | None = None) -> int:
        """Lift all faults of an account (None: of all accounts); returns how many."""
        chosen = [name for name, fault in self._faults.items() if account in (None, fault.terms.account)]
        return sum(map(self.remove, chosen))

    def as_json(self) -> list[dict[str, object]]:
        """All faults as the admin interface shows them."""
        moment = self._clock()
        return [fault.as_json(moment) for fault in self._faults.values()]

    def door(self, account: str) -> Door:
        """What the account's own listener has to do now."""
        moment = self._clock()
        doors = {fault.door(moment) for fault in self._faults.values() if fault.concerns(account)}
        return next((door for door in _DOORS if door in doors), "open")

    def _chosen(self, exchange: Exchange, script: Script, moment: float, *, refused: bool) -> list[Fault]:
        """The faults that apply to a request beside the limits: all delays and shapes, and the first of the others."""
        chosen: list[Fault] = []
        # An outage wins over every other fault, whichever was set first.
        for fault in sorted(self._faults.values(), key=lambda fault: fault.kind.name != "down"):
            kind = fault.kind
            if kind.stage == "limit" or kind.before_body:
                continue
            if kind.stage == "fault" and (refused or any(other.kind.stage == "fault" for other in chosen)):
                continue
            if self._concerned(fault, exchange, moment) and kind.applies_to(script) and fault.hit_by_lot():
                chosen.append(fault)
        return chosen

    @staticmethod
    def _concerned(fault: Fault, exchange: Exchange, moment: float) -> bool:
        return fault.concerns(exchange.account) and fault.active(moment) and fault.terms.match.accepts(exchange)

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

    def _rewrite(self, applied: Applied, fault: Fault, exchange: Exchange, vendor: Vendor, moment: float) -> bool:
        """Let one fault rewrite the answer; returns whether the request was hit."""
        situation = Situation(exchange, vendor, fault.chance, moment, fault.state, applied.leases)
        applied.script = fault.kind.rewrite(applied.script, fault.options, situation)
        fault.hits += situation.spoilt
        return situation.spoilt

    def early(self, exchange: Exchange, vendor: Vendor) -> Applied | None:
        """What answers before the body was read, when anything does; `exchange` has no body yet."""
        moment = self._clock()
        active = [fault for fault in self._faults.values() if self._concerned(fault, exchange, moment)]
        if any(fault.kind.ends_connections for fault in active):
            return None
        for fault in active:
            if fault.kind.before_body and fault.hit_by_lot():
                applied = Applied(Script(()), [fault.kind.name])
                self._rewrite(applied, fault, exchange, vendor, moment)
                return applied
        return None

    def apply(self, exchange: Exchange, vendor: Vendor, script: Script) -> Applied:
        """The answer as the faults leave it."""
        applied = Applied(script)
        if self._faults:
            moment = self._clock()
            for fault in self._faults.values():
                # Whoever was refused by one limit does not take from the next.
                if fault.kind.stage != "limit" or applied.kinds or not self._concerned(fault, exchange, moment):
                    continue
                if fault.hit_by_lot() and self._rewrite(applied, fault, exchange, vendor, moment):
                    applied.kinds.append(fault.kind.name)
            chosen = self._chosen(exchange, script, moment, refused=bool(applied.kinds))
        else:
            moment, chosen = 0.0, []
        named = self._in_model_name(exchange)
        # A model name is only looked at in a request that the vendor accepts, and yields to faults that are set.
        if named is not None and script.succeeded and not applied.kinds and named.kind.applies_to(script):
            faulty = any(fault.kind.stage == "fault" for fault in chosen)
            if named.kind.stage != "fault" or not faulty:
                chosen.append(named)
        if self.first_token_delay or self.token_delay:
            applied.script = before_content(applied.script, self.first_token_delay, self.token_delay)
        # What delays an answer, or changes its form, does so to the faulty one, too, and therefore comes later.
        hit = {
            fault.identifier
            for fault in sorted(chosen, key=lambda fault: (_STAGES[fault.kind.stage], _ORDER[fault.kind.name]))
            if self._rewrite(applied, fault, exchange, vendor, moment)
        }
        applied.kinds += [fault.kind.name for fault in chosen if fault.identifier in hit]
        if applied.leases:
            queues = tuple(Queue(lease) for lease in applied.leases)
            applied.script = Script((*queues, *applied.script.steps), applied.script.tokens)
        return applied
