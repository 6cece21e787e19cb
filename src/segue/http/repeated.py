"""The head of a request that a connection has sent before, byte by byte, but for the length of its body.

A client that keeps its connection sends the same head again and again: method, path, key and its SDK's own headers. To
have it parsed anew, header by header, takes longer than anything else that is done for a request outside of the
pipeline. The same bytes mean the same, so a hot request whose head was parsed once is known by them. What differs in
any other byte, is not whole, or has another request behind it, goes the usual way through the parser.
"""

import re
from typing import Final, Self

from segue.http.direct import DirectExchange, Line
from segue.http.express import ExpressDoor

MOST_HEAD_BYTES: Final = 4096
"""A longer head is not remembered: a connection should not take much while it is idle."""

_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,10})[ \t]*\r\n", re.IGNORECASE)
_DIGITS: Final = 10
_END: Final = b"\r\n\r\n"
_NAME: Final = b"content-length"


class RepeatedHead:
    """A head, and what the parser made of it.

    Attributes:
        before, after: its bytes up to the digits of its length, and from there on.
    """

    __slots__ = ("_admitted", "_door", "_from", "_headers", "_method", "_path", "_query", "_serve", "after", "before")

    def __init__(self, before: bytes, after: bytes, exchange: DirectExchange, door: ExpressDoor | None) -> None:
        self.before = before
        self.after = after
        self._from = len(before)
        self._serve = exchange.serve
        self._method = exchange.method
        self._path = exchange.path
        self._query = exchange.query
        self._headers = exchange.headers
        self._door = door
        self._admitted = None if door is None else door.admitted(exchange)

    @classmethod
    def of(cls, data: bytes, exchange: DirectExchange, door: ExpressDoor | None = None) -> Self | None:
        """The head of a whole request that the parser has read and found to be kept alive; `None` for unusual ones.

        Args:
            data: the request as it came: its head, its body and nothing else.
            exchange: what the parser made of it.
            door: the express of its path, where it has one.
        """
        size = len(data) - len(exchange.taken)
        if size > MOST_HEAD_BYTES or exchange.repeated or data.find(_END) != size - len(_END):
            return None  # two requests in one piece are no head and a body
        if b"expect" in exchange.headers or b"transfer-encoding" in exchange.headers:
            return None
        head = data[:size]
        found = _LENGTH.search(head)
        if found is None or found[1] != exchange.headers.get(_NAME) or int(found[1]) != len(exchange.taken):
            return None
        return cls(head[: found.start(1)], head[found.end(1) :], exchange, door)

    def exchange(self, data: bytes, line: Line) -> DirectExchange | None:
        """The next request of the same connection, where `data` is one with this head and nothing else."""
        start = self._from
        after = self.after
        if not data.startswith(self.before):
            return None
        end = data.find(b"\r\n", start, start + _DIGITS + 2)
        digits = data[start:end]
        if not digits.isdigit() or not data.startswith(after, end):
            return None
        body = data[end + len(after) :]
        if len(body) != int(digits):
            return None
        headers = self._headers if digits == self._headers[_NAME] else {**self._headers, _NAME: digits}
        exchange = DirectExchange(line, self._serve, self._method, self._path, self._query, headers, keep_alive=True)
        exchange.taken = body
        exchange.more_body = False
        return exchange

    def express(self, exchange: DirectExchange) -> bool:
        """Send a request with this head the quick way; false where it must be served as any other."""
        admitted = self._admitted
        return admitted is not None and self._door is not None and self._door.take(exchange, admitted)
