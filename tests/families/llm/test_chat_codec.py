"""The codec patches two fields, passes answers on as they are, and takes nothing for an answer that is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.llm.support import CODEC, SECRET, URL, call, candidate, request
from segue.core.failure import Kind
from segue.core.outcome import Outcome
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.openai_chat import OpenAIChat, bearer
from segue.families.llm.ir.format import BadAnswer

ANSWER = {
    "id": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hé"}, "finish_reason": "stop"}],
}


def decode(body: bytes | dict, status: int = 200) -> Outcome:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return CODEC.decode(call(), candidate(), status, {}, raw)


def test_a_request_is_posted_to_the_endpoint_with_the_key_of_the_candidate() -> None:
    sent = CODEC.encode(call(temperature=1.0), candidate("gpt-4o"))
    assert (sent.method, sent.url) == ("POST", URL)
    assert sent.headers["authorization"] == f"Bearer {SECRET}"
    assert sent.headers["content-type"] == "application/json"
    assert json.loads(sent.body)["model"] == "gpt-4o"


def test_a_request_shows_no_secret_when_it_is_printed() -> None:
    assert SECRET not in repr(CODEC.encode(call(), candidate()))


def test_without_a_key_no_authorisation_is_sent() -> None:
    assert "authorization" not in bearer("")


@pytest.mark.parametrize(("known", "asked"), [(True, True), (False, False)])
def test_usage_of_a_stream_is_asked_for_only_where_the_vendor_knows_the_option(known: bool, asked: bool) -> None:
    sent = OpenAIChat(URL, bearer, stream_usage=known).encode(call(stream=True), candidate())
    assert ("stream_options" in json.loads(sent.body)) is asked


def test_an_answer_goes_through_byte_by_byte() -> None:
    body = b' {"choices" : [ {"message":{"content":"\\u00e9 \xc3\xa9"} , "x":1.50 } ], "new": [1e400] }\n'
    outcome = decode(body)
    assert outcome.ok
    assert outcome.answer == body


def test_usage_of_an_answer_is_read() -> None:
    usage = decode({**ANSWER, "usage": {"prompt_tokens": 7, "completion_tokens": 9, "details": {"cached": 1}}}).usage
    assert (usage.input_tokens, usage.output_tokens, usage.requests) == (7, 9, 1)


@pytest.mark.parametrize("usage", [None, {}, [], "much", {"prompt_tokens": "7"}, {"prompt_tokens": None}])
def test_an_answer_with_odd_usage_is_still_an_answer(usage: object) -> None:
    outcome = decode({**ANSWER, "usage": usage})
    assert outcome.ok
    assert outcome.usage is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"choices":null}',
        b'{"choices":[]}',
        b'{"choices":"wrong"}',
        b'{"choices":[null]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"message":null}]}',
        b'{"choices":[{"message":"x"}]}',
        b'{"choices":[{"message":{"content":"x"}}]',
        b'{"choices":[{"message":{"content":"\xff"}}]}',
        b'{"choices":[{"message":{"content":' + b"[" * 20_000 + b"]" * 20_000 + b"}}]}",
    ],
    ids=lambda body: body[:30].decode("latin-1") or "empty",
)
def test_status_200_with_anything_but_a_completion_is_a_bad_response(body: bytes) -> None:
    failure = decode(body).failure
    assert failure is not None
    assert failure.kind is Kind.BAD_RESPONSE


def test_an_error_dressed_as_success_is_classified_as_the_error_that_it_is() -> None:
    assert decode({"error": {"message": "no", "code": "insufficient_quota"}}).failure.kind is Kind.QUOTA
    assert decode({"error": {"message": "slow", "code": 429}}).failure.kind is Kind.RATE_LIMITED
    assert decode({"error": "it broke"}).failure.kind is Kind.SERVER_ERROR


BROKEN_OFF = [
    # api-docs.deepseek.com: inference was interrupted for want of resources
    ({"finish_reason": "insufficient_system_resource"}, Kind.OVERLOADED),
    # OpenRouter: the error stands beside the choice
    ({"finish_reason": "error", "error": {"code": 429, "message": "slow down"}}, Kind.RATE_LIMITED),
    ({"finish_reason": "error", "error": {"code": 502, "message": f"down {SECRET}"}}, Kind.SERVER_ERROR),
    ({"finish_reason": "error"}, Kind.SERVER_ERROR),
]


@pytest.mark.parametrize(("ended", "kind"), BROKEN_OFF)
def test_a_whole_answer_that_was_broken_off_is_a_failure_in_either_way(ended: dict, kind: Kind) -> None:
    broken = {"id": "c", "choices": [{**ANSWER["choices"][0], **ended}]}
    failure = decode(broken).failure
    assert failure.kind is kind
    assert SECRET not in failure.message
    raw = json.dumps(broken).encode()
    with pytest.raises(BadAnswer):
        CHAT.read_answer(raw)
    assert CHAT.read_error(200, {}, raw, SECRET).kind is kind


def test_a_stream_is_wanted_when_the_caller_asks_for_one() -> None:
    assert CODEC.wants_stream(call(stream=True))
    assert not CODEC.wants_stream(call())
    assert not CODEC.wants_stream(call(stream=None))


NAMES = st.sampled_from(["choices", "message", "error", "code", "type", "param", "detail", "usage"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(st.integers(100, 599), st.binary(max_size=200) | DOCUMENTS.map(lambda document: json.dumps(document).encode()))
def test_whatever_comes_back_is_an_answer_or_a_classified_failure(status: int, body: bytes) -> None:
    outcome = decode(body, status)
    if outcome.ok:
        assert status == 200
        assert outcome.answer == body
        assert json.loads(body)["choices"]
    else:
        assert isinstance(outcome.failure.kind, Kind)
        assert status in {outcome.failure.status, 200}


def test_two_calls_share_nothing() -> None:
    one = request(stream=True)
    assert CODEC.encode(call(stream=True), candidate("a")).body != CODEC.encode(call(stream=True), candidate("b")).body
    assert bytes(one.fields["model"]) == b'"smart"'
