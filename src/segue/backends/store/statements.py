"""The statements that write calls down: many rows each, of a few sizes."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from typing import Any

from segue.backends.store.engine import AsyncConnection
from segue.backends.store.records import ATTEMPT_COLUMNS, CALL_COLUMNS
from segue.backends.store.usual import MEASURED, OWN_COLUMNS, PRICED, SHARED_COLUMNS

_ROWS = (250, 50, 10, 1)  # rows of one statement; 22 values each are far from the 32,766 that SQLite takes


async def insert_rows(
    connection: AsyncConnection,
    statement: Callable[[int], str],
    rows: Sequence[tuple[Any, ...]],
    shared: tuple[Any, ...] = (),
) -> None:
    """Write rows by as few statements as there are sizes of; `shared` are values that stand behind all of theirs."""
    first = 0
    while first < len(rows):
        # One statement for many rows, not one for each: the driver gives the interpreter's lock away at every
        # statement and gets it back after up to 5 ms, so a busy service wrote 100 calls a second. A few sizes only:
        # the driver keeps every text of a statement that it has seen, prepared.
        size = next(size for size in _ROWS if size <= len(rows) - first)
        # By way of a list: a tuple that grew is kept by the interpreter when it goes, and never used again.
        values = [*chain.from_iterable(rows[first : first + size]), *shared]
        await connection.exec_driver_sql(statement(size), tuple(values))
        first += size


# A batch whose commit was heard of too late is written again; the second time it is there.
_INTO = "INSERT OR IGNORE INTO {table} ({columns})"


@cache
def insert_calls(rows: int) -> str:
    """The statement for so many rows of `CALL_COLUMNS`."""
    return f"{_into('calls', CALL_COLUMNS)} VALUES {_places(len(CALL_COLUMNS), rows)}"


@cache
def insert_attempts(rows: int) -> str:
    """The statement for so many rows of `ATTEMPT_COLUMNS`."""
    return f"{_into('attempts', ATTEMPT_COLUMNS)} VALUES {_places(len(ATTEMPT_COLUMNS), rows)}"


@cache
def insert_alike(rows: int, more: tuple[str, ...] = ()) -> str:
    """The statement for rows that share most of their values: these are given once, which takes a third of the time."""
    shared = ", ".join("?" * len(SHARED_COLUMNS))
    own = ", ".join((*OWN_COLUMNS.values(), *more))
    into = _into("calls", (*SHARED_COLUMNS, *OWN_COLUMNS, *more))
    named = ", ".join((*MEASURED, *more))
    values = f"VALUES {_places(len(MEASURED) + len(more), rows)}"
    return f"WITH own({named}) AS ({values}) {into} SELECT {shared}, {own} FROM own"  # noqa: S608 - names of our own


def insert_priced(rows: int) -> str:
    """The same for calls with a cost."""
    return insert_alike(rows, PRICED)


def _into(table: str, columns: Sequence[str]) -> str:
    return _INTO.format(table=table, columns=", ".join(f'"{column}"' for column in columns))


def _places(columns: int, rows: int) -> str:
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)
