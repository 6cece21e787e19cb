"""The time limits of a stream, kept by one timer of the event loop.

A stream waits for its provider thousands of times, and a limit that is set and taken back for each wait costs more
than the chunk it waits for. So the limit is a number that is moved, and the timer looks at it when it rings.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Final

_TICK: Final = 0.001
"""Seconds: loops ring up to their clock's resolution too early (uvloop's is a millisecond)."""


class Alarm:
    """Rings once, when a limit has passed.

    Args:
        loop: whose clock the limits are on.
        latest: when it rings in any case, if anything is limited then.
        rings: what it calls.

    Attributes:
        when: the limit, on the loop's clock. It may be moved to a later time at will, without a call.
    """

    __slots__ = ("_handle", "_latest", "_loop", "_rings", "_rings_at", "when")

    def __init__(self, loop: asyncio.AbstractEventLoop, latest: float, rings: Callable[[], None]) -> None:
        self._loop = loop
        self._latest = latest
        self._rings: Callable[[], None] | None = rings
        self._handle: asyncio.TimerHandle | None = None
        self._rings_at = inf
        self.when = inf

    def set(self, when: float) -> None:
        """Limit what is waited for, until `rest`."""
        self.when = when
        when = min(when, self._latest)
        if (self._handle is None or when < self._rings_at) and self._rings is not None:
            if self._handle is not None:
                self._handle.cancel()
            self._rings_at = when
            self._handle = self._loop.call_at(when, self._look)

    def rest(self) -> None:
        """Nothing is waited for; the timer itself is left where it is, since the next wait comes soon."""
        self.when = inf

    def stop(self) -> None:
        """Never ring again."""
        self._rings = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _look(self) -> None:
        self._handle = None
        if self.when == inf or self._rings is None:
            return
        if self._loop.time() < min(self.when, self._latest) - _TICK:
            self.set(self.when)
        else:
            self._rings()
