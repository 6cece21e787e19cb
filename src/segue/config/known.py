"""What the rest of the house can do, passed in so that names can be checked without importing it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from segue.config.models import Provider
from segue.core.selection import Offer


def _never(_adapter: str) -> bool:
    return False


def listed_offers(provider_id: str, provider: Provider) -> Sequence[Offer]:
    """What a configuration alone tells of a provider's models: nothing of catalogues and formats."""
    return [
        Offer(provider_id, name, frozenset((*provider.tags, *info.tags)), frozenset(info.capabilities))
        for name, info in (provider.listed or {}).items()
    ]


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a configuration may use.

    Attributes:
        adapters: gives the ids of all adapters.
        adapter_options: gives the model of an adapter's own settings; `None` when it has none. Where that model has
            a field of a provider's common key (`base_url`, `key`, `models`, …) it is shown the same value, so that an
            adapter can demand what others may leave out.
        strategies: ids of the strategies.
        operations: ids of the operations.
        families: names of the families.
        needs_key: whether an adapter cannot work without a key.
        offers: the models that a provider of this id and these settings lists, for selectors.
    """

    adapters: Callable[[], Sequence[str]]
    adapter_options: Callable[[str], type[BaseModel] | None]
    strategies: Sequence[str]
    operations: Sequence[str]
    families: Sequence[str]
    needs_key: Callable[[str], bool] = _never
    offers: Callable[[str, Provider], Sequence[Offer]] = listed_offers
