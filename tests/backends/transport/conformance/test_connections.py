"""Which connections are used again, how many there are, and what happens when one dies."""

import asyncio

import pytest

from backends.scripted import Peer, always, answer, serving
from backends.transport.support import ask, counts, direct, failure_of, get, open_sockets, post, reset, turns, whole
from segue.core.failure import Executed, Kind
from segue.core.ports import WireRequest
from segue.testing import FakeClock


async def test_connections_are_kept_and_used_again(transporting):
    async with serving(always(answer())) as server, transporting() as transport:
        for _ in range(5):
            await whole(transport, post(server.url()))
        assert len(server.peers) == 1
        assert counts(transport) == (0, 1)


async def test_a_hundred_requests_at_once_are_all_answered_each_with_its_own_answer(transporting):
    async def echo(peer: Peer) -> None:
        while request := await peer.request():
            await peer.say(answer(request.partition(b"\r\n\r\n")[2]))

    async with serving(echo) as server, transporting() as transport:
        bodies = [b"body %d" % number for number in range(100)]
        for _ in range(3):
            assert await asyncio.gather(*(whole(transport, post(server.url(), body)) for body in bodies)) == bodies
        assert len(server.peers) <= 100
        assert counts(transport)[0] == 0


async def test_the_connection_used_last_is_used_first():
    used = []

    async def script(peer: Peer) -> None:
        while await peer.request():
            used.append(peer.number)
            await (go if peer.number == 1 else both).wait()
            await peer.say(answer())

    go, both = asyncio.Event(), asyncio.Event()
    async with serving(script) as server, direct() as transport:
        first = asyncio.create_task(whole(transport, get(server.url())))
        await server.until(lambda: len(server.peers) == 1)
        second = asyncio.create_task(whole(transport, get(server.url())))
        await server.until(lambda: len(server.peers) == 2)
        both.set()
        await second
        go.set()
        await first
        assert counts(transport) == (0, 2)
        del used[:]
        for _ in range(3):
            await whole(transport, get(server.url()))
        assert used == [1, 1, 1]


async def test_a_connection_kept_too_long_is_closed_instead_of_used():
    clock = FakeClock()
    async with serving(always(answer())) as server, direct(clock=clock) as transport:
        await whole(transport, get(server.url()))
        clock.advance(29)
        await whole(transport, get(server.url()))
        assert len(server.peers) == 1
        clock.advance(31)
        await whole(transport, get(server.url()))
        assert len(server.peers) == 2
        await server.until(lambda: server.open == 1)


async def test_connections_to_a_server_that_nobody_asks_any_more_are_closed_when_others_are_opened():
    clock = FakeClock()
    async with (
        serving(always(answer())) as old,
        serving(always(answer())) as new,
        direct(clock=clock) as transport,
    ):
        await whole(transport, get(old.url()))
        clock.advance(31)
        await whole(transport, get(new.url()))
        assert counts(transport) == (0, 1)
        await old.until(lambda: old.open == 0)


async def test_no_more_connections_are_kept_than_may_be():
    async with serving(always(answer())) as server, direct(idle_per_host=3) as transport:
        await asyncio.gather(*(whole(transport, get(server.url())) for _ in range(10)))
        assert counts(transport) == (0, 3)
        await server.until(lambda: server.open == 3)


async def test_beyond_the_limit_per_host_requests_wait_and_the_wait_counts_as_connecting(transporting):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha")
        await go.wait()
        await peer.say(b"lf")
        await always(answer())(peer)

    go = asyncio.Event()
    async with serving(script) as server, transporting(per_host=1) as transport:
        first = await ask(transport, post(server.url("/1")))
        second = asyncio.create_task(ask(transport, post(server.url("/2"))))
        failure = await failure_of(ask(transport, post(server.url("/3")), connect=0.05))
        assert failure.kind is Kind.CONNECT
        assert failure.executed is Executed.NO
        assert "within 0.05 s" in failure.message
        go.set()
        assert await first.read_whole(100) == b"half"
        await (await second).read_whole(100)
        assert len(server.peers) == 1


