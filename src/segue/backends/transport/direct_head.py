"""The head of an answer: what httptools lets pass and we do not, and what the headers say of the body.

Everything here is pure: headers in, headers out.
"""

from itertools import chain

from segue.backends.transport.direct_decoding import Decoder

MOST_HEADER_BYTES = 64 * 1024
"""Bytes of all headers of one answer, interim ones included; also bytes between two bytes of a body."""

MOST_HEADERS = 200
"""Headers of one answer."""

_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0")  # llhttp knows RTSP, HTTP/0.9 and 2.0, too
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")
_PLAIN_CODINGS = frozenset({"", "identity"})
_LOWER: dict[bytes, str] = {}  # names of headers: a provider sends the same in every answer
_MOST_NAMES, _LONGEST_NAME = 500, 50


class Unacceptable(Exception):
    """Something that httptools accepts and we do not."""


def begins_answer(data: bytes) -> bool | None:
    """Whether these first bytes begin an HTTP/1 answer; `None` while they are too few to tell."""
    if data.startswith(_VERSIONS):
        return True
    return None if any(version.startswith(data) for version in _VERSIONS) else False


def plain_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names in lower case, the values of a repeated header joined with ", ".

    Raises:
        Unacceptable: they are too many, or too long.
    """
    if len(raw) > MOST_HEADERS:
        raise Unacceptable
    if sum(map(len, chain.from_iterable(raw))) > MOST_HEADER_BYTES:
        raise Unacceptable
    headers: dict[str, str] = {}
    for name, value in raw:
        lower = _LOWER.get(name) or _lower(name)
        text = value.decode("latin-1")
        headers[lower] = f"{headers[lower]}, {text}" if lower in headers else text
    return headers


def _lower(name: bytes) -> str:
    lower = name.decode("latin-1").lower()
    if len(_LOWER) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
        _LOWER[name] = lower
    return lower


def decoder_of(headers: dict[str, str]) -> Decoder | None:
    """What unpacks the body; then the headers that describe the packed bytes are taken out.

    Raises:
        DecodingError: the coding is one that we never offered.
    """
    coding = headers["content-encoding"].strip().lower()
    if coding in _PLAIN_CODINGS:
        return None
    decoder = Decoder(coding)
    for name in _OF_THE_WIRE:
        headers.pop(name, None)
    return decoder
