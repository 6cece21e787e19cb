"""What stands before one candidate: the breakers and the cooling times of its provider, its model and its key.

A call passes here before every attempt, and nearly always all is well. So each level keeps one flag, `calm`, that says
"closed and not cooling"; while all flags are set, admission is three looks and one new object. Everything else takes
the slower path.

A failure speaks of one level, its scope; of the other levels it says nothing:

    result of the attempt     the level that it names     the other levels
    ------------------------  --------------------------  ----------------
    succeed                   success                     success
    fail, scope provider      failure of the provider     abandoned
    fail, scope model         failure of the model        abandoned
    fail, scope key           failure of the key          abandoned
    fail, scope request       -                           abandoned
    abandon                   -                           abandoned

A refused key shows that the provider's front door stands, not that the house behind it does. Counted as a success it
would hide failures in the share, break rows of them, and close a breaker that a real call finds open a moment later.
So only a success counts as one, and only a success closes a breaker. Leaving it out costs nothing: the probe's slot is
free again at once.
"""

from collections.abc import Callable

from segue.core.failure import Scope
from segue.resilience.breaker import Breaker, BreakerOptions, State
from segue.resilience.budget import RetryBudget

Tokens = tuple[int, int, int]
"""Of the provider, the model and the key."""

# Retry-After is a stranger's number. A slip in it (milliseconds for seconds, a date in the wrong year) must not take
# a provider away for days: after an hour it is asked again, and may say so again.
LONGEST_COOLING = 3600.0


class Level(Breaker):
    """The health of one provider, of one model of it or of one of its keys: a breaker and a cooling time.

    Args:
        name: `openai`, `openai/gpt-4o` or `openai#key-1`.
        options: the breaker's numbers.
        tell: called with the level after every change of its state, and the state before, the one after, and why.

    Attributes:
        calm: whether it is closed and was not cooling when last looked at: then it admits everyone.
        cooling_until: when it may be asked again, in seconds on the monotonic clock; 0 when it is not cooling.
    """

    __slots__ = ("__weakref__", "_tell", "calm", "cooling_until")

    def __init__(self, name: str, options: BreakerOptions, tell: Callable[["Level", State, State, str], None]) -> None:
        super().__init__(name, options)
        self._tell: Callable[[Level, State, State, str], None] | None = tell
        self.calm = True
        self.cooling_until = 0.0

    def cool(self, until: float) -> None:
        """Hold it back until then; a shorter time than is in force changes nothing."""
        if until > self.cooling_until:
            self.cooling_until = until
            self.calm = False

    def opens_at(self, now: float) -> float | None:
        """When its breaker lets someone through again; `None` when it does now."""
        return super().blocked_until(now)

    def blocked_until(self, now: float) -> float | None:
        """When it may be asked again; `None` when it may now."""
        opens = self.opens_at(now)
        cooled = self.cooling(now)
        if opens is None or cooled is None:
            return opens if cooled is None else cooled
        return max(opens, cooled)

    def cooling(self, now: float) -> float | None:
        """Until when it cools; `None` when it does not.

        What was asked for may be any number, and `cool` is not told the time: the limit runs from the first look.
        """
        if self.cooling_until <= now:
            self.cooling_until = 0.0
            self.calm = self.closed
            return None
        self.cooling_until = min(self.cooling_until, now + LONGEST_COOLING)
        return self.cooling_until

    def mute(self) -> None:
        """Tell no more: it was forgotten, and only attempts that began before still hold it."""
        self._tell = None

    def _changed(self, before: State, after: State, reason: str) -> None:
        self.calm = after is State.CLOSED and not self.cooling_until
        if self._tell is not None:
            self._tell(self, before, after, reason)


