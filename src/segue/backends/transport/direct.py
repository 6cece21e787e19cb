"""The network, directly: HTTP/1.1 over TCP and TLS with as little as possible between a call and its socket.

A general client spends most of a small request on what we do not use: sessions, cookies, redirects, a task and a timer
for each request. This one writes a request in one piece, has httptools parse what comes, and wakes the one who waits.
It does no proxies; `segue.backends.transport.routed` hands those to aiohttp.
"""

import ssl
from collections.abc import Callable
from importlib import metadata

from segue.backends.transport.addresses import is_global
from segue.backends.transport.direct_connect import Dialler
from segue.backends.transport.direct_pool import IDLE_SECONDS, Origin
from segue.backends.transport.direct_protocol import Connection
from segue.backends.transport.direct_request import Authority, PreparedHeads
from segue.backends.transport.direct_response import DirectResponse
from segue.backends.transport.failures import classify_connect, private_address, transport_closed
from segue.core.clock import Clock, SystemClock
from segue.core.failure import Kind
from segue.core.ports import TransportError, WireRequest

_READING = frozenset({"GET", "HEAD"})  # methods that ask for nothing to be done: they may be sent again
_MOST_ORIGINS = 1000  # origins that are remembered when nothing is open to them
_CLOSING = 1.0  # seconds after which `close` waits no longer for sockets that were told to close


class DirectLine:
    """`segue.core.express.Line` to one origin: it takes connections that are kept, and makes none.

    Args:
        origin_of: finds the origin, which may have been forgotten and made anew meanwhile.
        key: the origin's.
        head: request line and headers, up to the length of the body.
    """

    __slots__ = ("_head", "_key", "_origin_of")

    def __init__(
        self,
        origin_of: Callable[[tuple[str, int, bool, bool]], Origin | None],
        key: tuple[str, int, bool, bool],
        head: bytes,
    ) -> None:
        self._origin_of = origin_of
        self._key = key
        self._head = head

    def free(self) -> Connection | None:
        """See `Line.free`."""
        origin = self._origin_of(self._key)
        return None if origin is None else origin.kept()

    def head(self, length: int) -> bytes:
        """See `Line.head`."""
        return b"%bcontent-length: %d\r\n\r\n" % (self._head, length)


class DirectTransport:
    """`segue.core.ports.Transport` without anything in between.

    Args:
        per_host: connections to one host and port at a time, per permission. Beyond it requests wait, and the wait
            counts as connecting.
        idle_per_host: of those, how many are kept when nobody uses them, for at most 30 s.
        tls: certificate authorities, client certificate and protocol versions; by default the system's. Its ALPN
            protocols are set to `http/1.1`.
        clock: what ages are measured with.
        version: for `user-agent: segue/<version>`, sent when the request sets none.
    """

    def __init__(
        self,
        *,
        per_host: int = 1000,
        idle_per_host: int = 256,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        version: str = "",
    ) -> None:
        self._per_host = per_host
        self._idle_per_host = idle_per_host
        self._clock = clock or SystemClock()
        self._dialler = Dialler(self._clock, tls)
        self._heads = PreparedHeads(f"segue/{version or _installed_version()}")
        self._origins: dict[tuple[str, int, bool, bool], Origin] = {}
        self._ending: set[Connection] = set()
        self._sweep_at = 0.0
        self._closed = False

    async def send(self, request: WireRequest, *, connect: float, allow_private: bool) -> DirectResponse:
        """Send, and come back when the headers of the answer have come.

        Cancelling closes the connection. A request is sent once; only a GET or HEAD is sent again, once and on a new
        connection, when a kept connection was cut before any byte of an answer came.

        Raises:
            TransportError: the request could not be sent or not be answered; the failure says how and how far it got.
        """
        authority, head = self._heads.of(request)
        if not allow_private and authority.address is not None and not is_global(authority.address):
            raise TransportError(private_address())
        # Written out: to hash an `Authority` takes three times as long.
        origin = self._origins.get((authority.host, authority.port, authority.secure, allow_private))
        if origin is None:
            origin = self._origin(authority, private=allow_private)
        method = request.method
        connection, used = origin.kept(), True
        if connection is None:
            connection, used = await self._connected(origin, connect, fresh=False)
        try:
            return await connection.exchange(head, request.body, bodiless=method == "HEAD")
        except TransportError as error:
            cut_unheard = error.failure.kind is Kind.CONNECTION_LOST and not connection.heard
            if self._closed or not (used and cut_unheard and method in _READING):
                raise
        connection, _ = await self._connected(origin, connect, fresh=True)
        return await connection.exchange(head, request.body, bodiless=method == "HEAD")

    def line(self, request: WireRequest, *, allow_private: bool) -> "DirectLine | None":
        """The quick way of requests that differ from this one by their bodies alone; `None` where there is none.

        Raises:
            TransportError: the request could not be sent.
        """
        prepared = self._heads.prepared(request)
        if prepared is None or not request.body or request.method != "POST":
            return None
        authority, head = prepared
        if not allow_private and authority.address is not None and not is_global(authority.address):
            return None
        return DirectLine(self._origin_of, (authority.host, authority.port, authority.secure, allow_private), head)

    def _origin_of(self, key: tuple[str, int, bool, bool]) -> Origin | None:
        return self._origins.get(key)

    async def close(self) -> None:
        """Close every connection, those in use included; later requests are refused."""
        self._closed = True
        self._heads.forget()
        origins, self._origins = list(self._origins.values()), {}
        for origin in origins:
            origin.close()
        ends = self._clock.now() + _CLOSING
        while self._ending and self._clock.now() < ends:
            await self._clock.sleep(0)

    @property
    def counts(self) -> tuple[int, int]:
        """Connections that are opening or in use, and connections kept for reuse."""
        counts = [origin.counts for origin in self._origins.values()]
        return sum(used for used, _ in counts), sum(kept for _, kept in counts)

    def _origin(self, authority: Authority, *, private: bool) -> Origin:
        if self._closed:
            raise TransportError(transport_closed())
        if len(self._origins) >= _MOST_ORIGINS:
            self._origins = {key: origin for key, origin in self._origins.items() if origin.counts != (0, 0)}
        key = (authority.host, authority.port, authority.secure, private)
        origin = self._origins[key] = Origin(
            authority,
            private=private,
            dialler=self._dialler,
            clock=self._clock,
            most=self._per_host,
            most_idle=self._idle_per_host,
            ending=self._ending,
        )
        return origin

    async def _connected(self, origin: Origin, connect: float, *, fresh: bool) -> tuple[Connection, bool]:
        """The slow way to a connection, and the time to look for those that were kept too long."""
        now = self._clock.now()
        if now >= self._sweep_at:
            self._sweep_at = now + IDLE_SECONDS / 3
            for other in self._origins.values():
                other.sweep()
        try:
            return await origin.connection(connect, fresh=fresh)
        except OSError as error:
            raise TransportError(classify_connect(error, connect)) from None


def _installed_version() -> str:
    try:
        return metadata.version("segue")
    except metadata.PackageNotFoundError:  # running from a source tree that was never installed
        return "0"
