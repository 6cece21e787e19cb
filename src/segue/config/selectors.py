"""Selectors as users write them: `{tag: eu, capability: [tools, vision], exclude: ["*-preview"]}`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from segue.config.fields import ELSEWHERE, LONGEST_TEXT
from segue.config.problems import Unusable, did_you_mean, kind_of, shown, unknown_key
from segue.core.patterns import LONGEST_PATTERN, BadPattern, compile_pattern
from segue.core.selection import Offer, Selector, Wanted

KEYS = ("channel", "tag", "capability", "format", "match", "exclude")
"""What a selector may say."""
MOST_WORDS = 20
MOST_EXCLUDED = 100


def is_selector(value: object) -> bool:
    """Whether a mapping behind a name is a selector, and not the name's keys."""
    return isinstance(value, Mapping) and "tiers" not in value and any(key in KEYS for key in value)


def parse_selector(value: Mapping[Any, Any], *, inside: bool = False) -> Selector:
    """A selector from its mapping.

    Args:
        value: its keys.
        inside: whether it stands in another one's `exclude`, where it has none of its own.

    Raises:
        Unusable: it says nothing, something unknown, or holds a pattern that cannot be used.
    """
    if not any(key in KEYS for key in value):
        raise Unusable("must name provider/model, a selector such as {tag: eu}, or lists of them")
    allowed = KEYS[:-1] if inside else KEYS
    for key in value:
        if key not in allowed:
            raise Unusable(f"has a selector with an {unknown_key(str(key), allowed)}")
    if not any(key in value for key in KEYS[:-1]):
        raise Unusable(f"has a selector that says nothing: give it one of {', '.join(KEYS[:-1])}")
    return Selector(
        channel=_word(value, "channel"),
        tags=_words(value, "tag"),
        capabilities=_words(value, "capability"),
        format=_word(value, "format"),
        match=_pattern(value),
        exclude=_excluded(value),
    )


def _pattern(value: Mapping[Any, Any]) -> Any:
    text = _word(value, "match")
    if not text:
        return None
    try:
        return compile_pattern(text)
    except BadPattern as bad:
        raise Unusable(f"has a selector whose 'match' {bad}") from None


def _excluded(value: Mapping[Any, Any]) -> tuple[Wanted, ...]:
    given = value.get("exclude", ())
    entries = given if isinstance(given, list | tuple) else [given]
    if len(entries) > MOST_EXCLUDED:
        raise Unusable(f"has a selector that excludes {len(entries)} entries, more than {MOST_EXCLUDED}")
    out: list[Wanted] = []
    for entry in entries:
        if isinstance(entry, Mapping):
            out.append(parse_selector(entry, inside=True))
        elif isinstance(entry, str) and entry.strip() and len(entry) <= LONGEST_TEXT and entry.isprintable():
            out.append(str(entry))
        else:
            raise Unusable(f"has a selector whose 'exclude' holds {kind_of(entry)}: write names, or selectors")
    return tuple(out)


def _word(value: Mapping[Any, Any], key: str) -> str:
    words = _words(value, key)
    if len(words) > 1:
        raise Unusable(f"has a selector with several words under '{key}': write one")
    return words[0] if words else ""


def _words(value: Mapping[Any, Any], key: str) -> tuple[str, ...]:
    if key not in value:
        return ()
    given = value[key]
    words = given if isinstance(given, list | tuple) else [given]
    if not words or len(words) > MOST_WORDS:
        raise Unusable(f"has a selector whose '{key}' is a list of {len(words)}: write 1 to {MOST_WORDS} words")
    for word in words:
        if not isinstance(word, str) or not word or word != word.strip() or len(word) > LONGEST_TEXT:
            raise Unusable(f"has a selector whose '{key}' must be text such as {_EXAMPLES[key]}, not {kind_of(word)}")
    return tuple(str(word) for word in words)


_EXAMPLES = {"channel": "groq", "tag": "eu", "capability": "vision", "format": "messages", "match": "llama-3.*"}


def why_empty(selector: Selector, offers: Sequence[Offer], channels: Iterable[str]) -> str:
    """What is wrong with a selector that means no model: the first of its words that alone means none."""
    known = set(channels)
    if selector.channel and selector.channel not in known:
        return f"names an unknown provider: {did_you_mean(selector.channel, known)}"
    if selector.channel and not any(offer.provider == selector.channel for offer in offers):
        return f"{selector.channel} lists no models: list them under 'models', a selector cannot mean \"*\""
    tests: tuple[tuple[str, tuple[str, ...], Callable[[Offer], frozenset[str]]], ...] = (
        ("tag", selector.tags, lambda offer: offer.tags),
        ("capability", selector.capabilities, lambda offer: offer.capabilities),
        ("format", (selector.format,) if selector.format else (), lambda offer: offer.formats),
    )
    for key, wanted, of in tests:
        there_are = {word for offer in offers for word in of(offer)}
        for word in wanted:
            if word not in there_are:
                return f"no model that is listed has the {key} {shown(word)}: {did_you_mean(word, there_are)}"
    if selector.match is not None and not any(selector.match.fits(offer.model) for offer in offers):
        return (
            f"no listed name of a model matches {shown(selector.match.text)} as a whole: write 'llama.*', not 'llama'"
        )
    return "no listed model fulfils all of it, or everything is excluded: ask for less"


_WORD_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1}
_WORDS_SCHEMA = {
    "anyOf": [_WORD_SCHEMA, {"type": "array", "items": _WORD_SCHEMA, "minItems": 1, "maxItems": MOST_WORDS}]
}
_PROPERTIES: dict[str, Any] = {
    "channel": {**_WORD_SCHEMA, "description": "The provider's id."},
    "tag": {**_WORDS_SCHEMA, "description": "A tag of the provider or the model, or several that it must all have."},
    "capability": {**_WORDS_SCHEMA, "description": "What the model must be known to do, such as `vision`."},
    "format": {**_WORD_SCHEMA, "description": "A wire format in which it can be asked, such as `messages`."},
    "match": {
        "anyOf": [{**_WORD_SCHEMA, "maxLength": LONGEST_PATTERN}, {"type": "string", "pattern": ELSEWHERE}],
        "description": "A regular expression that the whole name of the model matches.",
    },
}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    some = [{"required": [key]} for key in KEYS[:-1]]
    return {"type": "object", "properties": properties, "additionalProperties": False, "anyOf": some}


_EXCLUDED: list[Any] = [_WORD_SCHEMA, _object(_PROPERTIES)]
SELECTOR_SCHEMA = _object(
    {
        **_PROPERTIES,
        "exclude": {
            "anyOf": [*_EXCLUDED, {"type": "array", "items": {"anyOf": _EXCLUDED}, "maxItems": MOST_EXCLUDED}],
            "description": "Names (`*` stands for any characters) and selectors of what is left out.",
        },
    }
)
"""A selector, for the JSON Schema."""
