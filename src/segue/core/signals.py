"""Components say what happened; logs, metrics, the call log and alerts listen.

Decision code that logs is decision code that somebody must read around. So it emits frozen records, and a listener
that fails harms nobody: its errors are counted, never raised into a call.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from segue.core.failure import Failure

if TYPE_CHECKING:
    from segue.core.call import Attempt, Call, Caller
    from segue.core.money import Charge
    from segue.core.outcome import Usage
    from segue.core.provider import Candidate


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


class Answered:
    """A usual call was answered: by the first candidate, at its first attempt, whole.

    One record in place of an `AttemptEnded` and a `CallEnded`, and of the objects that they hold: for nearly every
    call that is all there is to say. Whoever only knows those two is told by them (`Signals.answered`).

    Attributes:
        id: the call's; `operation` its operation's.
        model: the name that the caller asked for.
        started, started_wall: when the call arrived, on the monotonic and on the wall clock.
        sent, first_byte: when the attempt began, on the monotonic clock; seconds until the first byte of its answer.
        ended: when all was settled, on the monotonic clock: the end of the attempt and of the call.
    """

    __slots__ = (
        "caller",
        "candidate",
        "charge",
        "ended",
        "first_byte",
        "id",
        "model",
        "operation",
        "sent",
        "started",
        "started_wall",
        "surface",
        "usage",
    )
    id: str
    operation: str
    surface: str
    caller: "Caller"
    model: str
    candidate: "Candidate"
    started: float
    started_wall: float
    sent: float
    first_byte: float
    ended: float
    usage: "Usage"
    charge: "Charge | None"

    def call(self) -> "Call":
        """The same as a call with one attempt, as if it had gone the usual way through every layer."""
        raise NotImplementedError

    def ended_call(self) -> CallEnded:
        """The same as it is told of a call that has gone the usual way."""
        return CallEnded(self.call(), "ok", 200, self.ended - self.started)


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


def unheard(_record: Answered) -> None:
    """For `Signals.subscribe`: nobody needs to be called."""


class Signals:
    """Hands each record to those that subscribed to its type, in order of subscription."""

    __slots__ = ("_answered", "_listeners", "_spells_out", "_unanswered", "errors")

    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any], None]]] = {}
        self._answered: list[Callable[[Answered], None]] = []
        self._unanswered: dict[type, list[Callable[[Any], None]]] = {AttemptEnded: [], CallEnded: []}
        self._spells_out = False
        self.errors = 0

    def subscribe(
        self,
        kind: type[Record],
        listener: Callable[[Record], None],
        *,
        answered: Callable[[Answered], None] | None = None,
    ) -> None:
        """Have `listener` called with every record of this type. It must be quick and must not wait.

        Args:
            kind: the type.
            listener: whom to call.
            answered: whom to call instead with an `Answered`, which stands for an `AttemptEnded` and a `CallEnded`;
                without it `listener` gets those. `unheard` for one of the two, when it is told by way of the other.
        """
        self._listeners.setdefault(kind, []).append(listener)
        if answered is not None:
            if answered is not unheard:
                self._answered.append(answered)
        elif kind in self._unanswered:
            self._unanswered[kind].append(listener)
            self._spells_out = True

    def emit(self, record: object) -> None:
        """Tell everyone who subscribed."""
        for listener in self._listeners.get(type(record), ()):
            try:
                listener(record)
            except Exception:  # noqa: BLE001 - a listener's defect must not reach a call; it is counted and shown
                self.errors += 1

    def answered(self, record: Answered) -> None:
        """Tell everyone of a usual call, in whichever of the two ways they know."""
        for listener in self._answered:
            try:
                listener(record)
            except Exception:  # noqa: BLE001 - as above
                self.errors += 1
        if self._spells_out:
            self._spell_out(record, *self._unanswered.values())

    def _spell_out(
        self, record: Answered, attempts: list[Callable[[Any], None]], calls: list[Callable[[Any], None]]
    ) -> None:
        ended = record.ended_call()
        told = (attempts, AttemptEnded(ended.call, ended.call.attempts[0])), (calls, ended)
        for listeners, signal in told:
            for listener in listeners:
                try:
                    listener(signal)
                except Exception:  # noqa: BLE001 - as above
                    self.errors += 1
