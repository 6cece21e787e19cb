"""How an answer begins: the status line and the server's own headers, which change only with the date."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE


class Openings:
    """Status lines with the server's own headers behind them, rendered once for every date."""

    __slots__ = ("_headers", "_rendered")

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._rendered: dict[int, bytes] = {}

    def of(self, status: int, headers: list[tuple[bytes, bytes]]) -> bytes:
        """How an answer of this status begins; uvicorn makes a new list of its headers each second."""
        if headers is not self._headers:
            self._headers = headers
            self._rendered = {}
        opening = self._rendered.get(status)
        if opening is None:
            lines = [b"%b: %b\r\n" % each for each in headers]
            opening = self._rendered[status] = b"".join([STATUS_LINE[status], *lines])
        return opening


OPENINGS = Openings()


def plain_answer(status: int, message: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    """A whole answer to what is no request, after which the connection is closed; with the server's own headers."""
    body = message.encode("ascii")
    head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
    return OPENINGS.of(status, headers) + head + body
