"""Schemas in Google's subset of OpenAPI become JSON Schema.

Clients may declare parameters and answers in either; everybody else reads JSON Schema only. Types are written in
capitals there, null is a flag beside the type, the order of properties is a list, and 64-bit numbers are strings.
Source: message Schema of google/ai/generativelanguage/v1beta/content.proto.
"""

from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.gemini.tidy import camel
from segue.families.llm.formats.gemini.wire import Raw

MAX_DEPTH: Final = 64
_COUNTS: Final = frozenset({"maxItems", "minItems", "minProperties", "maxProperties", "minLength", "maxLength"})
_NAMES: Final = frozenset({
    "max_items", "min_items", "min_properties", "max_properties", "min_length", "max_length", "any_of",
    "property_ordering", "additional_properties",
})  # fmt: skip


def from_openapi(raw: Raw, path: str) -> bytes:
    """A schema as JSON Schema.

    Args:
        raw: the schema as the caller wrote it.
        path: the field's name, for errors.

    Raises:
        RequestInvalid: it is no object, or nested beyond `MAX_DEPTH`.
    """
    try:
        schema = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        schema = None
    return msgspec.json.encode(_convert(schema, path, 0))


def _convert(schema: Any, path: str, depth: int) -> Any:
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        raise RequestInvalid(f"Invalid value at '{path}': expected a schema object", param=path)
    given = {camel(name) if name in _NAMES else name: value for name, value in schema.items() if value is not None}
    order = given.pop("propertyOrdering", None)
    nullable = given.pop("nullable", False) is True
    out: dict[str, Any] = {}
    for name, value in given.items():
        if name == "type":
            lowered = [each.lower() for each in value] if _is_names(value) else value
            out["type"] = lowered.lower() if isinstance(lowered, str) else lowered
        elif name == "properties" and isinstance(value, dict):
            out[name] = {
                each: _convert(value[each], f"{path}.properties.{each}", depth + 1) for each in _ordered(value, order)
            }
        elif name in {"items", "additionalProperties"}:
            out[name] = _convert(value, f"{path}.{name}", depth + 1)
        elif name == "anyOf" and isinstance(value, list):
            out[name] = [_convert(each, f"{path}.anyOf[{number}]", depth + 1) for number, each in enumerate(value)]
        elif name == "example":
            out["examples"] = [value]
        elif name in _COUNTS and isinstance(value, str) and value.isdecimal():
            out[name] = int(value)
        elif name != "format" or value != "enum":
            out[name] = value
    return _nullable(out) if nullable else out


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kind = schema.get("type")
    if isinstance(kind, str):
        schema["type"] = [kind, "null"]
        if "enum" in schema and isinstance(schema["enum"], list):
            schema["enum"] = [*schema["enum"], None]
    elif isinstance(schema.get("anyOf"), list):
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _ordered(properties: dict[str, Any], order: Any) -> list[str]:
    """The names of the properties, in the order that was asked for: JSON keeps it."""
    first = [name for name in dict.fromkeys(order) if name in properties] if _is_names(order) else []
    return [*first, *(name for name in properties if name not in first)]
