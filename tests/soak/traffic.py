"""Callers on bare sockets, cheap enough for thousands of calls in a test, and a count of what calls leave behind."""

import asyncio
import gc
import json
from collections import Counter
from collections.abc import Awaitable, Callable

from segue.backends.transport.direct_response import DirectResponse
from segue.core.call import Attempt, Call
from segue.http.exchange import Exchange
from segue.pipeline.stream import OpenedStream
from support.service import Serving, eventually

OF_A_CALL = (Call, Attempt, OpenedStream, DirectResponse, Exchange)
"""What lives no longer than its call."""

SLOW_ENOUGH = 20.0


def request(text: str, **fields: object) -> bytes:
    """One chat, as bytes."""
    body = json.dumps({"model": "alone", "messages": [{"role": "user", "content": text}], **fields}).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )


class Caller:
    """One client with a connection of its own, made anew whenever it was given up."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, asked: bytes, *, leave: bytes | None = None) -> int:
        """Send and read the whole answer; gives its status.

        Args:
            asked: the request.
            leave: hang up as soon as this has come, `b""` for at once; gives 499 then.
        """
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(asked)
        async with asyncio.timeout(SLOW_ENOUGH):
            if leave is not None:
                if leave:
                    await self._reader.readuntil(leave)
                else:
                    await asyncio.sleep(0)
                await self.close()
                return 499
            head = await self._reader.readuntil(b"\r\n\r\n")
            if b"transfer-encoding: chunked" in head:
                await self._reader.readuntil(b"\r\n0\r\n\r\n")
            else:
                length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await self._reader.readexactly(int(length))
        return int(head.split(b" ", 2)[1])

    async def close(self) -> None:
        """Hang up at once."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None


async def by_callers(port: int, callers: int, count: int, one: Callable[[Caller, int], Awaitable[int]]) -> Counter[int]:
    """Have so many callers do `one` with the numbers below `count`; statuses and how often each came."""
    numbers = iter(range(count))
    seen: Counter[int] = Counter()

    async def run() -> None:
        caller = Caller(port)
        for number in numbers:
            seen[await one(caller, number)] += 1
        await caller.close()

    await asyncio.gather(*(run() for _ in range(callers)))
    return seen


async def settled(served: Serving, *, collect: bool = True) -> Counter[str]:
    """Once nothing is under way: how many objects of calls and tasks there are; `collect` removes cycles first."""
    engine = served.service.running.engine
    await eventually(lambda: engine.world.gate.under_way == 0 and served.in_flight() == 0, SLOW_ENOUGH)
    await eventually(lambda: not served.service._server.server_state.tasks, SLOW_ENOUGH)
    assert await served.service.running.call_log.flush()
    served.calls.clear()  # the test's own memory
    served.attempts.clear()
    for _ in range(10):  # callbacks that were due
        await asyncio.sleep(0)
    if collect:
        gc.collect()
    found = Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, OF_A_CALL))
    found["tasks"] = len(asyncio.all_tasks())
    return found


def our_objects() -> Counter[str]:
    """Objects of Segue's own that could be in a cycle, by type; asyncio has many of its own."""
    every = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    ours = {name: count for name, count in every.items() if name.startswith("segue.") and ".simulator." not in name}
    return Counter(ours)
