"""Whatever a server says, a request ends: with an answer, or with a failure that says what was wrong."""

import asyncio
import random

import pytest

from backends.transport.knowing import Knowing
from backends.transport.support import direct
from backends.transport.wire import Book, Wire
from fuzzing.mutations import cut_up, damaged
from fuzzing.scale import scales
from segue.backends.transport.direct_protocol import Connection
from segue.core.failure import Kind
from segue.core.ports import TransportError

OK = b"HTTP/1.1 200 OK\r\n"
SEEDS = [
    OK + b"content-length: 5\r\n\r\nhello",
    OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nx-sum: 1\r\n\r\n",
    OK + b"connection: close\r\n\r\nhello",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    OK + b"content-encoding: gzip\r\ncontent-length: 25\r\n\r\n"
    + bytes.fromhex("1f8b08000000000002ffcb48cdc9c90700862610360500000000"),
    b"HTTP/1.0 302 Found\r\nlocation: /\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi",
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nabc",
]  # fmt: skip
PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"0", b"5", b"ffffffff", b"content-length: 3\r\n", b"chunked",
    b"transfer-encoding: chunked\r\n", b"HTTP/1.1 200 OK\r\n", b"0\r\n\r\n", b"\xff", b"content-encoding: deflate\r\n",
    b"connection: close\r\n", b"x" * 70_000, b"a: b\r\n" * 250, b";" * 20, b"HTTP/1.1 100 Continue\r\n\r\n",
]  # fmt: skip
KINDS = {Kind.BAD_RESPONSE, Kind.CONNECTION_LOST, Kind.STREAM_CUT}


def mutated(dice: random.Random) -> bytes:
    if dice.random() < 0.1:
        return dice.randbytes(dice.randrange(200))
    text = damaged(dice.choice(SEEDS), dice, dice.randrange(4), PIECES, SEEDS)
    return text + dice.choice(SEEDS) if dice.random() < 0.2 else text


async def one(seed: int) -> str:
    """Feed one answer; the word says how it ended."""
    dice = random.Random(seed)
    loop, book = asyncio.get_running_loop(), Book()
    connection = (Knowing if seed % 2 else Connection)(loop, book)
    wire = Wire(loop, connection)
    connection.connection_made(wire)
    head = dice.random() < 0.1
    exchange = loop.create_task(connection.exchange(b"GET / HTTP/1.1\r\n\r\n", b"", bodiless=head))
    await asyncio.sleep(0)

    async def read() -> bytes:
        response = await exchange
        assert 200 <= response.status <= 999
        assert all(name == name.lower() for name in response.headers)
        if dice.random() < 0.5:
            return await response.read_whole(dice.choice([3, 100_000]))
        got = b""
        while chunk := await response.read_chunk():
            got += chunk
        return got

    reader = loop.create_task(read())
    for piece in cut_up(mutated(dice), dice):
        if wire.closing:
            break
        connection.data_received(piece)
        if dice.random() < 0.3:
            await asyncio.sleep(0)
    if not wire.closing and dice.random() < 0.9:
        connection.eof_received()
    wire.abort()
    for _ in range(20):
        if reader.done() and book.over:
            break
        await asyncio.sleep(0)
    assert reader.done(), "it hangs"
    assert (book.lost, book.over) == (1, 1)
    assert book.free <= 1
    assert connection._parser is None
    assert connection._response is None
    assert connection._head is None
    error = reader.exception()
    if error is None:
        return "answered"
    assert isinstance(error, TransportError), repr(error)
    assert error.failure.kind in KINDS
    return error.failure.kind.value


async def fuzz(seeds) -> None:
    ends: dict[str, int] = {}
    for seed in seeds:
        try:
            end = await one(seed)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        ends[end] = ends.get(end, 0) + 1
    assert set(ends) >= {"answered", "bad_response", "connection_lost", "stream_cut"}, ends
    assert ends["answered"] > len(seeds) / 10, f"one-sided: {ends}"


@pytest.mark.parametrize("count", scales(sample=10_000))
async def test_broken_answers_on_each_loop_end_in_an_answer_or_a_documented_failure(count):
    await fuzz(range(count, 2 * count))


async def test_random_bytes_over_real_sockets_leave_the_transport_as_it_was():
    from backends.scripted import Peer, serving
    from backends.transport.support import counts, get, whole

    dice = random.Random(7)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(*cut_up(mutated(dice), dice))

    async with serving(script) as server, direct() as transport:
        for _ in range(500):
            async with asyncio.timeout(5):
                (end,) = await asyncio.gather(whole(transport, get(server.url())), return_exceptions=True)
            assert isinstance(end, bytes | TransportError)
            assert counts(transport)[0] == 0
