"""A usual request is read in one step, one with something unusual piece by piece: both come to the same."""

import json
from typing import Any

import pytest

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.converse.format import CONVERSE
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.ollama.format import OLLAMA
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.formats.turns import Turns
from segue.families.llm.formats.yandex.format import YANDEX
from segue.families.llm.ir.blocks import Content, Text, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool, Message, Sampling
from segue.families.llm.ir.format import Target

SCHEMA = b'{ "type" : "object", "properties" : { "city" : { "type" : "string" } } }'
CLIENTS = [CHAT, RESPONSES, MESSAGES, GEMINI]
PROVIDERS = [CHAT, RESPONSES, MESSAGES, GEMINI, CONVERSE, YANDEX, OLLAMA]


COMPACT = b'{"type":"object","properties":{"city":{"type":"string"}}}'


def asked(schema: bytes = COMPACT) -> Conversation:
    return Conversation(
        model="m",
        system=[Text("Be brief.")],
        messages=[
            Message("user", [Text("What is the weather in Łódź?")]),
            Message("assistant", [Text("Let me look."), ToolUse("call_1", "weather", '{"city":"Łódź"}')]),
            Message("user", [ToolResult("call_1", (Text("Sunny."),))]),
            Message("assistant", [Text("It is sunny.")]),
            Message("user", [Text("And tomorrow?")]),
        ],
        tools=[FunctionTool("weather", "Of a city.", schema)],
        sampling=Sampling(temperature=0.5, top_p=0.25),
        max_tokens=500,
    )


def read(client: Any, body: bytes) -> Conversation:
    return client.read_request(body, model="m", stream=False)


def ids(formats: Any) -> Any:
    return pytest.mark.parametrize("client", formats, ids=[one.id for one in formats])


@ids(CLIENTS)
def test_a_field_that_nobody_knows_changes_nothing_of_what_else_is_read(client: Any) -> None:
    body = client.write_request(asked(), Target("m")).body
    usual = read(client, body)
    unusual = read(client, body[:-1] + b',"something_new":[1]}')
    assert bytes(unusual.extra.pop("somethingNew" if client is GEMINI else "something_new")) == b"[1]"
    assert unusual == usual


def test_what_only_anthropic_knows_inside_of_a_turn_changes_nothing_of_the_others() -> None:
    document = json.loads(MESSAGES.write_request(asked(), Target("m")).body)
    usual = read(MESSAGES, json.dumps(document).encode())
    document["messages"].append({"role": "assistant", "content": [{"type": "compaction", "content": "short"}]})
    unusual = read(MESSAGES, json.dumps(document).encode())
    unusual.messages.pop()
    assert unusual == usual


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"role": "user", "content": [{"type": "text", "text": ""}]}, "messages.5.content.0.text"),
        ({"role": "user", "content": []}, "messages.5"),
        ({"role": "nobody", "content": "x"}, "messages.5.role"),
        (
            {"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "b", "input": {}}]},
            "messages.5.content.0",
        ),
        ({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "z"}]}, "messages.5.content.0."),
    ],
)
def test_whatever_is_wrong_with_a_usual_request_is_named_by_its_place(wrong: dict[str, Any], place: str) -> None:
    document = json.loads(MESSAGES.write_request(asked(), Target("m")).body)
    document["messages"].append(wrong)
    with pytest.raises(RequestInvalid) as refused:
        read(MESSAGES, json.dumps(document).encode())
    assert (refused.value.param or "").startswith(place)


@ids(CLIENTS)
@pytest.mark.parametrize("provider", PROVIDERS, ids=[one.id for one in PROVIDERS])
def test_the_schema_of_a_tool_goes_on_as_the_bytes_that_it_is(client: Any, provider: Any) -> None:
    conversation = read(client, client.write_request(asked(SCHEMA), Target("m")).body)
    assert SCHEMA in provider.write_request(conversation, Target("m")).body


def turns_of(*contents: list[Content], alternate: bool = True) -> tuple[list[Any], list[str]]:
    warnings: list[str] = []
    messages = [Message("assistant" if number % 2 else "user", content) for number, content in enumerate(contents)]
    return Turns(Conversation(messages=messages), warnings, alternate=alternate).turns, warnings


@pytest.mark.parametrize("alternate", [True, False])
def test_results_that_stand_in_their_places_are_left_there(alternate: bool) -> None:
    calls: list[Content] = [ToolUse("a", "weather"), ToolUse("b", "clock")]
    results: list[Content] = [ToolResult("a"), ToolResult("b")]
    turns, warnings = turns_of([Text("x")], calls, results, [Text("y")], alternate=alternate)
    assert turns == [("user", [Text("x")]), ("assistant", calls), ("user", results), ("assistant", [Text("y")])]
    assert warnings == []


def test_results_in_another_order_are_put_behind_their_calls() -> None:
    turns, warnings = turns_of(
        [Text("x")], [ToolUse("a", "weather"), ToolUse("b", "clock")], [Text("z"), ToolResult("b"), ToolResult("a")]
    )
    assert turns[2] == ("user", [ToolResult("a"), ToolResult("b"), Text("z")])
    assert warnings == []


def test_a_result_that_nobody_asked_for_is_plain_text_even_beside_others() -> None:
    turns, warnings = turns_of([Text("x")], [ToolUse("a", "weather")], [ToolResult("a"), ToolResult("q", (Text("t"),))])
    assert turns[2] == ("user", [ToolResult("a"), Text("t")])
    assert warnings == ["results of tools that nobody called became plain text"]


def test_writing_leaves_the_conversation_as_it_is() -> None:
    conversation, before = asked(), asked()
    for provider in PROVIDERS:
        provider.write_request(conversation, Target("m"))
        assert conversation == before
