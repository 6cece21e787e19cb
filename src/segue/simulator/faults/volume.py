"""A small answer can be large once it is unpacked, and a large one need not end. These kinds are about size.

Nothing here is ever held in memory whole: it is made while it is sent, and ends when the client hangs up.
"""

import struct
import zlib
from collections.abc import Iterator
from functools import cache
from typing import Final, Literal

from segue.simulator.faults.kinds import (
    Kind,
    Options,
    Seconds,
    Situation,
    Volume,
    document_instead,
    mapped,
    retold,
    with_headers,
)
from segue.simulator.script import Abort, Head, Script, Send, Source

_MEBIBYTE: Final = 1 << 20
_GZIP: Final = 31  # zlib: a window of 2^15 bytes, and 16 more for gzip's own header and trailer
_DEFLATE: Final = -15  # zlib: the same window without any header
# RFC 1952, section 2.3: magic, deflate, no flags, no time, best compression, Unix.
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03"
_ENCODED: Final = (("Content-Encoding", "gzip"),)


class GzipOptions(Options, frozen=True):
    """With `force` even a client that did not say that it accepts gzip gets it."""

    force: bool = False


def _gzip(script: Script, options: GzipOptions, situation: Situation) -> Script:
    if not options.force and "gzip" not in situation.exchange.headers.get("accept-encoding", ""):
        situation.spoilt = False
        return script
    if script.head is None:
        return script
    packer = zlib.compressobj(wbits=_GZIP)

    def packed(bodies: tuple[bytes, ...]) -> tuple[bytes, ...]:
        # Each event has to arrive when it is sent, so the packer may not keep any of it back.
        pieces = [packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH) for body in bodies]
        if pieces:
            pieces[-1] += packer.flush()
        return tuple(pieces)

    return with_headers(mapped(script, packed), _ENCODED)


@cache
def _spaces() -> tuple[bytes, bytes]:
    """A mebibyte of spaces, and its deflated form, which can follow itself any number of times."""
    plain = b" " * _MEBIBYTE
    packer = zlib.compressobj(9, wbits=_DEFLATE)
    return plain, packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


class BombOptions(Options, frozen=True):
    """`bytes` is what it unpacks to: 1 GiB unless said otherwise."""

    bytes: Volume = 1 << 30


def bomb(start: bytes, size: int) -> Iterator[bytes]:
    """A gzip stream that unpacks to `start` and spaces after it, at least `size` bytes in all."""
    packer = zlib.compressobj(9, wbits=_DEFLATE)
    checksum = zlib.crc32(start)
    total = len(start)
    yield _GZIP_HEADER + packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    plain, packed = _spaces()
    while total < size:
        checksum = zlib.crc32(plain, checksum)
        total += len(plain)
        yield packed
    yield packer.flush() + struct.pack("<II", checksum, total & 0xFFFFFFFF)


def _gzip_bomb(script: Script, options: BombOptions, _situation: Situation) -> Script:
    head = script.head
    if head is None:
        return script
    start = b"".join(step.data for step in script.steps if isinstance(step, Send))
    lead = Head(head.status, (*head.headers, *_ENCODED), None)
    return retold(script, (lead, Source(lambda: bomb(start, options.bytes))))


class WrongGzipOptions(Options, frozen=True):
    """Declared but not compressed (`plain`), ended in the middle (`truncated`), or with damaged bytes (`corrupt`)."""

    variant: Literal["plain", "truncated", "corrupt"] = "plain"


def _wrong_gzip(script: Script, options: WrongGzipOptions, _situation: Situation) -> Script:
    body = b"".join(step.data for step in script.steps if isinstance(step, Send))
    if options.variant != "plain":
        packer = zlib.compressobj(wbits=31)
        half = packer.compress(body[: len(body) // 2]) + packer.flush(zlib.Z_SYNC_FLUSH)
        # After the flush a block begins; one whose first bits are all set is of a kind that does not exist (RFC 1951).
        body = half if options.variant == "truncated" else half + b"\xff" * 16
    return with_headers(document_instead(script, body), _ENCODED)


class EndlessBodyOptions(Options, frozen=True):
    """A body without end.

    Attributes:
        variant: Spaces before the first byte of JSON, one content event again and again, or (`auto`) what suits the
            request.
        bytes: After so many the connection is reset.
        every: Seconds between two pieces (64 KiB of spaces, or one event).
    """

    variant: Literal["auto", "whitespace", "events"] = "auto"
    bytes: Volume = 1 << 30
    every: Seconds = 0.0


_EVENT: Final = b'data: {"choices":[{"index":0,"delta":{"content":" and"},"finish_reason":null}]}\n\n'


def _endless_body(script: Script, options: EndlessBodyOptions, _situation: Situation) -> Script:
    head = script.head
    if head is None:
        return script
    events = options.variant == "events" or (options.variant == "auto" and script.streams)
    contents = (step.data for step in script.steps if isinstance(step, Send) and step.part == "content")
    piece = next(contents, _EVENT) if events else b" " * 65_536

    def pieces() -> Iterator[bytes]:
        for _ in range(-(-options.bytes // len(piece))):
            yield piece

    return retold(script, (Head(head.status, head.headers, None), Source(pieces, every=options.every), Abort()))


GZIP: Final = Kind(
    name="gzip",
    summary="The same answer, properly compressed, for a client that accepts that.",
    options=GzipOptions,
    rewrite=_gzip,
    stage="shape",
    example={"force": True},
)
GZIP_BOMB: Final = Kind(
    name="gzip_bomb",
    summary="A small answer that unpacks to `bytes`: the right one, followed by spaces.",
    options=BombOptions,
    rewrite=_gzip_bomb,
    scope="success",
    example={"bytes": 1 << 22},
)
WRONG_GZIP: Final = Kind(
    name="wrong_gzip",
    summary="Declared as gzip, but not compressed, ended in the middle, or damaged.",
    options=WrongGzipOptions,
    rewrite=_wrong_gzip,
    scope="success",
)
ENDLESS_BODY: Final = Kind(
    name="endless_body",
    summary="Spaces or events without end, until the client hangs up or `bytes` were sent.",
    options=EndlessBodyOptions,
    rewrite=_endless_body,
    scope="success",
    example={"bytes": 1 << 17},
)
