"""Amazon's binary event stream out of chunks that end anywhere.

Bedrock does not stream server-sent events but length-prefixed frames with two checksums. A frame that is damaged must
never pass for content, a length that lies must not make us wait (or buffer) without end, and where the network cuts
must not matter.

A frame: total length (4 bytes, big endian), length of the headers (4), CRC-32 of these eight bytes (4), headers,
payload, CRC-32 of everything before it (4). A header: length of its name (1), name, type (1), value.
Source: Smithy's specification "Amazon Event Stream" (application/vnd.amazon.eventstream).
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

MAX_FRAME: Final = 16 * 1024 * 1024
"""Bytes of one frame: the specification's limit of a payload."""

MAX_HEADERS: Final = 128 * 1024
"""Bytes of the headers of one frame: the specification's limit."""

_PRELUDE: Final = struct.Struct(">III")
_CRC: Final = struct.Struct(">I")
_PRELUDE_CHECKED: Final = 8
_OVERHEAD: Final = _PRELUDE.size + _CRC.size

_TRUE: Final = 0
_FALSE: Final = 1
_NUMBERS: Final[Mapping[int, struct.Struct]] = {
    2: struct.Struct(">b"),
    3: struct.Struct(">h"),
    4: struct.Struct(">i"),
    5: struct.Struct(">q"),
    8: struct.Struct(">q"),  # a timestamp: milliseconds since 1970
}
_BYTES: Final = 6
_STRING: Final = 7
_UUID: Final = 9
_UUID_SIZE: Final = 16
_LENGTH: Final = struct.Struct(">H")

# Nearly all frames of a stream have the very same headers: they are parsed once.
_KEPT: Final = 64
_KEPT_SIZE: Final = 256

Value = bool | int | str | bytes
Headers = Mapping[str, Value]


class BadFrame(ValueError):
    """Bytes that are no frame; the message names what is wrong, never the content.

    Attributes:
        before: frames that came whole in the same bytes, so that nothing depends on where a network cuts.
    """

    before: "Sequence[Frame]" = ()


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One message of the stream."""

    headers: Headers
    payload: bytes


class FrameSplitter:
    """Splits a byte stream into whole frames whose checksums are right."""

    __slots__ = ("_buffer", "_headers", "_needed")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = _PRELUDE.size  # bytes without which looking again is pointless
        self._headers: dict[bytes, Headers] = {}

    @property
    def pending(self) -> int:
        """Bytes of a frame whose end has not come."""
        return len(self._buffer)

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that this chunk completes.

        Raises:
            BadFrame: these bytes are no frame; the splitter cannot go on.
        """
        buffer = self._buffer
        buffer += chunk
        frames: list[Frame] = []
        start = 0
        try:
            while len(buffer) - start >= self._needed:
                if self._needed == _PRELUDE.size:
                    self._needed = self._length(buffer, start)
                    continue
                end = start + self._needed
                frames.append(self._frame(bytes(buffer[start:end])))
                start = end
                self._needed = _PRELUDE.size
        except BadFrame as error:
            error.before = frames
            raise
        del buffer[:start]
        return frames

    @staticmethod
    def _length(buffer: bytearray, start: int) -> int:
        """The length of the frame that begins at `start`."""
        total, headers, told = _PRELUDE.unpack_from(buffer, start)
        if zlib.crc32(buffer[start : start + _PRELUDE_CHECKED]) != told:
            raise BadFrame("the checksum of a frame's prelude is wrong: this is no Amazon event stream, or damaged")
        if not _OVERHEAD <= total <= MAX_FRAME:
            raise BadFrame(f"a frame of {total} bytes: expected {_OVERHEAD} to {MAX_FRAME}")
        if headers > min(MAX_HEADERS, total - _OVERHEAD):
            raise BadFrame(f"headers of {headers} bytes in a frame of {total}")
        length: int = total
        return length

    def _frame(self, data: bytes) -> Frame:
        if zlib.crc32(memoryview(data)[: -_CRC.size]) != _CRC.unpack_from(data, len(data) - _CRC.size)[0]:
            raise BadFrame("the checksum of a frame is wrong")
        payload_at = _PRELUDE.size + int.from_bytes(data[4:8], "big")
        block = data[_PRELUDE.size : payload_at]
        headers = self._headers.get(block)
        if headers is None:
            headers = read_headers(block)
            if len(self._headers) < _KEPT and len(block) <= _KEPT_SIZE:
                self._headers[block] = headers
        return Frame(headers, data[payload_at : -_CRC.size])


def read_headers(block: bytes) -> dict[str, Value]:
    """The headers of a frame by name.

    Raises:
        BadFrame: a length, a type or a text in them is wrong.
    """
    headers: dict[str, Value] = {}
    at = 0
    try:
        while at < len(block):
            name_end = at + 1 + block[at]
            name = block[at + 1 : name_end].decode()
            kind = block[name_end]
            headers[name], at = _value(block, kind, name_end + 1)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise BadFrame("the headers of a frame cannot be read") from None
    if at != len(block):
        raise BadFrame("the headers of a frame end in the middle of a value")
    return headers


def _value(block: bytes, kind: int, at: int) -> tuple[Value, int]:
    """A header's value and where it ends."""
    if kind in {_STRING, _BYTES}:
        (length,) = _LENGTH.unpack_from(block, at)
        start = at + _LENGTH.size
        raw = block[start : start + length]
        return (raw.decode() if kind == _STRING else raw), start + length
    if kind in {_TRUE, _FALSE}:
        return kind == _TRUE, at
    if kind == _UUID:
        return block[at : at + _UUID_SIZE], at + _UUID_SIZE
    number = _NUMBERS.get(kind)
    if number is None:
        raise BadFrame(f"a header of the unknown type {kind}")
    value: int = number.unpack_from(block, at)[0]
    return value, at + number.size


def write_frame(headers: Sequence[tuple[str, Value]], payload: bytes) -> bytes:
    """A frame; whole numbers are written with eight bytes.

    Raises:
        BadFrame: it would be longer than the specification allows.
    """
    block = b"".join(_header(name, value) for name, value in headers)
    total = _OVERHEAD + len(block) + len(payload)
    if total > MAX_FRAME or len(block) > MAX_HEADERS:
        raise BadFrame(f"a frame of {total} bytes: expected at most {MAX_FRAME}")
    checked = total.to_bytes(4, "big") + len(block).to_bytes(4, "big")
    frame = checked + _CRC.pack(zlib.crc32(checked)) + block + payload
    return frame + _CRC.pack(zlib.crc32(frame))


def _header(name: str, value: Value) -> bytes:
    encoded = name.encode()
    start = bytes((len(encoded),)) + encoded
    if isinstance(value, bool):
        return start + bytes((_TRUE if value else _FALSE,))
    if isinstance(value, int):
        return start + b"\x05" + _NUMBERS[5].pack(value)
    kind, raw = (_STRING, value.encode()) if isinstance(value, str) else (_BYTES, value)
    return start + bytes((kind,)) + _LENGTH.pack(len(raw)) + raw
