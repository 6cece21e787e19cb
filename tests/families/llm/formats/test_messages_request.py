"""Requests in Anthropic's Messages: read from clients, written for providers, and back again."""

from typing import Any

import msgspec
import pytest
from anthropic.types import MessageCreateParams
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from families.llm.formats.messages_support import body, read, written
from segue.core.errors import RequestInvalid
from segue.core.ports import CannotServe
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.messages.wire import JSON_TOOL
from segue.families.llm.ir.blocks import (
    CacheMark,
    Media,
    Refusal,
    ServerItem,
    Signature,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from segue.families.llm.ir.conversation import (
    Conversation,
    FunctionTool,
    Message,
    Output,
    Reasoning,
    Sampling,
    ToolChoice,
    VendorTool,
)
from segue.families.llm.ir.losses import check
from segue.families.llm.ir.used import used

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "weather", "description": "Of a city.", "input_schema": SCHEMA}
HI = {"role": "user", "content": "Hi"}
_params: TypeAdapter[MessageCreateParams] = TypeAdapter(MessageCreateParams)


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def plain(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def use(call_id: str, **fields: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "weather", "input": {"city": "Bern"}, **fields}


def result(call_id: str, content: Any = "sunny", **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **fields}


EVERYTHING: dict[str, Any] = {
    "model": "claude-opus-5",
    "max_tokens": 4000,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [
        user(
            plain("Look:"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}},
            {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
                "title": "Plan",
                "context": "Of the house.",
                "citations": {"enabled": True},
                "cache_control": {"type": "ephemeral"},
            },
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
            {"type": "document", "source": {"type": "content", "content": [plain("a"), plain("b")]}},
            {"type": "search_result", "source": "https://x.org", "title": "X", "content": [plain("x")]},
        ),
        assistant(
            {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCgIY"},
            {"type": "redacted_thinking", "data": "EmwKAhgB"},
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
            plain("I'll look."),
            use("toolu_1"),
            use("toolu_2", cache_control={"type": "ephemeral", "ttl": "5m"}),
        ),
        user(
            result("toolu_2", [plain("rain"), {"type": "image", "source": {"type": "url", "url": "https://x.org/i"}}]),
            result("toolu_1", "no such city", is_error=True),
            plain("And now?"),
        ),
    ],
    "tools": [
        {**TOOL, "strict": False, "cache_control": {"type": "ephemeral"}, "defer_loading": False},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
    ],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 2000, "display": "summarized"},
    "output_config": {
        "effort": "high",
        "format": {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": False}},
        "task_budget": {"type": "tokens", "total": 20000},
    },
    "stop_sequences": ["END"],
    "stream": True,
    "metadata": {"user_id": "u-1"},
    "service_tier": "standard_only",
    "container": {"id": "container_1"},
    "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    "mcp_servers": [{"type": "url", "url": "https://mcp.example.org", "name": "m"}],
    "inference_geo": "eu",
}


def test_everything_that_a_client_may_say_reaches_anthropic_as_it_was() -> None:
    conversation = MESSAGES.read_request(msgspec.json.encode(EVERYTHING))
    sent = body(conversation)
    expected = {**EVERYTHING, "model": "claude-x"}
    assert sent == expected
    assert MESSAGES.read_request(msgspec.json.encode({**sent, "model": "claude-opus-5"})) == conversation


def test_a_request_on_its_way_home_loses_nothing_and_elsewhere_is_refused() -> None:
    uses = used(MESSAGES.read_request(msgspec.json.encode({**EVERYTHING, "inference_geo": None})))
    kept = {key: detail for key, detail in uses.items() if key[0] != "unknown_fields"}
    assert check(kept, MESSAGES.losses, "anthropic", "Anthropic", MESSAGES.names) == []
    with pytest.raises(CannotServe, match=r"OpenAI cannot express 'messages\.content' \(anthropic server_tool_use\)"):
        check(kept, MESSAGES.losses, "openai", "OpenAI", MESSAGES.names)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"model": ""}, "model"),
    ({"max_tokens": None}, "max_tokens"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": "9"}, "max_tokens"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": ""}]}, "messages.0"),
    ({"messages": [{"role": "user", "content": []}]}, "messages.0"),
    ({"messages": [HI, {**HI, "name": "Eve"}]}, "messages.1.name"),
    ({"messages": [user(plain(""))]}, "messages.0.content.0.text"),
    ({"messages": [user({"type": "hologram"})]}, "messages.0.content.0.type"),
    ({"messages": [user({"text": "x"})]}, "messages.0.content.0.type"),
    ({"messages": [user({"type": "text", "text": 1})]}, "messages.0.content.0.text"),
    ({"messages": [user(use("a"))]}, "messages.0.content.0"),
    ({"messages": [HI, assistant(result("a"))]}, "messages.1.content.0"),
    ({"messages": [HI, assistant(use("a", input=[]))]}, "messages.1.content.0.tool_use.input"),
    ({"messages": [user({"type": "image", "source": {"type": "path"}})]}, "messages.0.content.0.source.type"),
    (
        {"messages": [user({"type": "image", "source": {"type": "base64", "media_type": "image/bmp", "data": "x"}})]},
        "messages.0.content.0.image.source.base64.media_type",
    ),
    ({"messages": [user(result("a", [use("b")]))]}, "messages.0.content.0.tool_result.content.0.type"),
    ({"messages": [user(result("a", [plain(""), use("b")]))]}, "messages.0.content.0.tool_result.content.0.text"),
    ({"messages": [HI, assistant(use("a")), HI]}, "messages.1"),
    ({"messages": [HI, assistant(use("a"), use("a"))]}, "messages.1.content.1.tool_use.id"),
    ({"messages": [user(result("a"))]}, "messages.0.content.0.tool_result.tool_use_id"),
    (
        {"messages": [HI, assistant(use("a")), user(result("a"), result("a"))]},
        "messages.2.content.1.tool_result.tool_use_id",
    ),
    (
        {"messages": [HI, assistant(use("a")), user(result("a")), assistant(plain("b")), user(result("a"))]},
        "messages.4.content.0.tool_result.tool_use_id",
    ),
    ({"temperature": 1.5}, "temperature"),
    ({"top_p": -1}, "top_p"),
    ({"top_k": -1}, "top_k"),
    ({"service_tier": "gold"}, "service_tier"),
    ({"tools": [{"name": "f"}]}, "tools.0.input_schema"),
    ({"tools": [{"input_schema": {}}]}, "tools.0.name"),
    ({"tools": [TOOL, TOOL]}, "tools"),
    ({"tool_choice": {"type": "required"}}, "tool_choice.type"),
    ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ({"thinking": {"type": "on"}}, "thinking.type"),
    ({"thinking": {"type": "enabled"}}, "thinking.enabled.budget_tokens"),
    ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "thinking.enabled.budget_tokens"),
    ({"thinking": {"type": "adaptive", "display": "all"}}, "thinking.display"),
    ({"output_config": {"effort": "huge"}}, "output_config.effort"),
    ({"output_config": {"format": {"type": "json_object"}}}, "output_config.format.type"),
    ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
    ({"metadata": {"trace": "1"}}, "metadata.trace"),
    ({"system": [{"type": "image"}]}, "system.0.type"),
    ({"stop_sequences": [1]}, "stop_sequences.0"),
]


