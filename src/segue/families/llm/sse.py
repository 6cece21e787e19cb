"""Server-sent events out of chunks that end anywhere.

A network cuts a stream where it likes: in the middle of an event, of a line ending, of a character. This splitter
keeps what is incomplete and gives out whole events only, so that nobody above ever sees (or sends on) half of one.
Format: WHATWG HTML, section 9.2, "Server-sent events".
"""

import re
from typing import Final

# An event ends at an empty line; lines end with LF, CR LF or CR.
_EVENT_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n")
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
        self.tail = b""
        self._searched = 0
        self._started = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that this chunk completes.

        Raises:
            EventTooLong: an event does not end.
        """
        data = self.tail + chunk if self.tail else chunk
        if not self._started:
            if len(data) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(data):
                self.tail = data
                return []
            self._started = True
            data = data.removeprefix(_BYTE_ORDER_MARK)
        events: list[bytes] = []
        start = 0
        # What was searched before need not be searched again, but an ending may have begun in its last three bytes.
        search_from = max(0, self._searched - 3)
        while (found := _EVENT_END.search(data, search_from)) is not None:
            # CR LF CR may be the beginning of CR LF CR LF: the pattern prefers the longest at one place, and a lone
            # CR at the end of the data is left for the next chunk to decide.
            end = found.end()
            events.append(data[start:end])
            start = search_from = end
        self.tail = data[start:]
        self._searched = len(self.tail)
        if len(self.tail) > MAX_EVENT:
            raise EventTooLong(f"an event of more than {MAX_EVENT} bytes")
        return events


def data_of(event: bytes) -> bytes:
    """The data of one event: its `data` lines joined by line feeds; `b""` for comments and bare names."""
    if event.startswith(b"data: ") and event.endswith(b"\n\n") and event.find(b"\n") == len(event) - 2:
        return event[6:-2].rstrip(b"\r")
    lines = []
    for line in _LINE_END.split(event):
        name, _, value = line.partition(b":")
        if name == b"data":
            lines.append(value.removeprefix(b" "))
    return b"\n".join(lines)
