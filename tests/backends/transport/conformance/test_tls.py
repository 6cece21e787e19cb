"""TLS: who is believed, what is said in the handshake, and what its end means."""

import asyncio
import ssl

import pytest
import trustme

from backends.scripted import Peer, always, answer, serving
from backends.transport.support import (
    ask,
    client_tls,
    counts,
    direct,
    failure_of,
    get,
    open_sockets,
    post,
    server_tls,
    turns,
    whole,
)
from segue.core.failure import Executed, Kind

AUTHORITY = trustme.CA()


async def test_tls_works_with_an_authority_of_ones_own(transporting):
    async with (
        serving(always(answer(b"safe")), tls=server_tls(AUTHORITY, "localhost")) as server,
        transporting(tls=client_tls(AUTHORITY)) as transport,
    ):
        for _ in range(2):
            assert await whole(transport, post(server.url(host="localhost", scheme="https"))) == b"safe"
        assert len(server.peers) == 1
        assert counts(transport) == (0, 1)


async def test_a_certificate_for_an_address_is_accepted_for_that_address(transporting):
    async with (
        serving(always(answer(b"safe")), tls=server_tls(AUTHORITY, "127.0.0.1")) as server,
        transporting(tls=client_tls(AUTHORITY)) as transport,
    ):
        assert await whole(transport, post(server.url(scheme="https"))) == b"safe"


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_certificate_that_does_not_hold_is_a_connect_failure_that_says_why(transporting, trusted):
    client = client_tls(AUTHORITY) if trusted else ssl.create_default_context()
    async with (
        serving(always(answer()), tls=server_tls(AUTHORITY, "elsewhere.test")) as server,
        transporting(tls=client) as transport,
    ):
        failure = await failure_of(ask(transport, post(server.url(host="localhost", scheme="https"))))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "certificate of the provider was not accepted" in failure.message
        assert ("mismatch" in failure.message.lower()) == trusted
        assert counts(transport) == (0, 0)


async def test_without_a_context_of_ones_own_a_stranger_is_not_believed():
    async with (
        serving(always(answer()), tls=server_tls(AUTHORITY, "localhost")) as server,
        direct() as transport,
    ):
        failure = await failure_of(ask(transport, post(server.url(host="localhost", scheme="https"))))
        assert failure.kind is Kind.CONNECT


async def test_the_server_is_told_its_name_and_that_we_speak_http_1_1_only():
    told = []
    tls = server_tls(AUTHORITY, "localhost")
    tls.set_alpn_protocols(["h2", "http/1.1"])
    tls.sni_callback = lambda plug, name, context: told.append(name)

    async def script(peer: Peer) -> None:
        told.append(peer.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await always(answer())(peer)

    async with serving(script, tls=tls) as server, direct(tls=client_tls(AUTHORITY)) as transport:
        await whole(transport, get(server.url(host="localhost", scheme="https")))
    assert told == ["localhost", "http/1.1"]


async def test_a_client_certificate_is_shown():
    tls = server_tls(AUTHORITY, "localhost")
    AUTHORITY.configure_trust(tls)
    tls.verify_mode = ssl.CERT_REQUIRED
    client = client_tls(AUTHORITY)
    AUTHORITY.issue_cert("client@example.test").configure_cert(client)
    async with serving(always(answer(b"known")), tls=tls) as server:
        async with direct(tls=client) as transport:
            assert await whole(transport, get(server.url(host="localhost", scheme="https"))) == b"known"
        async with direct(tls=client_tls(AUTHORITY)) as transport:
            failure = await failure_of(whole(transport, get(server.url(host="localhost", scheme="https"))))
            assert failure.kind in {Kind.CONNECT, Kind.CONNECTION_LOST}


async def test_plain_http_where_tls_was_expected_is_a_connect_failure(transporting):
    async def plain(peer: Peer) -> None:
        await peer.say(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async with serving(plain) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(scheme="https"))))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "TLS" in failure.message


