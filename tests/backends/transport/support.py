"""What the tests of all transports share: making one, asking, and looking for what was left behind."""

import asyncio
import os
import re
import socket
import ssl
import struct
from contextlib import asynccontextmanager, suppress

import pytest
import trustme

from backends.scripted import Peer
from segue.backends.transport.aiohttp_transport import AiohttpTransport
from segue.backends.transport.direct import DirectTransport
from segue.backends.transport.routed import RoutedTransport
from segue.core.ports import TransportError, WireRequest

SECRET = "s3cr3t"


@asynccontextmanager
async def by_aiohttp(**options):
    transport = AiohttpTransport(**{"environment": {}, "version": "9.9"} | options)
    try:
        yield transport
    finally:
        await transport.close()


@asynccontextmanager
async def direct(**options):
    transport = DirectTransport(**{"version": "9.9"} | options)
    try:
        yield transport
    finally:
        await transport.close()
        assert transport._ending == set(), "a connection was not closed"


@asynccontextmanager
async def routed(**options):
    transport = RoutedTransport(**{"environment": {}, "version": "9.9"} | options)
    try:
        yield transport
    finally:
        await transport.close()


KINDS = {"aiohttp": by_aiohttp, "direct": direct, "routed": routed}


def post(url: str, body: bytes = b'{"a":1}', **headers: str) -> WireRequest:
    return WireRequest("POST", url, {"content-type": "application/json"} | headers, body)


def get(url: str) -> WireRequest:
    return WireRequest("GET", url, {})


async def ask(transport, request, *, connect=2.0, allow_private=True):
    return await transport.send(request, connect=connect, allow_private=allow_private)


async def whole(transport, request, *, limit=10_000_000, **options) -> bytes:
    return await (await ask(transport, request, **options)).read_whole(limit)


async def failure_of(awaitable):
    """The failure that it ends with, which tells neither a secret nor where exactly we wanted to go."""
    with pytest.raises(TransportError) as caught:
        await awaitable
    failure = caught.value.failure
    assert SECRET not in failure.message
    told = failure.message.replace("http:// or https://", "")
    assert not re.search(r":\d\d|/|\?", told), "a port, a path or a query is told"
    return failure


def counts(transport) -> tuple[int, int]:
    """Connections in use, and kept for reuse."""
    if isinstance(transport, RoutedTransport):
        transport = transport._direct
    if isinstance(transport, DirectTransport):
        return transport.counts
    connectors = [session.connector for session in transport._sessions.values()]
    return (
        sum(len(connector._acquired) for connector in connectors),
        sum(len(kept) for connector in connectors for kept in connector._conns.values()),
    )


def reset(peer: Peer) -> None:
    """Close with RST, whether or not everything was read."""
    plug = peer.writer.get_extra_info("socket")
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.reset()


async def turns(number: int = 10) -> None:
    """Let everything that can run do so, sockets included."""
    for _ in range(number):
        await asyncio.sleep(0.001)


def open_sockets() -> int:
    """How many sockets this process has open; 0 where there is no /proc to look at."""
    count = 0
    if not os.path.isdir("/proc/self/fd"):
        return count
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # closed meanwhile: the directory itself
            count += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
    return count


def server_tls(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
