"""A connection that knows its server's heads tells of every answer what one that parses them tells."""

import asyncio
import random

import pytest

from backends.transport.wire import Book, Wire
from fuzzing.scale import scales
from segue.backends.transport.direct_known import MOST_KNOWN, KnownHead
from segue.backends.transport.direct_protocol import MOST_LEARNT, Connection
from segue.core.ports import TransportError

LINES = [
    b"HTTP/1.1 200 OK",
    b"Date: Sat, 21 Nov 2026 07:00:00 GMT",
    b"Content-Type: application/json",
    b"Connection: keep-alive",
    b"x-request-id: req_0123",
    b"X-RateLimit-Remaining: 99",
    b"Content-Length: 5",
]


def answer(*lines: bytes, body: bytes = b"hello") -> bytes:
    return b"\r\n".join(lines or LINES) + b"\r\n\r\n" + body


def changed(**values: bytes) -> list[bytes]:
    """The usual lines, some with other values."""
    names = {name.replace("_", "-").encode().lower(): value for name, value in values.items()}
    lines = []
    for line in LINES:
        name, _, _ = line.partition(b": ")
        lines.append(name + b": " + names[name.lower()] if name.lower() in names else line)
    return lines


async def told(data: bytes, *, learnt: int) -> tuple[object, ...]:
    """All that can be seen of an answer, on a connection that has carried so many usual ones before."""
    loop, book = asyncio.get_running_loop(), Book()
    connection = Connection(loop, book)
    wire = Wire(loop, connection)
    connection.connection_made(wire)
    for number in range(learnt):
        exchange = loop.create_task(connection.exchange(b"POST / HTTP/1.1\r\n\r\n", b"", bodiless=False))
        await asyncio.sleep(0)
        connection.data_received(answer(*changed(x_request_id=b"req_%d" % number)))
        response = await exchange
        assert await response.read_whole(100) == b"hello"
    assert (connection._known is not None) == (learnt > 1)
    exchange = loop.create_task(connection.exchange(b"POST / HTTP/1.1\r\n\r\n", b"", bodiless=False))
    await asyncio.sleep(0)
    connection.data_received(data)
    if not wire.closing:
        connection.eof_received()
    wire.abort()
    try:
        response = await exchange
        seen: tuple[object, ...] = (response.status, response.headers)
        seen += (await response.read_whole(100_000),)
    except TransportError as error:
        seen = (error.failure.kind, error.failure.message)
    while not book.over:
        await asyncio.sleep(0)
    assert connection._parser is None
    assert connection._response is None
    return (*seen, book.free - learnt, book.lost, connection.heard)


async def same(data: bytes) -> tuple[object, ...]:
    knowing, parsing = await told(data, learnt=3), await told(data, learnt=0)
    assert knowing == parsing, data
    return knowing


async def test_what_changes_from_answer_to_answer_is_read_as_the_parser_reads_it() -> None:
    body = b"another body"
    lines = changed(date=b"Sat, 21 Nov 2026 07:00:01 GMT", content_length=b"12", x_request_id=b'req 9; (odd) "~"')
    status, headers, read, *_ = await same(answer(*lines, body=body))
    assert (status, read) == (200, body)
    assert headers["x-request-id"] == 'req 9; (odd) "~"'  # type: ignore[index]
    assert headers["date"] == "Sat, 21 Nov 2026 07:00:01 GMT"  # type: ignore[index]


DOUBTFUL = [
    answer(*changed(content_length=b"05")),
    answer(*changed(content_length=b"+5")),
    answer(*changed(content_length=b"5 5")),
    answer(*changed(content_length=b"5, 5")),
    answer(*changed(content_length=b"0x5")),
    answer(*changed(content_length=b"")),
    answer(*changed(content_length=b"5" * 30)),
    answer(*changed(content_length=b"4")),
    answer(*changed(content_length=b"6")),
    answer(*changed(content_length=b"5"), body=answer()),
    answer(body=b"hello" + answer()),
    answer(body=b"hell"),
    answer(*changed(connection=b"close")),
    answer(*changed(connection=b"upgrade")),
    answer(*changed(x_request_id=b"a\rb")),
    answer(*changed(x_request_id=b"a\nb")),
    answer(*changed(x_request_id=b"a\nTransfer-Encoding: chunked")),
    answer(*changed(x_request_id=b"a\0b")),
    answer(*changed(x_request_id=b"\xe4\xff")),
    answer(*changed(x_request_id=b"a\tb")),
    answer(*changed(x_request_id=b" a")),
    answer(*changed(x_request_id=b"a ")),
    answer(*changed(x_request_id=b"")),
    answer(*(line.replace(b"x-request-id:", b"x-request-id :") for line in LINES)),
    answer(*(line.replace(b"x-request-id:", b"X-Request-Id:") for line in LINES)),
    answer(*(line.replace(b"x-request-id:", b"content-length:") for line in LINES)),
    answer(*(line.replace(b"x-request-id: req_0123", b"Content-Length: 5") for line in LINES)),
    answer(*(line.replace(b"x-request-id: req_0123", b"Content-Length: 6") for line in LINES)),
    answer(*(line.replace(b"x-request-id: req_0123", b"Transfer-Encoding: chunked") for line in LINES)),
    answer(*(line.replace(b"x-request-id: req_0123", b"Content-Encoding: gzip") for line in LINES)),
    answer(*(line.replace(b"x-request-id: req_0123", b" folded") for line in LINES)),
    answer(*(line.replace(b"x-request-id: req_0123", b"x-request-id") for line in LINES)),
    answer(*LINES[:1], *LINES[:0:-1]),
    answer(*LINES, b"x-more: 1"),
    answer(*LINES[:-1]),
    answer(b"HTTP/1.1 200 Fine", *LINES[1:]),
    answer(b"HTTP/1.0 200 OK", *LINES[1:]),
    answer(b"HTTP/1.1 204 No Content", *LINES[1:]),
    answer(b"HTTP/1.1 304 Not Modified", *LINES[1:]),
    answer(b"HTTP/1.1 500 Oh", *LINES[1:]),
    answer(b"HTTP/1.1 100 Continue") + answer(),
    b"\r\n" + answer(),
    answer(*changed(x_request_id=b"x" * (2 * MOST_KNOWN))),
    b"\r\n".join(LINES) + b"\n\nhello",
    b"",
]


