"""Streams that are odd, broken or unusual, event by event."""

import asyncio
import json
import zlib

import pytest

from simulator.wire import chat_request

USAGE = {"stream_options": {"include_usage": True}}


def blocks(body: bytes) -> list[str]:
    """The events of a stream as they came, without the empty lines that end them."""
    return body.decode().split("\n\n")[:-1]


def documents(body: bytes) -> list[dict]:
    """The decoded data of all events but the terminator."""
    lines = [line for block in blocks(body) for line in block.split("\n")]
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ") and "[DONE]" not in line]
    return [json.loads(one) for one in data]


def text(body: bytes) -> str:
    """The content of all events."""
    deltas = [choice["delta"] for document in documents(body) for choice in document.get("choices", ())]
    return "".join(delta.get("content") or "" for delta in deltas)


async def healthy(ask) -> bytes:
    return (await ask("healthy", stream=True, **USAGE)).body


@pytest.mark.parametrize(("variant", "extra"), [("garbage", "data: {not json"), ("text", "upstream connect error")])
async def test_an_extra_event_that_is_no_json(sim, ask, variant, extra):
    """Garbage or text comes before the event of that number, and all others are whole."""
    sim.fault("primary", "malformed", variant=variant, event=3)
    found = blocks((await ask(stream=True)).body)
    assert found[2].startswith(extra)
    del found[2]
    assert found[-1] == "data: [DONE]"
    assert all(json.loads(block.removeprefix("data: ")) for block in found[:-1])


async def test_half_of_a_content_chunk(sim, ask):
    """The first content event is cut inside its JSON."""
    sim.fault("primary", "malformed")
    second = blocks((await ask(stream=True)).body)[1]
    assert second.startswith('data: {"id":')
    with pytest.raises(ValueError, match="line"):
        json.loads(second.removeprefix("data: "))


@pytest.mark.parametrize("variant", ["garbage", "text"])
async def test_a_document_of_garbage(sim, ask, variant):
    """A whole answer that is no JSON at all, or that begins with something else."""
    sim.fault("primary", "malformed", variant=variant)
    heard = await ask()
    with pytest.raises(ValueError, match=r"line|char"):
        json.loads(heard.body)


async def test_a_duplicate_event(sim, ask):
    """The second content event comes three times; of a shorter stream, the last does."""
    sim.fault("primary", "duplicate_event", event=2, copies=2, times=1)
    sim.fault("primary", "duplicate_event", event=900)
    plain = await healthy(ask)
    words = [document["choices"][0]["delta"]["content"] for document in documents(plain)[1:5]]
    twice = text((await ask(stream=True)).body)
    # Both duplicates apply to the first request.
    assert twice == words[0] + words[1] * 3 + words[2] + words[3] * 2
    assert text((await ask(stream=True)).body) == "".join([*words, words[3]])
    assert sim.seen("primary")[-1].chunks == 5


async def test_open_without_the_terminator(sim, ask, settled):
    """After the finish reason nothing comes, and the connection stays open."""
    sim.fault("primary", "end_without_done", variant="open")
    heard = await ask(stream=True, patience=0.15)
    assert heard.end == "open"
    assert b'"finish_reason":"stop"' in heard.data
    assert b"[DONE]" not in heard.data
    assert (await settled()).outcome == "client_hung_up"


@pytest.mark.parametrize(
    ("variant", "where"), [("missing", None), ("null", None), ("in_last_content", -2), ("in_finish", -1)]
)
async def test_usage_is_missing_or_elsewhere(sim, ask, variant, where):
    """The numbers come in the chunk asked for and in no other, or not at all."""
    sim.fault("primary", "usage", variant=variant)
    found = documents((await ask(stream=True, **USAGE)).body)
    with_usage = [place - len(found) for place, document in enumerate(found) if document.get("usage")]
    assert with_usage == ([] if where is None else [where])
    if variant == "null":
        assert (found[-1]["choices"], found[-1]["usage"]) == ([], None)
    else:
        assert all(document["choices"] for document in found)
    document = json.loads((await ask()).body)
    if variant in {"missing", "null"}:
        assert document.get("usage") is None
        assert ("usage" in document) is (variant == "null")


