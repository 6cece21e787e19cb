"""The transport against servers that say whatever a test wants."""

import asyncio
import gzip
import re
import ssl
import tracemalloc
import zlib
from contextlib import asynccontextmanager

import pytest
import trustme

from backends.scripted import Peer, always, answer, serving
from segue.backends.transport.aiohttp_transport import AiohttpTransport
from segue.core.failure import Executed, Kind, Scope
from segue.core.ports import TransportError, WireRequest

SECRET = "s3cr3t"


@asynccontextmanager
async def transporting(**options):
    transport = AiohttpTransport(**{"environment": {}, "version": "9.9"} | options)
    try:
        yield transport
    finally:
        await transport.close()


def post(url: str, body: bytes = b'{"a":1}', **headers: str) -> WireRequest:
    return WireRequest("POST", url, {"content-type": "application/json"} | headers, body)


async def ask(transport, request, *, connect=2.0, allow_private=True):
    return await transport.send(request, connect=connect, allow_private=allow_private)


async def failure_of(awaitable):
    with pytest.raises(TransportError) as caught:
        await awaitable
    failure = caught.value.failure
    assert SECRET not in failure.message
    told = failure.message.replace("http:// or https://", "")
    assert not re.search(r":\d\d|/|\?", told), "a port, a path or a query is told"
    return failure


def counts(transport) -> tuple[int, int]:
    """Connections in use, and kept for reuse."""
    connectors = [session.connector for session in transport._sessions.values()]
    return (
        sum(len(connector._acquired) for connector in connectors),
        sum(len(kept) for connector in connectors for kept in connector._conns.values()),
    )


# What is sent


async def test_a_request_goes_out_as_written_and_with_nothing_of_the_client_librarys_own():
    async with serving(always(answer())) as server, transporting() as transport:
        seen = []

        async def script(peer):
            seen.append(await peer.request())
            await peer.say(answer())

        server.script = script
        await (await ask(transport, post(server.url("/v1/x%3Ay?key=a%2Fb+c")))).read_whole(100)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /v1/x%3Ay?key=a%2Fb+c HTTP/1.1"
    names = sorted(line.split(b":")[0].lower() for line in lines[1:])
    assert names == [b"accept-encoding", b"content-length", b"content-type", b"host", b"user-agent"]
    assert b"user-agent: segue/9.9" in head.lower()
    assert body == b'{"a":1}'


async def test_a_url_with_other_characters_is_encoded():
    seen = []

    async def script(peer):
        seen.append(await peer.request())
        await peer.say(answer())

    async with serving(script) as server, transporting() as transport:
        await (await ask(transport, post(server.url("/wetter/Zürich heute?a=b c")))).read_whole(100)
    assert seen[0].startswith(b"POST /wetter/Z%C3%BCrich%20heute?a=b+c HTTP/1.1\r\n")


async def test_headers_of_the_request_win_over_defaults():
    async with serving(always(answer())) as server, transporting() as transport:
        seen = []

        async def script(peer):
            seen.append((await peer.request()).lower())
            await peer.say(answer())

        server.script = script
        headers = {"user-agent": "mine", "accept": "text/event-stream", "accept-encoding": "identity"}
        await (await ask(transport, post(server.url(), **headers))).read_whole(100)
    assert b"user-agent: mine\r\n" in seen[0]
    assert b"segue" not in seen[0]
    assert b"accept: text/event-stream\r\n" in seen[0]
    assert b"accept-encoding: identity\r\n" in seen[0]


async def test_redirects_are_answers_like_any_other():
    redirect = answer(status="307 Temporary Redirect", headers="location: http://example.com/\r\n")
    async with serving(always(redirect)) as server, transporting() as transport:
        response = await ask(transport, post(server.url()))
        assert response.status == 307
        assert response.headers["location"] == "http://example.com/"
        await response.read_whole(100)


async def test_cookies_are_not_kept():
    seen = []

    async def script(peer):
        while request := await peer.request():
            seen.append(request.lower())
            await peer.say(answer(headers="set-cookie: a=b\r\n"))

    async with serving(script) as server, transporting() as transport:
        for _ in range(2):
            await (await ask(transport, post(server.url(host="localhost")))).read_whole(100)
    assert len(seen) == 2
    assert not any(b"cookie" in request for request in seen)


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b"])
async def test_a_line_break_in_a_header_is_a_clear_failure_of_the_request(value):
    async with serving(always(answer())) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(), **{"x-tag": value})))
        assert failure.kind is Kind.INVALID_REQUEST
        assert failure.executed is Executed.NO
        assert failure.scope is Scope.REQUEST
        assert "'x-tag'" in failure.message
        assert counts(transport)[0] == 0


