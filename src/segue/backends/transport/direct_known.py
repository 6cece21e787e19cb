"""The head of an answer that is the one before but for its date, its length and its ids.

A server writes the same headers into every answer, twenty of them and more at large vendors. To have each read and
checked by the parser takes longer than to send the request. So a connection remembers the lines of the last head that
the parser has read, and of the next one only the lines that differ are looked at. Everything else, and everything of
which there is any doubt (another status, another number of lines, a line that frames the body, a body that is not
exactly there), goes to the parser, which has seen none of it then.
"""

import re
from typing import Final, Self

MOST_KNOWN: Final = 4096
"""Bytes of a head that is remembered: a connection should not take much while it is idle."""

_END: Final = b"\r\n\r\n"
_LENGTH: Final = "content-length"
_FRAMING: Final = frozenset(
    {"connection", "content-encoding", "keep-alive", "trailer", "transfer-encoding", "upgrade", "proxy-connection"}
)
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
_VALUE: Final = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_LONGEST_NUMBER: Final = 10


class KnownHead:
    """The lines of a head, and what the parser made of them."""

    __slots__ = ("_headers", "_lines", "_names")

    def __init__(self, lines: list[bytes], names: list[str], headers: dict[str, str]) -> None:
        self._lines = lines
        self._names = names
        self._headers = headers

    @classmethod
    def of(cls, data: bytes, headers: dict[str, str]) -> Self | None:
        """The head of a whole answer that the parser has read out of one piece; `None` for unusual ones.

        Args:
            data: the answer as it came: its head, its body and nothing else.
            headers: what the parser made of it. It was one with status 200, a length, and a connection that stays.
        """
        end = data.find(_END, 0, MOST_KNOWN)
        if end < 0 or _LENGTH not in headers or "transfer-encoding" in headers:
            return None
        lines = data[:end].split(b"\r\n")
        names = [""]  # the status line has none, and must not differ
        for line in lines[1:]:
            header = _HEADER.fullmatch(line)
            if header is None:
                return None
            names.append(header[1].decode("ascii").lower())
        if len(set(names)) != len(names) or headers.keys() != set(names[1:]):
            return None
        return cls(lines, names, headers)

    def read(self, data: bytes) -> tuple[dict[str, str], bytes] | None:
        """The headers and the body of an answer with nearly this head; `None` where it must be parsed."""
        end = data.find(_END, 0, MOST_KNOWN)
        if end < 0:
            return None
        lines = data[:end].split(b"\r\n")
        known = self._lines
        if len(lines) != len(known):
            return None
        body = data[end + 4 :]
        headers = self._headers
        if lines != known:
            headers = headers.copy()
            for number, line in enumerate(lines):
                if line != known[number] and not self._differs(number, line, headers):
                    return None
        if len(body) != int(headers[_LENGTH]):
            return None
        return headers if headers is not self._headers else headers.copy(), body

    def _differs(self, number: int, line: bytes, headers: dict[str, str]) -> bool:
        """Note what another value this line has; false where that must be left to the parser."""
        name = self._names[number]
        start = len(name) + 2
        if not number or line[:start] != self._lines[number][:start] or name in _FRAMING:
            return False
        value = line[start:]
        if name == _LENGTH:
            if not value.isdigit() or len(value) > _LONGEST_NUMBER or (value[:1] == b"0" and len(value) > 1):
                return False
        elif _VALUE.fullmatch(value) is None:
            return False
        headers[name] = value.decode("ascii")
        return True
