"""ConverseStream into events: the same wherever it is cut, and never a success that was none."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.llm.formats import provider_streams as streams
from families.llm.formats.converse_support import (
    BEGIN,
    FULL_STREAM,
    METADATA,
    block_stop,
    delta,
    event,
    exception,
    message_stop,
    text_delta,
    tool_start,
)
from segue.core.failure import Executed, Kind, Scope
from segue.core.outcome import Usage
from segue.families.llm.formats.converse.format import CONVERSE, CONVERSE_OF_CLAUDE
from segue.families.llm.formats.eventstream import write_frame
from segue.families.llm.ir.answer import (
    Answer,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Counted,
    Ended,
    Stop,
    Stopped,
    TextMore,
)
from segue.families.llm.ir.blocks import Citation, Content, Signature, Text, Thinking, ToolUse

NEW = CONVERSE_OF_CLAUDE.event_reader
WHOLE = b"".join(FULL_STREAM)


def answer(*frames: bytes) -> Answer:
    return streams.answer_of(NEW, b"".join(frames))


def broken(*frames: bytes) -> Broke:
    last = streams.read(NEW, [b"".join(frames)])[-1]
    assert isinstance(last, Broke)
    return last


def test_a_stream_with_everything_becomes_the_whole_answer() -> None:
    whole = answer(WHOLE)
    cited = whole.content[2]
    assert isinstance(cited, Text)
    guide = cited.citations[0]
    assert whole.content == [
        Thinking("Let me think.", Signature("anthropic", "c2ln")),
        Thinking("", Signature("anthropic", "cmVk", "redacted")),
        Text("Grüße aus Köln", citations=(guide,)),
        ToolUse("tooluse_1", "weather", '{"city":"Köln"}'),
        ToolUse("tooluse_2", "weather", ""),
    ]
    assert guide == Citation("https://e.example", "Guide", "quoted", raw=guide.raw, vendor="bedrock")
    assert (whole.stop, whole.vendor_stop) == (Stop.TOOLS, "tool_use")


def test_usage_is_counted_by_our_convention() -> None:
    assert answer(WHOLE).usage == Usage(104, 12, 1, cached_tokens=60, cache_write_tokens=10, cache_write_1h_tokens=30)


def test_the_same_events_wherever_the_stream_is_cut() -> None:
    streams.check_cuts(NEW, WHOLE)


def test_a_stream_that_ends_anywhere_is_never_a_success_unless_it_had_stopped() -> None:
    streams.check_truncations(NEW, WHOLE)


def test_a_text_needs_no_announcement_and_an_empty_piece_says_nothing() -> None:
    events = streams.read(
        NEW, [BEGIN, text_delta(0, ""), text_delta(0, "a"), block_stop(0), message_stop("end_turn"), METADATA]
    )
    assert events[:4] == [Began(), BlockBegan(0, Text()), TextMore(0, "a"), BlockEnded(0)]
    assert [type(one) for one in events[4:]] == [Stopped, Counted, Ended]


def test_parallel_calls_whose_pieces_mix_stay_apart() -> None:
    whole = answer(
        BEGIN,
        tool_start(0, "a", "f"),
        tool_start(1, "b", "f"),
        delta(1, toolUse={"input": '{"x":'}),
        delta(0, toolUse={"input": '{"x":1}'}),
        delta(1, toolUse={"input": "2}"}),
        block_stop(1),
        block_stop(0),
        message_stop("tool_use"),
    )
    assert whole.content == [ToolUse("a", "f", '{"x":1}'), ToolUse("b", "f", '{"x":2}')]


def test_text_may_follow_a_call_and_thoughts_may_come_between() -> None:
    whole = answer(
        BEGIN,
        tool_start(0, "a", "f"),
        block_stop(0),
        delta(1, reasoningContent={"text": "hm"}),
        block_stop(1),
        text_delta(2, "so"),
        block_stop(2),
        message_stop("end_turn"),
    )
    assert whole.content == [ToolUse("a", "f"), Thinking("hm"), Text("so")]


def test_blocks_that_were_not_ended_are_ended_by_the_stop() -> None:
    assert answer(BEGIN, text_delta(0, "a"), message_stop("max_tokens")).stop is Stop.LENGTH


def test_the_stop_sequence_is_told_where_claude_tells_it() -> None:
    whole = answer(
        BEGIN, text_delta(0, "a"), message_stop("stop_sequence", additionalModelResponseFields={"stop_sequence": "END"})
    )
    assert (whole.stop, whole.sequence) == (Stop.SEQUENCE, "END")


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", Stop.END),
        ("guardrail_intervened", Stop.FILTER),
        ("content_filtered", Stop.FILTER),
        ("malformed_model_output", Stop.MALFORMED),
        ("malformed_tool_use", Stop.MALFORMED),
        ("model_context_window_exceeded", Stop.CONTEXT),
        ("reason_of_tomorrow", Stop.OTHER),
    ],
)
def test_reasons_have_our_words(reason: str, stop: Stop) -> None:
    whole = answer(BEGIN, message_stop(reason))
    assert (whole.stop, whole.vendor_stop) == (stop, reason)


def test_steps_of_bedrocks_own_tools_are_not_calls_of_the_callers() -> None:
    own = {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"}}
    whole = answer(
        BEGIN,
        event("contentBlockStart", {"contentBlockIndex": 0, "start": own}),
        delta(0, toolUse={"input": "{}"}),
        block_stop(0),
        event("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolResult": {"toolUseId": "s"}}}),
        delta(1, toolResult=[{"text": "x"}]),
        block_stop(1),
        text_delta(2, "found"),
        message_stop("end_turn"),
    )
    assert whole.content == [Text("found")]


def test_signatures_of_other_models_are_bedrocks() -> None:
    stream = b"".join([BEGIN, delta(0, reasoningContent={"redactedContent": "eA=="}), message_stop("end_turn")])
    assert streams.answer_of(CONVERSE.event_reader, stream).content == [
        Thinking("", Signature("bedrock", "eA==", "redacted"))
    ]


@pytest.mark.parametrize(
    ("name", "message", "kind", "scope"),
    [
        ("throttlingException", "Too many requests, please wait before trying again.", Kind.RATE_LIMITED, Scope.KEY),
        ("throttlingException", "Too many tokens per day, please wait before trying again.", Kind.QUOTA, Scope.KEY),
        ("modelStreamErrorException", "Retry your request.", Kind.SERVER_ERROR, Scope.MODEL),
        ("internalServerException", "oh", Kind.SERVER_ERROR, Scope.PROVIDER),
        ("serviceUnavailableException", "oh", Kind.OVERLOADED, Scope.PROVIDER),
        ("validationException", "Input is too long for requested model.", Kind.CONTEXT_LENGTH, Scope.MODEL),
        ("exceptionOfTomorrow", "oh", Kind.SERVER_ERROR, Scope.PROVIDER),
    ],
)
def test_an_exception_in_the_stream_is_a_failure(name: str, message: str, kind: Kind, scope: Scope) -> None:
    failure = broken(BEGIN, text_delta(0, "a"), exception(name, message)).failure
    assert (failure.kind, failure.scope, failure.message, failure.vendor_type) == (kind, scope, message, name)


def test_an_error_message_without_a_modelled_exception_is_a_failure() -> None:
    headers = [(":message-type", "error"), (":error-code", "InternalFailure"), (":error-message", "oh")]
    failure = broken(BEGIN, write_frame(headers, b"")).failure
    assert (failure.kind, failure.message) == (Kind.SERVER_ERROR, "oh")


def test_nothing_follows_a_failure() -> None:
    events = streams.read(NEW, [BEGIN, exception("internalServerException", "oh") + WHOLE, WHOLE])
    assert [type(one) for one in events] == [Began, Broke]


def test_an_answer_that_had_stopped_is_whole_whatever_comes_then() -> None:
    for after in (b"", b"<html>, no frame", exception("internalServerException", "oh")):
        assert isinstance(streams.read(NEW, [BEGIN, text_delta(0, "a"), message_stop("end_turn"), after])[-1], Ended)


def test_a_body_that_is_no_event_stream_is_a_bad_response() -> None:
    failure = broken(b"<html><body>503 Service Temporarily Unavailable").failure
    assert (failure.kind, failure.executed) == (Kind.BAD_RESPONSE, Executed.UNKNOWN)


@pytest.mark.parametrize(
    "frame",
    [
        event("contentBlockDelta", {"contentBlockIndex": "zero", "delta": {"text": "a"}}),
        write_frame([(":event-type", "contentBlockDelta"), (":message-type", "event")], b'{"delta":'),
        delta(0, toolUse={"input": "{}"}),
        event("contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {"name": "f"}}}),
    ],
)
def test_a_malformed_event_in_the_middle_breaks_the_stream(frame: bytes) -> None:
    assert broken(BEGIN, text_delta(1, "a"), frame, message_stop("end_turn")).failure.kind is Kind.STREAM_CUT


def test_a_stream_of_endless_blocks_is_broken_off() -> None:
    endless = b"".join(text_delta(number, "a") for number in range(10_001))
    assert "blocks" in broken(BEGIN, endless).failure.message


def test_shuffled_events_never_do_harm() -> None:
    chance = random.Random(5)
    for _ in range(1000):
        frames = chance.sample(FULL_STREAM, k=chance.randint(1, len(FULL_STREAM)))
        streams.check_order(streams.read(NEW, frames))


@given(st.lists(st.tuples(st.sampled_from(["text", "thought", "tool"]), st.text(min_size=1, max_size=20)), max_size=6))
def test_any_answer_that_is_streamed_comes_back(blocks: list[tuple[str, str]]) -> None:
    frames = [BEGIN]
    expected: list[Content] = []
    for number, (what, words) in enumerate(blocks):
        half = len(words) // 2
        pieces = [words[:half], words[half:]]
        if what == "text":
            frames += [text_delta(number, piece) for piece in pieces]
            expected.append(Text(words))
        elif what == "thought":
            frames += [delta(number, reasoningContent={"text": piece}) for piece in pieces]
            expected.append(Thinking(words))
        else:
            arguments = msgspec.json.encode({"a": words}).decode()
            frames.append(tool_start(number, f"call_{number}", "f"))
            frames += [delta(number, toolUse={"input": character}) for character in arguments]
            expected.append(ToolUse(f"call_{number}", "f", arguments))
        frames.append(block_stop(number))
    assert answer(*frames, message_stop("end_turn"), METADATA).content == expected