async def test_the_limit_holds_and_everybody_gets_their_turn_when_connections_die(transporting):
    open_most = 0

    async def script(peer: Peer) -> None:
        nonlocal open_most
        open_most = max(open_most, server.open)
        await peer.request()
        await peer.say(answer(headers="connection: close\r\n"))

    async with serving(script) as server, transporting(per_host=3) as transport:
        answers = await asyncio.gather(*(whole(transport, post(server.url()), connect=10) for _ in range(50)))
        assert answers == [b"{}"] * 50
        assert counts(transport) == (0, 0)
    assert open_most <= 4, "three, and one that is just being closed"


async def test_those_who_wait_are_served_in_the_order_in_which_they_came():
    served = []

    async def script(peer: Peer) -> None:
        while request := await peer.request():
            served.append(request.split(b" ")[1])
            await turns(2)
            await peer.say(answer())

    async with serving(script) as server, direct(per_host=1) as transport:
        await asyncio.gather(*(whole(transport, get(server.url(f"/{number}"))) for number in range(10)))
    assert served == [b"/%d" % number for number in range(10)]


async def test_a_server_that_says_close_is_believed(transporting):
    async with serving(always(answer(headers="Connection: Close\r\n"))) as server, transporting() as transport:
        for _ in range(2):
            await whole(transport, get(server.url()))
        assert len(server.peers) == 2
        assert counts(transport) == (0, 0)


async def test_a_connection_that_the_server_has_closed_is_never_used(transporting):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer())

    async with serving(script) as server, transporting() as transport:
        for _ in range(3):
            await whole(transport, post(server.url()))
            await server.until(lambda: server.open == 0)
            await turns(3)
        assert len(server.peers) == 3


async def test_a_goodbye_that_the_event_loop_has_not_seen_yet_is_seen():
    """Between two turns of the loop the server may close; a request written then could not be told from a sent one."""
    import socket
    import time

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port = listener.getsockname()[1]
    loop = asyncio.get_running_loop()
    async with direct() as transport:
        for number in range(2):
            task = asyncio.create_task(whole(transport, post(f"http://127.0.0.1:{port}/")))
            accepted, _ = await loop.sock_accept(listener)
            accepted.setblocking(False)
            await loop.sock_recv(accepted, 10_000)
            await loop.sock_sendall(accepted, answer(b"%d" % number))
            assert await task == b"%d" % number
            assert counts(transport) == (0, 1)
            accepted.close()
            time.sleep(0.02)  # blocks the loop on purpose: it cannot notice
    listener.close()


async def test_a_post_is_sent_once_even_when_the_kept_connection_was_closed(transporting):
    served = []

    async def script(peer: Peer) -> None:
        served.append(await peer.request())
        await peer.say(answer())
        served.append(await peer.request())  # and closes without an answer

    async with serving(script) as server, transporting() as transport:
        await whole(transport, post(server.url()))
        failure = await failure_of(ask(transport, post(server.url())))
        assert failure.kind is Kind.CONNECTION_LOST
        assert failure.executed is Executed.UNKNOWN
        assert len(served) == 2
        assert len(server.peers) == 1


METHODS = [("GET", 2), ("HEAD", 2), ("PUT", 1), ("DELETE", 1), ("PATCH", 1), ("OPTIONS", 1)]


@pytest.mark.parametrize(("method", "times"), METHODS)
@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_only_what_merely_reads_is_sent_again_on_a_new_connection(method, times, how):
    served = []

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer(b"" if method == "HEAD" else b"{}"))
        if request := await peer.request():
            served.append(request)
            if how == "reset":
                reset(peer)

    async with serving(script) as server, direct() as transport:
        request = WireRequest(method, server.url(), {})
        await whole(transport, request)
        if times == 1:
            failure = await failure_of(ask(transport, request))
            assert failure.kind is Kind.CONNECTION_LOST
            assert failure.executed is Executed.UNKNOWN
        else:
            await whole(transport, request)
        assert len(served) == 1
        assert len(server.peers) == times
        assert counts(transport)[0] == 0


