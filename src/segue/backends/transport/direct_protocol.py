"""One connection of the direct path: a request out, an answer in, and what must hold before it is used again.

Two callers share a connection one after the other, so the worst mistake is to take bytes of one answer for the next
one. httptools (llhttp, without its leniencies) refuses what proxies and servers read differently: two lengths, a
length beside `transfer-encoding`, a bare CR or LF, a folded header. What it lets pass and we do not, stands here; and a
connection is used again only when its answer ended exactly where the bytes ended.
"""

import asyncio
import select
import ssl
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from segue.backends.transport.direct_decoding import Decoder, DecodingError
from segue.backends.transport.direct_response import DirectResponse, undecodable
from segue.backends.transport.failures import classify_body, closed_before_answer, not_http
from segue.core.failure import Executed, Failure, Kind
from segue.core.ports import TransportError

MOST_HEADER_BYTES = 64 * 1024
"""Bytes of all headers of one answer, interim ones included; also bytes between two bytes of a body."""

MOST_HEADERS = 200
"""Headers of one answer."""

_MOST_INTERIM = 32  # 100 Continue, 103 Early Hints: each may come once or twice, not for ever
_AT_ONCE = 256 * 1024  # a request up to this size is written in one piece
_PIECE = 64 * 1024  # bytes of a larger one that are written at a time, when the last ones have gone
_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0")  # llhttp knows RTSP, HTTP/0.9 and 2.0, too
_FINAL, _REFUSING, _NO_CONTENT, _NOT_MODIFIED = 200, 300, 204, 304  # statuses
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")
_PLAIN_CODINGS = frozenset({"", "identity"})


class Owner(Protocol):
    """The pool that a connection belongs to."""

    def freed(self, connection: "Connection") -> None:
        """It has carried an answer to its end and can carry another."""
        ...

    def gone(self, connection: "Connection") -> None:
        """It is of no more use; called once."""
        ...

    def ended(self, connection: "Connection") -> None:
        """Its socket is closed; called once, after `gone`."""
        ...


class _Unacceptable(Exception):
    """Something that httptools accepts and we do not."""


