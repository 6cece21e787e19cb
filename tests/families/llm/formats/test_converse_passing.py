"""Converse's streams that pass through: whole or broken, the same wherever they are cut, and read by nobody twice."""

import random

import msgspec
import pytest

from families.llm.formats.converse_support import (
    BEGIN,
    FULL_STREAM,
    METADATA,
    block_stop,
    event,
    exception,
    message_stop,
    text_delta,
)
from fuzzing.mutations import cut_up
from segue.core.failure import Failure, Kind
from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS, CONVERSE_OF_CLAUDE
from segue.families.llm.formats.eventstream import FrameSplitter
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import Shown
from segue.families.llm.passing.converse import ConversePassing

SHOWN = Shown(Conversation(model="m"), "m", "call_1", 0)
WHOLE = b"".join(FULL_STREAM)
SECRET = "bedrock-api-key-0001"


def passing() -> ConversePassing:
    return ConversePassing(CONVERSE_FOR_CLIENTS.event_writer(SHOWN), SECRET)


def fed(*pieces: bytes) -> tuple[ConversePassing, bytes]:
    reader = passing()
    out = b"".join([reader.feed(piece) for piece in pieces])
    return reader, out + reader.end()


def test_every_frame_goes_on_and_its_usage_is_read() -> None:
    reader, out = fed(WHOLE)
    assert (reader.finished, reader.failure, reader.committed) == (True, None, True)
    before, after = FrameSplitter().feed(WHOLE), FrameSplitter().feed(out)
    assert [(dict(frame.headers), frame.payload) for frame in after] == [
        (dict(frame.headers), frame.payload) for frame in before
    ]
    assert reader.usage is not None
    assert (reader.usage.input_tokens, reader.usage.output_tokens) == (104, 12)
    assert reader.tokens > 0


def test_where_the_network_cuts_does_not_matter() -> None:
    whole = fed(WHOLE)[1]
    dice = random.Random(5)
    for _ in range(100):
        reader, out = fed(*cut_up(WHOLE, dice))
        assert out == whole
        assert reader.finished


@pytest.mark.parametrize("kept", range(len(WHOLE) // 40))
def test_a_stream_that_ends_early_is_cut_unless_its_reason_had_come(kept: int) -> None:
    part = WHOLE[: kept * 40]
    reader, out = fed(part)
    stopped = any(frame.headers[":event-type"] == "messageStop" for frame in FrameSplitter().feed(out))
    assert reader.finished == stopped
    assert (reader.failure is None) == stopped
    if reader.failure is not None:
        assert reader.failure.kind is Kind.STREAM_CUT


def test_nothing_is_told_before_the_first_content() -> None:
    reader = passing()
    assert reader.feed(BEGIN)
    assert not reader.committed
    reader.feed(text_delta(0, "Hi"))
    assert reader.committed


def test_an_exception_is_a_failure_and_our_key_is_cut_out_of_it() -> None:
    reader, out = fed(BEGIN, text_delta(0, "Hi"), exception("throttlingException", f"slow down, {SECRET}"))
    assert reader.failure is not None
    assert reader.failure.kind is Kind.RATE_LIMITED
    assert SECRET not in reader.failure.message
    assert b"throttling" not in out
    after = fed(BEGIN, text_delta(0, "Hi"), message_stop("end_turn"), exception("internalServerException", "late"))[0]
    assert (after.finished, after.failure) == (True, None)


@pytest.mark.parametrize(
    "damage", [b"\x00" * 20, WHOLE[:5] + b"\xff" + WHOLE[6:], event("contentBlockDelta", {})[:-1] + b"x"]
)
def test_what_is_no_frame_breaks_the_stream(damage: bytes) -> None:
    reader, _ = fed(BEGIN + text_delta(0, "Hi"), damage)
    assert reader.failure is not None
    assert reader.failure.kind is Kind.STREAM_CUT


def test_it_says_nothing_behind_its_end() -> None:
    reader, _ = fed(WHOLE)
    assert reader.feed(text_delta(0, "more")) == b""
    assert reader.end() == b""


def test_what_ends_a_broken_stream_is_an_exception_that_sdks_raise_for() -> None:
    told = passing().broken(Failure(Kind.STREAM_CUT, "gone"))
    (frame,) = FrameSplitter().feed(told)
    assert frame.headers[":exception-type"] == "modelStreamErrorException"
    assert msgspec.json.decode(frame.payload) == {"message": "the answer broke off: gone"}


def test_the_same_stream_is_a_whole_answer_to_our_own_reader() -> None:
    pieces = (BEGIN, text_delta(0, "Hi"), block_stop(0), message_stop("end_turn"), METADATA)
    events = CONVERSE_OF_CLAUDE.event_reader().feed(fed(*pieces)[1])
    assert type(events[-1]).__name__ == "Ended"
