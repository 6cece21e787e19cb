"""The shortest way from a client's socket to a surface: for hot requests uvicorn's protocol without ASGI in between.

ASGI costs a hot request a scope of fourteen entries, four messages, a task that waits for a hang-up, and two regular
expressions for each header: about as much as all of Segue's own work. So requests for hot paths are taken off here,
whole, and answered with one write. Everything else (parsing, keep-alive, pipelining, stopping, other paths) stays
uvicorn's; under another ASGI server `Application` serves the same surfaces by ASGI.

It builds on uvicorn's own classes beyond its documented interface; `tests/http/test_protocol.py` fails where a new
version of uvicorn moves what is used.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Self

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from segue.core.errors import RequestInvalid
from segue.http.exchange import JSON, ClientGone, Exchange, Headers, too_large

REQUEST_SECONDS = 60.0
"""How long the body of a request may take to come in whole: a drip must not hold a connection for ever."""

READ_AHEAD = 65536
"""Bytes of a body that are taken in before anybody has asked for more."""

MAX_PIPELINED = 16
"""Requests of one connection that wait for the one under way; more are not read until it is answered."""

Serve = Callable[[Exchange], Awaitable[None]]


class DirectExchange(Exchange):
    """One hot request and its answer, straight on the connection; `segue.http.exchange.Exchange` says what each does.

    It stands where uvicorn's protocol keeps its `RequestResponseCycle`, with the attributes that it looks at.
    """

    __slots__ = (
        "_event",
        "_raw",
        "_serve",
        "_server",
        "_task",
        "_transport",
        "_watching",
        "disconnected",
        "flow",
        "gone",
        "keep_alive",
        "more_body",
        "on_response",
        "response_complete",
        "taken",
    )

    def __init__(
        self,
        protocol: "DirectProtocol",
        serve: Serve,
        method: str,
        path: str,
        query: bytes,
        raw: list[tuple[bytes, bytes]],
        *,
        keep_alive: bool,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = dict(raw)
        self.repeated = len(self.headers) != len(raw)
        self.started = False
        self.flow: FlowControl = protocol.flow
        self.keep_alive = keep_alive
        self.on_response: Callable[[], None] = protocol.on_response_complete
        self.taken = bytearray()
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.gone = False
        self._raw = raw
        self._serve = serve
        self._server = protocol.server_state
        self._transport = protocol.transport
        self._task: asyncio.Task[None] | None = None
        self._event: asyncio.Event | None = None
        self._watching = False

    @property
    def message_event(self) -> Any:
        """What uvicorn's protocol sets when something has come, or nothing more will."""
        return self._event or _NOBODY_WAITS

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Every header as it came, names in lower case."""
        return self._raw

    async def body(self, limit: int) -> bytes:
        """The whole body."""
        declared = self.headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit:
            raise too_large(limit)
        if self.more_body:
            await self._rest(limit)
        if self.disconnected:
            raise ClientGone
        if len(self.taken) > limit:
            raise too_large(limit)
        return bytes(self.taken)

    async def _rest(self, limit: int) -> None:
        """Wait for the rest of the body, up to its limit and for a limited time."""
        self._event = asyncio.Event()
        if self.headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                while self.more_body and not self.disconnected and len(self.taken) <= limit:
                    self.flow.resume_reading()
                    self._event.clear()
                    await self._event.wait()
        except TimeoutError:
            message = f"the body did not come in whole within {REQUEST_SECONDS:g} s"
            raise RequestInvalid(message, status=408, code="request_timeout") from None

    async def respond(self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (JSON,)) -> None:
        """Send a whole answer, by one write."""
        if self.disconnected:
            return
        self.started = True
        head = self._head(status, headers)
        head.append(b"content-length: %d\r\n\r\n" % len(body))
        if self.method != "HEAD":
            head.append(body)
        self._transport.write(b"".join(head))
        self._complete()

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers of an answer whose length is not known."""
        self.started = True
        if self.disconnected:
            return
        head = self._head(status, headers)
        head.append(b"transfer-encoding: chunked\r\n\r\n")
        self._transport.write(b"".join(head))

    async def write(self, piece: bytes) -> None:
        """Send a piece of the body; waits while the client reads more slowly than pieces come."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if not self.disconnected and piece:
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    async def finish(self) -> None:
        """End the body properly."""
        if not self.disconnected:
            self._transport.write(b"0\r\n\r\n")
            self._complete()

    def watch(self) -> "DirectWatch":  # type: ignore[override]  # the same context manager in another make
        """Cancel the work below when the client hangs up."""
        return DirectWatch(self)

    async def run_asgi(self, _app: object) -> None:
        """Serve the request; uvicorn's protocol starts this as the request's task."""
        self._task = asyncio.current_task()
        try:
            await self._serve(self)
        finally:
            if not self.response_complete and not self.disconnected:
                self._transport.close()
            self.on_response = _nothing

    def hung_up(self) -> None:
        """The client closed the connection."""
        self.disconnected = True
        self.message_event.set()
        if self._watching and self._task is not None:
            self.gone = True
            self._task.cancel()

    def _head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        head = [STATUS_LINE[status]]
        for name, value in self._server.default_headers:
            head += (name, b": ", value, b"\r\n")
        for name, value in headers:
            if b"\n" in value or b"\r" in value:
                value = value.replace(b"\r", b" ").replace(b"\n", b" ")  # noqa: PLW2901 - never a header of its own
            head += (name, b": ", value, b"\r\n")
        if self.more_body:
            # The rest of the body was not wanted, so what comes next on this connection cannot be told apart.
            self.keep_alive = False
        if not self.keep_alive:
            head.append(b"connection: close\r\n")
        return head

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self._transport.close()
        self.on_response()


class DirectWatch:
    """While this is entered, a client that hangs up cancels the request's task."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: DirectExchange) -> None:
        self._exchange = exchange

    def __enter__(self) -> Self:
        exchange = self._exchange
        exchange._watching = True
        if exchange.disconnected:  # before anybody watched
            exchange.hung_up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        exchange = self._exchange
        exchange._watching = False
        task = asyncio.current_task()
        if not exchange.gone or task is None:
            return False
        # The cancellation was ours; another one that came beside it (the server stops) goes on.
        return task.uncancel() == 0 and kind is not None and issubclass(kind, asyncio.CancelledError)


class DirectProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a short way for hot requests, and an eye on those that others have overtaken.

    uvicorn looks away from the request under way once another one is pipelined behind it: it would neither read on nor
    tell that request of a hang-up, and a provider would be paid for an answer that nobody waits for.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._find: Callable[[str, str], Serve | None] = getattr(self.app, "hot", _nothing_is_hot)
        self._waiting = False  # a hot request whose body is on its way, and that is not served yet
        self._overtaken: list[Any] = []

    def on_message_begin(self) -> None:
        """A request begins. What ASGI needs besides is made when it is known that the request goes that way."""
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take a hot request off, or leave it to uvicorn."""
        before: Any = self.cycle
        method = self.parser.get_method().decode("ascii")
        raw_path, _, query = self.url.partition(b"?")
        path = raw_path.decode("latin-1")
        serve = None if self.parser.should_upgrade() else self._find(method, path)
        overtaking = before is not None and not before.response_complete
        if serve is None:
            self._prepare_asgi()
            super().on_headers_complete()
        else:
            keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
            exchange: Any = DirectExchange(self, serve, method, path, query, self.headers, keep_alive=keep_alive)
            self.cycle = exchange
            if overtaking:
                self.flow.pause_reading()
                self.pipeline.appendleft((exchange, self.app))
            else:
                self._waiting = True  # for its body: most come in the same packet
        if overtaking:
            self._overtaken = [cycle for cycle in self._overtaken if not cycle.response_complete]
            self._overtaken.append(before)
            if len(self._overtaken) < MAX_PIPELINED:
                self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body; no more than is asked for."""
        exchange: Any = self.cycle
        if not isinstance(exchange, DirectExchange):
            super().on_body(body)
        elif not exchange.response_complete:
            exchange.taken += body
            if len(exchange.taken) > READ_AHEAD:
                self.flow.pause_reading()
            exchange.message_event.set()

    def on_message_complete(self) -> None:
        """The request is whole: serve it."""
        exchange: Any = self.cycle
        if not isinstance(exchange, DirectExchange):
            super().on_message_complete()
            return
        exchange.more_body = False
        exchange.message_event.set()
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Parse; a request whose body did not come along with its head is served while the rest is on its way."""
        super().data_received(data)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request of this connection."""
        concerned = [*self._overtaken, self.cycle, *(cycle for cycle, _ in self.pipeline)]
        self._waiting = False
        super().connection_lost(exc)
        for cycle in concerned:
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
                if isinstance(cycle, DirectExchange):
                    cycle.hung_up()

    def _prepare_asgi(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)

    def _begin(self) -> None:
        if self._waiting:
            self._waiting = False
            self._start_asgi_task(self.cycle, self.app)


class _NobodyWaits:
    """Stands for an event while nobody waits for one: most requests come whole."""

    def set(self) -> None:
        """Nobody hears."""


_NOBODY_WAITS = _NobodyWaits()


def _nothing_is_hot(_method: str, _path: str) -> None:
    """For applications that are not Segue's own: every request goes by ASGI."""


def _nothing() -> None:
    """What a finished exchange calls."""
