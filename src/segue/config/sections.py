"""Each section, each provider, each name and each policy is checked by itself.

So a mistake in one does not hide those in the others, and a reference to a provider that has a problem of its own is
not called unknown.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from segue.config.checks import (
    check_auth,
    check_models,
    check_policy,
    check_prices,
    check_provider,
    model_warnings,
    policy_warnings,
    price_warnings,
)
from segue.config.fields import LONGEST_TEXT
from segue.config.known import Known
from segue.config.listed import parse_tiers
from segue.config.models import Alias, Policy, Provider, Settings
from segue.config.problems import MOST_PROBLEMS, Hidden, Place, Problem, did_you_mean, kind_of, shown, unknown_key
from segue.config.selectors import is_selector, why_empty
from segue.config.translate import key_names, problems_of
from segue.core.selection import Selector, Wanted, expand

PROVIDER_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)
MOST_ENTRIES = 10_000
"""Providers, names or policies at most."""

Model = TypeVar("Model", bound=BaseModel)

_PLAIN_SECTIONS = ("server", "store", "state", "auth", "prices")
_SHORTEST_HIDDEN = 6
_NAMED_SECTIONS = ("providers", "models", "policies")


class Sections:
    """The sections of one configuration, already expanded.

    Attributes:
        problems: everything that is wrong.
        warnings: what is allowed and probably not meant; complete only when nothing is wrong.
    """

    def __init__(self, data: dict[str, Any], known: Known) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._data = data
        self._known = known
        self._providers: dict[str, Provider] = {}
        self._aliases: dict[str, Alias] = {}
        self._policies: dict[str, Policy] = {}
        for key in data:
            if key not in Settings.model_fields:
                self._report((key,), unknown_key(key, Settings.model_fields))
        self._base = self._plain_sections()
        self._read_providers()
        self._read_models()
        self._read_policies()
        self._check_prices()

    def settings(self) -> Settings:
        """The whole, when there are no problems."""
        named = {"providers": self._providers, "models": self._aliases, "policies": self._policies}
        given = {name: named[name] for name in _NAMED_SECTIONS if name in self._data}
        return self._base.model_copy(update=_unmarked(given))

    def _report(self, path: Place, message: str) -> None:
        self.problems.append(Problem(path, message))

    def _plain_sections(self) -> Settings:
        given = {name: self._data[name] for name in _PLAIN_SECTIONS if name in self._data}
        settings = self._validated(Settings, given, ())
        if settings is None:
            return Settings()
        self.problems += check_auth(settings.auth, settings.server)
        return settings

    def _validated(self, model: type[Model], data: object, path: Place) -> Model | None:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            self.problems += problems_of(error, model, data, path)
            return None

    def _read_providers(self) -> None:
        entries = self._entries("providers")
        for name, data in entries.items():
            if not PROVIDER_ID.fullmatch(name):
                message = "is no id of a provider: use a-z, 0-9, '_', '.' and '-', up to 64, a letter or digit first"
                self._report(("providers", name), message)
            provider = self._provider(name, data)
            if provider is not None:
                self._providers[name] = provider
                self.problems += check_provider(name, provider, self._known)

    def _provider(self, name: str, data: object) -> Provider | None:
        path: Place = ("providers", name)
        if not isinstance(data, dict):
            self._report(path, f"must be a mapping with at least 'adapter', not {kind_of(data)}")
            return None
        common = {key: value for key, value in data.items() if key in Provider.model_fields}
        provider = self._validated(Provider, common, path)
        adapter = data.get("adapter")
        if not isinstance(adapter, str) or not adapter:
            return provider
        adapters = self._known.adapters()
        if adapter not in adapters:
            self._report((*path, "adapter"), f"unknown adapter {shown(adapter)}: {did_you_mean(adapter, adapters)}")
            return None
        options = self._options(data, path, str(adapter))
        if provider is None or options is None:
            return None
        return provider.with_options(options)

    def _options(self, data: dict[str, Any], path: Place, adapter: str) -> Mapping[str, Any] | None:
        model = self._known.adapter_options(adapter)
        fields = key_names(model) if model is not None else ()
        rest = {key: value for key, value in data.items() if key not in Provider.model_fields}
        if model is None or model.model_config.get("extra") != "allow":
            for key in [key for key in rest if key not in fields]:
                self._report((*path, key), unknown_key(key, (*Provider.model_fields, *fields)))
                del rest[key]
        if model is None:
            return {}
        shared = {key: data[key] for key in fields if key in Provider.model_fields and key in data}
        before = len(self.problems)
        options = self._validated(model, {**rest, **shared}, path)
        said = {problem.path for problem in self.problems[:before]}
        found = [problem for problem in self.problems[before:] if problem.path == path or problem.path not in said]
        self.problems[before:] = [_without_values(problem, data) for problem in found]
        if options is None:
            return None
        own = {name: getattr(options, name) for name in type(options).model_fields if name not in Provider.model_fields}
        return MappingProxyType(_unmarked({**own, **(options.model_extra or {})}))

    def _read_models(self) -> None:
        targets: dict[str, tuple[tuple[Wanted, ...], ...]] = {}
        for alias, data in self._entries("models").items():
            path: Place = ("models", alias)
            if not alias or alias != alias.strip() or len(alias) > LONGEST_TEXT or not alias.isprintable():
                self._report(path, "is no name: it must be visible text")
            elif "*" in alias or "${" in alias:
                self._report(path, "a name that callers use cannot hold '*' or '${'")
            read = self._alias(data, path)
            if read is not None:
                self._aliases[alias] = read
                # Parsed anew: the section holds plain text, and what must not be shown is still marked in the data.
                targets[alias] = parse_tiers(data["tiers"] if _in_full(data) else data)
        ids = self._entries("providers", quietly=True)
        # Every comparison with the names that there are costs time, and more than these are not shown.
        self.problems += islice(check_models(targets, self._place_of_tiers, ids, self._providers), MOST_PROBLEMS + 1)
        self.warnings += model_warnings(targets, self._place_of_tiers, self._providers)
        if self._providers.keys() == ids.keys():  # what a provider with problems would list, nobody can know
            self.problems += islice(self._empty_selectors(targets), MOST_PROBLEMS + 1)

    def _empty_selectors(self, targets: Mapping[str, tuple[tuple[Wanted, ...], ...]]) -> Iterable[Problem]:
        """Selectors that mean no model at all."""
        if not any(isinstance(wanted, Selector) for tiers in targets.values() for tier in tiers for wanted in tier):
            return
        offers = [offer for name, one in self._providers.items() for offer in self._known.offers(name, one)]
        for alias, tiers in targets.items():
            for number, tier in enumerate(tiers):
                for place, wanted in enumerate(tier):
                    if isinstance(wanted, Selector) and not expand(wanted, offers):
                        path = self._place_of_wanted(alias, number, place)
                        yield Problem(path, f"{wanted} means no model: {why_empty(wanted, offers, self._providers)}")

    def _place_of_wanted(self, alias: str, tier: int, place: int) -> Place:
        """Where one entry of an alias stands, as deep as it was written."""
        path = self._place_of_tiers(alias)
        data = self._data["models"][alias]
        data = data["tiers"] if _in_full(data) else data
        if isinstance(data, list):
            path = (*path, tier, place) if isinstance(data[tier], list) else (*path, tier)
        return path

    def _alias(self, data: object, path: Place) -> Alias | None:
        if _in_full(data):
            return self._validated(Alias, data, path)
        try:
            return Alias(tiers=parse_tiers(data))
        except ValueError as error:
            self._report(path, str(error))
            return None

    def _place_of_tiers(self, alias: str) -> Place:
        return ("models", alias, "tiers") if _in_full(self._data["models"][alias]) else ("models", alias)

    def _read_policies(self) -> None:
        for name, data in self._entries("policies").items():
            policy = self._validated(Policy, data, ("policies", name))
            if policy is not None:
                self._policies[name] = policy
                self.warnings += policy_warnings(name, policy)
            self.problems += check_policy(name, data, self._known)

    def _check_prices(self) -> None:
        prices = self._base.prices
        ids = self._entries("providers", quietly=True)
        self.problems += islice(check_prices(prices, ids), MOST_PROBLEMS + 1)
        self.warnings += islice(price_warnings(prices, self._providers), MOST_PROBLEMS + 1)

    def _entries(self, section: str, *, quietly: bool = False) -> dict[str, Any]:
        data = self._data.get(section, {})
        if not isinstance(data, dict):
            if not quietly:
                self._report((section,), f"must be a mapping: write 'name: …', one a line, not {kind_of(data)}")
            return {}
        if len(data) > MOST_ENTRIES and not quietly:
            self._report((section,), f"has {len(data)} entries, more than {MOST_ENTRIES}")
            return {}
        return data


def _in_full(data: object) -> bool:
    """Whether a name's tiers stand under a key of their own."""
    return isinstance(data, dict) and not is_selector(data)


def _unmarked(value: Any) -> Any:
    """The same with ordinary text where a marked one was: outside of messages the mark is only in the way."""
    if isinstance(value, dict):
        return {key: _unmarked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple) and type(value) in {list, tuple}:
        return type(value)(_unmarked(inner) for inner in value)
    return str(value) if isinstance(value, Hidden) else value


def _without_values(problem: Problem, data: Mapping[str, Any]) -> Problem:
    """A problem that an adapter found, without any text that was given to it: some of that may be secret."""
    message = problem.message
    for value in data.values():
        if isinstance(value, str) and len(value) >= _SHORTEST_HIDDEN:
            message = message.replace(value, "[hidden]")
    return Problem(problem.path, message)
