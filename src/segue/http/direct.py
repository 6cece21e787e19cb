"""One hot request and its answer, straight on the connection, without ASGI in between.

What it costs to write the head of an answer is spent once a second where it can be: the status line and the server's
own headers change only with the date.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol, Self

from uvicorn.protocols.http.flow_control import FlowControl

from segue.http.errand import Errand
from segue.http.exchange import ENCODED, JSON, REQUEST_SECONDS, ClientGone, Exchange, Headers, too_large, too_slow
from segue.http.opening import OPENINGS
from segue.http.unpacking import unpack

Serve = Callable[[Exchange], Coroutine[Any, Any, None]]


class Line(Protocol):
    """The connection of an exchange: uvicorn's protocol, as far as an exchange knows it."""

    transport: Any
    flow: FlowControl
    server_state: Any
    tasks: set[Any]
    memory: dict[str, Any]

    def on_response_complete(self) -> None:
        """The answer is whole: the next request may be served."""
        ...

    def forget(self) -> None:
        """Let go of what is remembered of earlier requests: the answer may take long."""
        ...

    def linger(self) -> None:
        """The answer is whole before its request was: close when the client has had time to read it."""
        ...


class DirectExchange(Exchange):
    """One hot request and its answer; `segue.http.exchange.Exchange` says what each method does.

    `raw` is every header as it came, where one is repeated.

    It stands where uvicorn's protocol keeps its `RequestResponseCycle`, with the attributes that it looks at.
    """

    __slots__ = (
        "_line",
        "_raw",
        "_transport",
        "_watching",
        "disconnected",
        "event",
        "flow",
        "gone",
        "keep_alive",
        "more_body",
        "response_complete",
        "serve",
        "taken",
        "task",
    )

    def __init__(
        self,
        line: Line,
        serve: Serve,
        method: str,
        path: str,
        query: bytes,
        headers: dict[bytes, bytes],
        *,
        keep_alive: bool,
        raw: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        self.serve = serve
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.repeated = raw is not None
        self.memory = line.memory
        self.started = False
        self.flow: FlowControl = line.flow
        self.keep_alive = keep_alive
        self.taken: bytes | bytearray = b""
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.gone = False
        self.task: Any = None  # an errand, or what it was left to
        self._raw = raw
        self._line = line
        self._transport = line.transport
        self.event: asyncio.Event | None = None
        self._watching = False

    @property
    def message_event(self) -> Any:
        """What uvicorn's protocol sets when something has come, or nothing more will."""
        return self.event or _NOBODY_WAITS

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Every header as it came, names in lower case."""
        return list(self.headers.items()) if self._raw is None else self._raw

    def took(self, piece: bytes) -> int:
        """Keep a piece of the body; how many bytes of it are here now."""
        if not self.taken:
            self.taken = piece  # most come in one
        else:
            if isinstance(self.taken, bytes):
                self.taken = bytearray(self.taken)
            self.taken += piece
        if self.event is not None:
            self.event.set()
        return len(self.taken)

    async def body(self, limit: int) -> bytes:
        """The whole body, unpacked where it came compressed."""
        if self.more_body:
            declared = self.headers.get(b"content-length", b"")
            if declared.isdigit() and int(declared) > limit:
                raise too_large(limit)
            await self._rest(limit)
        if self.disconnected:
            raise ClientGone
        taken, self.taken = self.taken, b""  # it is asked for once, and kept by nobody else
        if len(taken) > limit:
            raise too_large(limit)
        body = taken if isinstance(taken, bytes) else bytes(taken)
        return await unpack(body, self.values(ENCODED), limit) if ENCODED in self.headers else body

    async def _rest(self, limit: int) -> None:
        """Wait for the rest of the body, up to its limit and for a limited time."""
        self.event = asyncio.Event()
        if self.headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                while self.more_body and not self.disconnected and len(self.taken) <= limit:
                    self.flow.resume_reading()
                    self.event.clear()
                    await self.event.wait()
        except TimeoutError:
            raise too_slow() from None

    async def respond(self, status: int, body: bytes, headers: bytes | Iterable[tuple[bytes, bytes]] = (JSON,)) -> None:
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

    def answer(self, headers: bytes, body: bytes) -> None:
        """Send a whole answer with status 200 and rendered headers, of a request that was whole: at once."""
        if self.disconnected:
            return
        self.started = True
        opening = OPENINGS.of(200, self._line.server_state.default_headers)
        if not self.keep_alive:  # the server has begun to stop, or something unreadable came behind this request
            headers += b"connection: close\r\n"
        self._transport.write(b"%b%bcontent-length: %d\r\n\r\n%b" % (opening, headers, len(body), body))
        self._complete()

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers of an answer whose length is not known. Nobody asks for the request's any more."""
        self.started = True
        self.headers, self._raw = {}, None
        self._line.forget()
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

    def pusher(self) -> Callable[[bytes], bool]:
        """What sends a piece at once, and says whether the client keeps up."""
        return self._push

    def _push(self, piece: bytes) -> bool:
        if self.disconnected:
            return False
        self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        return not self.flow.write_paused

    async def finish(self) -> None:
        """End the body properly."""
        if not self.disconnected:
            self._transport.write(b"0\r\n\r\n")
            self._complete()

    def watch(self) -> Self:  # type: ignore[override]  # the same context manager in another make
        """Cancel the work below when the client hangs up."""
        return self

    def __enter__(self) -> Self:
        self._watching = True
        if self.disconnected:  # before anybody watched
            self.hung_up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        self._watching = False
        if not self.gone:
            return False
        task = asyncio.current_task()
        if task is None:
            return False
        # The cancellation was ours; another one that came beside it (the server stops) goes on.
        return task.uncancel() == 0 and kind is not None and issubclass(kind, asyncio.CancelledError)

    def begin(self, loop: asyncio.AbstractEventLoop, *, at_once: bool) -> None:
        """Serve it, at once where no other task is running. To uvicorn the errand is a task like others."""
        self.task = errand = Errand(self.serve(self), loop, self._served)
        self._line.tasks.add(errand)
        if at_once:
            errand.begin()
        else:
            errand.begin_soon()

    def leave_to(self, task: Any) -> None:
        """Have something served that is no errand: `task` is cancelled when the client hangs up or the server stops."""
        self.task = task
        self._watching = True
        self._line.tasks.add(task)

    def settled(self) -> None:
        """What it was left to is done with it."""
        self._line.tasks.discard(self.task)
        self.task = None

    def take_back(self, serve: Serve, loop: asyncio.AbstractEventLoop) -> None:
        """Serve it by an errand after all; to be called by the event loop, outside of every task."""
        self.settled()
        self._watching = False
        # Not by `serve`: the connection keeps its last exchange, which must not keep the request.
        self.task = errand = Errand(serve(self), loop, self._served)
        self._line.tasks.add(errand)
        errand.begin()

    def _served(self, errand: Errand) -> None:
        """Nobody works on it any more: an answer that is not whole now never will be."""
        self._line.tasks.discard(errand)
        self.task = None
        if not self.response_complete and not self.disconnected:
            self._transport.close()

    def hung_up(self) -> None:
        """The client closed the connection."""
        self.disconnected = True
        if self.event is not None:
            self.event.set()
        if self._watching and self.task is not None:
            self.gone = True
            self.task.cancel()

    def _head(self, status: int, headers: bytes | Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        head = [OPENINGS.of(status, self._line.server_state.default_headers)]
        if isinstance(headers, bytes):
            head.append(headers)
        else:
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
        if self.response_complete:
            return
        self.response_complete = True
        if self.more_body:
            self._line.linger()
        elif not self.keep_alive:
            self._transport.close()
        self._line.on_response_complete()


class _NobodyWaits:
    """Stands for an event while nobody waits for one: most requests come whole."""

    def set(self) -> None:
        """Nobody hears."""


_NOBODY_WAITS = _NobodyWaits()
