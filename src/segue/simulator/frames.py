"""Amazon streams events as binary frames, and a client that trusts lengths without checking them reads nonsense.

A frame is a prelude (length of the frame, length of its headers, CRC-32 of both), headers, a payload, and the CRC-32 of
all that; numbers are big-endian. Source: https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html, which
describes the encoding `application/vnd.amazon.eventstream` for all services.
"""

import struct
import zlib
from typing import Final

from segue.simulator.script import Script

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_PRELUDE: Final = struct.Struct(">II")
_CHECKSUM: Final = struct.Struct(">I")
_LEAST: Final = _PRELUDE.size + 2 * _CHECKSUM.size
_STRING: Final = 7  # the type of a header whose value is a string


def _headers(headers: dict[str, str]) -> bytes:
    made = bytearray()
    for name, value in headers.items():
        title, data = name.encode(), value.encode("utf-8", "replace")
        made += bytes([len(title)]) + title + bytes([_STRING]) + struct.pack(">H", len(data)) + data
    return bytes(made)


def _assembled(headers: bytes, payload: bytes) -> bytes:
    prelude = _PRELUDE.pack(_LEAST + len(headers) + len(payload), len(headers))
    prelude += _CHECKSUM.pack(zlib.crc32(prelude))
    whole = prelude + headers + payload
    return whole + _CHECKSUM.pack(zlib.crc32(whole))


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One frame; header names begin with a colon where the protocol gives them their meaning."""
    return _assembled(_headers(headers), payload)


def event(kind: str, payload: bytes) -> bytes:
    """The frame of an event, whose payload is JSON."""
    return frame({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    """The frame of an error that the service describes, such as `throttlingException`."""
    named = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(named, payload)


def error(code: str, message: str) -> bytes:
    """The frame of an error that the service does not describe: all of it is in the headers."""
    return frame({":message-type": "error", ":error-code": code, ":error-message": message}, b"")


def is_frame(data: bytes) -> bool:
    """Whether `data` is exactly one frame, as far as its prelude says."""
    if len(data) < _LEAST:
        return False
    length, _ = _PRELUDE.unpack_from(data)
    return bool(length == len(data) and _CHECKSUM.unpack_from(data, _PRELUDE.size)[0] == zlib.crc32(data[:8]))


def payload_of(data: bytes) -> bytes:
    """The payload of a frame."""
    _, headers = _PRELUDE.unpack_from(data)
    return data[_PRELUDE.size + _CHECKSUM.size + headers : -_CHECKSUM.size]


def with_payload(data: bytes, payload: bytes) -> bytes:
    """The same frame with another payload, and true lengths and checksums."""
    _, headers = _PRELUDE.unpack_from(data)
    start = _PRELUDE.size + _CHECKSUM.size
    return _assembled(data[start : start + headers], payload)


def damaged(data: bytes) -> bytes:
    """The same frame with a wrong checksum at its end."""
    return data[:-1] + bytes([data[-1] ^ 0xFF])


def _content_type(script: Script) -> str:
    headers = script.head.headers if script.head is not None else ()
    return next((value for name, value in headers if name.lower() == "content-type"), "")


def is_binary(script: Script) -> bool:
    """Whether an answer is a stream of frames."""
    return _content_type(script) == CONTENT_TYPE


def is_lines(script: Script) -> bool:
    """Whether an answer is a stream of JSON, line by line."""
    return _content_type(script).startswith("application/x-ndjson")
