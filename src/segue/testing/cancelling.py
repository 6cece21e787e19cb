"""Cancels a piece of work at each of its awaits in turn.

Whoever hangs up does so at any moment, and each await is a moment at which something may be half done: a permit taken,
a connection opened, a counter raised. Trying them all is the only way to know that each is given back.

    async for trial in at_every_await(lambda: segue.chat("Hello", model="m")):
        assert nothing_is_left()
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any

MOST_AWAITS = 10_000


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of the work.

    Attributes:
        at: the await at which it was cancelled, from 1.
        late: whether the cancellation came when that await was about to return, instead of when it began to wait.
        finished: whether the work came to its end, by itself or because it has no such await.
    """

    at: int
    late: bool
    finished: bool


async def at_every_await(work: Callable[[], Coroutine[Any, Any, object]]) -> AsyncIterator[Trial]:
    """Run the work again and again, cancelled at its first await, its second, and so on until it finishes.

    Each await is tried twice: cancelled while it waits, and in the moment in which what it waited for is there.

    Raises:
        AssertionError: the work never finishes.
    """
    for late in (False, True):
        for at in range(1, MOST_AWAITS):
            watched = _Watched(work(), at, late=late)
            task = asyncio.ensure_future(watched.run())
            await asyncio.wait({task})
            finished = not task.cancelled()
            if finished:
                task.exception()
            yield Trial(at, late, finished)
            if watched.awaits < at:
                break
        else:
            raise AssertionError(f"the work still awaits something after {MOST_AWAITS} awaits")


class _Watched:
    """Passes on what a coroutine awaits, and counts."""

    def __init__(self, work: Coroutine[Any, Any, object], at: int, *, late: bool) -> None:
        self._work = work
        self._at = at
        self._late = late
        self.awaits = 0

    async def run(self) -> object:
        return await self

    def __await__(self) -> Generator[Any, Any, object]:
        error: BaseException | None = None
        while True:
            try:
                waited_for = self._work.send(None) if error is None else self._work.throw(error)
            except StopIteration as stop:
                return stop.value
            self.awaits += 1
            if self.awaits == self._at:
                self._cancel(waited_for)
            try:
                yield waited_for
                error = None
            except BaseException as thrown:  # noqa: BLE001 - passed on to the work, which is where it belongs
                error = thrown

    def _cancel(self, waited_for: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._late and isinstance(waited_for, asyncio.Future):
            waited_for.add_done_callback(lambda _: task.cancel())
        else:
            task.cancel()
