"""Typed requests out of what callers send, with errors that name the field.

A validation library's own message speaks of `$.lat`; a caller wants to read which field is wrong and what belongs
there, in the same words whether it came by URL, by body or as a keyword argument.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from segue.core.errors import RequestInvalid

Request = TypeVar("Request")

_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")
_QUOTED = re.compile(r" '.*'", re.DOTALL)
_TRUNCATED = "Input data was truncated"


def parser(kind: type[Request]) -> tuple[Callable[[bytes], Request], Callable[[dict[str, Any], bool], Request]]:
    """`Operation.parse` and `Operation.from_fields` for a msgspec type."""
    decoder = msgspec.json.Decoder(kind)

    def parse(body: bytes) -> Request:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError as error:
            raise invalid(error, kind) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RequestInvalid(f"the body {mistake(error, body)}") from None

    def from_fields(fields: dict[str, Any], text: bool) -> Request:
        try:
            return msgspec.convert(fields, kind, strict=not text)
        except msgspec.ValidationError as error:
            raise invalid(error, kind) from None

    return parse, from_fields


def mistake(error: Exception, body: bytes) -> str:
    """What is wrong with a text that a decoder did not take, and at which byte or field; never its content.

    Args:
        error: the decoder's: `msgspec.DecodeError`, `UnicodeDecodeError` or `RecursionError`.
        body: what was decoded.
    """
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return f"is of another shape: {_QUOTED.sub('', str(error))}"
    try:
        body.decode()  # a decoder counts from the beginning of the string in which it stopped
    except UnicodeDecodeError as wrong:
        return f"is not UTF-8: byte {wrong.start} is wrong"
    if str(error) == _TRUNCATED:
        return f"is not valid JSON: it ends at byte {len(body)}, in the middle of a value"
    return f"is not valid JSON: {error}"


def invalid(error: msgspec.ValidationError, kind: type) -> RequestInvalid:
    """The complaint of msgspec as ours, with the field in `param`."""
    text = str(error)
    path = _PATH.search(text)
    param = path["path"] if path else None
    message = _PATH.sub("", text)
    unknown, missing = _UNKNOWN.search(message), _MISSING.search(message)
    if unknown:
        param = unknown["name"]
        names = ", ".join(field.encode_name for field in msgspec.structs.fields(kind))
        return RequestInvalid(f"unknown field {param!r}: the fields are {names}", param=param)
    if missing:
        param = missing["name"]
        return RequestInvalid(f"missing field {param!r}", param=param)
    message = message[:1].lower() + message[1:]
    return RequestInvalid(f"field {param!r}: {message}" if param else f"the body is wrong: {message}", param=param)
