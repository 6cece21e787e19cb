"""From a name to a connection: resolve, look at every address, connect to the one that was looked at, speak TLS.

A library that is handed a name resolves it once more after the check, and a forged name server answers differently
the second time (DNS rebinding). So names are resolved here, and sockets are connected to addresses only.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from segue.backends.transport.addresses import is_global
from segue.backends.transport.direct_request import Authority
from segue.backends.transport.failures import PrivateAddress
from segue.core.clock import Clock

_DNS_SECONDS = 30.0  # how long resolved addresses are believed: short, since failover by DNS should work
_NAMES = 1000  # names whose addresses are remembered
_ADDRESSES = 8  # addresses of one name that are tried
_STAGGER = 0.25  # RFC 8305 section 5: seconds before the next address is tried beside one that does not answer


Address = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a name, ready for `connect`."""

    family: int
    address: Address


class Resolver:
    """The system's own resolver, remembered for half a minute: /etc/hosts, containers and VPNs hold for us, too."""

    __slots__ = ("_asked", "_clock", "_known")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, int], tuple[float, tuple[Endpoint, ...]]] = {}
        self._asked: dict[tuple[str, int], _Question] = {}

    async def find(self, host: str, port: int) -> tuple[Endpoint, ...]:
        """The addresses of a name, in the order of preference of RFC 6724; asked once however many want to know.

        Raises:
            OSError: it cannot be resolved.
        """
        key = (host, port)
        known = self._known.get(key)
        if known is not None and known[0] > self._clock.now():
            return known[1]
        question = self._asked.get(key)
        if question is None:
            question = self._asked[key] = _Question(asyncio.ensure_future(self._ask(key)))
        question.askers += 1
        try:
            return await asyncio.shield(question.task)
        finally:
            question.askers -= 1
            if not question.askers:
                question.task.cancel()
                if self._asked.get(key) is question:
                    del self._asked[key]

    def forget(self, host: str, port: int) -> None:
        """Ask again next time: the addresses do not work."""
        self._known.pop((host, port), None)

    async def _ask(self, key: tuple[str, int]) -> tuple[Endpoint, ...]:
        host, port = key
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:  # a label of more than 63 characters
            raise socket.gaierror(socket.EAI_NONAME, "no such name") from None
        endpoints = tuple(dict.fromkeys(Endpoint(entry[0], cast("Address", entry[4])) for entry in found))
        if not endpoints:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        while len(self._known) >= _NAMES:
            del self._known[next(iter(self._known))]
        self._known[key] = (self._clock.now() + _DNS_SECONDS, endpoints)
        return endpoints


class _Question:
    __slots__ = ("askers", "task")

    def __init__(self, task: "asyncio.Future[tuple[Endpoint, ...]]") -> None:
        self.task = task
        self.askers = 0


class Dialler:
    """Makes connections.

    Args:
        tls: certificate authorities, client certificate and protocol versions; made from the system's when first
            needed, for that takes some milliseconds. It is told to speak HTTP/1.1 (ALPN).
    """

    __slots__ = ("_resolver", "_tls")

    def __init__(self, clock: Clock, tls: ssl.SSLContext | None) -> None:
        self._resolver = Resolver(clock)
        self._tls = tls
        if tls is not None:
            tls.set_alpn_protocols(["http/1.1"])

    async def dial(self, authority: Authority, protocol: Callable[[], asyncio.Protocol], *, private: bool) -> None:
        """Connect; when it returns the protocol's `connection_made` was called.

        Args:
            authority: whom to connect to.
            protocol: makes the connection's protocol.
            private: whether addresses outside the public Internet are allowed.

        Raises:
            PrivateAddress: there are addresses, and none of them is allowed.
            OSError: no connection, or no TLS.
        """
        host, port = authority.host, authority.port
        endpoints = _written(authority) or await self._resolver.find(host, port)
        allowed = [endpoint for endpoint in endpoints if private or is_global(endpoint.address[0])]
        if not allowed:
            raise PrivateAddress
        try:
            plug = await _reach_any(_interleaved(allowed)[:_ADDRESSES])
        except OSError:
            self._resolver.forget(host, port)
            raise
        loop = asyncio.get_running_loop()
        if authority.secure:
            name = authority.address or host.rstrip(".")
            await loop.create_connection(protocol, sock=plug, ssl=self._context(), server_hostname=name)
        else:
            await loop.create_connection(protocol, sock=plug)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _written(authority: Authority) -> tuple[Endpoint, ...]:
    """The endpoint of a host that is written as an address; empty for a name, and for an address with a scope."""
    address, port = authority.address, authority.port
    if address is None or "%" in authority.host:
        return ()
    if ":" in address:
        return (Endpoint(socket.AF_INET6, (address, port, 0, 0)),)
    return (Endpoint(socket.AF_INET, (address, port)),)


def _interleaved(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """RFC 8305 section 4: the families take turns, so that one that does not work costs one try."""
    first = [endpoint for endpoint in endpoints if endpoint.family == endpoints[0].family]
    others = [endpoint for endpoint in endpoints if endpoint.family != endpoints[0].family]
    mixed: list[Endpoint] = []
    while first or others:
        mixed += first[:1] + others[:1]
        first, others = first[1:], others[1:]
    return mixed


async def _reach_any(endpoints: Sequence[Endpoint]) -> socket.socket:
    """A socket connected to the first address that answers; each gets a head start before the next (RFC 8305)."""
    if len(endpoints) == 1:
        return await _reach(endpoints[0])
    running: set[asyncio.Task[socket.socket]] = set()
    errors: list[OSError] = []
    try:
        for number, endpoint in enumerate(endpoints, 1):
            running.add(asyncio.create_task(_reach(endpoint)))
            last = number == len(endpoints)
            while running:
                done, _ = await asyncio.wait(
                    running, timeout=None if last else _STAGGER, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    if task.exception() is None:
                        running.discard(task)
                        return task.result()
                running -= done
                errors += [error for task in done if isinstance(error := task.exception(), OSError)]
                if not last:
                    break
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_close_late)
    raise errors[0] if errors else ConnectionRefusedError


async def _reach(endpoint: Endpoint) -> socket.socket:
    loop = asyncio.get_running_loop()
    plug = socket.socket(endpoint.family, socket.SOCK_STREAM)
    try:
        plug.setblocking(False)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await loop.sock_connect(plug, endpoint.address)
    except BaseException:
        # Before its number is given to another socket, which the loop would then stop watching.
        loop.remove_writer(plug)
        plug.close()
        raise
    return plug


def _close_late(task: "asyncio.Task[socket.socket]") -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()
