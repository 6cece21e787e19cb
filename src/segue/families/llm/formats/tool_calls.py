"""Calls of tools for formats that have no names for them, or want their arguments as an object."""

import hashlib
from typing import Final

import msgspec

_OBJECT: Final = msgspec.json.Decoder(dict[str, object])
_LENGTH: Final = 24


def as_object(text: str) -> msgspec.Raw | None:
    """The JSON object that arguments are, as their own bytes (`{}` for none); `None` if they are no object."""
    if not text:
        return msgspec.Raw(b"{}")
    try:
        raw = text.encode()
        _OBJECT.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return msgspec.Raw(raw)


def made_id(position: int, *facts: str) -> str:
    """A name for a call whose vendor gives none.

    The same answer gives the same names, two calls of one answer never share one, and other answers give others.

    Args:
        position: of the call in its answer.
        facts: what tells this answer from others: its time, its size, what is called.
    """
    told = "\x00".join((str(position), *facts)).encode("utf-8", "surrogatepass")
    return f"call_{hashlib.sha256(told).hexdigest()[:_LENGTH]}"
