"""Who is asked next: a walk over tiers, groups and keys that learns from what failed in this call.

The order is not worked out beforehand. Most calls are answered by the first candidate, so later groups are put in
order only when they are reached; and a failure may rule out more than the one that failed: a refused connection
speaks of the whole provider, a bad key only of itself, a full context window of every model that is no larger.
"""

from collections.abc import Iterable, Iterator, Sequence

from segue.core.call import CallOptions
from segue.core.failure import Failure, Kind, Scope
from segue.core.features import Features
from segue.core.provider import Candidate, Target
from segue.routing.strategy import Strategy


class Group:
    """Equals after tier and priority, with the strategy that puts them in order."""

    __slots__ = ("strategy", "targets")

    def __init__(self, targets: Sequence[Target], strategy: Strategy) -> None:
        self.targets = tuple(targets)
        self.strategy = strategy


TAG = "tag:"
"""How callers name all candidates with a tag, in `only` and `avoid`."""

LACKS = "lacks: "
"""How the reason of a candidate begins that cannot do what the request needs; no time and no other key helps."""

ROOM = 1.5
"""How many times its window an estimate may be before a model goes to the end. Estimates count four bytes for a token
(data in base64 left out); prose, code and languages of other scripts have more tokens than that, and only text that is
mostly white space has clearly fewer. So what is half as much again is too long nearly always."""

SMALLEST_WINDOW = 2048
"""Tokens: requests below fit every model of today, so nobody compares."""

Tier = tuple[Group, ...]
Tiers = tuple[Tier, ...]


class Plan:
    """The tiers of one call and what has been ruled out of them since."""

    __slots__ = ("_exclusions", "_features", "_walk", "tiers")

    def __init__(self, tiers: Tiers, features: Features, options: CallOptions | None) -> None:
        self.tiers = tiers
        self._features = features
        self._exclusions = Exclusions(features, options)
        # It must not know of the plan: a walk that is left before its end, as nearly all are, would be a cycle.
        self._walk = _walk(tiers, features, self._exclusions)

    def next(self) -> Candidate | None:
        """The next candidate that nothing speaks against; `None` when all were offered."""
        return next(self._walk, None)

    def rule_out(self, candidate: Candidate, failure: Failure) -> None:
        """Never again in this call what this failure speaks of."""
        self._exclusions.rule_out(candidate, failure)

    def why_not(self, candidate: Candidate) -> str | None:
        """The reason for which this candidate may not serve this call, if there is one."""
        return self._exclusions.why_not(candidate)

    def preview(self) -> Iterator[Candidate]:
        """Every candidate in the order in which it would be asked now; changes nothing."""
        return _walk(self.tiers, self._features, self._exclusions, commit=False, everyone=True)


