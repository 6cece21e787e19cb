"""What a request says in words that nobody here knows never vanishes in silence; what means nothing is no noise."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from anthropic import types as anthropic_types
from google.genai import types as google_types
from openai.types import responses as openai_responses
from openai.types.chat import ChatCompletionMessage

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.blocks import ServerItem
from segue.families.llm.ir.conversation import Conversation, VendorTool
from segue.families.llm.ir.extra import MAX_KEPT
from segue.families.llm.ir.fields import EXACT, Field
from segue.families.llm.ir.format import Target
from segue.families.llm.ir.losses import check
from segue.families.llm.ir.used import used

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
NEW = "something_new"

REQUESTS: dict[str, dict[str, Any]] = {
    "chat": {
        "model": "m",
        "messages": [
            {"role": "system", "content": [
                {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}},
            ]},
            {"role": "user", "name": "ann", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}},
            ]},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"},
                 "extra_content": {"google": {"thought_signature": "abc"}}},
                {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls"}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "Sunny."}]},
            {"role": "tool", "tool_call_id": "call_2", "content": "a b"},
            {"role": "assistant", "content": [
                {"type": "text", "text": "Well."}, {"type": "refusal", "refusal": "No."},
            ]},
            {"role": "user", "content": "And?"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}},
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "responses": {
        "model": "m",
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "What?", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "low"},
                {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "shell", "input": "ls"},
            {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "Sunny."}]},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "a b"},
            {"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "Well.", "annotations": []}, {"type": "refusal", "refusal": "No."},
            ]},
            {"type": "message", "role": "user", "content": "And?"},
        ],
        "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}],
        "tool_choice": {"type": "function", "name": "weather"},
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA}, "verbosity": "low"},
        "reasoning": {"effort": "low"},
        "conversation": {"id": "conv_1"},
    },
    "messages": {
        "model": "m",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
                 "citations": {"enabled": True}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "abc"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "x"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "Sunny."}]},
            ]},
        ],
        "tools": [{"name": "weather", "description": "Of a city.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "tool", "name": "weather"},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
        "metadata": {"user_id": "u"},
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [
                {"text": "What is this?"},
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}},
            ]},
            {"role": "model", "parts": [
                {"text": "Hm.", "thought": True},
                {"functionCall": {"name": "weather", "args": {"city": "x"}}, "thoughtSignature": "abc"},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {
                    "name": "weather", "response": {"result": "Sunny."},
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
                }},
            ]},
        ],
        "tools": [{"functionDeclarations": [
            {"name": "weather", "description": "Of a city.", "parametersJsonSchema": SCHEMA},
        ]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
        "generationConfig": {"temperature": 0.5, "thinkingConfig": {"includeThoughts": True}},
    },
}  # fmt: skip
FORMATS = {"chat": CHAT, "responses": RESPONSES, "messages": MESSAGES, "gemini": GEMINI}

OPAQUE = {"parameters", "schema", "input_schema", "parametersJsonSchema", "args", "response", "metadata"}
"""What belongs to the caller or to a schema: every name in it is known, for it is passed on as it is."""


def objects(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all objects that have fields of the format's own."""
    if isinstance(value, dict):
        yield path
        for name, inner in value.items():
            if name not in OPAQUE and not (name == "input" and isinstance(inner, dict)):
                yield from objects(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from objects(inner, (*path, place))


def with_field(document: dict[str, Any], path: tuple[str | int, ...], value: Any, name: str = NEW) -> dict[str, Any]:
    changed = json.loads(json.dumps(document))
    where = changed
    for step in path:
        where = where[step]
    where[name] = value
    return changed


def read(format_: str, document: dict[str, Any]) -> Conversation:
    body = json.dumps(document, separators=(",", ":")).encode()  # as values are written anew that are not kept as bytes
    return FORMATS[format_].read_request(body, model="m", stream=False)


EXACT_BUT_FOR_THE_UNKNOWN = {field: EXACT for field in Field if field is not Field.EXTRA}


def told_of(conversation: Conversation) -> list[str]:
    """What a provider's format tells that has a word for everything that has one."""
    return check(used(conversation), EXACT_BUT_FOR_THE_UNKNOWN, "nobody", "p", {})


def bound(conversation: Conversation) -> int:
    """How much only its own vendor can serve, which all others refuse with its name."""
    blocks = [block for message in conversation.messages for block in message.content]
    return sum(isinstance(one, ServerItem | VendorTool) for one in (*blocks, *conversation.tools))


EVERYWHERE = [(name, path) for name, document in REQUESTS.items() for path in objects(document)]


@pytest.mark.parametrize(
    ("format_", "path"), EVERYWHERE, ids=[f"{name}-{'.'.join(map(str, path))}" for name, path in EVERYWHERE]
)
def test_a_field_that_nobody_knows_is_told_wherever_it_stands(format_: str, path: tuple[str | int, ...]) -> None:
    usual = read(format_, REQUESTS[format_])
    try:
        read_ = read(format_, with_field(REQUESTS[format_], path, {"a": [1]}))
    except RequestInvalid as refused:  # as Anthropic and Google themselves do
        assert NEW in refused.message or NEW in (refused.param or "")  # noqa: PT017 - either is right
        return
    told = (
        [warning for warning in told_of(read_) if "new" in warning.lower()] if (bound(read_) == bound(usual)) else [NEW]
    )
    assert told, "lost without a word"


@pytest.mark.parametrize(
    ("format_", "path", "told"),
    [
        ("chat", ("messages", 1), "messages[1].something_new"),
        ("chat", ("messages", 1, "content", 0), "messages[1].content[0].something_new"),
        ("chat", ("messages", 2, "tool_calls", 0, "function"), "messages[2].tool_calls[0].function.something_new"),
        ("chat", ("tools", 0, "function"), "tools[0].function.something_new"),
        ("chat", ("response_format", "json_schema"), "response_format.json_schema.something_new"),
        ("chat", ("tool_choice",), "tool_choice.something_new"),
        ("chat", ("tool_choice", "function"), "tool_choice.function.something_new"),
        ("responses", ("input", 2), "input[2].something_new"),
        ("responses", ("input", 0, "content", 1), "input[0].content[1].something_new"),
        ("messages", ("tools", 0), "tools.weather.something_new"),
        ("gemini", ("contents", 0), "contents[0].somethingNew"),
        ("gemini", ("contents", 1, "parts", 1, "functionCall"), "contents[1].parts[1].functionCall.somethingNew"),
    ],
)
def test_the_warning_names_the_path_and_never_the_value(format_: str, path: tuple[Any, ...], told: str) -> None:
    conversation = read(format_, with_field(REQUESTS[format_], path, "a secret"))
    warnings = told_of(conversation) if not bound(conversation) else [told]
    assert any(told in warning for warning in warnings)
    assert "secret" not in "".join(warnings)


@pytest.mark.parametrize("format_", FORMATS)
def test_everything_else_is_read_as_if_the_field_were_not_there(format_: str) -> None:
    for path in objects(REQUESTS[format_]):
        try:
            read_ = read(format_, with_field(REQUESTS[format_], path, 1))
        except RequestInvalid:
            continue
        if bound(read_) == bound(read(format_, REQUESTS[format_])):
            read_.extra = {}
            assert read_ == read(format_, REQUESTS[format_]), path


@pytest.mark.parametrize("nothing", [None, "", [], {}])
@pytest.mark.parametrize(
    ("format_", "path"),
    [
        ("chat", ("messages", 1)),
        ("chat", ("messages", 2, "tool_calls", 0)),
        ("responses", ("input", 2)),
        ("responses", ("input", 6, "content", 0)),
        ("gemini", ("contents", 1, "parts", 1)),
    ],
)
def test_what_says_nothing_in_a_turn_is_no_noise(format_: str, path: tuple[Any, ...], nothing: object) -> None:
    assert read(format_, with_field(REQUESTS[format_], path, nothing)) == read(format_, REQUESTS[format_])


def warnings_of(format_: str, document: dict[str, Any]) -> list[str]:
    return told_of(read(format_, document))


def test_a_field_in_every_turn_is_told_once() -> None:
    turns = [{"role": "user", "content": "x", "zeit": number} for number in range(1000)]
    (told,) = warnings_of("chat", {"model": "m", "messages": turns})
    assert told == "messages[0].zeit left out for p"
    assert len(read("chat", {"model": "m", "messages": turns}).extra) == MAX_KEPT


def test_many_fields_and_long_names_make_a_short_warning() -> None:
    fields = {f"{number}{'long' * 1000}": 1 for number in range(1000)}
    for document in (
        {"model": "m", "messages": [{"role": "user", "content": "x", **fields}]},
        {"model": "m", "messages": [{"role": "user", "content": "x"}], **fields},
    ):
        (told,) = warnings_of("chat", document)
        assert len(told) < 2000
        assert " more left out for p" in told


def test_a_request_of_gemini_with_very_many_unknown_fields_is_served() -> None:
    parts = [{"text": "x", "newThing": {"a": 1}}] * 1000
    (told,) = warnings_of("gemini", {"contents": [{"role": "user", "parts": parts}]})
    assert told.startswith("contents[0].parts[0].newThing left out")


def test_what_was_told_of_a_turn_is_told_by_the_own_format_too_where_it_cannot_be_put_back() -> None:
    for name, format_ in (("chat", CHAT), ("responses", RESPONSES)):
        place = "messages" if name == "chat" else "input"
        conversation = read(name, with_field(REQUESTS[name], (place, 0), 1))
        written = format_.write_request(conversation, Target("m", "p"))
        assert any(f"{place}[0].something_new left out" in warning for warning in written.warnings)
        assert NEW.encode() not in written.body


def test_gemini_tells_of_what_it_cannot_put_back_and_puts_back_the_rest() -> None:
    document = with_field(
        with_field(REQUESTS["gemini"], ("contents", 0), 1), ("contents", 0, "parts", 0), 2, "newThing"
    )
    written = GEMINI.write_request(read("gemini", document), Target("gemini-2.5-flash", "p"))
    assert [warning for warning in written.warnings if "contents[0].somethingNew left out" in warning]
    assert json.loads(written.body)["contents"][0]["parts"][0] == {"text": "What is this?", "newThing": 2}


def test_a_spoken_answer_that_comes_back_is_told_and_its_words_stay() -> None:
    audio = {"id": "audio_1", "data": "AAAA", "expires_at": 1, "transcript": "Hello there."}
    document = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": None, "audio": audio},
            {"role": "user", "content": "y"},
        ],
    }
    conversation = read("chat", document)
    assert [block.text for block in conversation.messages[1].content] == ["Hello there."]  # type: ignore[union-attr]
    assert told_of(conversation) == ["messages[1].audio left out for p"]


