"""A client begins the answer itself, and Mistral is told so and does not repeat the beginning."""

import json
from typing import Any

import pytest

from families.llm.vendor_calls import USER, account_of, call, candidate, sent
from segue.core.failure import Failure, Kind
from segue.families.llm.echo import EchoWriter, beginning_of, take_off
from segue.families.llm.ir.answer import (
    Answer,
    BlockBegan,
    BlockEnded,
    Event,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Text, Thinking, ToolUse
from segue.families.llm.ir.conversation import Conversation, Message

BEGUN = [*USER, {"role": "assistant", "content": "Once upon"}]
EVENTS = {"content-type": "text/event-stream"}


def last(adapter: str, client: str = "messages", **fields: Any) -> dict[str, Any]:
    body = json.loads(sent(adapter, call(client, **fields)).body)
    message: dict[str, Any] = body["messages"][-1]
    return message


def test_a_last_turn_of_the_assistants_is_marked_for_mistral() -> None:
    assert last("mistral", messages=BEGUN) == {"role": "assistant", "content": "Once upon", "prefix": True}


def test_so_is_one_of_geminis() -> None:
    contents = [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": [{"text": "Once upon"}]}]
    assert last("mistral", "gemini", contents=contents)["prefix"] is True


def test_earlier_turns_and_other_vendors_get_no_mark() -> None:
    assert "prefix" not in last("mistral", messages=[*BEGUN, *USER])
    assert "prefix" not in last("deepseek", messages=BEGUN)
    assert "prefix" not in last("together", messages=BEGUN)
    assert sent("deepseek", call("messages", messages=BEGUN)).url.endswith("/v1/chat/completions")


def test_a_call_of_a_tool_at_the_end_is_no_beginning_of_an_answer() -> None:
    called = [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]
    turns = [*USER, {"role": "assistant", "content": called}, {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"},
    ]}]  # fmt: skip
    assert "prefix" not in last("mistral", messages=turns)
    conversation = Conversation(messages=[Message("assistant", [Text("x"), ToolUse("1", "f")])])
    assert beginning_of(conversation) == ""


def test_a_whole_answer_comes_without_the_beginning() -> None:
    codec = account_of("mistral").codecs["chat"]
    message = {"role": "assistant", "content": "Once upon a time"}
    body = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}).encode()
    outcome = codec.decode(call("messages", messages=BEGUN), candidate(), 200, {}, body)
    assert json.loads(outcome.answer)["content"][0]["text"] == " a time"
    outcome = codec.decode(call("messages", messages=USER), candidate(), 200, {}, body)
    assert json.loads(outcome.answer)["content"][0]["text"] == "Once upon a time"


@pytest.mark.parametrize("pieces", [["Once upon a time"], ["Once", " upon", " a time"], list("Once upon a time")])
def test_a_stream_comes_without_the_beginning(pieces: list[str]) -> None:
    codec = account_of("mistral").codecs["chat"]
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    reader: Any = codec.reader(call("messages", messages=BEGUN, stream=True), candidate(), EVENTS)
    out = reader.feed(b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks))
    out += reader.feed(b"data: [DONE]\n\n") + reader.end()
    told = [json.loads(line[6:]) for line in out.splitlines() if line.startswith(b"data: ")]
    texts = [event["delta"].get("text", "") for event in told if event["type"] == "content_block_delta"]
    assert "".join(texts) == " a time"
    assert told[-1]["type"] == "message_stop"


class Gathering:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def write(self, event: Event) -> bytes:
        self.events.append(event)
        return b"x"

    def broken(self, failure: Failure) -> bytes:
        return failure.message.encode()

    @property
    def text(self) -> str:
        begun = [
            event.block.text for event in self.events if isinstance(event, BlockBegan) and type(event.block) is Text
        ]
        return "".join([*begun, *(event.text for event in self.events if isinstance(event, TextMore))])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Once upon a time", " a time"),
        ("Once there was", "Once there was"),
        ("Once", "Once"),
        ("", ""),
        ("Once upon", ""),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_only_what_was_given_is_taken_off(said: str, told: str, size: int) -> None:
    inner = Gathering()
    writer = EchoWriter(inner, "Once upon")
    writer.write(BlockBegan(0, Thinking()))
    writer.write(ThinkingMore(0, "Once upon"))
    writer.write(BlockEnded(0))
    writer.write(BlockBegan(1, Text()))
    for at in range(0, len(said), size):
        writer.write(TextMore(1, said[at : at + size]))
    writer.write(BlockEnded(1))
    writer.write(BlockBegan(2, Text("Once upon")))
    writer.write(Stopped(Stop.END))
    assert inner.text in {told + "Once upon", "Once upon" + told}
    assert isinstance(inner.events[-1], Stopped)


def test_an_answer_without_a_text_stays_as_it_is() -> None:
    answer = Answer(content=[Thinking("Once upon")])
    take_off(answer, "Once upon")
    assert answer.content == [Thinking("Once upon")]
    writer = EchoWriter(Gathering(), "Once upon")
    assert writer.write(Stopped(Stop.TOOLS)) == b"x"
    assert writer.broken(Failure(Kind.SERVER_ERROR, "broke")) == b"broke"
