"""A clock that stands still until the test moves it."""

import asyncio


class FakeClock:
    """A `segue.core.clock.Clock` moved by hand.

    A sleep notes how long it was to be, moves the clock by that, and lets the other tasks run once.

    Args:
        now: where the monotonic clock starts, in seconds.
        wall: where the wall clock starts, in seconds since 1970-01-01 UTC.

    Attributes:
        sleeps: the length of every sleep so far, in seconds.
    """

    def __init__(self, now: float = 1000.0, wall: float = 1_700_000_000.0) -> None:
        self._now = now
        self._wall = wall
        self.sleeps: list[float] = []

    def now(self) -> float:
        """Seconds on the monotonic clock."""
        return self._now

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return self._wall

    def advance(self, seconds: float) -> None:
        """Move both clocks on.

        Raises:
            ValueError: `seconds` is negative; a monotonic clock never steps back.
        """
        if not seconds >= 0:
            raise ValueError(f"a clock moves forward only: {seconds!r} seconds")
        self._now += seconds
        self._wall += seconds

    def set_wall(self, wall: float) -> None:
        """Set the wall clock alone, as an administrator or NTP would."""
        self._wall = wall

    async def sleep(self, seconds: float) -> None:
        """Note it, move on by it, and let the others run."""
        self.sleeps.append(seconds)
        self.advance(max(0.0, seconds))
        await asyncio.sleep(0)
