"""Streams of Anthropic's Messages: read from providers, written for clients, and parsed by Anthropic's own SDK."""

from typing import Any

import anthropic
import httpx2
import msgspec
import pytest
from anthropic._models import construct_type
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from families.llm.formats.messages_support import (
    MESSAGE,
    PLAIN,
    SEARCH,
    SHOWN,
    STOPPED,
    STREAMS,
    TEXT,
    THINKING,
    arguments,
    block,
    call,
    event,
    events_of,
    finish,
    start,
    text,
)
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Usage
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.messages.wire import JSON_TOOL
from segue.families.llm.ir.answer import (
    Answer,
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Counted,
    Ended,
    Event,
    Ping,
    Signed,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Citation, Media, Refusal, ServerItem, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.collect import Collector, as_events
from segue.families.llm.ir.seals import shown, unseal
from segue.families.llm.sse import EventSplitter, read_event

_adapter: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)


def collect(events: list[Event]) -> Collector:
    collector = Collector()
    for item in events:
        collector.feed(item)
    return collector


def rewritten(events: list[Event]) -> bytes:
    writer = MESSAGES.event_writer(SHOWN)
    return b"".join(writer.write(item) for item in events)


def seen_by_the_sdk(stream: bytes) -> Message:
    """What Anthropic's SDK makes of a stream, every event valid by its own types."""
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for raw in EventSplitter().feed(stream):
        name, data = read_event(raw)
        if name == b"ping":
            continue
        decoded = msgspec.json.decode(data)
        assert decoded["type"] == name.decode()
        if decoded["type"] == "message_delta":
            assert decoded["usage"]["output_tokens"] is not None
        _adapter.validate_python(decoded)
        parsed: Any = construct_type(type_=RawMessageStreamEvent, value=decoded)
        if decoded["type"] != "message_stop":
            snapshot = accumulate_event(event=parsed, current_snapshot=snapshot, json_bufs=buffers)
    return snapshot  # type: ignore[no-any-return]


def test_a_plain_stream_gives_its_events_in_order() -> None:
    usage = Usage(25, 1)
    assert events_of(PLAIN) == [
        Began("msg_01", "claude-sonnet-5", usage=usage),
        Ping(),
        BlockBegan(0, Text("")),
        TextMore(0, "Hel"),
        TextMore(0, "lo, Zürich \u2603"),
        BlockEnded(0),
        Counted(Usage(25, 15)),
        Stopped(Stop.END, None, "end_turn"),
        Ended(),
    ]


def test_thoughts_ciphertexts_and_parallel_calls_keep_their_order_and_their_names() -> None:
    answer = collect(events_of(THINKING)).answer
    assert answer.content == [
        Thinking("Let me see. Yes.", Signature("anthropic", "EqQBCgIYAhIM")),
        Thinking(signature=Signature("anthropic", "EmwKAhgBEgy3", "redacted")),
        Text("I'll look."),
        ToolUse("toolu_01", "weather", '{"city": "Z\\u00fcrich"}'),
        ToolUse("toolu_02", "time", ""),
    ]
    assert answer.stop is Stop.TOOLS


def test_usage_of_a_stream_includes_what_came_from_the_cache() -> None:
    usage = collect(events_of(THINKING)).answer.usage
    assert usage == Usage(155, 89, cached_tokens=100, cache_write_tokens=30, reasoning_tokens=40)


def test_later_usage_replaces_earlier_and_is_never_added() -> None:
    usage = collect(events_of(SEARCH)).answer.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (10682, 510)


def test_a_step_of_a_server_tool_comes_whole() -> None:
    items = [item.block for item in events_of(SEARCH) if isinstance(item, BlockBegan)]
    assert isinstance(items[0], ServerItem)
    assert msgspec.json.decode(items[0].raw)["input"] == {"query": "weather"}


