"""Of a request only what matters is looked at; everything else reaches the provider byte by byte."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.llm.support import request
from segue.core.errors import RequestInvalid
from segue.families.llm.asked import analyse
from segue.families.llm.request import chat_from_fields, parse_chat

RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
OWN = {"model", "messages", "stream", "stream_options", "n", "fallbacks"}
OTHERS = st.dictionaries(st.text(max_size=12).filter(lambda name: name not in OWN), JSON, max_size=5)


def body_of(fields: dict, *, spaced: bool) -> bytes:
    separators = (" ,\n ", "\t: ") if spaced else (",", ":")
    return json.dumps(fields, ensure_ascii=not spaced, separators=separators).encode("utf-8", "surrogatepass")


@given(
    OTHERS, st.lists(JSON, min_size=1, max_size=3), st.sampled_from([None, True, False]), st.booleans(), st.booleans()
)
def test_all_but_model_and_stream_options_is_preserved_byte_by_byte(others, messages, stream, spaced, ask) -> None:
    fields = {**others, "model": "smart", "messages": messages, "stream": stream, "fallbacks": ["x"]}
    try:
        body = body_of(fields, spaced=spaced)
        body.decode()
    except UnicodeError:
        return
    before = RAW.decode(body)
    after = RAW.decode(parse_chat(body).body("their/model:1", ask_usage=ask))
    assert json.loads(bytes(after.pop("model"))) == "their/model:1"
    options = after.pop("stream_options", None)
    assert (options is not None) == (ask and stream is True)
    assert {name: bytes(value) for name, value in after.items()} == {
        name: bytes(value) for name, value in before.items() if name not in {"model", "fallbacks"}
    }


@given(st.dictionaries(st.text(max_size=8).filter(lambda name: name != "include_usage"), JSON, max_size=3))
def test_other_stream_options_are_kept_when_usage_is_added(options: dict) -> None:
    try:
        json.dumps(options, ensure_ascii=False).encode()
    except UnicodeError:
        return
    sent = json.loads(request(stream=True, stream_options=options).body("m", ask_usage=True))
    assert sent["stream_options"] == {**options, "include_usage": True}


def test_the_order_of_fields_is_kept() -> None:
    body = b'{"b":1,"model":"x","a":2,"messages":[0]}'
    assert list(json.loads(parse_chat(body).body("y", ask_usage=True))) == ["b", "model", "a", "messages"]


def test_usage_that_the_caller_asked_for_is_left_as_it_is() -> None:
    asked = request(stream=True, stream_options={"include_usage": True, "x": 1})
    assert asked.wants_usage
    assert json.loads(asked.body("m", ask_usage=True))["stream_options"] == {"include_usage": True, "x": 1}


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_usage": None}])
def test_usage_that_the_caller_did_not_ask_for_is_asked_for_and_remembered_as_ours(options: dict | None) -> None:
    made = request(stream=True, stream_options=options)
    assert not made.wants_usage
    assert json.loads(made.body("m", ask_usage=True))["stream_options"]["include_usage"] is True


def test_numbers_keep_their_spelling() -> None:
    body = b'{"model":"a","messages":[1],"temperature":0.10,"seed":12345678901234567890,"x":1E2}'
    sent = parse_chat(body).body("a", ask_usage=False)
    for spelling in (b"0.10", b"12345678901234567890", b"1E2"):
        assert spelling in sent


def test_of_a_field_given_twice_the_last_one_counts_and_only_it_is_sent() -> None:
    made = parse_chat(b'{"model":"first","messages":[1],"\\u006dodel":"second","messages":[2]}')
    assert made.model == "second"
    sent = made.body("theirs", ask_usage=False)
    assert sent.count(b"model") == 1
    assert b"[1]" not in sent


def test_fallbacks_are_taken_out_and_not_sent_on() -> None:
    made = request(fallbacks=["a", "b/c"])
    assert made.fallbacks == ("a", "b/c")
    assert b"fallbacks" not in made.body("m", ask_usage=True)


@pytest.mark.parametrize(
    ("body", "param", "says"),
    [
        (b"", None, "not valid JSON"),
        (b"nonsense", None, "not valid JSON"),
        (b'{"model":"a","messages":[1]', None, "not valid JSON"),
        (b'{"model":"a","messages":[NaN]}', None, "not valid JSON"),
        (b'{"model":"a","messages":[1]} tail', None, "not valid JSON"),
        (b'{"model":"a","messages":["\xff"]}', None, "not UTF-8: byte 26"),
        (b'{"model":"a","messages":' + b"[" * 200_000 + b"]" * 200_000 + b"}", None, "nested too deeply"),
        (b"[]", None, "must be a JSON object"),
        (b'"text"', None, "must be a JSON object"),
        (b'{"messages":[1]}', "model", "missing field 'model'"),
        (b'{"model":"","messages":[1]}', "model", "missing field 'model'"),
        (b'{"model":7,"messages":[1]}', "model", "expected a string"),
        (b'{"model":null,"messages":[1]}', "model", "expected a string"),
        (b'{"model":["a"],"messages":[1]}', "model", "expected a string"),
        (b'{"model":"\\ud800","messages":[1]}', None, "not valid JSON"),
        (b'{"model":"a"}', "messages", "missing field 'messages'"),
        (b'{"model":"a","messages":"hi"}', "messages", "expected a list"),
        (b'{"model":"a","messages":{"role":"user"}}', "messages", "expected a list"),
        (b'{"model":"a","messages":null}', "messages", "expected a list"),
        (b'{"model":"a","messages":[]}', "messages", "empty"),
        (b'{"model":"a","messages":[ \n ]}', "messages", "empty"),
        (b'{"model":"a","messages":[1],"stream":"yes"}', "stream", "true or false"),
        (b'{"model":"a","messages":[1],"stream":1}', "stream", "true or false"),
        (b'{"model":"a","messages":[1],"n":0}', "n", "1 or more"),
        (b'{"model":"a","messages":[1],"n":-3}', "n", "1 or more"),
        (b'{"model":"a","messages":[1],"n":"2"}', "n", "whole number"),
        (b'{"model":"a","messages":[1],"n":1.5}', "n", "whole number"),
        (b'{"model":"a","messages":[1],"stream_options":[]}', "stream_options", "object"),
        (b'{"model":"a","messages":[1],"fallbacks":"b"}', "fallbacks", "list of names"),
        (b'{"model":"a","messages":[1],"fallbacks":[1]}', "fallbacks", "list of names"),
        (json.dumps({"model": "a", "messages": [1], "fallbacks": ["x"] * 17}).encode(), "fallbacks", "more than 16"),
    ],
    ids=lambda value: value[:50].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_what_cannot_be_understood_is_refused_with_the_field_and_the_remedy(body: bytes, param, says: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        parse_chat(body)
    assert caught.value.param == param
    assert says in caught.value.message
    assert caught.value.status == 400


@given(st.binary(max_size=300) | st.text().map(lambda text: json.dumps({"model": text, "messages": [text]}).encode()))
def test_any_bytes_are_a_request_or_a_clear_refusal(body: bytes) -> None:
    try:
        made = parse_chat(body)
    except RequestInvalid:
        return
    assert json.loads(made.body("m", ask_usage=True))["model"] == "m"


def test_null_means_the_same_as_absent_where_openai_says_so() -> None:
    made = request(stream=None, n=None, stream_options=None)
    assert (made.stream, made.choices, made.wants_usage) == (False, 1, False)


def test_what_routing_may_know_of_a_chat() -> None:
    features = analyse(request(stream=True))
    assert (features.model, features.stream) == ("smart", True)
    assert features.tokens == features.size // 4 > 0


def test_named_values_make_the_same_request_as_a_body() -> None:
    made = chat_from_fields({"model": "a", "messages": [{"role": "user", "content": "é"}], "n": 2}, False)
    assert (made.model, made.choices) == ("a", 2)
    assert json.loads(made.body("b", ask_usage=False))["messages"] == [{"role": "user", "content": "é"}]


def test_values_that_are_no_json_are_refused() -> None:
    with pytest.raises(RequestInvalid, match="cannot be written as JSON"):
        chat_from_fields({"model": "a", "messages": [object()]}, False)


def test_a_chat_cannot_be_asked_for_by_url() -> None:
    with pytest.raises(RequestInvalid, match="POST it") as caught:
        chat_from_fields({"model": "a"}, True)
    assert caught.value.status == 405
