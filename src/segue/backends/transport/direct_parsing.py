"""Answers out of bytes: httptools reads them, and what must hold besides is looked at here.

httptools (llhttp, without its leniencies) refuses what proxies and servers read differently: two lengths, a length
beside `transfer-encoding`, a bare CR or LF, a folded header. What it lets pass and we do not is refused here and in
`direct_head`.
"""

import asyncio

import httptools

from segue.backends.transport.direct_decoding import Decoder, DecodingError
from segue.backends.transport.direct_head import (
    MOST_HEADER_BYTES,
    Unacceptable,
    begins_answer,
    decoder_of,
    plain_headers,
)
from segue.backends.transport.direct_response import DirectResponse
from segue.backends.transport.failures import undecodable
from segue.core.failure import Failure

_USUAL = b"HTTP/1.1"
_MOST_INTERIM = 32  # 100 Continue, 103 Early Hints: each may come once or twice, not for ever
_FINAL, _NO_CONTENT, _NOT_MODIFIED = 200, 204, 304  # statuses


class AnswerParser(asyncio.Protocol):
    """The half of a connection that reads.

    Attributes:
        heard: whether any byte came since the last request was written.
    """

    __slots__ = (
        "_bodiless",
        "_chatter",
        "_done",
        "_failure",
        "_headers",
        "_interim",
        "_loop",
        "_parser",
        "_prefix",
        "_response",
        "_reusable",
        "_until_close",
        "heard",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser: httptools.HttpResponseParser | None = None
        self._reset(bodiless=False)

    def _reset(self, *, bodiless: bool) -> None:
        """Begin to wait for an answer; `bodiless` when it has no body whatever its headers say."""
        self._bodiless = bodiless
        self._response: DirectResponse | None = None
        self._failure: Failure | None = None
        self._headers: list[tuple[bytes, bytes]] | None = []
        self._prefix: bytes | None = b""
        self._chatter = 0
        self._interim = 0
        self._done = False
        self._reusable = False
        self._until_close = False
        self.heard = False

    def _feed(self, data: bytes) -> bool:
        """Read on; false when what came is no HTTP, or more than there may be."""
        if self._prefix is not None:
            if self._prefix or not data.startswith(_USUAL):  # nearly always the first bytes tell
                data = self._prefix + data
                begins = begins_answer(data)
                if not begins:
                    self._prefix = data
                    return begins is None
            self._prefix = None
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpResponseParser(self)
        self._chatter += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._reusable = False
            return self._done
        return self._done or self._chatter <= MOST_HEADER_BYTES

    def _answered(self, status: int, headers: dict[str, str], length: int | None, decoder: Decoder | None) -> None:
        """The head of the answer has come."""
        raise NotImplementedError

    # What httptools tells

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody needs."""
        if self._headers is not None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """An interim answer is passed over, the final one goes to who sent the request."""
        parser = self._parser
        if self._done or parser is None:
            raise Unacceptable
        status = parser.get_status_code()
        if status < _FINAL:
            self._pass_over(status)
            return
        raw, self._headers = self._headers or [], None
        headers = plain_headers(raw)
        length, decoder = self._frame(status, headers, keep_alive=parser.should_keep_alive())
        self._answered(status, headers, length, decoder)

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        response = self._response
        if response is None or self._done:
            raise Unacceptable
        response.pieces.append(body)
        response.size += len(body)
        self._chatter = 0

    def on_message_begin(self) -> None:
        """Another answer begins: fine after an interim one."""
        if self._done:
            raise Unacceptable

    def on_message_complete(self) -> None:
        """The last byte of an answer, interim or final."""
        if self._response is not None:
            self._done = True

    # Inside

    def _pass_over(self, status: int) -> None:
        self._interim += 1
        if status < 100 or self._interim > _MOST_INTERIM:  # noqa: PLR2004 - HTTP's lowest
            raise Unacceptable
        self._headers = []

    def _frame(self, status: int, headers: dict[str, str], *, keep_alive: bool) -> tuple[int | None, Decoder | None]:
        """Decide where the body ends, how it is packed, and whether the connection may be used again."""
        bodiless = self._bodiless or status in {_NO_CONTENT, _NOT_MODIFIED}
        coding = headers.get("transfer-encoding")
        length = headers.get("content-length")
        if coding is not None and not bodiless:
            parser = self._parser
            if coding.lower() != "chunked" or parser is None or parser.get_http_version() != "1.1":
                raise Unacceptable
        self._until_close = not bodiless and coding is None and length is None
        self._reusable = keep_alive
        decoder = None
        if "content-encoding" in headers and not bodiless:
            try:
                decoder = decoder_of(headers)
            except DecodingError:
                self._failure = undecodable()
                raise
        if self._bodiless:
            self._done = True
            self._parser = None  # it would go on to wait for the body that the headers speak of
        return (None if length is None or bodiless else int(length)), decoder
