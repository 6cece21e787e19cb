"""Answers and errors in Responses: read generously, written as OpenAI's SDK expects them."""

import json
from typing import Any

import pytest
from openai.types.responses import Response

from families.llm.formats.responses_samples import ANSWER, REQUEST, compact, shown
from segue.core.errors import ProviderFailed, RequestInvalid
from segue.core.failure import Failure, Kind, Scope
from segue.core.outcome import Usage
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import (
    Citation,
    Content,
    Refusal,
    ServerItem,
    Signature,
    Text,
    Thinking,
    ToolUse,
)
from segue.families.llm.ir.format import BadAnswer


def answer(**changes: Any) -> Answer:
    return RESPONSES.read_answer(compact({**ANSWER, **changes}).encode())


def write(*content: Content, **more: Any) -> dict[str, Any]:
    body = RESPONSES.write_answer(Answer(content=list(content), **more), shown())
    Response.model_validate_json(body)
    found: dict[str, Any] = json.loads(body)
    return found


def test_an_answer_comes_out_of_the_intermediate_form_as_it_went_in() -> None:
    first = answer()
    body = RESPONSES.write_answer(first, shown(REQUEST))
    assert RESPONSES.read_answer(body) == first
    Response.model_validate_json(body)


def test_usage_counts_what_was_cached_and_thought() -> None:
    usage = answer().usage
    assert usage == Usage(100, 30, cached_tokens=40, cache_write_tokens=8, reasoning_tokens=12)


@pytest.mark.parametrize(
    ("changes", "stop"),
    [
        ({}, Stop.TOOLS),
        ({"output": ANSWER["output"][:2]}, Stop.END),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Stop.LENGTH),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, Stop.FILTER),
        ({"status": "incomplete", "incomplete_details": None}, Stop.OTHER),
        ({"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]}, Stop.REFUSAL),
    ],
)
def test_the_reason_for_the_end_is_understood(changes: dict[str, Any], stop: Stop) -> None:
    assert answer(**changes).stop is stop


def test_what_vendors_leave_out_or_add_does_not_matter() -> None:
    sparse = {"output": [{"type": "message", "content": [{"type": "output_text", "text": "hi", "annotations": None}]}]}
    found = RESPONSES.read_answer(json.dumps({**sparse, "usage": None, "id": None, "news": 1}).encode())
    assert found.content == [Text("hi")]
    assert found.usage is None


def test_calls_without_names_of_their_own_never_share_one() -> None:
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    uses = answer(output=[call, call]).content
    names = {use.id for use in uses if isinstance(use, ToolUse)}
    assert len(names) == 2