@pytest.mark.parametrize(("change", "param"), BAD, ids=[param for _, param in BAD])
def test_what_anthropic_refuses_is_refused_with_the_path_of_the_field(change: dict[str, Any], param: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        read(**change)
    assert caught.value.param == param
    assert caught.value.message.startswith(f"{param}: ")


@pytest.mark.parametrize("raw", [b"", b"[]", b"nope", b'{"a":\xff}', b"[" * 100_000, b'{"messages":' + b"[" * 100_000])
def test_what_is_no_request_at_all_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestInvalid):
        MESSAGES.read_request(raw)


def test_counting_tokens_needs_no_limit_of_the_answer() -> None:
    raw = msgspec.json.encode({"model": "m", "messages": [HI]})
    assert MESSAGES.read_count_request(raw).max_tokens is None
    with pytest.raises(RequestInvalid):
        MESSAGES.read_request(raw)


def test_new_fields_inside_of_a_block_are_kept_and_bound_to_anthropic() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://x.org"}, "transformations": {"oversized": "a"}}
    conversation = read(messages=[user(image, result("toolu_1", [{"type": "tool_reference", "tool_name": "f"}]))])
    first, second = conversation.messages[0].content
    assert isinstance(first, ServerItem)
    assert isinstance(second, ServerItem)
    assert body(conversation)["messages"][0]["content"][0] == image


