"""Health must outlive configuration: a reload must not make a broken provider look well again.

So everything that changes while Segue runs (breakers, cooling times, retry budgets) is kept here by name, and the
candidates of every new configuration are given guards on the same levels.

Providers and keys come from the configuration, so there are as many as it lists. Names of models come from callers
where a provider serves any model, so they are without end: the book itself keeps the `most_models` that were asked for
last. A closed breaker leaves before any other. A level that some candidate still holds is never doubled: as long as
anyone holds it, it is found again under its name.
"""

from collections import OrderedDict
from itertools import islice
from weakref import WeakValueDictionary

from segue.core.signals import BreakerChanged, Signals
from segue.resilience.breaker import BreakerOptions, State
from segue.resilience.budget import RetryBudget
from segue.resilience.guard import CandidateGuard, Level

MOST_MODELS = 10_000

# A page of status is for reading: of the models that are held back, so many are listed for each provider.
MOST_LISTED = 100


class _ProviderHealth:
    """One provider: its own level, those of its keys and models, and its retries."""

    __slots__ = ("budget", "keys", "level", "models")

    def __init__(self, level: Level, sharers: int) -> None:
        self.level = level
        self.budget = RetryBudget(sharers)
        self.keys: dict[str, Level] = {}
        self.models: WeakValueDictionary[str, Level] = WeakValueDictionary()


class HealthBook:
    """The health of everything that can be asked, by name; one for each process.

    Args:
        signals: told of every change of a breaker (`BreakerChanged`).
        most_models: how many models the book keeps, of all providers together; at least 1.
        sharers: how many processes share what may be retried without having been earned; at least 1.
    """

    def __init__(self, signals: Signals, *, most_models: int = MOST_MODELS, sharers: int = 1) -> None:
        self._signals = signals
        self._sharers = sharers
        self._most_models = most_models
        self._providers: dict[str, _ProviderHealth] = {}
        # Both hold models only, the one asked for longest ago first.
        self._closed: OrderedDict[Level, None] = OrderedDict()
        self._troubled: OrderedDict[Level, None] = OrderedDict()

    def guard(self, provider_id: str, model: str, key_label: str, options: BreakerOptions) -> CandidateGuard:
        """The guard of one candidate. Guards are cheap and keep nothing of their own: make as many as you like.

        Args:
            provider_id: of the provider.
            model: the provider's own name of the model; empty where there are no models.
            key_label: of the key.
            options: the numbers of the breakers of all three levels. They are in force at once, also for guards
                handed out earlier; states and counts stay. Give one provider one set of them: the last one holds.
        """
        health = self._providers.get(provider_id)
        if health is None:
            health = self._providers[provider_id] = _ProviderHealth(
                Level(provider_id, options, self._tell), self._sharers
            )
        health.level.configure(options)
        key = health.keys.get(key_label)
        if key is None:
            key = health.keys[key_label] = Level(f"{provider_id}#{key_label}", options, self._tell)
        key.configure(options)
        level = self._model(health, f"{provider_id}/{model}", model, options) if model else None
        return CandidateGuard(health.level, level, key, health.budget)

    def forget(self, provider_id: str, key_label: str | None = None) -> None:
        """Drop a provider that was removed, or one key of it whose secret was replaced; an unknown one is no error.

        Guards that were handed out go on with what was dropped, and nobody hears of it any more.
        """
        health = self._providers.get(provider_id)
        if health is None:
            return
        if key_label is not None:
            key = health.keys.pop(key_label, None)
            if key is not None:
                key.mute()
            return
        del self._providers[provider_id]
        for level in (health.level, *health.keys.values(), *health.models.values()):
            level.mute()
            self._closed.pop(level, None)
            self._troubled.pop(level, None)

    def status(self, now: float) -> dict[str, dict[str, object]]:
        """What is known of each provider, by its id, in words and numbers that JSON can say.

        Each provider has `state`, `for` (seconds in this state, or null if it never changed), `reason`, `calls`,
        `failed` (both in the window), `consecutive_failures`, `opens`, `cooling_for` (seconds), `retries_left`, `keys`
        (the same by label) and `models` (the same by name, of those that are not closed or cool; at most
        `MOST_LISTED`).
        """
        # Looking may let time change a state, and whoever hears of that may ask for a new guard: so walk over copies.
        return {provider_id: _provider_status(health, now) for provider_id, health in tuple(self._providers.items())}

    def _model(self, health: _ProviderHealth, name: str, model: str, options: BreakerOptions) -> Level:
        level = health.models.get(model)
        if level is None:
            level = health.models[model] = Level(name, options, self._tell_of_model)
        else:
            level.configure(options)
        self._keep(level)
        return level

    def _keep(self, level: Level) -> None:
        """Put a model last on its shelf; whichever was asked for longest ago makes room."""
        shelf = self._closed if level.closed else self._troubled
        if level not in shelf:
            while len(self._closed) + len(self._troubled) >= self._most_models:
                (self._closed or self._troubled).popitem(last=False)
            shelf[level] = None
        shelf.move_to_end(level)

    def _tell_of_model(self, level: Level, before: State, after: State, reason: str) -> None:
        self._closed.pop(level, None)
        self._troubled.pop(level, None)
        self._keep(level)
        self._tell(level, before, after, reason)

    def _tell(self, level: Level, before: State, after: State, reason: str) -> None:
        self._signals.emit(BreakerChanged(level.name, before.value, after.value, reason))


def _provider_status(health: _ProviderHealth, now: float) -> dict[str, object]:
    held = (
        (model, level)
        for model, level in sorted(health.models.items())
        if not level.closed or level.cooling(now) is not None
    )
    return {
        **_level_status(health.level, now),
        "retries_left": health.budget.left(now),
        "keys": {label: _level_status(level, now) for label, level in tuple(health.keys.items())},
        "models": {model: _level_status(level, now) for model, level in islice(held, MOST_LISTED)},
    }


def _level_status(level: Level, now: float) -> dict[str, object]:
    seen = level.snapshot(now)
    cooling = level.cooling(now)
    return {
        "state": seen.state.value,
        "for": None if seen.since is None else now - seen.since,
        "reason": seen.reason,
        "calls": seen.calls,
        "failed": seen.failed,
        "consecutive_failures": seen.consecutive,
        "opens": seen.opens,
        "cooling_for": 0.0 if cooling is None else cooling - now,
    }