def test_the_stop_sequence_that_came_is_told() -> None:
    answer = collect(events_of(STOPPED)).answer
    assert (answer.stop, answer.sequence) == (Stop.SEQUENCE, "three")


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_split_at_any_byte_gives_the_same_events(name: str) -> None:
    stream = STREAMS[name]
    whole = events_of(stream)
    assert events_of(stream, 1) == whole
    for cut in range(1, len(stream)):
        reader = MESSAGES.event_reader()
        assert [*reader.feed(stream[:cut]), *reader.feed(stream[cut:]), *reader.end()] == whole


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_at_any_byte_never_ends_without_having_stopped(name: str) -> None:
    stream = STREAMS[name]
    for cut in range(len(stream)):
        kinds = [type(item) for item in events_of(stream[:cut])] if cut else [Broke]
        assert (Ended in kinds) == (Stopped in kinds)
        assert (Broke in kinds) != (Ended in kinds)


def test_a_missing_formal_end_is_forgiven_once_the_answer_has_stopped() -> None:
    assert events_of(PLAIN.replace(event("message_stop"), b""))[-1] == Ended()


def test_a_formal_end_without_a_reason_is_no_answer() -> None:
    assert isinstance(events_of(start() + block(0, TEXT, text("a")) + event("message_stop"))[-1], Broke)


def test_a_reason_that_came_later_than_we_passes_to_anthropics_own_clients() -> None:
    events = events_of(start() + block(0, TEXT, text("a")) + finish("compaction"))
    assert collect(events).answer.stop is Stop.OTHER
    assert b'"stop_reason":"compaction"' in rewritten(events)


def test_nothing_at_all_is_broken() -> None:
    broke = MESSAGES.event_reader().end()[0]
    assert isinstance(broke, Broke)
    assert broke.failure.kind is Kind.STREAM_CUT


def test_unknown_events_and_unknown_pieces_are_passed_over() -> None:
    strange = (
        start()
        + event("mood_changed", mood="good")
        + block(0, TEXT, text("a"), {"type": "sparkle_delta", "sparkle": 1})
        + b": a comment\n\n"
        + finish("end_turn")
    )
    assert collect(events_of(strange)).answer.content == [Text("a")]


def test_nulls_where_words_are_expected_are_tolerated() -> None:
    stream = (
        event("message_start", message={"id": None, "model": None, "usage": None, "content": None})
        + event("content_block_start", index=0, content_block={"type": "text", "text": None})
        + event("content_block_delta", index=0, delta={"type": "text_delta", "text": None})
        + event("content_block_delta", index=0, delta={"type": "text_delta", "text": "a"})
        + event("message_delta", delta={"stop_reason": "end_turn"}, usage=None)
    )
    collector = collect(events_of(stream))
    assert collector.ended
    assert collector.answer.content == [Text("a")]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("overloaded_error", Kind.OVERLOADED),
        ("api_error", Kind.SERVER_ERROR),
        ("rate_limit_error", Kind.RATE_LIMITED),
        ("brand_new_error", Kind.SERVER_ERROR),
    ],
)
def test_an_error_event_breaks_the_stream_for_its_reason(kind: str, expected: Kind) -> None:
    broke = events_of(start() + event("error", error={"type": kind, "message": "No"}))[-1]
    assert isinstance(broke, Broke)
    assert broke.failure.kind is expected


def test_an_error_after_the_end_does_not_take_the_answer_back() -> None:
    stream = PLAIN.replace(event("message_stop"), event("error", error={"type": "api_error", "message": "No"}))
    assert events_of(stream)[-1] == Ended()


@pytest.mark.parametrize("damage", [b'{"type":"content_block_delta","ind', b"[1]", b'{"type":3}', b"\xff\xfe"])
def test_a_damaged_event_in_the_middle_breaks_the_stream(damage: bytes) -> None:
    bad = b"event: content_block_delta\ndata: " + damage + b"\n\n"
    assert isinstance(events_of(start() + bad + block(0, TEXT, text("a")) + finish("end_turn"))[1], Broke)


def test_a_piece_of_a_block_that_never_began_breaks_the_stream() -> None:
    assert isinstance(events_of(start() + event("content_block_delta", index=3, delta=text("a")))[-1], Broke)


def test_calls_without_names_of_their_own_get_different_ones() -> None:
    nameless = {"type": "tool_use", "name": "weather", "input": {}}
    answer = collect(events_of(start() + block(0, nameless) + block(1, nameless) + finish("tool_use"))).answer
    first, second = answer.content
    assert isinstance(first, ToolUse)
    assert isinstance(second, ToolUse)
    assert first.id != second.id