@pytest.mark.parametrize("data", DOUBTFUL, ids=lambda data: repr(data[-80:]))
async def test_where_there_is_any_doubt_the_parser_decides(data: bytes) -> None:
    await same(data)


async def test_an_answer_in_pieces_is_parsed() -> None:
    loop, book = asyncio.get_running_loop(), Book()
    connection = Connection(loop, book)
    connection.connection_made(Wire(loop, connection))
    whole = answer()
    for cut in (len(whole), len(whole), *range(1, len(whole))):
        exchange = loop.create_task(connection.exchange(b"POST / HTTP/1.1\r\n\r\n", b"", bodiless=False))
        await asyncio.sleep(0)
        connection.data_received(whole[:cut])
        if cut < len(whole):
            connection.data_received(whole[cut:])
        response = await exchange
        assert (response.status, await response.read_whole(100)) == (200, b"hello")
    assert book.lost == 0


async def test_the_headers_of_one_answer_are_not_those_of_another() -> None:
    loop, book = asyncio.get_running_loop(), Book()
    connection = Connection(loop, book)
    connection.connection_made(Wire(loop, connection))
    for _ in range(4):
        exchange = loop.create_task(connection.exchange(b"POST / HTTP/1.1\r\n\r\n", b"", bodiless=False))
        await asyncio.sleep(0)
        connection.data_received(answer())
        response = await exchange
        assert response.headers.pop("date")
        response.headers["content-type"] = "spoilt"


async def test_a_server_that_writes_ever_new_heads_is_soon_only_parsed() -> None:
    loop, book = asyncio.get_running_loop(), Book()
    connection = Connection(loop, book)
    connection.connection_made(Wire(loop, connection))
    for number in range(2 * MOST_LEARNT):
        exchange = loop.create_task(connection.exchange(b"POST / HTTP/1.1\r\n\r\n", b"", bodiless=False))
        await asyncio.sleep(0)
        connection.data_received(answer(*LINES, b"x-%d: 1" % number))
        assert (await exchange).headers[f"x-{number}"] == "1"
    assert connection._known is None


PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"0", b"5", b"content-length: 3\r\n", b"Content-Length: 5\r\n",
    b"transfer-encoding: chunked\r\n", b"HTTP/1.1 200 OK\r\n", b"\xff", b"content-encoding: deflate\r\n", b"\r\n\r\n",
    b"connection: close\r\n", b"a: b\r\n", b"HTTP/1.1 100 Continue\r\n\r\n",
]  # fmt: skip


def mutated(dice: random.Random) -> bytes:
    text = bytearray(answer(*changed(date=b"Sat, 21 Nov 2026 07:00:%02d GMT" % dice.randrange(60))))
    for _ in range(dice.choice([0, 1, 1, 1, 2, 3])):
        where = dice.randrange(len(text) + 1)
        match dice.randrange(4):
            case 0:
                text[where:where] = dice.choice(PIECES)
            case 1:
                del text[where : where + dice.randrange(1, 8)]
            case 2:
                text[where : where + 1] = dice.randbytes(1)
            case _:
                text[where : where + 1] = bytes([dice.randrange(0x20, 0x7F)])
    return bytes(text)


@pytest.mark.parametrize("count", scales(sample=3_000))
async def test_whatever_is_changed_both_ways_tell_the_same(count: int) -> None:
    known = KnownHead.of(answer(), dict(line.decode().lower().split(": ") for line in LINES[1:]))
    assert known is not None
    taken = 0
    for seed in range(count):
        data = mutated(random.Random(seed))
        taken += known.read(data) is not None
        try:
            await same(data)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert count / 10 < taken < count * 0.9, f"one-sided: {taken} of {count} were taken"
