"""What one provider calls a model, which of its keys serves it, and what is changed in requests on their way to it."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
from pydantic import BeforeValidator, Field, WithJsonSchema

from segue.config.fields import REFERENCE, Secret, Section, list_of
from segue.config.problems import Unusable, kind_of, shown
from segue.core.naming import fits

MOST_MAPPED = 1000
MOST_FIELDS = 64
MOST_HEADERS = 32
MOST_TAGS = 50
LARGEST_BODY = 64 * 1024
"""Bytes of fields that are set, written as JSON."""

OWN_FIELDS = frozenset({"model", "stream", "stream_options"})
"""Fields that Segue writes by itself: another value would break the answer's way back."""
HELD_HEADERS = frozenset({
    "host", "connection", "content-length", "content-type", "content-encoding", "transfer-encoding", "te", "trailer",
    "upgrade", "expect", "keep-alive", "accept-encoding", "proxy-connection",
})  # fmt: skip
"""Headers that belong to the connection and the body."""
CREDENTIALS = frozenset({
    "authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "set-cookie",
})  # fmt: skip
"""Headers with which clients authenticate to Segue: they never go on."""

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)


def _tag(value: object) -> str:
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        given = shown(value) if isinstance(value, str) else kind_of(value)
        raise Unusable(f"must be a tag of letters, digits, '_', '.' and '-', up to 64, not {given}")
    return str(value)


Tag = Annotated[
    str,
    BeforeValidator(_tag),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{_TAG.pattern}$"}, REFERENCE]}),
]
Tags = Annotated[tuple[Tag, ...], list_of("tags", most=MOST_TAGS, least=0)]


def _pattern(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or value != value.strip() or not value.isprintable():
        raise Unusable(f"must be a name of a model, with at most one '*', not {kind_of(value)}")
    if value.count("*") > 1:
        raise Unusable(f"{shown(value)} has more than one '*': one is allowed")
    return str(value)


def _model_map(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Unusable(f'must be a mapping such as {{"gpt-4*": my-deployment}}, not {kind_of(value)}')
    if len(value) > MOST_MAPPED:
        raise Unusable(f"has {len(value)} entries, more than {MOST_MAPPED}")
    mapped = {_pattern(name): _pattern(target) for name, target in value.items()}
    for name, target in mapped.items():
        if "*" in target and "*" not in name:
            raise Unusable(f"{shown(target)} has a '*', but {shown(name)} has none that it could take")
    return mapped


Pattern = Annotated[
    str,
    BeforeValidator(_pattern),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^[^*]*\*?[^*]*$", "minLength": 1}, REFERENCE]}),
]
ModelMap = Annotated[
    Mapping[str, str],
    BeforeValidator(_model_map),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": MOST_MAPPED}),
]


class KeySettings(Section):
    """A key of which more is said than its secret."""

    key: Secret
    """The key itself: `"${NAME}"` from the environment, or `file:/path`."""
    models: Annotated[tuple[Pattern, ...] | None, list_of("models", most=MOST_MAPPED)] = None
    """The models that it serves, by the names that the provider lists; `*` stands for any characters. Without it: all
    of them."""
    model_map: ModelMap = Field(default_factory=dict)
    """What it calls models, laid over the provider's `model_map`."""


def _key(value: object) -> object:
    return value if isinstance(value, Mapping | KeySettings) else {"key": value}


Keyed = Annotated[KeySettings, BeforeValidator(_key)]


def _fields(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise Unusable(f"must be a mapping from fields of the body to values, not {kind_of(value)}")
    if len(value) > MOST_FIELDS:
        raise Unusable(f"has {len(value)} fields, more than {MOST_FIELDS}")
    plain = {_field(name): _plain(inner) for name, inner in value.items()}
    if len(msgspec.json.encode(plain)) > LARGEST_BODY:
        raise Unusable(f"is larger than {LARGEST_BODY // 1024} KiB")
    return plain


def _field(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Unusable(f"must name fields of the body by text, not {kind_of(value)}")
    if value in OWN_FIELDS:
        remedy = ": use 'model_map'" if value == "model" else ""
        raise Unusable(f"{shown(value)} is written by Segue itself{remedy}")
    return str(value)


def _plain(value: object) -> Any:
    """Without marks of where text came from; what JSON cannot hold is refused."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    raise Unusable(f"holds {kind_of(value)}, which JSON cannot hold: put it in quotes")


def _header(value: object, *, held: frozenset[str]) -> str:
    if not isinstance(value, str) or not _HEADER.fullmatch(value):
        raise Unusable("must name headers such as x-trace-id")
    name = value.lower()
    if name in held or name.startswith("x-segue-"):
        raise Unusable(
            f"{shown(name)} cannot be used here: it belongs to the connection, to Segue, or to a caller's key"
        )
    return name


def _headers(value: object) -> object:
    if not isinstance(value, Mapping):
        raise Unusable(f"must be a mapping from names to values, not {kind_of(value)}")
    if len(value) > MOST_HEADERS:
        raise Unusable(f"has {len(value)} headers, more than {MOST_HEADERS}")
    named = {_header(name, held=HELD_HEADERS): inner for name, inner in value.items()}
    if len(named) < len(value):
        raise Unusable("names a header twice: large and small letters mean the same")
    return named


def _forwarded(value: object) -> str:
    return _header(value, held=HELD_HEADERS | CREDENTIALS)


_FIELDS_SCHEMA = WithJsonSchema({
    "type": "object", "maxProperties": MOST_FIELDS, "propertyNames": {"not": {"enum": sorted(OWN_FIELDS)}},
})  # fmt: skip
Fields = Annotated[Mapping[str, Any], BeforeValidator(_fields), _FIELDS_SCHEMA]
Field_ = Annotated[
    str,
    BeforeValidator(_field),
    WithJsonSchema({"type": "string", "minLength": 1, "not": {"enum": sorted(OWN_FIELDS)}}),
]
Headers = Annotated[Mapping[str, Secret], BeforeValidator(_headers)]
Forwarded = Annotated[
    str,
    BeforeValidator(_forwarded),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": f"^{_HEADER.pattern}$"}, REFERENCE]}),
]


class Overrides(Section):
    """What is changed in every request, in the provider's own format, after everything else was written."""

    set: Fields = Field(default_factory=dict)
    """Fields of the body's top level that always have this value."""
    defaults: Fields = Field(default_factory=dict)
    """Fields that have this value where the request gives none."""
    drop: Annotated[tuple[Field_, ...], list_of("fields", most=MOST_FIELDS, least=0)] = ()
    """Fields that are left out."""
    headers: Headers = Field(default_factory=dict)
    """Headers that every request carries; `"${NAME}"` keeps a secret out of the file."""


def unserved(models: Iterable[str], keys: Iterable[KeySettings]) -> Iterable[str]:
    """Those of the models that no key serves."""
    allowed = [key.models for key in keys]
    if not allowed or None in allowed:
        return []
    return [name for name in models if not any(fits(pattern, name) for each in allowed for pattern in each or ())]
