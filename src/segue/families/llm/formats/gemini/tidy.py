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
from segue.families.llm.formats.gemini.wire import Raw, Strict

T = TypeVar("T")

_encode = msgspec.json.encode
MAX_EXTRA = 256
"""Unknown fields of one request that are kept; a request with more is refused."""


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
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestInvalid(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise RequestInvalid("the body is nested too deeply") from None
    try:
        tidied = _tidy(msgspec.json.decode(body), decoder.type, path, extra)
        return msgspec.json.decode(_encode(tidied), type=decoder.type, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error, path) from None
    except (msgspec.DecodeError, UnicodeDecodeError, UnicodeEncodeError) as error:
        raise RequestInvalid(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise RequestInvalid("the body is nested too deeply") from None


def invalid(error: msgspec.ValidationError, path: str = "") -> RequestInvalid:
    """The refusal for a field of a wrong type."""
    what, _, where = str(error).partition(" - at `")
    field = path + where.rstrip("`").removeprefix("$")
    field = field.lstrip(".").replace("[...]", "")
    if not field:
        return RequestInvalid("the body must be a JSON object")
    return RequestInvalid(f"Invalid value at '{field}': {what[:200]}", param=field)


def camel(name: str) -> str:
    """A field's camelCase name."""
    first, *others = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in others)


def snake(name: str) -> str:
    """A field's snake_case name."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


@cache
def _names(message: type) -> dict[str, tuple[str, Any]]:
    """For both names of each field of a message: how it is usually written, and its type."""
    table: dict[str, tuple[str, Any]] = {}
    for field in msgspec.structs.fields(message):
        table[field.encode_name] = table[field.name] = (field.encode_name, field.type)
    return table


def _tidy(value: Any, kind: Any, path: str, extra: dict[str, Raw]) -> Any:
    origin = typing.get_origin(kind)
    if origin in {typing.Union, types.UnionType}:
        options = typing.get_args(kind)
        wanted = list if isinstance(value, list) else Strict
        for option in options:
            base = typing.get_origin(option) or option
            if isinstance(base, type) and issubclass(base, wanted):
                return _tidy(value, option, path, extra)
        return value
    if origin is list and isinstance(value, list):
        (item,) = typing.get_args(kind)
        return [_tidy(each, item, f"{path}[{number}]", extra) for number, each in enumerate(value)]
    if isinstance(kind, type) and issubclass(kind, Strict) and isinstance(value, dict):
        return _tidy_message(value, kind, path, extra)
    return value


def _tidy_message(value: dict[str, Any], kind: type, path: str, extra: dict[str, Raw]) -> dict[str, Any]:
    names = _names(kind)
    tidied: dict[str, Any] = {}
    if path == "functionDeclarations" or path.startswith("functionDeclarations["):
        path = f"functionDeclarations[{value.get('name', '')}]"
    for name, each in value.items():
        known = names.get(name)
        where = f"{path}.{known[0] if known else camel(name)}".lstrip(".")
        if known is None:
            if len(extra) >= MAX_EXTRA:
                raise RequestInvalid(f"more than {MAX_EXTRA} unknown fields, the first beyond it at '{where}'")
            extra[where] = Raw(_encode(each))
        elif each is not None and (known[0] not in tidied or name == known[0]):
            tidied[known[0]] = _tidy(each, known[1], where, extra)
    return tidied
