"""Amazon's binary event stream: frames whole, or an error; never half of one."""

import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.families.llm.formats.eventstream import (
    MAX_FRAME,
    BadFrame,
    Frame,
    FrameSplitter,
    read_headers,
    write_frame,
)

VALUES = st.one_of(st.text(max_size=40), st.binary(max_size=40), st.booleans(), st.integers(-(2**63), 2**63 - 1))
HEADERS = st.dictionaries(st.text(max_size=20), VALUES, max_size=6)


def test_a_frame_written_by_hand_after_the_specification_is_read() -> None:
    headers = b"\x04name\x07\x00\x05value"
    payload = b"{}"
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + payload
    [frame] = FrameSplitter().feed(body + struct.pack(">I", zlib.crc32(body)))
    assert frame == Frame({"name": "value"}, b"{}")


@pytest.mark.parametrize(
    ("block", "value"),
    [
        (b"\x01a\x00", True),
        (b"\x01a\x01", False),
        (b"\x01a\x02\xff", -1),
        (b"\x01a\x03\x01\x00", 256),
        (b"\x01a\x04\xff\xff\xff\xfe", -2),
        (b"\x01a\x05\x00\x00\x00\x00\x00\x00\x00\x07", 7),
        (b"\x01a\x06\x00\x02\x01\x02", b"\x01\x02"),
        (b"\x01a\x07\x00\x02hi", "hi"),
        (b"\x01a\x08\x00\x00\x00\x00\x00\x00\x03\xe8", 1000),
        (b"\x01a\x09" + bytes(range(16)), bytes(range(16))),
    ],
)
def test_every_type_of_header_is_read(block: bytes, value: object) -> None:
    assert read_headers(block) == {"a": value}


@pytest.mark.parametrize(
    "block", [b"\x05a", b"\x01a", b"\x01a\x0a", b"\x01a\x07\x00\x09hi", b"\x01a\x05\x00", b"\x01\xff\x00"]
)
def test_headers_that_lie_are_refused(block: bytes) -> None:
    with pytest.raises(BadFrame):
        read_headers(block)


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=200)), max_size=5), st.integers(1, 50))
def test_frames_come_back_however_they_are_cut(
    frames: list[tuple[dict[str, bool | int | str | bytes], bytes]], size: int
) -> None:
    data = b"".join(write_frame(list(headers.items()), payload) for headers, payload in frames)
    splitter = FrameSplitter()
    read = [frame for at in range(0, len(data), size) for frame in splitter.feed(data[at : at + size])]
    assert [(dict(frame.headers), frame.payload) for frame in read] == frames
    assert splitter.pending == 0


def test_a_flipped_bit_anywhere_is_noticed_or_leaves_the_frame_unfinished() -> None:
    data = write_frame([(":event-type", "x")], b'{"a":1}')
    for at in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[at // 8] ^= 1 << at % 8
        with pytest.raises(BadFrame):
            FrameSplitter().feed(bytes(damaged))


def test_what_is_no_event_stream_is_refused_after_twelve_bytes() -> None:
    splitter = FrameSplitter()
    assert splitter.feed(b"<html><head") == []
    with pytest.raises(BadFrame, match="no Amazon event stream"):
        splitter.feed(b">")


@pytest.mark.parametrize(("total", "headers"), [(MAX_FRAME + 1, 0), (15, 0), (40, 25), (MAX_FRAME, 200_000)])
def test_lengths_beyond_the_limits_are_refused_before_anything_is_kept(total: int, headers: int) -> None:
    prelude = struct.pack(">II", total, headers)
    with pytest.raises(BadFrame, match="bytes"):
        FrameSplitter().feed(prelude + struct.pack(">I", zlib.crc32(prelude)))


def test_a_frame_that_would_be_too_long_is_not_written() -> None:
    with pytest.raises(BadFrame, match="at most"):
        write_frame([], bytes(MAX_FRAME))


def test_the_memory_of_a_long_stream_is_that_of_one_frame() -> None:
    splitter = FrameSplitter()
    data = write_frame([(":event-type", "x")], bytes(100))
    chance = random.Random(7)
    stream = data * 500
    at, longest = 0, 0
    while at < len(stream):
        size = chance.randint(1, 300)
        splitter.feed(stream[at : at + size])
        longest = max(longest, splitter.pending)
        at += size
    assert longest < len(data)
