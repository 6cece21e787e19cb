"""Names, addresses, and which of them may be connected to."""

import asyncio
import socket

import pytest

from backends.scripted import always, answer, serving
from backends.transport.support import ask, counts, direct, failure_of, get, open_sockets, turns, whole
from segue.backends.transport import direct_connect
from segue.core.failure import Executed, Kind
from segue.core.ports import TransportError
from segue.testing import FakeClock

HOSTS = [
    "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "localhost", "localhost.",
    "0.0.0.0", "0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "①②⑦.0.0.1", "169.254.169.254", "LOCALHOST",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
async def test_every_way_to_write_a_private_address_is_refused_before_anything_is_sent(transporting, host):
    async with serving(always(answer())) as server, transporting() as transport:
        request = get(f"http://{host}:{server.port}/?key=s3cr3t")
        with pytest.raises(TransportError) as caught:
            await ask(transport, request, allow_private=False)
        assert caught.value.failure.kind is Kind.CONNECT
        assert caught.value.failure.executed is Executed.NO
        assert "s3cr3t" not in caught.value.failure.message
        assert server.peers == []


async def test_the_message_names_the_provider_and_not_the_address_behind_the_name(transporting):
    async with transporting() as transport:
        failure = await failure_of(ask(transport, get("http://localhost:1/"), allow_private=False))
    assert failure.message.startswith("the provider's address is not on the public Internet")
    assert "127.0.0.1" not in failure.message
    assert "::1" not in failure.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_connection_made_with_leave_never_serves_a_request_without(transporting, host):
    async with serving(always(answer())) as server, transporting() as transport:
        await whole(transport, get(server.url(host=host)))
        failure = await failure_of(ask(transport, get(server.url(host=host)), allow_private=False))
        assert failure.kind is Kind.CONNECT
        await whole(transport, get(server.url(host=host)))
        assert len(server.peers) == 1


def resolving(monkeypatch, *addresses, port=None):
    """Have every name resolve to these addresses; the list tells which names were asked for."""
    asked = []

    async def getaddrinfo(host, at, **options):
        asked.append(host)
        await asyncio.sleep(0)
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port or at, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or at))
            for address in addresses
        ]

    patch_loop(monkeypatch, "getaddrinfo", getaddrinfo)
    return asked


def patch_loop(monkeypatch, name, replacement):
    """Uvloop's loop takes no attributes, so the running loop is replaced where the module asks for it."""
    before = direct_connect.asyncio

    class Patched:
        def __init__(self, loop):
            self._loop = loop

        def __getattr__(self, attribute):
            return replacement if attribute == name else getattr(self._loop, attribute)

    class Asyncio:
        def __getattr__(self, attribute):
            return (
                (lambda: Patched(before.get_running_loop()))
                if attribute == "get_running_loop"
                else getattr(before, attribute)
            )

    monkeypatch.setattr(direct_connect, "asyncio", Asyncio())


async def test_a_public_name_that_resolves_to_a_private_address_is_refused(monkeypatch):
    async with serving(always(answer())) as server, direct() as transport:
        resolving(monkeypatch, "127.0.0.1", "10.0.0.1")
        failure = await failure_of(ask(transport, get(server.url(host="api.example.com")), allow_private=False))
        assert "address is not on the public Internet" in failure.message
        assert failure.executed is Executed.NO
        assert server.peers == []


async def test_of_a_name_with_private_and_public_addresses_only_the_public_are_tried(monkeypatch):
    tried = []

    async def connect(sock, address):
        tried.append(address[0])
        raise ConnectionRefusedError

    async with direct() as transport:
        resolving(monkeypatch, "127.0.0.1", "8.8.8.8", "192.168.0.1")
        patch_loop(monkeypatch, "sock_connect", connect)
        failure = await failure_of(ask(transport, get("http://api.example.com/"), allow_private=False))
    assert tried == ["8.8.8.8"]
    assert failure.message == "no connection to the provider: the connection was refused"


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(monkeypatch):
    """A name server that gives another address to the second question (DNS rebinding) is never asked twice."""
    tried = []

    async def connect(sock, address):
        tried.append(address[0])
        raise ConnectionRefusedError

    async with direct() as transport:
        asked = resolving(monkeypatch, "8.8.8.8")
        patch_loop(monkeypatch, "sock_connect", connect)
        await failure_of(ask(transport, get("http://api.example.com/"), allow_private=False))
    assert asked == ["api.example.com"]
    assert tried == ["8.8.8.8"]


async def test_a_name_is_asked_for_once_in_half_a_minute_however_many_want_to_know(monkeypatch):
    clock = FakeClock()
    async with serving(always(answer(headers="connection: close\r\n"))) as server, direct(clock=clock) as transport:
        asked = resolving(monkeypatch, "127.0.0.1")
        url = server.url(host="api.example.com")
        await asyncio.gather(*(whole(transport, get(url)) for _ in range(10)))
        await whole(transport, get(url))
        assert len(asked) == 1
        clock.advance(31)
        await whole(transport, get(url))
        assert len(asked) == 2


