"""The simulator refuses what OpenAI refuses, with OpenAI's own errors."""

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from segue.simulator.exchange import Exchange
from segue.simulator.vendors.openai_api import OpenAIVendor
from segue.simulator.vendors.openai_messages import ROLES
from segue.simulator.vendors.openai_requests import PARAMETERS
from segue.simulator.vendors.openai_schema import example

PIXEL = "data:image/png;base64,iVBORw0KGgo="
USER = {"role": "user", "content": "hello"}
FUNCTION = {"type": "function", "function": {"name": "f"}}
MISSING = "missing_required_parameter"
CALL = {
    "role": "assistant",
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}],
}

REFUSED = [
    ({"model": None}, None, None),
    ({"model": 5}, "model", "invalid_type"),
    ({"messages": None}, "messages", "invalid_type"),
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": "hello"}, "messages", "invalid_type"),
    ({"messages": ["hello"]}, "messages[0]", "invalid_type"),
    ({"messages": [{"content": "x"}]}, "messages[0].role", MISSING),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", MISSING),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
    ({"messages": [{"role": "user", "content": []}]}, "messages[0].content", "empty_array"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text", MISSING),
    ({"messages": [{"role": "user", "content": [{"type": "film"}]}]}, "messages[0].content[0].type", "invalid_value"),
    ({"messages": [{"role": "tool", "content": [{"type": "file"}]}]}, "messages[0].content[0].type", "invalid_value"),
    ({"messages": [USER | {"mood": "good"}]}, "messages[0].mood", "unknown_parameter"),
    ({"messages": [USER, CALL, {"role": "tool", "content": "x"}]}, "messages[2].tool_call_id", MISSING),
    ({"messages": [USER, {"role": "tool", "content": "x", "tool_call_id": "c"}]}, "messages[1].role", "invalid_value"),
    ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].name", MISSING),
    ({"temperature": "warm"}, "temperature", "invalid_type"),
    ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
    ({"temperature": True}, "temperature", "invalid_type"),
    ({"top_p": -0.1}, "top_p", "decimal_below_min_value"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 129}, "n", "integer_above_max_value"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"stream_options": {"include_usage": True}}, "stream_options", None),
    ({"stream": True, "stream_options": {"all": True}}, "stream_options.all", "unknown_parameter"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"max_completion_tokens": "5"}, "max_completion_tokens", "invalid_type"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, None, "invalid_parameter_combination"),
    ({"tools": []}, "tools", "empty_array"),
    ({"tools": [{"type": "hammer"}]}, "tools[0].type", "invalid_value"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", MISSING),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name", MISSING),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name", "invalid_value"),
    ({"tools": [FUNCTION], "tool_choice": "maybe"}, "tool_choice", "invalid_value"),
    ({"tools": [FUNCTION], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice", None),
    ({"tool_choice": "auto"}, "tool_choice", None),
    ({"response_format": {"type": "poem"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", MISSING),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
    ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
    ({"top_logprobs": 3}, "top_logprobs", None),
    ({"reasoning_effort": "extreme"}, "reasoning_effort", "invalid_value"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "param", "code"), REFUSED)
async def test_a_wrong_request_is_refused(chat, fields, param, code):
    """Status 400 with the four documented fields, naming the parameter and the reason."""
    async with chat.raw("primary", {"model": "gpt-4o", "messages": [USER], **fields}) as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert (error["param"], error["code"]) == (param, code)


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": None, "stop": None, "stream": None, "stream_options": None},
        {"temperature": 0, "top_p": 1, "n": 2, "stop": "x", "user": "u", "seed": -1, "logit_bias": {"50256": -100}},
        {"messages": [{"role": "developer", "content": "be brief"}, USER]},
        {"messages": [USER, CALL, {"role": "tool", "content": [{"type": "text", "text": "x"}], "tool_call_id": "c"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": PIXEL}}]}]},
    ],
)
async def test_a_right_request_is_accepted(chat, fields):
    """Documented parameters within their bounds are accepted, and null means left out."""
    async with chat.raw("primary", {"model": "gpt-4o", "messages": [USER], **fields}) as answer:
        assert answer.status == 200


async def test_an_unknown_parameter_is_refused(chat):
    """The error is the one that OpenAI words for it."""
    async with chat(temprature=1) as answer:
        assert answer.status == 400
        assert await answer.json() == {
            "error": {
                "message": "Unrecognized request argument supplied: temprature",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
        }


def test_every_parameter_of_the_sdk_is_known():
    """What the SDK can send is neither refused nor forgotten here."""
    assert set(PARAMETERS) == set(CompletionCreateParamsBase.__annotations__) | {"stream"}


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, None),
        ({"Authorization": "Basic abc"}, None),
        ({"Authorization": "Bearer "}, None),
        ({"Authorization": "Bearer sk-invalid-1234567890"}, "invalid_api_key"),
    ],
)
async def test_a_missing_or_wrong_key_is_refused(web, headers, code):
    """Status 401, with a code only where a key was given; the key itself is not repeated whole."""
    body = {"model": "gpt-4o", "messages": [USER]}
    async with web.post("/primary/v1/chat/completions", json=body, headers=headers) as answer:
        assert answer.status == 401
        error = (await answer.json())["error"]
    assert error["code"] == code
    assert "sk-invalid-1234567890" not in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/chat/completion", 404),
        ("GET", "/v1", 404),
        ("GET", "/", 404),
    ],
)
async def test_a_wrong_address_is_refused(web, method, path, status):
    """Paths without an account, wrong paths and wrong methods get OpenAI's error shape."""
    async with web.request(method, path) as answer:
        assert answer.status == status
        assert (await answer.json())["error"]["type"] == "invalid_request_error"


async def test_a_body_that_is_no_json_is_refused(web):
    """Broken JSON and another content type are told apart."""
    headers = {"Authorization": "Bearer key", "Content-Type": "application/json"}
    async with web.post("/a/v1/chat/completions", data=b"{", headers=headers) as answer:
        assert answer.status == 400
        assert "could not parse the JSON body" in (await answer.json())["error"]["message"]
    headers["Content-Type"] = "text/plain"
    async with web.post("/a/v1/chat/completions", data=b"{}", headers=headers) as answer:
        assert (await answer.json())["error"]["code"] == "unsupported_content_type"


async def test_a_missing_model_raises_the_sdk_error(client):
    """A model whose name begins with `missing-` does not exist."""
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="missing-model", messages=[USER])
    assert caught.value.code == "model_not_found"


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
words = st.sampled_from(
    ["type", "role", "content", "function", "name", "text", "id", "parameters", "enum", "$ref", "#"]
)
documents = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(ROLES)}, optional={"content": documents, "tool_calls": documents}),
    max_size=3,
)
tools = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": st.just("f"), "parameters": documents}),
        }
    ),
    max_size=2,
)
requests = st.fixed_dictionaries(
    {"model": st.just("gpt-4o") | documents, "messages": messages | st.just([USER]) | documents},
    optional={name: documents for name in PARAMETERS if name not in {"model", "messages"}}
    | {"tools": tools, "tool_choice": st.just("required") | documents, "stream": st.booleans(), "n": st.integers(1, 3)},
)


@settings(max_examples=300, deadline=None)
@given(requests | documents)
def test_whatever_is_sent_there_is_an_answer(document):
    """No JSON document makes the vendor fail: it is accepted, or refused with a 4xx."""
    headers = {"authorization": "Bearer key", "content-type": "application/json"}
    exchange = Exchange(1, "primary", "POST", "/v1/chat/completions", {}, headers, b"", 1, document)
    head = OpenAIVendor().answer(exchange).head
    assert head.status in {200, 400, 404}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "text"),
        ({"type": ["null", "integer"], "minimum": 1e300}, 2**53),
        ({"type": "number", "minimum": True}, 1),
        ({"type": "array", "items": {"type": "null"}}, [None]),
        ({"const": 5}, 5),
        ({"enum": ["a", "b"]}, "a"),
        ({"anyOf": [{"type": "boolean"}]}, True),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"type": "object"}}}, {}),
        ({"$ref": "#/nothing"}, "text"),
        ({"properties": {"a": {}, "b": {}}, "required": ["b", 1]}, {"b": "text"}),
    ],
)
def test_an_example_fits_its_schema(schema, value):
    """Tool arguments and structured answers are the smallest value that the schema allows."""
    assert example(schema, "text") == value
