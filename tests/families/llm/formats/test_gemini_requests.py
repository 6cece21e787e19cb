"""generateContent requests: what a client writes is understood, and what a provider gets is what Google documents."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.errors import RequestInvalid
from segue.core.ports import CannotServe
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.gemini.turns_out import UNSIGNED
from segue.families.llm.ir.blocks import Media, ServerItem, Signature, Text, Thinking, ToolResult, ToolUse
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
from segue.families.llm.ir.format import Target
from segue.families.llm.ir.seals import seal

FIRST, THINKING = "contents[0].parts[0]", "generationConfig.thinkingConfig"
NEW, OLD = Target("gemini-3-flash"), Target("gemini-2.5-flash")


def read(**fields: Any) -> Any:
    body = {"contents": [{"parts": [{"text": "Hi"}]}], **fields}
    return GEMINI.read_request(json.dumps(body).encode(), model="m")


def parts(*wire: Any, role: str = "user") -> Any:
    return read(contents=[{"role": role, "parts": list(wire)}]).messages[0].content


def write(conversation: Conversation, target: Target = NEW) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(GEMINI.write_request(conversation, target).body)
    return body


def said(*messages: Message, **fields: Any) -> Conversation:
    return Conversation(messages=list(messages), **fields)


@pytest.mark.parametrize("schema", [b"", b'{"type":"object","title":"City"}'])
def test_before_3_the_shape_of_the_answer_is_told_in_words_beside_functions(schema: bytes) -> None:
    """The vendor refuses the two together: "Function calling with a response mime type … is unsupported"."""
    wish = said(Message("user", [Text("Hi")]), tools=[FunctionTool("f")], output=Output(schema))
    told = GEMINI.write_request(wish, OLD)
    body = json.loads(told.body)
    assert "generationConfig" not in body
    assert schema.decode() in body["systemInstruction"]["parts"][-1]["text"]
    assert any("in words" in warning for warning in told.warnings)
    assert write(wish, NEW)["generationConfig"]["responseMimeType"] == "application/json"


@pytest.mark.parametrize("role", ["tool", "function", "user"])
def test_chunks_of_a_stream_that_come_back_as_contents_are_one_turn(role: str) -> None:
    """Google's SDK sends each of them on when it calls functions by itself; the result belongs to the call in any."""
    (first, second, result) = read(
        contents=[
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "So: "}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
            {"role": "model", "parts": [{"text": ""}]},
            {"role": role, "parts": [{"functionResponse": {"name": "f", "response": {"result": "x"}}}]},
        ]
    ).messages
    call = second.content[1]
    assert (first.role, second.role, result.role) == ("user", "assistant", "user")
    assert second.content == [Text("So: "), ToolUse(call.id, "f", "")]
    assert result.content == [ToolResult(call.id, (Text("x"),), False, "f")]


def test_an_enumeration_as_plain_text_is_json_for_others_and_itself_for_google() -> None:
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a", "b"]}}
    wish = read(generationConfig=config)
    assert wish.output is not None
    assert json.loads(wish.output.schema) == {"type": "string", "enum": ["a", "b"]}
    assert write(wish)["generationConfig"] == config


def test_a_file_of_text_is_a_text_and_any_other_a_file() -> None:
    data = base64.b64encode("Grüße".encode()).decode()
    (text,) = parts({"inlineData": {"mimeType": "text/plain", "data": data}})
    assert (text.kind, text.text, text.data) == ("document", "Grüße", "")
    (odd,) = parts({"inlineData": {"mimeType": "text/plain", "data": "/w=="}})
    assert (odd.text, odd.data) == (None, "/w==")


def test_a_missing_role_is_the_users() -> None:
    assert read().messages == [Message("user", [Text("Hi")])]


def test_snake_case_is_read_as_camel_case_is() -> None:
    blob = {"mime_type": "image/png", "data": "aGk="}
    assert parts({"inline_data": blob}) == parts({"inlineData": {"mimeType": "image/png", "data": "aGk="}})
    config = read(generation_config={"max_output_tokens": "7", "thinking_config": {"include_thoughts": True}})
    assert config.max_tokens == 7
    assert config.reasoning == Reasoning(show=True)


def test_the_callers_own_keys_are_never_renamed() -> None:
    (use,) = parts({"function_call": {"name": "f", "args": {"mime_type": 1}}}, role="model")
    assert json.loads(use.arguments) == {"mime_type": 1}


