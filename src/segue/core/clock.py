"""Time, chance and names come in from outside, so that a test can hold them still.

A policy that reads the clock itself can only be tested by waiting, and one that rolls its own dice can never be
tested twice. So everything takes a `Clock` and a `Chance`; only this module may touch the real ones (the linter's
banned-api list holds that), and `segue.testing` ships the others.
"""

import asyncio
import random
import secrets
import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Seconds on a monotonic clock with an arbitrary start: for intervals and deadlines."""
        ...

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC: for records and for dates that vendors send."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellation passes through at once."""
        ...


class Chance(Protocol):
    """Where randomness and identifiers come from."""

    def random(self) -> float:
        """A number in [0, 1)."""
        ...

    def new_id(self, prefix: str) -> str:
        """A new identifier that begins with `prefix`; unique over processes and restarts."""
        ...


class SystemClock:
    """The machine's own clock."""

    __slots__ = ()

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(seconds)


class SystemChance:
    """Pseudo-random numbers, and identifiers that sort by the time at which they were made.

    Identifiers are names, not secrets: whoever may read a record is decided by authorisation, never by guessing.
    """

    __slots__ = ("_random",)

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(secrets.randbits(64) if seed is None else seed)  # noqa: S311 - not for secrets

    def random(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()

    def new_id(self, prefix: str) -> str:
        """`prefix`, 11 hexadecimal digits of milliseconds, 16 of chance."""
        # One number: to write two takes half as long again.
        return f"{prefix}{(int(time.time() * 1000) << 64) | self._random.getrandbits(64):027x}"
