"""What this installation can do: its operations, its adapters and its strategies, found rather than listed.

A family is a package under `segue.families` with an `operations` module; its adapters are the files of its
`providers` package. So a new vendor, or a new family, is found without an edit here.
"""

import importlib
import pkgutil
from functools import cache
from typing import Any

from segue import families
from segue.core.operation import Operation
from segue.core.ports import AdapterKind
from segue.core.registry import Registry
from segue.routing.strategy import STRATEGIES


@cache
def family_names() -> tuple[str, ...]:
    """Every family of this installation, sorted."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(families.__path__) if found.ispkg))


@cache
def operations() -> dict[str, Operation]:
    """Every operation that can be asked for by its name, by its id."""
    return {operation.id: operation for module in _modules() for operation in module.OPERATIONS}


@cache
def every_operation() -> dict[str, Operation]:
    """The same, and those that only a surface can ask for."""
    more = (operation for module in _modules() for operation in getattr(module, "SURFACES_ONLY", ()))
    return {**operations(), **{operation.id: operation for operation in more}}


def _modules() -> list[Any]:
    return [importlib.import_module(f"segue.families.{family}.operations") for family in family_names()]


ADAPTERS: Registry[AdapterKind] = Registry(
    "adapter",
    packages=tuple(f"segue.families.{family}.providers" for family in family_names()),
    attribute="ADAPTER",
    group="segue.adapters",
    dashes=True,
)
"""Every adapter, by its id."""

__all__ = ["ADAPTERS", "STRATEGIES", "every_operation", "family_names", "operations"]
