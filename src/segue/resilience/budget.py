"""Retries help when few calls fail and do harm when most do: then they double the load on what is already down.

So retries are paid for. Every first attempt earns a fifth of a retry, for as long as it is remembered; besides, a
small allowance lets a provider with little traffic retry at all. When everything fails, a provider thus sees at most
a fifth more than its ordinary traffic.

The rule is that of the token buckets of Finagle (`RetryBudget`) and tower (`retry::budget`): 20 % of the requests of
the last 10 seconds. Both allow 10 retries a second on top; calls to models and to paid services are fewer and dearer
than those were made for, so here it is one.

Processes that do not know of each other share a provider: each takes its part of the allowance, rounded up to whole
retries, since a part of a retry is none. What is earned needs no dividing: each earns from the calls that it serves.
"""

import math
from collections.abc import Callable

from segue.resilience.window import Window

SPAN = 10.0  # seconds for which a first attempt is remembered
SHARE = 0.2  # retries that one first attempt earns
FLOOR = 1.0  # retries a second that need not be earned


class RetryBudget:
    """The retries that may be made against one provider.

    Args:
        sharers: how many processes share the allowance, 1 or more; this one takes its part.
    """

    __slots__ = ("_allowance", "_window", "deposit")

    def __init__(self, sharers: int = 1) -> None:
        self._window = Window(SPAN)
        self._allowance = math.ceil(FLOOR * SPAN / sharers)
        self.deposit: Callable[[float], None] = self._window.record
        """Count a first attempt, at this time. Every call does, so nothing stands in between."""

    def spend(self, now: float) -> bool:
        """Take one retry, if there is one left."""
        if self.left(now) < 1:
            return False
        self._window.mark(now)
        return True

    def left(self, now: float) -> float:
        """How many retries could be taken at this moment; 0 or more."""
        self._window.advance(now)
        return max(0.0, SHARE * self._window.recorded + self._allowance - self._window.marked)
