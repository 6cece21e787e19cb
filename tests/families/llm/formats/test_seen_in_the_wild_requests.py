"""What vendors were seen to take and how they were seen to refuse, where it differs from their documentation.

Each test stands for a class of recorded exchanges that could not be read, or were read for something else. The bodies
are ours: as small as the defect allows.
"""

import json
from types import SimpleNamespace

import pytest

from families.llm.vendor_calls import SECRET, account_of, candidate
from segue.core.failure import Kind, Scope
from segue.families.llm.catalogue.abilities import abilities_of
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.converse.errors import read_error as read_bedrock_error
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.blocks import Media, Text, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool, ToolChoice
from segue.families.llm.ir.format import Target
from segue.families.llm.request import parse_chat
from segue.families.llm.thoughts import refuses_thoughts

USER = {"role": "user", "content": "hi"}
PIXEL = "iVBORw0KGgo="


def chat_request(**fields: object) -> Conversation:
    return CHAT.read_request(json.dumps({"model": "m", "messages": [USER], **fields}).encode())


def gemini_request(**fields: object) -> Conversation:
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], **fields}
    return GEMINI.read_request(json.dumps(body).encode(), model="m", stream=False)


# Errors


@pytest.mark.parametrize(
    ("status", "body", "kind", "scope", "needs"),
    [
        (400, {"message": "x", "type": "too_many_prompt_tokens", "code": 400}, Kind.CONTEXT_LENGTH, Scope.MODEL, None),
        (400, {"message": "prompt too long; exceeded max context length by 1119046 tokens (ref: 1)"},
         Kind.CONTEXT_LENGTH, Scope.MODEL, None),
        (400, {"message": "This model's maximum context length is 65536 tokens. However, you requested 250,025 tokens"},
         Kind.CONTEXT_LENGTH, Scope.MODEL, "context:250025"),
        (400, {"message": "This endpoint's maximum context length is 9 tokens. However, you requested about 25 tokens"},
         Kind.CONTEXT_LENGTH, Scope.MODEL, "context:25"),
        (200, {"message": "Tool choice is required, but model did not call a tool", "code": "tool_use_failed",
               "type": "invalid_request_error", "status_code": 400}, Kind.UNSUPPORTED, Scope.MODEL, None),
        (400, {"message": "Failed to generate JSON", "code": "json_validate_failed"},
         Kind.UNSUPPORTED, Scope.MODEL, None),
    ],
)  # fmt: skip
def test_an_error_is_understood(status: int, body: dict, kind: Kind, scope: Scope, needs: str | None) -> None:
    """Perplexity, Ollama's cloud, DeepSeek, OpenRouter; and Groq, whose models wrote something that it refused."""
    failure = classify(status, error_object(json.dumps({"error": body}).encode()), SECRET)
    assert (failure.kind, failure.scope, failure.needs) == (kind, scope, needs)


def test_bedrock_tells_in_its_own_words_that_a_request_is_too_long() -> None:
    message = "The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum"
    body = json.dumps({"message": message}).encode()
    failure = read_bedrock_error(400, {"x-amzn-errortype": "ValidationException"}, body, SECRET)
    assert failure.kind is Kind.CONTEXT_LENGTH


# Requests in Chat Completions that vendors take


def test_a_tool_without_a_type_is_a_function() -> None:
    tools = [{"function": {"name": "weather", "parameters": {"type": "object"}}}]
    assert chat_request(tools=tools).tools == [FunctionTool("weather", "", b'{"type": "object"}')]


def test_mistrals_any_is_required() -> None:
    assert chat_request(tool_choice="any").tool_choice == ToolChoice("required")


def test_a_schema_without_a_name_is_read() -> None:
    wanted = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    assert chat_request(response_format=wanted).output.schema == b'{"type": "object"}'


DATA = f"data:application/pdf;base64,{PIXEL}"


@pytest.mark.parametrize(
    ("part", "media"),
    [
        ({"type": "image_url", "image_url": "https://x/a.png"}, Media("image", url="https://x/a.png")),
        ({"type": "image_url", "image_url": f"data:image/gif;base64,{PIXEL}"}, Media("image", "image/gif", PIXEL)),
        ({"type": "document_url", "document_url": "https://x/a.pdf", "document_name": "a"},
         Media("document", url="https://x/a.pdf", name="a")),
        ({"type": "document_url", "document_url": DATA}, Media("document", "application/pdf", PIXEL)),
        ({"type": "file_url", "file_url": {"url": "https://x/a.pdf"}}, Media("document", url="https://x/a.pdf")),
        ({"type": "file_url", "file_url": {"url": PIXEL}, "file_name": "a.txt"},
         Media("document", "text/plain", PIXEL, name="a.txt")),
        ({"type": "video_url", "video_url": {"url": "https://x/a.mp4"}}, Media("video", url="https://x/a.mp4")),
        ({"type": "file", "file": {"file_data": "https://x/a.pdf", "filename": "a"}},
         Media("document", url="https://x/a.pdf", name="a")),
    ],
)  # fmt: skip
def test_media_are_read_in_every_vendors_words(part: dict, media: Media) -> None:
    """An address in the place of a file's data was taken for base64 before, and sent so."""
    said = chat_request(messages=[{"role": "user", "content": [part]}]).messages[0].content
    assert said == [media]