def test_url_safe_base64_becomes_the_standard_alphabet() -> None:
    data = base64.urlsafe_b64encode(b"\xff\xfe\xfd\xfc").decode().rstrip("=")
    assert parts({"inlineData": {"mimeType": "image/png", "data": data}}) == [Media("image", "image/png", "//79/A==")]


def test_files_of_google_are_told_from_addresses() -> None:
    own, foreign = parts(
        {"fileData": {"fileUri": "gs://bucket/a.png", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "https://example.com/a.pdf", "mimeType": "application/pdf"}},
    )
    assert (own.file, own.vendor, own.kind) == ("gs://bucket/a.png", "google", "image")
    assert (foreign.url, foreign.kind) == ("https://example.com/a.pdf", "document")


def test_calls_without_ids_get_their_own_and_results_find_them_by_name_and_order() -> None:
    call = {"functionCall": {"name": "f", "args": {}}}
    result = {"functionResponse": {"name": "f", "response": {"result": "1"}}}
    other = {"functionResponse": {"name": "f", "response": {"error": "no"}}}
    out = read(contents=[{"role": "model", "parts": [call, call]}, {"role": "function", "parts": [result, other]}])
    uses, results = (message.content for message in out.messages)
    assert [use.id for use in uses] == [each.id for each in results]
    assert uses[0].id != uses[1].id
    assert results[0].content == (Text("1"),)
    assert (results[1].content, results[1].error) == ((Text("no"),), True)


def test_results_find_their_calls_by_id() -> None:
    calls = [{"functionCall": {"name": "f", "id": each}} for each in ("a", "b")]
    results = [{"functionResponse": {"name": "f", "id": each, "response": {"x": each}}} for each in ("b", "a")]
    out = read(contents=[{"role": "model", "parts": calls}, {"parts": results}])
    assert [(each.id, each.content[0].text) for each in out.messages[1].content] == [
        ("b", '{"x": "b"}'),
        ("a", '{"x": "a"}'),
    ]


def test_thoughts_signatures_and_server_items_are_kept() -> None:
    thought, call, code = parts(
        {"text": "hm", "thought": True, "thoughtSignature": "c2ln"},
        {"functionCall": {"name": "f"}, "thoughtSignature": seal(Signature("anthropic", "sig"))},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        role="model",
    )
    assert thought == Thinking("hm", Signature("google", "c2ln"), summary=True)
    assert call.signature == Signature("anthropic", "sig")
    assert isinstance(code, ServerItem)
    assert json.loads(code.raw) == {"executableCode": {"language": "PYTHON", "code": "1"}}


def test_schemas_of_openapi_become_json_schema() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "b": {"type": "STRING", "nullable": True},
            "a": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "2"},
        },
        "propertyOrdering": ["a", "b"],
    }
    (tool,) = read(tools=[{"functionDeclarations": [{"name": "f", "parameters": schema}]}]).tools
    assert json.loads(tool.parameters) == {
        "type": "object",
        "properties": {
            "a": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
            "b": {"type": ["string", "null"]},
        },
    }
    assert list(json.loads(tool.parameters)["properties"]) == ["a", "b"]


def test_json_schemas_go_through_byte_by_byte() -> None:
    declared = [{"name": "f", "parameters_json_schema": {"type": "object", "$defs": {"x": {"const": 1}}}}]
    out = read(tools=[{"function_declarations": declared}, {"google_search": {}}])
    assert out.tools[1] == VendorTool("google", "google_search", b'{"googleSearch":{}}')
    assert write(out)["tools"] == [
        {"functionDeclarations": [{"name": "f", "parametersJsonSchema": declared[0]["parameters_json_schema"]}]},
        {"googleSearch": {}},
    ]


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("required", ("f",))),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["f", "g"]}, ToolChoice("auto", ("f", "g"))),
    ],
)
def test_tool_choice_goes_both_ways(config: Any, choice: Any) -> None:
    out = read(toolConfig={"functionCallingConfig": config})
    assert out.tool_choice == choice
    assert write(out)["toolConfig"] == {"functionCallingConfig": config}


