"""SQLite set up so that it keeps working under load, and so that whoever runs it is told when it cannot.

In any mode but WAL one writer blocks every reader, and a burst of callers that hang up can stop a service for good.
Drivers ignore what they do not know of a URL, so the mode is set by a statement and *read back*.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import AsyncAdaptedQueuePool

from segue.backends.store.engine import AsyncEngine, create_async_engine
from segue.core.errors import ConfigError

TRANSACTION = "segue_transaction"  # the execution option that says how a transaction begins
READ, WRITE, NONE = "BEGIN", "BEGIN IMMEDIATE", ""
BUSY_SECONDS = 5.0  # how long a statement waits for another writer
_READERS = 4  # connections to a file; each is a thread
_MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html section 1.3
_QUEUE_SECONDS = 10.0  # how long a task waits for one of them


def refused(why: str) -> ConfigError:
    """The error for a store that cannot be used."""
    return ConfigError([f"store: {why}"])


def sqlite_path(url: str) -> Path | None:
    """The file that a `sqlite:` URL names, or `None` for a database in memory.

    Raises:
        ConfigError: it is no such URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise refused("this is no URL of a database: write for instance sqlite:///segue.db") from None
    if parsed.drivername != "sqlite":
        raise refused(f"{parsed.drivername} is not supported: write for instance sqlite:///segue.db")
    if parsed.host or parsed.username or parsed.password:
        raise refused(
            "a sqlite URL has three slashes and then the file: sqlite:///segue.db, or four: sqlite:////data/segue.db"
        )
    if parsed.query:
        raise refused("a sqlite URL takes no parameters after the file's name: remove them")
    if parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database))


def prepare_file(path: Path) -> None:
    """Create the file, readable and writable for its owner only, unless it exists; SQLite gives its helpers the same.

    Raises:
        ConfigError: with the remedy, when the file or its directory cannot be used.
    """
    directory = path.parent
    if not directory.is_dir():
        raise refused(f"the directory {directory} does not exist: create it, or name another file")
    if path.is_dir():
        raise refused(f"{path} is a directory: name a file in it")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            beginning = os.read(handle, len(_MAGIC))
        finally:
            os.close(handle)
    except OSError as error:
        raise refused(f"{path} cannot be written ({error.strerror}): mend its permissions") from None
    # SQLite itself takes a file of a few bytes for an empty database, and overwrites it.
    if beginning not in {b"", _MAGIC}:
        raise refused(f"{path} is not a SQLite database: name another file")


def make_engine(path: Path | None, name: str = "") -> AsyncEngine:
    """The engine for a file, or for a database in memory of this name.

    In memory one connection goes from task to task. It must not be shared: a reader that ends would roll a writer's
    work back.
    """
    memory = f"file:{name}?mode=memory&cache=shared&uri=true"
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path or memory}",
        poolclass=AsyncAdaptedQueuePool,
        pool_size=_READERS if path is not None else 1,
        max_overflow=0,
        pool_timeout=_QUEUE_SECONDS,
        connect_args={"timeout": BUSY_SECONDS},
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _set_up)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def use_wal(connection: Connection) -> str:
    """Ask for write-ahead logging, and read back the journal mode that is really in force. Not in a transaction."""
    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()).lower()


def _set_up(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: it does so too late, and not for changes of tables.
    connection.isolation_level = None
    for statement in _PRAGMAS:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that starts as a reader and then writes fails at once when another wrote meanwhile; one that says
    # so at its start waits for its turn.
    statement = connection.get_execution_options().get(TRANSACTION, READ)
    if statement:
        connection.exec_driver_sql(statement)


_PRAGMAS: Sequence[str] = (
    f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}",
    "PRAGMA foreign_keys=ON",
    # With WAL this can lose the last moments when the power fails, never the database: right for a log.
    "PRAGMA synchronous=NORMAL",
)
