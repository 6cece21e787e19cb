"""An outage of one vendor from its first failure until its traffic is back, with everything about it measured."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from segue.cli.demo.stage import OPEN_FOR, Stage
from segue.cli.demo.traffic import Tally
from segue.core.clock import Clock

STEP = 0.02
"""Seconds between two looks at a condition."""
GRACE = 5.0
"""Seconds beyond `OPEN_FOR` in which traffic must be back, or a probe must have come."""
BACK = 10
"""So many answers in a row from a provider mean that its traffic is back."""


class NotReached(Exception):
    """Something that the demo waits for has not happened in time."""


async def until(clock: Clock, condition: Callable[[], bool], limit: float, what: str) -> None:
    """Wait for a condition.

    Raises:
        NotReached: it did not hold within `limit` seconds.
    """
    end = clock.now() + limit
    while not condition():
        if clock.now() >= end:
            raise NotReached(f"{what}: not within {limit:g} s")
        await clock.sleep(STEP)


@dataclass(frozen=True, slots=True)
class OutageFacts:
    """What was seen of an outage; all times in seconds.

    Attributes:
        provider: who was down.
        opened_after: from the first failure to the open breaker.
        open_for: from the open breaker to the recovery of the vendor.
        probes: requests that reached the vendor in that time.
        answered: calls that were answered in that time, by others.
        back_after: from the recovery of the vendor to the first answer of its again unbroken row.
    """

    provider: str
    opened_after: float
    open_for: float
    probes: int
    answered: int
    back_after: float


class Outage:
    """Breaks a vendor and mends it.

    Args:
        stage: where.
        tally: what its callers see.
        provider: its id.
        first: the fault with which it begins.
        then: the fault that the probes meet.
        tell: is given a line for each step.
    """

    def __init__(
        self,
        stage: Stage,
        tally: Tally,
        provider: str,
        *,
        first: tuple[str, dict[str, Any]],
        then: tuple[str, dict[str, Any]],
        tell: Callable[[str], None],
    ) -> None:
        self._stage = stage
        self._tally = tally
        self._provider = provider
        self._first = first
        self._then = then
        self._tell = tell

    async def play(self) -> OutageFacts:
        """Break it, wait until a probe has found it down, mend it, wait until it is used again.

        Raises:
            NotReached: the breaker did not open, no probe came, or the traffic did not come back.
        """
        name, clock = self._provider, self._stage.clock
        simulator = self._stage.vendors[name]
        began = clock.now()
        simulator.fault(name, self._first[0], **self._first[1])
        await until(clock, lambda: self._status("state") != "closed", GRACE, f"the breaker of {name} opens")
        opened = clock.now()
        # What was under way when the breaker opened is no probe.
        await until(clock, lambda: self._status("in_flight") == 0, GRACE, f"calls at {name} end")
        reached, answered, opens = self._stage.reached(name), self._tally.answered.total(), self._status("opens")
        simulator.clear(name)
        simulator.fault(name, self._then[0], **self._then[1])
        await until(
            clock, lambda: self._status("opens") > opens, OPEN_FOR + GRACE, f"a probe reaches {name} and finds it down"
        )
        probes, answered = self._stage.reached(name) - reached, self._tally.answered.total() - answered
        simulator.clear(name)
        mended = clock.now()
        self._tell(f"{name} is mended after {mended - began:.1f} s; its breaker still waits")
        await until(clock, self._is_back, OPEN_FOR + GRACE, f"traffic is back on {name}")
        back = self._tally.row_since
        self._tell(f"traffic is back on {name}, {back - mended:.1f} s after it was mended")
        return OutageFacts(name, opened - began, mended - opened, probes, answered, back - mended)

    def _is_back(self) -> bool:
        return self._tally.row_of == self._provider and self._tally.row >= BACK

    def _status(self, what: str) -> Any:
        return self._stage.status()[self._provider][what]
