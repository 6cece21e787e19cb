"""One request of one caller, on its way through the pipeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from segue.core.failure import Failure
from segue.core.features import Features
from segue.core.fetching import Found
from segue.core.money import Charge, Cost, total_of
from segue.core.operation import Operation
from segue.core.outcome import Usage

if TYPE_CHECKING:
    from segue.core.ports import SoFar
    from segue.core.provider import Candidate, Permit


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the key that was shown. `id` is empty for the open service and for the library."""

    id: str = ""
    name: str = ""
    admin: bool = False


ANYONE = Caller()


@dataclass(frozen=True, slots=True)
class Hold:
    """How much of a stream is kept back before its commit point; until then a failure can be failed over unseen.

    Attributes:
        tokens: so many tokens (estimated where a provider sends several at once).
        seconds: for so long after the first content; where `tokens` is given, too, until both have passed.
        whole: until the answer is whole, whatever the others say.
    """

    tokens: int = 0
    seconds: float = 0.0
    whole: bool = False

    def __bool__(self) -> bool:
        """Whether anything is kept back."""
        return self.whole or self.tokens > 0 or self.seconds > 0


NO_HOLD = Hold()
"""The commit point is the first content."""


class OnCut(StrEnum):
    """What follows when a stream breaks after its commit point."""

    ERROR = "error"  # the caller is told, in its own protocol
    CONTINUE = "continue"  # another attempt goes on where it broke, where that can be done


@dataclass(slots=True)
class Continuation:
    """That a broken stream is to be gone on with.

    Attributes:
        so_far: what the caller has seen, when an attempt is to go on from there; `None` for one that begins anew.
    """

    so_far: "SoFar | None" = None


@dataclass(slots=True)
class CallOptions:
    """What a caller may ask of the way its call is treated; policies cap it.

    Attributes:
        deadline: seconds that the whole call may take; for a stream until its first content.
        max_attempts: fewer attempts than the policy allows.
        only: ids of providers, `provider/model`, or `tag:word`: no other is asked.
        avoid: the same: these are not asked.
        fallbacks: names of models tried after the requested one.
        hold: how much of a stream to keep back; `None` for what the alias or the policy says.
        on_cut: what follows when a stream breaks after its commit point; `None` as for `hold`.
        tags, user: recorded with the call.
    """

    deadline: float | None = None
    max_attempts: int | None = None
    only: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    hold: Hold | None = None
    on_cut: OnCut | None = None
    tags: dict[str, str] = field(default_factory=dict)
    user: str = ""


class PhaseTimer(Protocol):
    """The time limit of an attempt, phase by phase."""

    def enter(self, phase: str, seconds: float) -> None:
        """From now on the limit is `seconds` after the start of the attempt, or the call's deadline if earlier."""
        ...

    def renew(self, phase: str, seconds: float) -> None:
        """From now on the limit is `seconds` from now, whatever the call's deadline: first content has come."""
        ...


class Untimed:
    """No limit: the timer of an attempt that has not been sent."""

    def enter(self, phase: str, seconds: float) -> None:
        """Nothing is limited."""

    def renew(self, phase: str, seconds: float) -> None:
        """Nothing is limited."""


_UNTIMED = Untimed()
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Attempt:
    """One try of a call at one candidate.

    Attributes:
        candidate: who was asked.
        started: seconds on the monotonic clock; 0 until it was sent.
        elapsed: seconds until the answer was whole, or until it failed.
        first_byte: seconds until the first byte of the answer came, if it did.
        failure: why it failed; `None` after a success, and while it runs.
        ended: whether it has ended; an attempt that the caller cancelled ends without a failure.
        cancelled: whether the caller went away first.
        timer: the limit of the phase that it is in; set by the attempt-timeout layer, moved on by the executor.
        charge: what it cost, where that is known; set by the cost layer.
        permit: the leave of its breakers; set by the breaker layer. An executor that keeps a stream back tells it of
            the first content.
    """

    __slots__ = (
        "cancelled",
        "candidate",
        "charge",
        "elapsed",
        "ended",
        "failure",
        "first_byte",
        "permit",
        "started",
        "timer",
        "usage",
    )

    def __init__(self, candidate: "Candidate") -> None:
        self.candidate = candidate
        self.timer: PhaseTimer = _UNTIMED
        self.permit: Permit | None = None
        self.started = 0.0
        self.elapsed = 0.0
        self.first_byte: float | None = None
        self.failure: Failure | None = None
        self.usage: Usage | None = None
        self.charge: Charge | None = None
        self.ended = False
        self.cancelled = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A candidate that was not asked, and why: part of every explanation and of every refusal."""

    candidate: str
    reason: str
    until: float | None = None


class Call:
    """One request with its deadline, its caller and the record of what was tried.

    Attributes:
        request: the family's own request; nobody in the pipeline looks inside.
        deadline: when time is up, in seconds on the monotonic clock; set by the deadline layer.
        hold: how much of a stream is kept back; set by the plan layer.
        continuation: `None` unless a stream that breaks is to be gone on with; set by the plan layer.
        waited: seconds that Segue waited on purpose, between attempts.
        headers: headers of the client's that some provider may see, by their names in lower case.
        fetched: what was looked for to write the request, by its address; kept so that nothing is fetched twice.
        started, started_wall: when the call arrived, on the monotonic and on the wall clock.
    """

    __slots__ = (
        "answered_by",
        "attempts",
        "caller",
        "continuation",
        "deadline",
        "features",
        "fetched",
        "headers",
        "hold",
        "id",
        "operation",
        "options",
        "plan",
        "request",
        "skipped",
        "started",
        "started_wall",
        "surface",
        "waited",
    )

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - the field's own name
        operation: Operation,
        request: Any,
        started: float,
        started_wall: float,
        caller: Caller = ANYONE,
        options: CallOptions | None = None,
        surface: str = "library",
    ) -> None:
        self.id = id
        self.operation = operation
        self.request = request
        self.started = started
        self.started_wall = started_wall
        self.caller = caller
        self.options = options
        self.surface = surface
        self.deadline = float("inf")
        self.waited = 0.0
        self.hold = NO_HOLD
        self.continuation: Continuation | None = None
        self.headers = NO_HEADERS
        self.fetched: dict[str, Found] | None = None
        self.features: Features = _NO_FEATURES
        self.plan: Any = None
        self.attempts: list[Attempt] = []
        self.skipped: list[Skipped] = []
        self.answered_by: Candidate | None = None

    @property
    def cost(self) -> Cost | None:
        """What all attempts cost together, as far as they have ended.

        `None` where one took something and its cost is not known: a part of a sum is no sum. Costs in several
        currencies are added up in dollars.
        """
        attempts = self.attempts
        if len(attempts) == 1:  # nearly always
            charge = attempts[0].charge
            return None if charge is None else charge.cost
        charges = []
        for attempt in attempts:
            if attempt.charge is not None:
                charges.append(attempt.charge)
            elif attempt.usage is not None or (attempt.failure is None and not attempt.cancelled):
                return None
        return total_of(charges)


_NO_FEATURES = Features()