async def test_tls_where_plain_http_was_expected_is_no_answer():
    async with (
        serving(always(answer()), tls=server_tls(AUTHORITY, "localhost")) as server,
        direct() as transport,
    ):
        failure = await failure_of(ask(transport, get(server.url())))
        assert failure.kind in {Kind.BAD_RESPONSE, Kind.CONNECTION_LOST}


async def test_a_handshake_that_does_not_end_is_a_connect_failure(transporting):
    async def silent(peer: Peer) -> None:
        await peer.until_closed()

    async with serving(silent) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(scheme="https")), connect=0.1))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "within 0.1 s" in failure.message
        await server.until(lambda: server.open == 0)
        assert counts(transport) == (0, 0)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_handshake_that_is_cut_is_a_connect_failure(transporting, how):
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        if how == "reset":
            peer.reset()

    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(scheme="https"))))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert counts(transport) == (0, 0)


async def test_cancelling_a_handshake_leaves_nothing_behind(transporting):
    async def silent(peer: Peer) -> None:
        await peer.until_closed()

    async with serving(silent) as server, transporting() as transport:
        task = asyncio.create_task(ask(transport, post(server.url(scheme="https")), connect=30))
        await server.until(lambda: server.open == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)
        await turns(2)
        assert counts(transport) == (0, 0)


@pytest.mark.parametrize("proper", [True, False])
async def test_a_body_that_ends_with_its_connection_is_whole_only_when_tls_said_goodbye(proper):
    """Anybody on the way can close a TCP connection; only the server can send `close_notify`."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await heard.wait()
        if not proper:
            peer.reset()

    heard = asyncio.Event()
    async with (
        serving(script, tls=server_tls(AUTHORITY, "localhost")) as server,
        direct(tls=client_tls(AUTHORITY)) as transport,
    ):
        response = await ask(transport, get(server.url(host="localhost", scheme="https")))
        assert await response.read_chunk() == b"hello"
        heard.set()
        if proper:
            assert await response.read_chunk() == b""
        else:
            failure = await failure_of(response.read_chunk())
            assert failure.kind is Kind.STREAM_CUT


async def test_large_bodies_go_both_ways_over_tls(transporting):
    body = bytes(range(256)) * 20_000

    async def echo(peer: Peer) -> None:
        while request := await peer.request():
            await peer.say(answer(request.partition(b"\r\n\r\n")[2]))

    async with (
        serving(echo, tls=server_tls(AUTHORITY, "localhost")) as server,
        transporting(tls=client_tls(AUTHORITY)) as transport,
    ):
        for _ in range(2):
            assert await whole(transport, post(server.url(host="localhost", scheme="https"), body)) == body
        assert len(server.peers) == 1


async def test_a_reader_who_does_not_read_stops_a_tls_connection_too():
    total, written = 30_000_000, 0

    async def script(peer: Peer) -> None:
        nonlocal written
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 30000000\r\n\r\n")
        while written < total:
            await peer.say(bytes(100_000))
            written += 100_000
        await peer.until_closed()

    async with (
        serving(script, tls=server_tls(AUTHORITY, "localhost")) as server,
        direct(tls=client_tls(AUTHORITY)) as transport,
    ):
        response = await ask(transport, get(server.url(host="localhost", scheme="https")))
        before = -1
        while before != written or not response.stopping:
            before = written
            await asyncio.sleep(0.05)
        assert written < total
        assert response.size < 4_000_000
        size = 0
        while chunk := await response.read_chunk():
            size += len(chunk)
        assert size == total


async def test_closing_a_tls_connection_does_not_wait_for_the_other_side():
    async def rude(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        await peer.until_closed()

    before = open_sockets()
    async with (
        serving(rude, tls=server_tls(AUTHORITY, "localhost")) as server,
        direct(tls=client_tls(AUTHORITY)) as transport,
    ):
        response = await ask(transport, get(server.url(host="localhost", scheme="https")))
        response.close()
        await server.until(lambda: server.open == 0)
        assert counts(transport) == (0, 0)
    await turns()
    assert open_sockets() <= before