async def test_a_line_break_in_a_headers_name_is_a_clear_failure_too():
    async with serving(always(answer())) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(), **{"x-a\r\nx-b": "1"})))
        assert failure.kind is Kind.INVALID_REQUEST
        assert "\n" not in failure.message


async def test_a_line_break_in_a_key_is_the_keys_fault_and_is_not_shown():
    async with serving(always(answer())) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(), authorization=f"Bearer {SECRET}\n")))
        assert failure.kind is Kind.AUTH
        assert failure.scope is Scope.KEY
        assert failure.executed is Executed.NO


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x/", "http://", "nonsense", "http://a b/", "http://[::1", "http://x:99999/", "file:///etc/passwd"],
)
async def test_a_url_that_cannot_be_asked_is_a_failure_that_does_not_show_it(url):
    async with transporting() as transport:
        failure = await failure_of(ask(transport, post(url)))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO


# What comes back


async def test_headers_are_lower_case_and_repeated_ones_are_joined():
    headers = "X-One: 1\r\nX-Two: a\r\nx-two: b\r\n"
    async with serving(always(answer(headers=headers))) as server, transporting() as transport:
        response = await ask(transport, post(server.url()))
        await response.read_whole(100)
    assert response.headers["x-one"] == "1"
    assert response.headers["x-two"] == "a, b"


async def test_a_compressed_body_is_decoded_and_its_wire_headers_are_left_out():
    packed = gzip.compress(b"hello " * 1000)
    async with (
        serving(always(answer(packed, headers="content-encoding: gzip\r\nx-a: 1\r\n"))) as server,
        transporting() as transport,
    ):
        response = await ask(transport, post(server.url()))
        assert await response.read_whole(10_000) == b"hello " * 1000
    assert "content-encoding" not in response.headers
    assert "content-length" not in response.headers
    assert response.headers["x-a"] == "1"


async def test_a_body_that_cannot_be_decompressed_is_a_bad_response():
    async with (
        serving(always(answer(b"not gzip at all", headers="content-encoding: gzip\r\n"))) as server,
        transporting() as transport,
    ):
        failure = await failure_of((await ask(transport, post(server.url()))).read_whole(100))
        assert failure.kind is Kind.BAD_RESPONSE


async def test_a_small_body_that_unpacks_to_a_huge_one_stops_at_the_limit():
    bomb = zlib.compress(bytes(200_000_000), 9)
    assert len(bomb) < 300_000
    async with (
        serving(always(answer(bomb, headers="content-encoding: deflate\r\n"))) as server,
        transporting() as transport,
    ):
        response = await ask(transport, post(server.url()))
        tracemalloc.start()
        failure = await failure_of(response.read_whole(1_000_000))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20_000_000
        assert failure.kind is Kind.BAD_RESPONSE
        assert "1000000 bytes" in failure.message
        await server.until(lambda: server.open == 0)


async def test_a_large_body_within_the_limit_is_read_whole():
    body = bytes(range(256)) * 40_000
    async with serving(always(answer(body))) as server, transporting() as transport:
        assert await (await ask(transport, post(server.url()))).read_whole(len(body)) == body


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_beyond_the_limit_is_a_bad_response_and_its_connection_is_closed(chunked):
    body = b"x" * 5000
    whole = answer(body)
    if chunked:
        whole = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1388\r\n" + body + b"\r\n0\r\n\r\n"
    async with serving(always(whole)) as server, transporting() as transport:
        failure = await failure_of((await ask(transport, post(server.url()))).read_whole(4999))
        assert failure.kind is Kind.BAD_RESPONSE
        assert (await (await ask(transport, post(server.url()))).read_whole(5000)) == body
        await server.until(lambda: server.open <= 1)