def test_the_tool_that_stands_for_json_becomes_the_text_of_the_answer() -> None:
    stream = start() + block(0, call(JSON_TOOL, "toolu_9"), arguments('{"a":'), arguments("1}")) + finish("tool_use")
    answer = collect(events_of(stream)).answer
    assert (answer.content, answer.stop) == ([Text('{"a":1}')], Stop.END)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_that_is_read_and_written_gives_the_same_answer(name: str) -> None:
    events = events_of(STREAMS[name])
    again = events_of(rewritten(events))
    assert collect(again).answer == collect(events).answer


@pytest.mark.parametrize("name", STREAMS)
def test_the_sdk_sees_the_same_message_whether_we_stand_between_or_not(name: str) -> None:
    direct, through = seen_by_the_sdk(STREAMS[name]), seen_by_the_sdk(rewritten(events_of(STREAMS[name])))
    left, right = direct.to_dict(), through.to_dict()
    for side in (left, right):
        for item in side["content"]:  # type: ignore[attr-defined]
            if not item.get("citations"):
                item.pop("citations", None)
        side["usage"] = {k: v for k, v in side["usage"].items() if v}  # type: ignore[attr-defined]
    assert left == right


def test_mixed_pieces_of_parallel_calls_are_written_one_block_after_the_other() -> None:
    events: list[Event] = [
        Began("x", "m"),
        BlockBegan(0, ToolUse("a", "f")),
        BlockBegan(1, ToolUse("b", "g")),
        ArgumentsMore(1, '{"y":'),
        ArgumentsMore(0, '{"x":1}'),
        ArgumentsMore(1, "2}"),
        BlockEnded(0),
        BlockEnded(1),
        Stopped(Stop.TOOLS),
        Counted(Usage(7, 3)),
        Ended(),
    ]
    message = seen_by_the_sdk(rewritten(events))
    assert [(item.id, item.input) for item in message.content] == [("a", {"x": 1}), ("b", {"y": 2})]  # type: ignore[union-attr]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 3)
    assert message.id == "msg_call_1"


def test_what_has_no_word_here_leaves_no_gap_in_the_numbers() -> None:
    events: list[Event] = [
        Began(),
        BlockBegan(0, Media("image", data="AA==")),
        BlockEnded(0),
        BlockBegan(1, ServerItem("openai", "web_search_call", b"{}")),
        BlockEnded(1),
        BlockBegan(2, Refusal("No.")),
        BlockEnded(2),
        Stopped(Stop.FILTER),
        Ended(),
    ]
    message = seen_by_the_sdk(rewritten(events))
    assert [item.text for item in message.content] == ["No."]  # type: ignore[union-attr]
    assert message.stop_reason == "refusal"


def test_signatures_of_calls_travel_through_the_client_and_come_back_to_their_calls() -> None:
    google, late = Signature("google", "c2lnMQ=="), Signature("google", "c2lnMg==")
    events: list[Event] = [
        Began(),
        BlockBegan(0, Thinking()),
        ThinkingMore(0, "Hm"),
        Signed(0, Signature("google", "c2lnMA==")),
        BlockEnded(0),
        BlockBegan(1, ToolUse("a", "f", signature=google)),
        BlockEnded(1),
        BlockBegan(2, ToolUse("b", "f")),
        Signed(2, late),
        BlockEnded(2),
        Stopped(Stop.TOOLS),
        Ended(),
    ]
    message = seen_by_the_sdk(rewritten(events))
    turn = {"role": "assistant", "content": [item.to_dict() for item in message.content]}
    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}, turn]}
    blocks = MESSAGES.read_request(msgspec.json.encode(request)).messages[1].content
    assert blocks == [
        Thinking("Hm", Signature("google", "c2lnMA==")),
        ToolUse("a", "f", "{}", google),
        ToolUse("b", "f", "{}", late),
    ]


def test_a_thought_of_another_vendor_is_sealed() -> None:
    events: list[Event] = [
        Began(),
        BlockBegan(0, Thinking(signature=Signature("openai", "gAAA", "encrypted"))),
        BlockEnded(0),
        Stopped(Stop.END),
        Ended(),
    ]
    sealed = seen_by_the_sdk(rewritten(events)).content[0]
    assert sealed.type == "redacted_thinking"
    assert unseal(sealed.data, "anthropic", "redacted") == Signature("openai", "gAAA", "encrypted")


