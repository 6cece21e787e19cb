"""What the layers of one operation's pipeline are made of."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from segue.core.call import NO_HOLD, Attempt, Call, Hold, OnCut
from segue.core.clock import Chance, Clock
from segue.core.failure import TREATMENTS, Failure, Kind, Next, Treatment
from segue.core.features import Features
from segue.core.operation import Operation
from segue.core.outcome import Outcome
from segue.core.ports import Limits
from segue.core.signals import Signals
from segue.routing.plan import Tiers

Finish = Callable[[], Awaitable[Outcome]]
"""What is left of an attempt that was sent already: reading what came of it."""


class Begun(NamedTuple):
    """A call that has gone past its layers, and its first attempt past its own: the express' work until then."""

    attempt: Attempt
    finish: Finish


class CallHandler(Protocol):
    """A layer of a call with all that is inside of it."""

    def __call__(self, call: Call, begun: Begun | None = None) -> Awaitable[Outcome]:
        """Carry it out; from where it was `begun`, if it was."""
        ...


class AttemptHandler(Protocol):
    """A layer of an attempt with all that is inside of it."""

    def __call__(self, call: Call, attempt: Attempt, finish: Finish | None = None) -> Awaitable[Outcome]:
        """Carry it out; only its end, where it was sent already."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers for one operation.

    Attributes:
        strategy: id of the strategy that orders equals.
        retries: further tries of the same candidate.
        max_attempts: all attempts of one call.
        deadline: seconds for the whole call; for a stream until its first content.
        limits: seconds for the phases of one attempt.
        hold: how much of a stream is kept back before its commit point.
        on_cut: what follows when a stream breaks after its commit point.
        treatments: what each kind of failure leads to.
    """

    strategy: str = "priority"
    retries: int = 2
    max_attempts: int = 8
    deadline: float = 30.0
    limits: Limits = field(default_factory=Limits)
    hold: Hold = NO_HOLD
    treatments: Mapping[Kind, Treatment] = field(default_factory=lambda: TREATMENTS)
    on_cut: OnCut = OnCut.ERROR

    def next_after(self, failure: Failure) -> Next:
        """The step that may help after this failure."""
        if failure.mended:
            return Next.RETRY_SAME
        step = self.treatments[failure.kind].next
        if step is Next.RETRY_SAME and failure.should_retry is False:
            return Next.ELSEWHERE
        return step


class Gate:
    """How many calls may be under way in this process at once, and whether any new one may begin."""

    __slots__ = ("closed", "limit", "under_way")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.under_way = 0
        self.closed = False


def no_alternatives(_features: Features) -> Sequence[str]:
    """Nothing is known of other models."""
    return ()


@dataclass(frozen=True, slots=True)
class Parts:
    """What a layer may use. Everything comes from outside; a layer creates nothing that outlives a call.

    Attributes:
        resolve: tiers for a name; for an operation without models the name is empty.
        holds: what aliases say of holding streams back; `on_cuts` likewise of streams that break.
        alternatives: names of listed models that could serve a request with such features; for errors.
    """

    operation: Operation
    policy: Policy
    resolve: Callable[[str], Tiers]
    clock: Clock
    chance: Chance
    signals: Signals
    gate: Gate
    holds: Mapping[str, Hold] = field(default_factory=dict)
    alternatives: Callable[[Features], Sequence[str]] = no_alternatives
    on_cuts: Mapping[str, OnCut] = field(default_factory=dict)
