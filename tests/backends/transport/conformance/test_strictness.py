"""What some programs accept and others read differently is no answer at all on the direct path."""

import asyncio

import pytest

from backends.scripted import Peer, answer, serving
from backends.transport.support import ask, counts, failure_of, get, turns, whole
from segue.core.failure import Kind

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
FIVE = b"content-length: 5\r\n"

REFUSED = {
    "the same length twice": OK + FIVE + FIVE + b"\r\nhello",
    "a list of lengths": OK + b"content-length: 5, 5\r\n\r\nhello",
    "an empty length": OK + b"content-length:\r\n\r\nhello",
    "a length with a sign": OK + b"content-length: +5\r\n\r\nhello",
    "a hexadecimal length": OK + b"content-length: 0x5\r\n\r\nhello",
    "an endless length": OK + b"content-length: 99999999999999999999999\r\n\r\nhello",
    "a length and then chunks": OK + FIVE + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and then a length": OK + b"transfer-encoding: chunked\r\n" + FIVE + b"\r\n0\r\n\r\n",
    "chunks twice": OK + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "another transfer coding": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding after chunks": OK + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a coding that looks like chunks": OK + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare CR in a header": OK + b"x: a\rb\r\n" + FIVE + b"\r\nhello",
    "a bare LF between headers": OK + b"x: a\n" + FIVE + b"\r\nhello",
    "a bare LF after the status": b"HTTP/1.1 200 OK\n" + FIVE + b"\r\nhello",
    "a bare LF at the end of the head": OK + FIVE + b"\nhello",
    "a folded header": OK + b"x: a\r\n b\r\n" + FIVE + b"\r\nhello",
    "a header folded by a tab": OK + b"x: a\r\n\tb\r\n" + FIVE + b"\r\nhello",
    "a space before the first header": OK + b" x: a\r\n" + FIVE + b"\r\nhello",
    "a space before a colon": OK + b"content-length : 5\r\n\r\nhello",
    "a header without a name": OK + b": a\r\n" + FIVE + b"\r\nhello",
    "a control character in a header": OK + b"x: a\x01b\r\n" + FIVE + b"\r\nhello",
    "HTTP/2": b"HTTP/2.0 200 OK\r\n" + FIVE + b"\r\nhello",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\n" + FIVE + b"\r\nhello",
    "RTSP": b"RTSP/1.0 200 OK\r\n" + FIVE + b"\r\nhello",
    "an empty line first": b"\r\n" + OK + FIVE + b"\r\nhello",
    "status 000": b"HTTP/1.1 000 OK\r\n" + FIVE + b"\r\nhello",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n" + FIVE + b"\r\nhello",
    "another protocol that nobody asked for": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nabc",
    "an interim answer with a body": b"HTTP/1.1 199 Hm\r\n" + FIVE + b"\r\nhello" + OK + FIVE + b"\r\nhello",
    "interim answers without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 40 + OK + FIVE + b"\r\nhello",
    "201 headers": OK + b"".join(b"x%d: y\r\n" % number for number in range(200)) + FIVE + b"\r\nhello",
    "too many bytes of headers": OK + b"x: " + b"y" * 65_536 + b"\r\n" + FIVE + b"\r\nhello",
    "a header without end": OK + b"x: " + b"y" * 500_000,
    "a reason without end": b"HTTP/1.1 200 " + b"y" * 500_000,
    "a chunk size that is none": CHUNKED + b"5x\r\nhello\r\n0\r\n\r\n",
    "a negative chunk size": CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
    "a chunk size without end": CHUNKED + b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than its size": CHUNKED + b"4\r\nhello\r\n0\r\n\r\n",
    "a bare LF after a chunk size": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "a space after a chunk size": CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n",
    "a NUL in a chunk extension": CHUNKED + b"5;a\0=1\r\nhello\r\n0\r\n\r\n",
    "a chunk extension without end": CHUNKED + b"5;" + b"y" * 500_000,
    "trailers without end": CHUNKED + b"5\r\nhello\r\n0\r\n" + b"x: y\r\n" * 50_000,
}


