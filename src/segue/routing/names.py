"""From the name that a caller uses to the tiers of targets that may serve it.

First match: (1) an alias; (2) the first path segment is a configured provider, and the rest, unchanged, is its model;
(3) a bare id that providers list; (4) providers that take every name (`catch_all`). So `openai/gpt-4o` can never be
caught by somebody's pattern, and a model whose own name has slashes or colons needs no escaping.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice

from segue.core.errors import UnknownModel
from segue.core.features import Features
from segue.core.provider import Provider, Target
from segue.routing.plan import Group, Tier, Tiers, lacks

MakeTarget = Callable[[Provider, str], Target]
MakeTier = Callable[[Sequence[Target]], Tier]

# Names that callers invent for wildcard providers; the oldest are forgotten, and cost only their making again.
MAX_DYNAMIC = 4096
MAX_NAME = 256

# Comparing is slow (50 microseconds a name) and anybody can ask for what does not exist.
MAX_COMPARED = 100
SHORTEST_WORD = 3

MAX_SEARCHED = 1000
"""Models that are looked at for an error's advice."""
_WORDS = re.compile(r"[^a-z0-9]+")


class Names:
    """Resolves names for one operation in one snapshot. Everything that is listed is compiled beforehand."""

    def __init__(
        self,
        providers: Sequence[Provider],
        aliases: Mapping[str, Sequence[Sequence[str]]],
        make_target: MakeTarget,
        make_tier: MakeTier,
    ) -> None:
        self._providers = {provider.id: provider for provider in providers}
        self._make_target = make_target
        self._make_tier = make_tier
        self._dynamic: dict[str, Tiers] = {}
        self._folded: dict[str, str] | None = None
        self._targets: dict[tuple[str, str], Target] = {}
        self._listed = self._compile_listed()
        self._catch_all = [provider for provider in providers if provider.catch_all]
        self._aliases: dict[str, Tiers] = {}
        for alias, tiers in aliases.items():
            made = tuple(tier for names in tiers if (tier := self._tier_of(names)) is not None)
            if made:
                self._aliases[alias] = made

    def resolve(self, name: str) -> Tiers:
        """The tiers for a name.

        Raises:
            UnknownModel: with the nearest names.
        """
        found = self._aliases.get(name) or self._dynamic.get(name)
        if found is not None:
            return found
        head, slash, rest = name.partition("/")
        if slash and rest and head in self._providers:
            target = self._target(self._providers[head], rest)
            if target is not None:
                return self._remember(name, (self._make_tier((target,)),))
            raise UnknownModel(f"provider {head!r} does not serve a model {rest!r}{self._near(name)}", param="model")
        listed = self._listed.get(name)
        if listed is not None:
            return listed
        if self._catch_all and name and len(name) <= MAX_NAME:
            targets = [target for provider in self._catch_all if (target := self._target(provider, name)) is not None]
            if targets:
                return self._remember(name, (self._make_tier(targets),))
        raise UnknownModel(f"the model {name[:MAX_NAME]!r} does not exist{self._near(name)}", param="model")

    def names(self) -> dict[str, str]:
        """Every name that can be listed, with the provider that owns it (`segue` for an alias)."""
        listed = dict.fromkeys(self._aliases, "segue")
        for name, tiers in self._listed.items():
            head, slash, rest = name.partition("/")
            owner = tiers[0][0].targets[0].provider.id
            if slash and head in self._providers:  # its first segment means that provider
                if self._target(self._providers[head], rest) is None:
                    continue  # so it can only be asked for by its full name
                owner = head
            listed.setdefault(name, owner)
        for provider in self._providers.values():
            for model in provider.models:
                listed.setdefault(f"{provider.id}/{model.id}", provider.id)
        return listed

    def able(self, features: Features) -> list[str]:
        """Listed models that are not known to lack anything that such a request needs, in the configuration's order."""
        needs = features.needs - features.wishes
        found = []
        for target in islice(self._targets.values(), MAX_SEARCHED):
            candidate = target.candidates[0]
            if target.provider.enabled and not lacks(candidate, needs):
                found.append(target.name)
        return found

    def _compile_listed(self) -> dict[str, Tiers]:
        by_name: dict[str, list[Target]] = {}
        for provider in self._providers.values():
            for model in provider.models:
                target = self._make_target(provider, model.id)
                if not target.candidates:  # none of the provider's keys serves it
                    continue
                self._targets[provider.id, model.id] = target
                by_name.setdefault(model.id, []).append(target)
        return {name: (self._make_tier(targets),) for name, targets in by_name.items()}

    def _tier_of(self, names: Sequence[str]) -> Tier | None:
        targets = []
        for name in names:
            head, slash, rest = name.partition("/")
            if slash and head in self._providers:
                target = self._target(self._providers[head], rest)
                if target is not None:
                    targets.append(target)
            elif name in self._listed:
                targets += [target for group in self._listed[name][0] for target in group.targets]
        return self._make_tier(targets) if targets else None

    def _target(self, provider: Provider, model: str) -> Target | None:
        known = self._targets.get((provider.id, model))
        if known is None and provider.wildcard and len(model) <= MAX_NAME:
            known = self._make_target(provider, model)
            if not known.candidates:
                return None
        return known

    def _remember(self, name: str, tiers: Tiers) -> Tiers:
        if len(self._dynamic) >= MAX_DYNAMIC:
            del self._dynamic[next(iter(self._dynamic))]
        self._dynamic[name] = tiers
        return tiers

    def _near(self, name: str) -> str:
        """The names that come nearest, whatever their case; with thousands to choose from, those that share a word."""
        if self._folded is None:
            self._folded = {known.casefold(): known for known in self.names()}
        known = self._folded
        asked = name[:MAX_NAME].casefold()
        words = [word for word in _WORDS.split(asked) if len(word) >= SHORTEST_WORD]
        alike = (one for one in known if len(known) <= MAX_COMPARED or any(word in one for word in words))
        compared = list(islice(alike, MAX_COMPARED))
        near = get_close_matches(asked, compared, n=3, cutoff=0.5)
        if not near:
            near = get_close_matches(asked.rpartition("/")[2], compared, n=3, cutoff=0.5)
        if near:
            return f": did you mean {' or '.join(repr(known[one]) for one in near)}?"
        return ": GET /v1/models lists what there is" if known else ": no provider lists any model"


def make_tier(targets: Sequence[Target], make_group: Callable[[Sequence[Target]], Group]) -> Tier:
    """Targets that are balanced among each other: grouped by priority, the lowest number first."""
    by_priority: dict[int, list[Target]] = {}
    for target in targets:
        by_priority.setdefault(target.provider.priority, []).append(target)
    return tuple(make_group(by_priority[priority]) for priority in sorted(by_priority))
