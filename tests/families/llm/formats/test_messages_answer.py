"""Whole answers and errors of Anthropic's Messages, both ways, checked against the types of Anthropic's SDK."""

from typing import Any

import anthropic
import httpx2
import msgspec
import pytest
from anthropic.types import Message, MessageTokensCount
from anthropic.types.shared import ErrorResponse

from families.llm.formats.messages_support import MESSAGE, SHOWN
from segue.core.errors import CallFailed, Overloaded, ProviderFailed, RequestInvalid, UnknownModel
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Usage
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.messages.wire import JSON_TOOL
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import Citation, Refusal, ServerItem, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import BadAnswer

encode = msgspec.json.encode


def message(**fields: Any) -> bytes:
    return encode({**MESSAGE, **fields})


def for_the_sdk(answer: Answer) -> Message:
    return Message.model_validate_json(MESSAGES.write_answer(answer, SHOWN))


def test_an_answer_is_read_with_its_thoughts_citations_and_calls() -> None:
    answer = MESSAGES.read_answer(encode(MESSAGE))
    thought, secret, said, called = answer.content
    assert thought == Thinking("Hm.", Signature("anthropic", "EqQBCgIYAhIM"))
    assert secret == Thinking(signature=Signature("anthropic", "EmwKAhgBEgy3", "redacted"))
    assert isinstance(said, Text)
    assert (said.citations[0].quote, said.citations[0].title) == ("The grass is green.", "Nature")
    assert called == ToolUse("toolu_01", "weather", '{"city":"Zürich"}')
    assert (answer.stop, answer.service_tier) == (Stop.TOOLS, "standard")


def test_input_tokens_include_what_the_cache_gave_and_took() -> None:
    assert MESSAGES.read_answer(encode(MESSAGE)).usage == Usage(
        118, 60, cached_tokens=100, cache_write_tokens=5, cache_write_1h_tokens=3, reasoning_tokens=20
    )


def test_an_answer_that_is_read_and_written_is_the_same() -> None:
    answer = MESSAGES.read_answer(encode(MESSAGE))
    again = MESSAGES.write_answer(answer, SHOWN)
    assert msgspec.json.decode(again) == MESSAGE
    assert MESSAGES.read_answer(again) == answer


def test_facts_that_only_anthropic_tells_reach_its_own_clients() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": None}
    written = MESSAGES.write_answer(MESSAGES.read_answer(message(stop_reason="refusal", stop_details=details)), SHOWN)
    assert msgspec.json.decode(written)["stop_details"] == details


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", Stop.END),
        ("max_tokens", Stop.LENGTH),
        ("stop_sequence", Stop.SEQUENCE),
        ("tool_use", Stop.TOOLS),
        ("pause_turn", Stop.PAUSE),
        ("refusal", Stop.REFUSAL),
        ("model_context_window_exceeded", Stop.CONTEXT),
    ],
)
def test_every_reason_of_an_end_survives(reason: str, stop: Stop) -> None:
    answer = MESSAGES.read_answer(message(stop_reason=reason, stop_sequence="x"))
    assert (answer.stop, answer.sequence) == (stop, "x")
    assert for_the_sdk(answer).stop_reason == reason


@pytest.mark.parametrize("stop", list(Stop))
def test_the_sdk_knows_every_reason_that_is_written(stop: Stop) -> None:
    assert for_the_sdk(Answer(content=[Text("a")], stop=stop)).stop_reason is not None


def test_a_block_of_a_later_type_is_kept_as_it_came() -> None:
    later = {"type": "hologram", "size": [1, 2]}
    answer = MESSAGES.read_answer(message(content=[later]))
    assert answer.content == [ServerItem("anthropic", "hologram", encode(later))]