async def test_chunks_come_as_they_are_sent():
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"3\r\none\r\n")
        await go.wait()
        await peer.say(b"3\r\ntwo\r\n", b"0\r\n\r\n")
        await peer.until_closed()

    async with serving(script) as server, transporting() as transport:
        response = await ask(transport, post(server.url()))
        assert await response.read_chunk() == b"one"
        go.set()
        assert await response.read_chunk() == b"two"
        assert await response.read_chunk() == b""
        assert await response.read_chunk() == b""
        assert counts(transport) == (0, 1)
        response.close()
        response.close()


async def test_an_answer_without_a_body_ends_at_once():
    async with serving(always(b"HTTP/1.1 204 No Content\r\n\r\n")) as server, transporting() as transport:
        response = await ask(transport, WireRequest("DELETE", server.url(), {}))
        assert await response.read_chunk() == b""
        assert await response.read_whole(0) == b""


async def test_a_body_that_ends_with_its_connection_is_whole():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello")

    async with serving(script) as server, transporting() as transport:
        assert await (await ask(transport, post(server.url()))).read_whole(10) == b"hello"


# Connections


async def test_connections_are_kept_and_used_again():
    async with serving(always(answer())) as server, transporting() as transport:
        for _ in range(5):
            await (await ask(transport, post(server.url()))).read_whole(100)
        assert len(server.peers) == 1
        assert counts(transport) == (0, 1)


async def test_a_hundred_requests_at_once_are_all_answered():
    async with serving(always(answer(b"ok"))) as server, transporting() as transport:

        async def one() -> bytes:
            return await (await ask(transport, post(server.url()))).read_whole(100)

        assert await asyncio.gather(*(one() for _ in range(100))) == [b"ok"] * 100
        assert len(server.peers) <= 100


async def test_beyond_the_limit_per_host_requests_wait_and_the_wait_counts_as_connecting():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha")
        await go.wait()
        await peer.say(b"lf")
        await always(answer())(peer)

    go = asyncio.Event()
    async with serving(script) as server, transporting(per_host=1) as transport:
        first = await ask(transport, post(server.url("/1")))
        second = asyncio.create_task(ask(transport, post(server.url("/2"))))
        failure = await failure_of(ask(transport, post(server.url("/3")), connect=0.05))
        assert failure.kind is Kind.CONNECT
        go.set()
        assert await first.read_whole(100) == b"half"
        await (await second).read_whole(100)
        assert len(server.peers) == 1


async def test_a_post_is_sent_once_even_when_the_kept_connection_was_closed():
    served = []

    async def script(peer: Peer) -> None:
        served.append(await peer.request())
        await peer.say(answer())
        served.append(await peer.request())  # and closes without an answer

    async with serving(script) as server, transporting() as transport:
        await (await ask(transport, post(server.url()))).read_whole(100)
        failure = await failure_of(ask(transport, post(server.url())))
        assert failure.kind is Kind.CONNECTION_LOST
        assert failure.executed is Executed.UNKNOWN
        assert len(served) == 2
        assert len(server.peers) == 1


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("PUT", 1), ("DELETE", 1), ("PATCH", 1)])
async def test_only_what_merely_reads_is_sent_again_on_a_new_connection(method, times):
    served = []

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer())
        if request := await peer.request():
            served.append(request)

    async with serving(script) as server, transporting() as transport:
        request = WireRequest(method, server.url(), {})
        await (await ask(transport, request)).read_whole(100)
        if times == 1:
            failure = await failure_of(ask(transport, request))
            assert failure.kind is Kind.CONNECTION_LOST
            assert failure.executed is Executed.UNKNOWN
        else:
            await (await ask(transport, request)).read_whole(100)
        assert len(served) == 1
        assert len(server.peers) == times
        assert counts(transport)[0] == 0