class Connection(asyncio.Protocol):
    """One connection to a server.

    Attributes:
        heard: whether any byte came since the last request was written.
        idle_since: when it was freed, on the pool's clock; kept by the pool.
    """

    __slots__ = (
        "_bodiless",
        "_chatter",
        "_done",
        "_eof",
        "_failure",
        "_gone",
        "_head",
        "_headers",
        "_interim",
        "_large",
        "_loop",
        "_owner",
        "_parser",
        "_paused",
        "_poll",
        "_prefix",
        "_response",
        "_reusable",
        "_transport",
        "_unsent",
        "_until_close",
        "_waiting",
        "_write_paused",
        "heard",
        "idle_since",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner) -> None:
        self._loop = loop
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._poll: Callable[[int], object] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._gone = False
        self._eof = False
        self._paused = False
        self._write_paused = False
        self._unsent: memoryview | None = None
        self._large = False
        self._head: asyncio.Future[DirectResponse | Failure] | None = None
        self._waiting = False  # for an answer or for more of it
        self._reset(bodiless=False)
        self.idle_since = 0.0

    def _reset(self, *, bodiless: bool) -> None:
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

    # What the pool and the transport do with it

    @property
    def standing(self) -> bool:
        """Whether it is open as far as anybody knows."""
        return not self._gone and self._transport is not None and not self._transport.is_closing()

    def usable(self) -> bool:
        """Whether it can carry another request: it stands, and the server has said nothing unasked, not even goodbye.

        The socket itself is asked, too: what has come since the event loop last looked is not known to anybody yet.
        """
        if self._waiting or not self.standing:
            return False
        return self._poll is None or not self._poll(0)

    async def exchange(self, head: bytes, body: bytes, *, bodiless: bool) -> DirectResponse:
        """Send a request and come back with the headers of its answer.

        Args:
            head: request line and headers, with the empty line.
            body: what follows.
            bodiless: whether the answer has no body whatever its headers say: the method is HEAD.

        Raises:
            TransportError: the connection was cut first (`heard` tells whether any byte came), or what came is no
                HTTP. The connection is closed.
        """
        if not self.standing:
            raise TransportError(closed_before_answer().with_(executed=Executed.NO))
        self._reset(bodiless=bodiless)
        self._waiting = True
        waiter: asyncio.Future[DirectResponse | Failure] = self._loop.create_future()
        self._head = waiter
        self._send(head, body)
        try:
            answer = await waiter
        except BaseException:
            # By now the answer may have come and the connection may be another caller's.
            if self._head is waiter:
                self.abandon()
            elif not waiter.cancelled() and isinstance(answer := waiter.result(), DirectResponse):
                answer.close()
            raise
        if isinstance(answer, Failure):
            raise TransportError(answer)
        return answer

    def abandon(self) -> None:
        """Close at once; who waits for an answer learns that it was cut. Safe to call twice."""
        if self._gone:
            return
        self._gone = True
        self._waiting = False
        self._unsent = None
        self._poll = None
        if self._transport is not None:
            self._transport.abort()
        self._owner.gone(self)
        if not self._done:
            self._fail()

    def resume(self) -> None:
        """Read on, if reading was stopped because too much waited."""
        if self._paused:
            self._paused = False
            if self._transport is not None and not self._gone:
                self._transport.resume_reading()

    # What the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It stands, TLS included."""
        self._transport = cast("asyncio.Transport", transport)
        plug = transport.get_extra_info("socket")
        if plug is not None and hasattr(select, "poll"):
            poll = select.poll()
            poll.register(plug.fileno(), select.POLLIN)
            self._poll = poll.poll
        if self._gone:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; without a request they mean that the two sides are out of step."""
        if not self._waiting:
            self.abandon()
            return
        self.heard = True
        if self._prefix is not None:
            data = self._opening(data)
            if not data:
                return
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpResponseParser(self)
        self._chatter += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._done:
                self._refuse()
                return
            self._reusable = False
        if self._done:
            self._finish()
        elif self._chatter > MOST_HEADER_BYTES:
            self._refuse()
        elif self._response is not None:
            self._response.arrived()
            if self._response.stopping and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()

    def eof_received(self) -> None:
        """The server will say no more."""
        self._eof = True
        if self._waiting and self._until_close and not self._done and self._said_goodbye():
            self._done = True
            self._finish()
        else:
            self.abandon()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - all reasons mean the same here
        """The socket is closed."""
        self.abandon()
        self._transport = None
        self._parser = None
        self._owner.ended(self)

    def pause_writing(self) -> None:
        """The server reads more slowly than we write."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """What was written has gone."""
        self._write_paused = False
        self._send_more()

    # What the parser tells

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, which nobody needs."""
        if self._headers is not None:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """An interim answer is passed over, the final one goes to who sent the request."""
        parser = self._parser
        if self._done or parser is None:
            raise _Unacceptable
        status = parser.get_status_code()
        if status < _FINAL:
            self._pass_over(status)
            return
        raw, self._headers = self._headers or [], None
        headers = _plain(raw)
        response = self._frame(status, headers, keep_alive=parser.should_keep_alive())
        if self._unsent is not None and status >= _REFUSING:
            self._unsent = None  # it has decided without the rest; RFC 9110 section 10.1.1
            self._reusable = False
        self._answer(response)

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        response = self._response
        if response is None or self._done:
            raise _Unacceptable
        response.pieces.append(body)
        response.size += len(body)
        self._chatter = 0

    def on_message_begin(self) -> None:
        """Another answer begins: fine after an interim one."""
        if self._done:
            raise _Unacceptable

    def on_message_complete(self) -> None:
        """The last byte of an answer, interim or final."""
        if self._response is not None:
            self._done = True

    # Inside

    def _opening(self, data: bytes) -> bytes:
        """The first bytes, once they are known to begin an HTTP/1 answer; `b""` while too few have come."""
        if self._prefix:
            data = self._prefix + data
        if data.startswith(_VERSIONS):
            self._prefix = None
            return data
        if any(version.startswith(data) for version in _VERSIONS):
            self._prefix = data
        else:
            self._refuse()
        return b""

    def _pass_over(self, status: int) -> None:
        self._interim += 1
        if status < 100 or self._interim > _MOST_INTERIM:  # noqa: PLR2004 - HTTP's lowest
            raise _Unacceptable
        self._headers = []

    def _frame(self, status: int, headers: dict[str, str], *, keep_alive: bool) -> DirectResponse:
        """Decide where the body ends, how it is packed, and whether the connection may be used again."""
        bodiless = self._bodiless or status in {_NO_CONTENT, _NOT_MODIFIED}
        coding = headers.get("transfer-encoding")
        length = headers.get("content-length")
        if coding is not None and not bodiless:
            parser = self._parser
            if coding.lower() != "chunked" or parser is None or parser.get_http_version() != "1.1":
                raise _Unacceptable
        self._until_close = not bodiless and coding is None and length is None
        self._reusable = keep_alive
        decoder = None
        if "content-encoding" in headers and not bodiless:
            decoder = self._decoder(headers)
        response = self._response = DirectResponse(
            self,
            self._loop,
            status,
            headers,
            length=None if length is None or bodiless else int(length),
            decoder=decoder,
        )
        if self._bodiless:
            self._done = True
            self._parser = None  # it would go on to wait for the body that the headers speak of
        return response

    def _decoder(self, headers: dict[str, str]) -> Decoder | None:
        coding = headers["content-encoding"].strip().lower()
        if coding in _PLAIN_CODINGS:
            return None
        try:
            decoder = Decoder(coding)
        except DecodingError:
            self._failure = undecodable()
            raise
        for name in _OF_THE_WIRE:
            headers.pop(name, None)
        return decoder

    def _finish(self) -> None:
        """The answer has ended. The connection is free at once, the answer's reader has what it needs."""
        response, self._response = self._response, None
        self._waiting = False
        if response is not None:
            response.complete()
        if self._fit():
            self._owner.freed(self)
        else:
            self.abandon()

    def _said_goodbye(self) -> bool:
        """Whether the end is the server's own: over TLS anybody on the way can close, but not send `close_notify`."""
        secure = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        if secure is None:
            return True
        try:
            return not secure.read(1)  # uvloop does not call us without it, asyncio does
        except ssl.SSLError as error:
            return isinstance(error, ssl.SSLZeroReturnError)

    def _fit(self) -> bool:
        transport = self._transport
        if not self._reusable or self._eof or self._unsent is not None or self._paused or transport is None:
            return False
        return not transport.is_closing() and not (self._large and transport.get_write_buffer_size())

    def _refuse(self) -> None:
        """What came is no HTTP, or more than there may be."""
        if self._failure is None:
            self._failure = not_http()
        self.abandon()

    def _fail(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            cut = classify_body(ConnectionResetError(), Kind.CONNECTION_LOST)
            response.fail(self._failure or cut)
        head, self._head = self._head, None
        if head is not None and not head.done():
            head.set_result(self._failure or closed_before_answer())

    def _answer(self, response: DirectResponse) -> None:
        head, self._head = self._head, None
        if head is None or head.done():
            raise _Unacceptable  # who asked was cancelled in this very moment
        head.set_result(response)

    def _send(self, head: bytes, body: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        self._large = len(body) > _AT_ONCE
        if not self._large:
            transport.write(head + body if body else head)
            return
        transport.write(head)
        self._unsent = memoryview(body)
        self._send_more()

    def _send_more(self) -> None:
        while self._unsent is not None and not self._write_paused and self._transport is not None:
            piece, rest = self._unsent[:_PIECE], self._unsent[_PIECE:]
            self._unsent = rest if len(rest) else None
            self._transport.write(piece)


def _plain(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    if len(raw) > MOST_HEADERS:
        raise _Unacceptable
    headers: dict[str, str] = {}
    size = 0
    for name, value in raw:
        size += len(name) + len(value)
        lower = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        headers[lower] = f"{headers[lower]}, {text}" if lower in headers else text
    if size > MOST_HEADER_BYTES:
        raise _Unacceptable
    return headers
