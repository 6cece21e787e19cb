"""Cancelled at any of its waits, a request leaves no socket, no task and no slot behind, and harms nobody else's."""

import asyncio
import types

import pytest
import trustme

from backends.scripted import Peer, answer, serving
from backends.transport.support import client_tls, counts, direct, get, open_sockets, post, server_tls, turns, whole

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
                except BaseException as thrown:
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
async def test_cancelled_while_waiting_in_line_the_slot_goes_to_the_next(late):
    async def slow(peer: Peer) -> None:
        while await peer.request():
            await turns(2)
            await peer.say(answer())

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


async def test_a_caller_cancelled_as_its_answer_ends_does_not_cut_the_next_one_on_that_connection():
    """The connection is free when the answer's last byte has come, which may be before its caller hears of it."""

    async def echo(peer: Peer) -> None:
        while request := await peer.request():
            await peer.say(answer(request.partition(b"\r\n\r\n")[2]))

    async with serving(echo) as server, direct(per_host=1) as transport:
        for _ in range(50):
            first = asyncio.create_task(whole(transport, post(server.url(), b"first")))
            second = asyncio.create_task(whole(transport, post(server.url(), b"second")))
            (origin,) = transport._origins.values() or [None]
            while not first.done():
                if origin is None:
                    origin = next(iter(transport._origins.values()), None)
                member = next(iter(origin._members), None) if origin else None
                if member is not None and member._head is None and member.heard:
                    first.cancel()
                    break
                await asyncio.sleep(0)
            await asyncio.wait([first])
            assert await second == b"second"
