"""Answers of OpenAI's Responses in the store: found by whose they are and by their id, for 30 days.

What lies here is what callers have said, so each caller finds its own alone, and what has expired is deleted.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Delete, delete, insert, select, tuple_

from segue.backends.store.shelf import Kept
from segue.backends.store.store import Store
from segue.backends.store.tables import RESPONSES

_PURGED_AT_ONCE: Final = 500
"""Rows of one deletion: a long one would keep every other writer waiting."""


class ResponseStore:
    """The table of kept answers; see `segue.backends.store.shelf.Keeping`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def save(self, kept: Sequence[Kept]) -> None:
        """Write answers, in place of those of the same id."""
        async with self._store.write() as connection:
            for one in kept:
                await connection.execute(_mine(one.caller_id, one.id))
                await connection.execute(
                    insert(RESPONSES).values(
                        caller_id=one.caller_id,
                        id=one.id,
                        created_at=round(one.created * 1000),
                        expires_at=round(one.expires * 1000),
                        record=one.record,
                        answer=one.answer,
                    )
                )

    async def load(self, caller_id: str, name: str) -> Kept | None:
        """The caller's answer of this id, if there is one, expired or not."""
        wanted = select(RESPONSES).where(RESPONSES.c.caller_id == caller_id, RESPONSES.c.id == name)
        async with self._store.read() as connection:
            row = (await connection.execute(wanted)).mappings().one_or_none()
        if row is None:
            return None
        created, expires = row["created_at"] / 1000, row["expires_at"] / 1000
        return Kept(row["caller_id"], row["id"], created, expires, row["record"], row["answer"])

    async def delete(self, caller_id: str, name: str) -> bool:
        """Delete the caller's answer of this id; whether there was one."""
        async with self._store.write() as connection:
            return bool((await connection.execute(_mine(caller_id, name))).rowcount)

    async def purge(self, wall: float) -> int:
        """Delete what has expired at this time (seconds since 1970); how many there were."""
        key = tuple_(RESPONSES.c.caller_id, RESPONSES.c.id)
        expired = select(RESPONSES.c.caller_id, RESPONSES.c.id).where(RESPONSES.c.expires_at <= round(wall * 1000))
        gone = 0
        while True:
            async with self._store.write() as connection:
                found = await connection.execute(delete(RESPONSES).where(key.in_(expired.limit(_PURGED_AT_ONCE))))
            gone += found.rowcount
            if found.rowcount < _PURGED_AT_ONCE:
                return gone


def _mine(caller_id: str, name: str) -> Delete:
    return delete(RESPONSES).where(RESPONSES.c.caller_id == caller_id, RESPONSES.c.id == name)