def test_a_broken_stream_ends_with_an_error_event_of_anthropics() -> None:
    failure = Failure(Kind.OVERLOADED, "too much to do", Executed.NO, Scope.PROVIDER)
    name, data = read_event(MESSAGES.event_writer(SHOWN).broken(failure))
    assert name == b"error"
    assert msgspec.json.decode(data)["error"]["type"] == "overloaded_error"


def test_the_sdk_raises_when_a_stream_breaks_off() -> None:
    failure = Failure(Kind.STREAM_CUT, "gone", Executed.UNKNOWN, Scope.PROVIDER)
    writer = MESSAGES.event_writer(SHOWN)
    sent = b"".join(writer.write(item) for item in events_of(PLAIN)[:4]) + writer.broken(failure)

    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=sent, headers={"content-type": "text/event-stream"})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = anthropic.Anthropic(api_key="x", base_url="http://127.0.0.1", http_client=http, max_retries=0)
    stream = client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}], stream=True)
    with pytest.raises(anthropic.APIStatusError) as caught:
        list(stream)
    assert (caught.value.type, caught.value.error_code) == ("api_error", "stream_cut")
    client.close()


words = st.text(min_size=1, max_size=12)
signed = st.builds(Signature, st.sampled_from(["anthropic", "google", "openai"]), st.text("ABCD=", min_size=1))
contents = st.lists(
    st.builds(Text, words, citations=st.lists(st.builds(Citation, st.just("https://x.org"), words, words)).map(tuple))
    | st.builds(Thinking, words, st.none() | signed)
    | st.builds(ToolUse, st.text("ab_-", min_size=1), words, st.sampled_from(['{"a":1}', '{"b":[null,"\\u00fc"]}']))
    | st.builds(ServerItem, st.just("anthropic"), st.just("hologram"), st.just(b'{"type":"hologram","size":[1,2]}')),
    max_size=5,
)
counts = st.integers(0, 9)
usages = st.builds(
    lambda read, short, hour, new, thought, said: Usage(
        read + short + hour + new,
        thought + said,
        cached_tokens=read,
        cache_write_tokens=short,
        cache_write_1h_tokens=hour,
        reasoning_tokens=thought,
    ),
    *[counts] * 6,
)


def normal(answer: Answer) -> Answer:
    """An answer as it is seen here: proofs are sealed, and sources of other vendors become results of a search."""
    for item in answer.content:
        if isinstance(item, Thinking) and item.signature is not None:
            item.signature = unseal(shown(item.signature, "anthropic"), "x")
            if item.signature.vendor == "x":
                item.signature = Signature("anthropic", item.signature.value)
        if isinstance(item, Text):
            item.citations = tuple(Citation(cited.url, cited.title, cited.quote) for cited in item.citations)
    return answer


def unsealed(answer: Answer) -> Answer:
    for item in answer.content:
        if isinstance(item, Thinking) and item.signature is not None:
            item.signature = unseal(item.signature.value, "anthropic")
    return normal(answer)


@given(contents, usages, st.sampled_from([Stop.END, Stop.LENGTH, Stop.SEQUENCE, Stop.PAUSE]))
def test_any_answer_survives_the_way_there_and_back_whole_and_streamed(
    content: list[Any], usage: Usage, stop: Stop
) -> None:
    answer = Answer(id="msg_1", model="m", content=content, stop=stop, usage=usage)
    whole = MESSAGES.read_answer(MESSAGES.write_answer(answer, SHOWN))
    streamed = collect(events_of(rewritten(list(as_events(answer))), 7))
    assert streamed.ended
    for seen in (whole, streamed.answer):
        seen.vendor_stop = ""
        assert unsealed(seen) == normal(answer)


def test_a_whole_answer_can_be_streamed() -> None:
    answer = MESSAGES.read_answer(msgspec.json.encode(MESSAGE))
    assert collect(events_of(rewritten(list(as_events(answer))))).answer == answer