class Exclusions:
    """What speaks against candidates of one call: the request, its options, and what has failed since."""

    __slots__ = ("_avoid", "_excluded", "_needs", "_only", "_tokens", "_window", "_wishes", "picky")

    def __init__(self, features: Features, options: CallOptions | None) -> None:
        self._only = options.only if options else ()
        self._avoid = options.avoid if options else ()
        self._excluded: set[tuple[str, str, str]] | None = None
        self._window = 0
        self._tokens = features.tokens
        self._needs = self._wishes = needs = features.needs
        self.picky = features.tokens > SMALLEST_WINDOW
        if needs:
            self._needs = needs - features.wishes
            self._wishes = needs & features.wishes
            self.picky = True

    def rule_out(self, candidate: Candidate, failure: Failure) -> None:
        """Never again in this call what this failure speaks of."""
        if self._excluded is None:
            self._excluded = set()
        provider = candidate.provider.id
        if failure.kind is Kind.CONTEXT_LENGTH:
            # Whatever the adapter calls its scope: another key does not make this model's window larger, and another
            # model of the same provider may have a larger one.
            self._excluded.add((provider, candidate.model, ""))
            if candidate.info and candidate.info.context:
                self._window = max(self._window, candidate.info.context)
        elif failure.scope is Scope.PROVIDER:
            self._excluded.add((provider, "", ""))
        elif failure.scope is Scope.KEY:
            self._excluded.add((provider, "", candidate.key.label))
        else:
            self._excluded.add((provider, candidate.model, ""))

    def why_not(self, candidate: Candidate) -> str | None:
        """The reason for which this candidate may not serve this call, if there is one."""
        provider = candidate.provider
        if not provider.enabled:
            return "disabled"
        if self._only and not _named(candidate, self._only):
            return "not among x-segue-only"
        if self._avoid and _named(candidate, self._avoid):
            return "avoided by x-segue-avoid"
        if self._needs and (lacked := lacks(candidate, self._needs)):
            return f"{LACKS}{', '.join(lacked)}"
        if self._window and candidate.info and candidate.info.context and candidate.info.context <= self._window:
            return f"its context window ({candidate.info.context} tokens) is no larger"
        if self._excluded and not self._excluded.isdisjoint(
            (
                (provider.id, "", ""),
                (provider.id, "", candidate.key.label),
                (provider.id, candidate.model, ""),
            )
        ):
            return "failed in this call"
        return None

    def unlikely(self, candidate: Candidate) -> bool:
        """Whether others go first: the request is clearly too long for it, or it cannot do what is only wished for."""
        info = candidate.info
        if info is None:
            return False
        if info.context is not None and self._tokens > info.context * ROOM:
            return True
        return bool(self._wishes) and bool(lacks(candidate, self._wishes))


def _walk(
    tiers: Tiers, features: Features, exclusions: Exclusions, *, commit: bool = True, everyone: bool = False
) -> Iterator[Candidate]:
    """The candidates in the order in which they are asked, by what is excluded when each one's turn comes."""
    offered: set[str] = set()
    later: list[Candidate] | None = None
    for tier in tiers:
        for group in tier:
            for target in group.strategy.order(features, commit=commit):
                if target.name in offered:  # named twice, by an alias or as a fallback
                    continue
                offered.add(target.name)
                keys = target.candidates
                for candidate in keys if len(keys) == 1 else in_turn(target, commit=commit):
                    if everyone or exclusions.why_not(candidate) is None:
                        if exclusions.picky and exclusions.unlikely(candidate):
                            later = [*(later or ()), candidate]
                        else:
                            yield candidate
    for candidate in later or ():
        if everyone or exclusions.why_not(candidate) is None:
            yield candidate


def lacks(candidate: Candidate, needs: Iterable[str]) -> list[str]:
    """Those of the needs that a candidate is known not to serve; what is not known counts as served."""
    info, carries = candidate.info, candidate.carries
    known = info.capabilities if info is not None else None
    lacked = []
    for need in sorted(needs):
        if ":" in need:
            if carries is not None and not carries(need, candidate.model):
                lacked.append(need)
        elif known and need not in known:
            lacked.append(need)
    return lacked


def speaks_of(failure: Failure, failed: Candidate, other: Candidate) -> bool:
    """Whether the failure of one candidate holds for another, too."""
    if failed.provider.id != other.provider.id:
        return False
    if failure.kind is Kind.CONTEXT_LENGTH or failure.scope in {Scope.REQUEST, Scope.MODEL}:
        return failed.model == other.model
    return failure.scope is Scope.PROVIDER or failed.key.label == other.key.label


def in_turn(target: Target, *, commit: bool) -> Sequence[Candidate]:
    """The target's candidates, one for each key, beginning with another one every time; spent keys come last."""
    keys = target.candidates
    if len(keys) == 1:
        return keys
    start = target.turn % len(keys)
    if commit:
        target.turn = start + 1
    turned = keys[start:] + keys[:start]
    spent = target.provider.load.spent
    return sorted(turned, key=lambda candidate: candidate.key.label in spent) if spent else turned


def _named(candidate: Candidate, names: Sequence[str]) -> bool:
    provider = candidate.provider.id
    if provider in names or candidate.name in names or (candidate.listed and f"{provider}/{candidate.listed}" in names):
        return True
    return any(f"{TAG}{tag}" in names for tag in candidate.tags)
