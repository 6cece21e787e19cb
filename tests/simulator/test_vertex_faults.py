"""Every kind of fault works on the streams of Anthropic, Gemini and Vertex AI as it does on OpenAI's."""

import json

import pytest

from segue.simulator import KINDS
from simulator.wire import hear, request_bytes

CLAUDE = {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": [{"role": "user", "content": "in 4 words"}]}
GEMINI = {"contents": [{"parts": [{"text": "in 4 words"}]}]}
VERTEX = "/a/v1/projects/p/locations/l/publishers"
WAYS = {
    "anthropic": ("/a/v1/messages", CLAUDE),
    "gemini": ("/a/v1beta/models/gemini-2.5-flash:{method}?alt=sse&key=k", GEMINI),
    "gemini array": ("/a/v1beta/models/gemini-2.5-flash:{method}?key=k", GEMINI),
    "vertex": (f"{VERTEX}/google/models/gemini-2.5-flash:{{method}}?alt=sse", GEMINI),
    "claude on vertex": (f"{VERTEX}/anthropic/models/claude-haiku-4-5:{{raw}}", CLAUDE),
}
EXTRA = "x-api-key: key\r\nanthropic-version: 2023-06-01\r\nx-goog-api-key: key\r\nAccept-Encoding: gzip\r\n"
# Nothing comes with these, or a limit has to be exceeded first, or they concern another format.
OTHERS = {"silence", "no_accept", "stall", "concurrency", "rate_limit", "empty_choices"}


def request(way: str, *, stream: bool) -> bytes:
    path, body = WAYS[way]
    path = path.format(
        method="streamGenerateContent" if stream else "generateContent",
        raw="streamRawPredict" if stream else "rawPredict",
    )
    if "claude" in way:
        body = {name: value for name, value in body.items() if name != "model"}
        body["anthropic_version"] = "vertex-2023-10-16"
    if body is not GEMINI:
        body = body | {"stream": stream}
    return request_bytes("POST", path, json.dumps(body).encode(), EXTRA)


@pytest.mark.parametrize("way", sorted(WAYS))
@pytest.mark.parametrize("kind", sorted(set(KINDS) - OTHERS))
async def test_every_kind_hits_and_passes(sim, way, kind):
    """It is recorded, it changes what comes, and the next answer is whole again."""
    stream = KINDS[kind].scope != "document"
    healthy = await hear(sim.port, request(way, stream=stream))
    assert healthy.status == 200
    options = dict(KINDS[kind].example) | ({"form": "vendor"} if kind == "error_event" else {})
    sim.fault("a", kind, times=1, **options)
    await hear(sim.port, request(way, stream=stream), 0.3)
    assert sim.seen("a")[1].faults == [kind]
    again = await hear(sim.port, request(way, stream=stream))
    assert (again.status, len(again.body)) == (200, len(healthy.body))


@pytest.mark.parametrize("way", ["anthropic", "claude on vertex"])
async def test_a_stream_that_is_cut_has_no_end(sim, way):
    """After two words there is neither `message_delta` nor `message_stop`."""
    sim.fault("a", "cut", after=2)
    heard = await hear(sim.port, request(way, stream=True))
    assert heard.data.count(b"text_delta") == 2
    assert b"message_stop" not in heard.data


@pytest.mark.parametrize("way", ["gemini", "vertex"])
async def test_a_finish_reason_is_spelled_as_the_vendor_does(sim, way):
    """In capitals."""
    sim.fault("a", "finish_reason", reason="safety")
    heard = await hear(sim.port, request(way, stream=True))
    assert b'"finishReason":"SAFETY"' in heard.data


@pytest.mark.parametrize("way", sorted(WAYS))
async def test_a_stream_that_lacks_its_terminator_is_otherwise_whole(sim, way):
    """`end_without_done` takes `message_stop` or the end of the array; events of Gemini have none."""
    healthy = await hear(sim.port, request(way, stream=True))
    sim.fault("a", "end_without_done")
    heard = await hear(sim.port, request(way, stream=True))
    ends = {"anthropic": b"message_stop", "claude on vertex": b"message_stop", "gemini array": b"\n]\n"}
    if way in ends:
        assert ends[way] in healthy.body
        assert ends[way] not in heard.body
