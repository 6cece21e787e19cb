"""What no section can know of itself: names that must exist elsewhere, and combinations that make no sense."""

import ipaddress
from collections.abc import Callable, Iterable, Mapping

from segue.config.addresses import is_private
from segue.config.known import Known
from segue.config.mapping import unserved
from segue.config.models import Auth, Policy, Provider, Server
from segue.config.policy import speaks_of
from segue.config.pricing import CURRENCIES, ModelPrices, Prices
from segue.config.problems import Place, Problem, did_you_mean, shown
from segue.core.naming import fits
from segue.core.selection import Wanted

Targets = Mapping[str, tuple[tuple[Wanted, ...], ...]]
PlaceOf = Callable[[str], Place]
"""Where the tiers of an alias stand."""


def check_provider(id: str, provider: Provider, known: Known) -> Iterable[Problem]:  # noqa: A002 - the field's own name
    """Combinations of one provider's keys."""
    path: Place = ("providers", id)
    if provider.key is not None and provider.keys is not None:
        yield Problem((*path, "key"), "both 'key' and 'keys' are given: move the key into 'keys' and remove this line")
    secrets = [key.get_secret_value() for key in provider.all_keys]
    for index, secret in enumerate(secrets):
        if secret in secrets[:index]:
            first = secrets.index(secret) + 1
            yield Problem(
                (*path, "keys", index), f"is the same as key number {first}: remove one, they share one quota"
            )
    # Whoever stands at an address of one's own may want no key, whatever the vendor wants at its own.
    if not secrets and provider.enabled and provider.base_url is None and known.needs_key(provider.adapter):
        yield Problem(path, f"{provider.adapter} needs a key: add 'key: \"${{NAME}}\"', or 'enabled: false'")
    yield from _check_mapping(path, provider)
    if provider.catch_all and not provider.wildcard:
        yield Problem((*path, "catch_all"), "serves names that nobody lists, so it needs 'models: [\"*\"]'")
    if provider.base_url is not None and not provider.allow_private_network and is_private(provider.base_url):
        message = "is on this machine or in a private network: add 'allow_private_network: true' if that is meant"
        yield Problem((*path, "base_url"), message)


def _check_mapping(path: Place, provider: Provider) -> Iterable[Problem]:
    """Names under a provider's keys, and models that none of them serves."""
    listed = provider.listed
    if listed is None or provider.wildcard:
        return
    for name in unserved(listed, provider.key_settings):
        yield Problem((*path, "keys"), f"no key serves {shown(name)}: add it to the 'models' of one, or do not list it")
    for index, key in enumerate(provider.keys or ()):
        for number, pattern in enumerate(key.models or ()):
            if not any(fits(pattern, name) for name in listed):
                nearest = did_you_mean(pattern, listed)
                yield Problem((*path, "keys", index, "models", number), f"means none of its models: {nearest}")


def check_models(
    targets: Targets, place_of: PlaceOf, ids: Iterable[str], providers: Mapping[str, Provider]
) -> Iterable[Problem]:
    """Names behind aliases.

    Args:
        targets: the tiers of each alias.
        place_of: where they stand.
        ids: all providers, also those with problems of their own.
        providers: those without.
    """
    every = set(ids)
    for alias, tiers in targets.items():
        if alias in every:
            message = "is the id of a provider, too: rename one, callers could not tell them apart"
            yield Problem(("models", alias), message)
        for target in (name for tier in tiers for name in tier if isinstance(name, str)):
            yield from _check_target(place_of(alias), target, targets, every, providers)


def _check_target(
    path: Place, target: str, targets: Targets, ids: set[str], providers: Mapping[str, Provider]
) -> Iterable[Problem]:
    provider, slash, model = target.partition("/")
    if not slash:
        yield Problem(path, f"{shown(target)} is no provider/model: {_completed(target, targets, ids, providers)}")
    elif provider not in ids:
        nearest = did_you_mean(provider, ids) if ids else "no providers are configured"
        yield Problem(path, f"{shown(target)} names an unknown provider: {nearest}")
    elif not model:
        yield Problem(path, f"{shown(target)} names no model: write {provider}/name")
    elif provider in providers:
        listed = providers[provider].listed
        if listed is not None and not providers[provider].wildcard and model not in listed:
            yield Problem(path, f"{shown(target)} is not among the models of {provider}: {did_you_mean(model, listed)}")


