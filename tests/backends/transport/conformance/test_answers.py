"""What comes back: framing, bodies, limits."""

import asyncio
import gzip
import zlib

import pytest

from backends.scripted import Peer, always, answer, serving
from backends.transport.knowing import Knowing, knowing
from backends.transport.support import ask, counts, failure_of, get, post, reset, whole
from segue.backends.transport.direct_response import MOST_WAITING
from segue.core.failure import Executed, Kind
from segue.core.ports import TransportError, WireRequest

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


def then_close(*pieces: bytes):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(*pieces)

    return script


def then_wait(*pieces: bytes):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(*pieces)
        await peer.until_closed()

    return script


async def test_headers_are_lower_case_and_repeated_ones_are_joined(transporting):
    headers = "X-One: 1\r\nX-Two: a\r\nx-two: b\r\n"
    async with serving(always(answer(headers=headers))) as server, transporting() as transport:
        response = await ask(transport, post(server.url()))
        await response.read_whole(100)
    assert response.headers["x-one"] == "1"
    assert response.headers["x-two"] == "a, b"


WHOLE = {
    "content-length": OK + b"content-length: 5\r\n\r\nhello",
    "one chunk": CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    "several chunks": CHUNKED + b"2\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n0\r\n\r\n",
    "chunk sizes with zeros and capitals": CHUNKED + b"0005\r\nhello\r\n000\r\n\r\n",
    "chunk extensions": CHUNKED + b'2;a=1\r\nhe\r\n3;b="x;y";c\r\nllo\r\n0;last\r\n\r\n',
    "trailers": CHUNKED + b"5\r\nhello\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n",
    "100 Continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 5\r\n\r\nhello",
    "103 Early Hints first": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK + b"content-length: 5\r\n\r\nhello",
    "several interim ones": b"HTTP/1.1 102 Processing\r\n\r\n" * 5 + OK + b"content-length: 5\r\n\r\nhello",
    "no reason phrase": b"HTTP/1.1 200 \r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.0 kept alive": b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("said", WHOLE)
@pytest.mark.parametrize("dripping", [False, True], ids=["at once", "byte by byte"])
async def test_an_answer_is_whole_however_it_is_framed_and_its_connection_is_used_again(transporting, said, dripping):
    async def script(peer: Peer) -> None:
        while await peer.request():
            if dripping:
                for number in range(len(WHOLE[said])):
                    await peer.say(WHOLE[said][number : number + 1])
                    await asyncio.sleep(0)
            else:
                await peer.say(WHOLE[said])

    async with serving(script) as server, transporting() as transport:
        for _ in range(2):
            response = await ask(transport, post(server.url()))
            assert response.status == 200
            assert "x-sum" not in response.headers
            assert "link" not in response.headers
            assert await response.read_whole(5) == b"hello"
        assert len(server.peers) == 1
        assert counts(transport) == (0, 1)


@pytest.mark.parametrize(
    "said",
    [
        OK + b"\r\nhello",
        OK + b"connection: close\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    ],
)
async def test_a_body_that_ends_with_its_connection_is_whole(transporting, said):
    async with serving(then_close(said)) as server, transporting() as transport:
        for _ in range(2):
            assert await whole(transport, post(server.url())) == b"hello"
        assert counts(transport) == (0, 0)


async def test_a_body_that_ends_with_its_connection_is_cut_when_that_is_reset(direct):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK + b"\r\nhello")
        await heard.wait()
        reset(peer)

    heard = asyncio.Event()
    async with serving(script) as server, direct() as transport:
        response = await ask(transport, post(server.url()))
        assert await response.read_chunk() == b"hello"
        heard.set()
        failure = await failure_of(response.read_chunk())
        assert failure.kind is Kind.STREAM_CUT


BODILESS = [
    ("HEAD", OK + b"content-length: 100\r\n\r\n"),
    ("HEAD", CHUNKED),
    ("HEAD", OK + b"content-encoding: gzip\r\ncontent-length: 100\r\n\r\n"),
    ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("DELETE", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n"),
    ("GET", OK + b"content-length: 0\r\n\r\n"),
]


@pytest.mark.parametrize(("method", "said"), BODILESS)
async def test_an_answer_without_a_body_ends_at_once_and_its_connection_is_used_again(transporting, method, said):
    async with serving(always(said)) as server, transporting() as transport:
        for _ in range(3):
            response = await ask(transport, WireRequest(method, server.url(), {}))
            assert await response.read_whole(1000) == b""
            assert await response.read_chunk() == b""
        assert len(server.peers) == 1


async def test_an_ordinary_answer_after_one_to_head_has_its_own_body(direct):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK + b"content-length: 100\r\n\r\n")
        await always(answer(b"mine"))(peer)

    async with serving(script) as server, direct() as transport:
        await ask(transport, WireRequest("HEAD", server.url(), {}))
        assert await whole(transport, get(server.url())) == b"mine"
        assert len(server.peers) == 1


async def test_chunks_come_as_they_are_sent(transporting):
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED, b"3\r\none\r\n")
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
        assert counts(transport) == (0, 1)


