"""Keeps answers that callers may go on from: at once in memory, behind the caller's back in the store.

A caller sends its next request as soon as it has the answer, and must find what it goes on from; but no answer may wait
for a disk. So an answer is first put in memory, where it is found in the same moment, and one task writes it. Memory is
bounded in bytes: what was used longest ago gives way, and is read from the store when it is wanted again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from segue.core.clock import Clock
from segue.core.errors import Unavailable

KEPT_FOR: Final = 30 * 86_400.0
"""Seconds: OpenAI keeps responses for 30 days (platform.openai.com/docs/guides/your-data)."""

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of one answer with its conversation; what is larger is not kept."""

MEMORY: Final = 64 * 1024 * 1024
"""Bytes of all answers in memory, those that wait to be written included."""

LONGEST_NAME: Final = 128
"""Characters of an id; OpenAI's have 53."""

PURGE_EVERY: Final = 3600.0
"""Seconds between two deletions of what has expired."""

_BATCH: Final = 16  # answers of one transaction
_LONGEST_BACKOFF: Final = 5.0
_MOST_TRIES: Final = 100  # of writing one batch: a store that is away for some minutes loses nothing
_LOOKS: Final = 3  # for what another process may be writing in this moment
_BETWEEN_LOOKS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept answer.

    Attributes:
        caller_id: whose it is; "" for the open service.
        id: the name by which its caller goes on from it.
        created, expires: seconds since 1970-01-01 UTC.
        record: what a next request needs of it, as bytes.
        answer: the body of the answer.
    """

    caller_id: str
    id: str
    created: float
    expires: float
    record: bytes
    answer: bytes

    def __repr__(self) -> str:
        return f"Kept({self.id!r})"  # what was said is nobody's business

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.record) + len(self.answer)


class Keeping(Protocol):
    """Where answers outlive the process; see `segue.backends.store.responses.ResponseStore`."""

    async def save(self, kept: Sequence[Kept]) -> None:
        """Write answers, in place of those of the same id."""
        ...

    async def load(self, caller_id: str, name: str) -> Kept | None:
        """The caller's answer of this id, if there is one."""
        ...

    async def delete(self, caller_id: str, name: str) -> bool:
        """Delete it; whether there was one."""
        ...

    async def purge(self, wall: float) -> int:
        """Delete what has expired; how many there were."""
        ...


