"""Where a provider is asked in one format, and what is particular to it there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from segue.families.llm.ir.format import ProviderFormat
from segue.families.llm.ir.losses import Losses
from segue.families.llm.prefill import Prefill


def no_flags(_model: str) -> frozenset[str]:
    """All models of a vendor have the same habits."""
    return frozenset()


def takes_stops(_model: str) -> bool:
    """No model refuses what its format has a word for."""
    return False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One format that a provider speaks, and where.

    Attributes:
        format: how it is spoken.
        url: from the provider's name of a model, and whether the answer is streamed.
        headers: from a key's secret: authorisation and what the vendor wants besides.
        flags: habits of the vendor (see `Target.flags`).
        losses: what the vendor cannot do although its format can; laid over the format's table.
        model: the provider's own name of a model, where it is not the one in the configuration (Yandex's URIs).
        model_flags: habits of one model, by its name; added to `flags`.
        finish: changes a body that is written (or passes through) into what this vendor wants: from the body, the
            candidate's name and the warnings so far, to which it adds. Raises `CannotServe`.
        prefill: how its models go on with an answer that was begun; `None` where they do not.
        fetches: whether Segue may fetch what the tables of losses say is fetched; else such a request is refused.
        stopless: whether a model, by the vendor's name of it, refuses stop sequences although its format has them.
    """

    format: ProviderFormat
    url: Callable[[str, bool], str]
    headers: Callable[[str], Mapping[str, str]]
    flags: frozenset[str] = frozenset()
    losses: Losses = field(default_factory=dict)
    model: Callable[[str], str] = str
    model_flags: Callable[[str], frozenset[str]] = no_flags
    finish: Callable[[bytes, str, list[str]], bytes] | None = None
    prefill: Prefill | None = None
    fetches: bool = True
    stopless: Callable[[str], bool] = takes_stops
