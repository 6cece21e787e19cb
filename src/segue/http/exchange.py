"""One HTTP exchange on the hot path: a request read within limits, an answer written, a caller that may go away.

No framework stands here, since each of its layers would cost more than Segue's own work (docs/performance.md). What
is left to do is little: read the body up to its limit, notice when the client hangs up, write headers and bytes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Self

from segue.core.errors import RequestInvalid
from segue.http.unpacking import unpack

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
ENCODED = b"content-encoding"
"""The header of a body that is compressed."""

REQUEST_SECONDS = 60.0
"""How long the body of a request may take to come in whole: a drip must not hold a connection for ever."""


class ClientGone(Exception):
    """The client hung up before its request was whole."""


class Exchange:
    """One request and its answer.

    Attributes:
        headers: names in lower case; of a repeated header the last value.
        path: decoded, without the query.
        memory: what may be remembered from one request of a connection to the next; here for one request only.
    """

    __slots__ = (
        "_receive",
        "_send",
        "headers",
        "memory",
        "method",
        "path",
        "query",
        "repeated",
        "scope",
        "started",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        raw = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(raw)
        self.repeated = len(self.headers) != len(raw)
        self.memory: dict[str, Any] = {}
        self.started = False
        self._receive = receive
        self._send = send

    def header(self, name: bytes) -> str | None:
        """A header as text; `None` when it is absent. Bytes beyond ASCII are read as Latin-1, as HTTP has it."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1").strip()

    def values(self, name: bytes) -> list[str]:
        """Every value of a header, in order; empty when it is absent."""
        if not self.repeated:
            value = self.header(name)
            return [] if value is None else [value]
        return [value.decode("latin-1").strip() for each, value in self.raw_headers if each == name]

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Every header as it came, names in lower case."""
        headers: list[tuple[bytes, bytes]] = self.scope["headers"]
        return headers

    async def body(self, limit: int) -> bytes:
        """The whole body, unpacked where it came compressed.

        Raises:
            RequestInvalid: it is larger than `limit` bytes, packed or unpacked (status 413), slower than
                `REQUEST_SECONDS` (408), or cannot be unpacked (400, 415).
            ClientGone: the client hung up first.
        """
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                body = await self._whole(limit)
        except TimeoutError:
            raise too_slow() from None
        return await unpack(body, self.values(ENCODED), limit) if ENCODED in self.headers else body

    async def _whole(self, limit: int) -> bytes:
        declared = self.headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit:
            raise too_large(limit)
        message = await self._receive()
        if not message.get("more_body"):
            if message["type"] == "http.disconnect":
                raise ClientGone
            body: bytes = message.get("body", b"")
            if len(body) > limit:
                raise too_large(limit)
            return body
        parts = [message.get("body", b"")]
        size = len(parts[0])
        while message.get("more_body"):
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                raise too_large(limit)
        return b"".join(parts)

    async def respond(self, status: int, body: bytes, headers: bytes | Iterable[tuple[bytes, bytes]] = (JSON,)) -> None:
        """Send a whole answer; its headers may be rendered already, as lines of `name: value` that end with CRLF."""
        if isinstance(headers, bytes):
            lines = headers.split(b"\r\n")[:-1]
            headers = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self._send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else body})

    async def start(self, status: int, headers: Headers) -> None:
        """Send status and headers; a body follows by `write` and `finish`."""
        self.started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, piece: bytes) -> None:
        """Send a piece of the body. Waits while the client reads more slowly than the provider writes."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    def pusher(self) -> Callable[[bytes], bool] | None:
        """What sends a piece at once, and says whether the client keeps up; `None` where the server can only wait."""
        return None

    async def finish(self) -> None:
        """End the body properly."""
        await self._send({"type": "http.response.body", "body": b""})

    def watch(self) -> "Watch":
        """Cancel the work below when the client hangs up; to be used once the body was read."""
        return Watch(self._receive)


class Watch:
    """While this is entered, a client that hangs up cancels the task that entered it.

    Attributes:
        gone: whether the client hung up.
    """

    __slots__ = ("_receive", "_task", "_watcher", "gone")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task: asyncio.Task[Any] | None = None
        self._watcher: asyncio.Future[Message] | None = None
        self.gone = False

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        self._watcher = asyncio.ensure_future(self._receive())
        self._watcher.add_done_callback(self._received)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        task, self._task = self._task, None
        if self._watcher is not None:
            self._watcher.cancel()
        if not self.gone or task is None:
            return False
        # The cancellation was ours; another one that came beside it (the server stops) goes on.
        return task.uncancel() == 0 and kind is not None and issubclass(kind, asyncio.CancelledError)

    def _received(self, watcher: "asyncio.Future[Message]") -> None:
        if watcher.cancelled():
            return
        watcher.exception()  # retrieved: a receive that failed means the same as a hang-up
        if self._task is not None:
            self.gone = True
            self._task.cancel()


def too_slow() -> RequestInvalid:
    """The refusal of a body that does not come in whole."""
    message = f"the body did not come in whole within {REQUEST_SECONDS:g} s"
    return RequestInvalid(message, status=408, code="request_timeout")


def too_large(limit: int) -> RequestInvalid:
    """The refusal of a body beyond the limit."""
    return RequestInvalid(
        f"the body is larger than {limit} bytes, which is server.body_limit", status=413, code="request_too_large"
    )
