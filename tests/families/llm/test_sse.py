"""Events come out whole and the same, wherever the network cut them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.llm.support import cut_at
from segue.families.llm import sse
from segue.families.llm.sse import EventSplitter, EventTooLong, data_of, is_plain, read_event


def split(pieces) -> tuple[list[bytes], bytes]:
    splitter = EventSplitter()
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return events, bytes(splitter.tail)


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\n\r\n", b"\r\n\n"])
def test_an_event_ends_at_an_empty_line_however_lines_end(end: bytes) -> None:
    assert split([b"data: 1" + end + b"data: 2" + end]) == ([b"data: 1" + end, b"data: 2" + end], b"")


def test_carriage_returns_alone_end_lines_too_once_it_is_known_that_no_line_feed_follows() -> None:
    assert split([b"data: 1\r\rdata: 2\r\r", b"data: 3"]) == ([b"data: 1\r\r", b"data: 2\r\r"], b"data: 3")


def test_a_carriage_return_and_its_line_feed_are_one_ending_though_the_network_parts_them() -> None:
    assert split([b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\n"]) == ([b"data: 1\r\ndata: 2\r\n\r\n"], b"")


def test_one_line_ending_ends_no_event() -> None:
    for ending in (b"\n", b"\r\n", b"\r"):
        assert split([b"data: 1" + ending, b"data: 2"])[0] == []


def test_a_byte_order_mark_is_dropped_only_at_the_very_beginning() -> None:
    mark = b"\xef\xbb\xbf"
    stream = mark + b"data: 1\n\n" + mark + b"data: 2\n\n"
    for place in range(len(stream)):
        assert split(cut_at(stream, [place]))[0] == [b"data: 1\n\n", mark + b"data: 2\n\n"]


def test_what_is_incomplete_is_kept_and_nothing_of_it_given_out() -> None:
    assert split([b"data: 1\n\ndata: 2"]) == ([b"data: 1\n\n"], b"data: 2")


def test_an_event_without_end_is_given_up_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 1000)
    splitter = EventSplitter()
    for _ in range(1000):
        splitter.feed(b"x")
    with pytest.raises(EventTooLong, match="1000 bytes"):
        splitter.feed(b"x")


@given(
    st.lists(
        st.sampled_from([b"data: 1", b"\n", b"\r", b"\r\n", b":", b"x", b"\n\n", b"\xef\xbb\xbf", b"\xef"]), max_size=30
    ),
    st.lists(st.integers(0, 80), max_size=8),
)
def test_where_the_bytes_are_cut_changes_nothing(parts: list[bytes], places: list[int]) -> None:
    stream = b"".join(parts)
    whole = split([stream])
    assert split(cut_at(stream, [min(place, len(stream)) for place in places])) == whole
    assert split([stream[place : place + 1] for place in range(len(stream))]) == whole


@pytest.mark.parametrize(
    ("event", "name", "data"),
    [
        (b"data: {}\n\n", b"", b"{}"),
        (b"data:{}\n\n", b"", b"{}"),
        (b"data: {}\r\n\r\n", b"", b"{}"),
        (b"data: {}\r\r", b"", b"{}"),
        (b"data:  two spaces\n\n", b"", b" two spaces"),
        (b"data: a\ndata: b\n\n", b"", b"a\nb"),
        (b": a comment\n\n", b"", b""),
        (b": a comment\ndata: x\n\n", b"", b"x"),
        (b"event: error\ndata: x\n\n", b"error", b"x"),
        (b"data: x\r\nevent:error\r\n\r\n", b"error", b"x"),
        (b"id: 7\nretry: 5\n\n", b"", b""),
        (b"data\n\n", b"", b""),
        (b"\n\n", b"", b""),
    ],
)
def test_name_and_data_of_an_event_are_read_as_the_standard_has_it(event: bytes, name: bytes, data: bytes) -> None:
    assert read_event(event) == (name, data)
    assert data_of(event) == data


def test_only_one_line_of_data_counts_as_plain() -> None:
    assert is_plain(b"data: {}\n\n")
    for other in (b"data:{}\n\n", b"data: {}\r\n\r\n", b"data: a\ndata: b\n\n", b": c\ndata: x\n\n", b"data: a\rb\n\n"):
        assert not is_plain(other), other
