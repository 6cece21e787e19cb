"""Compressed bodies, unpacked piece by piece: a kilobyte on the wire can be a megabyte in memory.

So nothing is unpacked before somebody reads it, never more than one piece at a time, and a body that grows beyond all
proportion is given up however large its reader's own limit is.
"""

import zlib

PIECE = 65_536
"""Bytes unpacked at most before their reader takes them."""

_FREE = 1024 * 1024  # bytes that any body may unpack to
_RATIO = 200  # beyond that, bytes per byte on the wire: JSON reaches 30, DEFLATE itself 1,032
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's window sizes, which name the container, too
_METHOD, _DEFLATE, _CHECK = 0x0F, 8, 31  # RFC 1950 section 2.2: the first two bytes of the zlib container


class DecodingError(Exception):
    """The bytes are not what `content-encoding` says, stop too early, or are a bomb."""


class Decoder:
    """Unpacks one body.

    Args:
        coding: the value of `content-encoding`: `gzip`, `x-gzip` or `deflate`.

    Raises:
        DecodingError: another coding, which we never said that we understand.
    """

    __slots__ = ("_ended", "_gzip", "_held", "_inflater", "_read", "_waiting", "_written")

    def __init__(self, coding: str) -> None:
        if coding not in {"gzip", "x-gzip", "deflate"}:
            raise DecodingError
        self._gzip = coding != "deflate"
        self._inflater = zlib.decompressobj(_GZIP) if self._gzip else None
        self._waiting = b""
        self._held = False  # zlib keeps up to some kilobytes for itself when a piece was full
        self._read = 0
        self._written = 0
        self._ended = False

    def feed(self, packed: bytes) -> None:
        """Take bytes as they came."""
        self._waiting += packed
        self._read += len(packed)

    def piece(self) -> bytes:
        """At most `PIECE` unpacked bytes; `b""` when more must come first.

        Raises:
            DecodingError: see there.
        """
        while self._waiting or self._held:
            packed, self._waiting = self._waiting, b""
            inflater = self._open(packed)
            if inflater is None:
                self._waiting = packed
                return b""
            try:
                out = inflater.decompress(packed, PIECE)
            except zlib.error:
                raise DecodingError from None
            self._waiting = inflater.unconsumed_tail
            self._held = len(out) == PIECE
            if inflater.eof:
                self._ended, self._held = True, False
                self._inflater = None
                self._waiting = inflater.unused_data
            self._written += len(out)
            if self._written > _FREE and self._written > _RATIO * self._read:
                raise DecodingError
            if out:
                return out
        return b""

    def end(self) -> None:
        """The body has ended; `piece` has given everything.

        Raises:
            DecodingError: it stops in the middle.
        """
        whole = self._ended and self._inflater is None
        if self._waiting or (self._read and not whole):
            raise DecodingError

    def _open(self, packed: bytes) -> "zlib._Decompress | None":
        """What unpacks these bytes; `None` when one byte is too little to know."""
        if self._inflater is None:
            if self._gzip:  # RFC 1952 section 2.2: members follow each other
                self._ended = False
                self._inflater = zlib.decompressobj(_GZIP)
            elif self._ended:
                raise DecodingError
            else:
                # RFC 9110 section 8.4.1.2: "deflate" is the zlib container, but servers send it bare, too.
                if len(packed) == 1:
                    return None
                contained = packed[0] & _METHOD == _DEFLATE and (packed[0] << 8 | packed[1]) % _CHECK == 0
                self._inflater = zlib.decompressobj(_ZLIB if contained else _RAW)
        return self._inflater
