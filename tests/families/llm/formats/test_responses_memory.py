"""What Segue keeps of a response, and how a later request goes on from it."""

import json
from typing import Any

import pytest
from openai.types.responses import ResponseItemList

from families.llm.formats.responses_samples import ANSWER, COMPLETED, SCHEMA, compact, read
from segue.core.errors import RequestInvalid
from segue.families.llm.formats.responses import memory
from segue.families.llm.ir.blocks import Text, ToolResult

FIRST = {
    "model": "m",
    "instructions": "secret orders",
    "input": "hello",
    "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}],
}
LIMIT = 1_000_000


def body(value: Any) -> bytes:
    return compact(value).encode()


def kept() -> memory.Record:
    record = memory.record_of(body(FIRST), body(ANSWER))
    assert record is not None
    return memory.read(memory.write(record))


def test_a_later_request_goes_on_from_the_kept_items() -> None:
    result = {"type": "function_call_output", "call_id": "call_9", "output": "sun"}
    second = {"model": "m", "previous_response_id": "resp_1", "input": [result]}
    assert memory.previous_of(body(second)) == "resp_1"
    expanded = memory.expand(body(second), kept(), LIMIT)
    conversation = read(json.loads(expanded))
    assert conversation.previous == ""
    assert conversation.messages[0].content == [Text("hello")]
    assert isinstance(conversation.messages[2].content[0], ToolResult)
    assert conversation.system == [], "instructions are not carried over"
    assert json.loads(expanded)["input"][1:4] == ANSWER["output"]


def test_a_record_of_an_expanded_request_stands_for_itself() -> None:
    second = memory.expand(body({"model": "m", "previous_response_id": "resp_1", "input": "and then?"}), kept(), LIMIT)
    record = memory.record_of(second, body({**ANSWER, "id": "resp_2"}))
    assert record is not None
    assert record.id == "resp_2"
    assert len(record.input) == 1 + 3 + 1
    assert len(record.output) == 3


def test_nothing_is_kept_against_the_callers_wish_or_of_a_failure() -> None:
    assert memory.record_of(body({**FIRST, "store": False}), body(ANSWER)) is None
    assert memory.record_of(body(FIRST), body({**ANSWER, "status": "failed"})) is None
    assert memory.record_of(body(FIRST), b"<html>") is None
    assert memory.record_of(b"{", body(ANSWER)) is None


def test_thinking_that_only_openai_has_is_left_out_with_the_ids_beside_it() -> None:
    bare = {"id": "rs_9", "type": "reasoning", "summary": []}
    record = memory.record_of(body(FIRST), body({**ANSWER, "output": [bare, *ANSWER["output"][1:]]}))
    assert record is not None
    items = json.loads(memory.expand(body({"model": "m", "input": "x"}), record, LIMIT))["input"]
    assert [item["type"] for item in items] == ["message", "message", "function_call", "message"]
    assert not any("id" in item for item in items)


def test_a_conversation_beyond_the_limit_is_refused() -> None:
    with pytest.raises(RequestInvalid) as caught:
        memory.expand(body({"model": "m", "input": "x"}), kept(), 100)
    assert caught.value.param == "previous_response_id"


def test_a_response_that_is_not_kept_is_refused_in_openais_words() -> None:
    error = memory.unknown("resp_x")
    assert (error.code, error.param, error.status) == ("previous_response_not_found", "previous_response_id", 400)


def test_input_items_are_listed_in_pages_that_the_sdk_reads() -> None:
    items = [{"role": "user", "content": str(number)} for number in range(5)]
    record = memory.record_of(body({"model": "m", "input": items}), body(ANSWER))
    assert record is not None
    first = memory.input_items(record, limit=2)
    page = ResponseItemList.model_validate_json(first)
    assert page.has_more
    rest = json.loads(memory.input_items(record, limit=100, after=page.last_id))
    texts = [item["content"][0]["text"] for item in [*json.loads(first)["data"], *rest["data"]]]
    assert texts == ["4", "3", "2", "1", "0"]
    assert not rest["has_more"]
    oldest = json.loads(memory.input_items(record, limit=1, descending=False))
    assert oldest["data"][0]["content"][0]["text"] == "0"
    assert len({item["id"] for item in [*json.loads(first)["data"], *rest["data"]]}) == 5


@pytest.mark.parametrize(("limit", "after"), [(0, ""), (101, ""), (5, "nobody")])
def test_a_page_that_does_not_exist_is_refused(limit: int, after: str) -> None:
    with pytest.raises(RequestInvalid):
        memory.input_items(kept(), limit=limit, after=after)


def test_the_last_event_of_a_stream_carries_the_answer() -> None:
    answer = memory.answer_of_event(body(COMPLETED))
    assert answer is not None
    assert json.loads(answer) == ANSWER
    assert memory.answer_of_event(b'{"type":"response.output_text.delta","delta":"response.completed"}') is None
    assert memory.answer_of_event(b'{"type":"response.completed"') is None
