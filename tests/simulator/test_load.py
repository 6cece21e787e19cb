"""The source of load answers as the simulator does, only faster, and nothing that it is sent brings it down."""

import asyncio
import contextlib
import json

import openai
import pytest
import uvloop

from segue.simulator import Simulator
from simulator.wire import KEY, chat_request, hear, request_bytes


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_the_sdk_is_served_whole_and_in_a_stream(runner):
    """Both event loops; the connection is used again, and nothing is recorded."""

    async def main() -> None:
        async with asyncio.timeout(10), Simulator() as sim:
            url = await sim.load_source()
            async with openai.AsyncOpenAI(base_url=f"{url}/primary/v1", api_key=KEY, max_retries=0) as client:
                question = {"model": "gpt-4o", "messages": [{"role": "user", "content": "in 9 words"}]}
                for _ in range(3):
                    answer = await client.chat.completions.create(**question)
                    assert len(answer.choices[0].message.content.split()) == 9
                stream = await client.chat.completions.create(**question, stream=True)
                assert len([chunk async for chunk in stream]) == 11
            assert sim.seen() == []

    runner(main())


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (chat_request(temperature=99), 400),
        (chat_request().replace(KEY.encode(), b"invalid"), 401),
        (request_bytes("GET", "/w/data/2.5/weather?q=Oslo&appid=k"), 200),
        (request_bytes("GET", "/w/v1/current.json?q=S%C3%A3o%20Paulo&key=k"), 200),
        (request_bytes("GET", "/w/v1/nothing"), 404),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", 413),
        (b"nonsense\r\n\r\n", 400),
        (b"GET [ HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
        (b"GET //[ \xff HTTP/1.1\r\nConnection: close\r\n\r\n", 404),
        (b"x" * 70_000, 431),
    ],
)
async def test_it_is_as_strict_and_survives_everything(sim, data, status):
    """Refusals are the vendor's own, broken requests get a status, and the next client is served."""
    port = port_of(await sim.load_source())
    assert (await hear(port, data)).status == status
    assert json.loads((await hear(port, chat_request())).body)


async def test_requests_in_one_segment_and_in_pieces(sim):
    """Two at once are answered in order; one that comes in pieces is answered when it is complete."""
    port = port_of(await sim.load_source())
    one = chat_request().replace(b"Connection: close\r\n", b"")
    heard = await hear(port, one + chat_request(stream=True))
    assert heard.data.count(b"HTTP/1.1 200 OK") == 2
    assert heard.data.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for place in range(0, len(one), 40):
        writer.write(one[place : place + 40])
        await asyncio.sleep(0)
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.close()


async def test_it_can_be_slow_on_purpose(sim):
    """Each answer comes after the delay asked for."""
    port = port_of(await sim.load_source(delay=0.1))
    clock = asyncio.get_running_loop()
    started = clock.time()
    assert (await hear(port, chat_request())).status == 200
    assert clock.time() - started >= 0.1


async def test_it_ends_with_the_simulator():
    """Its port is closed, its connections are ended, and there is none before the start."""
    sim = Simulator()
    with pytest.raises(RuntimeError, match="started"):
        await sim.load_source()
    async with sim:
        port = port_of(await sim.load_source())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /")
        await asyncio.sleep(0)
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
