"""Server-sent events out of chunks that end anywhere.

A network cuts a stream where it likes: in the middle of an event, of a line ending, of a character. This splitter
keeps what is incomplete and gives out whole events only, so that nobody above ever sees (or sends on) half of one.
What it gives out depends on the bytes alone, never on where they were cut.
Format: WHATWG HTML, section 9.2, "Server-sent events".
"""

import re
from typing import Final

# An event ends at an empty line; lines end with LF, CR LF or CR. The groups are atomic: CR LF is never two endings.
_EVENT_END: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LONGEST_END: Final = 4
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

MAX_EVENT: Final = 16 * 1024 * 1024
"""Bytes of one event that are kept while its end has not come."""


class EventTooLong(ValueError):
    """An event beyond `MAX_EVENT` bytes: no provider sends that on purpose."""


class EventSplitter:
    """Splits a byte stream into whole events, terminators included."""

    __slots__ = ("_searched", "_started", "tail")

    def __init__(self) -> None:
        self.tail = bytearray()
        self._searched = 0
        self._started = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that this chunk completes.

        Raises:
            EventTooLong: an event does not end.
        """
        tail = self.tail
        if not tail and self._started and chunk.endswith(b"\n\n") and b"\r" not in chunk and b"\n\n\n" not in chunk:
            return _plain(chunk)
        tail += chunk  # in place: a long event in small pieces must not be copied for each of them
        if not self._started:
            if len(tail) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(tail):
                return []
            self._started = True
            if tail.startswith(_BYTE_ORDER_MARK):
                del tail[: len(_BYTE_ORDER_MARK)]
        events: list[bytes] = []
        start = 0
        # What was searched before need not be searched again, but an ending may have begun in its last bytes.
        search_from = max(0, self._searched - _LONGEST_END + 1)
        while (found := _EVENT_END.search(tail, search_from)) is not None:
            end = found.end()
            if end == len(tail) and tail.endswith(b"\r"):
                break  # perhaps the first half of CR LF: the next chunk decides
            events.append(bytes(tail[start:end]))
            start = search_from = end
        del tail[:start]
        self._searched = len(tail)
        if len(tail) > MAX_EVENT:
            raise EventTooLong(f"an event of more than {MAX_EVENT} bytes")
        return events


def data_of(event: bytes) -> bytes:
    """The data of one event: its `data` lines joined by line feeds; `b""` for comments and bare names."""
    return event[6:-2] if is_plain(event) else read_event(event)[1]


def is_plain(event: bytes) -> bool:
    """Whether an event is `data: …` on one line and nothing more, as nearly all are."""
    return event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2 and b"\r" not in event


def read_event(event: bytes) -> tuple[bytes, bytes]:
    """The name (`b""` for the usual event without one) and the data of one event."""
    name = b""
    lines = []
    for line in _LINE_END.split(event):
        field, _, value = line.partition(b":")
        if field == b"data":
            lines.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return name, b"\n".join(lines)


def one_line(document: bytes) -> bytes:
    """JSON on one line: vendors write some of theirs on several, and a line's end would be the end of the data.

    Inside of a text it would be escaped, so it only ever stands between two tokens, where a space means the same.
    """
    if b"\n" in document or b"\r" in document:
        return document.replace(b"\r", b" ").replace(b"\n", b" ")
    return document


def _plain(chunk: bytes) -> list[bytes]:
    """The events of a chunk that ends with one, without odd line ends: the usual case, and fast."""
    if chunk.find(b"\n\n") == len(chunk) - 2:
        return [chunk]
    return [event + b"\n\n" for event in chunk[:-2].split(b"\n\n")]
