"""The same conversation with a service twice: by the express, and with its doors shut."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from backends.scripted import Peer
from backends.scripted import answer as wire
from backends.scripted import serving as scripted
from segue.pipeline.express import Express
from segue.pipeline.express_call import ExpressCall
from support.service import CALM, HELLO, Serving, eventually, serving

WARM = 2
"""Requests after which the next one goes by the express: the first is parsed, and opens the connection upstream."""

COMPLETION = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
}  # fmt: skip
USUAL = wire(json.dumps(COMPLETION).encode(), headers="content-type: application/json\r\n")

Say = bytes | Callable[[Peer], Awaitable[None]]


def request(model: str = "alone", *headers: str, body: bytes | None = None, **fields: Any) -> bytes:
    """A chat as a client sends it."""
    if body is None:
        body = json.dumps({"model": model, "messages": HELLO, **fields}, ensure_ascii=False).encode()
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass
class Reply:
    status: int
    head: bytes
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.json["error"]["code"]


class Client:
    """One connection to the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, *pieces: bytes) -> Reply:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            if len(pieces) > 1:
                await asyncio.sleep(0.01)
        return await self.read()

    async def read(self) -> Reply:
        async with asyncio.timeout(15):
            head = await self.reader.readuntil(b"\r\n\r\n")
            if b"chunked" in head:
                body = await self.reader.readuntil(b"0\r\n\r\n")
            else:
                body = await self.reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))
        return Reply(int(head.split()[1]), head, body)


class Upstream:
    """A provider that answers as usual, but the request after the first `WARM` in another way."""

    def __init__(self, unusual: Say = USUAL, *, turn: int = WARM + 1) -> None:
        self.asked: list[bytes] = []
        self.open = 0
        self.always: Say = USUAL
        self._unusual = unusual
        self._turn = turn

    async def script(self, peer: Peer) -> None:
        self.open += 1
        try:
            while asked := await peer.request():
                self.asked.append(asked)
                say = self._unusual if len(self.asked) == self._turn else self.always
                if isinstance(say, bytes):
                    await peer.say(say)
                else:
                    await say(peer)
                    if peer.writer.is_closing():
                        return
        finally:
            self.open -= 1


@dataclass
class House:
    """A service before two scripted providers.

    Attributes:
        sent: for each request that came to the express whether it went that way.
    """

    served: Serving
    primary: Upstream
    backup: Upstream
    sent: list[bool]
    clients: list[Client] = field(default_factory=list)

    async def client(self, warm: bytes | None = None) -> Client:
        """A connection whose next request with a usual head goes by the express."""
        made = Client(*await asyncio.open_connection("127.0.0.1", self.served.service.port))
        self.clients.append(made)
        for _ in range(WARM if warm is not None else 0):
            assert (await made.ask(warm)).status == 200
        return made

    def health(self) -> Any:
        """What all breakers know."""
        world = self.served.service.running.engine.world
        return timeless(world.health.status(world.clock.now()))

    def metrics(self) -> str:
        """Everything that is counted, but for times."""
        text = self.served.service.running.metrics.render().decode()
        return "\n".join(
            line for line in text.splitlines() if not re.search("_bucket|_sum|_created|build_info|^# ", line)
        )

    async def records(self) -> list[Any]:
        """The call log, oldest first, without ids and times."""
        log = self.served.service.running.call_log
        await log.flush()
        order = {ended.call.id: number for number, ended in enumerate(self.served.calls)}
        return [plain_record(call) for call in sorted(await log.list(), key=lambda call: order[call.id])]

    async def nothing_is_left(self) -> None:
        world = self.served.service.running.engine.world
        await eventually(lambda: self.served.in_flight() == 0 and world.gate.under_way == 0)
        await eventually(lambda: not self.served.service._server.server_state.tasks)
        for door in self.served.service._application.doors.values():
            assert door._express is None or not door._express.watch._watched
        assert world.signals.errors == 0


def timeless(value: Any) -> Any:
    """Without the numbers that grow with time."""
    if isinstance(value, dict):
        return {key: timeless(one) for key, one in value.items() if key not in {"for", "cooling_for", "retries_left"}}
    return value


def plain_record(call: Any) -> Any:
    """A record without what differs from one time to the next."""
    told = {name: getattr(call, name) for name in call.__struct_fields__}
    for name in ("id", "started_at", "elapsed_ms"):
        told.pop(name)
    told["attempts"] = [
        {
            name: getattr(attempt, name)
            for name in attempt.__struct_fields__
            if name not in {"call_id", "started_ms", "elapsed_ms"}
        }
        | {"first_byte_ms": attempt.first_byte_ms is None}
        for attempt in call.attempts
    ]
    return told


CONFIGURED = {"adapter": "openai", "models": ["gpt-4o"]}


