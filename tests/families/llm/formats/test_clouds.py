"""Messages in the clouds' envelopes: taken off, and put around streams."""

import base64
import json
import random
from typing import Any

import pytest

from families.llm.formats.messages_support import STREAMS
from fuzzing.mutations import cut_up
from segue.core.errors import RequestInvalid
from segue.families.llm.formats.eventstream import FrameSplitter
from segue.families.llm.formats.messages.clouds import MAX_BETAS, Frames, plain_request
from segue.families.llm.other.cloud_counts import count_for_bedrock, count_for_vertex

HELLO = [{"role": "user", "content": "hi"}]
BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 5, "messages": HELLO}


def asked(body: Any, *, stream: bool = False) -> Any:
    return plain_request(json.dumps(body).encode(), "m/1", stream=stream)


def test_the_url_says_the_model_and_whether_it_streams() -> None:
    request = asked(BODY | {"model": "other", "stream": True})
    assert (request.model, request.stream) == ("m/1", False)
    assert json.loads(request.body("upstream", ask_usage=False)) == {
        "max_tokens": 5, "messages": HELLO, "model": "upstream",
    }  # fmt: skip
    assert json.loads(asked(BODY, stream=True).body("upstream", ask_usage=False))["stream"] is True


def test_beta_features_become_a_header_and_part_of_the_conversation() -> None:
    request = asked(BODY | {"anthropic_beta": ["a-1", "b_2"]})
    assert request.headers == {"anthropic-beta": "a-1,b_2"}
    assert request.conversation().betas == ["a-1", "b_2"]
    assert asked(BODY).conversation().betas == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_tokens": 5, "messages": HELLO}, "anthropic_version"),
        (BODY | {"anthropic_version": None}, "anthropic_version"),
        (BODY | {"anthropic_beta": "a"}, "anthropic_beta"),
        (BODY | {"anthropic_beta": [""]}, "anthropic_beta"),
        (BODY | {"anthropic_beta": ["a, b"]}, "anthropic_beta"),
        (BODY | {"anthropic_beta": ["a"] * (MAX_BETAS + 1)}, "anthropic_beta"),
    ],
)
def test_what_is_no_request_for_claude_is_refused_by_its_field(body: Any, field: str) -> None:
    with pytest.raises(RequestInvalid) as raised:
        asked(body)
    assert raised.value.param == field


@pytest.mark.parametrize("name", STREAMS)
def test_each_event_of_a_stream_becomes_one_frame(name: str) -> None:
    stream = STREAMS[name]
    framed = Frames()(stream)
    frames = FrameSplitter().feed(framed)
    assert all(frame.headers[":event-type"] == "chunk" for frame in frames)
    events = [json.loads(base64.b64decode(json.loads(frame.payload)["bytes"])) for frame in frames]
    data = [line[5:].strip() for line in stream.decode().splitlines() if line.startswith("data:")]
    expected = [json.loads(one) for one in data]
    for event in events:
        event.pop("amazon-bedrock-invocationMetrics", None)
    assert events == expected
    dice = random.Random(3)
    for _ in range(20):
        again = Frames()
        assert b"".join(again(piece) for piece in cut_up(stream, dice)) == framed


def test_a_count_of_bedrocks_leaves_out_what_is_not_counted() -> None:
    body = base64.b64encode(json.dumps(BODY | {"temperature": 1}).encode()).decode()
    task = count_for_bedrock(json.dumps({"input": {"invokeModel": {"body": body}}}).encode(), "m")
    assert task.asked.fields.keys() == {"messages", "model"}
    assert task.conversation().messages
    assert task.write(7) == b'{"inputTokens":7}'
    spoken = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    task = count_for_bedrock(json.dumps({"input": {"converse": spoken}}).encode(), "m")
    assert (task.model, task.write(7)) == ("m", b'{"inputTokens":7}')
    assert task.conversation() is task.conversation()


def test_a_count_of_vertexs_names_its_model_in_the_body() -> None:
    body = {"anthropic_version": "vertex-2023-10-16", "model": "claude", "messages": HELLO}
    task = count_for_vertex(json.dumps(body).encode())
    assert (task.model, task.write(7)) == ("claude", b'{"input_tokens":7}')


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "input"),
        ({"input": {"converse": {}, "invokeModel": {}}}, "input"),
        ({"input": {"converse": []}}, "input.converse"),
        ({"input": {"invokeModel": {"body": 5}}}, "input.invokeModel.body"),
        ({"input": {"invokeModel": {}}}, "input.invokeModel.body"),
        ({"input": {"invokeModel": {"body": "e30="}}}, "anthropic_version"),
    ],
)
def test_a_count_of_nothing_is_refused_by_its_field(given: Any, field: str) -> None:
    with pytest.raises(RequestInvalid) as raised:
        count_for_bedrock(json.dumps(given).encode(), "m")
    assert raised.value.param == field