def test_results_may_come_in_another_order_and_in_several_messages() -> None:
    messages = [HI, assistant(use("a"), use("b")), user(result("b")), user(result("a"), plain("c"))]
    assert len(read(messages=messages).messages) == 4


def test_a_last_turn_with_calls_waits_for_nobody() -> None:
    assert read(messages=[HI, assistant(use("a"))]).messages[1].role == "assistant"


def test_a_caller_that_is_the_model_itself_is_no_matter_of_anthropics() -> None:
    blocks = read(messages=[HI, assistant(use("a", caller={"type": "direct"}))]).messages[1].content
    assert blocks == [ToolUse("a", "weather", '{"city":"Bern"}')]


# From other formats to Anthropic.


def ask(*messages: Message, **fields: Any) -> Conversation:
    return Conversation(messages=list(messages) or [Message("user", [Text("Hi")])], **fields)


def turns(*messages: Message, flags: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = body(ask(*messages), *flags)["messages"]
    return sent


def warned(conversation: Conversation, word: str, *flags: str) -> bool:
    return any(word in warning for warning in written(conversation, *flags).warnings)


def test_a_limit_of_the_answer_is_made_up_where_there_is_none() -> None:
    assert body(ask())["max_tokens"] == 8192
    known = written(ask(), max_output=64_000)
    assert msgspec.json.decode(known.body)["max_tokens"] == 64000


def test_neighbours_of_one_role_are_joined_and_results_come_first() -> None:
    sent = turns(
        Message("user", [Text("a")]),
        Message("assistant", [ToolUse("1", "f"), ToolUse("2", "f")]),
        Message("user", [Text("meanwhile")]),
        Message("user", [ToolResult("2", (Text("two"),))]),
        Message("user", [ToolResult("1", (Text("one"),))]),
    )
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert [(item["type"], item.get("tool_use_id"), item.get("content")) for item in sent[2]["content"]] == [
        ("tool_result", "2", "two"),
        ("tool_result", "1", "one"),
        ("text", None, None),
    ]


def test_names_of_calls_that_anthropic_refuses_are_changed_alike_for_call_and_result() -> None:
    sent = turns(
        Message("user", [Text("a")]),
        Message("assistant", [ToolUse("call:1/x", "f")]),
        Message("user", [ToolResult("call:1/x")]),
    )
    assert sent[1]["content"][0]["id"] == sent[2]["content"][0]["tool_use_id"] != "call:1/x"


def test_empty_texts_are_left_out_and_turns_of_nothing_else_too() -> None:
    sent = turns(
        Message("user", [Text("a"), Text(" \n")]), Message("assistant", [Text("")]), Message("user", [Text("b")])
    )
    assert sent == [{"role": "user", "content": [plain("a"), plain("b")]}]


def test_a_conversation_that_begins_with_the_assistant_gets_a_turn_before_it_and_a_warning() -> None:
    conversation = ask(Message("assistant", [Text("Hello")]), Message("user", [Text("Hi")]))
    assert [message["role"] for message in body(conversation)["messages"]] == ["user", "assistant", "user"]
    assert warned(conversation, "began")


def test_a_beginning_of_the_answer_must_not_end_in_white_space() -> None:
    conversation = ask(Message("user", [Text("Hi")]), Message("assistant", [Text("The answer is ")]))
    assert body(conversation)["messages"][1]["content"] == [plain("The answer is")]
    assert warned(conversation, "white space")
    with pytest.raises(CannotServe, match="prefill"):
        written(conversation, "no_prefill")


def test_an_instruction_in_the_middle_is_written_where_the_model_knows_it_and_else_joins_the_user() -> None:
    conversation = ask(Message("user", [Text("a")]), Message("system", [Text("b")]), Message("assistant", [Text("c")]))
    assert [message["role"] for message in body(conversation, "system_inside")["messages"]] == [
        "user",
        "system",
        "assistant",
    ]
    assert body(conversation)["messages"][0]["content"] == [plain("a"), plain("b")]
    assert warned(conversation, "instruction in the middle")


def test_instructions_alone_become_the_users_turn() -> None:
    conversation = Conversation(system=[Text("Say hi")])
    assert body(conversation)["messages"] == [{"role": "user", "content": [plain("Say hi")]}]
    assert warned(conversation, "instructions")
    with pytest.raises(CannotServe):
        written(Conversation())


def test_only_anthropics_own_thoughts_and_items_reach_it() -> None:
    sent = turns(
        Message("user", [Text("a")]),
        Message(
            "assistant",
            [
                Thinking("mine", Signature("anthropic", "s")),
                Thinking("theirs", Signature("google", "s")),
                Thinking("nobody's"),
                ServerItem("openai", "web_search_call", b"{}"),
                Refusal("No."),
            ],
        ),
        Message("user", [Text("b")]),
    )
    assert sent[1]["content"] == [{"type": "thinking", "thinking": "mine", "signature": "s"}, plain("No.")]


def test_arguments_that_are_no_object_are_sent_as_text_in_one() -> None:
    conversation = ask(
        Message("user", [Text("a")]), Message("assistant", [ToolUse("1", "f", "{broken"), ToolUse("2", "f")])
    )
    assert [item["input"] for item in body(conversation)["messages"][1]["content"]] == [{"arguments": "{broken"}, {}]
    assert warned(conversation, "no JSON object")


@pytest.mark.parametrize(
    ("given", "flags", "expected", "warning"),
    [
        (Sampling(temperature=1.7), (), {"temperature": 1}, "lowered"),
        (Sampling(temperature=0.5, top_p=0.5), (), {"temperature": 0.5}, "not both"),
        (Sampling(temperature=0.5, top_p=0.5), ("both_samplings",), {"temperature": 0.5, "top_p": 0.5}, ""),
        (Sampling(temperature=1, top_p=0.5), (), {"top_p": 0.5}, ""),
        (Sampling(temperature=0.5, top_p=1), (), {"temperature": 0.5}, ""),
        (Sampling(temperature=0.5, top_k=4), ("no_sampling",), {}, "refuses"),
    ],
)
def test_sampling_is_brought_into_anthropics_range(
    given: Sampling, flags: tuple[str, ...], expected: dict[str, float], warning: str
) -> None:
    conversation = ask(sampling=given)
    sent = body(conversation, *flags)
    assert {name: sent[name] for name in ("temperature", "top_p", "top_k") if name in sent} == expected
    assert warned(conversation, warning, *flags) == bool(warning)


@pytest.mark.parametrize(
    ("given", "flags", "thinking", "effort"),
    [
        (Reasoning(effort="high"), (), {"type": "adaptive"}, "high"),
        (Reasoning(effort="minimal"), (), {"type": "adaptive"}, "low"),
        (Reasoning(effort="max"), ("no_max",), {"type": "adaptive"}, "xhigh"),
        (Reasoning(effort="low", habit=True), (), None, "low"),
        (Reasoning(effort="none"), (), {"type": "disabled"}, None),
        (Reasoning(enabled=False), (), {"type": "disabled"}, None),
        (Reasoning(enabled=False), ("adaptive_only",), None, None),
        (Reasoning(effort="low"), ("no_adaptive", "no_effort"), {"type": "enabled", "budget_tokens": 2048}, None),
        (Reasoning(budget=5000), (), {"type": "enabled", "budget_tokens": 5000}, None),
        (Reasoning(budget=100), (), {"type": "enabled", "budget_tokens": 1024}, None),
        (Reasoning(budget=6000), ("adaptive_only",), {"type": "adaptive"}, "medium"),
        (Reasoning(adaptive=True, budget=-1), (), {"type": "adaptive"}, None),
        (Reasoning(enabled=True, show=False), (), {"type": "adaptive", "display": "omitted"}, None),
        (Reasoning(effort="low", summary="auto"), (), {"type": "adaptive", "display": "summarized"}, "low"),
    ],
)
def test_every_vendors_words_for_thinking_become_anthropics(
    given: Reasoning, flags: tuple[str, ...], thinking: dict[str, Any] | None, effort: str | None
) -> None:
    sent = body(ask(reasoning=given), *flags)
    assert sent.get("thinking") == thinking
    assert sent.get("output_config", {}).get("effort") == effort
    if thinking is not None and "budget_tokens" in thinking:
        assert sent["max_tokens"] > thinking["budget_tokens"]


def test_a_budget_leaves_room_in_the_limit_of_the_answer_or_thinking_is_switched_off() -> None:
    narrow = ask(reasoning=Reasoning(budget=9000), max_tokens=4000)
    assert body(narrow)["thinking"]["budget_tokens"] == 3999
    assert warned(narrow, "changed")
    tiny = ask(reasoning=Reasoning(budget=9000), max_tokens=500)
    assert "thinking" not in body(tiny)
    assert warned(tiny, "switched off")


def test_a_budget_of_thinking_is_given_up_where_anthropic_would_refuse_the_request() -> None:
    moved = ask(
        Message("user", [Text("a")]),
        Message("assistant", [Thinking("x", Signature("google", "s")), ToolUse("1", "f")]),
        Message("user", [ToolResult("1")]),
        reasoning=Reasoning(budget=2000),
    )
    assert "thinking" not in body(moved)
    assert warned(moved, "without a thought")
    moved.messages[1].content[0] = Thinking("x", Signature("anthropic", "s"))
    assert body(moved)["thinking"]["type"] == "enabled"
    forced = ask(reasoning=Reasoning(budget=2000), tools=[FunctionTool("f")], tool_choice=ToolChoice("required"))
    assert "thinking" not in body(forced)
    forced.reasoning = Reasoning(effort="low")
    assert body(forced)["thinking"] == {"type": "adaptive"}


def test_sampling_that_cannot_go_with_thinking_is_left_out() -> None:
    conversation = ask(reasoning=Reasoning(effort="low"), sampling=Sampling(temperature=0.2, top_k=5))
    assert {"temperature", "top_k"}.isdisjoint(body(conversation))
    assert warned(conversation, "not together with thinking")


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (ToolChoice("auto"), None, {"type": "auto"}),
        (ToolChoice("none"), False, {"type": "none"}),
        (ToolChoice("required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("required", ("f",)), None, {"type": "tool", "name": "f"}),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, None),
    ],
)
def test_choices_of_tools(choice: ToolChoice | None, parallel: bool | None, expected: Any) -> None:
    conversation = ask(tools=[FunctionTool("f")], tool_choice=choice, parallel_tools=parallel)
    assert body(conversation).get("tool_choice") == expected


def test_a_choice_among_some_tools_declares_only_these() -> None:
    tools: list[Any] = [FunctionTool(name) for name in "abc"]
    sent = body(ask(tools=tools, tool_choice=ToolChoice("required", ("a", "c"))))
    assert ([tool["name"] for tool in sent["tools"]], sent["tool_choice"]) == (["a", "c"], {"type": "any"})


def test_a_tools_schema_gets_the_type_that_anthropic_demands() -> None:
    sent = body(ask(tools=[FunctionTool("f"), FunctionTool("g", parameters=b'{"properties":{}}')]))["tools"]
    assert [tool["input_schema"]["type"] for tool in sent] == ["object", "object"]
    with pytest.raises(CannotServe):
        written(ask(tools=[FunctionTool("with.dots")]))


def test_a_schema_of_the_answer_is_closed_and_its_limits_are_told_in_words() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}}
    conversation = ask(output=Output(msgspec.json.encode(schema)))
    assert body(conversation)["output_config"]["format"]["schema"] == {
        "type": "object",
        "properties": {"n": {"type": "integer", "description": "(minimum: 3)"}},
        "additionalProperties": False,
    }
    assert warned(conversation, "schema")


