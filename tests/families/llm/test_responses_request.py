"""A request in Responses: what it goes on from, what is kept of its answer, and what is not."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from segue.core.errors import RequestInvalid
from segue.core.failure import Failure, Kind
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.answer import Began, BlockBegan, BlockEnded, Ended, Stop, Stopped, TextMore
from segue.families.llm.ir.blocks import Text
from segue.families.llm.responses import ResponsesRequest
from segue.families.llm.translated import Passed

ANSWER = {"id": "resp_1", "status": "completed", "output": [{"type": "message", "role": "assistant", "content": []}]}


def request(**fields: Any) -> ResponsesRequest:
    return ResponsesRequest(json.dumps({"model": "m", "input": "hi", **fields}).encode())


def test_an_answer_is_kept_with_the_items_before_it() -> None:
    record = request().record(json.dumps(ANSWER).encode())
    assert record is not None
    assert record.id == "resp_1"
    assert [json.loads(bytes(item))["content"][0]["text"] for item in record.input] == ["hi"]
    assert len(record.output) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"store": False},
        {"previous_response_id": "resp_0"},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"prompt": {"id": "pmpt_1"}},
    ],
)
def test_what_must_not_or_cannot_be_gone_on_from_is_not_kept(fields: dict[str, Any]) -> None:
    assert request(**fields).record(json.dumps(ANSWER).encode()) is None


@pytest.mark.parametrize("status", ["failed", "cancelled", "queued", "in_progress"])
def test_an_answer_that_is_not_whole_is_not_kept(status: str) -> None:
    assert request().record(json.dumps({**ANSWER, "status": status}).encode()) is None


@pytest.mark.parametrize("name", ["store", "previous_response_id", "conversation", "prompt", "background"])
def test_null_means_the_same_as_nothing(name: str) -> None:
    asked = request(**{name: None})
    assert asked.complete
    assert not asked.background
    assert asked.previous == ""


def test_fallbacks_are_taken_out_and_checked() -> None:
    asked = request(fallbacks=["a", "b"])
    assert asked.fallbacks == ("a", "b")
    assert "fallbacks" not in asked.fields
    for wrong in ("a", [1], ["a"] * 17):
        with pytest.raises(RequestInvalid) as caught:
            request(fallbacks=wrong)
        assert caught.value.param == "fallbacks"


def test_the_whole_answer_of_a_written_stream_is_heard_of_before_its_last_event_is_sent() -> None:
    asked, kept = request(), []
    asked.keep = lambda of, answer: kept.append((of, answer))
    writer = asked.writer("m", "call_1")
    for event in (Began(), BlockBegan(0, Text()), TextMore(0, "hello"), BlockEnded(0), Stopped(stop=Stop.END)):
        writer.write(event)
    assert kept == []
    last = writer.write(Ended())
    ((of, answer),) = kept
    assert of is asked
    assert json.loads(last.partition(b"data: ")[2])["response"] == json.loads(answer)
    assert json.loads(answer)["output"][0]["content"][0]["text"] == "hello"


def test_a_stream_that_broke_is_not_heard_of() -> None:
    asked, kept = request(), []
    asked.keep = lambda of, answer: kept.append(answer)
    writer = asked.writer("m", "call_1")
    for event in (Began(), BlockBegan(0, Text()), TextMore(0, "hello")):
        writer.write(event)
    writer.broken(Failure(Kind.STREAM_CUT, "cut"))
    assert kept == []


def test_a_stream_passes_through_although_we_cannot_read_its_request() -> None:
    """Regression: the request was read for the sake of an error event that was never needed."""
    asked = request(input=[{"type": "brand_new_item"}], stream=True)
    with pytest.raises(RequestInvalid):
        asked.conversation()
    kept: list[bytes] = []
    asked.keep = lambda of, answer: kept.append(answer)
    codec = Passed(Endpoint(RESPONSES, lambda _model, _stream: "", lambda _secret: {}))
    candidate: Any = SimpleNamespace(key=SimpleNamespace(secret=""), model="m")
    call: Any = SimpleNamespace(request=asked, id="call_1", continuation=None)
    reader: Any = codec.reader(call, candidate, {"content-type": "text/event-stream"})
    delta = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"a"}\n\n'
    assert reader.feed(delta) == delta
    assert b'"the answer broke off' in reader.broken(Failure(Kind.STREAM_CUT, "cut"))
    last = b'data: {"type":"response.completed","response":%b}\n\n' % json.dumps(ANSWER).encode()
    assert reader.feed(last) == last
    assert reader.finished
    assert [json.loads(answer) for answer in kept] == [ANSWER]
