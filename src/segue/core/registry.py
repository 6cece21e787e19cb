"""Everything that can be added is found by its id in one place.

A growing `if adapter == …` is edited by everybody who adds a vendor. Here a vendor is a module: built-in ones are
found by their file's name in a package, others by the entry points of an installed package, and nothing is imported
before it is asked for.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

Thing = TypeVar("Thing")


class UnknownId(LookupError):
    """Nothing is registered under this id; the message names what comes nearest."""


class Registry(Generic[Thing]):
    """Objects of one kind, by id.

    Args:
        noun: what they are called in messages: `adapter`, `strategy`.
        packages: packages whose modules are the built-in ones: the file's name is the id.
        dashes: whether ids are written with dashes where files have underscores.
        attribute: the name of the object in its module.
        group: the entry-point group that other packages use.
    """

    def __init__(self, noun: str, *, packages: Sequence[str], attribute: str, group: str, dashes: bool = False) -> None:
        self._noun = noun
        self._packages = tuple(packages)
        self._attribute = attribute
        self._group = group
        self._dashes = dashes
        self._known: dict[str, Thing] = {}
        self._where: dict[str, str] | None = None

    def ids(self) -> tuple[str, ...]:
        """Every id, sorted."""
        return tuple(sorted({*self._known, *self._places()}))

    def get(self, id: str) -> Thing:  # noqa: A002 - the field's own name
        """The object of this id.

        Raises:
            UnknownId: with the nearest ids.
        """
        found = self._known.get(id)
        if found is not None:
            return found
        place = self._places().get(id)
        if place is None:
            raise UnknownId(self._unknown(id))
        module, _, attribute = place.partition(":")
        loaded: Any = importlib.import_module(module)
        for part in attribute.split("."):
            loaded = getattr(loaded, part)
        self._known[id] = loaded
        return loaded  # type: ignore[no-any-return]  # what a module holds is known only when it is loaded

    def add(self, id: str, thing: Thing) -> None:  # noqa: A002 - the field's own name
        """Register an object of this process, for the library and for tests; it hides a built-in one."""
        self._known[id] = thing

    def refresh(self) -> None:
        """Look again for modules and entry points: something was installed since."""
        self._where = None

    def _places(self) -> dict[str, str]:
        if self._where is None:
            where: dict[str, str] = {}
            for package in self._packages:
                path = importlib.import_module(package).__path__
                for module in pkgutil.iter_modules(path):
                    if not module.name.startswith("_"):
                        name = module.name.replace("_", "-") if self._dashes else module.name
                        where[name] = f"{package}.{module.name}:{self._attribute}"
            for point in entry_points(group=self._group):
                where[point.name] = point.value
            self._where = where
        return self._where

    def _unknown(self, id: str) -> str:  # noqa: A002 - the field's own name
        near = get_close_matches(id, self.ids(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(self.ids())}"
        return f"unknown {self._noun} {id!r}: {hint}"
