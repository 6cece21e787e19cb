"""Streams that come as one JSON array instead of events: what `streamGenerateContent` sends without `alt=sse`."""

import re
from typing import Final

from segue.families.llm.sse import MAX_EVENT, EventTooLong

_OUTSIDE: Final = re.compile(rb'["{}]')
_INSIDE: Final = re.compile(rb'["\\]')


class ArraySplitter:
    """Splits an array that comes in pieces into its objects, without reading them."""

    __slots__ = ("_at", "_depth", "_quoted", "_start", "tail")

    def __init__(self) -> None:
        self.tail = bytearray()
        self._at = 0
        self._start = 0
        self._depth = 0
        self._quoted = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """The objects that this chunk completes.

        Raises:
            EventTooLong: an object does not end.
        """
        tail = self.tail
        tail += chunk
        objects: list[bytes] = []
        at = self._at
        while (found := (_INSIDE if self._quoted else _OUTSIDE).search(tail, at)) is not None:
            mark = tail[found.start()]
            at = found.end()
            if mark == 0x22:  # noqa: PLR2004 - a quotation mark
                self._quoted = not self._quoted and self._depth > 0
            elif mark == 0x5C:  # noqa: PLR2004 - a backslash: what follows is no end
                if at == len(tail):
                    at = found.start()  # look at it again when its second half has come
                    break
                at += 1
            elif mark == 0x7B:  # noqa: PLR2004 - an opening brace
                if self._depth == 0:
                    self._start = found.start()
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if self._depth == 0:
                    objects.append(bytes(tail[self._start : at]))
        else:
            at = len(tail)
        drop = self._start if self._depth else at
        del tail[:drop]
        self._at = at - drop
        self._start = 0
        if len(tail) > MAX_EVENT:
            raise EventTooLong(f"an event of more than {MAX_EVENT} bytes")
        return objects