def test_a_model_without_structured_output_is_made_to_call_a_tool_instead() -> None:
    schema = msgspec.json.encode({**SCHEMA, "additionalProperties": False})
    sent = body(ask(output=Output(schema)), "json_by_tool")
    assert sent["tool_choice"] == {"type": "tool", "name": JSON_TOOL}
    assert "output_config" not in sent


def test_json_without_a_schema_is_asked_for_in_words() -> None:
    assert "JSON" in body(ask(output=Output(), system=[Text("Be kind.")]))["system"][1]["text"]


def test_the_user_and_the_tier_get_anthropics_names() -> None:
    sent = body(ask(user="", safety_identifier="s", service_tier="default"))
    assert (sent["metadata"], sent["service_tier"]) == ({"user_id": "s"}, "standard_only")
    assert warned(ask(service_tier="flex"), "flex")
    assert warned(ask(stop=["\n", "END"]), "white space")


@pytest.mark.parametrize(
    "thinking",
    [
        {"type": "adaptive", "display": "omitted"},
        {"type": "between_tools"},
        {"type": "disabled"},
        {"type": "enabled", "budget_tokens": 1024},
    ],
)
def test_every_form_of_thinking_survives_the_way_there_and_back(thinking: dict[str, Any]) -> None:
    assert body(read(max_tokens=3000, thinking=thinking))["thinking"] == thinking


