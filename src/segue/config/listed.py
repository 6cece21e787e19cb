"""Lists of models: what a provider serves, and what stands behind a name that callers use."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from segue.config.fields import ELSEWHERE, LONGEST_TEXT, Section, list_of, text, whole, whole_schema
from segue.config.mapping import Overrides, Tags
from segue.config.pricing import ModelPrices
from segue.config.problems import Unusable, kind_of, shown
from segue.config.selectors import SELECTOR_SCHEMA, parse_selector
from segue.core.selection import Selector, Wanted

MOST_MODELS = 10_000
MOST_TIERS = 64
MOST_IN_TIER = 256

Capability = Annotated[str, text("tools", longest=100)]


class ModelSettings(Section):
    """What is known of one model."""

    context: Annotated[int | None, whole(1, 1_000_000_000), whole_schema(1, 1_000_000_000)] = None
    """The context window in tokens; without it what the catalogue knows."""
    max_output: Annotated[int | None, whole(1, 1_000_000_000), whole_schema(1, 1_000_000_000)] = None
    """The most tokens of one answer; without it what the catalogue knows."""
    capabilities: Annotated[tuple[Capability, ...], list_of("capabilities", most=100, least=0)] = ()
    """What it can do, in words such as `tools` or `vision`; without it what the catalogue knows."""
    tags: Tags = ()
    """Words by which selectors choose it, beside those of its provider."""
    overrides: Overrides = Field(default_factory=Overrides)
    """What is changed in every request for it, laid over what the provider says."""
    prices: ModelPrices | None = None
    """What it costs; without it what `prices` and the price list say."""


def _listed(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        if any("${" in name for name in value if isinstance(name, str)):
            raise Unusable("a variable cannot name a key: write the model's name, or use a list")
        if not value:
            raise Unusable("is empty: name at least one model, or remove the line for the adapter's catalogue")
        named = {_model_name(name): {} if info is None else info for name, info in value.items()}
        if named.get("*", {}) != {}:
            raise Unusable("'*' stands for any model, so nothing can be said of it: write '*': {}")
        return _bounded(named)
    if not isinstance(value, list | tuple):
        raise Unusable(f"must be a list of names, or a mapping from names to settings, not {kind_of(value)}")
    if not value:
        raise Unusable("is empty: name at least one model, or remove the line for the adapter's catalogue")
    names = [_model_name(name) for name in value]
    if twice := next((name for name in names if names.count(name) > 1), None) if len(names) <= MOST_MODELS else None:
        raise Unusable(f"lists {shown(twice)} twice: remove one")
    return _bounded({name: {} for name in names})


def _bounded(named: dict[str, Any]) -> dict[str, Any]:
    if len(named) > MOST_MODELS:
        raise Unusable(f"has {len(named)} models, more than {MOST_MODELS}")
    return named


def _model_name(name: object) -> str:
    if not isinstance(name, str):
        quoted = ": put it in quotes" if isinstance(name, int | float) else ""
        raise Unusable(f"must name models by text, not {kind_of(name)}{quoted}")
    if not name or name != name.strip() or len(name) > LONGEST_TEXT or not name.isprintable():
        raise Unusable(f"{shown(name)} is no name of a model")
    if "*" in name and name != "*":
        raise Unusable(f"{shown(name)}: '*' stands alone, for every model; list the others by name")
    return name


def parse_tiers(value: object) -> tuple[tuple[Wanted, ...], ...]:
    """The tiers behind a name.

    `a/x` is one tier; `[a/x, b/y]` is two, tried in order; `[[a/x, b/y], c/z]` is two, the first with two equals.
    A selector such as `{tag: eu}` may stand wherever a name may.

    Raises:
        Unusable: it has another shape, or holds something that is neither `provider/model` nor a selector.
    """
    tiers = list(value) if isinstance(value, list | tuple) else [value]
    if not tiers:
        raise Unusable("is empty: name at least one provider/model")
    if len(tiers) > MOST_TIERS:
        raise Unusable(f"has {len(tiers)} tiers, more than {MOST_TIERS}")
    return tuple(_tier(tier) for tier in tiers)


def _plain_tiers(value: object) -> tuple[tuple[Wanted, ...], ...]:
    """The same with ordinary text: marks of where it came from are for messages only."""
    return tuple(tuple(str(one) if isinstance(one, str) else one for one in tier) for tier in parse_tiers(value))


def _tier(value: object) -> tuple[Wanted, ...]:
    if not isinstance(value, list | tuple):
        return (_target(value),)
    if not value:
        raise Unusable("has an empty tier: name at least one provider/model in it")
    if len(value) > MOST_IN_TIER:
        raise Unusable(f"has a tier of {len(value)} models, more than {MOST_IN_TIER}")
    return tuple(_target(target) for target in value)


def _target(value: object) -> Wanted:
    if isinstance(value, Selector):
        return value
    if isinstance(value, Mapping):
        return parse_selector(value)
    if isinstance(value, list | tuple):
        raise Unusable("has a list inside a tier: a tier is a plain list of provider/model")
    if not isinstance(value, str):
        raise Unusable(f"must name provider/model, a selector, or lists of them, not {kind_of(value)}")
    if not value or value != value.strip() or len(value) > LONGEST_TEXT or not value.isprintable():
        raise Unusable(f"{shown(value)} is no provider/model")
    return value


_TARGET_SCHEMA = {"type": "string", "pattern": r"^[^/\s]+/.*\S$|" + ELSEWHERE}
_WANTED = [_TARGET_SCHEMA, SELECTOR_SCHEMA]
_TIER_SCHEMA = {
    "anyOf": [
        *_WANTED,
        {"type": "array", "items": {"anyOf": _WANTED}, "minItems": 1, "maxItems": MOST_IN_TIER},
    ]
}

NAME_PATTERN = r"^(\*|[^*\s]([^*]*[^*\s])?)$"
"""What a model's name looks like, for the JSON Schema: no '*' in it unless it is all."""

Listed = Annotated[Mapping[str, ModelSettings], BeforeValidator(_listed)]
Tiers = Annotated[
    tuple[tuple[Wanted, ...], ...],
    PlainValidator(_plain_tiers),
    WithJsonSchema(
        {"anyOf": [*_WANTED, {"type": "array", "items": _TIER_SCHEMA, "minItems": 1, "maxItems": MOST_TIERS}]}
    ),
]