@pytest.mark.parametrize("said", REFUSED)
@pytest.mark.parametrize("halves", [False, True], ids=["at once", "in two"])
async def test_an_answer_that_can_be_read_in_two_ways_is_none(said, halves, direct):
    text = REFUSED[said]
    middle = text.find(b"\r\n") + 8

    async def script(peer: Peer) -> None:
        await peer.request()
        if halves:
            await peer.say(text[:middle])
            await turns(3)
            await peer.say(text[middle:])
        else:
            await peer.say(text)
        await peer.until_closed()

    async with serving(script) as server, direct() as transport:
        failure = await failure_of(whole(transport, get(server.url())))
        assert failure.kind is Kind.BAD_RESPONSE
        assert counts(transport) == (0, 0)
        await server.until(lambda: server.open == 0)
        assert len(server.peers) == 1


async def test_as_many_headers_as_there_may_be_are_taken(direct):
    headers = b"".join(b"x%d: %s\r\n" % (number, b"y" * 250) for number in range(199))
    async with serving(then_wait(OK + headers + FIVE + b"\r\nhello")) as server, direct() as transport:
        response = await ask(transport, get(server.url()))
        assert len(response.headers) == 200
        assert await response.read_whole(5) == b"hello"


def then_wait(said: bytes):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(said)
        await peer.until_closed()

    return script


EXTRA = {
    "another answer": answer(b"theirs"),
    "half of another": b"HTTP/1.1 2",
    "rubbish": b"rubbish",
    "one byte": b"x",
}
COMPLETE = {
    "length": OK + FIVE + b"\r\nhello",
    "chunks": CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("extra", EXTRA)
@pytest.mark.parametrize("said", COMPLETE)
async def test_bytes_after_an_answer_are_nobodys_and_end_the_connection(said, extra, direct):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(COMPLETE[said] + EXTRA[extra] if peer.number == 1 else answer(b"mine"))
        await peer.until_closed()

    async with serving(script) as server, direct() as transport:
        assert await whole(transport, get(server.url())) == b"hello"
        assert counts(transport) == (0, 0)
        assert await whole(transport, get(server.url())) == b"mine"
        assert len(server.peers) == 2


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
async def test_the_body_of_an_answer_that_may_have_none_is_not_the_next_answer(status, direct):
    poison = answer(b"theirs")
    said = f"HTTP/1.1 {status}\r\ncontent-length: {len(poison)}\r\n\r\n".encode() + poison

    async with serving(then_wait(said)) as server, direct() as transport:
        assert await whole(transport, get(server.url())) == b""
        assert counts(transport) == (0, 0)


async def test_the_body_of_an_answer_to_head_is_not_the_next_answer(direct):
    from segue.core.ports import WireRequest

    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 1:
            await peer.say(answer(answer(b"theirs")))
        await peer.request()
        await peer.say(answer(b"mine"))
        await peer.until_closed()

    async with serving(script) as server, direct() as transport:
        await ask(transport, WireRequest("HEAD", server.url(), {}))
        assert counts(transport) == (0, 0)
        task = asyncio.create_task(whole(transport, get(server.url())))
        await server.until(lambda: len(server.peers) == 2)
        task.cancel()


async def test_a_stream_that_never_gets_on_with_its_chunks_is_given_up(direct):
    """Chunk extensions between chunks are bytes that nobody sees: no idle limit of a reader would end them soon."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED + b"1\r\na\r\n")
        for _ in range(100):
            await peer.say(b"1;" + b"y" * 1000 + b"\r\nb\r\n")
        await peer.say(b"1;" + b"y" * 1_000_000)
        await peer.until_closed()

    async with serving(script) as server, direct() as transport:
        response = await ask(transport, get(server.url()))
        got = b""
        while len(got) < 101:
            got += await response.read_chunk()
        assert got == b"a" + b"b" * 100
        failure = await failure_of(response.read_chunk())
        assert failure.kind is Kind.BAD_RESPONSE
