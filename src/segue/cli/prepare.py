"""Commands that work without a running service prepare the same configuration as the service, and start nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from segue.cli.output import environment, fail

if TYPE_CHECKING:
    from segue.app.boot import Booted
    from segue.backends.store.store import Store

STORE = "sqlite:///segue.db"


def booted(config: Path | None) -> "Booted":
    """What `segue up` would run, built and not started: no store is opened, nobody is called.

    Raises:
        ConfigError: each problem as `file:line: what is wrong and how to mend it`.
    """
    from segue.app.boot import boot

    return boot(config, environment())


def store_url(config: Path | None, store: str | None) -> str:
    """The store that is meant: of the flag, of DATABASE_URL, of the configuration, else the default.

    Of the configuration only this one value is looked at: whoever makes a key need not know the providers' keys.

    Raises:
        ConfigError: the file cannot be read, or its `store` cannot be used.
    """
    from segue.app.engine import known
    from segue.config.discover import find_file
    from segue.config.document import read_document
    from segue.config.load import parse_settings

    environ = environment()
    chosen = store or environ.get("DATABASE_URL")
    if chosen:
        return chosen
    path = config or find_file(Path())
    named = read_document(path).plain().get("store") if path is not None else None
    return parse_settings({"store": named}, known(), environ=environ).settings.store if named is not None else STORE


@asynccontextmanager
async def opened_store(config: Path | None, store: str | None, *, make: bool) -> "AsyncIterator[Store]":
    """The store that is meant, opened.

    Args:
        config: `--config` of the command line.
        store: `--store` of the command line.
        make: whether one that does not exist is made; otherwise the command fails, since nothing can be in it.

    Raises:
        ConfigError: it cannot be used.
    """
    from segue.backends.store.sqlite import sqlite_path
    from segue.backends.store.store import Store

    url = store_url(config, store)
    path = sqlite_path(url)
    if path is None:
        fail("the store is kept in the memory of the running service only: ask the service, or name a file (--store)")
    if not make and not path.exists():
        fail(f"there is no store at {path}: name another with --store or --config, or start `segue up` once")
    opened = await Store.open(url)
    try:
        yield opened
    finally:
        await opened.close()
