"""A binary stream breaks in ways that a stream of text cannot, and Amazon's own SDK notices."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from segue.simulator import KINDS, Simulator
from simulator.bedrock import NOVA, ChecksumMismatch, ClientError, EventStreamBuffer, EventStreamError, Sdk, sdk, user
from simulator.wire import Heard, hear, request_bytes

PATH = f"/bedrock/model/{NOVA}/converse-stream"
BODY = json.dumps({"messages": [{"role": "user", "content": [{"text": "in 6 words"}]}]}).encode()
QUIET = {"silence", "no_accept", "stall"}
LIMITS = {"concurrency", "rate_limit"}
# What only a stream of text can have.
OF_TEXT = {"comments", "line_endings", "byte_order_mark"}


@pytest.fixture
async def bedrock(sim: Simulator) -> AsyncIterator[Sdk]:
    """The SDK, speaking to the account `bedrock`."""
    async with sdk(f"{sim.url}/bedrock") as made:
        yield made


async def heard(sim: Simulator, patience: float = 3.0) -> Heard:
    return await hear(sim.port, request_bytes("POST", PATH, BODY), patience)


def kinds_in(body: bytes) -> list[str]:
    """The types of all events, as Amazon's own decoder reads them."""
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    return [event.headers.get(":event-type") or event.headers[":message-type"] for event in buffer]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - LIMITS))
async def test_every_kind_is_applied_and_then_it_serves_as_ever(sim, eventually, kind):
    """One faulty stream, then a healthy one; kinds that are about text leave a binary stream alone."""
    documents = KINDS[kind].scope == "document"
    path = PATH.removesuffix("-stream") if documents else PATH
    sim.fault("bedrock", kind, times=1, **KINDS[kind].example)
    await hear(sim.port, request_bytes("POST", path, BODY), 0.05 if kind in QUIET else 3.0)
    await eventually(lambda: sim.seen("bedrock")[0].outcome != "open")
    untouched = kind in OF_TEXT or kind == "empty_choices"
    assert sim.seen("bedrock")[0].faults in ([kind], [] if untouched else [kind])
    sim.clear("bedrock")
    assert kinds_in((await heard(sim)).body)[-1] == "metadata"


async def test_a_wrong_checksum_is_noticed(sim):
    """Of the event whose number was asked for."""
    sim.fault("bedrock", "malformed", variant="checksum", event=3)
    body = (await heard(sim)).body
    buffer = EventStreamBuffer()
    buffer.add_data(body)
    read = iter(buffer)
    assert [next(read).headers[":event-type"] for _ in range(2)] == ["messageStart", "contentBlockDelta"]
    with pytest.raises(ChecksumMismatch):
        next(read)


async def test_half_an_event_is_a_whole_frame(sim):
    """The JSON is halved, and lengths and checksums are true."""
    sim.fault("bedrock", "malformed", variant="half", event=2)
    buffer = EventStreamBuffer()
    buffer.add_data((await heard(sim)).body)
    payloads = [event.payload for event in buffer]
    assert len(payloads) == 10
    with pytest.raises(json.JSONDecodeError):
        json.loads(payloads[1])


async def test_a_stream_can_be_cut_inside_a_frame(sim):
    """After two whole events with content, and half of the third."""
    sim.fault("bedrock", "cut", after=2, inside=True, reset=False)
    cut = await heard(sim)
    assert kinds_in(cut.body) == ["messageStart", "contentBlockDelta", "contentBlockDelta"]
    sim.clear()
    sim.fault("bedrock", "cut", after=2, reset=False)
    assert len(cut.body) > len((await heard(sim)).body)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"code": 429}, "throttlingException"),
        ({"code": 503}, "serviceUnavailableException"),
        ({"error": "ModelStreamErrorException"}, "modelStreamErrorException"),
        ({"code": 500, "form": "failed"}, "InternalServerException"),
    ],
)
async def test_an_error_can_come_inside_a_stream(sim, bedrock, options, code):
    """As an exception that the service describes, or as an error that it does not."""
    sim.fault("bedrock", "error_event", after=2, message="no more", **options)
    with pytest.raises(EventStreamError) as caught:
        await bedrock.stream(user("in 6 words"), model=NOVA)
    assert caught.value.response["Error"] == {"Code": code, "Message": "no more"}


async def test_an_error_is_named_in_a_header(sim, bedrock):
    """By status, or by name; in a stream before its first byte."""
    for options, code in (
        ({"code": 429}, "ThrottlingException"),
        ({"code": 408}, "ModelTimeoutException"),
        ({"error": "ModelNotReadyException"}, "ModelNotReadyException"),
        ({"error": "rate_limit_exceeded"}, "ThrottlingException"),
    ):
        sim.fault("bedrock", "status", times=1, **options)
        with pytest.raises(ClientError) as caught:
            await bedrock.stream()
        assert caught.value.response["Error"]["Code"] == code


async def test_the_last_event_can_be_missing(sim):
    """A clean end after the reason for the end, without usage."""
    sim.fault("bedrock", "end_without_done")
    assert kinds_in((await heard(sim)).body)[-1] == "messageStop"


async def test_usage_and_reason_can_be_changed_within_their_frames(sim, bedrock):
    """The frames stay whole."""
    sim.fault("bedrock", "usage", times=1)
    assert "usage" not in (await bedrock.stream(model=NOVA))[-1]["metadata"]
    sim.fault("bedrock", "finish_reason", reason="model_context_window_exceeded", times=1)
    events = await bedrock.stream(user("in 9 words"), model=NOVA)
    assert events[-2]["messageStop"]["stopReason"] == "model_context_window_exceeded"
    assert sum("contentBlockDelta" in event for event in events) == 3


async def test_an_unknown_event_is_a_frame(sim):
    """Of the type that was asked for."""
    sim.fault("bedrock", "unknown_events", event="novelty", every=100)
    assert kinds_in((await heard(sim)).body)[0] == "novelty"


async def test_the_load_source_checks_signatures_too(sim):
    """The path as it came is known there as well."""
    url = await sim.load_source()
    async with sdk(f"{url}/bedrock") as bedrock:
        answers = await asyncio.gather(*(bedrock.converse(model=f"us.{NOVA}") for _ in range(3)))
    assert all(answer["stopReason"] == "end_turn" for answer in answers)