def test_a_call_out_of_code_that_runs_at_anthropic_stays_anthropics() -> None:
    called = {
        "type": "tool_use",
        "id": "t",
        "name": "f",
        "input": {},
        "caller": {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"},
    }
    assert isinstance(MESSAGES.read_answer(message(content=[called])).content[0], ServerItem)
    direct = {**called, "caller": {"type": "direct"}}
    assert isinstance(MESSAGES.read_answer(message(content=[direct])).content[0], ToolUse)


def test_the_tool_that_stands_for_json_becomes_text() -> None:
    called = {"type": "tool_use", "id": "t", "name": JSON_TOOL, "input": {"a": 1}}
    answer = MESSAGES.read_answer(message(content=[called]))
    assert (answer.content, answer.stop) == ([Text('{"a":1}')], Stop.END)


def test_calls_without_names_of_their_own_get_different_ones() -> None:
    nameless = {"type": "tool_use", "name": "f", "input": {}}
    first, second = MESSAGES.read_answer(message(content=[nameless, nameless])).content
    assert isinstance(first, ToolUse)
    assert isinstance(second, ToolUse)
    assert first.id != second.id


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"content": null}',
        b'{"type":"error","error":{"type":"api_error","message":"x"}}',
        b'{"content":[{}]}',
        b'{"content":[{"type":"tool_use"}]}',
        b'{"content": "text"}',
        b'{"content":[{"type":"text","text":"\xff"}]}',
    ],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        MESSAGES.read_answer(body)


def test_an_answer_of_another_vendor_is_valid_for_the_sdk() -> None:
    answer = Answer(
        id="chatcmpl-1",
        content=[
            Thinking("Hm"),
            Text("See there.", citations=(Citation(url="https://example.org", title="There", start=0, end=3),)),
            Refusal("No."),
            ToolUse("call_1", "f", ""),
            ToolUse("call_2", "g", "not json"),
            ToolUse("call_3", "h", "free text", custom=True),
            ServerItem("openai", "web_search_call", b"{}"),
        ],
        stop=Stop.TOOLS,
        usage=Usage(10, 4, cached_tokens=6),
    )
    seen = for_the_sdk(answer)
    assert [item.type for item in seen.content] == ["thinking", "text", "text", "tool_use", "tool_use", "tool_use"]
    assert [item.input for item in seen.content if item.type == "tool_use"] == [
        {},
        {"arguments": "not json"},
        {"input": "free text"},
    ]
    assert (seen.id, seen.model) == ("msg_call_1", "upstream-model")
    assert (seen.usage.input_tokens, seen.usage.cache_read_input_tokens) == (4, 6)


def failure_of(status: int, kind: str, words: str, **more: Any) -> Failure:
    body = encode({"type": "error", "error": {"type": kind, "message": words, **more}, "request_id": "req_1"})
    return MESSAGES.read_error(status, {}, body, "sk-ant-secret")


@pytest.mark.parametrize(
    ("status", "kind", "words", "expected", "scope"),
    [
        (400, "invalid_request_error", "max_tokens: Field required", Kind.INVALID_REQUEST, Scope.REQUEST),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 5 maximum", Kind.CONTEXT_LENGTH, Scope.MODEL),
        (400, "invalid_request_error", "Your credit balance is too low.", Kind.QUOTA, Scope.KEY),
        (400, "invalid_request_error", "You have reached your specified API usage limits.", Kind.QUOTA, Scope.KEY),
        (400, "invalid_request_error", "Output blocked by content filtering", Kind.CONTENT_FILTER, Scope.REQUEST),
        (400, "invalid_request_error", "This model does not support effort.", Kind.UNSUPPORTED, Scope.REQUEST),
        (401, "authentication_error", "invalid x-api-key", Kind.AUTH, Scope.KEY),
        (402, "billing_error", "Pay first", Kind.QUOTA, Scope.KEY),
        (403, "permission_error", "No", Kind.PERMISSION, Scope.KEY),
        (404, "not_found_error", "model: claude-0", Kind.MODEL_MISSING, Scope.MODEL),
        (404, "not_found_error", "File file_1 not found", Kind.INVALID_REQUEST, Scope.REQUEST),
        (413, "request_too_large", "Request exceeds the maximum size", Kind.CONTEXT_LENGTH, Scope.MODEL),
        (429, "rate_limit_error", "This request would exceed your rate limit", Kind.RATE_LIMITED, Scope.KEY),
        (500, "api_error", "Internal server error", Kind.SERVER_ERROR, Scope.PROVIDER),
        (504, "timeout_error", "Took too long", Kind.TIMEOUT, Scope.PROVIDER),
        (529, "overloaded_error", "Overloaded", Kind.OVERLOADED, Scope.PROVIDER),
        (529, "new_error", "?", Kind.OVERLOADED, Scope.PROVIDER),
    ],
)  # fmt: skip
def test_documented_errors_are_understood(status: int, kind: str, words: str, expected: Kind, scope: Scope) -> None:
    failure = failure_of(status, kind, words)
    assert (failure.kind, failure.scope, failure.vendor_type) == (expected, scope, kind)


