"""Components say what happened; logs, metrics, the call log and alerts listen.

Decision code that logs is decision code that somebody must read around. So it emits frozen records, and a listener
that fails harms nobody: its errors are counted, never raised into a call.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from segue.core.failure import Failure

if TYPE_CHECKING:
    from segue.core.call import Attempt, Call


Record = TypeVar("Record")


class AttemptEnded(msgspec.Struct, frozen=True):
    """One attempt was settled; `attempt.failure` says how."""

    call: "Call"
    attempt: "Attempt"


class CallEnded(msgspec.Struct, frozen=True):
    """A call was settled: answered, failed, refused or given up by its caller.

    Attributes:
        code: `ok`, `cancelled`, or the stable code of the error.
        status: the HTTP status that says the same; 499 for a caller that went away.
        elapsed: seconds from arrival to the last byte.
    """

    call: "Call"
    code: str
    status: int
    elapsed: float
    failure: Failure | None = None


class BreakerChanged(msgspec.Struct, frozen=True):
    """A breaker changed its state.

    Attributes:
        name: what it guards: `openai`, `openai/gpt-4o`, `openai#key-1`.
        before, after: `closed`, `open` or `half_open`.
        reason: why, in a few words.
    """

    name: str
    before: str
    after: str
    reason: str


class ConfigurationChanged(msgspec.Struct, frozen=True):
    """A new configuration is in force, or was refused and the old one stays."""

    version: int
    accepted: bool
    problems: tuple[str, ...] = ()


class Signals:
    """Hands each record to those that subscribed to its type, in order of subscription."""

    __slots__ = ("_listeners", "errors")

    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any], None]]] = {}
        self.errors = 0

    def subscribe(self, kind: type[Record], listener: Callable[[Record], None]) -> None:
        """Have `listener` called with every record of this type. It must be quick and must not wait."""
        self._listeners.setdefault(kind, []).append(listener)

    def emit(self, record: object) -> None:
        """Tell everyone who subscribed."""
        for listener in self._listeners.get(type(record), ()):
            try:
                listener(record)
            except Exception:  # noqa: BLE001 - a listener's defect must not reach a call; it is counted and shown
                self.errors += 1
