"""One connection of the direct path: a request out, an answer in, and what must hold before it is used again.

Two callers share a connection one after the other, so the worst mistake is to take bytes of one answer for the next
one. So a connection is used again only when its answer ended exactly where the bytes ended.
"""

import asyncio
import select
import ssl
from collections.abc import Callable
from typing import Protocol, cast

from segue.backends.transport.direct_decoding import Decoder
from segue.backends.transport.direct_head import Unacceptable
from segue.backends.transport.direct_known import KnownHead
from segue.backends.transport.direct_parsing import AnswerParser
from segue.backends.transport.direct_response import DirectResponse
from segue.backends.transport.failures import classify_body, closed_before_answer, not_http
from segue.core.express import Told
from segue.core.failure import Executed, Failure, Kind
from segue.core.ports import TransportError

_AT_ONCE = 256 * 1024  # a request up to this size is written in one piece
_PIECE = 64 * 1024  # bytes of a larger one that are written at a time, when the last ones have gone
MOST_LEARNT = 8
"""Heads of a connection that are remembered, one at a time: a server that writes ever new ones gains nothing."""

_USUAL_STATUS = 200
_REFUSING = 300  # statuses from which on a server wants no more of a request


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


class Connection(AnswerParser):
    """One connection to a server.

    Attributes:
        heard: whether any byte came since the last request was written.
        idle_since: when it was freed, on the pool's clock; kept by the pool.
    """

    __slots__ = (
        "_eof",
        "_gone",
        "_head",
        "_known",
        "_large",
        "_learnt",
        "_owner",
        "_paused",
        "_poll",
        "_told",
        "_transport",
        "_unsent",
        "_waiting",
        "_write_paused",
        "idle_since",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner) -> None:
        super().__init__(loop)
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._poll: Callable[[int], object] | None = None
        self._gone = False
        self._eof = False
        self._paused = False
        self._write_paused = False
        self._unsent: memoryview | None = None
        self._large = False
        self._head: asyncio.Future[DirectResponse | Failure] | None = None
        self._known: KnownHead | None = None
        self._learnt = 0  # whole answers that a head was or could have been learnt from
        self._told: Told | None = None  # in place of somebody who waits for the head
        self._waiting = False  # for an answer or for more of it
        self.idle_since = 0.0

    # What the pool and the transport do with it

    @property
    def standing(self) -> bool:
        """Whether it is open as far as anybody knows."""
        return not self._gone and self._transport is not None and not self._transport.is_closing()

    def usable(self) -> bool:
        """Whether it can carry another request: it stands, and the server has said nothing unasked, not even goodbye.

        The socket itself is asked, too: what has come since the event loop last looked is not known to anybody yet.
        """
        transport = self._transport
        if self._waiting or self._gone or transport is None or transport.is_closing():  # `standing`, without the call
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
        transport = self._transport
        if self._gone or transport is None or transport.is_closing():  # as above
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

    def begin(self, head: bytes, body: bytes, told: Told) -> None:
        """Send a request whose answer nobody waits for: `told` hears of it. It must have been found `usable`."""
        self._reset(bodiless=False)
        self._waiting = True
        self._told = told
        self._send(head, body)

    def give_up(self) -> None:
        """Close at once, and tell nobody."""
        self._told = None
        self.abandon()

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
        first, self.heard = not self.heard, True
        if first and self._known is not None and not self._bodiless:
            read = self._known.read(data)
            if read is not None:
                self._learnt = 1  # it writes the same again and again, whatever a single answer is like
                self._take(*read)
                return
            if self._learnt > MOST_LEARNT:
                self._known = None  # this server writes another head every time
        if not self._feed(data):
            self._refuse()
        elif self._done:
            if first and self._learnt <= MOST_LEARNT:
                self._learn(data)
            self._finish()
        elif (response := self._response) is not None:
            if self._told is not None and not response.soon_whole:
                told, self._told = self._told, None
                told.answered(response)
            response.arrived()
            if response.stopping and not self._paused and not self._gone and self._transport is not None:
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

    # Inside

    def _take(self, headers: dict[str, str], body: bytes) -> None:
        """A whole answer, as the parser would have told of it."""
        self._prefix = self._headers = None
        self._reusable = True
        try:
            self._answered(_USUAL_STATUS, headers, len(body), None)
        except Unacceptable:
            self._refuse()
            return
        self._done = True
        response = self._response
        if response is not None and body:
            response.pieces.append(body)
            response.size = len(body)
        self._finish()

    def _learn(self, data: bytes) -> None:
        """Remember the head of a whole answer that came in one piece."""
        response = self._response
        if response is None or response.status != _USUAL_STATUS or not self._reusable or self._bodiless:
            return
        if response.packed or self._interim:
            return
        self._learnt += 1
        if self._learnt == 1:
            return  # many connections carry no second one
        self._known = KnownHead.of(data, response.headers.copy()) or self._known

    def _finish(self) -> None:
        """The answer has ended. The connection is free at once, the answer's reader has what it needs."""
        response, self._response = self._response, None
        self._waiting = False
        if response is not None:
            response.complete()
        told, self._told = self._told, None
        if self._fit():
            self._owner.freed(self)
        else:
            self.abandon()
        if told is not None and response is not None:
            told.answered(response)

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
        told, self._told = self._told, None
        if told is None:
            return
        if response is not None:
            told.answered(response)
        else:
            told.failed(self._failure or closed_before_answer())

    def _answered(self, status: int, headers: dict[str, str], length: int | None, decoder: Decoder | None) -> None:
        response = DirectResponse(self, self._loop, status, headers, length=length, decoder=decoder)
        self._response = response
        if self._unsent is not None and status >= _REFUSING:
            self._unsent = None  # it has decided without the rest; RFC 9110 section 10.1.1
            self._reusable = False
        if self._told is not None:
            return  # it is told when all has come, or when that takes longer
        head, self._head = self._head, None
        if head is None or head.done():
            raise Unacceptable  # who asked was cancelled in this very moment
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