class GuardPermit:
    """Leave for one attempt: a token of each level. The first call of the three counts, later ones change nothing."""

    __slots__ = ("_guard", "_key", "_model", "_provider")

    def __init__(self, guard: "CandidateGuard", provider: int, model: int, key: int) -> None:
        self._guard: CandidateGuard | None = guard
        self._provider = provider
        self._model = model
        self._key = key

    def succeed(self, now: float) -> None:
        """The provider answered as it should: a success on every level."""
        guard = self._guard
        if guard is None:
            return
        self._guard = None
        guard.provider.succeeded(self._provider, now)
        guard.key.succeeded(self._key, now)
        if guard.model is not None:
            guard.model.succeeded(self._model, now)

    def proven(self, now: float) -> None:
        """The answer has begun well: a success on the levels that this attempt probes, nothing yet on the others."""
        guard = self._guard
        if guard is None:
            return
        for level, token in ((guard.provider, self._provider), (guard.model, self._model), (guard.key, self._key)):
            if level is not None and not level.closed:
                level.succeeded(token, now)

    def fail(self, now: float, scope: str, kind: str) -> None:
        """The provider failed: a failure on the level that `scope` names, nothing learnt on the others."""
        guard = self._guard
        if guard is None:
            return
        self._settle(guard, guard.level(scope), now, kind)

    def abandon(self, now: float) -> None:
        """Nothing was learnt on any level."""
        guard = self._guard
        if guard is not None:
            self._settle(guard, None, now, "")

    def _settle(self, guard: "CandidateGuard", struck: Level | None, now: float, kind: str) -> None:
        self._guard = None
        for level, token in ((guard.provider, self._provider), (guard.model, self._model), (guard.key, self._key)):
            if level is None:
                continue
            if level is struck:
                level.failed(token, now, kind)
            else:
                level.abandoned(token, now)


class CandidateGuard:
    """The `segue.core.provider.Guard` of one provider, model and key; made by `HealthBook.guard`.

    Attributes:
        provider, key: their health.
        model: its health; `None` where there are no models.
    """

    __slots__ = ("_budget", "deposit", "key", "model", "provider")

    def __init__(self, provider: Level, model: Level | None, key: Level, budget: RetryBudget) -> None:
        self.provider = provider
        self.model = model
        self.key = key
        self._budget = budget
        self.deposit: Callable[[float], None] = budget.deposit
        """Count one first attempt for the provider's budget."""

    def tokens(self) -> "Tokens | None":
        """A token of each level, where all are calm: what a permit is made of, and all that a success needs."""
        provider, model, key = self.provider, self.model, self.key
        if provider.calm and key.calm and (model is None or model.calm):
            return provider.generation, 0 if model is None else model.generation, key.generation
        return None

    def succeed(self, tokens: "Tokens", now: float) -> None:
        """A success on every level, as of a permit that was made of these tokens."""
        self.provider.succeeded(tokens[0], now)
        self.key.succeeded(tokens[2], now)
        if self.model is not None:
            self.model.succeeded(tokens[1], now)

    def permit(self, tokens: "Tokens") -> GuardPermit:
        """The permit that is made of these tokens."""
        return GuardPermit(self, *tokens)

    def admit(self, now: float) -> GuardPermit | None:
        """A permit, or `None` when a level does not let anyone through now."""
        provider, model, key = self.provider, self.model, self.key
        if provider.calm and key.calm and (model is None or model.calm):
            return GuardPermit(self, provider.generation, 0 if model is None else model.generation, key.generation)
        # First every level is asked, then every token is taken: a probe's slot is never taken in vain.
        if self.blocked_until(now) is not None:
            return None
        return GuardPermit(self, _token(provider, now), _token(model, now), _token(key, now))

    def blocked_until(self, now: float) -> float | None:
        """When the last of its levels lets someone through again; `None` when all do now."""
        levels = (self.provider, self.model, self.key)
        times = [level.blocked_until(now) for level in levels if level is not None and not level.calm]
        return max((time for time in times if time is not None), default=None)

    def cooling_until(self, now: float) -> float | None:
        """When a wait that the provider asked for is over; `None` when there is none, or a breaker is open too."""
        levels = [level for level in (self.provider, self.model, self.key) if level is not None and not level.calm]
        if any(level.opens_at(now) is not None for level in levels):
            return None
        return max((until for level in levels if (until := level.cooling(now)) is not None), default=None)

    def cool(self, until: float, scope: str) -> None:
        """Hold back the level that `scope` names until then, but for an hour at most. A request cannot be cooled."""
        level = self.level(scope)
        if level is not None:
            level.cool(until)

    def spend_retry(self, now: float) -> bool:
        """Take one retry out of the provider's budget, if there is one left."""
        return self._budget.spend(now)

    def level(self, scope: str) -> Level | None:
        """The level that a scope speaks of, `None` for the request itself.

        A scope of the model where there are no models, and one that nobody has heard of, mean the provider.
        """
        if scope == Scope.KEY:
            return self.key
        if scope == Scope.REQUEST:
            return None
        if scope == Scope.MODEL and self.model is not None:
            return self.model
        return self.provider


def _token(level: Level | None, now: float) -> int:
    return (level.acquire(now) or 0) if level is not None else 0
