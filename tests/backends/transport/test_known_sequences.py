"""What a connection has learnt from one answer shows in no other, whatever comes in whatever order."""

import asyncio
import gzip
import random

import pytest

from backends.transport.wire import Book, Wire
from fuzzing.scale import scales
from segue.backends.transport.direct_known import MOST_KNOWN, KnownHead
from segue.backends.transport.direct_protocol import MOST_LEARNT, Connection
from segue.core.ports import TransportError

OK = b"HTTP/1.1 200 OK"
PACKED = gzip.compress(b"packed", mtime=0)


def answer(*lines: bytes, status: bytes = OK, body: bytes = b"hello") -> bytes:
    return b"\r\n".join([status, *lines, b"content-length: %d" % len(body)]) + b"\r\n\r\n" + body


class Line:
    """A connection, and what answers on it look like to who asks."""

    def __init__(self, *, learning: bool = True) -> None:
        loop, self.book = asyncio.get_running_loop(), Book()
        self.connection = Connection(loop, self.book)
        self.wire = Wire(loop, self.connection)
        self.connection.connection_made(self.wire)
        if not learning:
            self.connection._learnt = MOST_LEARNT + 1

    async def ask(self, *pieces: bytes, method: str = "POST") -> tuple[object, ...]:
        """Status, headers and body; or the failure."""
        head = f"{method} / HTTP/1.1\r\n\r\n".encode()
        exchange = asyncio.create_task(self.connection.exchange(head, b"", bodiless=method == "HEAD"))
        await asyncio.sleep(0)
        for piece in pieces:
            if not self.wire.closing:
                self.connection.data_received(piece)
        try:
            response = await exchange
            return response.status, response.headers, await response.read_whole(100_000)
        except TransportError as error:
            return error.failure.kind, error.failure.message

    async def learns(self, data: bytes) -> None:
        for _ in range(3):
            await self.ask(data)
        assert self.connection._known is not None


async def test_another_value_in_one_answer_is_not_there_in_the_next() -> None:
    line = Line()
    await line.learns(answer(b"x-id: 1"))
    for value in ("2", "1", "3", "1"):
        _, headers, _ = await line.ask(answer(b"x-id: " + value.encode()))
        assert headers == {"x-id": value, "content-length": "5"}


@pytest.mark.parametrize("status", [b"HTTP/1.1 201 Created", b"HTTP/1.1 404 Not Found", b"HTTP/1.1 500 Oh"])
async def test_of_an_answer_with_another_status_nothing_is_learnt(status: bytes) -> None:
    line = Line()
    for _ in range(5):
        got, _, body = await line.ask(answer(b"x-id: 1", status=status))
        assert (got, body) == (int(status[9:12]), b"hello")
    assert line.connection._known is None


UNUSUAL = {
    "a name twice": answer(b"x-id: 1", b"x-id: 2"),
    "a name twice, in other letters": answer(b"x-id: 1", b"X-ID: 2"),
    "a tab": answer(b"x-id: a\tb"),
    "no space": answer(b"x-id:1"),
    "two spaces": answer(b"x-id:  1"),
    "a space at the end": answer(b"x-id: 1 "),
    "no value": answer(b"x-id:"),
    "no ASCII": answer(b"x-id: \xe4"),
    "no length": OK + b"\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "packed": answer(b"content-encoding: gzip", body=PACKED),
    "interim answers": answer(b"x-id: 1", status=b"HTTP/1.1 103 Early Hints", body=b"") + answer(b"x-id: 1"),
    "a large head": answer(b"x-id: " + b"1" * MOST_KNOWN),
}


@pytest.mark.parametrize("said", UNUSUAL)
async def test_of_an_unusual_head_nothing_is_learnt(said: str) -> None:
    line, other = Line(), Line(learning=False)
    for _ in range(5):
        assert await line.ask(UNUSUAL[said]) == await other.ask(UNUSUAL[said])
    assert line.connection._known is None
    assert line.book.free == 5


@pytest.mark.parametrize("said", UNUSUAL)
async def test_an_unusual_answer_in_between_takes_nothing_away(said: str) -> None:
    line = Line()
    await line.learns(answer(b"x-id: 1"))
    known = line.connection._known
    await line.ask(UNUSUAL[said])
    assert line.connection._known is known
    assert await line.ask(answer(b"x-id: 2")) == (200, {"x-id": "2", "content-length": "5"}, b"hello")


FRAMING = {
    "connection": (b"keep-alive", b"Keep-Alive"),
    "keep-alive": (b"timeout=5", b"timeout=4"),
    "content-encoding": (b"identity", b"gzip"),
    "transfer-encoding": (b"identity", b"chunked"),
    "trailer": (b"x", b"y"),
    "upgrade": (b"h2c", b"h2"),
    "proxy-connection": (b"keep-alive", b"close"),
}


