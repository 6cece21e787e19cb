"""Requests whose framing is hostile: heads and bodies without an end, trailers that pretend, garbage behind one."""

import asyncio
import json
import re

import openai
import pytest

from support.service import HELLO, Serving, eventually, serving

CHAT = {"model": "alone", "messages": HELLO}
HOT = b"/v1/chat/completions"
BY_ASGI = b"/v1/call/chat"
EACH = pytest.mark.parametrize("path", [HOT, BY_ASGI])


def request(path: bytes, body: bytes, *headers: bytes) -> bytes:
    """A request with its body's length."""
    lines = [
        b"POST %s HTTP/1.1" % path,
        b"host: localhost",
        b"content-type: application/json",
        b"content-length: %d" % len(body),
    ]
    return b"\r\n".join([*lines, *headers, b"", body])


async def said(served: Serving, *pieces: bytes, seconds: float = 10, enough: bytes = b"") -> bytes:
    """Everything that the service says until it closes the connection, or until it has said `enough`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
    out = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(seconds):
            while piece := await reader.read(65536):
                out += piece
                if enough and enough in out:
                    break
    except ConnectionError:
        pass
    finally:
        writer.close()
    return out


async def nothing_is_left(served: Serving) -> None:
    await eventually(lambda: served.in_flight() == 0 and not served.service._server.server_state.tasks)
    assert served.service.running.engine.world.gate.under_way == 0


@EACH
async def test_trailers_are_no_headers(served: Serving, path: bytes) -> None:
    """Whoever adds a trailer behind a checked request must not change who asks, or for what."""
    body = json.dumps(CHAT).encode()
    head = b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n" % path
    chunked = head + b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n" % (len(body), body)
    trailers = b"authorization: Bearer stolen\r\nx-segue-models: other/model\r\nx-segue-deadline: nonsense\r\n\r\n"
    for pieces in ([chunked + trailers], [chunked, trailers]):
        answer = await said(served, *pieces)
        assert answer.startswith(b"HTTP/1.1 200 OK"), answer
    await nothing_is_left(served)


@pytest.mark.parametrize("piece", [b"x" * 4096, b"\r\nx-a: b" * 500], ids=["one header", "many headers"])
async def test_a_head_that_never_ends_is_refused_before_it_takes_memory(served: Serving, piece: bytes) -> None:
    answer = await said(served, b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-a: ", *[piece] * 100)
    assert answer.startswith(b"HTTP/1.1 431 "), answer[:200]
    await nothing_is_left(served)


async def test_a_head_of_one_packet_has_the_same_limit(served: Serving) -> None:
    answer = await said(served, request(HOT, b"{}", b"x-a: " + b"x" * 70_000, b"connection: close"))
    assert answer.startswith(b"HTTP/1.1 431 ")
    answer = await said(served, request(HOT, json.dumps(CHAT).encode(), b"x-a: " + b"x" * 60_000, b"connection: close"))
    assert answer.startswith(b"HTTP/1.1 200 ")


@EACH
@pytest.mark.parametrize("piece", [b"x-a: b\r\n" * 500, b"x" * 4096], ids=["many trailers", "one trailer"])
async def test_trailers_that_never_end_are_cut_off(served: Serving, path: bytes, piece: bytes) -> None:
    head = b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n" % path
    start = head + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx-a: "
    answer = await said(served, start, *[piece] * 100)
    assert b" 200 " not in answer[:20]
    await nothing_is_left(served)


@EACH
async def test_a_body_that_never_comes_is_refused_in_time(
    monkeypatch: pytest.MonkeyPatch, served: Serving, path: bytes
) -> None:
    monkeypatch.setattr("segue.http.direct.REQUEST_SECONDS", 0.3)
    monkeypatch.setattr("segue.http.exchange.REQUEST_SECONDS", 0.3)
    answer = await said(served, request(path, b"{" + b" " * 50)[:-40], seconds=5, enough=b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 408 ")
    await nothing_is_left(served)


@pytest.mark.parametrize("start", [b"", b"POST /v1/chat/comp", b"GET /health HTTP/1.1\r\nhost: loc", b"\r\n\r\n"])
async def test_who_never_says_a_whole_head_is_let_go(monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    monkeypatch.setattr("segue.http.server.KEEP_ALIVE", 0.3)
    async with serving() as served:
        assert await said(served, start, seconds=5) == b""
        await eventually(lambda: not served.service._server.server_state.connections - _of_the_test(served))


def _of_the_test(served: Serving) -> set[object]:
    """Connections of the test's own client, which may rest."""
    return {one for one in served.service._server.server_state.connections if one.cycle is not None}


@EACH
@pytest.mark.parametrize("stream", [False, True])
async def test_garbage_behind_a_request_does_not_stand_in_its_answer(
    served: Serving, path: bytes, stream: bool
) -> None:
    """The answer that is under way goes out whole, and the connection ends with it."""
    body = json.dumps({**CHAT, "stream": stream}).encode()
    served.sim.fault("primary", "latency", seconds=0.2)
    answer = await said(served, request(path, body), b"\x00\x01 nonsense\r\n\r\n", request(path, body))
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"200"]
    assert b"Invalid HTTP" not in answer
    assert answer.rstrip().endswith(b"0" if stream else b"}"), answer[-100:]
    await nothing_is_left(served)


async def test_a_broken_chunk_is_refused_at_once_and_its_request_is_never_sent(served: Serving) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
    answer = await said(served, head + b"2\r\n{}\r\n", b"zz\r\n", seconds=3)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"400"]
    assert not served.sim.seen("primary")
    await nothing_is_left(served)


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_the_admin_api_has_a_limit_of_its_own_before_it_asks_who_sends(served: Serving, framing: str) -> None:
    head = b"POST /admin/keys HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    size = 2 * 1024 * 1024
    if framing == "length":
        pieces = [head + b"content-length: %d\r\n\r\n" % size, *[b" " * 65536] * 8]
    else:
        pieces = [head + b"transfer-encoding: chunked\r\n\r\n", *[b"10000\r\n" + b" " * 65536 + b"\r\n"] * 20]
    assert (await said(served, *pieces, enough=b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    assert (await served.ask("POST", "/admin/keys", json={"name": 5})).status == 422
    await nothing_is_left(served)


@pytest.mark.parametrize("value", ["x" * 5_000, "caf\u00e9", "a\tb"])
async def test_a_header_that_no_provider_would_take_is_the_callers_mistake(served: Serving, value: str) -> None:
    """It must not be sent on: a vendor's server refuses it with a page, which looks like an ill provider."""
    body = {"model": "alone", "max_tokens": 10, "messages": HELLO}
    answer = await served.ask("POST", "/v1/messages", json=body, headers={"anthropic-beta": value})
    assert answer.status == 400
    assert "anthropic-beta" in answer.json["error"]["message"]
    assert not served.sim.seen("primary")


@EACH
async def test_who_is_still_sending_is_told_why_it_is_refused(path: bytes) -> None:
    """A reset in place of an answer makes SDKs send the same megabytes again."""
    async with serving(server={"body_limit": "1MiB"}) as served, served.sdk(max_retries=0) as sdk:
        raw = sdk.with_options(base_url=served.url)
        body = {**CHAT, "padding": "x" * 20_000_000}
        for _ in range(5):
            with pytest.raises(openai.APIStatusError) as refused:
                await raw.post(path.decode(), cast_to=object, body=body)
            assert refused.value.status_code == 413
        await nothing_is_left(served)