def test_a_file_of_anthropics_is_bound_to_it() -> None:
    image = {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    conversation = read(messages=[user(image)])
    assert ("image_file", "anthropic") in used(conversation)
    assert body(conversation)["messages"][0]["content"] == [image]


def test_beta_features_become_a_header() -> None:
    assert written(ask(betas=["a-1", "b-2"])).headers == {"anthropic-beta": "a-1,b-2"}


@pytest.mark.parametrize(
    "media",
    [
        Media("image", type="image/bmp", data="AA=="),
        Media("audio", type="audio/wav", data="AA=="),
        Media("document", type="application/zip", data="AA=="),
        Media("document", type="text/plain", data="/w=="),
    ],
)
def test_media_that_anthropic_does_not_accept_are_refused(media: Media) -> None:
    with pytest.raises(CannotServe):
        written(ask(Message("user", [media])))


def test_a_text_file_becomes_a_document_of_plain_text() -> None:
    sent = turns(Message("user", [Media("document", type="text/plain", data="aGk=", name="hi.txt")]))
    assert sent[0]["content"][0]["source"] == {"type": "text", "data": "hi", "media_type": "text/plain"}


def test_the_sdks_own_types_accept_what_is_written() -> None:
    sent = body(MESSAGES.read_request(msgspec.json.encode(EVERYTHING)))
    for beta in ("context_management", "mcp_servers"):
        sent.pop(beta)
    _params.validate_python(sent)


words = st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip()))
marks = st.sampled_from([None, CacheMark(None), CacheMark("1h")])
texts = st.builds(Text, words, marks)
images = st.sampled_from([
    Media("image", type="image/png", data="iVBORw0="),
    Media("image", url="https://example.org/a"),
    Media("document", type="application/pdf", data="JVBERi0=", name="n", citations=True),
    Media("document", type="text/plain", text="words", context="c"),
    Media("image", file="file_1", vendor="anthropic"),
])  # fmt: skip
thoughts = st.builds(
    Thinking, st.text(max_size=9), st.builds(Signature, st.just("anthropic"), st.text("ABC=", min_size=1, max_size=9))
)
uses = st.builds(
    ToolUse,
    st.text("abc_-9", min_size=1, max_size=9),
    st.text("xyz", min_size=1, max_size=5),
    st.dictionaries(words, st.integers() | words, max_size=3).map(lambda value: msgspec.json.encode(value).decode()),
)
results = st.builds(
    ToolResult,
    st.text("abc_-9", min_size=1, max_size=9),
    st.lists(texts | images, max_size=3).map(tuple),
    st.booleans(),
)
turn = st.lists(thoughts | texts | uses, min_size=1, max_size=5)
Pair = tuple[list[Any], list[Any]]


