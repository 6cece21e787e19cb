"""Streams in Responses: read wherever they are cut, written as OpenAI's SDK expects them."""

import json
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from families.llm.formats.responses_samples import (
    ANSWER,
    COMPLETED,
    CREATED,
    EVENTS,
    REQUEST,
    STREAM,
    collected,
    compact,
    events_of,
    sent,
    shown,
    stream_of,
)
from segue.core.failure import Failure, Kind
from segue.core.outcome import Usage
from segue.families.llm.formats.responses.events_in import ResponsesReader
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.answer import (
    Answer,
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Ended,
    Event,
    Signed,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import (
    Citation,
    Content,
    Refusal,
    Signature,
    Text,
    Thinking,
    ToolUse,
)
from segue.families.llm.ir.collect import as_events

SDK_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def write(events: list[Event]) -> list[dict[str, Any]]:
    """What a client sees of these events, each seen to be one of the SDK's."""
    writer = RESPONSES.event_writer(shown(REQUEST))
    found = sent(b"".join(map(writer.write, events)))
    for event in found:
        assert type(SDK_EVENT.validate_python(event)).model_fields["type"].annotation.__args__ == (event["type"],)
    return found


def break_of(*events: dict[str, Any]) -> Failure:
    last = events_of(stream_of(*events))[-1]
    assert isinstance(last, Broke)
    return last.failure


def test_a_stream_makes_up_the_answer() -> None:
    got = collected(events_of(STREAM))
    assert got.ended
    whole = RESPONSES.read_answer(compact(EVENTS[-1]["response"]).encode())
    assert got.answer == whole


def test_a_stream_means_the_same_in_chunks_of_any_size() -> None:
    whole = events_of(STREAM)
    assert all(events_of(STREAM, size) == whole for size in (1, 2, 3, 7, 64, 1000))


def test_a_stream_means_the_same_wherever_it_is_cut_in_two() -> None:
    whole = events_of(STREAM)
    for place in range(len(STREAM)):
        reader = ResponsesReader()
        assert [*reader.feed(STREAM[:place]), *reader.feed(STREAM[place:]), *reader.end()] == whole


def test_a_stream_that_ends_anywhere_else_is_broken() -> None:
    for place in range(len(STREAM) - 2):
        reader = ResponsesReader()
        events = [*reader.feed(STREAM[:place]), *reader.end()]
        assert isinstance(events[-1], Broke), place
        assert not any(isinstance(event, Stopped | Ended) for event in events)


def test_a_missing_last_line_is_forgiven() -> None:
    assert isinstance(events_of(STREAM.rstrip(b"\n"))[-1], Ended)


def test_done_of_chat_completions_proves_nothing() -> None:
    assert isinstance(events_of(stream_of(*EVENTS[:-1]) + b"data: [DONE]\n\n")[-1], Broke)
    assert isinstance(events_of(STREAM + b"data: [DONE]\n\n")[-1], Ended)


def test_other_line_ends_comments_and_missing_names_do_not_matter() -> None:
    bare = b"".join(
        b": ping\r\n\r\ndata: " + block.split(b"data: ", 1)[1] + b"\r\n\r\n" for block in STREAM.split(b"\n\n") if block
    )
    assert events_of(bare) == events_of(STREAM)


def test_items_without_an_index_are_told_apart_by_their_ids() -> None:
    events = [
        {key: value for key, value in event.items() if key != "output_index" or event["type"].endswith("item.added")}
        for event in EVENTS
    ]
    for event in events:
        if event["type"] == "response.output_item.done":
            event["item_id"] = event["item"]["id"]
    assert collected(events_of(stream_of(*events))).answer == collected(events_of(STREAM)).answer


def test_a_server_that_streams_only_items_or_only_the_end_is_understood() -> None:
    wanted = RESPONSES.read_answer(compact(ANSWER).encode())
    assert collected(events_of(stream_of(CREATED, COMPLETED))).answer == wanted
    assert collected(events_of(stream_of(COMPLETED))).answer == wanted
    dones = [
        {"type": "response.output_item.done", "output_index": place, "item": item}
        for place, item in enumerate(ANSWER["output"])
    ]
    assert collected(events_of(stream_of(CREATED, *dones, COMPLETED))).answer == wanted


def test_paragraphs_of_a_summary_are_parted() -> None:
    item = {"id": "rs_1", "type": "reasoning", "summary": []}
    deltas = [
        {
            "type": "response.reasoning_summary_text.delta",
            "item_id": "rs_1",
            "output_index": 0,
            "summary_index": place,
            "delta": text,
        }
        for place, text in enumerate(("one", "two"))
    ]
    parts = [{"type": "summary_text", "text": text} for text in ("one", "two")]
    done = {"type": "response.output_item.done", "output_index": 0, "item": {**item, "summary": parts}}
    added = {"type": "response.output_item.added", "output_index": 0, "item": item}
    answer = collected(events_of(stream_of(CREATED, added, *deltas, done, COMPLETED))).answer
    assert answer.content == [Thinking("one\n\ntwo", summary=True, id="rs_1")]


def test_an_incomplete_response_says_why() -> None:
    end = {
        "type": "response.incomplete",
        "response": {**ANSWER, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
    }
    stopped = [event for event in events_of(stream_of(*EVENTS[:-1], end)) if isinstance(event, Stopped)]
    assert stopped == [Stopped(Stop.LENGTH, vendor_stop="max_output_tokens")]


def test_every_way_to_fail_in_a_stream_is_understood() -> None:
    flat = {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None}
    assert break_of(CREATED, flat).kind is Kind.RATE_LIMITED
    nested = {"type": "error", "error": {"type": "server_error", "code": None, "message": "oops"}}
    assert break_of(CREATED, nested).kind is Kind.SERVER_ERROR
    failed = {
        "type": "response.failed",
        "response": {"status": "failed", "error": {"code": "server_error", "message": "x"}},
    }
    assert break_of(CREATED, failed).kind is Kind.SERVER_ERROR
    assert break_of(CREATED, {"type": "response.failed", "response": {"status": "failed"}}).kind is Kind.SERVER_ERROR
    long = {"code": "context_length_exceeded", "message": "Your input exceeds the context window of this model."}
    failure = break_of(CREATED, {"type": "response.failed", "response": {"error": long}})
    assert failure.kind is Kind.CONTEXT_LENGTH
    disguised = {"type": "response.completed", "response": {**ANSWER, "status": "failed", "error": long}}
    assert break_of(CREATED, disguised).kind is Kind.CONTEXT_LENGTH


@pytest.mark.parametrize(
    "noise",
    [
        b"data: {\n\n",
        b'data: {"type":"response.output_text.delta","delta":5}\n\n',
        b'data: {"type":"response.output_text.delta","delta":"\xff"}\n\n',
        b'data: {"delta":"x"}\n\n',
        b'data: {"type":"response.function_call_arguments.delta","output_index":77,"delta":"x"}\n\n',
    ],
)
def test_a_broken_event_in_the_middle_breaks_the_stream(noise: bytes) -> None:
    events = events_of(stream_of(*EVENTS[:12]) + noise + stream_of(*EVENTS[12:]))
    assert isinstance(events[-1], Broke)
    assert events[-1].failure.kind is Kind.STREAM_CUT


@pytest.mark.parametrize(
    "noise", [b"data: {}\n\n", b"event: x\n\n", b'data: {"type":"novel.delta","delta":{"a":1}}\n\n']
)
def test_what_is_unknown_in_a_stream_is_passed_over(noise: bytes) -> None:
    events = events_of(stream_of(*EVENTS[:12]) + noise + stream_of(*EVENTS[12:]))
    assert events == events_of(STREAM)


def test_an_item_that_is_told_twice_is_one_item() -> None:
    twice = [event for event in EVENTS for _ in range(2 if event["type"].startswith("response.output_item") else 1)]
    assert events_of(stream_of(*twice)) == events_of(STREAM)


def test_nothing_follows_the_end() -> None:
    reader = ResponsesReader()
    reader.feed(STREAM)
    assert not [*reader.feed(STREAM), *reader.end()]


# Writing


def test_events_are_numbered_and_name_the_same_items_from_first_to_last() -> None:
    found = write(events_of(STREAM))
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    added = {e["output_index"]: e["item"]["id"] for e in found if e["type"] == "response.output_item.added"}
    done = {e["output_index"]: e["item"]["id"] for e in found if e["type"] == "response.output_item.done"}
    final = found[-1]["response"]["output"]
    assert added == done == {place: item["id"] for place, item in enumerate(final)}
    for event in found:
        if "item_id" in event:
            assert event["item_id"] == added[event["output_index"]]
    assert len({event["response"]["id"] for event in found if "response" in event}) == 1


def test_a_stream_and_a_whole_answer_say_the_same() -> None:
    answer = collected(events_of(STREAM)).answer
    streamed = write(events_of(STREAM))[-1]["response"]
    assert streamed == json.loads(RESPONSES.write_answer(answer, shown(REQUEST)))


def test_a_written_stream_is_read_back() -> None:
    writer = RESPONSES.event_writer(shown(REQUEST))
    stream = b"".join(map(writer.write, events_of(STREAM)))
    assert collected(events_of(stream)).answer == collected(events_of(STREAM)).answer


def test_each_delta_is_repeated_whole_at_its_end() -> None:
    found = write(events_of(STREAM))
    texts = [event["text"] for event in found if event["type"] == "response.output_text.done"]
    arguments = [event["arguments"] for event in found if event["type"] == "response.function_call_arguments.done"]
    assert texts == ["Snow, says the page."]
    assert arguments == ['{"city":"Rome"}', '{"city":"Łódź"}']


def test_blocks_that_never_ended_end_with_the_answer() -> None:
    events: list[Event] = [Began("x", "m"), BlockBegan(0, Text()), TextMore(0, "half"), Stopped(Stop.LENGTH), Ended()]
    found = write(events)
    assert found[-1]["type"] == "response.incomplete"
    assert found[-1]["response"]["output"][0]["status"] == "incomplete"
    assert found[-1]["response"]["output"][0]["content"][0]["text"] == "half"


def test_a_signature_of_another_vendor_travels_sealed() -> None:
    signature = Signature("anthropic", "sig")
    events: list[Event] = [
        Began("x", "m"),
        BlockBegan(0, Thinking()),
        ThinkingMore(0, "t"),
        Signed(0, signature),
        BlockEnded(0),
        Stopped(Stop.END),
        Ended(),
    ]
    item = write(events)[-1]["response"]["output"][0]
    request = {"model": "m", "input": [item]}
    back = RESPONSES.read_request(json.dumps(request).encode()).messages[0].content[0]
    assert isinstance(back, Thinking)
    assert (back.text, back.signature) == ("t", signature)


def raised_by_the_sdk(stream: bytes) -> tuple[list[str], openai.APIError | None]:
    """What the official SDK makes of a stream: the kinds of events, and what it raises."""
    headers = {"content-type": "text/event-stream"}
    mock = httpx2.MockTransport(lambda _request: httpx2.Response(200, headers=headers, content=stream))
    http = httpx2.Client(transport=mock)
    client = openai.OpenAI(api_key="k", base_url="http://test.local/v1", http_client=http, max_retries=0)
    kinds: list[str] = []
    try:
        for event in client.responses.create(model="m", input="hi", stream=True):
            kinds.append(event.type)  # noqa: PERF401 - what came before an exception counts
    except openai.APIError as error:
        return kinds, error
    return kinds, None


def test_the_sdk_reads_a_whole_stream() -> None:
    writer = RESPONSES.event_writer(shown(REQUEST))
    kinds, error = raised_by_the_sdk(b"".join(map(writer.write, events_of(STREAM))))
    assert error is None
    assert kinds[-1] == "response.completed"


@pytest.mark.parametrize("after", [0, 1, 5, 12])
def test_the_sdk_raises_when_a_stream_breaks_off(after: int) -> None:
    writer = RESPONSES.event_writer(shown(REQUEST))
    stream = b"".join(map(writer.write, events_of(STREAM)[:after]))
    kinds, error = raised_by_the_sdk(stream + writer.broken(Failure(Kind.STREAM_CUT, "cut")))
    assert error is not None
    assert "broke off" in error.message
    assert error.code == "stream_cut"
    assert ("response.failed" in kinds) == bool(after)
    assert writer.broken(Failure(Kind.STREAM_CUT, "again")) == b""


texts = st.text(st.characters(codec="utf-8"), max_size=12)
citations = st.builds(
    Citation,
    url=st.just("https://a.example"),
    title=texts,
    start=st.just(0),
    end=st.integers(0, 9),
)
blocks: st.SearchStrategy[Content] = st.one_of(
    st.builds(Text, texts.filter(bool), phase=st.sampled_from(["", "commentary", "final_answer"])),
    st.builds(Refusal, texts.filter(bool)),
    st.builds(
        Thinking,
        texts.filter(bool),
        st.builds(Signature, st.just("openai"), st.text("ab=", min_size=1), st.just("encrypted")),
        st.just(True),
    ),
    st.builds(ToolUse, st.text("abc", min_size=1), st.text("fg", min_size=1), st.just('{"a":1}')),
    st.builds(ToolUse, st.text("abc", min_size=1), st.text("fg", min_size=1), texts.filter(bool), custom=st.just(True)),
)
answers = st.builds(
    Answer,
    content=st.lists(blocks, max_size=6),
    usage=st.one_of(
        st.none(),
        st.builds(
            lambda a, b: Usage(a, b, cached_tokens=0, cache_write_tokens=0, reasoning_tokens=0),
            st.integers(0, 9999),
            st.integers(0, 9999),
        ),
    ),
)


def plain(answer: Answer) -> list[tuple[object, ...]]:
    """The content without names that are made."""
    found: list[tuple[object, ...]] = []
    for block in answer.content:
        if isinstance(block, ToolUse):
            found.append((block.id, block.name, block.arguments, block.custom))
        elif isinstance(block, Thinking):
            found.append((block.text, block.signature))
        elif isinstance(block, Text | Refusal):
            found.append((type(block), block.text, getattr(block, "phase", "")))
    return found


@given(answers)
def test_any_answer_makes_the_round_trip_whole_and_streamed(answer: Answer) -> None:
    body = RESPONSES.write_answer(answer, shown())
    Response.model_validate_json(body)
    back = RESPONSES.read_answer(body)
    writer = RESPONSES.event_writer(shown())
    stream = b"".join(map(writer.write, as_events(answer)))
    streamed = collected(events_of(stream, 17))
    assert streamed.ended
    assert plain(back) == plain(answer)
    assert plain(streamed.answer) == plain(answer)
    assert back.usage == streamed.answer.usage == answer.usage
    assert sent(stream)[-1]["response"] == json.loads(body)


def test_pieces_of_mixed_calls_keep_to_their_items() -> None:
    events: list[Event] = [
        Began("x", "m"),
        BlockBegan(0, ToolUse("a", "f")),
        BlockBegan(1, ToolUse("b", "f")),
        ArgumentsMore(1, "{}"),
        ArgumentsMore(0, '{"a":1}'),
        BlockEnded(1),
        BlockEnded(0),
        Stopped(Stop.TOOLS),
        Ended(),
    ]
    output = write(events)[-1]["response"]["output"]
    assert [(item["call_id"], item["arguments"]) for item in output] == [("a", '{"a":1}'), ("b", "{}")]


def test_the_signatures_of_calls_come_back_to_their_calls_whole_and_streamed() -> None:
    calls: list[Content] = [ToolUse(name, "f", "{}", Signature("google", f"sig-{name}")) for name in ("a", "b")]
    answer = Answer(content=calls, stop=Stop.TOOLS)
    streamed = write(list(as_events(answer)))[-1]["response"]
    assert streamed["output"] == json.loads(RESPONSES.write_answer(answer, shown(REQUEST)))["output"]
    request = {"model": "m", "input": [{"role": "user", "content": "q"}, *streamed["output"]]}
    back = RESPONSES.read_request(json.dumps(request).encode()).messages[1].content
    found = [(use.id, use.signature) for use in back if isinstance(use, ToolUse)]
    assert found == [("a", Signature("google", "sig-a")), ("b", Signature("google", "sig-b"))]
    assert len(back) == 2
