"""A stream is complete only when its own end was seen, and what the caller gets depends on the bytes alone."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from families.llm.support import (
    CODEC,
    DONE,
    END,
    GOOD,
    ROLE,
    SECRET,
    USAGE,
    call,
    candidate,
    chunk,
    cut_at,
    event,
    read,
)
from segue.core.failure import Failure, Kind
from segue.families.llm.formats.openai_stream import ChatStreamReader

CRLF = GOOD.replace(b"\n", b"\r\n")
TWO = ROLE + chunk("a") + chunk("b", index=1) + END + chunk(finish="stop", index=1) + DONE
TOOLS = (
    chunk(role="assistant", tool_calls=[{"index": 0, "id": "t1", "type": "function", "function": {"name": "f"}}])
    + chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}])
    + chunk(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}])
    + chunk(finish="tool_calls")
    + DONE
)
NOISY = b"\xef\xbb\xbf: hello\n\n" + GOOD.replace(b"data: {", b": ping\n\ndata:{", 2) + b": bye\n\n"
BROKEN = ROLE + chunk("half") + event({"error": {"message": "boom", "type": "server_error", "code": None}})
FIXTURES = {"good": GOOD, "crlf": CRLF, "two": TWO, "tools": TOOLS, "noisy": NOISY, "broken": BROKEN}


@pytest.mark.parametrize("fixture", FIXTURES)
def test_the_same_bytes_in_two_pieces_give_the_same_at_every_place(fixture: str) -> None:
    stream = FIXTURES[fixture]
    whole = read([stream]).told
    for place in range(len(stream)):
        assert read(cut_at(stream, [place])).told == whole, place
    assert read([stream[place : place + 1] for place in range(len(stream))]).told == whole


@pytest.mark.parametrize("fixture", FIXTURES)
def test_the_same_bytes_in_many_pieces_give_the_same(fixture: str) -> None:
    stream = FIXTURES[fixture]
    whole = read([stream]).told
    dice = random.Random(7)
    for _ in range(200):
        places = [dice.randrange(len(stream)) for _ in range(dice.randrange(1, 12))]
        assert read(cut_at(stream, places)).told == whole, places


@pytest.mark.parametrize("fixture", ["good", "crlf", "two", "tools", "noisy"])
def test_a_stream_cut_before_its_finish_never_counts_as_finished(fixture: str) -> None:
    stream = FIXTURES[fixture]
    last_finish = stream.rindex(b'"finish_reason": "') if fixture != "noisy" else stream.rindex(b'"stop"')
    # From here on the last finish is complete JSON, and a closed connection loses nothing but formalities.
    whole_from = stream.index(b"}", stream.index(b"]", last_finish)) + 1
    fields = {"n": 2} if fixture == "two" else {}
    for place in range(whole_from):
        ended = read([stream[:place]], **fields)
        assert not ended.finished, place
        assert ended.failure is not None, place
        assert ended.failure.kind is Kind.STREAM_CUT, place
        assert DONE not in ended.out, place


def test_a_connection_that_just_stays_open_is_not_finished_either() -> None:
    assert not read([GOOD[: -len(DONE)]], end=False).finished


def test_events_go_through_byte_by_byte_and_in_order() -> None:
    assert read([GOOD], stream_options={"include_usage": True}).out == GOOD


def test_the_usage_chunk_is_withheld_from_a_caller_who_did_not_ask_and_noted_all_the_same() -> None:
    ended = read([GOOD])
    assert ended.out == GOOD.replace(USAGE, b"")
    assert (ended.usage.input_tokens, ended.usage.output_tokens) == (3, 5)


def test_usage_beside_content_is_noted_and_the_content_not_withheld() -> None:
    last = json.loads(END.removeprefix(b"data: "))
    last["usage"] = {"prompt_tokens": 1, "completion_tokens": 2}
    ended = read([ROLE + chunk("x") + event(last) + DONE])
    assert event(last) in ended.out
    assert ended.usage.output_tokens == 2


@pytest.mark.parametrize("usage", [None, {}, "much", {"prompt_tokens": "many"}, 7, []])
def test_usage_that_says_nothing_is_no_usage_and_harms_nothing(usage: object) -> None:
    stream = ROLE + chunk("x") + END + event({"choices": [], "usage": usage}) + DONE
    ended = read([stream])
    assert ended.finished
    assert ended.usage is None
    assert ended.out == stream


def test_tokens_are_estimated_from_all_that_is_content_and_counted_by_events_when_nobody_wants_to_know() -> None:
    stream = ROLE + chunk("Hi") + chunk("x" * 78) + chunk(reasoning_content="y" * 38) + chunk("") + END
    for counting, tokens in ((True, 1 + 20 + 10), (False, 1)):
        reader = ChatStreamReader(call(stream=True).request, SECRET)
        reader.counting = counting
        reader.feed(stream)
        assert reader.committed
        assert reader.tokens == tokens


def test_role_and_empty_deltas_are_not_content() -> None:
    empties = ROLE + chunk(None) + chunk(refusal=None) + chunk(tool_calls=[]) + event({"choices": []})
    assert not read([empties], end=False).committed


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "x"},
        {"content": " "},
        {"refusal": "no"},
        {"reasoning_content": "hm"},
        {"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]},
        {"function_call": {"name": "f"}},
        {"audio": {"id": "a"}},
    ],
    ids=lambda delta: next(iter(delta)) + repr(next(iter(delta.values())))[:5],
)
def test_the_first_of_anything_that_a_caller_can_use_is_content(delta: dict) -> None:
    assert read([ROLE, chunk(**delta)], end=False).committed


def test_an_answer_that_finishes_without_a_word_is_an_answer() -> None:
    ended = read([ROLE + END + DONE])
    assert ended.committed
    assert ended.finished


def test_done_without_any_content_is_a_failure_and_can_be_failed_over() -> None:
    for stream in (DONE, ROLE + DONE):
        ended = read([stream])
        assert not ended.committed
        assert not ended.finished
        assert ended.failure.kind is Kind.STREAM_CUT


def test_a_finish_without_done_is_whole_once_the_bytes_end_and_the_done_is_supplied() -> None:
    ended = read([ROLE + chunk("x") + END])
    assert ended.finished
    assert ended.out == ROLE + chunk("x") + END + DONE


def test_with_several_answers_every_one_of_them_must_finish() -> None:
    # The finish of the first comes twice, as some servers send it again beside the usage.
    stream = ROLE + chunk("a") + chunk("b", index=1) + END + END
    assert read([stream], n=2).failure.kind is Kind.STREAM_CUT
    assert read([stream + chunk(finish="length", index=1)], n=2).finished


def test_a_last_event_without_its_empty_line_counts() -> None:
    for ending in (b"", b"\n", b"\r", b"\r\n"):
        ended = read([ROLE + chunk("x") + END[:-2] + ending])
        assert ended.finished, ending
        assert ended.out.endswith(DONE)


def test_comments_names_and_other_fields_are_dropped_and_their_data_kept() -> None:
    inner = chunk("x")[6:-2]
    noisy = b": hi\n\nevent: ping\n\nid: 1\nevent: chunk\n: c\ndata:" + inner + b"\nretry: 3\n\n" + END + DONE
    assert read([noisy]).out == chunk("x") + END + DONE


def test_data_over_several_lines_becomes_one_line() -> None:
    assert read([b'data: {"choices":\ndata: [{"delta":{"content":"x"}}]}\n\n'], end=False).out == (
        b'data: {"choices": [{"delta":{"content":"x"}}]}\n\n'
    )


def test_nothing_after_done_is_read() -> None:
    ended = read([GOOD + chunk("more") + b"data: garbage\n\n"])
    assert ended.finished
    assert ended.out.endswith(DONE)
    assert ended.out.count(b"data: ") == GOOD.count(b"data: ") - 1


def test_feeding_a_settled_reader_does_nothing() -> None:
    reader = ChatStreamReader(call(stream=True).request, SECRET)
    reader.feed(GOOD)
    assert reader.finished
    assert reader.feed(chunk("more")) == b""
    assert reader.end() == b""


@pytest.mark.parametrize("before", [b"", ROLE, ROLE + chunk("half")], ids=["first", "after role", "after content"])
@pytest.mark.parametrize(
    "broken",
    [
        event({"error": {"message": "boom", "code": "server_error"}}),
        event({"error": "boom"}),
        event({"error": 5}),
        event({"id": "x", "choices": [], "error": {"message": "boom"}}),
        b"event: error\n" + event({"message": "boom"}),
        b'data: {"choices":[{"delta":{"con\n\n',
        b'data: {"choices":[{"delta":{"content":"x"}}\n\n',
        event({"choices": "wrong"}),
        event({"choices": [7]}),
        event({"choices": [{"delta": "x"}]}),
        event({"choices": [{"finish_reason": 7}]}),
        b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n',
    ],
    ids=[
        "error", "error text", "error number", "error beside choices", "named error", "half json", "unclosed",
        "choices text", "choice number", "delta text", "finish number", "not utf-8",
    ],
)  # fmt: skip
def test_an_error_or_an_unreadable_event_breaks_the_stream_and_is_not_passed_on(before: bytes, broken: bytes) -> None:
    ended = read([before, broken, END, DONE])
    assert ended.failure is not None
    assert not ended.finished
    assert ended.out == before
    assert ended.committed == (b"half" in before)


def test_a_chunk_that_is_cut_short_anywhere_breaks_the_stream_and_never_passes_for_noise() -> None:
    lost = chunk("lost")[6:-2]
    for whole in (lost, lost.replace(b'{"', b'{ "', 1)):
        for place in range(1, len(whole)):
            ended = read([ROLE, chunk("a"), b"data: " + whole[:place] + b"\n\n", chunk("b"), END, DONE])
            assert ended.failure is not None, whole[:place]
            assert ended.out == ROLE + chunk("a")


@pytest.mark.parametrize("before", [b"", ROLE, ROLE + chunk("half")], ids=["first", "after role", "after content"])
@pytest.mark.parametrize(
    "noise",
    [b"data: <html>\n\n", b"data: 7\n\n", b"data: {not json\n\n", b"data: " + b"[" * 20_000 + b"]" * 20_000 + b"\n\n"],
    ids=["html", "number", "no json", "deep"],
)
def test_noise_that_was_no_part_of_the_answer_is_left_out(before: bytes, noise: bytes) -> None:
    ended = read([before, noise, chunk("rest"), END, DONE])
    assert ended.finished
    assert ended.out == before + chunk("rest") + END + DONE


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}, Kind.RATE_LIMITED),
        ({"message": "slow down", "code": 429}, Kind.RATE_LIMITED),
        ({"message": "no money", "code": 402}, Kind.QUOTA),
        ({"message": "busy", "code": "503"}, Kind.OVERLOADED),
        ({"message": "too long", "code": "context_length_exceeded"}, Kind.CONTEXT_LENGTH),
        ({"message": "boom", "code": 99}, Kind.SERVER_ERROR),
        ({"message": "boom", "type": "server_error"}, Kind.SERVER_ERROR),
    ],
)
def test_an_error_event_is_classified_by_its_words_or_by_the_status_that_it_names(error: dict, kind: Kind) -> None:
    assert read([event({"error": error})]).failure.kind is kind


@pytest.mark.parametrize(
    ("reason", "kind"), [("insufficient_system_resource", Kind.OVERLOADED), ("error", Kind.SERVER_ERROR)]
)
@pytest.mark.parametrize("before", [ROLE, ROLE + chunk("half")], ids=["nothing said", "half said"])
def test_a_finish_reason_that_means_a_breaking_off_breaks_the_stream(before: bytes, reason: str, kind: Kind) -> None:
    """DeepSeek ran out of resources, and half an answer was told as a whole one."""
    ended = read([before, chunk(finish=reason), DONE])
    assert ended.failure.kind is kind
    assert not ended.finished
    assert ended.out == before
    assert ended.committed == (b"half" in before)


def test_an_error_event_that_echoes_the_key_does_not_reach_the_failure() -> None:
    ended = read([event({"error": {"message": f"bad key {SECRET}", "code": SECRET, "param": SECRET, "type": SECRET}})])
    assert SECRET not in repr(ended.failure)
    assert "[key]" in ended.failure.message


def test_an_endless_event_breaks_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segue.families.llm.sse.MAX_EVENT", 500)
    ended = read([ROLE, b"data: " + b"x" * 600], end=False)
    assert ended.failure.kind is Kind.STREAM_CUT
    assert "500 bytes" in ended.failure.message


@pytest.mark.parametrize("content_type", ["text/event-stream", "text/event-stream; charset=utf-8", "Text/Event-Stream"])
def test_an_event_stream_is_known_by_its_content_type(content_type: str) -> None:
    reader = CODEC.reader(call(stream=True), candidate(), {"content-type": content_type})
    assert isinstance(reader, ChatStreamReader)


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}, {"content-type": "text/plain"}])
def test_anything_else_is_no_stream(headers: dict) -> None:
    failure = CODEC.reader(call(stream=True), candidate(), headers)
    assert isinstance(failure, Failure)
    assert failure.kind is Kind.BAD_RESPONSE


PARTS = [GOOD, ROLE, END, USAGE, DONE, CRLF, chunk("x"), b"\n", b"\r", b": c\n\n", b"data: ", b"event: error\n"]
FIELDS = st.sampled_from(["choices", "delta", "error", "usage", "finish_reason", "content", "index"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=8,
)
LINES = st.sampled_from(PARTS) | st.binary(max_size=40) | DOCUMENTS.map(event)


@settings(max_examples=300)
@given(st.lists(LINES, max_size=8).map(b"".join), st.lists(st.integers(0, 400), max_size=6), st.integers(1, 3))
def test_whatever_a_provider_sends_ends_in_a_finish_or_a_classified_failure(stream: bytes, places, choices) -> None:
    whole = read([stream], n=choices)
    assert whole.finished != (whole.failure is not None)
    if whole.failure is not None:
        assert not whole.out.endswith(DONE)
    else:
        assert whole.out.endswith(DONE)
        assert whole.committed
    for passed in whole.out.split(b"\n\n")[:-1]:
        assert passed.startswith(b"data: ")
        assert passed == b"data: [DONE]" or json.loads(passed[6:]) is not None
    assert read(cut_at(stream, [min(place, len(stream)) for place in places]), n=choices).told == whole.told
