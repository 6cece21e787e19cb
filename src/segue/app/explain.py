"""Who would be asked now, and why, without asking anyone."""

from dataclasses import dataclass, replace

from segue.app.snapshot import Line
from segue.config.values import format_hold
from segue.core.call import CallOptions
from segue.core.features import Features
from segue.core.provider import Candidate
from segue.pipeline.call_layers import hold_of, on_cut_of, tiers_for
from segue.routing.plan import Plan


@dataclass(frozen=True, slots=True)
class Considered:
    """One candidate of an explanation.

    Attributes:
        rank: 1 for the one that would be asked first; `None` for one that would not be asked.
        tier: 1 for the first tier of the name.
        reason: why it stands where it stands.
    """

    candidate: str
    key: str
    rank: int | None
    tier: int
    priority: int
    weight: int
    in_flight: int
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision that a call would meet now.

    Attributes:
        hold: how much of a stream would be kept back, as it is written in a configuration.
        on_cut: what would follow if a stream broke after it was shown.
    """

    operation: str
    model: str
    strategy: str
    version: int
    candidates: tuple[Considered, ...]
    hold: str = "none"
    on_cut: str = "error"

    @property
    def winner(self) -> str | None:
        """Who would be asked first; `None` when nobody would."""
        return next((one.candidate for one in self.candidates if one.rank == 1), None)


def explain(line: Line, model: str, options: CallOptions | None, version: int) -> Explanation:
    """Every candidate for a name in the order in which it would be asked.

    Raises:
        CallFailed: the name, or a fallback that the options name, is unknown, or there is no provider.
    """
    parts = line.parts
    plan = Plan(tiers_for(parts, model, options), Features(model=model), options)
    now = parts.clock.now()
    chosen = line.chosen.get(model, {})
    considered = []
    rank = 0
    for candidate in plan.preview():
        reason = plan.why_not(candidate) or _held_back(candidate, now)
        if reason is None:
            rank += 1
        one = _considered(candidate, rank if reason is None else None, reason, plan, parts.policy.strategy)
        selector = chosen.get(f"{candidate.provider.id}/{candidate.listed or candidate.model}")
        considered.append(replace(one, reason=f"{one.reason}; chosen by {selector}") if selector else one)
    hold = format_hold(hold_of(parts, model, options))
    on_cut = on_cut_of(parts, model, options).value
    return Explanation(parts.operation.id, model, parts.policy.strategy, version, tuple(considered), hold, on_cut)


def _considered(candidate: Candidate, rank: int | None, reason: str | None, plan: Plan, strategy: str) -> Considered:
    provider = candidate.provider
    tier = next(
        number
        for number, groups in enumerate(plan.tiers, start=1)
        if any(candidate in target.candidates for group in groups for target in group.targets)
    )
    why = reason or f"tier {tier}, priority {provider.priority}, then strategy {strategy} (weight {provider.weight})"
    return Considered(
        candidate.name,
        candidate.key.label,
        rank,
        tier,
        provider.priority,
        provider.weight,
        provider.load.in_flight,
        why,
    )


def _held_back(candidate: Candidate, now: float) -> str | None:
    until = candidate.guard.blocked_until(now)
    if until is None:
        return None
    cooling = candidate.guard.cooling_until(now) is not None
    what = "cooling down as its provider asked" if cooling else "its circuit breaker is open"
    return f"{what}, for {max(0.0, until - now):.1f} s more"