def test_items_of_openais_own_tools_are_kept() -> None:
    item = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    found = answer(output=[item])
    assert found.content == [ServerItem("openai", "web_search_call", compact(item).encode())]
    assert json.loads(RESPONSES.write_answer(found, shown()))["output"] == [item]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"output": 5}',
        b'{"output": [5]}',
        b'{"output": [], "status": "failed"}',
        b'{"output": [], "status": "in_progress"}',
        b'{"output": [], "error": {"code": "server_error"}}',
        b'{"output": [], "id": "\xff"}',
        b'{"output":' + b"[" * 5000,
    ],
)
def test_an_answer_that_is_none_is_told_apart(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        RESPONSES.read_answer(body)


def test_the_settings_of_the_request_are_repeated() -> None:
    body = json.loads(RESPONSES.write_answer(Answer(), shown(REQUEST)))
    parsed = Response.model_validate(body)
    assert parsed.instructions == "Be brief."
    assert parsed.temperature == 0.5
    assert parsed.max_output_tokens == 500
    assert body["tools"] == REQUEST["tools"]
    assert body["reasoning"] == REQUEST["reasoning"]
    assert body["metadata"] == REQUEST["metadata"]


def test_a_foreign_answer_gets_names_that_do_not_change() -> None:
    content = (Text("a"), ToolUse("toolu_1", "f", "{}"), ToolUse("toolu_2", "f", "{}"))
    first, second = write(*content, id="msg_vendor"), write(*content, id="msg_vendor")
    assert first == second
    names = [item["id"] for item in first["output"]]
    assert len(set(names)) == 3
    assert [name.split("_")[0] for name in names] == ["msg", "fc", "fc"]
    assert [item.get("call_id") for item in first["output"]] == [None, "toolu_1", "toolu_2"]
    assert first["id"].startswith("resp_")


def test_another_vendors_thinking_makes_the_round_trip_through_a_client() -> None:
    thoughts = [
        Thinking("why", Signature("anthropic", "EqRk==")),
        Thinking("", Signature("anthropic", "blob", "redacted")),
        Thinking("g", Signature("google", "sig")),
    ]
    output = write(*thoughts)["output"]
    request = {"model": "m", "input": [{"role": "user", "content": "q"}, *output]}
    back = RESPONSES.read_request(json.dumps(request).encode()).messages[1].content
    assert [(b.text, b.signature) for b in back if isinstance(b, Thinking)] == [(t.text, t.signature) for t in thoughts]


def test_texts_beside_each_other_are_parts_of_one_message() -> None:
    output = write(Text("a"), Refusal("b"), Thinking("t"), Text("c"))["output"]
    assert [item["type"] for item in output] == ["message", "reasoning", "message"]
    assert [part["type"] for part in output[0]["content"]] == ["output_text", "refusal"]


def test_citations_with_an_address_become_annotations() -> None:
    cited = Text("abc", citations=(Citation("https://a.example", "A"), Citation(title="no address")))
    part = write(cited)["output"][0]["content"][0]
    assert part["annotations"] == [
        {"type": "url_citation", "start_index": 0, "end_index": 3, "url": "https://a.example", "title": "A"}
    ]


@pytest.mark.parametrize(
    ("stop", "content", "status", "reason"),
    [
        (Stop.END, Text("a"), "completed", None),
        (Stop.SEQUENCE, Text("a"), "completed", None),
        (Stop.PAUSE, Text("a"), "completed", None),
        (Stop.LENGTH, Text("a"), "incomplete", "max_output_tokens"),
        (Stop.CONTEXT, Text("a"), "incomplete", "max_output_tokens"),
        (Stop.FILTER, Text("a"), "incomplete", "content_filter"),
        (Stop.REFUSAL, Text("a"), "incomplete", "content_filter"),
        (Stop.REFUSAL, Refusal("a"), "completed", None),
        (Stop.MALFORMED, Text("a"), "incomplete", None),
    ],
)
def test_every_reason_for_the_end_has_a_status(stop: Stop, content: Content, status: str, reason: str | None) -> None:
    body = write(content, stop=stop)
    assert body["status"] == status
    assert (body["incomplete_details"] or {}).get("reason") == reason
    assert body["output"][0]["status"] == status


def test_a_custom_call_is_written_as_one() -> None:
    item = write(ToolUse("c", "sql", "select 1", custom=True))["output"][0]
    assert (item["type"], item["input"]) == ("custom_tool_call", "select 1")


ERRORS = [
    (401, {"code": "invalid_api_key", "message": "Incorrect API key sk-secret"}, Kind.AUTH, Scope.KEY),
    (429, {"code": "rate_limit_exceeded", "message": "Please try again in 1.5s."}, Kind.RATE_LIMITED, Scope.KEY),
    (429, {"code": "insufficient_quota", "message": "You exceeded"}, Kind.QUOTA, Scope.KEY),
    (400, {"code": "context_length_exceeded", "message": "x"}, Kind.CONTEXT_LENGTH, Scope.MODEL),
    (
        200,
        {"code": "x", "message": "Your input exceeds the context window of this model."},
        Kind.CONTEXT_LENGTH,
        Scope.MODEL,
    ),
    (404, {"code": "model_not_found", "message": "x"}, Kind.MODEL_MISSING, Scope.MODEL),
    (404, {"code": "previous_response_not_found", "message": "x"}, Kind.INVALID_REQUEST, Scope.REQUEST),
    (200, {"code": "server_error", "message": "x"}, Kind.SERVER_ERROR, Scope.PROVIDER),
    (200, {"code": "rate_limit_exceeded", "message": "x"}, Kind.RATE_LIMITED, Scope.KEY),
    (200, {"code": "invalid_prompt", "message": "x"}, Kind.INVALID_REQUEST, Scope.REQUEST),
    (200, {"code": "image_too_large", "message": "x"}, Kind.INVALID_REQUEST, Scope.REQUEST),
    (200, {"code": "bio_policy", "message": "x"}, Kind.CONTENT_FILTER, Scope.REQUEST),
    (503, {"message": "x"}, Kind.OVERLOADED, Scope.PROVIDER),
]


@pytest.mark.parametrize(("status", "error", "kind", "scope"), ERRORS)
def test_an_error_is_understood(status: int, error: dict[str, str], kind: Kind, scope: Scope) -> None:
    failure = RESPONSES.read_error(status, {}, json.dumps({"error": error}).encode(), "sk-secret")
    assert (failure.kind, failure.scope) == (kind, scope)
    assert "sk-secret" not in failure.message


def test_an_error_tells_how_long_to_wait_and_how_much_is_needed() -> None:
    def failure(code: str, message: str) -> Failure:
        body = json.dumps({"error": {"code": code, "message": message}}).encode()
        return RESPONSES.read_error(429 if "rate" in code else 400, {}, body, "")

    assert failure("rate_limit_exceeded", "Please try again in 1.5s.").retry_after == 1.5
    assert failure("rate_limit_exceeded", "Please try again in 20ms.").retry_after == pytest.approx(0.02)
    told = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    assert failure("context_length_exceeded", told).needs == "context:9000"


def test_a_page_of_a_stranger_is_no_error_of_openais() -> None:
    assert RESPONSES.read_error(404, {}, b"<html>", "").kind is Kind.BAD_RESPONSE
    assert RESPONSES.read_error(200, {}, b"<html>", "").kind is Kind.BAD_RESPONSE


def test_errors_have_the_shape_for_which_the_sdk_raises() -> None:
    body = json.loads(RESPONSES.write_error(RequestInvalid("bad", param="input"), {"call_id": "c"}))
    assert body["error"] == {
        "message": "bad",
        "type": "invalid_request_error",
        "param": "input",
        "code": "invalid_request",
    }
    assert body["segue"] == {"call_id": "c"}


def test_a_vendors_words_pass_only_where_they_are_the_callers_business() -> None:
    def code(kind: Kind) -> str:
        failure = Failure(kind, "x", vendor_type="their_type", vendor_code="their_code")
        return str(json.loads(RESPONSES.write_error(ProviderFailed(failure, "x"), {}))["error"]["code"])

    assert code(Kind.CONTEXT_LENGTH) == "their_code"
    assert code(Kind.AUTH) == "provider_auth"
