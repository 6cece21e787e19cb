"""Counts of tokens as vendors and their imitators write them: as whole numbers, and now and then as something else.

A usage is told beside an answer, and an answer must not be lost because its usage is odd. Some servers write `12.0`,
some a string, some null, some an error's text. So a usage is taken out of the answer as it came and read by itself:
strictly, as nearly all can be; where that fails, field by field, and what cannot be a count is not known.
"""

from functools import cache
from typing import Annotated, Any, Final, TypeVar, get_args

import msgspec

Raw = msgspec.Raw
_Struct = TypeVar("_Struct", bound=msgspec.Struct)

NOTHING: Final = Raw(b"null")
Tokens = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A count; the most that JSON's readers agree about (RFC 8259, section 6)."""

_MOST_DETAILS: Final = 64
_object: Final = msgspec.json.Decoder(dict[str, Raw])
_list: Final = msgspec.json.Decoder(list[Raw])
_any: Final = msgspec.json.Decoder()


def read_counts(decoder: "msgspec.json.Decoder[_Struct]", raw: Raw | bytes) -> _Struct | None:
    """A usage as its struct, all of whose fields may be missing; `None` where there is none.

    A count that is written as a float without a fraction counts; whatever else stands where a count belongs is as if it
    were missing.

    Args:
        decoder: of the struct.
        raw: what stands where the usage belongs, whatever it is.
    """
    if raw is NOTHING or bytes(raw) == b"null":
        return None
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _by_field(decoder.type, raw)


def read_count(raw: Raw) -> int | None:
    """One count that stands alone; `None` where there is none."""
    count: int | None = None if raw is NOTHING else _value(Tokens, raw)
    return count


def _by_field(kind: type[_Struct], raw: Raw | bytes) -> _Struct | None:
    try:
        told = _object.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    known: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        value = told.get(field.encode_name)
        if value is not None:
            found = _value(field.type, value)
            if found is not None:
                known[field.name] = found
    return kind(**known)


def _value(kind: Any, raw: Raw) -> Any:
    """One field's value; `None` where it is not of its kind."""
    try:
        return _decoder(kind).decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    for option in (kind, *get_args(kind)):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return _by_field(option, raw)
        if getattr(option, "__origin__", None) is list:
            return _details(get_args(option)[0], raw)
    return _count(kind, raw)


def _details(kind: Any, raw: Raw) -> list[Any] | None:
    try:
        entries = _list.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = (_value(kind, entry) for entry in entries[:_MOST_DETAILS])
    return [entry for entry in found if entry is not None]


def _count(kind: Any, raw: Raw) -> Any:
    """A number that is written in another way, where the field takes one."""
    try:
        told = _any.decode(raw)
        if isinstance(told, float) and told.is_integer():
            return msgspec.convert(int(told), kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return None


@cache
def _decoder(kind: Any) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(kind)