@asynccontextmanager
async def house(
    unusual: Say = USUAL,
    *,
    express: bool = True,
    backup: Say = USUAL,
    turn: int = WARM + 1,
    priced: bool = True,
    **settings: Any,
) -> AsyncIterator[House]:
    first, second, sent = Upstream(unusual, turn=turn), Upstream(backup, turn=1), list[bool]()
    real = Express.send

    def send(self: Express, *arguments: Any) -> ExpressCall | None:
        call = real(self, *arguments)
        sent.append(call is not None)
        return call

    async with scripted(first.script) as one, scripted(second.script) as two:
        providers = {
            "primary": {
                "adapter": "openai",
                "base_url": one.url("/v1"),
                "key": "sk-of-primary-0001",
                "models": ["gpt-4o"],
            },
            "backup": {
                "adapter": "openai",
                "base_url": two.url("/v1"),
                "key": "sk-of-backup-0002",
                "models": ["other"],
            },
        }
        prices = {"overrides": {"primary/*": {"input": 2.5, "output": 10}}} if priced else {}
        models = {"alone": ["primary/gpt-4o"], "smart": ["primary/gpt-4o", "backup/other"]}
        with patch.object(Express, "send", send) if express else nullcontext():
            async with serving(
                providers=providers,
                models=models,
                **{"policies": CALM, **({"prices": prices} if prices else {}), **settings},
            ) as served:
                if not express:
                    served.service._application.doors = {}
                made = House(served, first, second, sent)
                try:
                    yield made
                finally:
                    for client in made.clients:
                        client.writer.close()


def masked(head: bytes) -> list[bytes]:
    """The lines of a head without what differs from one time to the next."""
    lines = head.split(b"\r\n")
    return [
        re.sub(rb"^(x-segue-call-id|x-request-id|date|x-segue-overhead-ms|retry-after(-ms)?): .*", rb"\1", line)
        for line in lines
        if b" 200 " in lines[0] or not line.startswith(b"content-length")  # errors tell how long each attempt took
    ]


VOLATILE = re.compile(rb'call_[0-9a-f]{27}|127\.0\.0\.1:\d+|in \d+ s|after [0-9.]+ s|"elapsed_ms":[0-9.]+')


@dataclass
class Outcome:
    """What came of one conversation."""

    reply: Reply
    after: Reply
    told: dict[str, Any]
    sent: list[bool]
    asked: int
    backup_asked: int


async def outcome(unusual: Say, asked: bytes, warm: bytes, *, express: bool, **settings: Any) -> Outcome:
    async with house(unusual, express=express, **settings) as here:
        client = await here.client(warm)
        reply = await client.ask(asked)
        if b"connection: close" in reply.head:
            client = await here.client()
        asked_by_then, backup_by_then = len(here.primary.asked), len(here.backup.asked)
        after = await client.ask(warm)
        await here.nothing_is_left()
        told = {
            "head": masked(reply.head),
            "body": VOLATILE.sub(b"", reply.body),
            "after": (after.status, masked(after.head), VOLATILE.sub(b"", after.body)),
            "upstream": [re.sub(rb"127\.0\.0\.1:\d+", b"", raw) for raw in here.primary.asked],
            "backup": [re.sub(rb"127\.0\.0\.1:\d+", b"", raw) for raw in here.backup.asked],
            "records": await here.records(),
            "metrics": here.metrics(),
            "health": here.health(),
            "codes": [(ended.code, ended.status) for ended in here.served.calls],
            "attempts": [
                (told.attempt.candidate.name, told.attempt.failure, told.attempt.cancelled, told.attempt.usage)
                for told in here.served.attempts
            ],
        }
        return Outcome(reply, after, told, here.sent, asked_by_then - WARM, backup_by_then)


def normal(told: dict[str, Any]) -> dict[str, Any]:
    """With the JSON of requests upstream as values: the order of keys and blanks between them mean nothing."""

    def read(raw: bytes) -> Any:
        head, _, body = raw.partition(b"\r\n\r\n")
        return sorted(line for line in head.split(b"\r\n") if not line.startswith(b"content-length")), json.loads(body)

    return {
        **told,
        "upstream": [read(raw) for raw in told["upstream"]],
        "backup": [read(raw) for raw in told["backup"]],
    }


async def both_ways(
    unusual: Say = USUAL, asked: bytes | None = None, *, model: str = "alone", **settings: Any
) -> Outcome:
    """The outcome by the express, after it was seen to be the same as without it."""
    warm = request(model)
    quick, usual = await asyncio.gather(
        outcome(unusual, asked or warm, warm, express=True, **settings),
        outcome(unusual, asked or warm, warm, express=False, **settings),
    )
    assert usual.sent == []
    one, other = normal(quick.told), normal(usual.told)
    for name, value in one.items():
        assert value == other[name], (name, value, other[name])
    return quick