async def test_what_reads_is_sent_again_once_and_not_when_an_answer_had_begun():
    async def half(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer())
        await peer.request()
        await peer.say(b"HTTP/1.1 2")

    async def never(peer: Peer) -> None:
        await peer.request()
        if peer.number == 1:
            await peer.say(answer())
            await peer.request()

    for script, peers in ((half, 1), (never, 2)):
        async with serving(script) as server, direct() as transport:
            await whole(transport, get(server.url()))
            failure = await failure_of(ask(transport, get(server.url())))
            assert failure.kind is Kind.CONNECTION_LOST
            assert len(server.peers) == peers


async def test_a_get_is_sent_again_even_when_all_slots_are_taken_by_kept_connections():
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number <= 2:
            await both.wait()
        await peer.say(answer())
        await peer.request()

    both = asyncio.Event()
    async with serving(script) as server, direct(per_host=2) as transport:
        two = asyncio.gather(*(whole(transport, get(server.url())) for _ in range(2)))
        await server.until(lambda: len(server.peers) == 2)
        both.set()
        await two
        assert counts(transport) == (0, 2)
        await whole(transport, get(server.url()), connect=1)
        assert len(server.peers) == 3


async def test_a_new_connection_that_is_closed_at_once_was_never_asked_or_may_have_been(transporting):
    async def script(peer: Peer) -> None:
        return

    async with serving(script) as server, transporting() as transport:
        failure = await failure_of(ask(transport, post(server.url())))
        assert failure.kind in {Kind.CONNECTION_LOST, Kind.CONNECT}
        assert counts(transport) == (0, 0)


