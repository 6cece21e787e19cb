"""The time limits of attempts, kept by one timer of the event loop for all of them.

Nearly every attempt ends long before its limit. To set a timer of the loop for each and to take it back costs 3 us, as
much as a breaker, a plan and a counter together. So the limits are numbers, and one timer rings at the earliest that
was ever set; when it rings it looks at who is still there.
"""

import asyncio
from math import inf
from typing import Any, Final, Protocol, cast

_TICK: Final = 0.001
"""Seconds: loops ring up to their clock's resolution too early (uvloop's is a millisecond)."""

SOON: Final = 1.0
"""Seconds: a limit that is nearer has a timer of its own, else many callers in a hurry would have all looked at."""


class Limited(Protocol):
    """Something with a time limit."""

    @property
    def when(self) -> float:
        """The limit, on the loop's clock."""
        ...

    def ring(self) -> None:
        """It has passed."""
        ...


class Watch:
    """The attempts under way on one event loop that have a limit, and the timer that rings for them."""

    __slots__ = ("_handle", "_rings_at", "_watched", "loop", "now")

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._watched: dict[Limited, None] = {}
        self._handle: asyncio.TimerHandle | None = None
        self._rings_at = inf

    def on(self, loop: asyncio.AbstractEventLoop) -> "Watch":
        """Itself, on this event loop; whatever was watched on another one is gone with it."""
        if self.loop is not loop:
            self.loop = loop
            self.now = loop.time
            self._watched = {}
            self._handle = None
            self._rings_at = inf
        return self

    def add(self, timer: Limited, when: float) -> None:
        """Tell this timer when its limit has passed."""
        self._watched[timer] = None
        if when < self._rings_at:
            self._ring_at(when)

    def call_at(self, when: float, timer: "Timer") -> asyncio.TimerHandle:
        """A timer of the loop for this one alone."""
        return cast("asyncio.AbstractEventLoop", self.loop).call_at(when, timer.ring)

    def remove(self, timer: Limited) -> None:
        """It is not limited any more."""
        self._watched.pop(timer, None)
        if not self._watched and self._handle is not None:
            self._handle.cancel()  # an idle process has nothing to wake up for
            self._handle = None
            self._rings_at = inf

    def _ring_at(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._rings_at = when
        self._handle = cast("asyncio.AbstractEventLoop", self.loop).call_at(when, self._ring)

    def _ring(self) -> None:
        self._handle = None
        self._rings_at = inf
        now = self.now()
        for timer in [timer for timer in self._watched if timer.when <= now + _TICK]:
            self._watched.pop(timer, None)
            timer.ring()
        if self._watched:
            self._ring_at(min(timer.when for timer in self._watched))


class Timer:
    """The limit of the phase that an attempt is in; it cancels the attempt's task when that has passed.

    It does what `asyncio.timeout` does, at a fraction of the cost.

    Args:
        watch: who rings.
        time_left: seconds until the call's deadline.
        total: seconds for the first phase, which is the whole.

    Attributes:
        when: the limit, on the loop's clock.
        phase: what is limited.
        by_deadline: whether the limit is the call's deadline.
        expired: whether it has passed.
    """

    __slots__ = (
        "_cancelling",
        "_deadline",
        "_handle",
        "_started",
        "_task",
        "_watch",
        "by_deadline",
        "expired",
        "phase",
        "when",
    )

    def __init__(self, watch: Watch, time_left: float, total: float) -> None:
        task = asyncio.current_task(watch.loop)
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._task: asyncio.Task[Any] | None = task
        self._cancelling = task.cancelling()
        self._watch = watch
        self._started = now = watch.now()
        self._deadline = now + time_left
        self._handle: asyncio.TimerHandle | None = None
        self.phase = "total"
        self.by_deadline = time_left < total
        left = time_left if self.by_deadline else total
        self.when = now + left
        self.expired = False
        if left >= SOON:
            watch.add(self, self.when)
        else:
            self._arm(self.when)

    def enter(self, phase: str, seconds: float) -> None:
        """Limit this phase, counted from the start of the attempt; never beyond the call's deadline."""
        when = self._started + seconds
        self.phase = phase
        self.by_deadline = when > self._deadline
        if self.by_deadline:
            when = self._deadline
        if when != self.when:  # most phases end with the same deadline
            self._set(when)

    def renew(self, phase: str, seconds: float) -> None:
        """Limit this phase, counted from now; the deadline has been met."""
        self.by_deadline = False
        self.phase = phase
        self._set(self._watch.now() + seconds)

    def stop(self) -> None:
        """Nothing is limited any more."""
        self.when = inf
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        else:
            self._watch.remove(self)

    def settle(self) -> bool:
        """Stop, undo the cancellation if it rang, and know the task no more; whether it was the only one to cancel.

        An attempt is kept until it was written down; the task, and the request in it, must not be kept with it.
        """
        if self._handle is not None:
            self.stop()
        else:
            self.when = inf
            self._watch.remove(self)
        task, self._task = self._task, None
        return self.expired and task is not None and task.uncancel() <= self._cancelling

    def ring(self) -> None:
        """The limit has passed, unless it was moved meanwhile."""
        self._handle = None
        if self._watch.now() < self.when - _TICK:
            self._arm(self.when)
        elif self._task is not None and not self.expired:
            self.expired = True
            self._task.cancel()

    def _set(self, when: float) -> None:
        sooner = when < self.when
        self.when = when
        if sooner:  # one that grows is noticed when it rings
            if self._handle is not None:
                self._handle.cancel()
                self._handle = None
            self._arm(when)

    def _arm(self, when: float) -> None:
        watch = self._watch
        if when - watch.now() < SOON:
            watch.remove(self)
            self._handle = watch.call_at(when, self)
        else:
            watch.add(self, when)
