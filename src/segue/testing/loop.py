"""Minutes of timeouts and backoff, tested in milliseconds and with exact times.

A test that sleeps for real is slow or flaky, mostly both. On this event loop time passes only when there is nothing
else to do: as soon as no task can run, the clock jumps to the next timer. `asyncio.sleep`, `asyncio.timeout` and
`call_later` work unchanged.

Sockets and threads live in real time, so they do not mix with timers here: while a thread works, the loop has nothing
to do and jumps. Give such a test an in-memory transport.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

# Seconds of virtual time after which a test surely runs in circles.
LONGEST = 30 * 86_400.0

# Real seconds that a loop without timers waits for a thread or a socket before it calls that a deadlock.
PATIENCE = 0.2


class Deadlock(RuntimeError):
    """Every task waits, and nothing will ever wake one."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer whenever nothing can run; it starts at 0."""

    def __init__(self) -> None:
        self._selector_of_time = _JumpingSelector()
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._selector_of_time.now


class VirtualClock:
    """A `segue.core.clock.Clock` that shows the time of the running `VirtualLoop`.

    Args:
        wall: what the wall clock shows when the loop's time is 0, in seconds since 1970-01-01 UTC.
    """

    def __init__(self, wall: float = 1_700_000_000.0) -> None:
        self._wall = wall

    def now(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._wall + self.now()

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop, which takes no real time."""
        await asyncio.sleep(seconds)


def run_virtual(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end in virtual time, and hand back what it returns.

    Raises:
        Deadlock: every task waits for something that cannot happen any more.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for no one: instead of `timeout` real seconds it lets `timeout` virtual ones pass.

    The loop asks with `timeout` 0 when a task can run, with the time to the next timer when none can, and with `None`
    when there is no timer either.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(PATIENCE if timeout is None else 0)
        if ready:
            return ready
        if timeout is None:
            raise Deadlock("nothing can run and no timer is set: every task waits for something that will not happen")
        self.now += timeout
        # With 0 a task can run: perhaps the one that is being cancelled because of the error below.
        if timeout > 0 and self.now > LONGEST:
            raise Deadlock(f"{LONGEST:,.0f} virtual seconds have passed: some task seems to wait again and again")
        return ready
