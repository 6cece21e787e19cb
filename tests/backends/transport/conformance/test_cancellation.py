"""Cancelled at any of its waits, a request leaves no socket, no task and no slot behind, and harms nobody else's."""

import asyncio
import types

import pytest
import trustme

from backends.scripted import Peer, answer, serving
from backends.transport.support import client_tls, counts, direct, get, open_sockets, post, server_tls, turns, whole
from backends.transport.wire import Book, Wire
from segue.backends.transport.direct_protocol import Connection

AUTHORITY = trustme.CA()


class Waits:
    """Runs a coroutine and cancels it at one of its waits.

    Args:
        at: the number of the wait, from 1.
        late: cancel when what was waited for has just come, rather than before.
    """

    def __init__(self, at: int, *, late: bool) -> None:
        self.at = at
        self.late = late
        self.reached = False

    @types.coroutine
    def run(self, coroutine):
        number, error = 0, None
        while True:
            try:
                future = coroutine.send(None) if error is None else coroutine.throw(error)
            except StopIteration as stopped:
                return stopped.value
            number += 1
            error = None
            if number == self.at:
                self.reached = True
                if self.late:
                    yield future
                elif future is not None:
                    future._asyncio_future_blocking = False
                    future.cancel()
                error = asyncio.CancelledError()
            else:
                try:
                    yield future
                except (Exception, asyncio.CancelledError) as thrown:  # noqa: BLE001 - handed on
                    error = thrown


async def script(peer: Peer) -> None:
    while await peer.request():
        await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        await turns(1)
        await peer.say(b"3\r\ntwo\r\n")
        await turns(1)
        await peer.say(b"0\r\n\r\n")


async def streamed(transport, request) -> bytes:
    response = await transport.send(request, connect=5, allow_private=True)
    try:
        got = b""
        while chunk := await response.read_chunk():
            got += chunk
        return got
    finally:
        response.close()


@pytest.mark.parametrize("late", [False, True], ids=["before it came", "when it came"])
@pytest.mark.parametrize("reading", [whole, streamed])
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
@pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
async def test_cancelled_at_any_wait_nothing_is_left_behind(late, reading, kept, secure):
    tls = server_tls(AUTHORITY, "localhost") if secure else None
    at = 0
    async with serving(script, tls=tls) as server:
        url = server.url(host="localhost", scheme="https" if secure else "http")
        while True:
            at += 1
            sockets = open_sockets() - 2 * server.open
            async with direct(per_host=2, tls=client_tls(AUTHORITY)) as transport:
                if kept:
                    await whole(transport, get(url))
                tasks = asyncio.all_tasks() - server.tasks
                waits = Waits(at, late=late)
                try:
                    assert await waits.run(reading(transport, post(url))) == b"onetwo"
                    cancelled = False
                except asyncio.CancelledError:
                    cancelled = True
                assert cancelled or not waits.reached or late
                await turns(3)
                assert asyncio.all_tasks() - server.tasks == tasks
                assert counts(transport)[0] == 0
                origins = list(transport._origins.values())
                assert [origin._taken for origin in origins] == [len(origin._members) for origin in origins]
                assert await asyncio.gather(*(whole(transport, post(url)) for _ in range(4))) == [b"onetwo"] * 4
            await server.until(lambda: server.open == 0)
            await turns(2)
            assert open_sockets() <= sockets
            if not waits.reached:
                break
    assert at > 2


@pytest.mark.parametrize("late", [False, True], ids=["before it came", "when it came"])
@pytest.mark.parametrize("header", ["", "connection: close\r\n"], ids=["a connection", "a slot"])
async def test_cancelled_while_waiting_in_line_what_was_free_goes_to_the_next(late, header):
    async def slow(peer: Peer) -> None:
        while await peer.request():
            await turns(2)
            await peer.say(answer(headers=header))

    at = 0
    async with serving(slow) as server:
        while True:
            at += 1
            async with direct(per_host=1) as transport:
                first = asyncio.create_task(whole(transport, post(server.url())))
                await turns(1)
                waits = Waits(at, late=late)

                async def second(transport=transport):
                    return await whole(transport, post(server.url()))

                async def run(waits=waits, second=second):
                    return await waits.run(second())

                two = asyncio.create_task(run())
                three = asyncio.create_task(whole(transport, post(server.url())))
                assert await first == b"{}"
                assert await three == b"{}"
                await asyncio.wait([two])
                if not two.cancelled():
                    assert two.result() == b"{}"
                await turns(2)
                (origin,) = transport._origins.values()
                assert origin._taken == len(origin._members) <= 1
                assert len(origin._line) == 0
                assert await whole(transport, post(server.url())) == b"{}"
            if not waits.reached:
                break


@pytest.mark.parametrize("cancelled", ["before its answer", "after its answer"])
async def test_a_caller_cancelled_as_its_answer_ends_never_cuts_the_next_one_on_that_connection(cancelled):
    """The connection is free when the answer's last byte has come, which is before its caller hears of it."""
    loop, book = asyncio.get_running_loop(), Book()
    connection = Connection(loop, book)
    connection.connection_made(Wire(loop, connection))
    first = loop.create_task(connection.exchange(b"GET / HTTP/1.1\r\n\r\n", b"", bodiless=False))
    await asyncio.sleep(0)
    if cancelled == "before its answer":
        first.cancel()
    connection.data_received(answer(b"first"))
    assert (book.free, book.lost) == ((0, 1) if cancelled == "before its answer" else (1, 0))
    if book.free:
        second = connection.exchange(b"GET / HTTP/1.1\r\n\r\n", b"", bodiless=False)
        waiting = second.send(None)  # it is sent before the first caller gets its turn
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        connection.data_received(answer(b"second"))
        assert waiting.done()
        with pytest.raises(StopIteration) as stopped:
            second.send(None)
        assert await stopped.value.value.read_whole(10) == b"second"
    else:
        with pytest.raises(asyncio.CancelledError):
            await first
