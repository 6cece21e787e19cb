"""Segue: one call to one API; it decides who serves it, and when that one fails the next carries on."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segue.app.library import Segue
    from segue.core.call import CallOptions, Hold, OnCut
    from segue.core.errors import CallFailed, ConfigError, ProviderFailed, Refused, SegueError

__version__ = "0.1.0"

__all__ = [
    "CallFailed",
    "CallOptions",
    "ConfigError",
    "Hold",
    "OnCut",
    "ProviderFailed",
    "Refused",
    "Segue",
    "SegueError",
    "__version__",
]

_WHERE = {
    "CallFailed": "segue.core.errors",
    "CallOptions": "segue.core.call",
    "ConfigError": "segue.core.errors",
    "Hold": "segue.core.call",
    "OnCut": "segue.core.call",
    "ProviderFailed": "segue.core.errors",
    "Refused": "segue.core.errors",
    "Segue": "segue.app.library",
    "SegueError": "segue.core.errors",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: `import segue` alone stays quick."""
    import importlib

    if name not in _WHERE:
        raise AttributeError(f"module 'segue' has no attribute {name!r}")
    return getattr(importlib.import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
