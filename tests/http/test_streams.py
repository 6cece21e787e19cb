"""Streams over real sockets: cut anywhere they say the same, and a slow reader slows its provider down."""

import asyncio
import json
import socket

import pytest

from backends.scripted import Peer
from backends.scripted import serving as scripted
from support.service import HELLO, Serving, eventually, serving

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def event(delta: dict, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}, ensure_ascii=False).encode() + b"\n\n"


STREAM = (
    b": hi\n\n" + event({"role": "assistant", "content": ""}) + event({"content": "ünï"}) + event({"content": "code"})
    + event({}, "stop") + b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\ndata: [DONE]\n\n'
)  # fmt: skip


def upstream(url: str) -> dict:
    return {"raw": {"adapter": "openai", "base_url": f"{url}/v1", "key": "sk-raw-000001", "models": ["m"]}}


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
async def test_a_stream_cut_at_any_byte_reaches_the_caller_as_the_same_events(ending: bytes) -> None:
    stream = STREAM.replace(b"\n", ending)

    async def say(peer: Peer) -> None:
        while request := await peer.request():
            place = int(json.loads(request.partition(b"\r\n\r\n")[2])["user"])
            await peer.say(HEAD, chunked(stream[:place]))
            await asyncio.sleep(0.005)  # so that the two pieces are read apart
            await peer.say(chunked(stream[place:]), b"0\r\n\r\n")

    async with scripted(say) as server, serving(providers=upstream(server.url(""))) as served:

        async def ask(place: int) -> bytes:
            answer = await served.chat("m", stream=True, user=str(place))
            assert answer.status == 200, place
            return answer.body

        answers = await asyncio.gather(*(ask(place) for place in range(len(stream))))
        assert set(answers) == {STREAM[STREAM.index(b"data: ") :].replace(
            b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n', b"")}  # fmt: skip
        await eventually(lambda: len(served.calls) == len(stream))
        assert {call.code for call in served.calls} == {"ok"}
        assert {ended.attempt.usage.output_tokens for ended in served.attempts} == {2}


async def test_a_slow_reader_slows_the_provider_down_and_memory_stays_bounded() -> None:
    piece = chunked(event({"content": "x" * 60_000}))
    total, written = 400, 0
    limit = 24 * 1024 * 1024  # what four socket buffers on loopback may hold, and far less than all of it

    async def say(peer: Peer) -> None:
        nonlocal written
        await peer.request()
        await peer.say(HEAD)
        for _ in range(total):
            await peer.say(piece)
            written += len(piece)
        await peer.say(chunked(event({}, "stop") + b"data: [DONE]\n\n"), b"0\r\n\r\n")

    async with scripted(say) as server, serving(providers=upstream(server.url(""))) as served:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", served.service.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=65_536)
        body = json.dumps({"model": "m", "messages": HELLO, "stream": True}).encode()
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        before = -1
        while before != written or not written:
            before = written
            await asyncio.sleep(0.3)
        assert written < min(limit, total * len(piece) * 0.9)
        connections = served.service._server.server_state.connections
        assert sum(one.transport.get_write_buffer_size() for one in connections) < 1024 * 1024
        # Once it reads, everything comes.
        received = 0
        tail = b""
        while data := await asyncio.wait_for(reader.read(262_144), 10):
            received += len(data)
            tail = (tail + data)[-100:]
        assert received > total * 60_000
        assert b"data: [DONE]\n\n" in tail
        writer.close()
        await eventually(lambda: served.calls)
        assert served.calls[0].code == "ok"


async def test_a_provider_that_sends_noise_without_content_is_left_for_another() -> None:
    async def say(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD)
        noise = chunked(event({"role": "assistant"}) * 1000)
        for _ in range(100):
            await peer.say(noise)
        await peer.until_closed()

    async with scripted(say) as server:
        providers = {
            **upstream(server.url("")),
            "good": {
                "adapter": "openai",
                "base_url": "{sim}/good/v1",
                "key": "sk-good-00001",
                "models": ["m"],
                "priority": 2,
            },
        }
        async with serving(providers=providers) as served:
            answer = await served.chat("m", stream=True)
            assert answer.headers["x-segue-provider"] == "good"
            assert served.calls[0].call.attempts[0].failure.kind.value == "bad_response"


async def test_a_stream_without_done_ends_properly_with_one(served: Serving) -> None:
    served.sim.fault("primary", "end_without_done")
    answer = await served.chat(stream=True)
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert answer.body.count(b"[DONE]") == 1


async def test_the_headers_of_a_stream_are_those_of_an_event_stream(served: Serving) -> None:
    answer = await served.chat(stream=True)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-segue-provider"] == "primary"
    assert answer.headers["x-segue-attempts"] == "1"


async def test_nothing_is_sent_before_the_first_content(served: Serving) -> None:
    served.sim.fault("primary", "slow_first_token", seconds=30)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
    body = json.dumps({"model": "alone", "messages": HELLO, "stream": True}).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    )
    await eventually(lambda: served.sim.seen("primary") and served.sim.seen("primary")[0].status == 200)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.1)
    writer.close()
