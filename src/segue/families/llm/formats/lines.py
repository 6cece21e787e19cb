"""Lines of JSON out of chunks that end anywhere.

Ollama and Yandex stream neither server-sent events nor frames, but one JSON object in a line after the other.
"""

from typing import Final

MAX_LINE: Final = 16 * 1024 * 1024
"""Bytes of one line that are kept while its end has not come."""


class LineTooLong(ValueError):
    """A line beyond `MAX_LINE` bytes: no provider sends that on purpose."""


class LineSplitter:
    """Splits a byte stream into lines without their endings; blank lines are left out."""

    __slots__ = ("_searched", "_tail")

    def __init__(self) -> None:
        self._tail = bytearray()
        self._searched = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes.

        Raises:
            LineTooLong: a line does not end.
        """
        tail = self._tail
        if not tail and chunk.endswith(b"\n"):
            return [line for line in (part.strip() for part in chunk.split(b"\n")) if line]
        tail += chunk  # in place: a long line in small pieces must not be copied for each of them
        end = tail.rfind(b"\n", self._searched)
        if end < 0:
            self._searched = len(tail)
            if len(tail) > MAX_LINE:
                raise LineTooLong(f"a line of more than {MAX_LINE} bytes")
            return []
        whole = bytes(tail[:end])
        del tail[: end + 1]
        self._searched = len(tail)
        return [line for line in (part.strip() for part in whole.split(b"\n")) if line]

    def rest(self) -> bytes:
        """What has come of a last line without an ending."""
        return bytes(self._tail).strip()
