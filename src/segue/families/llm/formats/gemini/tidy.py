"""Requests that are not written as the types have them: snake_case names, numbers as strings, unknown fields.

Google's JSON parser takes every field by its camelCase and by its snake_case name, and whole numbers as strings; its
own SDK mixes them. Only messages are renamed: what belongs to the caller (arguments, results, schemas) is not touched.
What no type knows is not lost but kept under its path, and goes to providers of the same format.
Source: "ProtoJSON Format" in the Protocol Buffers documentation.
"""

import types
import typing
from functools import cache
from typing import Any, TypeVar

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.parsing import mistake
from segue.families.llm.formats.gemini.wire import Raw, Strict
from segue.families.llm.ir.extra import keep

T = TypeVar("T")

_encode = msgspec.json.encode
_IN_TURNS = "contents["
_ECHOED = frozenset({"partialArgs", "partial_args", "willContinue", "will_continue"})
"""How a call came in a stream, which means nothing when it comes back."""


def read_typed(body: bytes | Raw, decoder: "msgspec.json.Decoder[T]", extra: dict[str, Raw], path: str = "") -> T:
    """A message, or a list of them, whatever style it is written in.

    Args:
        body: JSON.
        decoder: of the type as it is usually written.
        extra: takes the fields that no type knows, by their path.
        path: where the message stands in the request, for errors.

    Raises:
        RequestInvalid: naming the field.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestInvalid(f"the body {mistake(error, body)}") from None
    try:
        tidied = _tidy(msgspec.json.decode(body), decoder.type, path, extra)
        kind: Any = decoder.type
        typed: T = _lenient(kind).decode(_encode(tidied))
    except msgspec.ValidationError as error:
        raise invalid(error, path) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RequestInvalid(f"the body {mistake(error, body)}") from None
    return typed


def invalid(error: msgspec.ValidationError, path: str = "") -> RequestInvalid:
    """The refusal for a field of a wrong type."""
    what, _, where = str(error).partition(" - at `")
    field = path + where.rstrip("`").removeprefix("$")
    field = field.lstrip(".").replace("[...]", "")
    if not field:
        return RequestInvalid(f"the body must be a JSON object: {error}")
    return RequestInvalid(f"Invalid value at '{field}': {what[:200]}", param=field)


def camel(name: str) -> str:
    """A field's camelCase name."""
    first, *others = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def snake(name: str) -> str:
    """A field's snake_case name."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


@cache
def _lenient(kind: Any) -> "msgspec.json.Decoder[Any]":
    """A decoder that takes numbers as strings."""
    return msgspec.json.Decoder(kind, strict=False)


@cache
def _names(message: type) -> dict[str, tuple[str, Any]]:
    """For both names of each field of a message: how it is usually written, and its type."""
    table: dict[str, tuple[str, Any]] = {}
    for field in msgspec.structs.fields(message):
        table[field.encode_name] = table[field.name] = (field.encode_name, field.type)
    return table


@cache
def _shape(kind: Any, is_list: bool) -> Any:
    """What a list (its items' type) or an object (its message) of this type is; `None` where nothing is to be renamed.

    Worked out once for each type: asking `typing` for every value took most of the time.
    """
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        found = (_shape(option, is_list) for option in typing.get_args(kind))
        return next((shape for shape in found if shape is not None), None)
    if is_list:
        return typing.get_args(kind)[0] if typing.get_origin(kind) is list else None
    return kind if isinstance(kind, type) and issubclass(kind, Strict) else None


def _tidy(value: Any, kind: Any, path: str, extra: dict[str, Raw]) -> Any:
    if isinstance(value, dict):
        shape = _shape(kind, False)
        return value if shape is None else _tidy_message(value, shape, path, extra)
    if isinstance(value, list):
        item = _shape(kind, True)
        return value if item is None else [_tidy(one, item, f"{path}[{n}]", extra) for n, one in enumerate(value)]
    return value


def _says_nothing(name: str, value: Any, where: str) -> bool:
    """Whether an unknown field means nothing; in settings and tools an empty message may switch something on."""
    if where.startswith(_IN_TURNS):
        return name in _ECHOED or value is None or value in ("", [], {})
    return value is None


def _tidy_message(value: dict[str, Any], kind: type, path: str, extra: dict[str, Raw]) -> dict[str, Any]:
    names = _names(kind)
    tidied: dict[str, Any] = {}
    if path == "functionDeclarations" or path.startswith("functionDeclarations["):
        path = f"functionDeclarations[{value.get('name', '')}]"
    for name, each in value.items():
        known = names.get(name)
        where = f"{path}.{known[0] if known else camel(name)}".lstrip(".")
        if known is None:
            if not _says_nothing(name, each, where):
                keep(extra, where, Raw(_encode(each)))
        elif each is not None and (known[0] not in tidied or name == known[0]):
            tidied[known[0]] = _tidy(each, known[1], where, extra)
    return tidied