def test_a_full_window_tells_how_large_a_window_is_needed() -> None:
    both = "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease them"
    assert (
        failure_of(400, "invalid_request_error", "prompt is too long: 210,000 tokens > 200,000 maximum").needs
        == "context:210000"
    )
    assert failure_of(400, "invalid_request_error", both).needs == "context:210000"


def test_the_field_that_is_meant_and_the_stable_word_are_kept_and_the_key_is_not() -> None:
    failure = failure_of(
        400, "invalid_request_error", "messages.1.content.0.type: bad, sk-ant-secret", details={"error_code": "odd"}
    )
    assert (failure.param, failure.vendor_code) == ("messages.1.content.0.type", "odd")
    assert "secret" not in failure.message


@pytest.mark.parametrize("body", [b"<html>nope</html>", b"", b"\xff", b"[]", b"5"])
@pytest.mark.parametrize("status", [200, 404, 400])
def test_a_strangers_body_blames_nobodys_request(status: int, body: bytes) -> None:
    assert MESSAGES.read_error(status, {}, body, "").kind is Kind.BAD_RESPONSE


@pytest.mark.parametrize(
    ("error", "raised", "kind"),
    [
        (RequestInvalid("bad", param="model"), anthropic.BadRequestError, "invalid_request_error"),
        (UnknownModel("what?"), anthropic.NotFoundError, "not_found_error"),
        (Overloaded("busy"), anthropic.APIStatusError, "overloaded_error"),
        (
            ProviderFailed(Failure(Kind.RATE_LIMITED, "slow down", vendor_type="requests"), "slow down"),
            anthropic.RateLimitError,
            "rate_limit_error",
        ),
        (
            ProviderFailed(Failure(Kind.AUTH, "bad key", status=401, vendor_type="authentication_error"), "sorry"),
            anthropic.InternalServerError,
            "api_error",
        ),
        (
            ProviderFailed(
                Failure(Kind.CONTEXT_LENGTH, "long", Executed.NO, status=400, vendor_type="invalid_request_error"),
                "long",
            ),
            anthropic.BadRequestError,
            "invalid_request_error",
        ),
    ],
)
def test_the_sdk_raises_its_own_class_for_our_errors(error: CallFailed, raised: type[Exception], kind: str) -> None:
    body = MESSAGES.write_error(error, {"code": error.code})
    assert ErrorResponse.model_validate_json(body).error.type == kind

    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(error.status, content=body, headers={"content-type": "application/json"})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = anthropic.Anthropic(api_key="x", base_url="http://127.0.0.1", http_client=http, max_retries=0)
    with pytest.raises(raised) as caught:
        client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])
    assert isinstance(caught.value, anthropic.APIStatusError)
    assert (caught.value.type, caught.value.error_code) == (kind, error.code)
    client.close()


def test_a_count_of_tokens_is_what_the_sdk_expects() -> None:
    assert MessageTokensCount.model_validate_json(MESSAGES.write_count(42)).input_tokens == 42
