"""Writes every call down without any call waiting for it.

A store is a thousand times slower than the path of a call, and now and then it stands still. So calls are put on a
bounded queue in memory, and one task writes them in batches. When the store cannot keep up, records are dropped and
counted; calls go on.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from segue.backends.store.records import (
    ATTEMPT_COLUMNS,
    CALL_COLUMNS,
    CallRecord,
    Ended,
    ended,
    from_row,
    to_record,
)
from segue.backends.store.store import Store
from segue.backends.store.tables import ATTEMPTS, CALLS
from segue.core.clock import Clock
from segue.core.signals import CallEnded

_BATCH = 500  # calls of one transaction: under a millisecond of the event loop's time
_ROWS = (250, 50, 10, 1)  # rows of one statement; 22 values each are far from the 32,766 that SQLite takes
_LONGEST_BACKOFF = 5.0
_LONGEST_LIST = 500


class CallLog:
    """The record of calls.

    Args:
        store: where it is written.
        clock: for waiting.
        capacity: calls that may wait to be written; further ones are dropped.
        interval: seconds that a call waits for company before it is written.

    Attributes:
        written: calls that are in the store.
        dropped: calls that are not and never will be.
        errors: failed tries of writing; what was not written is tried again.
        problem: the kind of error that the last try ended with; `None` after a good one.
    """

    def __init__(self, store: Store, clock: Clock, *, capacity: int = 10_000, interval: float = 0.5) -> None:
        self._store = store
        self._clock = clock
        self._capacity = capacity
        self._interval = interval
        self._waiting: deque[Ended] = deque()
        self._writing: Sequence[Ended] = ()
        self._some = asyncio.Event()
        self._many = asyncio.Event()
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.written = 0
        self.dropped = 0
        self.errors = 0
        self.problem: str | None = None

    def start(self) -> None:
        """Begin to write; inside the running loop."""
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._run(), name="segue call log")

    def record(self, signal: CallEnded) -> None:
        """Put a call on the queue; subscribe this to `CallEnded`. Never waits, never raises."""
        waiting = len(self._waiting)
        if waiting >= self._capacity or self._closed:
            self.dropped += 1
            return
        self._waiting.append(ended(signal))
        if waiting == 0:
            self._some.set()
        elif waiting == _BATCH:
            self._many.set()

    @property
    def waiting(self) -> int:
        """Calls that are not written yet."""
        return len(self._waiting) + len(self._writing)

    async def flush(self, limit: float = 10.0) -> bool:
        """Write what waits now; whether that was done within `limit` seconds."""
        drained = asyncio.create_task(self._drain())
        try:
            done, _ = await asyncio.wait((drained,), timeout=limit)
            return bool(done)
        finally:
            await _cancel(drained)

    async def close(self, limit: float = 5.0) -> None:
        """Take no more, write what waits within `limit` seconds; the rest is dropped and counted."""
        self._closed = True
        await self.flush(limit)
        if self._task is not None:
            await _cancel(self._task)
            self._task = None
        self.dropped += len(self._waiting)
        self._waiting.clear()

    async def get(self, call_id: str) -> CallRecord | None:
        """One call by its id, be it written or still waiting."""
        for call in (*self._writing, *self._waiting):
            if call.id == call_id:
                return to_record(call)
        found = await self._select(select(CALLS).where(CALLS.c.id == call_id))
        return found[0] if found else None

    async def _select(self, query: Any) -> Sequence[CallRecord]:
        async with self._store.read() as connection:
            calls = (await connection.execute(query)).mappings().all()
            ids = [call["id"] for call in calls]
            tried = select(ATTEMPTS).where(ATTEMPTS.c.call_id.in_(ids)).order_by(ATTEMPTS.c.call_id, ATTEMPTS.c.number)
            attempts = (await connection.execute(tried)).mappings().all() if ids else []
        by_call: dict[str, Any] = {}
        for attempt in attempts:
            by_call.setdefault(attempt["call_id"], []).append(attempt)
        return [from_row(call, by_call.get(call["id"], [])) for call in calls]

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            if len(self._waiting) <= _BATCH:
                nap = asyncio.create_task(self._clock.sleep(self._interval))
                full = asyncio.create_task(self._many.wait())
                try:
                    await asyncio.wait((nap, full), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    await _cancel(nap, full)
            await self._drain()

    async def _drain(self) -> None:
        """Write the calls that wait now; those that come meanwhile are for the next round."""
        async with self._lock:
            left = len(self._waiting)
            self._some.clear()
            self._many.clear()
            try:
                while left > 0:
                    batch = [self._waiting.popleft() for _ in range(min(left, _BATCH))]
                    left -= len(batch)
                    await self._write(batch)
            finally:
                if self._waiting:
                    self._some.set()

    async def _write(self, batch: Sequence[Ended]) -> None:
        """Write a batch, trying again for as long as it is the store that fails."""
        groups = deque([batch])
        backoff = 0.1
        self._writing = batch
        try:
            while groups:
                group = groups[0]
                try:
                    await self._insert(group)
                except (OperationalError, InterfaceError, PoolTimeout, OSError) as error:
                    self._failed(error)
                    await self._clock.sleep(backoff)
                    backoff = min(backoff * 2, _LONGEST_BACKOFF)
                    continue
                except Exception as error:  # noqa: BLE001 - one record that cannot be written must not take others along
                    self._failed(error)
                    groups.popleft()
                    if len(group) > 1:
                        groups.extendleft([call] for call in reversed(group))
                    else:
                        self.dropped += 1
                else:
                    self.problem = None
                    self.written += len(group)
                    groups.popleft()
        except asyncio.CancelledError:
            self._waiting.extendleft(call for group in reversed(groups) for call in reversed(group))
            raise
        finally:
            self._writing = ()

    def _failed(self, error: Exception) -> None:
        self.errors += 1
        self.problem = type(error).__name__

    async def _insert(self, calls: Sequence[Ended]) -> None:
        async with self._store.write() as connection:
            for table, columns, rows in (
                ("calls", CALL_COLUMNS, [call[:-1] for call in calls]),
                ("attempts", ATTEMPT_COLUMNS, [row for call in calls for row in call.attempts]),
            ):
                first = 0
                while first < len(rows):
                    # One statement for many rows, not one for each: the driver gives the interpreter's lock away at
                    # every statement and gets it back after up to 5 ms, so a busy service wrote 100 calls a second.
                    # A few sizes only: the driver keeps every text of a statement that it has seen, prepared.
                    size = next(size for size in _ROWS if size <= len(rows) - first)
                    values = tuple(chain.from_iterable(rows[first : first + size]))
                    await connection.exec_driver_sql(_insert_of(table, columns, size), values)
                    first += size

    async def list(
        self,
        limit: int = 50,
        *,
        before: str | None = None,
        operation: str | None = None,
        code: str | None = None,
        caller_id: str | None = None,
    ) -> Sequence[CallRecord]:
        """The newest calls first, those still waiting included.

        Args:
            limit: at most so many, 1 to 500.
            before: the id of the last call of the page before this one.
            operation: only calls of it.
            code: only calls that ended so.
            caller_id: only calls of this key.
        """
        await self.flush()
        query = select(CALLS).order_by(CALLS.c.id.desc())
        for column, wanted in ((CALLS.c.operation, operation), (CALLS.c.code, code), (CALLS.c.caller_id, caller_id)):
            if wanted is not None:
                query = query.where(column == wanted)
        if before is not None:
            query = query.where(CALLS.c.id < before)
        return await self._select(query.limit(max(1, min(limit, _LONGEST_LIST))))


@cache
def _insert_of(table: str, columns: Sequence[str], rows: int) -> str:
    """The statement for so many rows; its places are in the order of the columns."""
    row = f"({', '.join('?' * len(columns))})"
    names = ", ".join(f'"{column}"' for column in columns)
    # A batch whose commit was heard of too late is written again; the second time it is there.
    return f"INSERT OR IGNORE INTO {table} ({names}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - names of our own


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError, SQLAlchemyError):
        await asyncio.gather(*tasks, return_exceptions=True)