def test_thoughts_that_mistral_gave_are_read_on_their_way_back() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "8"}]
    turns = chat_request(messages=[USER, {"role": "assistant", "content": parts}, USER]).messages
    assert turns[1].content == [Thinking("hm"), Text("8")]


def test_a_mark_of_a_whole_message_stands_after_its_last_block() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    call = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = [
        {"role": "system", "content": "s", **mark},
        {**USER, **mark},
        {"role": "assistant", "content": None, "tool_calls": [call], **mark},
        {"role": "tool", "tool_call_id": "t", "content": "r", **mark},
    ]
    read = chat_request(messages=turns)
    marked = [read.system[0], *(message.content[-1] for message in read.messages)]
    assert [type(block) for block in marked] == [Text, Text, ToolUse, ToolResult]
    assert all(block.cache is not None for block in marked)


def test_groqs_word_for_the_usual_effort_is_nobody_elses() -> None:
    """OpenAI refuses `default`, and Anthropic's budget was made of it."""
    assert chat_request(reasoning_effort="default").reasoning is None


def test_instructions_alone_are_an_item_of_the_input() -> None:
    """OpenAI answers 400 to an empty input, whatever the instructions are."""
    alone = chat_request(messages=[{"role": "system", "content": "be kind"}])
    body = json.loads(RESPONSES.write_request(alone, Target("m")).body)
    assert body["input"] == [{"type": "message", "role": "developer", "content": "be kind"}]
    assert "instructions" not in body


# Requests of Gemini's


def test_one_part_or_tool_may_stand_without_its_list() -> None:
    read = gemini_request(
        systemInstruction={"parts": {"text": "be kind"}},
        contents={"parts": {"text": "hi"}},
        tools={"functionDeclarations": [{"name": "f"}]},
    )
    assert [part.text for part in read.system] == ["be kind"]
    assert read.messages[0].content == [Text("hi")]
    assert [tool.name for tool in read.tools] == ["f"]


def test_a_mode_may_be_written_small() -> None:
    read = gemini_request(toolConfig={"functionCallingConfig": {"mode": "any", "allowedFunctionNames": ["f"]}})
    assert read.tool_choice == ToolChoice("required", ("f",))


# Thoughts at an address that is not OpenAI's


THOUGHT = [USER, {"role": "assistant", "content": "8", "reasoning_content": "hm"}, USER]


@pytest.mark.parametrize(
    ("settings", "kept"),
    [({}, False), ({"base_url": "https://eu.api.openai.com/v1"}, False), ({"base_url": "https://api.z.ai/v4"}, True)],
)
def test_thoughts_pass_to_whoever_speaks_as_openai_does_but_not_to_openai(settings: dict, kept: bool) -> None:
    body = json.dumps({"model": "m", "messages": THOUGHT}).encode()
    asked = SimpleNamespace(request=parse_chat(body), id="c", continuation=None)
    sent = account_of("openai", **settings).codecs["chat"].encode(asked, candidate())
    assert ("reasoning_content" in json.loads(sent.body)["messages"][1]) is kept
    assert bool(asked.request.warnings) is not kept


@pytest.mark.parametrize(
    ("message", "refused"),
    [
        ("Unknown parameter: 'messages[1].reasoning_content'.", True),
        ("'messages.1' : property 'reasoning_content' is unsupported", True),
        ("Unsupported parameter: 'reasoning.effort' is not supported with this model.", False),
        ("Unsupported value: 'reasoning_effort' does not support 'none'", False),
    ],
)
def test_a_server_that_does_not_know_the_field_is_asked_again_without_it(message: str, refused: bool) -> None:
    failure = classify(400, {"message": message, "type": "invalid_request_error"}, SECRET)
    assert refuses_thoughts(failure) is refused


# Requests for which nobody was asked


@pytest.mark.parametrize(
    ("adapter", "tool", "carried"),
    [
        ("openrouter", "openrouter:web_search", True),
        ("openrouter", "web_search", False),
        ("xai", "web_search", True),
        ("groq", "browser_search", True),
        ("groq", "openrouter:web_search", False),
        ("mistral", "web_search", False),
    ],
)
def test_a_vendors_own_tool_goes_to_the_vendor_that_runs_it(adapter: str, tool: str, carried: bool) -> None:
    assert account_of(adapter).codecs["chat"].carries(f"openai:{tool}", "m") is carried


@pytest.mark.parametrize(
    ("model", "word", "able"),
    [
        ("@cf/meta/llama-3.3-70b-instruct-fp8-fast", "json_schema", True),
        ("@cf/meta/llama-3.3-70b-instruct-fp8-fast", "vision", False),
        ("deepseek-ai/deepseek-r1", "json_schema", True),
        ("deepseek-reasoner", "json_schema", False),
        ("llama-3.3-70b-versatile", "json_schema", False),
    ],
)
def test_a_schema_is_enforced_by_whoever_serves_open_weights(model: str, word: str, able: bool) -> None:
    assert (word in abilities_of(model).words) is able


def test_the_first_gpt_4_that_sees_is_asked_for_pictures() -> None:
    assert not abilities_of("gpt-4-vision-preview").words
    assert abilities_of("gpt-4-1106-preview").context == 128_000