async def test_a_whole_answer_that_has_come_is_read_without_a_turn_of_the_loop(direct):
    async with serving(always(answer(b"hello"))) as server, direct() as transport:
        response = await ask(transport, post(server.url()))
        reading = response.read_whole(100)
        with pytest.raises(StopIteration) as stopped:
            reading.send(None)
        assert stopped.value.value == b"hello"


async def test_an_answer_of_many_tiny_chunks_is_whole_and_does_not_swell(direct):
    tiny = b"1\r\nx\r\n" * 300_000
    async with serving(then_wait(CHUNKED, tiny, b"0\r\n\r\n")) as server, direct() as transport:
        response = await ask(transport, post(server.url()))
        while not response._complete and response.size < 100_000:
            await asyncio.sleep(0)
        assert len(response.pieces) <= 65
        assert await response.read_whole(300_000) == b"x" * 300_000


async def test_a_large_body_within_the_limit_is_read_whole(transporting):
    body = bytes(range(256)) * 40_000
    async with serving(always(answer(body))) as server, transporting() as transport:
        assert await whole(transport, post(server.url()), limit=len(body)) == body


@pytest.mark.parametrize("how", ["length", "chunked", "close"])
async def test_a_body_beyond_the_limit_is_a_bad_response_and_its_connection_is_closed(transporting, how):
    body = b"x" * 5000
    said = {
        "length": answer(body),
        "chunked": CHUNKED + b"1388\r\n" + body + b"\r\n0\r\n\r\n",
        "close": OK + b"\r\n" + body,
    }[how]
    script = then_close(said) if how == "close" else always(said)
    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(whole(transport, post(server.url()), limit=4999))
        assert failure.kind is Kind.BAD_RESPONSE
        assert "4999 bytes" in failure.message
        assert await whole(transport, post(server.url()), limit=5000) == body
        await server.until(lambda: server.open <= 1)


async def test_an_endless_body_stops_at_the_limit(transporting):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(CHUNKED)
        while True:
            await peer.say(b"3e8\r\n" + bytes(1000) + b"\r\n")

    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(whole(transport, post(server.url()), limit=1_000_000))
        assert failure.kind is Kind.BAD_RESPONSE
        await server.until(lambda: server.open == 0)


async def test_a_reader_who_does_not_read_stops_the_connection_and_not_the_memory(direct):
    total, written = 50_000_000, 0

    async def script(peer: Peer) -> None:
        nonlocal written
        await peer.request()
        await peer.say(OK + b"content-length: 50000000\r\n\r\n")
        while written < total:
            await peer.say(bytes(100_000))
            written += 100_000
        await peer.until_closed()

    async with serving(script) as server, direct() as transport:
        response = await ask(transport, post(server.url()))
        before = -1
        while before != written or not response.stopping:
            before = written
            await asyncio.sleep(0.02)
        assert written < total
        assert response.size <= 3 * MOST_WAITING
        size = 0
        while chunk := await response.read_chunk():
            size += len(chunk)
        assert size == total
        assert counts(transport) == (0, 1)


