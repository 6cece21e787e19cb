"""Groups of tools, as Codex declares those of MCP servers, are plain functions elsewhere and groups again for it."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import responses as sdk

from families.llm.vendor_calls import account_of, call, candidate, sent
from segue.core.errors import RequestInvalid
from segue.core.ports import CannotServe
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.formats.responses.namespaces import FlatNames
from segue.families.llm.ir.conversation import Conversation, FunctionTool, ToolChoice, VendorTool
from segue.families.llm.ir.format import Target
from segue.families.llm.needs import needs_of

SCHEMA = {"type": "object", "properties": {"order_id": {"type": "string"}}}
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")


def function(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "function", "name": name, "description": f"To {name}.", "strict": False, "parameters": SCHEMA, **more,
    }  # fmt: skip


GROUP = {
    "type": "namespace", "name": "mcp__demo__", "description": "Demo tools",
    "tools": [function("lookup_order"), function("cancel")],
}  # fmt: skip
OTHER = {"type": "namespace", "name": "mcp__shop__", "description": "The shop's.", "tools": [function("cancel")]}
PLAIN = function("exec_command")
USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Where is my order?"}]}
CALLED = {
    "type": "function_call", "id": "fc_1", "call_id": "call_1", "namespace": "mcp__demo__", "name": "lookup_order",
    "arguments": '{"order_id":"7"}', "status": "completed",
}  # fmt: skip
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "On its way."}
FLAT = "mcp__demo__lookup_order"


def asked(*items: dict[str, Any], tools: list[Any] | None = None, **more: Any) -> Conversation:
    tools = [PLAIN, GROUP, OTHER] if tools is None else tools
    body = {"model": "m", "input": [USER, *items], "tools": tools, **more}
    return RESPONSES.read_request(json.dumps(body, separators=(",", ":")).encode())


def names(conversation: Conversation) -> list[str]:
    return [tool.name if isinstance(tool, FunctionTool) else tool.type for tool in conversation.tools]


def test_each_tool_of_a_group_becomes_a_function_with_a_name_of_its_own() -> None:
    conversation = asked()
    assert names(conversation) == ["exec_command", FLAT, "mcp__demo__cancel", "mcp__shop__cancel"]
    first, second = conversation.tools[1:3]
    assert isinstance(first, FunctionTool)
    assert isinstance(second, FunctionTool)
    assert first.description == "To lookup_order.\n\nmcp__demo__: Demo tools"
    assert second.description == "To cancel."
    assert json.loads(first.parameters) == SCHEMA
    assert conversation.extra == {}


@pytest.mark.parametrize("adapter", ["anthropic", "gemini", "bedrock", "mistral", "ollama", "together", "cohere"])
def test_vendors_of_every_format_get_plain_functions_and_the_history_with_their_names(adapter: str) -> None:
    more = {"tools": [PLAIN, GROUP], "input": [USER, CALLED, RESULT]}
    request = call("responses", **more)
    body = sent(adapter, request, model="m").body.decode()
    assert "namespace" not in body
    assert body.count(FLAT) == 2 + body.count(
        '"functionResponse"'
    )  # its declaration and its call, and a result that names it
    assert request.request.warnings == {}


def test_openai_gets_the_groups_as_they_came() -> None:
    body = json.loads(sent("openai", call("responses", tools=[PLAIN, GROUP], input=[USER, CALLED, RESULT])).body)
    assert body["tools"] == [PLAIN, GROUP]
    assert body["input"][1] == CALLED


def test_what_is_written_anew_for_openai_has_the_groups_as_they_came() -> None:
    deferred = {**GROUP, "tools": [function("lookup_order", defer_loading=True), function("cancel")]}
    conversation = asked(CALLED, RESULT, tools=[PLAIN, deferred, OTHER])
    written = RESPONSES.write_request(conversation, Target("m", "p"))
    body = json.loads(written.body)
    assert body["tools"] == [PLAIN, deferred, OTHER]
    told = body["input"][1]
    assert (told["namespace"], told["name"]) == ("mcp__demo__", "lookup_order")
    assert written.warnings == []
    assert "tools[1].tools[0].defer_loading" in conversation.extra  # which all others tell as left out


def messages_answer(name: str) -> bytes:
    return json.dumps({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
        "content": [{"type": "tool_use", "id": "toolu_1", "name": name, "input": {"order_id": "7"}}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }).encode()  # fmt: skip


def items_of(name: str) -> list[Any]:
    codec = account_of("anthropic").codecs["chat"]
    request = call("responses", tools=[PLAIN, GROUP, OTHER], input=[USER])
    outcome = codec.decode(request, candidate(), 200, {}, messages_answer(name))
    document = json.loads(outcome.answer)
    sdk.Response.model_validate(document)
    assert document["tools"] == [PLAIN, GROUP, OTHER]
    return document["output"]


def test_a_call_in_a_whole_answer_names_the_group_apart() -> None:
    (item,) = items_of("mcp__shop__cancel")
    assert (item["namespace"], item["name"]) == ("mcp__shop__", "cancel")
    assert item["arguments"] == '{"order_id": "7"}'


def test_a_call_of_a_plain_function_names_none() -> None:
    (item,) = items_of("exec_command")
    assert item["name"] == "exec_command"
    assert "namespace" not in item


def test_a_call_in_a_stream_names_the_group_apart_from_its_first_event_to_its_last() -> None:
    codec = account_of("anthropic").codecs["chat"]
    block = {"type": "tool_use", "id": "toolu_1", "name": FLAT, "input": {}}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "msg_1", "type": "message", "content": [], "usage": {}}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    reader: Any = codec.reader(
        call("responses", tools=[GROUP], input=[USER], stream=True), candidate(), {"content-type": "text/event-stream"}
    )
    out = reader.feed(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)) + reader.end()
    told = [json.loads(line[6:]) for line in out.splitlines() if line.startswith(b"data: ")]
    items = [event["item"] for event in told if "item" in event] + told[-1]["response"]["output"]
    assert len(items) == 3
    assert {(item["namespace"], item["name"]) for item in items} == {("mcp__demo__", "lookup_order")}
    done = next(event for event in told if event["type"] == "response.function_call_arguments.done")
    assert done["name"] == "lookup_order"
    assert FLAT not in out.decode()


def test_an_answer_of_openais_that_is_written_anew_keeps_its_groups() -> None:
    document = {"id": "resp_1", "status": "completed", "model": "m", "output": [CALLED]}
    answer = RESPONSES.read_answer(json.dumps(document).encode())
    assert [(block.namespace, block.name) for block in answer.content] == [("mcp__demo__", "lookup_order")]  # type: ignore[union-attr]


def test_a_conversation_goes_round_and_its_calls_find_their_tools_again() -> None:
    (item,) = items_of(FLAT)
    conversation = asked(item, {**RESULT, "call_id": item["call_id"]})
    blocks = [block for message in conversation.messages for block in message.content]
    assert [block.name for block in blocks if hasattr(block, "arguments")] == [FLAT]


def test_a_call_whose_group_is_not_declared_any_more_has_a_name_all_the_same() -> None:
    conversation = asked(CALLED, RESULT, tools=[PLAIN])
    assert FLAT in MESSAGES.write_request(conversation, Target("m", max_output=100)).body.decode()
    told = json.loads(RESPONSES.write_request(conversation, Target("m")).body)["input"][1]
    assert (told["namespace"], told["name"]) == ("mcp__demo__", "lookup_order")


@pytest.mark.parametrize(
    ("choice", "meant"),
    [
        ({"type": "function", "name": "lookup_order"}, ToolChoice("required", (FLAT,))),
        ({"type": "function", "name": "exec_command"}, ToolChoice("required", ("exec_command",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "namespace", "name": "mcp__demo__"}]},
            ToolChoice("auto", (FLAT, "mcp__demo__cancel")),
        ),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "lookup_order"}]},
            ToolChoice("auto", (FLAT,)),
        ),
    ],
)
def test_a_choice_means_the_tool_by_the_name_that_it_was_given(choice: dict[str, Any], meant: ToolChoice) -> None:
    assert asked(tool_choice=choice).tool_choice == meant


def test_a_choice_goes_to_openai_by_the_tools_own_name() -> None:
    conversation = asked(tool_choice={"type": "function", "name": "lookup_order"})
    told = json.loads(RESPONSES.write_request(conversation, Target("m")).body)
    assert told["tool_choice"] == {"type": "function", "name": "lookup_order"}


def test_a_group_with_a_custom_tool_stays_openais_own() -> None:
    mixed = {**GROUP, "tools": [*GROUP["tools"], {"type": "custom", "name": "exec"}]}
    conversation = asked(tools=[mixed])
    (tool,) = conversation.tools
    assert isinstance(tool, VendorTool)
    assert json.loads(tool.raw) == mixed
    with pytest.raises(CannotServe):
        sent("anthropic", call("responses", tools=[mixed], input=[USER]))


def test_a_description_that_is_too_long_for_a_tool_is_told_and_not_cut() -> None:
    conversation = asked(tools=[{**GROUP, "description": "x" * 1024}])
    assert set(conversation.extra) == {"tools[0].description"}
    assert conversation.tools[0].description == "To lookup_order."  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("group", "param"),
    [
        ({"type": "namespace", "tools": []}, "tools[0].name"),
        ({"type": "namespace", "name": "a"}, "tools[0].tools"),
        ({"type": "namespace", "name": "a", "tools": [{"type": "function"}]}, "tools[0].tools[0].name"),
    ],
)
def test_what_is_wrong_with_a_group_is_named_by_its_place(group: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        asked(tools=[group])
    assert refused.value.param == param


def test_a_plain_function_keeps_its_name_whatever_the_groups_are_called() -> None:
    taken = function(FLAT)
    for tools in ([taken, GROUP], [GROUP, taken]):
        conversation = asked(tools=tools)
        assert len(set(names(conversation))) == 3
        assert FLAT in names(conversation)
        assert conversation.namespaces is not None
        assert FLAT not in conversation.namespaces.names


text = st.text(alphabet="ab_-.é/ ", min_size=1, max_size=80)


@given(st.lists(st.tuples(text, text), max_size=12, unique=True), st.lists(text, max_size=4))
def test_names_are_everybodys_unique_and_mean_one_tool(tools: list[tuple[str, str]], plain: list[str]) -> None:
    flat = FlatNames(plain)
    made = [flat.name(*tool) for tool in tools]
    assert len(set(made)) == len(made)
    assert not set(made) & set(plain)
    assert all(NAME.fullmatch(name) for name in made)
    assert [flat.found.names[name] for name in made] == tools
    assert made == [flat.name(*tool) for tool in tools]


def test_the_same_tools_get_the_same_names_in_another_order() -> None:
    tools = [("mcp__a", "x y"), ("b", "z"), ("c" * 70, "d")]
    forth, back = FlatNames(), FlatNames()
    assert [forth.name(*one) for one in tools] == [back.name(*one) for one in reversed(tools)][::-1]


def test_groups_need_tools_and_somebody_who_knows_them_or_does_not_speak_responses() -> None:
    request = call("responses", tools=[GROUP], input=[USER]).request
    needs, _ = needs_of("responses", request.fields)
    assert needs == {"tools", "openai:namespace"}
    for adapter, model in (("openai", "m"), ("anthropic", "m"), ("gemini", "m"), ("together", "m"), ("bedrock", "m")):
        assert account_of(adapter).codecs["chat"].carries("openai:namespace", model), adapter
    assert not account_of("perplexity").codecs["chat"].carries("openai:namespace", "m")


def test_geminis_first_character_is_no_digit() -> None:
    conversation = asked(tools=[{**GROUP, "name": "3d"}])
    declared = json.loads(GEMINI.write_request(conversation, Target("gemini-2.5-flash")).body)["tools"]
    assert all(NAME.fullmatch(one["name"]) for one in declared[0]["functionDeclarations"])