def answered(said: list[Any], outcomes: list[ToolResult], last: list[Any]) -> Pair:
    """A turn with calls of names of their own, and the turn that answers each of them."""
    called = [block for block in said if isinstance(block, ToolUse)]
    for number, block in enumerate(called):
        block.id += str(number)
    given = [
        msgspec.structs.replace(outcomes[number % len(outcomes)], id=block.id) for number, block in enumerate(called)
    ]
    return said, [*reversed(given), *last]


pairs = st.builds(answered, turn, st.lists(results, min_size=1, max_size=3), st.lists(texts | images, min_size=1))


@given(st.lists(texts | images, min_size=1, max_size=4), st.lists(pairs, max_size=3), st.lists(texts, max_size=2))
def test_any_conversation_survives_the_way_there_and_back(first: Any, rest: Any, system: Any) -> None:
    messages = [Message("user", first)]
    for said, answered in rest:
        messages += [Message("assistant", said), Message("user", answered)]
    conversation = Conversation(model="claude-x", system=system, messages=messages, max_tokens=100)
    there = written(conversation).body
    assert MESSAGES.read_request(there) == conversation


def test_servers_of_tools_are_bound_to_anthropic() -> None:
    servers = [{"type": "url", "url": "https://mcp.example.org", "name": "m"}]
    tool = read(mcp_servers=servers).tools[0]
    assert tool == VendorTool("anthropic", "mcp_servers", msgspec.json.encode(servers))