# Compressed


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate", "raw deflate", "two members"])
async def test_a_compressed_body_is_decoded_and_its_wire_headers_are_left_out(transporting, coding):
    if transporting.__name__ == "by_aiohttp" and coding == "x-gzip":
        pytest.skip("aiohttp hands it out as it is")
    text = b"hello " * 1000
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "deflate": zlib.compress(text),
        "raw deflate": raw.compress(text) + raw.flush(),
        "two members": gzip.compress(text[:10]) + gzip.compress(text[10:]),
    }.get(coding, gzip.compress(text))
    name = {"raw deflate": "deflate", "two members": "gzip"}.get(coding, coding)
    said = answer(packed, headers=f"content-encoding: {name}\r\nx-a: 1\r\n")
    async with serving(always(said)) as server, transporting() as transport:
        response = await ask(transport, post(server.url()))
        assert await response.read_whole(10_000) == text
        assert counts(transport) == (0, 1)
    assert "content-encoding" not in response.headers
    assert "content-length" not in response.headers
    assert response.headers["x-a"] == "1"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "nonsense"])
async def test_a_body_that_cannot_be_decompressed_is_a_bad_response(transporting, coding):
    if transporting.__name__ == "by_aiohttp" and coding in {"gzip, gzip", "nonsense"}:
        pytest.skip("aiohttp hands it out as it is")
    said = answer(b"not compressed at all", headers=f"content-encoding: {coding}\r\n")
    async with serving(always(said)) as server, transporting() as transport:
        failure = await failure_of(whole(transport, post(server.url())))
        assert failure.kind is Kind.BAD_RESPONSE
        if coding in {"gzip", "deflate"}:
            assert "decompressed" in failure.message


async def test_a_compressed_body_that_stops_in_the_middle_is_a_bad_response(direct):
    packed = gzip.compress(bytes(range(256)) * 100)
    said = answer(packed[:-10], headers="content-encoding: gzip\r\n")
    async with serving(always(said)) as server, direct() as transport:
        failure = await failure_of(whole(transport, post(server.url())))
        assert failure.kind is Kind.BAD_RESPONSE


async def test_a_small_body_that_unpacks_to_a_huge_one_stops_at_the_limit(transporting):
    bomb = zlib.compress(bytes(200_000_000), 9)
    async with (
        serving(always(answer(bomb, headers="content-encoding: deflate\r\n"))) as server,
        transporting() as transport,
    ):
        failure = await failure_of(whole(transport, post(server.url()), limit=1_000_000))
        assert failure.kind is Kind.BAD_RESPONSE
        assert "1000000 bytes" in failure.message
        if transporting.__name__ == "by_aiohttp":
            await server.until(lambda: server.open == 0)


async def test_a_bomb_is_given_up_for_its_ratio_even_when_the_limit_is_large(direct):
    bomb = zlib.compress(bytes(60_000_000), 9)
    async with serving(always(answer(bomb, headers="content-encoding: deflate\r\n"))) as server, direct() as transport:
        failure = await failure_of(whole(transport, post(server.url()), limit=64_000_000))
        assert failure.kind is Kind.BAD_RESPONSE
        assert "decompressed" in failure.message
        response = await ask(transport, post(server.url()))
        assert len(await response.read_chunk()) <= 65_536


async def test_a_compressed_stream_comes_as_it_is_flushed(direct):
    packer = zlib.compressobj(wbits=31)
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK + b"content-encoding: gzip\r\n\r\n")
        await peer.say(packer.compress(b"one") + packer.flush(zlib.Z_SYNC_FLUSH))
        await go.wait()
        await peer.say(packer.compress(b"two") + packer.flush())

    async with serving(script) as server, direct() as transport:
        response = await ask(transport, post(server.url()))
        assert await response.read_chunk() == b"one"
        go.set()
        assert await response.read_chunk() == b"two"
        assert await response.read_chunk() == b""


