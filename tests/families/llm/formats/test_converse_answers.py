"""Whole answers and errors of Converse."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Usage
from segue.families.llm.formats.converse.format import CONVERSE, CONVERSE_OF_CLAUDE
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import Citation, Media, ServerItem, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import BadAnswer

SECRET = "bedrock-api-key-very-secret"


def answer(*content: object, reason: str = "end_turn", **fields: object) -> Answer:
    body = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": reason,
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
        "metrics": {"latencyMs": 100},
        **fields,
    }
    return CONVERSE_OF_CLAUDE.read_answer(msgspec.json.encode(body))


def test_text_stop_and_usage_are_read() -> None:
    whole = answer({"text": "Hello"})
    assert whole.content == [Text("Hello")]
    assert (whole.stop, whole.vendor_stop, whole.usage) == (Stop.END, "end_turn", Usage(10, 5))


def test_every_block_has_its_word() -> None:
    own = {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}}
    whole = answer(
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "so"},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1.50}}},
        {"image": {"format": "png", "source": {"bytes": "aWk="}}},
        own,
        {"toolResult": {"toolUseId": "s", "content": []}},
        {"blockOfTomorrow": {}},
        reason="tool_use",
    )
    assert whole.content[:5] == [
        Thinking("hm", Signature("anthropic", "c2ln")),
        Thinking("", Signature("anthropic", "cmVk", "redacted")),
        Text("so"),
        ToolUse("t1", "f", '{"a":1.5}'),
        Media("image", "image/png", data="aWk="),
    ]
    own_call, own_result = whole.content[5:]
    assert isinstance(own_call, ServerItem)
    assert isinstance(own_result, ServerItem)
    assert msgspec.json.decode(own_call.raw) == own
    assert (own_result.vendor, own_result.type) == ("bedrock", "tool_result")


def test_the_arguments_stay_as_the_model_wrote_them() -> None:
    use = b'{"toolUse":{"toolUseId":"t","name":"f","input":{ "n": 1.50, "u":"\\u00e9" }}}'
    body = b'{"output":{"message":{"content":[' + use + b"]}}}"
    assert CONVERSE.read_answer(body).content == [ToolUse("t", "f", '{ "n": 1.50, "u":"\\u00e9" }')]


def test_citations_keep_their_sources() -> None:
    source = {
        "title": "Guide",
        "sourceContent": [{"text": "quoted"}],
        "location": {"documentPage": {"documentIndex": 0}},
    }
    [text] = answer(
        {"citationsContent": {"content": [{"text": "So it "}, {"text": "is"}], "citations": [source]}}
    ).content
    assert isinstance(text, Text)
    assert text.text == "So it is"
    assert text.citations == (Citation("", "Guide", "quoted", raw=msgspec.json.encode(source), vendor="bedrock"),)


def test_the_input_counts_what_the_cache_gave_and_took() -> None:
    usage = {"inputTokens": 4, "outputTokens": 9, "cacheReadInputTokens": 1490, "cacheWriteInputTokens": 6}
    assert answer(usage=usage).usage == Usage(1500, 9, cached_tokens=1490, cache_write_tokens=6)


def test_what_is_written_for_an_hour_is_told_apart() -> None:
    usage = {
        "inputTokens": 1,
        "outputTokens": 1,
        "cacheWriteInputTokens": 10,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 7}, {"ttl": "5m", "inputTokens": 3}],
    }
    assert answer(usage=usage).usage == Usage(11, 1, cache_write_tokens=3, cache_write_1h_tokens=7)


def test_the_stop_sequence_the_tier_and_the_trace_are_told() -> None:
    whole = answer(
        reason="stop_sequence",
        additionalModelResponseFields={"stop_sequence": "END"},
        serviceTier={"type": "flex"},
        trace={"guardrail": {}},
    )
    assert (whole.stop, whole.sequence, whole.service_tier) == (Stop.SEQUENCE, "END", "flex")
    assert (whole.raw, whole.vendor) == (b'{"trace":{"guardrail":{}}}', "bedrock")


def test_what_is_missing_or_null_is_forgiven() -> None:
    whole = answer(usage=None, metrics=None, additionalModelResponseFields=None, trace=None, serviceTier=None)
    assert (whole.usage, whole.content, whole.raw) == (None, [], b"")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"output":{}}',
        b"<html>",
        b'{"output":{"message":{"content":"x"}}}',
        b"\xff",
        b'{"output":{"message":{"content":[{"toolUse":{"name":"f"}}]}}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_answer_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        CONVERSE.read_answer(body)


ARGUMENTS = st.dictionaries(st.text(), st.integers(0, 9)).map(lambda value: msgspec.json.encode(value).decode())
BLOCKS = st.one_of(
    st.text().map(Text),
    st.builds(ToolUse, st.text("abc123_-", min_size=1), st.text("abc_", min_size=1), ARGUMENTS),
    st.builds(Thinking, st.text(), st.builds(Signature, st.just("anthropic"), st.text(min_size=1))),
    st.builds(lambda data: Thinking("", Signature("anthropic", data, "redacted")), st.text("abc=", min_size=1)),
)


@given(st.lists(BLOCKS, max_size=5))
def test_any_answer_comes_back_as_it_was(blocks: list[Text | ToolUse | Thinking]) -> None:
    content: list[object] = []
    for block in blocks:
        if isinstance(block, Text):
            content.append({"text": block.text})
        elif isinstance(block, ToolUse):
            content.append(
                {"toolUse": {"toolUseId": block.id, "name": block.name, "input": msgspec.Raw(block.arguments.encode())}}
            )
        elif block.signature is not None and block.signature.kind == "redacted":
            content.append({"reasoningContent": {"redactedContent": block.signature.value}})
        else:
            assert block.signature is not None
            content.append(
                {"reasoningContent": {"reasoningText": {"text": block.text, "signature": block.signature.value}}}
            )
    assert answer(*content).content == blocks


def error(status: int, word: str, message: str, **body: object) -> Failure:
    headers = {"x-amzn-errortype": word, "content-type": "application/json"} if word else {}
    return CONVERSE.read_error(status, headers, msgspec.json.encode({"message": message, **body}), SECRET)


@pytest.mark.parametrize(
    ("status", "word", "message", "kind", "scope"),
    [
        (400, "ValidationException", "Malformed input request", Kind.INVALID_REQUEST, Scope.REQUEST),
        (
            400,
            "ValidationException:http://internal.amazon.com/coral/",
            "Input is too long for requested model.",
            Kind.CONTEXT_LENGTH,
            Scope.MODEL,
        ),
        (400, "ValidationException", "The provided model identifier is invalid.", Kind.MODEL_MISSING, Scope.MODEL),
        (
            400,
            "ValidationException",
            "Invocation of model ID x with on-demand throughput isn't supported.",
            Kind.MODEL_MISSING,
            Scope.MODEL,
        ),
        (400, "ValidationException", "This model doesn't support tool use.", Kind.UNSUPPORTED, Scope.MODEL),
        (
            400,
            "ValidationException",
            "The maximum tokens you requested exceeds the model limit of 4096.",
            Kind.UNSUPPORTED,
            Scope.MODEL,
        ),
        (400, "ValidationException", "Output blocked by content filtering policy", Kind.CONTENT_FILTER, Scope.REQUEST),
        (400, "ServiceQuotaExceededException", "x", Kind.QUOTA, Scope.KEY),
        (
            403,
            "AccessDeniedException",
            "User is not authorized to perform: bedrock:InvokeModel",
            Kind.PERMISSION,
            Scope.KEY,
        ),
        (
            403,
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
            Kind.PERMISSION,
            Scope.MODEL,
        ),
        (
            403,
            "AccessDeniedException",
            "Authentication failed: Please make sure your API Key is valid.",
            Kind.AUTH,
            Scope.KEY,
        ),
        (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            Kind.AUTH,
            Scope.KEY,
        ),
        (403, "ExpiredTokenException", "x", Kind.AUTH, Scope.KEY),
        (403, "InvalidSignatureException", "x", Kind.AUTH, Scope.KEY),
        (404, "ResourceNotFoundException", "x", Kind.MODEL_MISSING, Scope.MODEL),
        (408, "ModelTimeoutException", "x", Kind.TIMEOUT, Scope.MODEL),
        (424, "ModelErrorException", "x", Kind.SERVER_ERROR, Scope.MODEL),
        (429, "ThrottlingException", "Too many requests", Kind.RATE_LIMITED, Scope.KEY),
        (429, "ThrottlingException", "Too many tokens per day", Kind.QUOTA, Scope.KEY),
        (429, "ModelNotReadyException", "x", Kind.OVERLOADED, Scope.MODEL),
        (500, "InternalServerException", "x", Kind.SERVER_ERROR, Scope.PROVIDER),
        (503, "ServiceUnavailableException", "x", Kind.OVERLOADED, Scope.PROVIDER),
        (418, "ExceptionOfTomorrow", "x", Kind.INVALID_REQUEST, Scope.REQUEST),
    ],
)
def test_bedrocks_errors_have_our_words(status: int, word: str, message: str, kind: Kind, scope: Scope) -> None:
    failure = error(status, word, message)
    assert (failure.kind, failure.scope, failure.message, failure.status) == (kind, scope, message, status)
    assert failure.vendor_type == word.partition(":")[0]


def test_the_kind_may_stand_in_the_body_and_the_message_be_written_large() -> None:
    body = b'{"__type":"com.amazon.coral.service#UnrecognizedClientException","Message":"bad token"}'
    failure = CONVERSE.read_error(403, {}, body, SECRET)
    assert (failure.kind, failure.message, failure.vendor_type) == (
        Kind.AUTH,
        "bad token",
        "UnrecognizedClientException",
    )


def test_a_full_context_tells_how_much_is_needed() -> None:
    assert (
        error(400, "ValidationException", "prompt is too long: 200049 tokens > 200000 maximum").needs
        == "context:200049"
    )


def test_the_key_is_cut_out_of_the_message() -> None:
    assert SECRET not in error(403, "AccessDeniedException", f"key {SECRET} is bad").message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, Kind.BAD_RESPONSE),
        (400, Kind.BAD_RESPONSE),
        (502, Kind.SERVER_ERROR),
        (503, Kind.OVERLOADED),
        (200, Kind.BAD_RESPONSE),
        (403, Kind.PERMISSION),
    ],
)
def test_a_strangers_page_says_no_more_than_its_status(status: int, kind: Kind) -> None:
    failure = CONVERSE.read_error(status, {}, b"<html>nginx</html>", SECRET)
    assert (failure.kind, failure.vendor_type) == (kind, None)
    assert "base_url" in failure.message


def test_a_refusal_before_work_was_not_carried_out() -> None:
    assert error(429, "ThrottlingException", "x").executed is Executed.NO
    assert error(500, "InternalServerException", "x").executed is Executed.UNKNOWN
