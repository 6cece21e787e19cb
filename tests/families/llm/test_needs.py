"""What a request needs is told from its outside, in every client's format, and never from words inside of a text."""

import json
from typing import Any

import pytest

from segue.families.llm.asked import RawRequest, analyse
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.needs import can_carry, without_data
from segue.families.llm.request import parse_chat

PNG = "data:image/png;base64,AAAA"
HELLO = [{"role": "user", "content": "hello"}]


def needs(format_: str, **fields: Any) -> set[str]:
    body = {"model": "m", **fields}
    if format_ == "chat":
        return set(analyse(parse_chat(json.dumps({"messages": HELLO, **body}).encode())).needs)
    client = {"messages": MESSAGES, "responses": RESPONSES, "gemini": GEMINI}[format_]
    more: dict[str, Any] = {"model": "m", "stream": False} if format_ == "gemini" else {}
    return set(analyse(RawRequest(client, json.dumps(body).encode(), **more)).needs)


def said(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CASES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("chat", {}, set()),
    ("chat", {"temperature": 1, "tools": [], "response_format": {"type": "json_object"}}, set()),
    ("chat", {"tools": None, "reasoning_effort": "none"}, set()),
    ("chat", {"tools": [FUNCTION]}, {"tools"}),
    ("chat", {"reasoning_effort": "high"}, {"reasoning"}),
    ("chat", {"response_format": {"type": "json_schema", "json_schema": {}}}, {"json_schema"}),
    ("chat", {"messages": said({"type": "text", "text": "x"})}, set()),
    ("chat", {"messages": said({"type": "image_url", "image_url": {"url": PNG}})}, {"vision"}),
    ("chat", {"messages": said({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}})}, {"audio"}),
    ("chat", {"messages": said({"type": "file", "file": {"file_data": PNG}})}, {"documents"}),
    ("chat", {"messages": said({"type": "file", "file": {"file_id": "file-1"}})}, {"documents", "files:openai"}),
    ("messages", {"messages": HELLO, "tools": [{"name": "f", "input_schema": {"type": "object"}}]}, {"tools"}),
    (
        "messages",
        {
            "messages": HELLO,
            "tools": [{"type": "web_search_20250305", "name": "web_search"}, {"type": "custom", "name": "f"}],
        },
        {"anthropic:web_search", "tools"},
    ),
    ("messages", {"messages": HELLO, "thinking": {"type": "enabled", "budget_tokens": 2000}}, {"reasoning"}),
    ("messages", {"messages": HELLO, "thinking": {"type": "disabled"}}, set()),
    (
        "messages",
        {"messages": HELLO, "output_config": {"format": {"type": "json_schema", "schema": {}}}},
        {"json_schema"},
    ),
    (
        "messages",
        {"messages": said({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}})},
        {"vision"},
    ),
    (
        "messages",
        {"messages": said({"type": "document", "source": {"type": "file", "file_id": "f"}})},
        {"documents", "files:anthropic"},
    ),
    ("responses", {"input": "hello", "tools": [{"type": "web_search_preview"}]}, {"openai:web_search"}),
    ("responses", {"input": "hello", "tools": [{"type": "function", "name": "f"}]}, {"tools"}),
    ("responses", {"input": "hello", "text": {"format": {"type": "json_schema", "schema": {}}}}, {"json_schema"}),
    ("responses", {"input": "hello", "reasoning": {"summary": "auto"}}, set()),
    ("responses", {"input": "hello", "reasoning": {"effort": "low"}}, {"reasoning"}),
    ("responses", {"input": said({"type": "input_image", "image_url": PNG})}, {"vision"}),
    ("responses", {"input": said({"type": "input_file", "file_id": "f"})}, {"documents", "files:openai"}),
    ("gemini", {"contents": [{"parts": [{"text": "x"}]}]}, set()),
    (
        "gemini",
        {"contents": [], "tools": [{"googleSearch": {}}, {"functionDeclarations": []}]},
        {"google:google_search", "tools"},
    ),
    ("gemini", {"contents": [], "tools": [{"code_execution": {}}]}, {"google:code_execution"}),
    ("gemini", {"contents": [], "cachedContent": "cachedContents/1"}, {"cache:google"}),
    ("gemini", {"contents": [], "generationConfig": {"responseSchema": {"type": "OBJECT"}}}, {"json_schema"}),
    ("gemini", {"contents": [], "generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}, set()),
    ("gemini", {"contents": [], "generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}, {"reasoning"}),
    ("gemini", {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]}]}, {"vision"}),
    ("gemini", {"contents": [{"parts": [{"inlineData": {"mimeType": "video/mp4", "data": "AA"}}]}]}, {"video"}),
    (
        "gemini",
        {"contents": [{"parts": [{"fileData": {"mimeType": "application/pdf", "fileUri": "gs://bucket/file"}}]}]},
        {"documents", "files:google"},
    ),
]


