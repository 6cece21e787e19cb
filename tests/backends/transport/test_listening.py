"""Who listens to an answer hears of bytes as they come, and finds everything else where a reader would."""

import asyncio

import pytest

from backends.transport.wire import Book, Wire
from segue.backends.transport.direct_protocol import Connection
from segue.backends.transport.direct_response import MOST_WAITING, DirectResponse
from segue.core.failure import Kind
from segue.core.ports import TransportError

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


class Ear:
    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.ends = 0

    def arrived(self, chunk: bytes) -> None:
        self.heard.append(chunk)

    def ended(self) -> None:
        self.ends += 1


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def answering(head: bytes = HEAD) -> tuple[Connection, DirectResponse, Book]:
    loop, book = asyncio.get_running_loop(), Book()
    connection = Connection(loop, book)
    connection.connection_made(Wire(loop, connection))
    exchange = loop.create_task(connection.exchange(b"GET / HTTP/1.1\r\n\r\n", b"", bodiless=False))
    await asyncio.sleep(0)
    connection.data_received(head)
    return connection, await exchange, book


async def test_bytes_are_told_when_they_come_all_of_one_packet_at_once() -> None:
    connection, response, book = await answering()
    ear = Ear()
    assert response.listen(ear)
    connection.data_received(chunked(b"one"))
    connection.data_received(chunked(b"two") + chunked(b"three"))
    connection.data_received(b"5\r\nfo")  # half a chunk
    assert ear.heard == [b"one", b"twothree", b"fo"]
    assert response.size == 0
    connection.data_received(b"ur.\r\n" + chunked(b"last") + b"0\r\n\r\n")
    assert ear.heard[3:] == []
    assert ear.ends == 1
    assert await response.read_chunk() == b"ur.last"
    assert await response.read_chunk() == b""
    assert book.free == 1


async def test_nobody_is_told_while_bytes_wait_to_be_read() -> None:
    connection, response, _ = await answering()
    connection.data_received(chunked(b"early"))
    assert not response.listen(Ear())
    assert await response.read_chunk() == b"early"
    assert response.listen(Ear())


async def test_nobody_is_told_of_a_body_that_must_be_unpacked_or_has_ended() -> None:
    packed = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    _, response, _ = await answering(packed)
    assert not response.listen(Ear())
    connection, response, _ = await answering()
    connection.data_received(b"0\r\n\r\n")
    assert not response.listen(Ear())


async def test_who_stops_to_listen_reads_on_where_it_stopped() -> None:
    connection, response, _ = await answering()
    ear = Ear()
    response.listen(ear)
    connection.data_received(chunked(b"one"))
    assert not response.listen(None)
    connection.data_received(chunked(b"two"))
    assert ear.heard == [b"one"]
    assert await response.read_chunk() == b"two"


async def test_a_cut_is_told_as_an_end_and_read_as_a_failure() -> None:
    connection, response, _ = await answering()
    ear = Ear()
    response.listen(ear)
    connection.eof_received()
    assert ear.ends == 1
    with pytest.raises(TransportError) as caught:
        await response.read_chunk()
    assert caught.value.failure.kind is Kind.STREAM_CUT


async def test_who_closes_it_from_inside_does_no_harm() -> None:
    connection, response, book = await answering()

    class Closing(Ear):
        def arrived(self, chunk: bytes) -> None:
            super().arrived(chunk)
            response.close()

    ear = Closing()
    response.listen(ear)
    connection.data_received(chunked(b"one"))
    assert ear.heard == [b"one"]
    assert (ear.ends, book.lost) == (1, 1)


async def test_what_is_not_listened_to_any_more_stops_the_connection_as_before() -> None:
    connection, response, _ = await answering()
    response.listen(Ear())
    connection.data_received(chunked(b"x" * 2 * MOST_WAITING))
    assert not connection._paused
    response.listen(None)
    connection.data_received(chunked(b"x" * 2 * MOST_WAITING))
    assert connection._paused
