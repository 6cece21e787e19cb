"""Whoever begins a request and does not wait is told of its end exactly once, however it ends."""

import asyncio
import gzip

import pytest

from backends.transport.knowing import Knowing
from backends.transport.wire import Book, Wire
from segue.backends.transport.direct_head import MOST_HEADER_BYTES
from segue.backends.transport.direct_protocol import Connection
from segue.backends.transport.direct_response import MOST_WAITING, DirectResponse
from segue.core.failure import Executed, Failure, Kind
from segue.core.ports import TransportError

OK = b"HTTP/1.1 200 OK\r\n"
FIVE = OK + b"content-length: 5\r\n\r\nhello"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
PACKED = gzip.compress(b"hello", mtime=0)
POST = b"POST / HTTP/1.1\r\n\r\n"

REUSED = {
    "a length": (200, FIVE),
    "no body": (200, OK + b"content-length: 0\r\n\r\n"),
    "chunks": (200, CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    "gzip": (200, OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(PACKED) + PACKED),
    "204": (204, b"HTTP/1.1 204 No Content\r\n\r\n"),
    "304": (304, b"HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\n\r\n"),
    "100 before": (200, b"HTTP/1.1 100 Continue\r\n\r\n" + FIVE),
    "103 before, twice": (200, b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 2 + FIVE),
    "an error": (500, b"HTTP/1.1 500 Oh\r\ncontent-length: 5\r\n\r\nhello"),
    "an error in chunks": (429, b"HTTP/1.1 429 No\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    "201": (201, b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhello"),
}
CLOSED = {
    "until close": (200, OK + b"\r\nhello"),
    "connection: close": (200, OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello"),
    "HTTP/1.0": (200, b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
    "an answer after it": (200, FIVE + FIVE),
    "rubbish after it": (200, FIVE + b"x"),
}
NO_ANSWER = {
    "nonsense": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "two lengths": OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "an oversized header": OK + b"x: " + b"y" * 2 * MOST_HEADER_BYTES,
    "too many headers": OK + b"".join(b"x%d: y\r\n" % number for number in range(201)) + b"\r\n",
    "a coding that nobody offered": OK + b"content-encoding: br\r\ncontent-length: 5\r\n\r\nhello",
    "another protocol": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "interim answers without end": b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
}


class Ear:
    """Is told, and keeps it."""

    def __init__(self) -> None:
        self.answers: list[DirectResponse] = []
        self.failures: list[Failure] = []

    def answered(self, response: DirectResponse) -> None:
        self.answers.append(response)

    def failed(self, failure: Failure) -> None:
        self.failures.append(failure)

    @property
    def times(self) -> int:
        return len(self.answers) + len(self.failures)


class Paper(Wire):
    """Keeps what is written, and has room for so many writes before it asks to wait."""

    def __init__(self, loop, protocol) -> None:
        super().__init__(loop, protocol)
        self.written: list[bytes] = []
        self.room = 1_000_000

    def write(self, data) -> None:
        self.written.append(bytes(data))
        self.room -= 1
        if self.room == 0:
            self._protocol.pause_writing()


def beginning(ear, kind=Connection, *, body: bytes = b"{}", room: int = 1_000_000) -> tuple[Connection, Paper, Book]:
    """A connection on which a request was begun."""
    loop, book = asyncio.get_running_loop(), Book()
    connection = kind(loop, book)
    wire = Paper(loop, connection)
    connection.connection_made(wire)
    wire.room = room
    connection.begin(POST, body, ear)
    return connection, wire, book


def say(connection: Connection, wire: Wire, *pieces: bytes) -> None:
    """What the server says, as long as the connection stands."""
    for piece in pieces:
        if not wire.closing:
            connection.data_received(piece)


async def and_all_else(connection: Connection, wire: Wire, book: Book) -> None:
    """Everything that may still happen to a connection, after which it is gone, and gone once."""
    assert connection._told is None
    say(connection, wire, b"unasked", b"and more")
    if not wire.closing:
        connection.eof_received()
    connection.give_up()
    connection.abandon()
    wire.abort()
    while not book.over:
        await asyncio.sleep(0)
    connection.resume_writing()
    connection.give_up()
    assert (book.lost, book.over) == (1, 1)
    assert connection._response is None
    assert connection._unsent is None


def single(data: bytes) -> list[bytes]:
    return [data[number : number + 1] for number in range(len(data))]


def head_and_body(data: bytes) -> list[bytes]:
    end = data.rindex(b"\r\n\r\n", 0, data.find(b"hello") if b"hello" in data else None) + 4
    return [data[:end], data[end:]] if data[end:] else [data[:end]]


WAYS = {"at once": lambda data: [data], "byte by byte": single, "head and body": head_and_body}


async def read(response: DirectResponse) -> bytes:
    return await response.read_whole(1_000_000)


@pytest.mark.parametrize("kind", [Connection, Knowing])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("said", REUSED)
async def test_an_answer_is_told_once_and_its_connection_is_free(said, way, kind) -> None:
    status, data = REUSED[said]
    ear = Ear()
    connection, wire, book = beginning(ear, kind)
    say(connection, wire, *WAYS[way](data))
    assert (len(ear.answers), len(ear.failures)) == (1, 0)
    assert (book.free, book.lost) == (1, 0)
    assert connection.usable()
    response = ear.answers[0]
    body = b"hello" if b"hello" in data or said in {"gzip", "chunks"} else b""
    assert response.whole() == (None if said == "gzip" else body)
    assert (response.status, await read(response)) == (status, body)
    await and_all_else(connection, wire, book)
    assert ear.times == 1


@pytest.mark.parametrize("kind", [Connection, Knowing])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("said", CLOSED)
async def test_an_answer_that_ends_its_connection_is_told_once(said, way, kind) -> None:
    status, data = CLOSED[said]
    ear = Ear()
    connection, wire, book = beginning(ear, kind)
    say(connection, wire, *WAYS[way](data))
    if not wire.closing:
        connection.eof_received()
    assert (len(ear.answers), len(ear.failures)) == (1, 0)
    assert book.lost == 1
    response = ear.answers[0]
    assert response.whole() == b"hello"
    assert (response.status, await read(response)) == (status, b"hello")
    await and_all_else(connection, wire, book)
    assert ear.times == 1


@pytest.mark.parametrize("kind", [Connection, Knowing])
@pytest.mark.parametrize("way", ["at once", "byte by byte"])
@pytest.mark.parametrize("said", NO_ANSWER)
async def test_what_is_no_answer_is_told_once_as_a_failure(said, way, kind) -> None:
    ear = Ear()
    connection, wire, book = beginning(ear, kind)
    say(connection, wire, *WAYS[way](NO_ANSWER[said]))
    assert (len(ear.answers), len(ear.failures)) == (0, 1)
    assert ear.failures[0].kind is Kind.BAD_RESPONSE
    assert (book.free, book.lost, wire.closing) == (0, 1, True)
    await and_all_else(connection, wire, book)
    assert ear.times == 1


LARGE = OK + b"content-length: %d\r\n\r\n" % (MOST_WAITING + 1)
CUTS = {
    "before any byte": b"",
    "after a byte": b"H",
    "in the status": OK[:11],
    "in the head": FIVE[:30],
    "between interim answer and answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "after the head": FIVE[:-5],
    "in the body": FIVE[:-1],
    "in a packed body": REUSED["gzip"][1][:-3],
    "after the head of a large answer": LARGE,
    "in a large answer": LARGE + b"hell",
    "after the head of chunks": CHUNKED,
    "in a chunk": CHUNKED + b"5\r\nhell",
    "before the last chunk": CHUNKED + b"5\r\nhello\r\n",
    "after the head of an error": b"HTTP/1.1 500 Oh\r\ncontent-length: 5\r\n\r\n",
    "in the body of an error": b"HTTP/1.1 500 Oh\r\ncontent-length: 5\r\n\r\nhell",
}


@pytest.mark.parametrize("kind", [Connection, Knowing])
@pytest.mark.parametrize("how", ["eof", "lost"])
@pytest.mark.parametrize("cut", CUTS)
async def test_a_cut_is_told_once_and_half_an_answer_is_never_whole(cut, how, kind) -> None:
    ear = Ear()
    connection, wire, book = beginning(ear, kind)
    say(connection, wire, *([CUTS[cut]] if CUTS[cut] else []))
    early = ear.times
    if how == "eof":
        connection.eof_received()
    else:
        wire.abort()
        await asyncio.sleep(0)
    assert ear.times == 1
    assert (book.free, book.lost) == (0, 1)
    if b"\r\n\r\n" in CUTS[cut] and "interim" not in cut:
        (response,) = ear.answers
        assert response.whole() is None
        with pytest.raises(TransportError) as caught:
            await read(response)
        failure = caught.value.failure
        assert early == (b"200" not in CUTS[cut] or "large" in cut or "chunk" in cut), "told as soon as one must read"
    else:
        (failure,) = ear.failures
        assert early == 0
    assert (failure.kind, failure.executed) == (Kind.CONNECTION_LOST, Executed.UNKNOWN)
    await and_all_else(connection, wire, book)
    assert ear.times == 1


@pytest.mark.parametrize("kind", [Connection, Knowing])
@pytest.mark.parametrize("data", [FIVE, REUSED["100 before"][1], REUSED["gzip"][1]], ids=["a length", "100", "gzip"])
async def test_who_gives_up_before_the_last_byte_is_told_nothing(data, kind) -> None:
    for end in range(len(data)):
        ear = Ear()
        connection, wire, book = beginning(ear, kind)
        say(connection, wire, *([data[:end]] if end else []))
        connection.give_up()
        assert wire.closing
        assert (book.free, book.lost) == (0, 1)
        connection.data_received(data[end:])  # the event loop had it already
        await and_all_else(connection, wire, book)
        assert ear.times == 0


@pytest.mark.parametrize("data", [REUSED["chunks"][1], REUSED["an error"][1], LARGE], ids=["chunks", "500", "large"])
async def test_who_gives_up_after_the_head_was_told_is_told_nothing_more(data) -> None:
    for end in range(1, len(data) + 1):
        ear = Ear()
        connection, wire, book = beginning(ear)
        say(connection, wire, data[:end])
        if book.free:
            break  # it is another's by now
        told = ear.times
        assert told == (b"\r\n\r\n" in data[:end])
        connection.give_up()
        assert (wire.closing, book.lost) == (True, 1)
        for response in ear.answers:
            with pytest.raises(TransportError):
                await read(response)
        await and_all_else(connection, wire, book)
        assert ear.times == told


async def test_bytes_after_an_answer_close_its_connection_and_are_told_to_nobody() -> None:
    ear = Ear()
    connection, wire, book = beginning(ear)
    say(connection, wire, FIVE, FIVE)
    assert (ear.times, book.free, book.lost, wire.closing) == (1, 1, 1, True)
    assert await read(ear.answers[0]) == b"hello"


async def test_who_closes_the_answer_while_it_is_told_does_no_harm() -> None:
    class Closing(Ear):
        def answered(self, response) -> None:
            super().answered(response)
            response.close()

    for data in (FIVE, REUSED["chunks"][1], CHUNKED + b"5\r\nhel", LARGE + b"hell", REUSED["an error"][1][:-2]):
        ear = Closing()
        connection, wire, book = beginning(ear)
        say(connection, wire, data)
        assert ear.times == 1
        assert (book.free, book.lost) == ((1, 0) if data.endswith((b"hello", b"0\r\n\r\n")) else (0, 1))
        await and_all_else(connection, wire, book)
        assert ear.times == 1


# The next request begins while the last answer is told


class Chain(Ear):
    """Begins the next request on the same connection as soon as it is told."""

    def __init__(self, connection: Connection, most: int) -> None:
        super().__init__()
        self.connection = connection
        self.most = most

    def answered(self, response) -> None:
        super().answered(response)
        if self.times < self.most:
            assert self.connection.usable()
            self.connection.begin(POST, b"%d" % self.times, self)


@pytest.mark.parametrize("kind", [Connection, Knowing])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("said", ["a length", "no body", "gzip", "204", "304", "100 before"])
async def test_a_connection_may_be_used_again_while_its_answer_is_told(said, way, kind) -> None:
    _, data = REUSED[said]
    loop, book = asyncio.get_running_loop(), Book()
    connection = kind(loop, book)
    wire = Paper(loop, connection)
    connection.connection_made(wire)
    chain = Chain(connection, 5)
    connection.begin(POST, b"0", chain)
    for number in range(1, 6):
        for piece in WAYS[way](data):
            assert chain.times == number - 1
            say(connection, wire, piece)
        assert chain.times == number
    assert wire.written == [POST + b"%d" % number for number in range(5)]
    assert (book.free, book.lost) == (5, 0)
    bodies = [await read(response) for response in chain.answers]
    assert bodies == [bodies[0]] * 5
    assert len({id(response.headers) for response in chain.answers}) == 5


async def test_a_request_that_was_begun_while_an_answer_was_told_hears_of_its_own_cut() -> None:
    loop, book = asyncio.get_running_loop(), Book()
    connection = Connection(loop, book)
    wire = Paper(loop, connection)
    connection.connection_made(wire)
    chain = Chain(connection, 2)
    connection.begin(POST, b"", chain)
    say(connection, wire, FIVE)
    assert not connection.heard
    connection.eof_received()
    assert (len(chain.answers), len(chain.failures)) == (1, 1)
    assert await read(chain.answers[0]) == b"hello"


async def test_one_who_waits_has_the_connection_that_one_who_was_told_had_and_the_other_way_round() -> None:
    ear = Ear()
    connection, wire, book = beginning(ear)
    for _ in range(5):
        say(connection, wire, FIVE)
        exchange = asyncio.get_running_loop().create_task(connection.exchange(POST, b"", bodiless=False))
        await asyncio.sleep(0)
        say(connection, wire, FIVE)
        assert await read(await exchange) == b"hello"
        connection.begin(POST, b"", ear)
    assert (len(ear.answers), book.free, book.lost) == (5, 10, 0)
    connection.give_up()


@pytest.mark.parametrize("known", [0, 3])
async def test_who_is_cancelled_in_the_moment_of_the_answer_leaves_nothing(known) -> None:
    ear = Ear()
    connection, wire, book = beginning(ear)
    for _ in range(known):
        say(connection, wire, FIVE)
        connection.begin(POST, b"", ear)
    say(connection, wire, FIVE)
    exchange = asyncio.get_running_loop().create_task(connection.exchange(POST, b"", bodiless=False))
    await asyncio.sleep(0)
    exchange.cancel()
    say(connection, wire, FIVE)
    with pytest.raises(asyncio.CancelledError):
        await exchange
    assert (book.free, book.lost, wire.closing) == (known + 1, 1, True)
    await and_all_else(connection, wire, book)


# Large requests


LONG = bytes(range(256)) * 4096  # 1 MiB


async def test_a_large_body_is_written_piece_by_piece_as_the_server_reads() -> None:
    ear = Ear()
    connection, wire, book = beginning(ear, body=LONG, room=3)
    assert len(wire.written) == 3
    for _ in range(100):
        wire.room = 2
        connection.resume_writing()
    assert wire.written[0] == POST
    assert b"".join(wire.written[1:]) == LONG
    assert max(map(len, wire.written)) <= 65_536
    say(connection, wire, FIVE)
    assert (len(ear.answers), book.free) == (1, 1)


@pytest.mark.parametrize("data", [FIVE, REUSED["an error"][1]], ids=["200", "500"])
@pytest.mark.parametrize("way", ["at once", "byte by byte"])
async def test_an_answer_to_half_a_large_body_is_told_and_its_connection_closed(data, way) -> None:
    ear = Ear()
    connection, wire, book = beginning(ear, body=LONG, room=3)
    say(connection, wire, *WAYS[way](data))
    written = len(wire.written)
    assert (len(ear.answers), book.free, book.lost) == (1, 0, 1)
    assert await read(ear.answers[0]) == b"hello"
    await and_all_else(connection, wire, book)
    assert len(wire.written) == written
    assert ear.times == 1


async def test_who_gives_up_a_large_body_writes_no_more_of_it() -> None:
    ear = Ear()
    connection, wire, book = beginning(ear, body=LONG, room=3)
    connection.give_up()
    connection.resume_writing()
    assert len(wire.written) == 3
    await and_all_else(connection, wire, book)
    assert ear.times == 0


async def test_an_answer_of_the_largest_size_that_is_waited_for_is_told_whole_and_a_larger_one_at_its_head() -> None:
    for size, early in ((MOST_WAITING, 0), (MOST_WAITING + 1, 1)):
        ear = Ear()
        connection, wire, book = beginning(ear)
        say(connection, wire, OK + b"content-length: %d\r\n\r\n" % size, b"x" * (size // 2))
        assert ear.times == early
        say(connection, wire, *[b"x" * 1000] * ((size - size // 2) // 1000), b"x" * ((size - size // 2) % 1000))
        assert (ear.times, book.free, connection._paused) == (1, 1, False)
        assert ear.answers[0].whole() == b"x" * size
        assert await ear.answers[0].read_whole(size) == b"x" * size
