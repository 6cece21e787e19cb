"""A client that does not read ends its stream as if it had hung up; one that reads slowly gets all of it."""

import asyncio
import json
import socket

import pytest

from backends.scripted import Peer
from backends.scripted import serving as scripted
from segue.http import blocked
from support.service import HELLO, eventually, serving

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"%b"},"finish_reason":null}]}\n\n' % (b"x" * 60_000)
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
CORS = {"cors": {"origins": ["https://example.com"]}}  # with it, requests go by ASGI
LIMIT = 0.5


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def upstream(url: str) -> dict:
    return {"raw": {"adapter": "openai", "base_url": f"{url}/v1", "key": "sk-raw-000001", "models": ["m"]}}


async def connected(port: int) -> socket.socket:
    """A client with small buffers that has asked for a stream and read nothing of it."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    body = json.dumps({"model": "m", "messages": HELLO, "stream": True}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    await loop.sock_sendall(client, head % len(body) + body)
    return client


@pytest.mark.parametrize("settings", [{}, CORS], ids=["direct", "by ASGI"])
async def test_a_client_that_never_reads_ends_its_stream_as_a_hang_up_does(monkeypatch, settings) -> None:
    monkeypatch.setattr(blocked, "WRITE_SECONDS", LIMIT)
    ended = asyncio.Event()

    async def say(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD)
        try:
            for _ in range(2_000):
                await peer.say(chunked(EVENT))
        finally:
            ended.set()

    async with scripted(say) as server, serving(providers=upstream(server.url("")), server=settings) as served:
        client = await connected(served.service.port)
        try:
            await eventually(lambda: served.calls, 10)
            assert served.calls[0].code == "cancelled"
            await asyncio.wait_for(ended.wait(), 5)  # the provider is not paid for the rest
            await eventually(lambda: not served.service._server.server_state.connections)
            assert served.in_flight() == 0
        finally:
            client.close()


async def test_a_client_that_reads_slowly_but_reads_gets_the_whole_stream(monkeypatch) -> None:
    monkeypatch.setattr(blocked, "WRITE_SECONDS", LIMIT)
    events = 150

    async def say(peer: Peer) -> None:
        await peer.request()
        await peer.say(HEAD)
        for _ in range(events):
            await peer.say(chunked(EVENT))
        await peer.say(chunked(END), b"0\r\n\r\n")

    async with scripted(say) as server, serving(providers=upstream(server.url(""))) as served:
        client = await connected(served.service.port)
        loop = asyncio.get_running_loop()
        began, received, tail = loop.time(), 0, b""
        try:
            while data := await asyncio.wait_for(loop.sock_recv(client, 65_536), 5):
                received += len(data)
                tail = (tail + data)[-200:]
                if loop.time() - began < 3 * LIMIT:
                    await asyncio.sleep(LIMIT / 8)
        finally:
            client.close()
        assert received > events * 60_000
        assert b"data: [DONE]\n\n" in tail
        await eventually(lambda: served.calls)
        assert served.calls[0].code == "ok"