@pytest.mark.parametrize("name", FRAMING)
async def test_what_frames_an_answer_or_rules_its_connection_is_never_taken_with_another_value(name: str) -> None:
    first, second = FRAMING[name]
    header = name.encode() + b": "
    headers = {name: first.decode(), "x-id": "1", "content-length": "5"}
    known = KnownHead.of(answer(header + first, b"x-id: 1"), headers)
    assert (known is None) == (name == "transfer-encoding")
    if known is not None:
        assert known.read(answer(header + first, b"x-id: 2")) is not None
        assert known.read(answer(header + second, b"x-id: 1")) is None


async def test_an_answer_inside_the_body_of_another_is_a_body() -> None:
    inner = answer(b"x-id: 1")
    outer = answer(b"x-id: 2", body=inner)
    end = len(outer) - len(inner)
    line = Line()
    for number in range(6):  # neither learnt from, nor taken for what was learnt
        cut = end if number % 2 else end - number
        got = await line.ask(outer[:cut], outer[cut:])
        assert got == (200, {"x-id": "2", "content-length": str(len(inner))}, inner)
    assert line.connection._known is None
    await line.learns(inner)
    got = await line.ask(outer[:end], outer[end:])
    assert got == (200, {"x-id": "2", "content-length": str(len(inner))}, inner)
    assert await line.ask(inner) == (200, {"x-id": "1", "content-length": "5"}, b"hello")
    assert (line.book.free, line.book.lost) == (11, 0)


async def test_the_limit_of_who_reads_holds_for_a_known_answer() -> None:
    line = Line()
    await line.learns(answer(b"x-id: 1"))
    exchange = asyncio.create_task(line.connection.exchange(b"POST / HTTP/1.1\r\n\r\n", b"", bodiless=False))
    await asyncio.sleep(0)
    line.connection.data_received(answer(b"x-id: 2"))
    with pytest.raises(TransportError) as caught:
        await (await exchange).read_whole(4)
    assert "4 bytes" in caught.value.failure.message


async def test_an_answer_to_head_is_taken_for_no_other_and_the_next_one_has_its_body() -> None:
    data = answer(b"x-id: 1")
    line = Line()
    await line.learns(data)
    assert await line.ask(data[:-5], method="HEAD") == (200, {"x-id": "1", "content-length": "5"}, b"")
    for pieces in ((data,), (data[:-5], data[-5:]), (data,)):
        assert (await line.ask(*pieces))[2] == b"hello"
    assert (line.book.free, line.book.lost) == (7, 0)


async def test_a_body_after_an_answer_to_head_ends_a_connection_that_knows_its_head() -> None:
    data = answer(b"x-id: 1")
    line = Line()
    await line.learns(data)
    assert (await line.ask(data, method="HEAD"))[2] == b""
    assert line.book.lost == 1


async def test_heads_are_learnt_for_a_while_and_one_that_stays_is_known_for_ever() -> None:
    line = Line()
    await line.learns(answer(b"x-id: 1"))
    known = line.connection._known
    for number in range(10 * MOST_LEARNT):
        await line.ask(answer(b"x-id: %d" % number))
    assert line.connection._known is known


def any_answer(dice: random.Random) -> tuple[list[bytes], str]:
    """An answer in the pieces in which it comes, and the method of its request."""
    number, body = dice.randrange(1000), dice.randbytes(dice.randrange(20))
    match dice.randrange(12):
        case 0:
            data = OK + b"\r\nx-id: %d\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" % number
        case 1:
            data = answer(b"x-id: %d" % number, b"content-encoding: gzip", body=PACKED)
        case 2:
            data = dice.choice([b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Same"]) + b"\r\nx-id: %d\r\n\r\n" % number
        case 3:
            data = answer(b"x-id: %d" % number, status=b"HTTP/1.1 500 Oh", body=body)
        case 4:
            data = b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"x-id: %d" % number, body=body)
        case 5:
            return [answer(b"x-id: %d" % number)[:-5]], "HEAD"
        case 6:
            data = answer(b"x-id: 1", body=answer(b"x-id: %d" % number, body=body))
        case 7:
            data = answer(b"x-id: 1", b"x-%d: 1" % dice.randrange(3), body=body)
        case _:
            data = answer(b"x-id: %d" % number, body=body)
    cut = dice.choice([0, 0, 0, dice.randrange(len(data)), data.index(b"\r\n\r\n") + 4])
    return [piece for piece in (data[:cut], data[cut:]) if piece], "POST"


@pytest.mark.parametrize("count", scales(sample=300))
async def test_in_whatever_order_answers_come_each_is_read_as_by_one_that_learns_nothing(count: int) -> None:
    taken = 0
    for seed in range(count):
        dice, line, other = random.Random(seed), Line(), Line(learning=False)
        for _ in range(20):
            pieces, method = any_answer(dice)
            known = line.connection._known
            taken += known is not None and method == "POST" and known.read(pieces[0]) is not None
            assert await line.ask(*pieces, method=method) == await other.ask(*pieces, method=method), f"seed {seed}"
        assert (line.book.free, line.book.lost) == (other.book.free, other.book.lost) == (20, 0)
        assert other.connection._known is None
    assert count < taken < count * 15, f"one-sided: {taken}"
