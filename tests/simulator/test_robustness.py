"""Nothing that a client sends brings the simulator down or makes it answer like a program that failed."""

import ast
import asyncio
import random
from pathlib import Path

import pytest
import uvloop

import segue.simulator
from segue.simulator import Simulator

ROOM = Path(segue.simulator.__file__).parent


async def exchange(sim, data: bytes) -> bytes:
    """Send raw bytes and read what comes, until the end or for a short while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    writer.write(data)
    received = b""
    try:
        async with asyncio.timeout(0.3):
            while part := await reader.read(65536):
                received += part
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return received


def post(body: bytes, extra: bytes = b"", path: bytes = b"/a/v1/chat/completions") -> bytes:
    head = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nContent-Type: application/json\r\n"
    return head + extra + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body


RAW = [
    b"\r\n\r\n",
    b"nonsense\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /a/v1/models?%ff=%fe&\xff HTTP/1.1\r\nHost: x\r\nX-Odd: \xff\xfe\r\nConnection: close\r\n\r\n",
    b"HEAD /a/v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /a/v1/models HTTP/1.0\r\nAuthorization: Bearer k\r\n\r\n",
    b"GET /a/%2e%2e/%00/v1/models/%ed%a0%80 HTTP/1.1\r\nAuthorization: Bearer k\r\nConnection: close\r\n\r\n",
    b"GET /a/data/2.5/weather?q=%ff%00&appid=%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /a/v1/current.json?q=%F0%9F%8C%A7&key=k HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    post(b"\xff\xfe"),
    post(b"[" * 100_000),
    post(b'{"model":"m","messages":[' + b"[" * 900 + b"]" * 900 + b"]}"),
    post(b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}'),
    post(b'{"model":"m","messages":[{"role":"user","content":"x"}],"seed":1e999}'),
    post(b'{"model":"m","messages":[{"role":"user","content":"x"}],"n":123456789012345678901234567890}'),
    post(b"not gzip", b"Content-Encoding: gzip\r\n"),
    post(b"{", path=b"/_sim/faults"),
    post(b"[" * 100_000, path=b"/_sim/faults"),
    post(b"[" * 100_000, path=b"/_sim/schedule"),
]


@pytest.mark.parametrize("data", RAW)
async def test_odd_bytes_get_a_decent_answer(sim, web, data):
    """Whatever comes, the answer is no server error, and the next client is served."""
    answer = await exchange(sim, data)
    assert not answer.startswith((b"HTTP/1.1 5", b"HTTP/1.0 5"))
    async with web.get("/_sim/requests") as shown:
        assert shown.status == 200
        await shown.json()


def recursive_tool() -> bytes:
    members = b",".join(b'"p%d":{"$ref":"#"}' % number for number in range(30))
    parameters = b'{"type":"object","properties":{' + members + b"}}"
    tool = b'{"type":"function","function":{"name":"f","parameters":' + parameters + b"}}"
    return b'{"model":"m","messages":[{"role":"user","content":"x"}],"tool_choice":"required","tools":[' + tool + b"]}"


async def test_a_schema_that_contains_itself_ends(sim):
    """A tool whose parameters refer to themselves thirtyfold is called with something finite."""
    answer = await exchange(sim, post(recursive_tool()))
    assert answer.startswith(b"HTTP/1.1 200")
    assert len(answer) < 200_000


async def test_random_damage_to_a_good_request_is_survived(sim, web):
    """Two hundred requests with random bytes exchanged, in parallel, cause no server error."""
    chance = random.Random(7)
    good = post(b'{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}],"stream":true}')
    damaged = []
    for _ in range(200):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        damaged.append(bytes(data))
    answers = await asyncio.gather(*(exchange(sim, data) for data in damaged))
    assert [answer[:200] for answer in answers if answer.startswith((b"HTTP/1.1 5", b"HTTP/1.0 5"))] == []
    async with web.get("/_sim/state") as shown:
        assert shown.status == 200


async def test_it_stops_in_the_middle_of_everything():
    """Closing ends silent and streaming connections at once, and a second stop does nothing."""
    sim = Simulator(token_delay=10)
    await sim.start()
    sim.fault("quiet", "silence")
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}'
    running = [
        asyncio.create_task(exchange(sim, post(body))),
        asyncio.create_task(exchange(sim, post(body, path=b"/quiet/v1/chat/completions"))),
    ]
    async with asyncio.timeout(5):
        while len(sim.seen()) < 2:
            await asyncio.sleep(0.002)
    async with asyncio.timeout(1):
        await sim.stop()
    await asyncio.gather(*running)
    assert {record.outcome for record in sim.seen()} == {"stopped"}
    await sim.stop()


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_resets_work_on_both_event_loops(runner):
    """`refuse`, `cut` and `down` end in a TCP reset under asyncio's own loop and under uvloop."""

    async def reset_by(sim: Simulator, kind: str, data: bytes) -> None:
        sim.fault(kind, kind if kind != "down" else "stall")
        reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
        writer.write(data)
        if kind == "down":
            await reader.readuntil(b'"content":" ')
            sim.fault(kind, "down")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()

    async def main() -> list[str]:
        body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}'
        async with asyncio.timeout(10), Simulator() as sim:
            for kind in ("refuse", "cut", "down"):
                await reset_by(sim, kind, post(body, path=b"/%s/v1/chat/completions" % kind.encode()))
            return [record.outcome for record in sim.seen()]

    assert runner(main()) == ["aborted"] * 3


def test_it_imports_nothing_else_of_segue():
    """The room uses the standard library, aiohttp and msgspec, and YAML for files."""
    allowed = {"aiohttp", "msgspec", "ruamel"}
    import sys

    for file in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.partition(".")[0]
                assert top in allowed | sys.stdlib_module_names or name.startswith("segue.simulator"), (file, name)
