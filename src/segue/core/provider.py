"""A configured account or source that can serve operations, and the candidates that it offers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from segue.core.money import Charge
from segue.core.outcome import Usage
from segue.core.ports import Executor


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One credential of a provider, with its own quota and health.

    Attributes:
        label: how it is named in records and on screens: `key-1`, never any part of the secret.
        secret: the credential itself; `repr` leaves it out.
    """

    label: str
    secret: str = field(repr=False)


NO_KEY = Key("none", "")


class Pricing(Protocol):
    """What a model costs; `segue.metering.prices.Price` is one."""

    def charge(self, usage: Usage, wall: float) -> Charge | None:
        """What this usage cost at this time (seconds since 1970-01-01 UTC); `None` where that cannot be known."""
        ...


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of one model of a provider.

    Attributes:
        context: the context window in tokens.
        capabilities: what it can do, as words.
        max_output: the most tokens of one answer.
        price: `None` where it is not known, which is not the same as free.
    """

    id: str
    context: int | None = None
    capabilities: frozenset[str] = frozenset()
    max_output: int | None = None
    price: Pricing | None = None


class Permit(Protocol):
    """Leave to send one attempt. Exactly one of the three is called, once; later calls change nothing."""

    def succeed(self, now: float) -> None:
        """The provider answered as it should."""
        ...

    def proven(self, now: float) -> None:
        """The answer has begun well, though it will take its time: a probe has found out what it was sent for.

        It may be called before one of the three; of an attempt that is no probe nothing is learnt yet.
        """
        ...

    def fail(self, now: float, scope: str, kind: str) -> None:
        """The provider failed in a way that counts against what `scope` names."""
        ...

    def abandon(self, now: float) -> None:
        """Nothing was learnt: the caller went away, or made a mistake of its own."""
        ...


class Guard(Protocol):
    """What stands before a candidate: its breakers and its cooling times."""

    def admit(self, now: float) -> Permit | None:
        """A permit, or `None` when the candidate must not be asked now."""
        ...

    def blocked_until(self, now: float) -> float | None:
        """When the candidate may be asked again, in seconds on the monotonic clock; `None` when it may now."""
        ...

    def cooling_until(self, now: float) -> float | None:
        """When a wait that the provider asked for is over; `None` when there is none, or a breaker is open too."""
        ...

    def cool(self, until: float, scope: str) -> None:
        """Hold back what `scope` names until then: the provider asked for it."""
        ...

    def spend_retry(self, now: float) -> bool:
        """Take one retry out of the provider's budget, if there is one left."""
        ...

    def deposit(self, now: float) -> None:
        """Count one first attempt: it earns the provider a fraction of a retry."""
        ...


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a vendor last said is left for one key.

    Attributes:
        requests, tokens: left until the reset; `None` where it did not say.
        told_at: when it said so, in seconds on the monotonic clock.
        spent_until: where nothing was left, when there will be more; else 0.
    """

    requests: int | None
    tokens: int | None
    told_at: float
    spent_until: float = 0.0


class Load:
    """How busy one provider is: plain numbers, changed in place.

    Attributes:
        in_flight: attempts under way.
        allowances: what the vendor last said is left, by the label of the key.
        spent: labels of keys of which nothing is left, and until when; they are asked last.
    """

    __slots__ = ("allowances", "in_flight", "spent")

    def __init__(self) -> None:
        self.in_flight = 0
        self.allowances: dict[str, Allowance] = {}
        self.spent: dict[str, float] = {}

    def tell(self, label: str, allowance: Allowance) -> None:
        """Note what the vendor said of one key, and forget of the others what is no longer true."""
        self.allowances[label] = allowance
        if allowance.spent_until:
            self.spent[label] = allowance.spent_until
        elif self.spent:
            self.spent.pop(label, None)
        for other in [name for name, until in self.spent.items() if until <= allowance.told_at]:
            del self.spent[other]


@dataclass(frozen=True, slots=True, eq=False)
class Provider:
    """One provider of a snapshot.

    Attributes:
        priority: lower is tried earlier.
        weight: the share among equals.
        models: what it lists; empty when its operations have no models.
        wildcard: whether it serves any model that is asked for by `id/model`.
        catch_all: whether it serves any bare name that nobody lists, too.
        load: shared by all snapshots, as the breakers are.
    """

    id: str
    adapter: str
    operations: frozenset[str]
    executor: Executor
    keys: tuple[Key, ...] = (NO_KEY,)
    models: tuple[ModelInfo, ...] = ()
    wildcard: bool = False
    catch_all: bool = False
    priority: int = 1
    weight: int = 1
    enabled: bool = True
    load: Load = field(default_factory=Load)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A provider, a model of it, and a key: who could serve a call.

    Attributes:
        model: the provider's own name of the model.
        listed: the name under which it is configured, where that is another; "" where it is the same.
        tags: words of the configuration for the provider and the model.
        carries: whether a need that is bound to a vendor (`files:openai`) can be sent here with this model; `None`
            where nobody can tell.
    """

    provider: Provider
    model: str
    key: Key
    guard: Guard
    info: ModelInfo | None = None
    listed: str = ""
    tags: frozenset[str] = frozenset()
    carries: Callable[[str, str], bool] | None = None

    @property
    def name(self) -> str:
        """`provider/model`, or `provider` where there are no models."""
        return f"{self.provider.id}/{self.model}" if self.model else self.provider.id


class Target:
    """A provider and a model, before a key is chosen: what strategies put in order.

    Attributes:
        candidates: one for each key of the provider.
        turn: how often a key was chosen here; makes the keys take turns.
    """

    __slots__ = ("candidates", "model", "name", "provider", "turn")

    def __init__(self, provider: Provider, model: str, candidates: tuple[Candidate, ...]) -> None:
        self.provider = provider
        self.model = model
        self.candidates = candidates
        self.name = f"{provider.id}/{model}" if model else provider.id
        self.turn = 0