class Shelf:
    """The kept answers of one process.

    Args:
        clock: for dates and for waiting.
        store: where they are written; `None` to keep them in memory alone.
        alone: whether no other process has the same store. Where one has, memory holds only what is not written yet:
            it would not hear of what others delete.
        capacity: bytes of memory.

    Attributes:
        written: answers that are in the store.
        dropped: answers that were not written and never will be.
        errors: failed tries of writing and of purging.
    """

    def __init__(
        self, clock: Clock, store: Keeping | None = None, *, alone: bool = True, capacity: int = MEMORY
    ) -> None:
        self._clock = clock
        self._store = store
        self._alone = alone
        self._capacity = capacity
        self._memory: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._bytes = 0
        self._waiting: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._some = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._lock = asyncio.Lock()
        self._deletions = 0
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self.written = 0
        self.dropped = 0
        self.errors = 0

    def start(self) -> None:
        """Begin to write and to purge; inside the running loop."""
        if self._store is not None and not self._tasks:
            self._tasks = (
                asyncio.create_task(self._write(self._store), name="segue responses"),
                asyncio.create_task(self._purge(self._store), name="segue responses purge"),
            )

    async def close(self, limit: float = 5.0) -> None:
        """Write what waits, within `limit` seconds; the rest is dropped and counted."""
        if self._tasks:
            with suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    await self._idle.wait()
        tasks, self._tasks = self._tasks, ()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.dropped += len(self._waiting)
        self._waiting.clear()

    def put(self, caller_id: str, name: str, record: bytes, answer: bytes) -> bool:
        """Keep an answer; false where it is too large, or its name too long. Never waits."""
        now = self._clock.wall()
        kept = Kept(caller_id, name, now, now + KEPT_FOR, record, answer)
        if kept.size > min(LARGEST, self._capacity) or len(name) > LONGEST_NAME:
            return False
        key = caller_id, name
        self._remember(key, kept)
        if self._store is not None:
            self._waiting[key] = kept
            self._idle.clear()
            self._some.set()
        return True

    async def find(self, caller_id: str, name: str) -> Kept | None:
        """The caller's answer of this id; `None` where there is none, and where it has expired.

        Raises:
            Unavailable: the store does not answer, so that nobody can tell.
        """
        if not name or len(name) > LONGEST_NAME:
            return None
        kept = self._memory.get((caller_id, name))
        if kept is not None:
            self._memory.move_to_end((caller_id, name))
        else:
            kept = await self._load(caller_id, name)
        return None if kept is None or kept.expires <= self._clock.wall() else kept

    async def delete(self, caller_id: str, name: str) -> bool:
        """Delete the caller's answer of this id; whether there was one.

        Raises:
            Unavailable: the store does not answer.
        """
        if not name or len(name) > LONGEST_NAME:
            return False
        key = caller_id, name
        async with self._lock:  # what is just being written must not come after its deletion
            self._deletions += 1
            found = self._forget(key)
            self._waiting.pop(key, None)
            if self._store is None:
                return found
            try:
                return await self._store.delete(caller_id, name) or found
            except Exception as error:
                raise _away() from error

    async def _load(self, caller_id: str, name: str) -> Kept | None:
        store = self._store
        if store is None:
            return None
        deletions = self._deletions
        for look in range(1 if self._alone else _LOOKS):
            if look:
                await self._clock.sleep(_BETWEEN_LOOKS)
            try:
                kept = await store.load(caller_id, name)
            except Exception as error:
                raise _away() from error
            if kept is not None:
                if self._alone and deletions == self._deletions:
                    self._remember((caller_id, name), kept)
                return kept
        return None

    def _remember(self, key: tuple[str, str], kept: Kept) -> None:
        self._forget(key)
        self._memory[key] = kept
        self._bytes += kept.size
        while self._bytes > self._capacity:
            oldest = next(iter(self._memory))
            self._forget(oldest)
            if self._waiting.pop(oldest, None) is not None:
                self.dropped += 1

    def _forget(self, key: tuple[str, str]) -> bool:
        kept = self._memory.pop(key, None)
        if kept is not None:
            self._bytes -= kept.size
        return kept is not None

    async def _write(self, store: Keeping) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            tries = 0
            while self._waiting:
                async with self._lock:
                    tries = await self._write_some(store, tries)
                if tries:
                    await self._clock.sleep(min(0.05 * 2.0 ** min(tries, 10), _LONGEST_BACKOFF))
            self._idle.set()

    async def _write_some(self, store: Keeping, tries: int) -> int:
        """Write those that wait longest; how often in a row that has failed now."""
        batch = [self._waiting[key] for key in list(self._waiting)[:_BATCH]]
        try:
            await store.save(batch)
        except Exception:  # noqa: BLE001 - whatever keeps it from being written: it is tried again, then counted
            self.errors += 1
            if tries + 1 < _MOST_TRIES:
                return tries + 1
            self.dropped += len(batch)
        else:
            self.written += len(batch)
        for kept in batch:
            key = kept.caller_id, kept.id
            if self._waiting.get(key) is kept:
                del self._waiting[key]
                if not self._alone:
                    self._forget(key)
        return 0

    async def _purge(self, store: Keeping) -> None:
        while True:
            try:
                await store.purge(self._clock.wall())
            except Exception:  # noqa: BLE001 - what cannot be purged now is purged in an hour
                self.errors += 1
            await self._clock.sleep(PURGE_EVERY)


def _away() -> Unavailable:
    return Unavailable("the store does not answer, so kept responses cannot be looked up: try again", retry_after=1.0)
