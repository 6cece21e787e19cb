"""Callers that cost little: many streams at once, or many calls one after another, on connections of their own.

    python -m benchmarks.client '{"port": 3002, "key": "…", "streams": 1000, "seconds": 14}'

Prints one line of JSON. Every stream is checked to be whole: status, number of events, the terminator.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import httptools
import uvloop

from benchmarks.tools import BODY, PATH

GONE = "connection lost"
STREAM_BODY = BODY[:-1] + ',"stream":true}'


def request(body: str, key: str) -> bytes:
    """The bytes of one request."""
    head = f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: Bearer {key}"
    return f"{head}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


class Connection(asyncio.Protocol):
    """One connection, one request at a time.

    Attributes:
        first: when the first byte of the last answer's body came, on the loop's clock.
        events: events of the last answer so far.
        failure: why the last answer is not whole; empty when it is.
        total: events of all answers.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.waiter: asyncio.Future[None] | None = None
        self.lost = False
        self.total = 0
        self._clear()

    def _clear(self) -> None:
        self.first = 0.0
        self.events = 0
        self.failure = ""
        self.leave = 0
        self.last = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self.lost = True
        self._end(GONE)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        if not self.first:
            self.first = self.loop.time()
        new = data.count(b"\n\n") + (data[:1] == b"\n" and self.last[-1:] == b"\n")
        self.events += new
        self.total += new
        self.last = data
        if self.leave and self.events >= self.leave:
            self.transport.abort()

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        self._end("" if status == 200 else f"status {status}")

    async def ask(self, asked: bytes, *, leave: int = 0, seconds: float = 60.0) -> str:
        """Send and wait for the whole answer; with `leave`, hang up after so many events. Gives the failure, if any."""
        self._clear()
        if self.lost:
            return GONE
        self.leave = leave
        self.waiter = self.loop.create_future()
        self.transport.write(asked)
        try:
            async with asyncio.timeout(seconds):
                await self.waiter
        except TimeoutError:
            self.transport.abort()
            return f"no answer within {seconds:g} s"
        return self.failure

    def _end(self, failure: str) -> None:
        self.failure = failure
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


async def connect(port: int) -> Connection:
    """A new connection to this machine."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection


@dataclass
class Streams:
    """What was seen of many streams: chunks and finished streams while it was measured, everything else from the start.

    Attributes:
        first_ms: milliseconds from each request to the first byte of its stream's content.
        failures: how often each kind of failure was seen.
    """

    finished: int = 0
    chunks: int = 0
    seconds: float = 0.0
    whole: int = 0
    first_ms: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)


async def many_streams(
    port: int, key: str, streams: int, *, seconds: float, events: int, every: float, wait: float
) -> Streams:
    """Hold so many streams open, each begun anew when it ends; measured once all are open.

    Args:
        port: where to call.
        key: the API key.
        streams: how many are open at any time; opened over the length of one, so that they do not go in step.
        seconds: how long is measured; 0: every stream once, opened as fast as it goes.
        events: how many a whole stream has.
        every: seconds between two of them.
        wait: seconds that one stream may take.
    """
    seen, asked = Streams(), request(STREAM_BODY, key)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    length = events * every
    measured = begun + length * 1.5
    until = measured + seconds
    open_connections: list[Connection] = []

    async def caller(number: int) -> None:
        await asyncio.sleep(number / streams * (length if seconds else streams / 5000))
        connection: Connection | None = None
        while True:
            try:
                if connection is None or connection.lost:
                    connection = await connect(port)
                    open_connections.append(connection)
            except OSError as error:
                seen.failures[f"not connected: {error.strerror or error}"] += 1
                if not seconds:
                    return
                await asyncio.sleep(0.1)
                continue
            sent = loop.time()
            failure = await connection.ask(asked, seconds=wait)
            if not failure and connection.events != events:
                failure = f"{connection.events} events"
            elif not failure and not connection.last.endswith(b"[DONE]\n\n"):
                failure = "no [DONE]"
            ended = loop.time()
            if failure:
                seen.failures[failure] += 1
            else:
                seen.whole += 1
                seen.first_ms.append((connection.first - sent) * 1000)
                seen.finished += measured <= ended < until or not seconds
            if not seconds or ended >= until:
                return

    def chunks() -> int:
        return sum(connection.total for connection in open_connections)

    tasks = [asyncio.ensure_future(caller(number)) for number in range(streams)]
    if seconds:
        await asyncio.sleep(measured - loop.time())
        before, at = chunks(), loop.time()
        print("measuring", flush=True)
        await asyncio.sleep(until - loop.time())
        seen.chunks, seen.seconds = chunks() - before, loop.time() - at
        print("measured", flush=True)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    else:
        print("measuring", flush=True)
        await asyncio.wait(tasks)
        seen.chunks, seen.seconds = chunks(), loop.time() - begun
        print("measured", flush=True)
    for connection in open_connections:
        connection.transport.abort()
    return seen


def main() -> None:
    """Run what the argument asks for."""
    options: dict[str, Any] = json.loads(sys.argv[1])
    began = time.perf_counter()
    seen = uvloop.run(many_streams(**options))
    told = asdict(seen)
    told["failures"] = dict(seen.failures)  # asdict makes a count of pairs of it
    told["took"] = time.perf_counter() - began
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