def test_what_only_google_has_a_word_for_survives_a_round_trip() -> None:
    fields = {
        "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW", "speechConfig": {"languageCode": "de"}},
        "toolConfig": {"retrievalConfig": {"languageCode": "de"}, "functionCallingConfig": {"mode": "VALIDATED"}},
        "tools": [{"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]}],
        "contents": [
            {
                "role": "user",
                "parts": [
                    {
                        "fileData": {"fileUri": "gs://a/b.mp4", "mimeType": "video/mp4"},
                        "videoMetadata": {"fps": 2},
                    }
                ],
            }
        ],
    }
    assert write(read(**fields)) == fields


def test_unknown_fields_are_kept_by_name() -> None:
    assert bytes(read(someNews={"a": 1}).extra["someNews"]) == b'{"a":1}'


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"contents": []}, "contents"),
        ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ({"contents": [{"parts": []}]}, "contents[0].parts"),
        ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "a/b", "data": "*"}}]}]}, f"{FIRST}.inlineData.data"),
        ({"contents": [{"parts": [{"functionResponse": {"name": "f", "response": {}}}]}]}, f"{FIRST}.functionResponse"),
        ({"generationConfig": {"stopSequences": list("abcdef")}}, "generationConfig.stopSequences"),
        ({"generationConfig": {"candidateCount": 9}}, "generationConfig.candidateCount"),
        ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "HUGE"}}}, f"{THINKING}.thinkingLevel"),
        ({"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "toolConfig.functionCallingConfig.mode"),
        ({"systemInstruction": {"parts": [{"inlineData": {}}]}}, "systemInstruction.parts[0]"),
    ],
)  # fmt: skip
def test_what_is_invalid_is_refused_by_the_name_of_its_field(fields: Any, param: Any) -> None:
    with pytest.raises(RequestInvalid) as caught:
        read(**fields)
    assert caught.value.param == param


def test_results_in_another_order_land_on_their_calls_with_ids_and_names() -> None:
    conversation = said(
        Message("assistant", [ToolUse("1", "f"), ToolUse("2", "g")]),
        Message("user", [ToolResult("2", (Text('{"b": 2}'),))]),
        Message("user", [ToolResult("1", (Text("late"),), error=True)]),
    )
    assert write(conversation, OLD)["contents"][1] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"id": "1", "name": "f", "response": {"error": "late"}}},
            {"functionResponse": {"id": "2", "name": "g", "response": {"b": 2}}},
        ],
    }


def test_media_of_results_stand_inside_them_from_3_on_and_beside_them_before() -> None:
    image = Media("image", "image/png", "aGk=")
    conversation = said(Message("assistant", [ToolUse("1", "f")]), Message("user", [ToolResult("1", (image,))]))
    inline = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    assert write(conversation)["contents"][1]["parts"][0]["functionResponse"]["parts"] == [inline]
    assert write(conversation, OLD)["contents"][1]["parts"][1] == inline


def test_foreign_calls_bear_the_documented_stand_in_for_a_signature_from_3_on() -> None:
    foreign = Signature("anthropic", "s")
    conversation = said(Message("assistant", [Thinking("t", foreign), ToolUse("1", "f"), ToolUse("2", "f")]))
    (first, second) = write(conversation)["contents"][0]["parts"]
    assert first["thoughtSignature"] == UNSIGNED
    assert "thoughtSignature" not in second
    assert "thoughtSignature" not in write(conversation, OLD)["contents"][0]["parts"][0]


def test_neighbours_of_one_role_are_joined() -> None:
    conversation = said(Message("user", [Text("a")]), Message("system", [Text("b")]), Message("user", [Text("c")]))
    assert write(conversation)["contents"] == [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}]


