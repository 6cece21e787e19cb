"""Requests in Responses: what a client says arrives, and what a provider gets means the same."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.llm.formats.responses_samples import REQUEST, SCHEMA, TARGET, asked, read, written
from segue.core.errors import RequestInvalid
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.formats.responses.losses import LOSSES, NAMES
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
    Tool,
    ToolChoice,
    VendorTool,
)
from segue.families.llm.ir.fields import Field
from segue.families.llm.ir.format import Target
from segue.families.llm.ir.losses import check
from segue.families.llm.ir.seals import seal
from segue.families.llm.ir.used import used

USER = {"role": "user", "content": "hi"}


def refused(request: object) -> RequestInvalid:
    with pytest.raises(RequestInvalid) as caught:
        RESPONSES.read_request(json.dumps(request).encode())
    return caught.value


def test_a_request_comes_out_of_the_intermediate_form_as_it_went_in() -> None:
    conversation = read(REQUEST)
    again = read(written(conversation, Target("smart")))
    assert msgspec.structs.replace(again, store=None) == conversation


def test_items_of_the_model_become_one_turn_in_their_order() -> None:
    turns = read(REQUEST).messages
    assert [turn.role for turn in turns] == ["user", "assistant", "user", "user"]
    kinds = [type(block) for block in turns[1].content]
    assert kinds == [Thinking, Text, ToolUse, ToolUse]


def test_results_in_another_order_than_their_calls_keep_their_names() -> None:
    results = read(REQUEST).messages[2].content
    assert [
        (r.id, r.content[0].text) for r in results if isinstance(r, ToolResult) and isinstance(r.content[0], Text)
    ] == [
        ("call_b", "snow"),
        ("call_a", "rain"),
    ]


def test_a_plain_text_is_one_turn_of_the_users() -> None:
    assert read({"model": "m", "input": "hello"}).messages == [Message("user", [Text("hello")])]


def test_instructions_and_leading_developer_messages_are_the_system() -> None:
    conversation = read({"model": "m", "instructions": "a", "input": [{"role": "developer", "content": "b"}, USER]})
    assert [part.text for part in conversation.system] == ["a", "b"]


def test_a_developer_message_in_the_middle_stays_where_it_is() -> None:
    conversation = asked(USER, {"role": "developer", "content": "now French"}, USER)
    assert [turn.role for turn in conversation.messages] == ["user", "system", "user"]
    assert written(conversation)["input"][1]["role"] == "developer"
    assert written(conversation, Target("m", flags=frozenset({"no_developer_role"})))["input"][1]["role"] == "system"


def test_refusals_phases_and_custom_calls_survive() -> None:
    conversation = asked(
        USER,
        {"role": "assistant", "phase": "commentary", "content": [{"type": "output_text", "text": "let me see"}]},
        {"type": "custom_tool_call", "call_id": "c1", "name": "sql", "input": "select 1"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "1"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    )
    assert conversation.messages[1].content == [
        Text("let me see", phase="commentary"),
        ToolUse("c1", "sql", "select 1", custom=True),
    ]
    items = written(conversation)["input"]
    assert items[1]["phase"] == "commentary"
    assert [item["type"] for item in items[2:4]] == ["custom_tool_call", "custom_tool_call_output"]
    assert items[4]["content"] == [{"type": "refusal", "refusal": "no"}]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "high"},
        {"type": "input_image", "image_url": "data:image/jpeg;base64,AAAA", "detail": "original"},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        {"type": "input_file", "file_url": "https://a.example/x.pdf"},
        {"type": "input_file", "file_id": "file-2"},
        {"type": "input_file", "filename": "n.csv", "file_data": "data:text/csv;base64,YQ=="},
        {"type": "input_text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
    ],
)
def test_a_part_comes_out_as_it_went_in(part: dict[str, Any]) -> None:
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "look"}, part]}
    assert written(asked(message))["input"] == [message]


def test_a_result_with_an_image_comes_out_as_it_went_in() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}
    output = {
        "type": "function_call_output",
        "call_id": "c",
        "output": [{"type": "input_text", "text": "see"}, picture],
    }
    assert written(asked(USER, call, output))["input"][1:] == [call, output]


def test_items_of_openais_own_tools_go_back_as_they_are() -> None:
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "x"},
    }
    shot = {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": "x"}}
    reference = {"type": "item_reference", "id": "msg_1"}
    conversation = asked(USER, search, shot, reference)
    assert all(isinstance(turn.content[0], ServerItem) for turn in conversation.messages[1:])
    assert [turn.role for turn in conversation.messages] == ["user", "assistant", "user", "assistant"]
    assert written(conversation)["input"][1:] == [search, shot, reference]


def test_another_vendors_thinking_comes_back_with_its_own_signature_and_never_reaches_openai() -> None:
    signature = Signature("anthropic", "EqRk==", "signature")
    conversation = asked(
        USER,
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "thought"}],
            "encrypted_content": seal(signature),
        },
        {"role": "assistant", "content": "ok"},
    )
    assert conversation.messages[1].content[0] == Thinking("thought", signature, id="rs_1")
    assert [item["type"] for item in written(conversation)["input"]] == ["message", "message"]


def test_redacted_thinking_comes_back_too() -> None:
    signature = Signature("anthropic", "redacted-bytes", "redacted")
    item = {"type": "reasoning", "summary": [], "encrypted_content": seal(signature)}
    assert asked(USER, item).messages[1].content == [Thinking("", signature)]


def test_thinking_without_ciphertext_is_left_out_and_the_table_tells_of_it() -> None:
    conversation = asked(
        USER, {"type": "reasoning", "id": "rs_1", "summary": []}, {"role": "assistant", "content": "a"}
    )
    assert [item["type"] for item in written(conversation)["input"]] == ["message", "message"]
    warnings = check(used(conversation), LOSSES, "openai", "OpenAI", NAMES)
    assert any("encrypted_content" in warning for warning in warnings)


def test_nothing_is_stored_with_the_provider_unless_the_caller_says_so() -> None:
    assert written(asked(USER))["store"] is False
    assert written(asked(USER, store=True))["store"] is True
    assert written(asked(USER, background=True))["store"] is True, "background needs the store"


def test_ciphertext_is_asked_for_where_thinking_shall_survive_and_not_elsewhere() -> None:
    assert "include" not in written(asked(USER))
    assert written(asked(USER, reasoning={"effort": "low"}))["include"] == ["reasoning.encrypted_content"]
    assert written(asked(USER, include=["reasoning.encrypted_content"]))["include"] == ["reasoning.encrypted_content"]
    assert "include" not in written(asked(USER, reasoning={"effort": "none"}))
    assert written(read(REQUEST))["include"] == ["reasoning.encrypted_content"]


def test_strictness_is_always_said_to_a_provider() -> None:
    tools: list[Tool] = [FunctionTool("f"), FunctionTool("g", strict=True, parameters=b"{}")]
    found = written(Conversation(messages=[Message("user", [Text("x")])], tools=tools))["tools"]
    assert [tool["strict"] for tool in found] == [False, True]


def test_silence_on_strictness_means_true_only_where_the_schema_allows_it() -> None:
    loose = {"type": "object", "properties": {"a": {"type": "string"}}}
    nested = {**SCHEMA, "properties": {"city": loose}}
    tools = [{"type": "function", "name": "f", "parameters": schema} for schema in (SCHEMA, loose, nested)]
    found = asked(USER, tools=tools).tools
    assert [tool.strict for tool in found if isinstance(tool, FunctionTool)] == [True, None, None]


def test_a_custom_tool_is_understood_in_the_form_of_chat_completions_too() -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}
    nested = json.dumps({"type": "custom", "custom": {"name": "sql", "format": grammar}}).encode()
    conversation = Conversation(
        messages=[Message("user", [Text("x")])],
        tools=[VendorTool("openai", "custom", nested)],
        tool_choice=ToolChoice("required", ("sql",)),
    )
    body = written(conversation)
    assert body["tools"] == [
        {"type": "custom", "name": "sql", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}
    ]
    assert body["tool_choice"] == {"type": "custom", "name": "sql"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("required", ("f",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
            ToolChoice("auto", ("f",)),
        ),
        ({"type": "web_search"}, None),
        ({"type": "mcp", "server_label": "s"}, None),
    ],
)
def test_every_choice_of_tools_survives(choice: object, expected: ToolChoice | None) -> None:
    tools = [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}, {"type": "web_search"}]
    conversation = asked(USER, tools=tools, tool_choice=choice)
    assert conversation.tool_choice == expected
    assert written(conversation)["tool_choice"] == choice
    assert written(conversation)["tools"] == tools


SETTINGS = {
    "text": {
        "format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True, "description": "d"},
        "verbosity": "low",
    },
    "reasoning": {"effort": "minimal", "summary": "detailed"},
    "parallel_tool_calls": False,
    "tools": [{"type": "web_search"}],
    "include": ["web_search_call.action.sources", "reasoning.encrypted_content", "message.output_text.logprobs"],
    "max_output_tokens": 64,
    "max_tool_calls": 3,
    "temperature": 1.5,
    "top_p": 0.5,
    "top_logprobs": 4,
    "truncation": "auto",
    "store": True,
    "stream": True,
    "background": True,
    "previous_response_id": "resp_0",
    "prompt": {"id": "pmpt_1", "version": "2"},
    "metadata": {"a": "b"},
    "user": "u",
    "safety_identifier": "s",
    "prompt_cache_key": "k",
    "prompt_cache_retention": "24h",
    "service_tier": "flex",
    "stream_options": {"include_obfuscation": True},
    "prompt_cache_options": {"ttl": "12h"},
    "context_management": [{"type": "compaction", "compact_threshold": 1000}],
}


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_setting_survives(name: str) -> None:
    given = {name: SETTINGS[name], "tools": SETTINGS["tools"]}
    body = written(asked(USER, **given))
    assert body[name] == SETTINGS[name]


def test_a_conversation_that_lies_with_openai_survives() -> None:
    assert written(asked(USER, conversation={"id": "conv_1"}))["conversation"] == "conv_1"
    assert written(asked(USER, conversation="conv_2"))["conversation"] == "conv_2"


def test_unknown_fields_are_kept_by_their_paths_and_told() -> None:
    conversation = asked(
        {"role": "user", "zip": 1, "content": [{"type": "input_text", "text": "t", "zap": {"a": 1}}]},
        novelty=[1],
        reasoning={"effort": "low", "context": "auto"},
        tools=[{"type": "function", "name": "f", "strict": False, "defer_loading": True}],
    )
    assert set(conversation.extra) == {
        "novelty",
        "reasoning.context",
        "input[0].zip",
        "input[0].content[0].zap",
        "tools[0].defer_loading",
    }
    warnings = RESPONSES.write_request(conversation, TARGET).warnings
    assert all(any(name in warning for warning in warnings) for name in conversation.extra)


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        ({"input": "x"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": 1, "input": "x"}, "model"),
        ({"model": "m", "input": 5}, "input"),
        ({"model": "m", "input": [5]}, "input[0]"),
        ({"model": "m", "input": [{}]}, "input[0].role"),
        ({"model": "m", "input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"model": "m", "input": [USER, {"type": "nonsense"}]}, "input[1].type"),
        ({"model": "m", "input": [{"role": "user"}]}, "input[0].content"),
        (
            {"model": "m", "input": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
            "input[0].content[0].type",
        ),
        ({"model": "m", "input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        (
            {"model": "m", "input": [{"role": "assistant", "content": [{"type": "input_text", "text": ""}]}]},
            "input[0].content[0].type",
        ),
        (
            {"model": "m", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "ftp://x"}]}]},
            "input[0].content[0].image_url",
        ),
        (
            {"model": "m", "input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "input[0].content[0].file_data",
        ),
        ({"model": "m", "input": [{"type": "function_call", "name": "f", "arguments": ""}]}, "input[0].call_id"),
        ({"model": "m", "input": [{"type": "function_call_output", "output": ""}]}, "input[0].call_id"),
        ({"model": "m", "input": "x", "tools": [{}]}, "tools[0].type"),
        ({"model": "m", "input": "x", "tools": [{"type": "function"}]}, "tools[0].name"),
        ({"model": "m", "input": "x", "tool_choice": "maybe"}, "tool_choice"),
        ({"model": "m", "input": "x", "tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice.mode"),
        ({"model": "m", "input": "x", "text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"model": "m", "input": "x", "text": {"format": {"type": "json_schema"}}}, "text.format.name"),
        ({"model": "m", "input": "x", "temperature": 3}, "temperature"),
        ({"model": "m", "input": "x", "top_logprobs": 21}, "top_logprobs"),
        ({"model": "m", "input": "x", "max_output_tokens": 0}, "max_output_tokens"),
        ({"model": "m", "input": "x", "metadata": {"a": 1}}, "metadata"),
        ({"model": "m", "input": "x", "conversation": "c", "previous_response_id": "r"}, "conversation"),
        ({"model": "m", "input": "x", "reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"model": "m", "input": "x", "new": 1, "temperature": 3}, "temperature"),
    ],
)
def test_what_is_invalid_is_refused_by_the_name_that_openai_uses(request_: dict[str, Any], param: str) -> None:
    error = refused(request_)
    assert error.param is not None
    assert error.param.startswith(param)
    assert error.status == 400


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'"x"', b'{"model":"\xff"}', b"[" * 5000, b'{"input":' + b"[" * 5000]
)
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(RequestInvalid):
        RESPONSES.read_request(body)


def test_values_that_openai_does_not_take_are_changed_and_told() -> None:
    conversation = Conversation(
        messages=[Message("user", [Text("x", CacheMark())])],
        max_tokens=3,
        service_tier="standard_only",
        output=Output(),
    )
    found = RESPONSES.write_request(conversation, TARGET)
    body = json.loads(found.body)
    assert body["max_output_tokens"] == 16
    assert "service_tier" not in body
    assert "json" in str(body["input"][-1]).lower()
    assert len(found.warnings) == 4


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        (Reasoning(budget=1024), {"effort": "low"}),
        (Reasoning(budget=8192), {"effort": "medium"}),
        (Reasoning(budget=32000), {"effort": "high"}),
        (Reasoning(enabled=False, budget=5), {"effort": "none"}),
        (Reasoning(effort="max", show=True), {"effort": "max", "summary": "auto"}),
        (Reasoning(enabled=True, adaptive=True), {"summary": "auto"}),
    ],
)
def test_wishes_to_think_become_efforts(reasoning: Reasoning, expected: dict[str, str] | None) -> None:
    conversation = Conversation(messages=[Message("user", [Text("x")])], reasoning=reasoning)
    assert written(conversation).get("reasoning") == expected


def test_a_model_that_cannot_switch_thinking_off_gets_the_least_and_a_warning() -> None:
    conversation = Conversation(messages=[Message("user", [Text("x")])], reasoning=Reasoning(enabled=False))
    found = RESPONSES.write_request(conversation, Target("m", flags=frozenset({"no_effort_none"})))
    assert json.loads(found.body)["reasoning"] == {"effort": "minimal"}
    assert found.warnings


def test_a_conversation_from_elsewhere_is_valid_here() -> None:
    long = "toolu_" + "x" * 80
    conversation = Conversation(
        system=[Text("s")],
        messages=[
            Message("user", [Text("q"), Media("document", text="the text", name="notes")]),
            Message("assistant", [Thinking("t", Signature("anthropic", "sig")), ToolUse(long, "f", "")]),
            Message("user", [ToolResult(long, (Text("boom"),), error=True), Text("go on")]),
            Message("assistant", [Text(""), Refusal("no")]),
        ],
        sampling=Sampling(temperature=0.2),
    )
    items = written(conversation)["input"]
    assert [item["type"] for item in items] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
        "message",
    ]
    assert items[0]["content"][1]["text"] == "notes\n\nthe text"
    assert items[1]["call_id"] == items[2]["call_id"]
    assert len(items[1]["call_id"]) <= 64
    assert items[1]["arguments"] == "{}"
    assert items[2]["output"] == "Error: boom"
    assert items[4]["content"] == [{"type": "refusal", "refusal": "no"}]


def test_a_template_that_lies_with_openai_is_refused_elsewhere() -> None:
    conversation = read({"model": "m", "prompt": {"id": "pmpt_1"}})
    assert (Field.PROMPT_TEMPLATE, "") in used(conversation)


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=10)
names = st.text("abc_1", min_size=1, max_size=8)
given_parts = st.one_of(
    st.fixed_dictionaries({"type": st.just("input_text"), "text": words}),
    st.fixed_dictionaries(
        {
            "type": st.just("input_image"),
            "image_url": st.sampled_from(["https://a.example/b.png", "data:image/gif;base64,R0lG"]),
            "detail": st.sampled_from(["low", "high", "auto", "original"]),
        }
    ),
    st.fixed_dictionaries({"type": st.just("input_file"), "file_url": st.just("https://a.example/b.pdf")}),
)
said_parts = st.one_of(
    st.fixed_dictionaries({"type": st.just("output_text"), "text": words, "annotations": st.just([])}),
    st.fixed_dictionaries({"type": st.just("refusal"), "refusal": words}),
)
given_content = st.one_of(words, st.lists(given_parts, min_size=1, max_size=3))
items = st.one_of(
    st.fixed_dictionaries({"role": st.just("user"), "content": given_content}),
    st.fixed_dictionaries({"role": st.just("developer"), "content": words}),
    st.fixed_dictionaries({"role": st.just("assistant"), "content": st.lists(said_parts, min_size=1, max_size=3)}),
    st.fixed_dictionaries(
        {"type": st.just("function_call"), "call_id": names, "name": names, "arguments": st.just('{"a":[1]}')}
    ),
    st.fixed_dictionaries({"type": st.just("function_call_output"), "call_id": names, "output": given_content}),
    st.fixed_dictionaries(
        {
            "type": st.just("reasoning"),
            "id": names,
            "summary": st.lists(st.fixed_dictionaries({"type": st.just("summary_text"), "text": words}), max_size=1),
            "encrypted_content": names,
        }
    ),
    st.fixed_dictionaries({"type": st.just("web_search_call"), "id": names, "status": st.just("completed")}),
)


@given(st.lists(items, max_size=8))
def test_any_conversation_means_the_same_after_the_round_trip(turns: list[dict[str, Any]]) -> None:
    conversation = asked(USER, *turns)
    assert asked(*written(conversation)["input"]).messages == conversation.messages