def _completed(target: str, targets: Targets, ids: set[str], providers: Mapping[str, Provider]) -> str:
    if target in targets:
        return "a name cannot stand for another name; list its provider/model here"
    full = [f"{id}/{target}" for id, provider in providers.items() if target in (provider.listed or {})]  # noqa: A001 - the field's own name
    if full:
        return did_you_mean(full[0], full)
    return f"write {target}/name-of-the-model" if target in ids else "write the provider before it"


def model_warnings(targets: Targets, place_of: PlaceOf, providers: Mapping[str, Provider]) -> Iterable[Problem]:
    """Aliases that hide something."""
    listed = {name: id for id, provider in providers.items() for name in provider.listed or ()}  # noqa: A001 - the field's own name
    for alias, tiers in targets.items():
        path: Place = ("models", alias)
        if alias in listed:
            owner = listed[alias]
            message = f"hides the model of the same name that {owner} lists: write {owner}/{alias} for that one"
            yield Problem(path, message)
        if alias.partition("/")[0] in providers and "/" in alias:
            yield Problem(path, "hides the provider's own model of this name")
        names = [name for tier in tiers for name in tier if isinstance(name, str)]
        if len(set(names)) < len(names):
            yield Problem(place_of(alias), "names the same provider/model twice: only the first counts")


def check_policy(name: str, data: object, known: Known) -> Iterable[Problem]:
    """The name of a policy and of its strategy. The data is as it was given: a secret in it is still marked as one."""
    path: Place = ("policies", name)
    if not _means_something(name, known):
        allowed = ("default", *known.families, *known.operations)
        yield Problem(path, f"is no operation, family or pattern that matches one: {did_you_mean(name, allowed)}")
    strategy = data.get("strategy") if isinstance(data, Mapping) else None
    if isinstance(strategy, str) and strategy.strip() and strategy not in known.strategies:
        nearest = did_you_mean(strategy, known.strategies)
        yield Problem((*path, "strategy"), f"unknown strategy {shown(strategy)}: {nearest}")


def _means_something(name: str, known: Known) -> bool:
    if "*" in name:
        return name.index("*") == len(name) - 1 > 0 and any(speaks_of(name, one, "") for one in known.operations)
    return name == "default" or name in known.families or name in known.operations


def policy_warnings(name: str, policy: Policy) -> Iterable[Problem]:
    """Numbers of one policy of which the smaller makes the larger pointless."""
    timeouts = policy.timeouts
    if timeouts is None:
        return
    for shorter, longer in (("first_byte", "first_content"), ("first_content", "stream"), ("connect", "total")):
        first, second = getattr(timeouts, shorter), getattr(timeouts, longer)
        if first is not None and second is not None and first > second:
            message = f"is longer than '{longer}', which ends the wait first"
            yield Problem(("policies", name, "timeouts", shorter), message)


def check_prices(prices: Prices, ids: Iterable[str]) -> Iterable[Problem]:
    """Whether patterns of prices name providers that exist; `ids` are all, also those with problems of their own."""
    every = set(ids)
    for pattern in prices.overrides:
        provider = pattern.partition("/")[0]
        if "*" not in provider and provider not in every:
            nearest = did_you_mean(provider, every) if every else "no providers are configured"
            yield Problem(("prices", "overrides", pattern), f"names an unknown provider: {nearest}")


def price_warnings(prices: Prices, providers: Mapping[str, Provider]) -> Iterable[Problem]:
    """Prices in currencies of which nobody knows what they are worth."""
    given: dict[Place, ModelPrices] = {("prices", "overrides", name): one for name, one in prices.overrides.items()}
    for id, provider in providers.items():  # noqa: A001 - the field's own name
        for name, model in (provider.listed or {}).items():
            if model.prices is not None:
                given["providers", id, "models", name, "prices"] = model.prices
    for path, one in given.items():
        if one.currency not in {*CURRENCIES, *prices.exchange}:
            message = f"{one.currency} has no rate under 'prices.exchange': costs are not told in dollars"
            yield Problem((*path, "currency"), message)


def check_auth(auth: Auth, server: Server) -> Iterable[Problem]:
    """Whether an open service stays on this machine."""
    if auth.force and auth.mode != "open":
        yield Problem(("auth", "force"), "means something only with 'mode: open': remove it")
    if auth.mode == "open" and not auth.force and not _is_loopback(server.host):
        message = "lets everybody who reaches the port spend your money: use 'mode: keys', or 'force: true' if meant"
        yield Problem(("auth", "mode"), message)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
