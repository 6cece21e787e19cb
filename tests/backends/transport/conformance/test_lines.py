"""A line takes connections that are kept, by the rules of `send`, and tells of what comes on them."""

import asyncio

import pytest
import trustme

from backends.scripted import Peer, always, answer, serving
from backends.transport.knowing import Knowing
from backends.transport.support import SECRET, ask, client_tls, counts, get, post, reset, server_tls, turns, whole
from backends.transport.support import direct as plainly
from segue.backends.transport import direct as module
from segue.core.failure import Executed, Failure, Kind
from segue.core.ports import TransportError, WireRequest
from segue.testing import FakeClock


class Ear:
    """Is told, keeps it, and lets others wait for it."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.happened = asyncio.Event()

    def answered(self, response) -> None:
        self.told.append(response)
        self.happened.set()

    def failed(self, failure) -> None:
        self.answered(failure)

    async def once(self):
        async with asyncio.timeout(5):
            await self.happened.wait()
        await turns(3)
        assert len(self.told) == 1
        return self.told[0]


def begin(line, body: bytes = b"{}", ear: Ear | None = None) -> Ear:
    ear = ear or Ear()
    line.free().begin(line.head(len(body)), body, ear)
    return ear


def line_of(transport, server, **options):
    line = transport.line(post(server.url("/v1?a=b"), authorization=SECRET), **({"allow_private": True} | options))
    assert line is not None
    return line


async def test_a_line_sends_what_send_would_send(direct):
    async def script(peer: Peer) -> None:
        while request := await peer.request():
            seen.append(request)
            await peer.say(answer(b"hello"))

    seen: list[bytes] = []
    async with serving(script) as server, direct() as transport:
        line = line_of(transport, server)
        for body in (b'{"a":1}', b"x" * 300_000, b"y"):
            await whole(transport, post(server.url("/v1?a=b"), body, authorization=SECRET))
            assert counts(transport) == (0, 1)
            response = await begin(line, body).once()
            assert await response.read_whole(10) == b"hello"
            assert seen[-1] == seen[-2]
        assert len(server.peers) == 1
        assert counts(transport) == (0, 1)


async def test_a_line_takes_only_what_is_kept_and_each_connection_once(direct):
    async with serving(always(answer())) as server, direct() as transport:
        line = line_of(transport, server)
        assert line.free() is None, "the origin is not even known"
        await asyncio.gather(*(whole(transport, post(server.url())) for _ in range(2)))
        kept = counts(transport)[1]
        taken = [line.free() for _ in range(kept)]
        assert None not in taken
        assert len(set(taken)) == kept
        assert line.free() is None
        assert counts(transport) == (kept, 0)
        for connection in taken:
            connection.give_up()
        assert counts(transport) == (0, 0)
        assert line.free() is None
        await server.until(lambda: server.open == 0)


async def test_a_line_takes_no_connection_that_is_too_old_or_that_the_server_has_closed(direct):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer())
        if peer.number == 1:
            await peer.until_closed()

    clock = FakeClock()
    async with serving(script) as server, direct(clock=clock) as transport:
        line = line_of(transport, server)
        await whole(transport, post(server.url()))
        clock.advance(31)
        assert line.free() is None
        await server.until(lambda: server.open == 0)
        await whole(transport, post(server.url()))
        await server.until(lambda: server.open == 0)
        await turns(3)
        assert line.free() is None
        assert counts(transport) == (0, 0)


async def test_a_line_finds_its_origin_again_when_that_was_forgotten_and_made_anew(direct, monkeypatch):
    monkeypatch.setattr(module, "_MOST_ORIGINS", 1)
    closing = answer(headers="connection: close\r\n")
    async with serving(always(closing)) as server, serving(always(closing)) as other, direct() as transport:
        line = line_of(transport, server)
        await whole(transport, post(server.url()))
        assert line.free() is None
        await whole(transport, post(other.url()))
        assert len(transport._origins) == 1
        server.script = always(answer(b"again"))
        await whole(transport, post(server.url()))
        assert await (await begin(line).once()).read_whole(10) == b"again"
        assert counts(transport) == (0, 1)


async def test_what_a_line_may_reach_and_what_not_is_as_in_send():
    async with serving(always(answer())) as server, plainly() as transport:
        assert transport.line(post(server.url()), allow_private=False) is None
        local = server.url(host="localhost")
        public, private = (transport.line(post(local), allow_private=allowed) for allowed in (False, True))
        await whole(transport, post(local))
        assert public.free() is None, "made with leave for the private network"
        connection = private.free()
        assert connection is not None
        connection.give_up()


async def test_there_is_no_line_for_what_tells_its_length_has_no_body_or_is_no_post():
    async with serving(always(answer())) as server, plainly() as transport:
        url = server.url()
        refused = [
            post(url, b"12345", **{"Content-Length": "5"}),
            post(url, b""),
            get(url),
            WireRequest("PUT", url, {}, b"{}"),
            WireRequest("HEAD", url, {}, b"{}"),
        ]
        assert [transport.line(request, allow_private=True) for request in refused] == [None] * len(refused)
        for request in (post("ftp://host/"), post(url, x="a\r\nb"), post(url, connection="close")):
            with pytest.raises(TransportError) as caught:
                transport.line(request, allow_private=True)
            assert caught.value.failure.executed is Executed.NO


@pytest.mark.parametrize("when", ["nothing", "half a head", "head", "half a body"])
async def test_closing_the_transport_tells_who_was_to_be_told_once(direct, when):
    said = {"nothing": 0, "half a head": 20, "head": len(answer(b"")), "half a body": len(answer(b"hello")) - 2}

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer())
        await peer.request()
        await peer.say(answer(b"hello")[: said[when]])
        asked.set()
        await peer.until_closed()

    asked = asyncio.Event()
    async with serving(script) as server, direct() as transport:
        line = line_of(transport, server)
        await whole(transport, post(server.url()))
        ear = begin(line)
        await asked.wait()
        await turns(3)
        assert ear.told == []
        assert counts(transport) == (1, 0)
        await transport.close()
        end = await ear.once()
        if not isinstance(end, Failure):
            assert when in {"head", "half a body"}
            with pytest.raises(TransportError) as caught:
                await end.read_whole(10)
            end = caught.value.failure
        assert (end.kind, end.executed) == (Kind.CONNECTION_LOST, Executed.UNKNOWN)
        assert line.free() is None
        await server.until(lambda: server.open == 0)


@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_a_server_that_goes_away_is_told_once_and_the_slot_is_free_again(direct, how):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer())
        if await peer.request() and how == "reset":
            reset(peer)

    async with serving(script) as server, direct(per_host=1) as transport:
        line = line_of(transport, server)
        for _ in range(3):
            await whole(transport, post(server.url()))
            failure = await begin(line).once()
            assert (failure.kind, failure.executed) == (Kind.CONNECTION_LOST, Executed.UNKNOWN)
            assert counts(transport) == (0, 0)


async def test_who_gives_up_frees_the_slot_for_who_waits_in_line(direct):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer(b"%d" % peer.number))
        await peer.request()
        await peer.until_closed()

    async with serving(script) as server, direct(per_host=1) as transport:
        line = line_of(transport, server)
        await whole(transport, post(server.url()))
        connection, ear = line.free(), Ear()
        connection.begin(line.head(2), b"{}", ear)
        waiting = asyncio.create_task(whole(transport, post(server.url())))
        await turns(3)
        assert not waiting.done()
        connection.give_up()
        assert await waiting == b"2"
        assert ear.told == []


async def test_who_waits_in_line_gets_the_connection_before_one_who_begins_while_told(direct):
    async def script(peer: Peer) -> None:
        while request := await peer.request():
            await go.wait()
            await peer.say(answer(request.partition(b"\r\n\r\n")[2]))

    class Again(Ear):
        def answered(self, response) -> None:
            free.append(line.free())
            super().answered(response)

    go, free = asyncio.Event(), []
    async with serving(script) as server, direct(per_host=1) as transport:
        line = line_of(transport, server)
        go.set()
        await whole(transport, post(server.url()))
        go.clear()
        ear = begin(line, b"told", Again())
        waiting = asyncio.create_task(whole(transport, post(server.url(), b"waits")))
        await turns(3)
        go.set()
        assert await (await ear.once()).read_whole(10) == b"told"
        assert await waiting == b"waits"
        assert free == [None]
        assert len(server.peers) == 1


class Chain(Ear):
    """Begins the next request while the last answer is told."""

    def __init__(self, line, most: int) -> None:
        super().__init__()
        self.line = line
        self.most = most

    def answered(self, response) -> None:
        self.told.append(response)
        connection = self.line.free() if len(self.told) < self.most else None
        if connection is None:
            self.happened.set()
        else:
            body = b"%d" % len(self.told)
            connection.begin(self.line.head(len(body)), body, self)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_many_requests_each_begun_while_the_last_answer_is_told_get_their_own_answers(direct, secure):
    async def echo(peer: Peer) -> None:
        while request := await peer.request():
            body = request.partition(b"\r\n\r\n")[2]
            await peer.say(answer(body, headers=f"date: now\r\nx-id: {body.decode()}\r\n"))

    authority = trustme.CA()
    async with (
        serving(echo, tls=server_tls(authority, "127.0.0.1") if secure else None) as server,
        direct(tls=client_tls(authority)) as transport,
    ):
        url = server.url(scheme="https" if secure else "http")
        await whole(transport, post(url))
        line = transport.line(post(url), allow_private=True)
        chain = Chain(line, 500)
        taken = Knowing.taken
        line.free().begin(line.head(1), b"0", chain)
        async with asyncio.timeout(20):
            await chain.happened.wait()
        assert [response.whole() for response in chain.told] == [b"%d" % number for number in range(500)]
        assert len(server.peers) == 1
        assert counts(transport) == (0, 1)
        assert (Knowing.taken > taken) == (direct is not plainly)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
async def test_a_goodbye_right_after_an_answer_is_seen_or_told_by_who_begins_while_told(direct, secure):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer(b"first"))
        await peer.request()
        peer.writer.write(answer(b"last"))
        peer.writer.close()

    authority = trustme.CA()
    async with (
        serving(script, tls=server_tls(authority, "127.0.0.1") if secure else None) as server,
        direct(tls=client_tls(authority), per_host=1) as transport,
    ):
        url = server.url(scheme="https" if secure else "http")
        line = transport.line(post(url), allow_private=True)
        for _ in range(20):
            await whole(transport, post(url))
            chain = Chain(line, 2)
            line.free().begin(line.head(1), b"0", chain)
            async with asyncio.timeout(5):
                await chain.happened.wait()
            await turns(2)
            assert chain.told[0].whole() == b"last"
            assert [failure.kind for failure in chain.told[1:]] in ([], [Kind.CONNECTION_LOST])
            assert counts(transport) == (0, 0)


async def test_a_large_body_begun_on_a_line_arrives_whole(direct):
    async def script(peer: Peer) -> None:
        while request := await peer.request():
            await peer.say(answer(b"%d" % len(request.partition(b"\r\n\r\n")[2])))

    async with serving(script) as server, direct() as transport:
        line = line_of(transport, server)
        await whole(transport, post(server.url()))
        for size in (256 * 1024, 256 * 1024 + 1, 5_000_000):
            response = await begin(line, bytes(size)).once()
            assert response.whole() == b"%d" % size
        assert (len(server.peers), counts(transport)) == (1, (0, 1))


async def test_a_stream_begun_on_a_line_is_told_at_its_head_and_read_as_it_comes(direct):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer())
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await go.wait()
        await peer.say(b"3\r\ntwo\r\n0\r\n\r\n")
        await peer.until_closed()

    go = asyncio.Event()
    async with serving(script) as server, direct() as transport:
        line = line_of(transport, server)
        await whole(transport, post(server.url()))
        response = await begin(line).once()
        assert response.whole() is None
        assert await response.read_chunk() == b"one"
        go.set()
        assert await response.read_chunk() == b"two"
        assert await response.read_chunk() == b""
        assert counts(transport) == (0, 1)


async def test_a_closed_transport_has_lines_without_connections(direct):
    async with serving(always(answer())) as server, direct() as transport:
        line = line_of(transport, server)
        await whole(transport, post(server.url()))
        await transport.close()
        assert line.free() is None
        assert transport.line(post(server.url()), allow_private=True).free() is None
        with pytest.raises(TransportError):
            await ask(transport, post(server.url()))
        assert line.free() is None
