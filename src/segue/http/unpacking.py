"""Requests whose bodies are compressed: some clients pack large ones, with pictures and documents in them.

A kilobyte on the wire can be a megabyte in memory, so what counts for the limit of a body is what it unpacks to: never
more than a piece beyond it is unpacked, and what would take the event loop long is done on a thread beside it. A body
that cannot be unpacked is refused with 400; a way of packing that is not understood with 415, which names those that
are (RFC 9110, section 15.5.16). Answers are not compressed: most are streams of small pieces.
"""

import asyncio
import zlib
from typing import Final

from segue.core.errors import RequestInvalid

UNDERSTOOD: Final = "gzip, deflate"
"""The codings of a request's body, as `accept-encoding` writes them."""

AT_ONCE: Final = 4
"""Pieces that are unpacked on the event loop, in about a millisecond; more are left to a thread."""

MOST_PARTS: Final = 16
"""Parts of one body (RFC 1952, section 2.2); clients send one, and a million empty ones would be work for nothing."""

LONGEST_NAME: Final = 60

_PLAIN: Final = frozenset({"", "identity"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})  # RFC 9110, section 8.4.1.3: the two mean the same
_PIECE: Final = 65_536  # bytes taken in at once, and given out at once: what zlib gives back of a long input is a copy
_GZIP_WINDOW, _ZLIB_WINDOW, _RAW_WINDOW = 31, 15, -15  # zlib's numbers, which name the container, too
_METHOD, _DEFLATE, _CHECK = 0x0F, 8, 31  # RFC 1950, section 2.2: the first two bytes of the zlib container


class UnknownCoding(RequestInvalid):
    """The body is compressed in a way that is not understood. The answer names those that are."""


async def unpack(packed: bytes, codings: list[str], limit: int) -> bytes:
    """The body as it was before it was compressed.

    Args:
        packed: as it came, whole.
        codings: the values of `content-encoding`.
        limit: bytes that it may have when it is unpacked.

    Raises:
        RequestInvalid: it is larger than `limit` (status 413), is not what `codings` say (400), or they are not
            understood (415).
    """
    coding = ",".join(codings).strip().lower()
    if coding in _PLAIN or not packed:
        return packed
    if coding not in _GZIP and coding != "deflate":
        raise UnknownCoding(
            f"the body is compressed as {coding[:LONGEST_NAME]!r}: send it as {UNDERSTOOD}, or as it is",
            param="content-encoding",
            status=415,
            code="unsupported_encoding",
        )
    unpacking = _Unpacking(packed, coding, limit)
    if not unpacking.go_on(AT_ONCE):
        await asyncio.to_thread(unpacking.go_on)
    return unpacking.whole()


class _Unpacking:
    """A body that is being unpacked.

    Args:
        packed: all of it.
        coding: `gzip`, `x-gzip` or `deflate`.
        limit: bytes of the whole.
    """

    __slots__ = ("_at", "_coding", "_inflater", "_limit", "_packed", "_parts", "_pieces", "_size", "_tail")

    def __init__(self, packed: bytes, coding: str, limit: int) -> None:
        self._packed = packed
        self._coding = coding
        self._limit = limit
        self._at = 0
        self._tail = b""  # was taken in and not unpacked yet
        self._pieces: list[bytes] = []
        self._size = 0
        self._parts = 1
        self._inflater = zlib.decompressobj(_GZIP_WINDOW if coding in _GZIP else _window(packed))

    def go_on(self, pieces: float = float("inf")) -> bool:
        """Unpack so many pieces; whether that was all.

        Raises:
            RequestInvalid: see `unpack`.
        """
        done = 0
        while done < pieces:
            done += 1
            piece = self._piece()
            self._size += len(piece)
            if self._size > self._limit:
                raise RequestInvalid(
                    f"the body is larger than {self._limit} bytes when it is unpacked, which is server.body_limit",
                    status=413,
                    code="request_too_large",
                )
            self._pieces.append(piece)
            if self._inflater.eof:
                if not self._next_part():
                    return True
            elif not self._tail and self._at == len(self._packed) and len(piece) < _PIECE:
                raise self._bad("ends too early")
        return False

    def whole(self) -> bytes:
        """What was unpacked."""
        return b"".join(self._pieces)

    def _piece(self) -> bytes:
        taken = self._tail
        if not taken:
            taken = self._packed[self._at : self._at + _PIECE]
            self._at += len(taken)
        try:
            piece = self._inflater.decompress(taken, _PIECE)
        except zlib.error:
            raise self._bad("cannot be unpacked") from None
        self._tail = self._inflater.unconsumed_tail
        return piece

    def _next_part(self) -> bool:
        """Whether another part follows, as gzip may have it."""
        rest = self._inflater.unused_data
        if not rest and self._at == len(self._packed):
            return False
        if self._coding not in _GZIP or self._parts == MOST_PARTS:
            raise self._bad("has something behind its end")
        self._parts += 1
        self._tail = rest
        self._inflater = zlib.decompressobj(_GZIP_WINDOW)
        return True

    def _bad(self, what: str) -> RequestInvalid:
        return RequestInvalid(
            f"the body is not what its header content-encoding says ({self._coding}): it {what}; send all of it packed "
            "so, or as it is without that header",
            param="content-encoding",
        )


def _window(packed: bytes) -> int:
    """What `deflate` means here: the zlib container (RFC 9110, section 8.4.1.2), or nothing around the data at all."""
    contained = packed[0] & _METHOD == _DEFLATE and int.from_bytes(packed[:2], "big") % _CHECK == 0
    return _ZLIB_WINDOW if contained and len(packed) > 1 else _RAW_WINDOW
