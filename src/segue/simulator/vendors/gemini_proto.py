"""Google's bodies are protocol buffers in JSON: each field has two spellings, and one that is unknown is refused.

A `Message` describes the fields of one; `Reader` checks a document against it, collects all violations with the paths
that the vendor names, and gives the document back in one spelling (camel case). Source:
https://protobuf.dev/programming-guides/json.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Scalar: TypeAlias = Literal["string", "bool", "int", "float", "bytes", "any", "struct"]
_DEEPEST: Final = 100
_HUMP: Final = re.compile(r"([A-Z])")
_TYPES: Final = {
    "string": "TYPE_STRING",
    "bool": "TYPE_BOOL",
    "int": "TYPE_INT32",
    "float": "TYPE_FLOAT",
    "bytes": "TYPE_BYTES",
    "struct": "TYPE_MESSAGE",
}


@dataclass(frozen=True, slots=True)
class Enum:
    """Words of which one is the value; the short name is that of the type."""

    name: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Many:
    """A repeated field."""

    of: "Kind"


@dataclass(frozen=True, slots=True)
class MapOf:
    """A map whose keys are strings."""

    of: "Kind"


@dataclass(slots=True)
class Message:
    """The fields of a message by their names in camel case; filled later where a message contains itself."""

    fields: dict[str, "Kind"] = field(default_factory=dict)


Kind: TypeAlias = Scalar | Enum | Many | MapOf | Message


def snake(name: str) -> str:
    """A name in camel case as the vendor's paths spell it."""
    return _HUMP.sub(lambda match: "_" + match[1].lower(), name)


def camel(name: str) -> str:
    """A name in snake case as documents spell it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _scalar(kind: str, value: object) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "bool":
            return isinstance(value, bool)
        case "int":
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return not isinstance(value, bool) and (whole or (isinstance(value, str) and value.lstrip("-").isdecimal()))
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "struct":
            return isinstance(value, dict)
        case _:
            return True


class Reader:
    """Reads one document and collects what is wrong with it: place and description."""

    def __init__(self) -> None:
        self.violations: list[tuple[str, str]] = []

    def _invalid(self, place: str, kind: str, value: object) -> None:
        self.violations.append((place, f"Invalid value at '{place}' ({kind}), {_shown(value)}"))

    def message(self, kind: Message, value: Mapping[str, object], place: str = "", depth: int = 0) -> dict[str, Any]:
        """The document in camel case, as far as it is right."""
        found: dict[str, Any] = {}
        for name, item in value.items():
            known = name if name in kind.fields else camel(name) if snake(camel(name)) == name else ""
            if known not in kind.fields or depth > _DEEPEST:
                at = f" at '{place}'" if place else ""
                text = f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
                self.violations.append((place, text))
            elif item is not None:
                inner = f"{place}.{snake(known)}" if place else snake(known)
                found[known] = self._value(kind.fields[known], item, inner, name, place, depth + 1)
        return found

    def _value(self, kind: Kind, value: object, place: str, name: str, owner: str, depth: int) -> Any:
        match kind:
            case Message() if isinstance(value, dict):
                return self.message(kind, value, place, depth)
            case Many(inner) if isinstance(value, list):
                return [
                    self._value(inner, item, f"{place}[{index}]", name, owner, depth)
                    for index, item in enumerate(value)
                ]
            # A single value is taken for a list of one, as the vendor does.
            case Many(inner):
                return [self._value(inner, value, f"{place}[0]", name, owner, depth)]
            case MapOf(inner) if isinstance(value, dict):
                return {
                    key: self._value(inner, item, f"{place}[{index}].value", name, owner, depth)
                    for index, (key, item) in enumerate(value.items())
                }
            case Message() | MapOf() | Enum() if isinstance(value, list):
                text = f"Unknown name \"{name}\" at '{owner}': Proto field is not repeating, cannot start list."
                self.violations.append((owner, f"Invalid JSON payload received. {text}"))
                return None
            case Enum(title, words):
                if isinstance(value, str) and value.upper() in words:
                    return value.upper()
                self._invalid(place, f"type.googleapis.com/{title}", value)
                return None
            case str() if isinstance(value, list) and kind != "any":
                text = f"Unknown name \"{name}\" at '{owner}': Proto field is not repeating, cannot start list."
                self.violations.append((owner, f"Invalid JSON payload received. {text}"))
                return None
            case str():
                return self._plain(kind, value, place)
            case _:
                self._invalid(place, "TYPE_MESSAGE", value)
                return None

    def _plain(self, kind: str, value: object, place: str) -> Any:
        if kind == "any":
            return value
        if kind == "bytes":
            return self._bytes(value, place)
        if not _scalar(kind, value):
            self._invalid(place, _TYPES[kind], value)
            return None
        return int(value) if kind == "int" and isinstance(value, str | float) else value

    def _bytes(self, value: object, place: str) -> Any:
        """Base64 in either alphabet, padded or not; given back in the standard form."""
        if isinstance(value, str):
            plain = value.replace("-", "+").replace("_", "/").rstrip("=")
            try:
                whole = base64.b64decode((plain + "=" * (-len(plain) % 4)).encode("ascii"), validate=True)
            except (binascii.Error, ValueError):
                pass
            else:
                return base64.b64encode(whole).decode()
        self.violations.append((place, f"Invalid value at '{place}' (TYPE_BYTES), Base64 decoding failed"))
        return None
