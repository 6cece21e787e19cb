"""Without leave, no connection to an address that is not on the public Internet, however it is written or reached."""

import socket
from contextlib import asynccontextmanager

import pytest

from backends.scripted import always, answer, serving
from segue.backends.transport.addresses import is_global
from segue.backends.transport.aiohttp_transport import AiohttpTransport
from segue.core.failure import Executed, Kind
from segue.core.ports import TransportError, WireRequest


@asynccontextmanager
async def transporting():
    transport = AiohttpTransport(environment={})
    try:
        yield transport
    finally:
        await transport.close()


async def get(transport, url, *, allow_private):
    response = await transport.send(WireRequest("GET", url, {}), connect=5, allow_private=allow_private)
    return await response.read_whole(1000)


async def refusal(transport, url):
    with pytest.raises(TransportError) as caught:
        await get(transport, url, allow_private=False)
    return caught.value.failure


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "5f00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:c0a8:101::",
        "localhost",
        "",
    ],
)
def test_an_address_that_is_not_global_is_known_as_such(address):
    assert not is_global(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "172.32.0.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)
def test_an_address_of_the_public_internet_is_known_as_such(address):
    assert is_global(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "localhost.",
        "0.0.0.0",
        "0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "①②⑦.0.0.1",
        "169.254.169.254",
    ],
)
async def test_every_way_to_write_a_private_address_is_refused_before_anything_is_sent(host):
    async with serving(always(answer())) as server, transporting() as transport:
        failure = await refusal(transport, f"http://{host}:{server.port}/?key=secret")
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "secret" not in failure.message
        assert server.peers == []


async def test_the_message_names_the_provider_and_the_remedy_but_not_the_address_behind_the_name():
    async with transporting() as transport:
        failure = await refusal(transport, "http://localhost:1/")
    assert failure.message.startswith("the provider's address is not on the public Internet")
    assert "`allow_private_network: true`" in failure.message
    assert "127.0.0.1" not in failure.message
    assert "::1" not in failure.message


async def test_with_leave_a_private_address_is_served():
    async with serving(always(answer(b"inside"))) as server, transporting() as transport:
        assert await get(transport, server.url(), allow_private=True) == b"inside"
        assert await get(transport, server.url(host="localhost"), allow_private=True) == b"inside"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_connection_made_with_leave_never_serves_a_request_without(host):
    async with serving(always(answer())) as server, transporting() as transport:
        await get(transport, server.url(host=host), allow_private=True)
        failure = await refusal(transport, server.url(host=host))
        assert failure.kind is Kind.CONNECT
        await get(transport, server.url(host=host), allow_private=True)
        assert len(server.peers) == 1


def resolving(monkeypatch, *addresses):
    """Have every name resolve to these addresses."""

    async def getaddrinfo(host, port, **options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    import asyncio

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


async def test_a_public_name_that_resolves_to_a_private_address_is_refused(monkeypatch):
    async with serving(always(answer())) as server, transporting() as transport:
        resolving(monkeypatch, "127.0.0.1", "10.0.0.1")
        failure = await refusal(transport, server.url(host="api.example.com"))
        assert "address is not on the public Internet" in failure.message
        assert server.peers == []


async def test_of_a_name_with_private_and_public_addresses_only_the_public_are_tried(monkeypatch):
    tried = []

    async def connect(sock, address):
        tried.append(address[0])
        raise ConnectionRefusedError

    import asyncio

    async with transporting() as transport:
        resolving(monkeypatch, "127.0.0.1", "8.8.8.8", "192.168.0.1")
        monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
        failure = await refusal(transport, "http://api.example.com/")
    assert tried == ["8.8.8.8"]
    assert failure.message == "no connection to the provider: the connection was refused"