# Broken

CUT = {
    "length": OK + b"content-length: 100\r\n\r\nhalf",
    "chunk": CHUNKED + b"64\r\nhalf",
    "no last chunk": CHUNKED + b"4\r\nhalf\r\n",
    "half a last chunk": CHUNKED + b"4\r\nhalf\r\n0\r\n",
}


@pytest.mark.parametrize("said", CUT)
@pytest.mark.parametrize("by_reset", [False, True], ids=["closed", "reset"])
async def test_a_body_cut_in_the_middle_is_never_taken_for_whole(transporting, said, by_reset):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(CUT[said])
        await cut.wait()
        if by_reset:
            reset(peer)

    async with serving(script) as server, transporting() as transport:
        cut = asyncio.Event()
        response = await ask(transport, post(server.url()))
        assert await response.read_chunk() == b"half"
        cut.set()
        failure = await failure_of(response.read_chunk())
        assert failure.kind is Kind.STREAM_CUT
        assert failure.executed is Executed.UNKNOWN

        failure = await failure_of(whole(transport, post(server.url())))
        assert failure.kind is Kind.CONNECTION_LOST
        assert counts(transport) == (0, 0)


@pytest.mark.parametrize("how", ["close", "reset", "half a head"])
async def test_a_connection_lost_before_an_answer_leaves_open_whether_it_was_executed(transporting, how):
    async def script(peer: Peer) -> None:
        await peer.request()
        if how == "reset":
            reset(peer)
        elif how == "half a head":
            await peer.say(OK + b"content-le")

    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url())))
        assert failure.kind is Kind.CONNECTION_LOST
        assert failure.executed is Executed.UNKNOWN
        assert counts(transport) == (0, 0)


async def test_a_chunked_body_with_a_broken_frame_is_never_taken_for_whole(transporting):
    broken = CHUNKED + b"4\r\nhalf\r\nZZ\r\nmore\r\n0\r\n\r\n"
    async with serving(always(broken)) as server, transporting() as transport:
        with pytest.raises(TransportError) as caught:
            await whole(transport, post(server.url()))
        assert caught.value.failure.kind in {Kind.BAD_RESPONSE, Kind.CONNECTION_LOST}
        assert counts(transport) == (0, 0)


NO_HTTP = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "two lengths": OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "a length that is no number": OK + b"content-length: five\r\n\r\nhello",
    "a negative length": OK + b"content-length: -5\r\n\r\nhello",
    "a header without a colon": OK + b"nonsense\r\n\r\n",
    "a NUL in a header": OK + b"x: a\0b\r\ncontent-length: 5\r\n\r\nhello",
    "a broken status": b"HTTP/1.1 2x0 OK\r\ncontent-length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("said", NO_HTTP)
async def test_what_is_no_http_is_a_bad_response(transporting, said):
    async with serving(always(NO_HTTP[said])) as server, transporting() as transport:
        failure = await failure_of(whole(transport, post(server.url())))
        assert failure.kind is Kind.BAD_RESPONSE
        assert failure.executed is Executed.UNKNOWN
        assert counts(transport) == (0, 0)
        await server.until(lambda: server.open == 0)


async def test_a_connection_that_knows_a_head_takes_usual_answers_by_it(direct):
    """Or the whole conformance of known heads would prove nothing."""
    before = Knowing.taken
    async with serving(always(answer(b"hello", headers="date: now\r\n"))) as server, direct() as transport:
        response = await ask(transport, post(server.url()))
        assert response.headers == {"content-length": "5", "date": "now"}
        assert await response.read_whole(5) == b"hello"
        assert counts(transport) == (0, 1)
    assert Knowing.taken - before == (direct is knowing)
