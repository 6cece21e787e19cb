"""What is wrong with a client's request, in Anthropic's words and with its paths: `messages.1.content.0.type`.

The path stands before the message, because Anthropic's errors have no field of their own for it.
"""

import re
from typing import Final

import msgspec

from segue.core.errors import RequestInvalid

_PLACE: Final = re.compile(r" - at `\$([^`]*)`$")
_STEP: Final = re.compile(r"\[(\d+|\.\.\.)\]")
_FIELD: Final = re.compile(r"^Object (missing required|contains unknown) field `([^`]*)`")


def invalid(where: str, message: str) -> RequestInvalid:
    """The refusal of one field."""
    return RequestInvalid(f"{where}: {message}", param=where)


def explain(error: msgspec.ValidationError, prefix: str = "") -> RequestInvalid:
    """The refusal behind a decoder's complaint; `prefix` says where the decoder began."""
    text = str(error)
    place = _PLACE.search(text)
    steps = [prefix] if prefix else []
    if place is not None:
        text = text[: place.start()]
        steps += [step for step in _STEP.sub(r".\1", place.group(1)).split(".") if step]
    field = _FIELD.match(text)
    if field is not None:
        steps.append(field.group(2))
        text = "Field required" if field.group(1) == "missing required" else "Extra inputs are not permitted"
    return invalid(".".join(steps) or "body", text)


def unknown_field(error: msgspec.ValidationError) -> bool:
    """Whether the decoder complains of nothing but a field that it does not know."""
    return str(error).startswith("Object contains unknown field")


def unknown_type(error: msgspec.ValidationError) -> bool:
    """Whether the decoder complains of a block's `type`."""
    return str(error).startswith("Invalid value") and str(error).endswith("at `$.type`")
