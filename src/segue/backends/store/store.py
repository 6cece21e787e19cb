"""Opens the store, or says in one line why it cannot be used and what to do.

Everything else in this room works on an opened `Store`; nobody else knows which database is behind it.
"""

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from segue.backends.store.engine import AsyncConnection, AsyncEngine
from segue.backends.store.schema import SchemaRefused, bring_up_to_date, examine
from segue.backends.store.sqlite import (
    NONE,
    TRANSACTION,
    WRITE,
    make_engine,
    prepare_file,
    refused,
    sqlite_path,
    use_wal,
)

_PING_SECONDS = 2.0
_NUMBERS = itertools.count(1)


class Store:
    """An opened store. Make one with `Store.open`.

    Attributes:
        engine: SQLAlchemy's engine; use `read` and `write`.
        path: the SQLite file; `None` for a store in memory.
    """

    def __init__(self, engine: AsyncEngine, path: Path | None) -> None:
        self.engine = engine
        self.path = path
        self._anchor: sqlite3.Connection | None = None
        self._writing_engine = engine.execution_options(**{TRANSACTION: WRITE})

    @classmethod
    async def open(cls, url: str) -> "Store":
        """Open a store and bring its tables up to date.

        Args:
            url: `sqlite:///relative.db`, `sqlite:////absolute.db`, or `sqlite://` for one in memory.

        Raises:
            ConfigError: it cannot be used; the message names the reason and the remedy.
        """
        path = sqlite_path(url)
        if path is not None:
            prepare_file(path)
        name = f"segue-{next(_NUMBERS)}"
        store = cls(make_engine(path, name), path)
        try:
            if path is None:
                # A database in memory lives as long as a connection to it, and a cancelled task takes its own along.
                store._anchor = sqlite3.connect(f"file:{name}?mode=memory&cache=shared", uri=True)
            async with store.read() as connection:
                await connection.run_sync(examine)
            async with store.engine.execution_options(**{TRANSACTION: NONE}).connect() as connection:
                mode = await connection.run_sync(use_wal)
            if path is not None and mode != "wal":
                raise refused(
                    f"SQLite keeps {path} in journal mode {mode}, and Segue needs wal: put the file on a local disk "
                    "(network file systems cannot do it)"
                )
            async with store.write() as connection:
                await connection.run_sync(bring_up_to_date)
        except SchemaRefused as error:
            await store.close()
            raise refused(f"{path or 'the database'} cannot be used: {error}") from None
        except DBAPIError as error:
            await store.close()
            raise refused(_plain_words(error, path)) from None
        except BaseException:
            await store.close()
            raise
        return store

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees one state of the store, for reading."""
        async with self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for writing: committed at the end, rolled back on an exception."""
        async with self._writing_engine.begin() as connection:
            yield connection

    async def ping(self) -> bool:
        """Whether the store answers a query within two seconds: what `/ready` asks."""
        try:
            async with asyncio.timeout(_PING_SECONDS), self.read() as connection:
                await connection.execute(text("SELECT count(*) FROM settings"))
        except (SQLAlchemyError, OSError, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
        if self._anchor is not None:
            self._anchor.close()
            self._anchor = None


def _plain_words(error: DBAPIError, path: Path | None) -> str:
    said = str(error.orig)
    if "not a database" in said or "malformed" in said:
        return f"{path} is not a SQLite database, or is damaged: name another file, or restore a backup"
    if "locked" in said or "busy" in said:
        return f"{path} is locked by another process for a long time: stop that process, or name another file"
    if "readonly" in said or "read-only" in said:
        return f"{path} is read-only: mend its permissions, or name another file"
    if "unable to open" in said:
        return f"{path} cannot be opened: mend the permissions of the file and its directory"
    return f"{path or 'the database'} cannot be used: {said}"
