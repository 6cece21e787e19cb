"""SQLAlchemy's asynchronous engine, without its mapper of objects.

The package `sqlalchemy.ext.asyncio` loads sessions, and with them the whole object-relational mapper: six megabytes of
every process, for nothing that the store uses. So only its engine is loaded, past the package. Whoever imports the
package itself afterwards gets all of it, with the same classes.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

import sqlalchemy.ext

__all__ = ["AsyncConnection", "AsyncEngine", "create_async_engine"]

_PACKAGE: Final = "sqlalchemy.ext.asyncio"


def _load_engine_alone() -> ModuleType:
    """The module of the engine; the package is stood in for by an empty one while that is loaded."""
    name = f"{_PACKAGE}.engine"
    if _PACKAGE in sys.modules or name in sys.modules:
        return import_module(name)
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(Path(path) / "asyncio") for path in sqlalchemy.ext.__path__]
    sys.modules[_PACKAGE] = package
    try:
        return import_module(name)
    finally:
        del sys.modules[_PACKAGE]


if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
else:
    _engine = _load_engine_alone()
    AsyncConnection = _engine.AsyncConnection
    AsyncEngine = _engine.AsyncEngine
    create_async_engine = _engine.create_async_engine
