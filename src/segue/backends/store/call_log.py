"""Writes every call down without any call waiting for it.

A store is a thousand times slower than the path of a call, and now and then it stands still. So calls are put on a
bounded queue in memory, and one task writes them in batches. When the store cannot keep up, records are dropped and
counted; calls go on.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from segue.backends.store.records import (
    CallRecord,
    Ended,
    ended,
    from_row,
    to_record,
)
from segue.backends.store.statements import (
    insert_alike,
    insert_attempts,
    insert_calls,
    insert_priced,
    insert_rows,
)
from segue.backends.store.store import Store
from segue.backends.store.tables import ATTEMPTS, CALLS
from segue.backends.store.usual import MEASURED, Shared, Usual, spelt_out, usual
from segue.core.clock import Clock
from segue.core.signals import Answered, CallEnded

_BATCH = 1000  # calls of one transaction: about a millisecond of the event loop's time
_RARE = frozenset({0, _BATCH})  # numbers of waiting calls at which the writer is told
_FEW = 10  # calls that are too few for a statement of their own
_UNPRICED = len(MEASURED) + 1  # values of a usual call without a price
_MOST_SHARED = 1000  # candidates and callers for whom it is remembered
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
        self._shared: dict[tuple[str, str, str, str], Shared] = {}
        self._waiting: deque[Ended | Usual] = deque()
        self._writing: Sequence[Ended | Usual] = ()
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

    def record_answered(self, signal: Answered) -> None:
        """The same of a usual call."""
        waiting = len(self._waiting)
        if waiting in _RARE or waiting >= self._capacity or self._closed:
            self.record(signal.ended_call())
            return
        candidate = signal.candidate
        whose = candidate.provider.id, candidate.model, candidate.key.label, signal.caller.id
        shared = self._shared.get(whose)
        if shared is None or not shared.holds(signal):
            if len(self._shared) >= _MOST_SHARED:
                self._shared.clear()
            shared = self._shared[whose] = Shared(signal)
        self._waiting.append(usual(signal, shared) or ended(signal.ended_call()))

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
                return to_record(spelt_out(call) if isinstance(call, Usual) else call)
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

    async def _write(self, batch: Sequence[Ended | Usual]) -> None:
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

    async def _insert(self, calls: Sequence[Ended | Usual]) -> None:
        full: list[Ended] = []
        alike: dict[tuple[Shared, int], list[Usual]] = {}
        for call in calls:
            if isinstance(call, Usual):
                key = call[-1], len(call)
                if key in alike:
                    alike[key].append(call)
                else:
                    alike[key] = [call]
            else:
                full.append(call)
        for key in [key for key, group in alike.items() if len(group) < _FEW]:
            full += map(spelt_out, alike.pop(key))
        async with self._store.write() as connection:
            for (shared, size), group in alike.items():
                statement = insert_priced if size > _UNPRICED else insert_alike
                await insert_rows(connection, statement, [call[:-1] for call in group], shared.values)
            await insert_rows(connection, insert_calls, [call[:-1] for call in full])
            await insert_rows(connection, insert_attempts, [row for call in full for row in call.attempts])

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


async def _cancel(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError, SQLAlchemyError):
        await asyncio.gather(*tasks, return_exceptions=True)
