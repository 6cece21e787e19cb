"""Structured output takes a part of JSON schema only, and refuses the rest before a word was generated.

Source: the limitations of JSON schema at https://platform.claude.com/docs/en/build-with-claude/structured-outputs.
"""

from typing import Final

from segue.simulator.vendors.anthropic_checks import wrong

_DEEPEST: Final = 64
_UNSUPPORTED: Final[dict[str, tuple[str, ...]]] = {
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems"),
}


def check_schema(schema: object, place: str, depth: int = 0) -> None:
    """Raise Anthropic's error unless `schema` is one that structured output supports."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        raise wrong(place, "For 'object' type, 'additionalProperties' must be explicitly set to false")
    unsupported = [name for name in _UNSUPPORTED.get(str(kind), ()) if name in schema]
    if unsupported:
        listed = ", ".join(unsupported)
        raise wrong(place, f"For '{kind}' type, properties {listed} are not supported")
    least = schema.get("minItems")
    if kind == "array" and least not in (None, 0, 1):
        raise wrong(place, "For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    for name in ("properties", "$defs", "definitions"):
        members = schema.get(name)
        if isinstance(members, dict):
            for inner, member in members.items():
                check_schema(member, f"{place}.{name}.{inner}", depth + 1)
    for name in ("anyOf", "allOf"):
        choices = schema.get(name)
        if isinstance(choices, list):
            for index, member in enumerate(choices):
                check_schema(member, f"{place}.{name}.{index}", depth + 1)
    check_schema(schema.get("items"), f"{place}.items", depth + 1)
