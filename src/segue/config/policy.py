"""The numbers for one operation: what users wrote, laid over the defaults, the more specific over the less.

Every number has its default and its reason here and nowhere else. They are merged key by key, so that a user who
changes one timeout keeps the others: built-in < `default` < family < operation, the longest pattern last.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from segue.config.models import Policy
from segue.core.call import NO_HOLD, Hold, OnCut
from segue.core.ports import Limits


@dataclass(frozen=True, slots=True)
class BreakerNumbers:
    """When a breaker opens, and how it closes again.

    Attributes:
        failures: consecutive failures that open it.
        rate: share of failures in the window that opens it, in (0, 1].
        window: seconds over which the share is taken.
        min_calls: attempts in the window below which the share means nothing.
        open_for: seconds that it stays open before a probe is let through.
        successes: probes that must succeed before it closes.
    """

    failures: int = 5
    rate: float = 0.5
    window: float = 30.0
    min_calls: int = 20
    open_for: float = 60.0
    successes: int = 1


@dataclass(frozen=True, slots=True)
class ResolvedPolicy:
    """All numbers of one operation; times in seconds.

    Attributes:
        strategy: the id of the strategy that orders equals.
        retries: further tries of the same candidate.
        max_attempts: all attempts of one call, at all candidates together.
        deadline: for the whole call; for a stream until its first content.
        timeouts: for the phases of one attempt.
        hold: how much of a stream is kept back, unless the alias or the request says otherwise.
        on_cut: what follows when a stream breaks after it was shown, unless they say otherwise.
        breaker: for every breaker of the operation's providers.
        on_failure: for some kinds of failure, the step that follows: `stop` or `elsewhere`.
    """

    strategy: str = "priority"
    retries: int = 2
    max_attempts: int = 8
    deadline: float = 30.0
    timeouts: Limits = field(default_factory=lambda: Limits(total=10.0))
    hold: Hold = NO_HOLD
    on_cut: OnCut = OnCut.ERROR
    breaker: BreakerNumbers = field(default_factory=lambda: BreakerNumbers(open_for=300.0))
    on_failure: Mapping[str, str] = field(
        default_factory=lambda: {"content_filter": "stop", "not_found": "stop"},
    )


# A weather service answers in a second or not at all, and is seldom missed: short patience, long rest.
ORDINARY = ResolvedPolicy()
# A model may think for minutes and is dear to do without: long patience, a short rest. 600 s is also what OpenAI's own
# SDK waits by default, so that we do not give up before the caller does.
LLM = ResolvedPolicy(deadline=600.0, timeouts=Limits(), breaker=BreakerNumbers())
BUILT_IN: Mapping[str, ResolvedPolicy] = {"llm": LLM}
"""Defaults by family; `ORDINARY` for all others."""


def resolve_policy(policies: Mapping[str, Policy], operation: str, family: str) -> ResolvedPolicy:
    """The numbers of one operation.

    Args:
        policies: `Settings.policies`.
        operation: the operation's id.
        family: the family that defines it.
    """
    numbers = _as_dict(BUILT_IN.get(family, ORDINARY))
    for name in applying(policies, operation, family):
        _lay_over(numbers, policies[name].model_dump(exclude_unset=True))
    return ResolvedPolicy(
        strategy=numbers["strategy"],
        retries=numbers["retries"],
        max_attempts=numbers["max_attempts"],
        deadline=numbers["deadline"],
        timeouts=Limits(**numbers["timeouts"]),
        hold=Hold(**numbers["hold"]),
        on_cut=OnCut(numbers["on_cut"]),
        breaker=BreakerNumbers(**numbers["breaker"]),
        on_failure=numbers["on_failure"],
    )


def applying(names: Iterable[str], operation: str, family: str) -> tuple[str, ...]:
    """Which entries of `policies` speak of an operation, the least specific first."""

    def specificity(name: str) -> tuple[int, int]:
        if name == "default":
            return (0, 0)
        if name == operation:
            return (3, 0)
        return (1, 0) if name == family else (2, len(name))

    return tuple(sorted((name for name in names if speaks_of(name, operation, family)), key=specificity))


def speaks_of(name: str, operation: str, family: str) -> bool:
    """Whether an entry of `policies` speaks of an operation."""
    if name in {"default", operation, family}:
        return True
    return name.endswith("*") and operation.startswith(name[:-1])


def _as_dict(policy: ResolvedPolicy) -> dict[str, Any]:
    return asdict(policy)


def _lay_over(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, Mapping):
            _lay_over(below[key], value)
        elif value is not None:
            below[key] = value
