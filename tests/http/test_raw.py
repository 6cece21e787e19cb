"""Whatever bytes come over a socket are served or refused, and leave nothing behind."""

import asyncio
import json
import random
import re
from contextlib import suppress

from support.service import HELLO, Serving, eventually

BODY = json.dumps({"model": "alone", "messages": HELLO}).encode()
CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
LAST = CHAT.replace(b"host:", b"connection: close\r\nhost:")


async def talk(served: Serving, *pieces: bytes, hurry: bool = False) -> bytes:
    """Send pieces apart, hang up our side, and return everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
    try:
        for piece in pieces:
            writer.write(piece)
            if not hurry:
                await writer.drain()
                await asyncio.sleep(0.002)
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def nothing_is_left(served: Serving) -> None:
    await eventually(lambda: served.in_flight() == 0 and not served.service._server.server_state.tasks)
    assert served.service.running.engine.world.gate.under_way == 0
    assert (await served.ask("GET", "/health")).status == 200


async def test_a_request_split_at_any_byte_is_served(served: Serving) -> None:
    answers = await asyncio.gather(*(talk(served, LAST[:place], LAST[place:]) for place in range(1, len(LAST))))
    assert all(answer.startswith(b"HTTP/1.1 200 OK") for answer in answers)
    whole = await talk(served, *(LAST[place : place + 1] for place in range(len(LAST))))
    assert whole.startswith(b"HTTP/1.1 200 OK")
    await nothing_is_left(served)


async def test_a_chunked_request_is_served(served: Serving) -> None:
    head = LAST[: LAST.index(b"content-length")] + b"transfer-encoding: chunked\r\n\r\n"
    pieces = [b"%x\r\n%s\r\n" % (len(BODY[at : at + 7]), BODY[at : at + 7]) for at in range(0, len(BODY), 7)]
    assert b"200 OK" in await talk(served, head, *pieces, b"0\r\n\r\n")


async def test_pipelined_requests_are_answered_in_order(served: Serving) -> None:
    models = b"GET /v1/models/%s HTTP/1.1\r\nhost: localhost\r\n\r\n"
    requests = b"".join([CHAT, models % b"smart", CHAT, models % b"unheard-of", models % b"alone", LAST])
    answers = await talk(served, requests)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answers) == [b"200", b"200", b"200", b"404", b"200", b"200"]
    assert answers.index(b'"id":"smart"') < answers.index(b"unheard-of") < answers.index(b'"id":"alone"')
    assert len(served.sim.seen("primary")) == 3
    await nothing_is_left(served)


async def test_more_pipelined_requests_than_are_read_ahead_are_answered_too(served: Serving) -> None:
    model = b"GET /v1/models/smart HTTP/1.1\r\nhost: localhost\r\n%s\r\n"
    answers = await talk(served, CHAT + model % b"" * 100 + model % b"connection: close\r\n")
    assert answers.count(b"HTTP/1.1 200 OK") == 102


ODD = [
    (b"GET /v1/models HTTP/1.0\r\n\r\n", {b"200"}),
    (LAST.replace(b"host: localhost\r\n", b""), {b"200", b"400"}),
    (LAST.replace(b"host:", b"expect: 100-continue\r\nhost:"), {b"100", b"200"}),
    (b"get /v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", {b"400", b"405"}),
    (b"GET  /v1/models HTTP/1.1\r\n\r\n", {b"200", b"400"}),
    (b"GET /v1/models HTTP/9.9\r\n\r\n", {b"400", b"505"}),
    (b"GET /v1/models\r\n\r\n", {b"400", b"200"}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {b"400"}),
    (b"\x00" * 100, {b"400"}),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {b"400", b"404", b"405"}),
    (b"GET http://evil.example/v1/models HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", {b"200", b"400"}),
    (b"GET * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", {b"404", b"400"}),
    (b"OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", {b"404", b"405", b"400"}),
    (b"CONNECT localhost:1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", {b"404", b"400", b"405"}),
    (b"GET /%zz%00%ff HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", {b"404", b"400"}),
    (b"GET /v1/models/%ff%00 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n", {b"404", b"400"}),
    (LAST.replace(b"content-length: ", b"content-length: -"), {b"400"}),
    (LAST.replace(b"content-length: ", b"content-length: 99999999999999999999999"), {b"400", b"413"}),
    (LAST.replace(b"host:", b"content-length: 5\r\nhost:"), {b"400"}),
    (LAST.replace(b"host:", b"transfer-encoding: chunked\r\nhost:"), {b"400"}),
    (LAST.replace(b"host:", b"transfer-encoding: nonsense\r\nhost:"), {b"400", b"200"}),
    (LAST.replace(b"host:", b"x-nul: a\x00b\r\nhost:"), {b"400"}),
    (LAST.replace(b"host:", b"bad header: x\r\nhost:"), {b"400"}),
    (LAST.replace(b"host:", b" folded: x\r\nhost:"), {b"400", b"200"}),
    (LAST.replace(b"host:", b"x-segue-tags: \xff\xfe=\xff\r\nhost:"), {b"200"}),
    (LAST.replace(b"host:", b"x-big: " + b"x" * 200_000 + b"\r\nhost:"), {b"200", b"400", b"431"}),
    (LAST.replace(b"host:", b"x-many: 1\r\n" * 5_000 + b"host:"), {b"200", b"400", b"431"}),
    (LAST.replace(b"host:", b"upgrade: websocket\r\nconnection: upgrade\r\nhost:"), {b"200", b"400", b"426"}),
    (LAST.replace(b"host:", b"upgrade: h2c\r\nhost:"), {b"200", b"400"}),
]


async def test_an_odd_request_is_served_or_refused(served: Serving) -> None:
    for request, statuses in ODD:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
        writer.write(request)
        async with asyncio.timeout(5):
            line = await reader.readline()
        assert line.startswith(b"HTTP/1.1 "), request[:100]
        assert line.split()[1] in statuses, (request[:100], line)
        writer.close()
        await nothing_is_left(served)


async def test_random_damage_to_requests_never_hangs_or_leaks(served: Serving) -> None:
    dice = random.Random(11)

    async def damaged() -> None:
        data = bytearray(LAST)
        for _ in range(dice.randrange(1, 6)):
            match dice.randrange(3):
                case 0:
                    data[dice.randrange(len(data))] = dice.randrange(256)
                case 1:
                    del data[dice.randrange(len(data)) :][:3]
                case _:
                    at = dice.randrange(len(data))
                    data[at:at] = dice.choice([b"\r\n", b"\x00", b"{", b"GET / HTTP/1.1\r\n", b": "])
        reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
        writer.write(bytes(data))
        with suppress(TimeoutError, ConnectionError):
            # What is incomplete now waits for more; hanging up ends it.
            await asyncio.wait_for(reader.read(), 0.5)
        writer.close()

    await asyncio.gather(*(damaged() for _ in range(300)))
    await nothing_is_left(served)
    assert {call.code for call in served.calls} <= {"ok", "cancelled", "model_not_found", "invalid_request"}
    assert (await served.chat()).status == 200


async def test_a_connection_is_used_again_after_errors_and_streams(served: Serving) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
    stream = BODY[:-1] + b',"stream":true}'
    wrong = b"{"
    for body in (BODY, stream, wrong, stream, BODY):
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        )
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).lower()
        if b"transfer-encoding: chunked" in head:
            await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n\r\n"), 5)
        else:
            await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        assert b"connection: close" not in head
    writer.close()
    await nothing_is_left(served)