def test_padding_that_a_caller_asks_for_is_told() -> None:
    document = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    options = {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": True}}
    assert warnings_of("chat", document | options) == ["stream_options.include_obfuscation left out for p"]


def test_a_tool_of_the_vendors_own_keeps_its_fields() -> None:
    tool = {"type": "openrouter:web_search", "parameters": {"engine": "exa"}, "more": 1}
    (read_,) = read("chat", {"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [tool]}).tools
    assert isinstance(read_, VendorTool)
    assert json.loads(read_.raw) == tool


ASKED = {"role": "user", "content": "Weather?"}


def chat_echo(message: dict[str, Any]) -> dict[str, Any]:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "Sunny."}
    return {"model": "m", "messages": [ASKED, message, result, ASKED]}


OPENAI_MESSAGE = ChatCompletionMessage.model_validate({
    "role": "assistant", "content": "Let me look.", "refusal": None,
    "annotations": [
        {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}},
    ],
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
})  # fmt: skip
SPOKEN = OPENAI_MESSAGE.model_dump()
PARSED = {
    **SPOKEN, "parsed": {"a": 1},
    "tool_calls": [{
        "id": "call_1", "type": "function", "index": 0,
        "function": {"name": "weather", "arguments": "{}", "parsed_arguments": {"city": "x"}},
    }],
}  # fmt: skip
DELTAS = {
    "role": "assistant", "content": "", "reasoning_content": None, "function_call": None,
    "tool_calls": [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    "message",
    [SPOKEN, OPENAI_MESSAGE.to_dict(), OPENAI_MESSAGE.model_dump(exclude_none=True), PARSED, DELTAS],
    ids=["model_dump", "to_dict", "exclude_none", "parsed", "deltas"],
)
def test_an_answer_of_chat_that_is_sent_back_whole_gives_no_warning(message: dict[str, Any]) -> None:
    assert not read("chat", chat_echo(message)).extra


def test_an_answer_of_chat_that_openais_sdk_dumps_takes_the_quick_way() -> None:
    from segue.families.llm.formats.chat import request_in

    assert request_in._request.decode(json.dumps(chat_echo(SPOKEN)).encode())


def response() -> openai_responses.Response:
    return openai_responses.Response.model_validate({
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "parallel_tool_calls": True, "tools": [],
        "tool_choice": "auto", "status": "completed",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}],
             "encrypted_content": "abc", "status": "completed"},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": "Well.", "logprobs": [], "annotations": [
                    {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1},
                ]},
            ]},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": "{}",
             "status": "completed", "caller": {"type": "direct"}, "created_by": "me"},
            {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "shell", "input": "ls",
             "status": "completed"},
        ],
    })  # fmt: skip