async def test_events_with_empty_choices(sim, ask):
    """They stand between all others, and the text is the same."""
    sim.fault("primary", "empty_choices", every=2)
    body = (await ask(stream=True)).body
    empty = [not document["choices"] for document in documents(body)]
    assert empty[:6] == [True, False, False, True, False, False]
    assert text(body) == text(await healthy(ask))


async def test_comments_between_events(sim, ask):
    """A comment line before each event."""
    sim.fault("primary", "comments", text="OPENROUTER\nPROCESSING")
    body = (await ask(stream=True)).body
    assert blocks(body)[0::2] == [": OPENROUTER PROCESSING"] * (len(blocks(body)) // 2)
    assert text(body) == text(await healthy(ask))


async def test_events_of_an_unknown_type(sim, ask):
    """An `event: ping` before each event."""
    sim.fault("primary", "unknown_events")
    assert blocks((await ask(stream=True)).body)[0] == 'event: ping\ndata: {"type":"ping"}'


@pytest.mark.parametrize(("ending", "end"), [("crlf", b"\r\n"), ("cr", b"\r")])
async def test_other_line_endings(sim, ask, ending, end):
    """Every line of the stream ends so; a document is left alone."""
    sim.fault("primary", "line_endings", ending=ending)
    body = (await ask(stream=True)).body
    assert body.endswith(b"data: [DONE]" + end * 2)
    assert body.replace(end, b"").count(b"\n") == body.replace(end, b"").count(b"\r") == 0
    assert json.loads((await ask()).body)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_byte_order_mark(sim, ask, stream):
    """The body begins with it, and its length is right."""
    sim.fault("primary", "byte_order_mark")
    heard = await ask(stream=stream)
    assert heard.body.startswith(b"\xef\xbb\xbfdata: {" if stream else b"\xef\xbb\xbf{")
    assert heard.end == "closed"
    if not stream:
        assert json.loads(heard.body.decode("utf-8-sig"))


async def pieces_of(sim) -> list[bytes]:
    """The chunks of a stream as they were framed on the wire."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    writer.write(chat_request(stream=True))
    await reader.readuntil(b"\r\n\r\n")
    found = []
    while size := int(await reader.readline(), 16):
        found.append((await reader.readexactly(size + 2))[:-2])
    writer.close()
    return found


async def test_events_split_in_odd_places(sim, ask):
    """Byte by byte, and in random sizes that the seed decides; the content is the same."""
    plain = text(await healthy(ask))
    sim.fault("primary", "split", times=1)
    assert {len(piece) for piece in await pieces_of(sim)} == {1}
    assert sim.seen("primary")[-1].chunks == 4
    sim.fault("primary", "split", bytes=50, random=True, times=1)
    found = await pieces_of(sim)
    sizes = [len(piece) for piece in found]
    assert len(set(sizes)) > 5
    assert max(sizes) <= 50
    assert text(b"".join(found)) == plain


async def test_several_events_in_one_segment(sim, settled):
    """Three at a time; the record still counts content events."""
    sim.fault("primary", "merge", events=3)
    found = await pieces_of(sim)
    assert [piece.count(b"data: ") for piece in found] == [3, 3, 1]
    assert (await settled()).chunks == 4


async def test_a_content_filter_inside_a_stream(sim, ask):
    """The finish reason comes early and in place of the right one; a document has it, too."""
    sim.fault("primary", "finish_reason", after=2)
    body = (await ask(stream=True)).body
    assert len(text(body).split()) == 2
    assert documents(body)[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert body.endswith(b"data: [DONE]\n\n")
    assert json.loads((await ask()).body)["choices"][0]["finish_reason"] == "content_filter"


async def test_forms_combine_with_one_another_and_with_a_fault(sim, ask):
    """Comments, CRLF, segments, gzip and a cut, all at once."""
    for kind, options in (("split", {"bytes": 7}), ("gzip", {"force": True}), ("line_endings", {}), ("comments", {})):
        sim.fault("primary", kind, **options)
    sim.fault("primary", "cut", after=2)
    heard = await ask(stream=True)
    unpacked = zlib.decompressobj(wbits=31).decompress(heard.body)
    assert unpacked.startswith(b": keep-alive\r\n\r\ndata: {")
    assert unpacked.count(b'"content":') == 3
    assert heard.end == "reset"
    assert sim.seen("primary")[-1].faults == ["split", "gzip", "line_endings", "comments", "cut"]