@pytest.mark.parametrize(
    ("model", "reasoning", "config"),
    [
        ("gemini-2.5-flash", Reasoning(effort="low"), {"thinkingBudget": 1024}),
        ("gemini-2.5-flash", Reasoning(enabled=False), {"thinkingBudget": 0}),
        ("gemini-2.5-pro", Reasoning(enabled=False), {"thinkingBudget": 128}),
        ("gemini-2.5-flash", Reasoning(enabled=True, adaptive=True), {"thinkingBudget": -1, "includeThoughts": True}),
        ("gemini-2.5-flash", Reasoning(budget=99999), {"thinkingBudget": 24576}),
        ("gemini-3-pro-preview", Reasoning(effort="medium"), {"thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro", Reasoning(effort="medium"), {"thinkingLevel": "MEDIUM"}),
        ("gemini-3-flash", Reasoning(effort="none"), {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.8-flash", Reasoning(budget=5000), {"thinkingLevel": "MEDIUM"}),
        ("gemini-flash-latest", Reasoning(effort="max"), {"thinkingLevel": "HIGH"}),
        ("gemini-3.8-flash", Reasoning(show=True), {"includeThoughts": True}),
        ("gemini-2.0-flash", Reasoning(effort="high"), None),
    ],
)  # fmt: skip
def test_thinking_follows_the_models_generation(model: Any, reasoning: Any, config: Any) -> None:
    body = write(said(Message("user", [Text("x")]), reasoning=reasoning), Target(model))
    assert body.get("generationConfig", {}).get("thinkingConfig") == config


def test_a_lossy_effort_is_told() -> None:
    conversation = said(Message("user", [Text("x")]), reasoning=Reasoning(effort="max"))
    assert GEMINI.write_request(conversation, NEW).warnings


@pytest.mark.parametrize(
    ("block", "target"),
    [
        (Media("image", url="http://example.com/a.png"), NEW),
        (Media("image", url="https://example.com/a.png"), Target("gemini-2.0-flash")),
        (Media("image", url="https://example.com/a.png"), Target("gemini-3-flash", flags=frozenset({"no_file_urls"}))),
        (Media("image", file="file-1", vendor="openai"), NEW),
    ],
)
def test_media_that_google_would_not_fetch_is_refused(block: Any, target: Any) -> None:
    with pytest.raises(CannotServe):
        GEMINI.write_request(said(Message("user", [block])), target)


def test_more_stop_sequences_than_google_takes_are_refused() -> None:
    with pytest.raises(CannotServe):
        GEMINI.write_request(said(Message("user", [Text("x")]), stop=list("abcdef")), NEW)


def test_arguments_that_are_no_object_are_told_and_sent_as_text() -> None:
    written = GEMINI.write_request(said(Message("assistant", [ToolUse("1", "f", "{bro")])), OLD)
    assert json.loads(written.body)["contents"][0]["parts"][0]["functionCall"]["args"] == {"arguments": "{bro"}
    assert written.warnings


def test_sampling_is_written_by_googles_names() -> None:
    sampling = Sampling(0.5, 0.9, 40, 7, 0.1, 0.2)
    body = write(said(Message("user", [Text("x")]), sampling=sampling, max_tokens=9, stop=["a"]))
    assert body["generationConfig"] == {
        "temperature": 0.5, "topP": 0.9, "topK": 40, "seed": 7, "presencePenalty": 0.1, "frequencyPenalty": 0.2,
        "maxOutputTokens": 9, "stopSequences": ["a"],
    }  # fmt: skip


words = st.text(min_size=1, max_size=20)
objects = st.dictionaries(words, st.one_of(words, st.integers(-9, 9), st.booleans()), min_size=2, max_size=3)
user_parts = st.one_of(
    st.builds(lambda text: {"text": text}, words),
    st.builds(
        lambda data: {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}},
        st.binary(min_size=1),
    ),
)
turns = st.lists(
    st.tuples(st.lists(user_parts, min_size=1, max_size=3), st.lists(objects, max_size=2), st.lists(words, max_size=2)),
    min_size=1,
    max_size=3,
)


def _request(turn_list: list[Any]) -> dict[str, Any]:
    contents = []
    for number, (user, calls, texts) in enumerate(turn_list):
        contents.append({"role": "user", "parts": user})
        model = [{"text": text} for text in texts]
        ids = [f"c{number}-{index}" for index in range(len(calls))]
        model += [
            {"functionCall": {"id": each, "name": "f", "args": args}, "thoughtSignature": "c2ln"}
            for each, args in zip(ids, calls, strict=True)
        ]
        contents.append({"role": "model", "parts": [*model, {"text": "end", "thoughtSignature": "c2ln"}]})
        if calls:
            contents.append(
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"id": each, "name": "f", "response": args}}
                        for each, args in zip(ids, calls, strict=True)
                    ],
                }
            )
            contents.append({"role": "model", "parts": [{"text": "done"}]})
    return {"contents": contents, "systemInstruction": {"parts": [{"text": "s"}]}}


@settings(max_examples=100, deadline=None)
@given(turns)
def test_a_request_of_the_supported_words_comes_out_as_it_went_in(turn_list: Any) -> None:
    body = _request(turn_list)
    conversation = GEMINI.read_request(json.dumps(body).encode())
    assert write(conversation) == body
