"""JSON Schemas as Anthropic's structured outputs and strict tools accept them.

They take a part of JSON Schema: objects must be closed, and limits of numbers, of lengths and of most lists are
refused. What is not understood is told to the model in words instead, in the description of its place; so does
Anthropic's own SDK. Source: Anthropic's guide "Structured outputs", section "JSON Schema limitations".
"""

from functools import lru_cache
from typing import Any, Final

import msgspec

_LIMITS: Final = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
    "uniqueItems", "minProperties", "maxProperties",
)  # fmt: skip
_MAPS: Final = ("properties", "$defs", "definitions")
_LISTS: Final = ("anyOf", "allOf", "oneOf")
_DEEPEST: Final = 64
_typed: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Unfit(ValueError):
    """No schema of an object."""


@lru_cache(maxsize=256)
def fitted(schema: bytes) -> tuple[bytes, bool]:
    """A schema as Anthropic accepts it, and whether it had to be changed.

    Raises:
        Unfit: it is not an object, or nested too deeply.
    """
    try:
        decoded = msgspec.json.decode(schema)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unfit("not valid JSON") from None
    if not isinstance(decoded, dict):
        raise Unfit("not an object")
    changed = _fit(decoded, 0)
    return (msgspec.json.encode(decoded), True) if changed else (schema, False)


@lru_cache(maxsize=1024)
def of_tool(schema: bytes) -> bytes:
    """A tool's schema with the `type` that Anthropic demands; without parameters, that of an empty object.

    Raises:
        Unfit: it is not an object.
    """
    if not schema:
        return b'{"type":"object","properties":{}}'
    try:
        top = _typed.decode(schema)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unfit("not an object") from None
    if "type" in top:
        return schema
    return msgspec.json.encode({"type": msgspec.Raw(b'"object"'), **top})


def _fit(node: dict[str, Any], depth: int) -> bool:
    """Change a schema where it must be changed; whether it was."""
    if depth > _DEEPEST:
        raise Unfit("nested too deeply")
    changed = False
    kind = node.get("type")
    is_object = kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in node
    if is_object and node.get("additionalProperties") is not False:
        node["additionalProperties"] = False
        changed = True
    words = [f"{name}: {msgspec.json.encode(node.pop(name)).decode()}" for name in _LIMITS if name in node]
    if node.get("minItems", 0) not in {0, 1}:
        words.append(f"minItems: {node.pop('minItems')}")
    if words:
        told = f"({', '.join(words)})"
        described = node.get("description")
        node["description"] = f"{described} {told}" if isinstance(described, str) and described else told
        changed = True
    for inner in _inner(node):
        changed |= _fit(inner, depth + 1)
    return changed


def _inner(node: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[Any] = [node.get("items")]
    for name in _MAPS:
        inner = node.get(name)
        if isinstance(inner, dict):
            found += inner.values()
    for name in _LISTS:
        inner = node.get(name)
        if isinstance(inner, list):
            found += inner
    return [inner for inner in found if isinstance(inner, dict)]