async def test_one_who_asks_and_goes_away_does_not_disturb_the_others(monkeypatch):
    async with serving(always(answer())) as server, direct() as transport:
        asked = resolving(monkeypatch, "127.0.0.1")
        tasks = [asyncio.create_task(whole(transport, get(server.url(host="a.test")))) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        assert await asyncio.gather(*tasks[1:]) == [b"{}", b"{}"]
        assert len(asked) == 1


async def test_addresses_that_do_not_work_are_asked_for_again(monkeypatch):
    async with serving(always(answer())) as server:
        port = server.port
    async with direct() as transport:
        asked = resolving(monkeypatch, "127.0.0.1", port=port)
        for _ in range(2):
            await failure_of(ask(transport, get("http://api.example.com/")))
        assert len(asked) == 2


async def test_a_name_that_does_not_exist_was_never_sent(transporting):
    async with transporting() as transport:
        failure = await failure_of(ask(transport, get("http://nothing.invalid/?key=s3cr3t"), connect=20))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "name could not be resolved" in failure.message
        assert counts(transport) == (0, 0)


async def test_a_name_that_no_name_can_be_is_a_connect_failure():
    async with direct() as transport:
        failure = await failure_of(ask(transport, get(f"http://{'a' * 64}.test/")))
        assert failure.kind is Kind.CONNECT
        assert "could not be resolved" in failure.message


async def test_the_next_address_is_tried_at_once_when_one_refuses(monkeypatch):
    async with serving(always(answer())) as server, direct() as transport:
        resolving(monkeypatch, "::1", "127.0.0.1")
        assert await whole(transport, get(server.url(host="api.example.com")), connect=0.2) == b"{}"


async def test_the_next_address_is_tried_beside_one_that_does_not_answer(monkeypatch):
    tried, abandoned = [], []
    real = asyncio.get_running_loop().sock_connect

    async def connect(sock, address):
        tried.append(address[0])
        if address[0] != "127.0.0.1":
            try:
                await asyncio.Event().wait()
            finally:
                abandoned.append(address[0])
        await real(sock, address)

    before = open_sockets()
    async with serving(always(answer())) as server, direct() as transport:
        resolving(monkeypatch, "2001:db8::1", "127.0.0.1", "192.0.2.1")
        patch_loop(monkeypatch, "sock_connect", connect)
        monkeypatch.setattr(direct_connect, "_STAGGER", 0.01)
        assert await whole(transport, get(server.url(host="api.example.com"))) == b"{}"
        assert tried == ["2001:db8::1", "127.0.0.1"]
        await turns(2)
        assert abandoned == ["2001:db8::1"]
    await turns()
    assert open_sockets() <= before


async def test_of_two_addresses_that_answer_at_once_one_is_used_and_the_other_closed(monkeypatch):
    both, plugs = asyncio.Event(), []

    async def connect(sock, address):
        plugs.append(sock)
        if len(plugs) == 2:
            both.set()
        await both.wait()
        sock.setblocking(True)  # so that both have come when the race is looked at
        sock.connect(("127.0.0.1", address[1]))
        sock.setblocking(False)

    async with serving(always(answer())) as server, direct() as transport:
        resolving(monkeypatch, "127.0.0.1", "127.0.0.2")
        patch_loop(monkeypatch, "sock_connect", connect)
        monkeypatch.setattr(direct_connect, "_STAGGER", 0.01)
        assert await whole(transport, get(server.url(host="api.example.com"))) == b"{}"
        await turns(3)
        assert len(plugs) == 2
        assert sum(plug.fileno() == -1 for plug in plugs) == 1


async def test_families_take_turns_and_no_name_makes_us_try_more_than_eight_addresses(monkeypatch):
    tried = []

    async def connect(sock, address):
        tried.append(address[0])
        raise OSError

    async with direct() as transport:
        six = [f"2001:db8::{number}" for number in range(1, 7)]
        four = [f"192.0.2.{number}" for number in range(1, 7)]
        resolving(monkeypatch, *six, *four)
        patch_loop(monkeypatch, "sock_connect", connect)
        await failure_of(ask(transport, get("http://api.example.com/")))
    assert tried == [address for pair in zip(six[:4], four[:4], strict=True) for address in pair]


async def test_connecting_that_does_not_end_is_a_connect_failure_within_the_limit(monkeypatch):
    async def connect(sock, address):
        await asyncio.Event().wait()

    before = open_sockets()
    async with direct() as transport:
        resolving(monkeypatch, "192.0.2.1", "192.0.2.2")
        patch_loop(monkeypatch, "sock_connect", connect)
        failure = await failure_of(ask(transport, get("http://api.example.com/"), connect=0.05))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "within 0.05 s" in failure.message
        await turns()
        assert counts(transport) == (0, 0)
        assert open_sockets() <= before


async def test_resolving_that_does_not_end_counts_as_connecting(monkeypatch):
    async def getaddrinfo(host, port, **options):
        await asyncio.Event().wait()

    async with direct() as transport:
        patch_loop(monkeypatch, "getaddrinfo", getaddrinfo)
        failure = await failure_of(ask(transport, get("http://api.example.com/"), connect=0.05))
        assert failure.kind is Kind.CONNECT
        assert "within 0.05 s" in failure.message
        await turns()
        assert transport._dialler._resolver._asked == {}


async def test_an_ipv6_address_can_be_asked():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    from backends.scripted import Server

    server = Server(always(answer(b"six")))
    try:
        listener = await asyncio.start_server(server.serve, "::1", 0)
    except OSError:
        pytest.skip("no IPv6 loopback here")
    async with listener, direct() as transport:
        port = listener.sockets[0].getsockname()[1]
        assert await whole(transport, get(f"http://[::1]:{port}/")) == b"six"
