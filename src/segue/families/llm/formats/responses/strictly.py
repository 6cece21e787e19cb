"""Typed values out of a client's JSON, with what is wrong named as OpenAI names it: `input[0].content[1].text`."""

import re
from typing import Final, TypeVar

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.parsing import mistake
from segue.families.llm.formats import unknown

Raw = msgspec.Raw
_Struct = TypeVar("_Struct", bound=msgspec.Struct)

_PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in |value in )?\$(?P<where>[^`]*)`)?$", re.DOTALL)


def decode(decoder: "msgspec.json.Decoder[_Struct]", raw: bytes | Raw, where: str, extra: dict[str, Raw]) -> _Struct:
    """A value as its struct.

    Args:
        decoder: of a struct that refuses unknown fields.
        raw: the value as JSON.
        where: the value's path in the request; empty for the request itself.
        extra: gets the fields that the struct does not know, by their paths.

    Raises:
        RequestInvalid: naming the field and what belongs there.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        pass  # looked at more closely
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise not_json(error, raw) from None
    try:
        return unknown.decode(decoder, raw, where, extra)
    except msgspec.ValidationError as error:
        raise invalid(error, where) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise not_json(error, raw) from None


def invalid(error: msgspec.ValidationError, where: str) -> RequestInvalid:
    """What msgspec found, with the field named as OpenAI does: `input[0].content[1].text`."""
    found = _PLACE.match(str(error))
    what, inner = (found["what"], found["where"] or "") if found else (str(error), "")
    missing = re.search(r"missing required field `([^`]*)`", what)
    if missing is not None:
        inner, what = f"{inner}.{missing[1]}", "it is missing"
    place = (where + inner).lstrip(".")
    if not place:
        return RequestInvalid(f"the body must be a JSON object: {what}")
    return RequestInvalid(f"field {place!r}: {what}", param=place)


def not_json(error: Exception, body: bytes | Raw) -> RequestInvalid:
    """The refusal of a body that is no JSON."""
    return RequestInvalid(f"the body {mistake(error, bytes(body))}")