async def test_an_answer_nobody_asked_for_never_answers_the_next_request():
    """Bytes that come on a kept connection belong to no request: taking them for one would mix up two callers."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer(b"first"))
        if peer.number == 1:
            await server.until(lambda: counts(transport) == (0, 1))
            await peer.say(answer(b"somebody else's"))
            stray.set()
            if await peer.request():
                await peer.say(answer(b"late"))
        await peer.until_closed()

    stray = asyncio.Event()
    async with serving(script) as server, transporting() as transport:
        assert await (await ask(transport, post(server.url()))).read_whole(100) == b"first"
        server._changed.set()
        await stray.wait()
        for _ in range(5):
            await asyncio.sleep(0.01)
        assert await (await ask(transport, post(server.url()))).read_whole(100) == b"first"


async def test_closing_an_unread_answer_closes_its_connection():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await peer.until_closed()

    async with serving(script) as server, transporting() as transport:
        response = await ask(transport, post(server.url()))
        response.close()
        await server.until(lambda: server.open == 0)
        assert counts(transport) == (0, 0)


@pytest.mark.parametrize("phase", ["headers", "whole", "chunk"])
async def test_cancelling_closes_the_connection(phase):
    async def script(peer: Peer) -> None:
        await peer.request()
        reached.set()
        if phase != "headers":
            await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        await peer.until_closed()

    async def whole() -> None:
        response = await ask(transport, post(server.url()))
        started.set()
        await (response.read_whole(1000) if phase == "whole" else response.read_chunk())

    reached, started = asyncio.Event(), asyncio.Event()
    async with serving(script) as server, transporting() as transport:
        task = asyncio.create_task(whole())
        await (reached if phase == "headers" else started).wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)
        assert counts(transport) == (0, 0)


async def test_cancelling_while_connecting_leaves_nothing_behind():
    authority = trustme.CA()
    tls = ssl.create_default_context()
    authority.configure_trust(tls)

    async def silent(peer: Peer) -> None:
        await peer.until_closed()

    # The server never answers the TLS handshake, so the connection is never made.
    async with serving(silent) as server, transporting(tls=tls) as transport:
        task = asyncio.create_task(ask(transport, post(server.url(scheme="https")), connect=30))
        await server.until(lambda: server.open == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)
        assert counts(transport) == (0, 0)


async def test_after_closing_requests_are_refused_and_nothing_was_sent():
    async with serving(always(answer())) as server:
        transport = AiohttpTransport(environment={})
        await (await ask(transport, post(server.url()))).read_whole(100)
        await transport.close()
        await transport.close()
        failure = await failure_of(ask(transport, post(server.url())))
        assert failure.executed is Executed.NO
        await server.until(lambda: server.open == 0)
        assert len(server.peers) == 1


async def test_closing_while_an_answer_is_awaited_ends_that_request_with_a_failure():
    async def script(peer: Peer) -> None:
        await peer.request()
        asked.set()
        await peer.until_closed()

    asked = asyncio.Event()
    async with serving(script) as server:
        transport = AiohttpTransport(environment={})
        waiting = asyncio.create_task(ask(transport, post(server.url())))
        await asked.wait()
        await transport.close()
        failure = await failure_of(waiting)
        assert failure.kind is Kind.CONNECTION_LOST
        assert failure.executed is Executed.UNKNOWN
        await server.until(lambda: server.open == 0)


# Failures


async def test_a_refused_connection_was_never_sent():
    async with serving(always(answer())) as server:
        url = server.url(f"/?key={SECRET}")
    async with transporting() as transport:
        failure = await failure_of(ask(transport, post(url)))
    assert failure.kind is Kind.CONNECT
    assert failure.executed is Executed.NO
    assert "refused" in failure.message


async def test_a_name_that_does_not_exist_was_never_sent():
    async with transporting() as transport:
        failure = await failure_of(ask(transport, post(f"http://nothing.invalid/?key={SECRET}"), connect=20))
    assert failure.kind is Kind.CONNECT
    assert failure.executed is Executed.NO
    assert "name could not be resolved" in failure.message


async def test_a_tls_handshake_that_does_not_end_is_a_connect_failure():
    async def silent(peer: Peer) -> None:
        await peer.until_closed()

    async with serving(silent) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(scheme="https")), connect=0.1))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "within 0.1 s" in failure.message
        await server.until(lambda: server.open == 0)


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_tls_handshake_that_is_cut_is_a_connect_failure(how):
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        if how == "reset":
            peer.reset()

    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(scheme="https"))))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert counts(transport) == (0, 0)


async def test_a_method_that_is_none_is_a_failure_of_the_request():
    async with serving(always(answer())) as server, transporting() as transport:
        failure = await failure_of(ask(transport, WireRequest("GET\r\nx: y", server.url(), {})))
        assert failure.kind is Kind.INVALID_REQUEST
        assert failure.executed is Executed.NO


async def test_plain_http_where_tls_was_expected_is_a_connect_failure():
    async def plain(peer: Peer) -> None:
        await peer.say(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    async with serving(plain) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(scheme="https"))))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "TLS" in failure.message


def server_tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_tls_works_with_an_authority_of_ones_own():
    authority = trustme.CA()
    client = ssl.create_default_context()
    authority.configure_trust(client)
    async with (
        serving(always(answer(b"safe")), tls=server_tls(authority, "localhost")) as server,
        transporting(tls=client) as transport,
    ):
        for _ in range(2):
            response = await ask(transport, post(server.url(host="localhost", scheme="https")))
            assert await response.read_whole(100) == b"safe"
        assert len(server.peers) == 1


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_certificate_that_does_not_hold_is_a_connect_failure_that_says_why(trusted):
    authority = trustme.CA()
    client = ssl.create_default_context()
    if trusted:
        authority.configure_trust(client)
    async with (
        serving(always(answer()), tls=server_tls(authority, "elsewhere.test")) as server,
        transporting(tls=client) as transport,
    ):
        failure = await failure_of(ask(transport, post(server.url(host="localhost", scheme="https"))))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "certificate of the provider was not accepted" in failure.message
        assert ("mismatch" in failure.message.lower()) == trusted


@pytest.mark.parametrize("how", ["close", "reset", "half a head"])
async def test_a_connection_lost_before_an_answer_leaves_open_whether_it_was_executed(how):
    async def script(peer: Peer) -> None:
        await peer.request()
        if how == "reset":
            peer.reset()
        elif how == "half a head":
            await peer.say(b"HTTP/1.1 200 OK\r\ncontent-le")

    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url())))
        assert failure.kind is Kind.CONNECTION_LOST
        assert failure.executed is Executed.UNKNOWN
        assert counts(transport) == (0, 0)


async def test_a_reset_while_a_large_body_is_being_sent_is_a_lost_connection():
    async def script(peer: Peer) -> None:
        await peer.reader.readexactly(1000)
        peer.reset()

    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url(), b"x" * 20_000_000)))
        assert failure.kind is Kind.CONNECTION_LOST
        assert failure.executed is Executed.UNKNOWN


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nbad header line\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: a\r\n" * 10_000 + b"\r\n",
    ],
    ids=["ssh", "tls", "status", "negative", "two lengths", "no colon", "long header", "many headers"],
)
async def test_what_is_no_http_is_a_bad_response(said):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(said)
        await peer.until_closed()

    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url())))
        assert failure.kind is Kind.BAD_RESPONSE
        assert counts(transport) == (0, 0)
        await server.until(lambda: server.open == 0)


CUT = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\nhalf",
]


@pytest.mark.parametrize("said", CUT)
@pytest.mark.parametrize("reset", [False, True])
async def test_a_body_cut_in_the_middle_is_never_taken_for_whole(said, reset):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(said)
        await cut.wait()
        if reset:
            peer.reset()

    async with serving(script) as server, transporting() as transport:
        cut = asyncio.Event()
        response = await ask(transport, post(server.url()))
        assert await response.read_chunk() == b"half"
        cut.set()
        failure = await failure_of(response.read_chunk())
        assert failure.kind is Kind.STREAM_CUT
        assert failure.executed is Executed.UNKNOWN

        response = await ask(transport, post(server.url()))
        failure = await failure_of(response.read_whole(1000))
        assert failure.kind is Kind.CONNECTION_LOST
        assert counts(transport) == (0, 0)


async def test_a_chunked_body_with_a_broken_frame_is_never_taken_for_whole():
    broken = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nZZ\r\nmore\r\n0\r\n\r\n"
    async with serving(always(broken)) as server, transporting() as transport:
        with pytest.raises(TransportError) as caught:
            await (await ask(transport, post(server.url()))).read_whole(1000)
        assert caught.value.failure.kind in {Kind.BAD_RESPONSE, Kind.CONNECTION_LOST}
        assert counts(transport) == (0, 0)


async def test_callers_that_hang_up_under_load_leave_nothing_open():
    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
            await peer.until_closed()

    async def caller(number: int) -> None:
        response = await ask(transport, post(server.url()))
        await response.read_chunk()
        if number % 2:
            response.close()
            return
        await response.read_chunk()

    async with serving(script) as server, transporting() as transport:
        tasks = [asyncio.create_task(caller(number)) for number in range(200)]
        await server.until(lambda: len(server.peers) == 200)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.until(lambda: server.open == 0)
        assert counts(transport) == (0, 0)