@pytest.mark.parametrize("dumped", ["model_dump", "by_alias", "to_dict", "exclude_none", "parsed"])
def test_an_answer_of_responses_that_is_sent_back_whole_gives_no_warning(dumped: str) -> None:
    items = {
        "model_dump": lambda one: one.model_dump(),
        "by_alias": lambda one: one.model_dump(by_alias=True),
        "to_dict": lambda one: one.to_dict(),
        "exclude_none": lambda one: one.model_dump(exclude_none=True),
        "parsed": lambda one: {**one.model_dump(), "parsed_arguments": {"city": "x"}},
    }
    history = [items[dumped](one) for one in response().output]
    results = [{"type": "function_call_output", "call_id": "c1", "output": "Sunny."}]
    document = {"model": "m", "input": [ASKED, *history, *results, ASKED]}
    assert not read("responses", document).extra


def test_an_answer_of_messages_that_is_sent_back_whole_gives_no_warning_and_binds_nothing() -> None:
    message = anthropic_types.Message.model_validate({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
        "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "abc"},
            {"type": "redacted_thinking", "data": "abc"},
            {"type": "text", "text": "Let me look.", "citations": None},
            {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}, "caller": {"type": "direct"}},
        ],
    })  # fmt: skip
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "Sunny."}]}
    for content in (message.model_dump()["content"], message.to_dict()["content"]):
        turns = [ASKED, {"role": "assistant", "content": content}, result]
        conversation = read("messages", {"model": "m", "max_tokens": 9, "messages": turns})
        assert not conversation.extra
        assert not bound(conversation)


def test_an_answer_of_gemini_that_is_sent_back_whole_gives_no_warning() -> None:
    answer = google_types.Content.model_validate({
        "role": "model",
        "parts": [
            {"text": "Hm.", "thought": True},
            {"text": "Let me look.", "thoughtSignature": "YWJj"},
            {"functionCall": {"name": "weather", "args": {}, "id": "1", "willContinue": False, "partialArgs": []}},
        ],
    })  # fmt: skip
    result = {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"result": "Sunny."}}}]}
    first = {"role": "user", "parts": [{"text": "Weather?"}]}
    for turn in (
        answer.model_dump(mode="json"),
        answer.model_dump(mode="json", by_alias=True),
        answer.model_dump(mode="json", exclude_none=True),
    ):
        assert not read("gemini", {"contents": [first, turn, result]}).extra
