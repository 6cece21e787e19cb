"""A compressed request is what it was before it was compressed, and no way to fill the memory or to stop the loop."""

import asyncio
import gzip
import json
import os
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import pytest

from support.operations import PROVIDERS as OPERATIONS
from support.operations import WAVE
from support.service import CALM, HELLO, Serving, serving

CHAT = "/v1/chat/completions"
BODY = json.dumps({"model": "alone", "messages": HELLO}).encode()
LIMIT = 256 * 1024
JSON = {"content-type": "application/json"}


def bare(data: bytes) -> bytes:
    """DEFLATE without the zlib container, as some clients send it."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def in_parts(data: bytes) -> bytes:
    return gzip.compress(data[:10]) + gzip.compress(data[10:])


PACKINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("GZip", gzip.compress),
    ("x-gzip", in_parts),
    ("deflate", zlib.compress),
    ("deflate", bare),
    ("identity", bytes),
    ("", bytes),
]


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    async with serving(server={"body_limit": "256KiB"}) as made:
        yield made


async def send(served: Serving, packed: bytes, coding: str = "gzip", path: str = CHAT, **more: str):
    return await served.ask("POST", path, data=packed, headers={**JSON, "content-encoding": coding, **more})


@pytest.mark.parametrize(("coding", "pack"), PACKINGS)
async def test_a_packed_chat_reaches_the_provider_unpacked(
    served: Serving, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    for _ in range(3):  # the second has the head of the first
        assert (await send(served, pack(BODY), coding)).status == 200
    for seen in served.sim.seen("primary"):
        assert seen.body["messages"] == HELLO
        assert "content-encoding" not in seen.headers


async def test_a_packed_body_may_come_in_pieces_and_in_chunks(served: Serving) -> None:
    packed = gzip.compress(BODY)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(packed), 7):
            yield packed[at : at + 7]
            await asyncio.sleep(0)

    headers = {**JSON, "content-encoding": "gzip"}
    assert (await served.ask("POST", CHAT, data=pieces(), headers=headers)).status == 200
    assert served.sim.seen("primary")[0].body["messages"] == HELLO


async def test_packed_requests_are_understood_on_surfaces_off_the_short_way(served: Serving) -> None:
    google = json.dumps({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}).encode()
    azure = json.dumps({"messages": HELLO}).encode()
    for path, body in (
        ("/v1beta/models/alone:generateContent", google),
        ("/openai/deployments/alone/chat/completions", azure),
        ("/v1/call/chat", BODY),
        ("/passthrough/primary/chat/completions", json.dumps({"model": "gpt-4o", "messages": HELLO}).encode()),
    ):
        answer = await send(served, gzip.compress(body), path=path)
        assert answer.status == 200, (path, answer.body)
    assert len(served.sim.seen("primary")) == 4


async def test_a_packed_form_keeps_its_files() -> None:
    head = 'Content-Disposition: form-data; name="{}"{}\r\n\r\n'
    form = b"\r\n".join([
        b"--x", head.format("model", "").encode() + b"whisper-1",
        b"--x", head.format("file", '; filename="talk.wav"').encode() + WAVE, b"--x--", b"",
    ])  # fmt: skip
    async with serving(providers=OPERATIONS, policies=CALM) as served:
        headers = {"content-type": "multipart/form-data; boundary=x", "content-encoding": "gzip"}
        answer = await served.ask("POST", "/v1/audio/transcriptions", data=gzip.compress(form), headers=headers)
        assert answer.status == 200, answer.body
        assert WAVE in served.sim.seen("o")[0].raw_body


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", bare)])
async def test_a_packed_body_that_is_cut_at_any_byte_is_refused(
    served: Serving, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(BODY)
    for place in range(1, len(packed)):
        answer = await send(served, packed[:place], coding)
        assert (answer.status, answer.error["param"]) == (400, "content-encoding"), place
    assert served.sim.seen() == []


async def test_what_is_not_packed_as_it_says_is_refused_with_the_remedy(served: Serving) -> None:
    packed = gzip.compress(BODY)
    wrong = bytearray(packed)
    wrong[-8] ^= 1  # its check sum
    for body in (BODY, zlib.compress(BODY), bytes(wrong), packed + b"x", packed * 20, os.urandom(100)):
        answer = await send(served, body)
        assert (answer.status, answer.error["code"]) == (400, "invalid_request")
        assert "or as it is without that header" in answer.error["message"]
    assert (await send(served, zlib.compress(BODY) * 2, "deflate")).status == 400
    assert served.sim.seen() == []


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "gzip, deflate", "*", "x" * 500])
async def test_another_packing_is_answered_with_the_names_of_those_that_are_understood(
    served: Serving, coding: str
) -> None:
    answer = await send(served, gzip.compress(BODY), coding)
    assert (answer.status, answer.error["code"]) == (415, "unsupported_encoding")
    assert answer.headers["accept-encoding"] == "gzip, deflate"
    assert "send it as gzip, deflate, or as it is" in answer.error["message"]
    assert len(answer.error["message"]) < 300
    assert served.sim.seen() == []


async def test_the_header_given_twice_counts_as_one(served: Serving) -> None:
    headers = [("content-type", "application/json"), ("content-encoding", "gzip"), ("content-encoding", "gzip")]
    assert (await served.ask("POST", CHAT, data=gzip.compress(BODY), headers=headers)).status == 415


async def test_the_refusal_has_the_clients_own_shape(served: Serving) -> None:
    shapes = {
        "/v1/messages": lambda answer: answer["error"]["type"],
        "/v1beta/models/alone:generateContent": lambda answer: answer["error"]["status"],
        "/v1/responses": lambda answer: answer["error"]["type"],
        "/v1/embeddings": lambda answer: answer["error"]["type"],
        "/v1/call/chat": lambda answer: answer["title"],
    }
    too_large = bomb(20 * LIMIT)
    for path, told in shapes.items():
        for coding, body, status in (("br", BODY, 415), ("gzip", BODY, 400), ("gzip", too_large, 413)):
            answer = await send(served, body, coding, path)
            assert answer.status == status, path
            assert told(answer.json), path


def bomb(size: int = 200 * 1024 * 1024) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(size // 1024 // 1024)) + packer.flush()


async def test_a_bomb_is_given_up_at_the_limit(served: Serving) -> None:
    packed = bomb()
    assert len(packed) < LIMIT
    tracemalloc.start()
    try:
        answer = await send(served, packed)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert "262144 bytes when it is unpacked" in answer.error["message"]
    assert most < 16 * 1024 * 1024
    assert served.sim.seen() == []


async def test_the_limit_is_met_to_the_byte(served: Serving) -> None:
    for size, status in ((LIMIT, 200), (LIMIT + 1, 413)):
        filled = BODY[:-1] + b" " * (size - len(BODY)) + b"}"
        assert (await send(served, gzip.compress(filled))).status == status


async def test_a_body_that_is_larger_packed_than_allowed_is_refused_by_its_length(served: Serving) -> None:
    packed = gzip.compress(os.urandom(LIMIT))
    assert len(packed) > LIMIT
    assert (await send(served, packed)).status == 413


async def test_a_long_body_is_unpacked_beside_the_event_loop() -> None:
    filled = BODY[:-1] + b" " * (8 * 1024 * 1024) + b"}"
    async with serving() as served:
        assert (await send(served, gzip.compress(filled))).status == 200
        assert len(served.sim.seen("primary")) == 1


async def test_no_body_at_all_is_no_packed_one(served: Serving) -> None:
    answer = await served.ask("GET", "/v1/models", headers={"content-encoding": "gzip"})
    assert answer.status == 200
    empty = await send(served, b"")
    assert (empty.status, empty.error["param"]) == (400, None)


@pytest.mark.parametrize("more", [-1, 1])
async def test_a_wrong_length_is_no_way_around(served: Serving, more: int) -> None:
    packed = gzip.compress(BODY)
    head = (
        f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-encoding: gzip\r\n"
        f"content-length: {len(packed) + more}\r\n\r\n"
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
    writer.write(head + packed)
    if more > 0:
        writer.write_eof()  # what was promised never comes
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400") if more < 0 else answer == b""
    assert served.sim.seen() == []


async def test_who_may_not_call_has_nothing_unpacked() -> None:
    async with serving() as served:
        await served.service.running.key_store.create("somebody")
        await served.service.running.reload_keys()
        answer = await send(served, bomb(20 * LIMIT), authorization="Bearer sk-segue-nobodys")
        assert answer.status == 401
