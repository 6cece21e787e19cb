"""The shortest way from a client's socket to a surface: for hot requests uvicorn's protocol without ASGI in between.

ASGI costs a hot request a scope of fourteen entries, four messages, a task that waits for a hang-up, and two regular
expressions for each header: about as much as all of Segue's own work. So requests for hot paths are taken off here,
whole, and answered with one write. Everything else (parsing, keep-alive, pipelining, stopping, other paths) stays
uvicorn's; under another ASGI server `Application` serves the same surfaces by ASGI.

It builds on uvicorn's own classes beyond its documented interface; `tests/http/test_protocol.py` fails where a new
version of uvicorn moves what is used.
"""

import asyncio
from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from segue.http.blocked import BlockedWrite
from segue.http.direct import DirectExchange, Serve
from segue.http.express import ExpressDoor
from segue.http.flow import Flow, Pipeline
from segue.http.opening import plain_answer
from segue.http.repeated import RepeatedHead

READ_AHEAD = 65536
"""Bytes of a body that are taken in before anybody has asked for more."""

MAX_PIPELINED = 16
"""Requests of one connection that wait for the one under way; more are not read until it is answered."""

MOST_NEW_HEADS = 8
"""Heads of a connection that are remembered, one at a time: a client that sends ever new ones gains nothing."""

MAX_HEAD = 65536
"""Bytes of a request's head (RFC 9110, section 5.4 leaves it to the server), and of what may come without any progress:
trailers, empty lines, extensions of chunks."""

LINGER = 10.0
"""Seconds that a client has for reading an answer while it is still sending a request that was refused."""

_TICK = 0.001
"""Seconds: loops ring up to their clock's resolution too early."""

_INVALID = "Invalid HTTP request received."

HotUrls = Mapping[bytes, Mapping[bytes, tuple[Serve, str, str]]]
"""By URL and method as they stand in a request line: who serves, the method and the path as text."""


class DirectProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with a short way for hot requests, and an eye on those that others have overtaken.

    uvicorn looks away from the request under way once another one is pipelined behind it: it would neither read on nor
    tell that request of a hang-up, and a provider would be paid for an answer that nobody waits for.

    Attributes:
        memory: what surfaces remember of this connection from one request to the next; goes with it.
    """

    # uvicorn's own attributes, too: in a dictionary they take one and a half kilobytes of every connection.
    __slots__ = (
        "_bare",
        "_between",
        "_blocked",
        "_doors",
        "_find",
        "_head",
        "_hot_urls",
        "_new_heads",
        "_overtaken",
        "_quiet_since",
        "_silence",
        "_unreadable",
        "_waiting",
        "access_log",
        "access_logger",
        "app",
        "app_state",
        "asgi_version",
        "client",
        "config",
        "connections",
        "cycle",
        "expect_100_continue",
        "flow",
        "headers",
        "limit_concurrency",
        "logger",
        "loop",
        "memory",
        "parser",
        "pipeline",
        "root_path",
        "scheme",
        "scope",
        "server",
        "server_state",
        "tasks",
        "timeout_keep_alive",
        "timeout_keep_alive_task",
        "transport",
        "url",
        "ws_protocol_class",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pipeline = Pipeline()  # type: ignore[assignment]  # it has what uvicorn asks of one
        self._find: Callable[[str, str], Serve | None] = getattr(self.app, "hot", _nothing_is_hot)
        self._hot_urls: HotUrls = getattr(self.app, "hot_urls", {})
        self._doors: Mapping[str, ExpressDoor] = getattr(self.app, "doors", {})
        self._waiting: DirectExchange | None = None  # a hot request that is not served yet
        self._overtaken: list[Any] = []
        self._bare = 0  # bytes that have come since the last head, piece of a body or end of a request
        self._unreadable = False  # what comes now cannot be told from what came before
        self._between = True  # the parser has read a request to its end, and no byte beyond it
        self._head: RepeatedHead | None = None
        self._new_heads = 0
        self._quiet_since = inf
        self._silence: asyncio.TimerHandle | None = None
        self._blocked: BlockedWrite | None = None
        self.memory: dict[str, Any] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has come."""
        super().connection_made(transport)
        self.flow = Flow(transport)
        # A head must come within the time that silence may last; only then somebody is waited for.
        self._quiet_since = self.loop.time()
        self._silence = self.loop.call_later(self.timeout_keep_alive, self._listen)

    def on_message_begin(self) -> None:
        """A request begins. What ASGI needs besides is made when it is known that the request goes that way."""
        self._between = False
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Take a hot request off, or leave it to uvicorn."""
        if self._bare > MAX_HEAD and self._head_size() > MAX_HEAD:
            raise ValueError("the head is too large")
        self._bare = 0
        self._quiet_since = inf
        before: Any = self.cycle
        exchange = self._hot_exchange()
        overtaking = before is not None and not before.response_complete
        if exchange is None:
            self._prepare_asgi()
            super().on_headers_complete()
            self.headers = []  # trailers may follow: they are no headers, and nobody reads them
        else:
            self.cycle = exchange  # type: ignore[assignment]  # it has what uvicorn looks at
            if overtaking:
                self.flow.pause_reading()
                self.pipeline.appendleft((exchange, self.app))  # type: ignore[arg-type]
            else:
                self._waiting = exchange  # for its body: most come in the same packet
        if overtaking:
            self._overtaken = [cycle for cycle in self._overtaken if not cycle.response_complete]
            self._overtaken.append(before)
            if len(self._overtaken) < MAX_PIPELINED:
                self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body; no more than is asked for."""
        self._bare = 0
        exchange: Any = self.cycle
        if not isinstance(exchange, DirectExchange):
            super().on_body(body)
        elif not exchange.taken and len(body) <= READ_AHEAD and exchange.event is None:
            exchange.taken = body  # nearly always: the first piece is all, and nobody waits yet
        elif not exchange.response_complete and exchange.took(body) > READ_AHEAD:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._bare = 0
        self._between = True
        exchange: Any = self.cycle
        if not isinstance(exchange, DirectExchange):
            super().on_message_complete()
            return
        exchange.more_body = False
        if exchange.event is not None:
            exchange.event.set()

    def data_received(self, data: bytes) -> None:
        """Parse, then serve; a request whose body is not whole is served while the rest of it is on its way."""
        if self._unreadable:
            return
        if self._head is not None and self._between:
            before: Any = self.cycle
            known = self._head.exchange(data, self) if before.response_complete else None
            if known is not None:
                self.cycle = known  # type: ignore[assignment]  # it has what uvicorn looks at
                self._quiet_since = inf
                if not self._head.express(known):
                    known.begin(self.loop, at_once=True)
                return
        self._bare += len(data)
        from_its_start = self._between
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse()
        except httptools.HttpParserUpgrade:
            self._unsupported_upgrade_warning()
        if self._bare > MAX_HEAD:
            self._refuse()
        waiting = self._waiting
        if waiting is not None and not self.transport.is_closing():
            self._waiting = None
            if from_its_start and self._between and waiting.keep_alive and self._new_heads < MOST_NEW_HEADS:
                self._new_heads += 1
                door = self._doors.get(waiting.path) if waiting.method == "POST" else None
                self._head = RepeatedHead.of(data, waiting, door) or self._head
            waiting.begin(self.loop, at_once=True)

    def on_response_complete(self) -> None:
        """An answer is whole: serve the next request of this connection, or begin to wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        # One timer for the connection, which looks when the silence began: to set and to take back one for every
        # answer costs 3 us.
        self._quiet_since = self.loop.time()
        if self._silence is None:
            self._silence = self.loop.call_later(self.timeout_keep_alive, self._listen)

    def forget(self) -> None:
        """See `Line.forget`."""
        self._head = None
        self._new_heads = 0

    def linger(self) -> None:
        """Let go of a client that is still sending: what it sends is read and forgotten for a while.

        To close at once would reset the connection, and many clients (httpx among them) then see the reset and not the
        answer that says why.
        """
        self._unreadable = True
        self.flow.resume_reading()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
        if self._silence is not None:
            self._silence.cancel()
        self._silence = self.loop.call_later(LINGER, self.transport.close)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        super().pause_writing()
        if self._blocked is None:
            self._blocked = BlockedWrite(self.loop, self.transport)
        self._blocked.begin()

    def resume_writing(self) -> None:
        """What was written has gone."""
        super().resume_writing()
        if self._blocked is not None:
            self._blocked.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request of this connection."""
        concerned = [*self._overtaken, self.cycle, *(cycle for cycle, _ in self.pipeline)]
        self._waiting = None
        if self._blocked is not None:
            self._blocked.end()
            self._blocked = None
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        super().connection_lost(exc)
        for cycle in concerned:
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
                if isinstance(cycle, DirectExchange):
                    cycle.hung_up()
        # An exchange knows its connection: together they would be a cycle.
        self.cycle = None  # type: ignore[assignment]
        self.pipeline.clear()
        self._overtaken = []
        self.memory = {}

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _refuse(self) -> None:
        """Say that what comes is no request, behind the answers to those that came before it."""
        if self._unreadable:
            return
        self._unreadable = True
        before: Any = self.cycle
        if before is not None and not before.response_complete:
            earlier = [cycle for cycle in self._overtaken if not cycle.response_complete]
            last = before if not before.more_body else earlier[-1] if earlier else None
            if last is not None:
                last.keep_alive = False  # the connection ends with its answer; ours would stand in the middle of it
                return
        too_large = self._bare > MAX_HEAD
        message = f"The head is larger than {MAX_HEAD} bytes." if too_large else _INVALID
        self.logger.warning(message)
        self.transport.write(plain_answer(431 if too_large else 400, message, self.server_state.default_headers))
        self.linger()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if isinstance(cycle, DirectExchange):
            cycle.begin(self.loop, at_once=False)  # from within the one before
        else:
            super()._start_asgi_task(cycle, app)

    def _hot_exchange(self) -> DirectExchange | None:
        """The request as one for the short way, if it is one."""
        parser, url = self.parser, self.url
        if parser.should_upgrade():
            return None
        methods = self._hot_urls.get(url)
        known = methods.get(parser.get_method()) if methods is not None else None
        query = b""
        if known is not None:
            serve, method, path = known
        else:
            method = parser.get_method().decode("ascii")
            raw_path, _, query = url.partition(b"?")
            path = raw_path.decode("latin-1")
            found = self._find(method, path)
            if found is None:
                return None
            serve = found
        raw, self.headers = self.headers, []  # the exchange's alone, and let go of by it; here trailers may follow
        headers = dict(raw)
        # HTTP/1.0 is kept only where a header asks for it; the parser takes a while to tell the version.
        keep_alive = parser.should_keep_alive() and not (
            b"connection" in headers and parser.get_http_version() == "1.0"
        )
        repeated = raw if len(headers) != len(raw) else None
        return DirectExchange(self, serve, method, path, query, headers, keep_alive=keep_alive, raw=repeated)

    def _prepare_asgi(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)

    def _listen(self) -> None:
        """Close a connection that has been silent for too long."""
        self._silence = None
        if self.transport.is_closing():
            return
        busy = self._quiet_since == inf
        left = self.timeout_keep_alive - (0.0 if busy else self.loop.time() - self._quiet_since)
        if left <= _TICK:
            self.timeout_keep_alive_handler()
        else:
            self._silence = self.loop.call_later(left, self._listen)


def _nothing_is_hot(_method: str, _path: str) -> None:
    """For applications that are not Segue's own: every request goes by ASGI."""
