"""HTTP that is broken, too large, endless or very slow; and the simulator that survives all of it."""

import asyncio
import gc
import json
import tracemalloc
import zlib

import pytest

from segue.simulator import Simulator
from simulator.wire import chat_request, hear


@pytest.mark.parametrize(
    ("variant", "sign"),
    [
        ("status_line", b"HTTP/1.1 perhaps\r\n"),
        ("version", b"HTTP/9.9 200 OK\r\n"),
        ("header", b"\r\nthis line is no header\r\n"),
        ("content_length", b"Content-Length: "),
        ("negative_length", b"Content-Length: -1\r\n"),
        ("both_lengths", b"Transfer-Encoding: chunked\r\n"),
        ("chunk_size", b"\r\n\r\nzz\r\n"),
        ("tls", b"\x15\x03\x01"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_malformed_http(sim, ask, variant, sign, stream):
    """Each variant breaks what it names, and the connection ends."""
    sim.fault("primary", "malformed_http", variant=variant)
    heard = await ask(stream=stream)
    assert sign in heard.data
    assert heard.end == "closed"
    lengths = [line for line in heard.head.split(b"\r\n") if line.startswith(b"Content-Length")]
    assert len(set(lengths)) == {"content_length": 2, "negative_length": 1, "both_lengths": 1}.get(
        variant, len(lengths)
    )


@pytest.mark.parametrize("variant", ["one", "many"])
async def test_large_headers_and_then_the_right_answer(sim, ask, variant):
    """So many bytes more of headers, in one or in many."""
    sim.fault("primary", "large_headers", bytes=300_000, variant=variant)
    heard = await ask()
    large = [value for name, value in heard.headers.items() if name.startswith("x-large")]
    assert (len(large), sum(map(len, large))) == (1 if variant == "one" else 300, 300_000)
    assert json.loads(heard.body)


async def test_endless_headers_end_at_the_bound(sim, ask, settled):
    """Header lines without the empty one, up to the bound, then a reset."""
    sim.fault("primary", "endless_headers", bytes=500_000)
    heard = await ask()
    assert b"\r\n\r\n" not in heard.data
    assert len(heard.data) >= 500_000
    assert ((await settled()).outcome, (await settled()).status) == ("aborted", 200)


@pytest.mark.parametrize(
    ("part", "slow_head", "slow_body"), [("headers", True, False), ("body", False, True), ("all", True, True)]
)
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_drips(sim, part, slow_head, slow_body, stream):
    """Headers, body or both come drop by drop, complete and recorded as such."""
    sim.fault("primary", "trickle", part=part, bytes=100, every=0.01)
    clock = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    writer.write(chat_request(stream=stream))
    started = clock.time()
    head = await reader.readuntil(b"\r\n\r\n")
    between = clock.time()
    rest = await reader.read()
    ended = clock.time()
    writer.close()
    assert (between - started > 0.03, ended - between > 0.03) == (slow_head, slow_body)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n" if stream else b"}")
    record = sim.seen("primary")[-1]
    assert (record.outcome, record.status, record.chunks) == ("answered", 200, 4 if stream else 0)


@pytest.mark.parametrize("code", [100, 102, 103])
async def test_informational_answers_come_first(sim, ask, code):
    """Two of the 1xx kind, then the answer on a connection that can be used again."""
    sim.fault("primary", "informational", code=code, count=2)
    heard = await ask()
    assert heard.data.count(b"HTTP/1.1 %d " % code) == 2
    assert b"\r\n\r\nHTTP/1.1 200 OK\r\n" in heard.data


@pytest.mark.parametrize(("then", "end"), [("close", None), ("reset", "reset"), ("read", "closed")])
async def test_an_answer_before_the_request_was_read(sim, then, end):
    """The refusal comes while half of the body is still missing."""
    sim.fault("primary", "early_response", code=413, then=then)
    whole = chat_request()
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    writer.write(whole[:-40])
    assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 413 ")
    if then == "read":
        writer.write(whole[-40:])
    try:
        await asyncio.wait_for(reader.read(), 2)
        ended = "closed"
    except ConnectionResetError:
        ended = "reset"
    writer.close()
    # A close with unread data is a reset on some systems.
    assert end in (None, ended)
    assert sim.seen("primary")[-1].status == 413


async def test_an_early_answer_cannot_look_at_the_body(sim, web):
    """`match` with it is refused, and a request for another account is read as ever."""
    fault = {"account": "primary", "kind": "early_response", "match": {"stream": True}}
    async with web.post("/_sim/faults", json=fault) as answer:
        assert answer.status == 400
        assert "match" in (await answer.json())["error"]
    sim.fault("primary", "early_response", times=1)
    statuses = [(await hear(sim.port, chat_request(account))).status for account in ("backup", "primary", "primary")]
    assert statuses == [200, 413, 200]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_proper_gzip_answer(sim, ask, stream):
    """The same bytes, compressed, for those who accept it; each event can be unpacked when it has come."""
    plain = (await ask("healthy", stream=stream)).body
    sim.fault("primary", "gzip")
    assert "content-encoding" not in (await ask(stream=stream)).headers
    heard = await ask(stream=stream, extra="Accept-Encoding: gzip, deflate\r\n")
    assert heard.headers["content-encoding"] == "gzip"
    unpacker = zlib.decompressobj(wbits=31)
    assert len(unpacker.decompress(heard.body)) == len(plain)
    assert unpacker.eof
    assert [record.faults for record in sim.seen("primary")] == [[], ["gzip"]]


@pytest.mark.parametrize("size", [1, 5 << 20, 256 << 20])
async def test_a_gzip_bomb_is_small_until_it_is_unpacked(sim, ask, size):
    """The wire has a thousandth of it, the stream is valid, and its content is right but for the spaces."""
    sim.fault("primary", "gzip_bomb", bytes=size)
    body = (await ask()).body
    assert len(body) < 2000 + size / 500
    unpacker, total, first = zlib.decompressobj(wbits=31), 0, b""
    while not unpacker.eof:
        part = unpacker.decompress(body, 1 << 20)
        body, first, total = unpacker.unconsumed_tail, first or part, total + len(part)
    assert total >= size
    assert json.loads(first)["object"] == "chat.completion"


@pytest.mark.parametrize("variant", ["plain", "truncated", "corrupt"])
@pytest.mark.parametrize("stream", [True, False])
async def test_wrong_gzip(sim, ask, variant, stream):
    """Declared, but not to be unpacked."""
    sim.fault("primary", "wrong_gzip", variant=variant)
    heard = await ask(stream=stream)
    assert heard.headers["content-encoding"] == "gzip"
    assert int(heard.headers["content-length"]) == len(heard.body)
    unpacker = zlib.decompressobj(wbits=31)
    if variant == "truncated":
        unpacker.decompress(heard.body)
        assert not unpacker.eof
    else:
        with pytest.raises(zlib.error):
            unpacker.decompress(heard.body)


@pytest.mark.parametrize(
    ("options", "stream", "sign"),
    [({}, False, b"        "), ({}, True, b'data: {"id"'), ({"variant": "events"}, False, b'data: {"choices"')],
)
async def test_an_endless_body_ends_at_its_bound(sim, ask, options, stream, sign):
    """Spaces or events, up to the bound, then a reset."""
    sim.fault("primary", "endless_body", bytes=300_000, **options)
    heard = await ask(stream=stream)
    assert heard.body.startswith(sign)
    assert len(heard.body) >= 300_000
    assert heard.end == "reset"


ENDLESS = [
    ("endless_body", {"bytes": 1 << 40}),
    ("endless_body", {"bytes": 1 << 40, "variant": "events"}),
    ("endless_headers", {"bytes": 1 << 40}),
    ("gzip_bomb", {"bytes": 1 << 40}),
    ("trickle", {"every": 60}),
    ("endless_body", {"every": 60}),
]


@pytest.mark.parametrize("reads", [True, False])
async def test_what_does_not_end_stops_when_the_client_hangs_up(sim, eventually, reads):
    """Clients that read or do not read go away: no task is left, and little memory was used."""
    tasks = len(asyncio.all_tasks())
    for number, (kind, options) in enumerate(ENDLESS):
        sim.fault(f"a{number}", kind, **options)
    tracemalloc.start()
    writers = []
    for number, (kind, options) in enumerate(ENDLESS):
        for _ in range(4):
            reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
            writer.write(chat_request(f"a{number}"))
            writers.append(writer)
            assert await reader.read(1)
            if reads and kind != "trickle" and "every" not in options:
                await reader.readexactly(50_000)
    for writer in writers:
        writer.transport.abort()
    await eventually(lambda: all(record.outcome == "client_hung_up" for record in sim.seen()))
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
    gc.collect()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(sim.seen()) == 4 * len(ENDLESS)
    assert peak < 60 << 20
    sim.clear()
    assert (await hear(sim.port, chat_request())).status == 200


async def test_others_are_served_while_a_flood_runs(sim, ask):
    """An endless body to a client that reads as fast as it can does not starve the rest."""
    sim.fault("flood", "endless_body", bytes=1 << 40)
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    writer.write(chat_request("flood"))

    async def swallow() -> None:
        while await reader.read(1 << 20):
            pass

    flooded = asyncio.create_task(swallow())
    for _ in range(5):
        assert (await asyncio.wait_for(ask(), 2)).status == 200
    assert sim.seen("flood")[0].outcome == "open"
    flooded.cancel()
    await asyncio.gather(flooded, return_exceptions=True)
    writer.close()


async def test_it_can_serve_without_recording():
    """`record=False` keeps nothing, and faults work all the same."""
    async with Simulator(record=False) as sim:
        sim.fault("primary", "status", code=500, times=1)
        statuses = [(await hear(sim.port, chat_request())).status for _ in range(2)]
        assert (statuses, sim.seen()) == ([500, 200], [])
