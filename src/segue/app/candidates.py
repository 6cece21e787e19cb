"""Who could serve a model: which keys of its provider, under which name, and what is known of each.

All of it is worked out when a configuration is put in force (or when a caller invents a name), so that a call finds
candidates that are ready.
"""

from collections.abc import Callable, Mapping, Sequence

from segue.app.facts import ModelFacts
from segue.config.mapping import Overrides
from segue.config.models import Provider as ProviderSettings
from segue.config.models import Settings
from segue.core.naming import ModelMap, serves
from segue.core.ports import Codec, Executor, WireAdapter
from segue.core.provider import NO_KEY, Candidate, Guard, Key, ModelInfo, Provider
from segue.core.selection import Offer
from segue.families.llm.catalogue.book import ONLY_TOLD
from segue.families.llm.operations import CHAT
from segue.pipeline.edits import Edits, edited

Adapters = Mapping[str, WireAdapter | Executor]
"""What was built for each provider, by its id."""


class Candidates:
    """Makes the candidates of one operation.

    Args:
        settings: the configuration.
        adapters: what was built from it.
        operation: the operation's id.
        facts: what is known of models.
    """

    def __init__(self, settings: Settings, adapters: Adapters, operation: str, facts: ModelFacts) -> None:
        self._settings = settings
        self._adapters = adapters
        self._operation = operation
        self._facts = facts
        self._maps: dict[tuple[str, str], ModelMap] = {}
        # A provider may list thousands of models: what is looked up for each of them is laid out once.
        self._said = {name: wanted.listed or {} for name, wanted in settings.providers.items()}
        self._infos: dict[str, dict[str, ModelInfo]] = {}

    def of(self, provider: Provider, model: str, guard: Callable[[str, str, str], Guard]) -> tuple[Candidate, ...]:
        """The candidates for a model, one for each key that serves it.

        Args:
            provider: whose model it is.
            model: the name under which it is configured or asked for; "" where there are no models.
            guard: makes the guard of a provider's id, its own name of a model, and a key's label.
        """
        wanted = self._settings.providers[provider.id]
        known = self._said[provider.id].get(model)
        tags = frozenset((*wanted.tags, *(known.tags if known is not None else ())))
        carries = getattr(_codec(self._adapters[provider.id], self._operation), "carries", None)
        made = []
        for key, allowed in self._keys(provider, wanted):
            if model and not serves(allowed, model):
                continue
            own = self._map(provider.id, wanted, key).of(model) if model else model
            listed = model if own != model else ""
            info = self._info(provider, wanted, model, own) if model else None
            made.append(Candidate(provider, own, key, guard(provider.id, own, key.label), info, listed, tags, carries))
        return tuple(made)

    def _keys(self, provider: Provider, wanted: ProviderSettings) -> Sequence[tuple[Key, Sequence[str] | None]]:
        if provider.keys == (NO_KEY,):
            return [(NO_KEY, None)]
        return [(key, said.models) for key, said in zip(provider.keys, wanted.key_settings, strict=True)]

    def _map(self, provider_id: str, wanted: ProviderSettings, key: Key) -> ModelMap:
        place = (provider_id, key.label)
        if place not in self._maps:
            number = int(key.label.rpartition("-")[2]) - 1 if key is not NO_KEY else -1
            special = wanted.key_settings[number].model_map if number >= 0 else {}
            self._maps[place] = ModelMap(wanted.model_map, special)
        return self._maps[place]

    def _info(self, provider: Provider, wanted: ProviderSettings, model: str, own: str) -> ModelInfo:
        """What is known of a model by the name under which it is listed, else by the provider's own."""
        infos = self._infos.get(provider.id)
        if infos is None:
            infos = self._infos[provider.id] = {one.id: one for one in provider.models}
        info = infos.get(model) or self._facts.info(provider.id, wanted, model)
        unpriced = info.price is None or info.price is ONLY_TOLD
        if own != model and not info.capabilities and info.context is None and unpriced:
            return self._facts.info(provider.id, wanted, own)
        return info


def offers_of(
    provider_id: str, wanted: ProviderSettings, adapter: WireAdapter | Executor, names: Sequence[str], facts: ModelFacts
) -> list[Offer]:
    """The models that a provider lists, as selectors see them.

    Args:
        provider_id: its id.
        wanted: its settings.
        adapter: what was built from them.
        names: the catalogue of its adapter, used where the settings list nothing.
        facts: what is known of models.
    """
    listed = wanted.listed
    offers = []
    for name in names if listed is None else listed:
        said = (listed or {}).get(name)
        tags = frozenset((*wanted.tags, *(said.tags if said is not None else ())))
        capabilities = facts.info(provider_id, wanted, name).capabilities
        offers.append(Offer(provider_id, name, tags, capabilities, _formats(adapter, name)))
    return offers


def shaped(adapter: WireAdapter, wanted: ProviderSettings) -> WireAdapter:
    """The adapter with what a configuration changes in its requests; itself where that is nothing."""
    special = {name: _edits(model.overrides) for name, model in (wanted.listed or {}).items()}
    special = {name: edits for name, edits in special.items() if edits}
    return edited(adapter, _edits(wanted.overrides), special, frozenset(wanted.forward_headers), {CHAT.id})


def _edits(said: Overrides) -> Edits:
    headers = {name: one.get_secret_value() for name, one in said.headers.items()}
    return Edits(said.set, said.defaults, said.drop, headers)


def _codec(adapter: WireAdapter | Executor, operation: str) -> Codec | None:
    codecs: Mapping[str, Codec] = getattr(adapter, "codecs", {})
    return codecs.get(operation)


def _formats(adapter: WireAdapter | Executor, model: str) -> frozenset[str]:
    codecs: Mapping[str, Codec] = getattr(adapter, "codecs", {})
    found: set[str] = set()
    for codec in codecs.values():
        formats = getattr(codec, "formats", None)
        if formats is not None:
            found |= formats(model)
    return frozenset(found)
