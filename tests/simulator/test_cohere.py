"""Cohere's second interface, by plain HTTP."""

import json

import pytest

HEADERS = {"Authorization": "Bearer key"}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def body(text: str = "hello", **more) -> dict:
    return {"model": "command-a-03-2025", "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture
def call(web):
    """Post to one path and return status and answer."""

    async def run(document: dict, path: str = "chat") -> tuple[int, dict]:
        async with web.post(f"/cohere/v2/{path}", json=document, headers=HEADERS) as answer:
            return answer.status, await answer.json()

    return run


@pytest.fixture
def stream(web):
    """All events of a stream, whose names are those of their data."""

    async def run(document: dict) -> list[dict]:
        async with web.post("/cohere/v2/chat", json=document | {"stream": True}, headers=HEADERS) as answer:
            blocks = (await answer.text()).strip().split("\n\n")
        pairs = [block.removeprefix("event: ").split("\ndata: ") for block in blocks]
        events = [json.loads(data) for _, data in pairs]
        assert [name for name, _ in pairs] == [event["type"] for event in events]
        return events

    return run


async def test_a_question_is_answered_in_both_forms(call, stream):
    """The same text, reason and usage."""
    _, whole = await call(body("in 3 words"))
    events = await stream(body("in 3 words"))
    assert [event["type"] for event in events] == [
        "message-start",
        "content-start",
        *["content-delta"] * 3,
        "content-end",
        "message-end",
    ]
    texts = [event["delta"]["message"]["content"]["text"] for event in events if event["type"] == "content-delta"]
    assert "".join(texts) == whole["message"]["content"][0]["text"]
    assert events[-1]["delta"] == {"finish_reason": "COMPLETE", "usage": whole["usage"]}
    assert whole["usage"]["tokens"]["output_tokens"] == 3


async def test_a_tool_is_called_and_its_result_is_understood(call, stream):
    """With a plan before the calls, whose arguments are text."""
    _, called = await call(body("use the tool", tools=[TOOL]))
    assert called["finish_reason"] == "TOOL_CALL"
    one = called["message"]["tool_calls"][0]
    assert json.loads(one["function"]["arguments"]) == {"city": "text"}
    events = await stream(body("use the tool", tools=[TOOL]))
    pieces = [
        event["delta"]["message"]["tool_calls"]["function"]["arguments"]
        for event in events
        if event["type"] in {"tool-call-start", "tool-call-delta"}
    ]
    assert "".join(pieces) == one["function"]["arguments"]
    result = {"role": "tool", "tool_call_id": one["id"], "content": "18 degrees"}
    messages = [*body("use the tool")["messages"], called["message"], result]
    _, answered = await call(body(tools=[TOOL]) | {"messages": messages})
    assert "tool results: 18 degrees" in answered["message"]["content"][0]["text"]
    assert (await call(body(tools=[TOOL]) | {"messages": messages[:2]}))[0] == 400


async def test_thoughts_are_content(call, stream):
    """Of a type of their own, before the text."""
    _, answer = await call(body(thinking={"type": "enabled"}))
    assert [part["type"] for part in answer["message"]["content"]] == ["thinking", "text"]
    kinds = [
        event["delta"]["message"]["content"]["type"]
        for event in await stream(body(thinking={"type": "enabled"}))
        if event["type"] == "content-start"
    ]
    assert kinds == ["thinking", "text"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"colour": "red"}, 400),
        ({"messages": []}, 400),
        ({"messages": [{"role": "user"}]}, 400),
        ({"tool_choice": "auto"}, 400),
        ({"p": 1.0}, 400),
        ({"model": "missing-model"}, 404),
    ],
)
async def test_a_wrong_request_is_refused(call, change, status):
    """With a message and nothing else."""
    found, answer = await call(body() | change)
    assert found == status
    assert list(answer) == ["message"]


async def test_texts_are_embedded_in_several_forms(call):
    """By type; the kind of input is required."""
    asked = {"model": "embed-v4.0", "input_type": "search_query", "texts": ["a b", "c"], "output_dimension": 256}
    _, answer = await call(asked | {"embedding_types": ["float", "ubinary"]}, "embed")
    assert [len(vector) for vector in answer["embeddings"]["float"]] == [256, 256]
    assert len(answer["embeddings"]["ubinary"][0]) == 32
    assert answer["meta"]["billed_units"] == {"input_tokens": 3}
    assert (await call({"model": "embed-v4.0", "texts": ["a"]}, "embed"))[0] == 400


async def test_an_error_inside_a_stream_ends_the_message(sim, stream):
    """With the reason `ERROR`."""
    sim.fault("cohere", "error_event", after=1, message="no more")
    last = (await stream(body("in 4 words")))[-1]
    assert last == {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "no more"}}
