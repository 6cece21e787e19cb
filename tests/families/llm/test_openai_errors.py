"""What vendors document (or are known to send) as errors, and what each means to us."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.failure import Executed, Kind, Scope
from segue.families.llm.formats.openai_errors import MAX_MESSAGE, MAX_WORD, classify, error_object, gave_up, redact

SECRET = "sk-very-secret-key-123456"


def openai(message: str, type_: str | None = None, code: str | None = None, param: str | None = None) -> dict:
    return {"error": {"message": message, "type": type_, "code": code, "param": param}}


TABLE = [
    # OpenAI, platform.openai.com/docs/guides/error-codes
    (400, openai("bad", "invalid_request_error", None, "temperature"), Kind.INVALID_REQUEST, Scope.REQUEST),
    (400, openai("This model's maximum context length is 8192 tokens.", "invalid_request_error",
                 "context_length_exceeded", "messages"), Kind.CONTEXT_LENGTH, Scope.MODEL),
    (400, openai("too long", "invalid_request_error", "string_above_max_length"), Kind.CONTEXT_LENGTH, Scope.MODEL),
    (400, openai("flagged", "invalid_request_error", "content_policy_violation"), Kind.CONTENT_FILTER, Scope.REQUEST),
    (400, openai("filtered", None, "content_filter"), Kind.CONTENT_FILTER, Scope.REQUEST),
    (401, openai("Incorrect API key provided", "invalid_request_error", "invalid_api_key"), Kind.AUTH, Scope.KEY),
    (401, openai("You must be a member of an organization", "invalid_request_error"), Kind.AUTH, Scope.KEY),
    (403, openai("Country not supported", "request_forbidden", "unsupported_country_region_territory"),
     Kind.PERMISSION, Scope.KEY),
    (404, openai("does not exist", "invalid_request_error", "model_not_found"), Kind.MODEL_MISSING, Scope.MODEL),
    (429, openai("Rate limit reached", "requests", "rate_limit_exceeded"), Kind.RATE_LIMITED, Scope.KEY),
    (429, openai("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), Kind.QUOTA, Scope.KEY),
    (429, openai("Billing hard limit", "invalid_request_error", "billing_hard_limit_reached"), Kind.QUOTA, Scope.KEY),
    (500, openai("The server had an error", "server_error"), Kind.SERVER_ERROR, Scope.PROVIDER),
    (503, openai("The engine is currently overloaded", "server_error"), Kind.OVERLOADED, Scope.PROVIDER),
    # Azure OpenAI
    (400, {"error": {"code": "content_filter", "message": "filtered", "status": 400, "innererror": {}}},
     Kind.CONTENT_FILTER, Scope.REQUEST),
    (401, {"statusCode": 401, "message": "Unauthorized. Access token is missing"}, Kind.AUTH, Scope.KEY),
    # Groq, console.groq.com/docs/errors
    (413, openai("Request too large for model", "tokens", "rate_limit_exceeded"), Kind.RATE_LIMITED, Scope.KEY),
    (400, openai("Failed to call a function", "invalid_request_error", "tool_use_failed"),
     Kind.UNSUPPORTED, Scope.MODEL),
    (400, openai("decommissioned", "invalid_request_error", "model_decommissioned"), Kind.MODEL_MISSING, Scope.MODEL),
    (498, openai("Flex tier capacity exceeded", "x"), Kind.OVERLOADED, Scope.PROVIDER),
    (400, openai("Please reduce the length of the messages or completion.", "invalid_request_error"),
     Kind.CONTEXT_LENGTH, Scope.MODEL),
    # DeepSeek, api-docs.deepseek.com/quick_start/error_codes
    (402, openai("Insufficient Balance", "unknown_error", "invalid_request_error"), Kind.QUOTA, Scope.KEY),
    (401, openai("Authentication Fails", "authentication_error", "invalid_request_error"), Kind.AUTH, Scope.KEY),
    (400, openai("This model's maximum context length is 65536 tokens", "invalid_request_error",
                 "invalid_request_error"), Kind.CONTEXT_LENGTH, Scope.MODEL),
    # Mistral
    (422, {"detail": [{"loc": ["body", "messages"], "msg": "Field required", "type": "missing"}]},
     Kind.INVALID_REQUEST, Scope.REQUEST),
    (401, {"detail": "Unauthorized"}, Kind.AUTH, Scope.KEY),
    (401, {"message": "Unauthorized", "request_id": "1"}, Kind.AUTH, Scope.KEY),
    (400, {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "param": None, "code": "1500"},
     Kind.MODEL_MISSING, Scope.MODEL),
    (429, {"object": "error", "message": "Service tier capacity exceeded", "type": "service_tier_capacity_exceeded",
           "code": "3505"}, Kind.OVERLOADED, Scope.MODEL),
    (429, {"object": "error", "message": "Rate limit exceeded", "type": "rate_limited", "code": "1300"},
     Kind.RATE_LIMITED, Scope.KEY),
    # Cerebras: the model's queue is full, or one's own allowance is used up
    (429, {"message": "We're experiencing high traffic right now", "type": "too_many_requests_error",
           "param": "queue", "code": "queue_exceeded"}, Kind.OVERLOADED, Scope.MODEL),
    (429, {"message": "Tokens per minute limit exceeded", "type": "too_many_tokens_error", "param": "quota",
           "code": "token_quota_exceeded"}, Kind.RATE_LIMITED, Scope.KEY),
    # xAI: a sentence as code
    (400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***y."},
     Kind.AUTH, Scope.KEY),
    (400, {"code": "Client specified an invalid argument",
           "error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens."},
     Kind.CONTEXT_LENGTH, Scope.MODEL),
    (403, {"code": "The caller does not have permission to execute the specified operation",
           "error": "Content violates usage guidelines."}, Kind.CONTENT_FILTER, Scope.REQUEST),
    (429, {"code": "Some resource has been exhausted",
           "error": "Your team has either used all available credits or reached its monthly spending limit."},
     Kind.QUOTA, Scope.KEY),
    # Fireworks: a suspended account
    (412, openai("Account acme is suspended, possibly due to reaching the monthly spending limit."),
     Kind.QUOTA, Scope.KEY),
    (412, openai("precondition failed"), Kind.PERMISSION, Scope.KEY),
    # Cohere, TGI, LM Studio
    (400, {"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000"},
     Kind.CONTEXT_LENGTH, Scope.MODEL),
    (422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000",
           "error_type": "validation"}, Kind.CONTEXT_LENGTH, Scope.MODEL),
    (400, {"error": "The number of tokens to keep from the initial prompt is greater than the context length."},
     Kind.CONTEXT_LENGTH, Scope.MODEL),
    # OpenRouter, openrouter.ai/docs/api-reference/errors
    (402, {"error": {"code": 402, "message": "Insufficient credits"}}, Kind.QUOTA, Scope.KEY),
    (403, {"error": {"code": 403, "message": "Your chosen model requires moderation",
                     "metadata": {"reasons": ["violence"], "flagged_input": "..."}}},
     Kind.CONTENT_FILTER, Scope.REQUEST),
    (403, {"error": {"code": 403, "message": "Key limit exceeded"}}, Kind.PERMISSION, Scope.KEY),
    (200, {"error": {"code": 429, "message": "upstream is rate limited"}}, Kind.RATE_LIMITED, Scope.KEY),
    (200, {"error": {"code": 502, "message": "upstream is down"}}, Kind.SERVER_ERROR, Scope.PROVIDER),
    (404, {"error": {"code": 404, "message": "No endpoints found"}}, Kind.MODEL_MISSING, Scope.MODEL),
    # Ollama, vLLM, llama.cpp
    (404, openai('model "x" not found, try pulling it first', "api_error"), Kind.MODEL_MISSING, Scope.MODEL),
    (400, {"object": "error", "message": "This model's maximum context length is 10 tokens", "code": 400},
     Kind.CONTEXT_LENGTH, Scope.MODEL),
    (400, {"error": {"code": 400, "message": "exceeds the context size", "type": "exceed_context_size_error"}},
     Kind.CONTEXT_LENGTH, Scope.MODEL),
    # Gemini's compatible endpoint wraps its error into a list
    (503, [{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}],
     Kind.OVERLOADED, Scope.PROVIDER),
    # Statuses that speak for themselves
    (402, openai("pay"), Kind.QUOTA, Scope.KEY),
    (405, openai("method"), Kind.BAD_RESPONSE, Scope.PROVIDER),
    (408, openai("slow"), Kind.SERVER_ERROR, Scope.PROVIDER),
    (409, openai("conflict"), Kind.OVERLOADED, Scope.PROVIDER),
    (413, openai("large"), Kind.INVALID_REQUEST, Scope.REQUEST),
    (529, openai("busy", "overloaded_error"), Kind.OVERLOADED, Scope.PROVIDER),
    (524, openai("timeout at the proxy"), Kind.SERVER_ERROR, Scope.PROVIDER),
    (400, openai("busy", "overloaded_error"), Kind.OVERLOADED, Scope.PROVIDER),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "kind", "scope"), TABLE, ids=[f"{n}-{row[0]}-{row[2].value}" for n, row in enumerate(TABLE)]
)
def test_a_vendors_error_means(status: int, body: object, kind: Kind, scope: Scope) -> None:
    failure = classify(status, error_object(json.dumps(body).encode()), SECRET)
    assert (failure.kind, failure.scope) == (kind, scope)
    assert failure.message
    assert failure.executed is (Executed.UNKNOWN if kind is Kind.SERVER_ERROR else Executed.NO)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (429, "Rate limit: please reduce the length of the messages"),
        (401, "insufficient credits"),
        (404, "invalid api key"),
        (400, "content violates usage guidelines of the schema"),
    ],
)
def test_a_sentence_counts_only_with_the_statuses_that_vendors_send_it_with(status: int, message: str) -> None:
    plain = classify(status, {"message": "something else"}, SECRET)
    assert classify(status, {"message": message}, SECRET).kind is plain.kind


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("insufficient_system_resource", Kind.OVERLOADED),  # DeepSeek
        ("error", Kind.SERVER_ERROR),  # OpenRouter, Mistral
        ("stop", None),
        ("length", None),
        ("", None),
        (None, None),
    ],
)
def test_an_answer_that_was_broken_off_is_no_answer(reason: str | None, kind: Kind | None) -> None:
    failure = gave_up(reason)
    assert (failure.kind if failure else None) == kind
    assert failure is None or failure.executed is Executed.YES


def test_the_vendors_own_words_are_kept() -> None:
    failure = classify(400, openai("too hot", "invalid_request_error", "out_of_range", "temperature")["error"], SECRET)
    assert failure.message == "too hot"
    assert (failure.vendor_type, failure.vendor_code, failure.param, failure.status) == (
        "invalid_request_error", "out_of_range", "temperature", 400,
    )  # fmt: skip


@pytest.mark.parametrize("status", [200, 301, 302, 400, 404, 418])
def test_a_strangers_page_is_a_bad_response_and_not_the_callers_fault(status: int) -> None:
    failure = classify(status, error_object(b"<html>not found</html>"), SECRET)
    assert failure.kind is Kind.BAD_RESPONSE
    assert failure.scope is Scope.PROVIDER
    assert "base_url" in failure.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Kind.AUTH),
        (403, Kind.PERMISSION),
        (429, Kind.RATE_LIMITED),
        (500, Kind.SERVER_ERROR),
        (503, Kind.OVERLOADED),
    ],
)
def test_these_statuses_speak_for_themselves_even_on_a_strangers_page(status: int, kind: Kind) -> None:
    assert classify(status, error_object(b"<html>"), SECRET).kind is kind


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b"7", b"[]", b"[7]", b'{"a":1}', b'{"error":7}', b'{"error":null}', b"\xff", b"[" * 9999],
)
def test_a_body_without_an_error_has_no_error_object(body: bytes) -> None:
    assert error_object(body) is None


def test_an_error_without_words_gets_some() -> None:
    assert classify(500, {}, SECRET).message == "HTTP 500 without a message"
    assert classify(500, {"message": {"nested": 1}, "code": True}, SECRET).vendor_code is None


def test_the_key_is_cut_out_of_everything_that_is_passed_on() -> None:
    failure = classify(401, dict.fromkeys(("message", "type", "code", "param"), f"echo {SECRET} echo"), SECRET)
    assert SECRET not in repr(failure)
    assert failure.message == "echo [key] echo"
    assert SECRET not in repr(classify(422, {"message": [{"input": SECRET}]}, SECRET))


def test_a_key_at_the_cut_leaves_no_part_of_it() -> None:
    text = "x" * (MAX_MESSAGE - 5) + SECRET
    assert SECRET[:6] not in redact(text, SECRET)


def test_without_a_key_nothing_is_cut_out() -> None:
    assert redact("plain text", "") == "plain text"
    assert redact("abc", "a") == "abc"


def test_endless_words_are_cut() -> None:
    failure = classify(400, dict.fromkeys(("message", "type", "code", "param"), "x" * 100_000), SECRET)
    assert len(failure.message) == MAX_MESSAGE
    assert {len(failure.vendor_type), len(failure.vendor_code), len(failure.param)} == {MAX_WORD}


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(["message", "type", "code", "param"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text()
        | st.lists(st.integers())
        | st.just({"a": 1})
        | st.floats(),
    ),
)
def test_no_error_object_breaks_the_classification(status: int, error: dict) -> None:
    failure = classify(status, error, SECRET)
    assert isinstance(failure.kind, Kind)
    assert len(failure.message) <= MAX_MESSAGE
