"""A stream that is poured: each piece goes on in the moment in which it comes, and it ends as one that is read."""

import asyncio

import pytest

from pipeline.wires import LinesReader
from segue.core.failure import Failure, Kind
from segue.core.outcome import Ending
from segue.core.ports import Limits, TransportError
from segue.pipeline.stream import OpenedStream
from segue.testing.loop import run_virtual

LIMITS = Limits(idle=5.0, stream=100.0)


class Telling:
    """An answer that tells of what comes, as the direct transport's does."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.listener = None
        self.failure: Failure | None = None
        self.over = self.closed = False
        self._came = asyncio.Event()

    def listen(self, listener) -> bool:
        if listener is not None and (self.waiting or self.over):
            return False
        self.listener = listener
        return listener is not None

    def say(self, chunk: bytes) -> None:
        if self.listener is not None:
            self.listener.arrived(chunk)
        else:
            self.waiting.append(chunk)
            self._came.set()

    def finish(self, failure: Failure | None = None) -> None:
        self.over, self.failure = True, failure
        self._came.set()
        if self.listener is not None:
            self.listener.ended()

    async def read_chunk(self) -> bytes:
        while not self.waiting and not self.over:
            self._came.clear()
            await self._came.wait()
        if self.waiting:
            return self.waiting.pop(0)
        if self.failure is not None:
            raise TransportError(self.failure)
        return b""

    def close(self) -> None:
        self.closed = True
        self.finish(Failure(Kind.CONNECTION_LOST, "closed"))


class Client:
    """Takes what it is given, up to a limit."""

    def __init__(self, most: int = 1000) -> None:
        self.got = b""
        self.most = most

    def push(self, piece: bytes) -> bool:
        self.got += piece
        return len(self.got) < self.most


def opened() -> tuple[Telling, OpenedStream]:
    answer = Telling()
    return answer, OpenedStream(answer, LinesReader(), LIMITS)


async def pouring(stream: OpenedStream, client: Client) -> "asyncio.Task[None]":
    task = asyncio.ensure_future(stream.pour(client.push))
    await asyncio.sleep(0)
    return task


def test_what_comes_goes_on_at_once_without_anybody_being_woken():
    async def main():
        answer, stream = opened()
        client = Client()
        task = await pouring(stream, client)
        for number in range(1, 50):
            answer.say(b"+")
            assert client.got == b"+" * number
        assert not task.done()
        answer.say(b".")
        await task
        assert await stream.read() == b""
        assert stream.end.ending is Ending.COMPLETE
        assert answer.closed

    run_virtual(main())


def test_a_client_that_falls_behind_is_given_no_more_and_loses_nothing():
    async def main():
        answer, stream = opened()
        client = Client(most=2)
        task = await pouring(stream, client)
        for _ in range(5):
            answer.say(b"+")
        await task
        assert client.got == b"++"
        assert answer.waiting == [b"+"] * 3
        await stream.pour(client.push)  # bytes wait: they must be read first, so that nothing overtakes them
        assert client.got == b"++"
        assert [await stream.read() for _ in range(3)] == [b"+"] * 3

    run_virtual(main())


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        (lambda answer: answer.say(b"!"), "scripted"),
        (lambda answer: answer.finish(Failure(Kind.STREAM_CUT, "torn")), "torn"),
        (lambda answer: answer.finish(), "no terminator"),
    ],
    ids=["error event", "cut", "end untold"],
)
def test_every_failure_ends_it_as_when_it_is_read(ends, says):
    async def main():
        answer, stream = opened()
        task = await pouring(stream, Client())
        answer.say(b"+")
        ends(answer)
        await task
        assert await stream.read() == b""
        assert stream.end.ending is Ending.FAILED
        assert answer.closed
        if says != "scripted":
            assert says in stream.end.failure.message

    run_virtual(main())


def test_a_provider_that_falls_silent_is_cut_off_after_the_idle_limit_and_not_before():
    async def main():
        loop = asyncio.get_running_loop()
        answer, stream = opened()
        task = await pouring(stream, Client())
        for _ in range(4):
            await asyncio.sleep(4.0)
            answer.say(b"+")
        last = loop.time()
        await task
        assert await stream.read() == b""
        assert stream.end.ending is Ending.FAILED
        assert stream.end.failure.message == "the stream was cut: it stalled for more than 5 s"
        assert loop.time() - last == pytest.approx(5.0, abs=0.1)

    run_virtual(main())


@pytest.mark.parametrize("poured", [True, False])
def test_a_stream_that_never_ends_is_cut_off_at_the_limit_of_a_whole_stream(poured):
    async def main():
        loop = asyncio.get_running_loop()
        began = loop.time()
        answer, stream = opened()

        async def talk():
            while True:
                await asyncio.sleep(3.0)
                answer.say(b"+")

        talking = asyncio.ensure_future(talk())
        if poured:
            await stream.pour(Client(most=10_000).push)
        while await stream.read():
            pass
        talking.cancel()
        assert stream.end.failure.message == "the stream was cut: longer than the limit of 100 s"
        assert loop.time() - began == pytest.approx(100.0, abs=0.1)

    run_virtual(main())


def test_a_caller_that_goes_away_cancels_it():
    async def main():
        answer, stream = opened()
        task = await pouring(stream, Client())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stream.end.ending is Ending.CANCELLED
        assert answer.closed
        answer.say(b"+")  # comes too late, and nobody minds

    run_virtual(main())


def test_a_read_that_somebody_else_cancels_is_no_stall():
    async def main():
        _answer, stream = opened()
        task = asyncio.ensure_future(stream.read())
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stream.end.ending is Ending.CANCELLED

    run_virtual(main())


def test_a_defect_of_a_reader_is_raised_where_the_stream_is_poured():
    async def main():
        answer, stream = opened()
        task = await pouring(stream, Client())
        answer.say(b"\xff")  # the reader of these tests cannot decode that
        with pytest.raises(UnicodeDecodeError):
            await task
        assert stream.end.ending is Ending.CANCELLED

    run_virtual(main())


def test_an_answered_stream_is_waited_for_a_moment_only():
    async def main():
        loop = asyncio.get_running_loop()
        answer, stream = opened()
        client = Client()
        task = await pouring(stream, client)
        answer.say(b"+/")
        await task
        began = loop.time()
        assert await stream.read() == b"."
        assert loop.time() - began == pytest.approx(1.0, abs=0.1)
        assert await stream.read() == b""
        assert stream.end.ending is Ending.COMPLETE

    run_virtual(main())
