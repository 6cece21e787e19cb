"""Choosing models by what they are instead of by name.

A list of names behind an alias is out of date with the next model that a provider lists. A selector says what is
wanted (`{capability: vision, tag: eu}`) and is expanded when a configuration is put in force, against the models that
its providers list. So a call meets plain names, and what an alias means can be printed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segue.core.naming import matches
from segue.core.patterns import Pattern


@dataclass(frozen=True, slots=True)
class Offer:
    """One model that a provider lists, and what may be asked of it.

    Attributes:
        tags: the provider's and the model's own.
        capabilities: what is known that it can do; empty when nothing is known.
        formats: the wire formats in which it can be asked, e.g. `chat`, `messages`.
    """

    provider: str
    model: str
    tags: frozenset[str] = frozenset()
    capabilities: frozenset[str] = frozenset()
    formats: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A wish that models fulfil or not. Everything that is said must hold; of several names of one kind, each.

    Attributes:
        channel: the provider's id.
        tags: each of them is the provider's or the model's.
        capabilities: each of them is known of the model.
        format: it can be asked in this format.
        match: the whole name of the model fits.
        exclude: names (`*` stands for any characters) and selectors; what one of them means is left out.
    """

    channel: str = ""
    tags: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    format: str = ""
    match: Pattern | None = None
    exclude: tuple["str | Selector", ...] = ()

    def takes(self, offer: Offer) -> bool:
        """Whether the model is meant."""
        return (
            self.channel in {"", offer.provider}
            and offer.tags.issuperset(self.tags)
            and offer.capabilities.issuperset(self.capabilities)
            and (not self.format or self.format in offer.formats)
            and (self.match is None or self.match.fits(offer.model))
            and not any(_named(one, offer) for one in self.exclude)
        )

    def __str__(self) -> str:
        """As it would be written in a configuration."""
        said = [("channel", self.channel), ("format", self.format)]
        parts = [f"{key}: {value}" for key, value in said if value]
        for key, values in (("tag", self.tags), ("capability", self.capabilities)):
            if values:
                words = ", ".join(values)
                parts.append(f"{key}: {words if len(values) == 1 else f'[{words}]'}")
        if self.match is not None:
            parts.append(f"match: {self.match.text!r}")
        if self.exclude:
            parts.append(f"exclude: [{', '.join(map(str, self.exclude))}]")
        return f"{{{', '.join(parts)}}}"


Wanted = str | Selector
"""What a tier holds: `provider/model`, or a selector."""


def expand(selector: Selector, offers: Iterable[Offer]) -> tuple[str, ...]:
    """The names of the models that a selector means, in the order of the configuration."""
    return tuple(offer.name for offer in offers if selector.takes(offer))


def expand_tiers(tiers: Sequence[Sequence[Wanted]], offers: Sequence[Offer]) -> tuple[tuple[str, ...], ...]:
    """Tiers of names alone: each selector replaced by what it means, a name that is there already left out."""
    expanded = []
    for tier in tiers:
        names: dict[str, None] = {}
        for wanted in tier:
            names.update(dict.fromkeys((wanted,) if isinstance(wanted, str) else expand(wanted, offers)))
        expanded.append(tuple(names))
    return tuple(expanded)


def _named(wanted: Wanted, offer: Offer) -> bool:
    if isinstance(wanted, Selector):
        return wanted.takes(offer)
    return matches(wanted, offer.name) or matches(wanted, offer.model)
