"""A head that a connection repeats is known by its bytes, and means exactly what the parser would make of it."""

import asyncio
import json
import re
from contextlib import suppress

import pytest

from segue.http import protocol
from segue.http.repeated import MOST_HEAD_BYTES, RepeatedHead
from support.service import HELLO, Serving, serving


def request(text: str = "hello", *headers: str) -> bytes:
    """A chat as an SDK sends it; the same head for texts of the same length."""
    body = json.dumps({"model": "alone", "messages": [{"role": "user", "content": text}]}).encode()
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "X-Stainless-Lang: python", "", ""]).encode() + body


class Client:
    """One connection, one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def of(cls, served: Serving) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", served.service.port))

    async def ask(self, *pieces: bytes, within: float = 10) -> tuple[int, bytes]:
        """Status and body of the next answer; (0, b"") when none comes or the connection is closed without one."""
        try:
            async with asyncio.timeout(within):
                for piece in pieces:
                    self.writer.write(piece)
                    await self.writer.drain()
                    await asyncio.sleep(0)
                head = await self.reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head)
                body = await self.reader.readexactly(int(length[1])) if length else b""
                return int(head.split()[1]), body
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return 0, b""

    def close(self) -> None:
        self.writer.close()


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each request that was looked at was known by its head."""
    answers: list[bool] = []
    real = RepeatedHead.exchange

    def watched(self, data, line):
        exchange = real(self, data, line)
        answers.append(exchange is not None)
        return exchange

    monkeypatch.setattr(RepeatedHead, "exchange", watched)
    return answers


async def test_the_second_request_is_known_by_its_head_whatever_the_length_of_its_body(
    served: Serving, found: list[bool]
) -> None:
    client = await Client.of(served)
    for text in ("hello", "goodbye", "a much longer text" * 100, "hello"):
        assert (await client.ask(request(text)))[0] == 200
    client.close()
    assert found == [True, True, True]
    asked = [json.loads(seen.raw_body)["messages"][0]["content"] for seen in served.sim.seen("primary")]
    assert asked == ["hello", "goodbye", "a much longer text" * 100, "hello"]


async def test_a_stream_behind_a_known_head_lets_go_of_it(served: Serving, found: list[bool]) -> None:
    client = await Client.of(served)
    await client.ask(request())
    body = json.dumps({"model": "alone", "messages": HELLO, "stream": True}).encode()
    head = request()[: request().index(b"Content-Length")]
    client.writer.write(head + b"Content-Length: %d\r\nX-Stainless-Lang: python\r\n\r\n" % len(body) + body)
    async with asyncio.timeout(5):
        answer = await client.reader.readuntil(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert b"transfer-encoding: chunked" in answer
    assert found == [True]
    assert (await client.ask(request()))[0] == 200
    assert found == [True]
    assert (await client.ask(request()))[0] == 200
    assert found == [True, True]
    client.close()


async def test_other_bytes_in_the_head_are_parsed_as_ever(served: Serving) -> None:
    """Every byte of the second head is changed in turn: the answer is the one that a new connection gets."""
    known = request()

    async def compare(changed: bytes) -> None:
        old, new = await Client.of(served), await Client.of(served)
        assert (await old.ask(known))[0] == 200
        second, first = await asyncio.gather(old.ask(changed, within=1), new.ask(changed, within=1))
        assert second[0] == first[0], changed
        old.close()
        new.close()

    for place in range(known.index(b"\r\n\r\n") + 4):
        others = (b"\x00", b" ", b"9", b"\r", b"")
        await asyncio.gather(*(compare(known[:place] + other + known[place + 1 :]) for other in others))


async def test_a_body_in_pieces_and_pipelined_requests_go_through_the_parser(
    served: Serving, found: list[bool]
) -> None:
    client = await Client.of(served)
    whole = request()
    assert (await client.ask(whole))[0] == 200
    assert (await client.ask(whole[:-7], whole[-7:]))[0] == 200
    assert (await client.ask(whole[:40], whole[40:]))[0] == 200
    assert (await client.ask(whole + whole))[0] == 200
    assert (await client.ask())[0] == 200
    assert (await client.ask(whole))[0] == 200
    assert (await client.ask(whole + whole))[0] == 200
    assert (await client.ask())[0] == 200
    client.close()
    assert len(served.sim.seen("primary")) == 8
    assert found[-2:] == [True, False]


async def test_a_request_before_the_last_answer_is_whole_waits_for_its_turn(served: Serving) -> None:
    served.sim.fault("primary", "slow_headers", seconds=0.1, times=1)
    client = await Client.of(served)
    first = asyncio.create_task(client.ask(request("slow one")))
    await asyncio.sleep(0)
    client.writer.write(request("second"))
    assert (await first)[0] == 200
    assert (await client.ask())[0] == 200
    client.close()


async def test_a_key_that_was_revoked_is_refused_on_the_same_connection() -> None:
    async with serving(auth={"mode": "keys"}) as served:
        running = served.service.running
        assert running.key_store is not None
        key, record = await running.key_store.create("one")
        await running.reload_keys()
        client = await Client.of(served)
        asked = request("hello", f"Authorization: Bearer {key}")
        assert (await client.ask(asked))[0] == 200
        assert (await client.ask(asked))[0] == 200
        await running.key_store.revoke(record.id)
        await running.reload_keys()
        assert (await client.ask(asked))[0] == 401
        client.close()


@pytest.mark.parametrize(
    "headers",
    [
        ("Connection: close",),
        ("Expect: 100-continue",),
        ("Content-Length: 79",),
        ("X-Twice: 1", "X-Twice: 2"),
        ("X-Long: " + "a" * MOST_HEAD_BYTES,),
    ],
)
async def test_unusual_heads_are_never_remembered(served: Serving, found: list[bool], headers: tuple[str, ...]) -> None:
    client = await Client.of(served)
    with suppress(ValueError):
        for _ in range(3):
            await client.ask(request("hello", *headers), within=1)
    client.close()
    assert found == []


async def test_a_client_with_ever_new_heads_is_not_remembered_for_ever(served: Serving, found: list[bool]) -> None:
    client = await Client.of(served)
    for number in range(protocol.MOST_NEW_HEADS + 5):
        assert (await client.ask(request("hello", f"Traceparent: {number:04}")))[0] == 200
    assert len(found) < protocol.MOST_NEW_HEADS + 5
    assert True not in found
    client.close()
