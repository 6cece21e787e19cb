"""A tool call or a structured answer must fit the schema that the caller sent, or its own check would refuse it.

`example` makes the smallest sensible value of a JSON schema, and of anything that merely claims to be one.
"""

from typing import Final

_DEEPEST: Final = 8
# A schema may refer to itself many times over; the budget keeps the value, and the time it takes, small.
_MOST_VALUES: Final = 500
_LARGEST_NUMBER: Final = 2**53


def _resolved(schema: dict[str, object], root: object) -> object:
    """Follow a reference inside the document (`#/$defs/Name`); a reference that leads nowhere allows anything."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#"):
        return schema
    place = root
    for segment in reference.removeprefix("#").split("/")[1:]:
        place = place.get(segment) if isinstance(place, dict) else None
    return place


def _kind(schema: dict[str, object]) -> object:
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((name for name in kind if name != "null"), "null")
    if kind is None:
        return "object" if "properties" in schema else "string"
    return kind


def _number(schema: dict[str, object]) -> int | float:
    least = schema.get("minimum")
    if isinstance(least, bool) or not isinstance(least, int | float):
        return 1
    return max(-_LARGEST_NUMBER, min(_LARGEST_NUMBER, least))


class _Maker:
    """Makes one value; `text` stands for every free string in it."""

    def __init__(self, root: object, text: str) -> None:
        self._root = root
        self._text = text
        self._left = _MOST_VALUES

    def make(self, schema: object, depth: int = 0) -> object:
        """A value that fits `schema`."""
        self._left -= 1
        schema = _resolved(schema, self._root) if isinstance(schema, dict) else schema
        if not isinstance(schema, dict) or depth > _DEEPEST or self._left < 0:
            return self._text
        # Only plain values are repeated: a deeply nested one could exhaust the stack when it is encoded.
        if isinstance(schema.get("const"), str | int | float):
            return schema["const"]
        for name in ("anyOf", "oneOf", "allOf", "enum"):
            choices = schema.get(name)
            if isinstance(choices, list) and choices and (name != "enum" or isinstance(choices[0], str | int | float)):
                return choices[0] if name == "enum" else self.make(choices[0], depth + 1)
        return self._of_kind(schema, depth)

    def _of_kind(self, schema: dict[str, object], depth: int) -> object:
        match _kind(schema):
            case "object":
                return self._members(schema, depth)
            case "array":
                return [self.make(schema.get("items"), depth + 1)]
            case "integer":
                return int(_number(schema))
            case "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._text

    def _members(self, schema: dict[str, object], depth: int) -> dict[str, object]:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        required = schema.get("required")
        names = required if isinstance(required, list) and required else list(properties)
        return {name: self.make(properties.get(name), depth + 1) for name in names if isinstance(name, str)}


def example(schema: object, text: str) -> object:
    """A value that fits `schema`; every free string in it is `text`."""
    return _Maker(schema, text).make(schema)
