"""Counts of tokens that cannot be: a vendor that has lost count spoils neither records nor metrics of others."""

import asyncio
import json

import pytest

from support.service import CALM, HELLO, serving


def answer(tokens: str) -> bytes:
    """A whole answer with this count of its input."""
    body = {
        "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    }  # fmt: skip
    usage = b'{"prompt_tokens":%b,"completion_tokens":5,"total_tokens":6}' % tokens.encode()
    return json.dumps(body).encode()[:-1] + b',"usage":' + usage + b"}"


@pytest.mark.parametrize("tokens", ["-7", "9223372036854775808", "9" * 40, "1e30"])
@pytest.mark.parametrize("surface", ["/v1/chat/completions", "/v1/messages"])
async def test_a_call_with_an_absurd_usage_is_answered_and_recorded(tokens: str, surface: str) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(size)
        body = answer(tokens)
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
            % len(body)
            + body
        )
        writer.close()

    vendor = await asyncio.start_server(say, "127.0.0.1", 0)
    port = vendor.sockets[0].getsockname()[1]
    provider = {"adapter": "openai", "base_url": f"http://127.0.0.1:{port}/v1", "key": "k", "models": ["gpt-4o"]}
    async with (
        vendor,
        serving(
            providers={"odd": provider | {"allow_private_network": True}},
            models={"alone": ["odd/gpt-4o"]},
            policies=CALM,
        ) as served,
    ):
        body = {"model": "alone", "messages": HELLO, "max_tokens": 10}
        asked = await served.ask("POST", surface, json=body)
        assert asked.status == 200
        told = await served.ask("GET", f"/v1/calls/{asked.headers['x-segue-call-id']}")
        assert told.status == 200, told.body
        metrics = await served.ask("GET", "/metrics")
        assert metrics.status == 200
        for line in metrics.body.decode().splitlines():
            assert line.startswith("#") or 0 <= float(line.rpartition(" ")[2]) < 1e13, line