async def test_an_answer_nobody_asked_for_never_answers_the_next_request(transporting):
    """Bytes that come on a kept connection belong to no request: taking them for one would mix up two callers."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer(b"first"))
        if peer.number == 1:
            await server.until(lambda: counts(transport) == (0, 1))
            await peer.say(answer(b"somebody else's"))
            stray.set()
            if await peer.request():
                await peer.say(answer(b"late"))
        await peer.until_closed()

    stray = asyncio.Event()
    async with serving(script) as server, transporting() as transport:
        assert await whole(transport, post(server.url())) == b"first"
        server._changed.set()
        await stray.wait()
        await turns()
        assert await whole(transport, post(server.url())) == b"first"
        if transporting is direct:
            assert len(server.peers) == 2


async def test_closing_an_unread_answer_closes_its_connection(transporting):
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await peer.until_closed()

    async with serving(script) as server, transporting() as transport:
        response = await ask(transport, post(server.url()))
        response.close()
        response.close()
        assert counts(transport) == (0, 0)
        await server.until(lambda: server.open == 0)


async def test_an_answer_that_was_closed_is_never_taken_for_whole():
    async with serving(always(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")) as server, direct() as transport:
        response = await ask(transport, post(server.url()))
        response.close()
        failure = await failure_of(response.read_whole(100))
        assert failure.kind is Kind.CONNECTION_LOST


async def test_closing_an_answer_after_its_connection_went_on_does_not_disturb_who_has_it_now():
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer(b"first"))
        await peer.request()
        await asked_again.wait()
        await peer.say(answer(b"second"))

    asked_again = asyncio.Event()
    async with serving(script) as server, direct() as transport:
        response = await ask(transport, post(server.url()))
        second = asyncio.create_task(whole(transport, post(server.url())))
        await turns(3)
        response.close()
        asked_again.set()
        assert await second == b"second"
        assert await response.read_whole(10) == b"first"
        assert len(server.peers) == 1


@pytest.mark.parametrize("phase", ["headers", "whole", "chunk"])
async def test_cancelling_closes_the_connection(transporting, phase):
    async def script(peer: Peer) -> None:
        await peer.request()
        reached.set()
        if phase != "headers":
            await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
        await peer.until_closed()

    async def caller() -> None:
        response = await ask(transport, post(server.url()))
        started.set()
        await (response.read_whole(1000) if phase == "whole" else response.read_chunk())

    reached, started = asyncio.Event(), asyncio.Event()
    async with serving(script) as server, transporting() as transport:
        task = asyncio.create_task(caller())
        await (reached if phase == "headers" else started).wait()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert counts(transport) == (0, 0)
        await server.until(lambda: server.open == 0)


async def test_callers_that_hang_up_under_load_leave_nothing_open(transporting):
    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
            await peer.until_closed()

    async def caller(number: int) -> None:
        response = await ask(transport, post(server.url()))
        await response.read_chunk()
        if number % 2:
            response.close()
            return
        await response.read_chunk()

    async with serving(script) as server, transporting() as transport:
        tasks = [asyncio.create_task(caller(number)) for number in range(90)]
        await server.until(lambda: len(server.peers) >= 60)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.until(lambda: server.open == 0)
        assert counts(transport) == (0, 0)


async def test_after_closing_requests_are_refused_and_nothing_was_sent(transporting):
    async with serving(always(answer())) as server, transporting() as transport:
        await whole(transport, post(server.url()))
        await transport.close()
        await transport.close()
        failure = await failure_of(ask(transport, post(server.url())))
        assert failure.executed is Executed.NO
        assert "stopping" in failure.message
        await server.until(lambda: server.open == 0)
        assert len(server.peers) == 1


async def test_closing_while_an_answer_is_awaited_ends_that_request_with_a_failure(transporting):
    async def script(peer: Peer) -> None:
        await peer.request()
        asked.set()
        await peer.until_closed()

    asked = asyncio.Event()
    async with serving(script) as server, transporting() as transport:
        waiting = asyncio.create_task(ask(transport, post(server.url())))
        await asked.wait()
        await transport.close()
        failure = await failure_of(waiting)
        assert failure.kind is Kind.CONNECTION_LOST
        assert failure.executed is Executed.UNKNOWN
        await server.until(lambda: server.open == 0)


async def test_closing_ends_those_who_wait_in_line_and_those_who_connect_with_nothing_sent():
    async def silent(peer: Peer) -> None:
        await peer.until_closed()

    before = open_sockets()
    async with serving(silent) as server, direct(per_host=1) as transport:
        connecting = asyncio.create_task(ask(transport, post(server.url(scheme="https")), connect=30))
        waiting = asyncio.create_task(ask(transport, post(server.url(scheme="https")), connect=30))
        await server.until(lambda: server.open == 1)
        await transport.close()
        for task in (connecting, waiting):
            failure = await failure_of(task)
            assert failure.executed is Executed.NO
            assert "stopping" in failure.message
        await server.until(lambda: server.open == 0)
    await turns()
    assert open_sockets() <= before


async def test_closing_cuts_an_answer_that_is_being_read():
    async with serving(always(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")) as server, direct() as transport:
        response = await ask(transport, post(server.url()))
        reading = asyncio.create_task(response.read_chunk())
        await turns(2)
        await transport.close()
        failure = await failure_of(reading)
        assert failure.kind is Kind.STREAM_CUT


async def test_a_refused_connection_was_never_sent(transporting):
    async with serving(always(answer())) as server:
        url = server.url("/?key=s3cr3t")
    async with transporting() as transport:
        failure = await failure_of(ask(transport, post(url)))
    assert failure.kind is Kind.CONNECT
    assert failure.executed is Executed.NO
    assert "refused" in failure.message


async def test_a_slow_drip_is_read_as_it_comes_and_leaves_no_time_limit_of_our_own():
    async def script(peer: Peer) -> None:
        await peer.request()
        for byte in answer(b"slow"):
            await peer.say(bytes([byte]))
            await asyncio.sleep(0.002)
        await peer.until_closed()

    async with serving(script) as server, direct() as transport:
        assert await whole(transport, post(server.url()), connect=0.05) == b"slow"
        assert counts(transport) == (0, 1)
