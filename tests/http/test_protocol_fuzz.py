"""Whatever a client says on a connection, it gets whole answers in their order, and nothing is left when it goes."""

import asyncio
import contextlib
import logging
import random
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
import uvicorn
from uvicorn.server import ServerState

from fuzzing.mutations import Breaker, Piece, cut_up
from fuzzing.scale import scales
from segue.core.errors import CallFailed
from segue.http.exchange import ClientGone, Exchange
from segue.http.protocol import DirectProtocol

BODY = b'{"model":"m"}'
HEAD = b"host: localhost\r\ncontent-type: application/json\r\nx-a: b\r\n"
REQUESTS = [
    b"POST %s HTTP/1.1\r\n" % path + HEAD + framing
    for path in (b"/hot", b"/cold?a=b")
    for framing in (
        b"content-length: %d\r\n\r\n" % len(BODY) + BODY,
        b'transfer-encoding: chunked\r\n\r\n5;x=y\r\n{"mod\r\n8\r\nel":"m"}\r\n0\r\nx-sum: 1\r\n\r\n',
        b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY,
        b"connection: close\r\ncontent-length: 2\r\n\r\n{}",
    )
] + [b"GET /cold HTTP/1.1\r\nhost: a\r\n\r\n", b"HEAD /hot HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"]  # fmt: skip
ODD = [
    b"\r\n", b"\r\n\r\n", b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"upgrade: websocket\r\n",
    b"connection: upgrade\r\n", b"x: " + b"y" * 70_000 + b"\r\n", b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"\x00",
    b"POST /hot HTTP/1.1\r\n", b" HTTP/9.9\r\n", b"a: b\r\n" * 900, b"x" * 40_000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]  # fmt: skip
BREAKER = Breaker([[Piece(request)] for request in REQUESTS])
STATUSES = {200, 400, 408, 413, 431}
LIMIT = 1_000


class App:
    """Answers with the body, as Segue's own application does: hot requests directly, the others by ASGI."""

    hot_urls: ClassVar[dict[bytes, Any]] = {}

    def hot(self, method: str, path: str) -> Any:
        return self.serve if (method, path) == ("POST", "/hot") else None

    async def serve(self, exchange: Exchange) -> None:
        try:
            body = await exchange.body(LIMIT)
        except ClientGone:
            return
        except CallFailed as error:
            await exchange.respond(error.status, b"refused")
            return
        await asyncio.sleep(0)
        await exchange.respond(200, body)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.serve(Exchange(scope, receive, send))


class Wire(asyncio.Transport):
    """A transport without a socket, which keeps what is written."""

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: DirectProtocol) -> None:
        super().__init__(extra={"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)})
        self.out = b""
        self._loop, self._protocol, self._closing = loop, protocol, False

    def write(self, data: Any) -> None:
        assert not self._closing or not data
        self.out += data

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._protocol.connection_lost, None)

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...


CONFIG = uvicorn.Config(
    App(), http=DirectProtocol, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False
)


def broken(dice: random.Random) -> bytes:
    """One to three requests of one connection, broken or not."""
    said = b"".join(
        [BREAKER.broken(dice) if dice.random() < 0.4 else dice.choice(REQUESTS) for _ in range(dice.randrange(1, 4))]
    )
    if dice.random() < 0.3:
        place = dice.randrange(len(said) + 1)
        said = said[:place] + dice.choice(ODD) + said[place:]
    return said


def answers(out: bytes) -> list[int]:
    """The statuses of whole answers, one behind the other; what is none of them fails."""
    found = []
    while out:
        head, end, rest = out.partition(b"\r\n\r\n")
        assert end, f"half an answer: {out[:200]!r}"
        line = re.match(rb"HTTP/1\.1 (\d{3}) [A-Za-z ]*\r\n|HTTP/1\.1 100 Continue$", head)
        assert line, f"no answer: {out[:200]!r}"
        if line[1] is None:
            out = rest
            continue
        found.append(int(line[1]))
        size = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]  # all have one
        if re.match(rb"HTTP/1\.1 \d{3} ", rest) or not rest:
            size = 0  # to a HEAD; a body is what the client sent, and may begin alike
        assert len(rest) >= size, f"half a body: {out[:200]!r}"
        out = rest[size:]
    return found


async def one(seed: int) -> list[int]:
    dice = random.Random(seed)
    loop, state = asyncio.get_running_loop(), ServerState()
    protocol = DirectProtocol(config=CONFIG, server_state=state, app_state={}, _loop=loop)
    wire = Wire(loop, protocol)
    protocol.connection_made(wire)
    for piece in cut_up(broken(dice), dice):
        if wire.is_closing():
            break
        protocol.data_received(piece)
        if dice.random() < 0.5:
            await asyncio.sleep(0)
    for _ in range(8):
        await asyncio.sleep(0)
    wire.close()
    for _ in range(20):
        if not state.tasks and not state.connections:
            break
        await asyncio.sleep(0)
    assert not state.tasks, "a request was left behind"
    assert not state.connections
    statuses = answers(wire.out)
    assert set(statuses) <= STATUSES
    return statuses


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Log nothing of each request that is none."""
    logger = logging.getLogger("uvicorn.error")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


@pytest.mark.parametrize("count", scales())
async def test_broken_requests_get_whole_answers_in_order_and_leave_nothing(count: int) -> None:
    CONFIG.load()
    ends = dict.fromkeys([*STATUSES, 0], 0)
    with silence():
        for seed in range(count, 2 * count):
            try:
                statuses = await one(seed)
            except BaseException as error:
                error.add_note(f"seed {seed}")
                raise
            for status in statuses or [0]:
                ends[status] += 1
    assert min(ends[200], ends[400], ends[431]) > count // 200, ends