@pytest.mark.parametrize(("format_", "fields", "expected"), CASES)
def test_a_request_needs_what_it_makes_use_of(format_: str, fields: dict[str, Any], expected: set[str]):
    assert needs(format_, **fields) == expected


@pytest.mark.parametrize("format_", ["chat", "messages"])
def test_words_inside_of_a_text_mean_nothing(format_: str):
    text = json.dumps(
        said({"type": "image_url", "image_url": {"url": PNG}}, {"type": "image", "source": {"type": "file"}})
    )
    assert needs(format_, messages=said({"type": "text", "text": text})) == set()
    assert needs(format_, messages=[{"role": "user", "content": "image_url"}]) == set()


@pytest.mark.parametrize("broken", [5, {"type": 5}, [5], [{"type": 5}], "x"])
def test_tools_that_cannot_be_read_are_left_to_whoever_is_asked(broken: Any):
    assert needs("chat", tools=broken) <= {"tools"}
    assert needs("messages", messages=HELLO, tools=broken) <= {"tools"}
    assert needs("gemini", contents=[], tools=broken) <= {"google:type"}


def test_data_in_base64_is_not_counted_as_tokens():
    large = "A" * 1_000_000
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{large}"}}
    sound = {"type": "input_audio", "input_audio": {"data": large, "format": "wav"}}
    body = json.dumps({"model": "m", "messages": said({"type": "text", "text": "x" * 4000}, image, sound)}).encode()
    features = analyse(parse_chat(body))
    assert features.size == len(body)
    assert 1000 <= features.tokens <= 1100
    assert features.needs == {"vision", "audio"}
    text = json.dumps({"model": "m", "messages": [{"role": "user", "content": large}]}).encode()
    assert analyse(parse_chat(text)).tokens == len(text) // 4


def test_taking_data_out_leaves_everything_else_as_it_was():
    left = b'{"data":{"type":"x"},"data" : "","url":"data:a/b;base64,","n":"data"}'
    full = left.replace(b'"data" : ""', b'"data" : "AAAA"').replace(b"base64,", b"base64,BBBB")
    assert without_data(full) == left
    assert without_data(b"cut ;base64,AAA") == b"cut ;base64,AAA"


@pytest.mark.parametrize(
    ("need", "vendors", "formats", "carried"),
    [
        ("files:openai", {"openai"}, {"chat"}, True),
        ("files:openai", {"anthropic"}, {"messages"}, False),
        ("openai:web_search", {"openai"}, {"chat"}, False),
        ("openai:web_search", {"openai"}, {"chat", "responses"}, True),
        ("anthropic:web_search", {"anthropic"}, {"messages"}, True),
        ("cache:google", {"google"}, {"gemini"}, True),
        ("google:google_search", set(), {"gemini"}, False),
    ],
)
def test_what_is_bound_to_a_vendor_is_carried_by_that_vendor(need: str, vendors: set, formats: set, carried: bool):
    assert can_carry(need, vendors, formats) is carried
