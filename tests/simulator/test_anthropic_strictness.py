"""Anthropic's refusals: a wrong request gets the vendor's own 400, in the vendor's words."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.simulator.exchange import Exchange
from segue.simulator.vendors.anthropic_api import AnthropicVendor
from segue.simulator.vendors.anthropic_requests import PARAMETERS

OLD, FOUR_SIX, NEW = "claude-haiku-4-5", "claude-opus-4-6", "claude-opus-5-5"
USER = {"role": "user", "content": "hello"}
TOOL = {"name": "f", "input_schema": {"type": "object"}}
THINK = {"type": "enabled", "budget_tokens": 1024}
USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x"}]}
MARK = {"type": "ephemeral"}


def marked(*ttls):
    return [{"type": "text", "text": "x", "cache_control": {**MARK, **({"ttl": ttl} if ttl else {})}} for ttl in ttls]


async def ask(web, version="2023-06-01", status=400, path="/v1/messages", **fields):
    body = {"model": OLD, "max_tokens": 4000, "messages": [USER], **fields}
    body = {name: value for name, value in body.items() if value is not ...}
    headers = {"x-api-key": "key", "anthropic-version": version}
    async with web.post(f"/claude{path}", json=body, headers=headers) as answer:
        document = await answer.json()
        assert answer.status == status, document
        return document


REFUSED = [
    ({"max_tokens": ...}, "max_tokens: Field required"),
    ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": 100_000}, "100000 > 64000, which is the maximum allowed number"),
    ({"messages": []}, "messages: List should have at least 1 item after validation"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role: Input should be 'user'"),
    ({"messages": [{"role": "assistant", "content": "x"}, USER]}, 'messages: first message must use the "user" role'),
    ({"messages": [{"role": "user", "content": ""}]}, "messages.0: all messages must have non-empty content"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "blocks must be non-empty"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "content.0.text.text: Field required"),
    ({"messages": [{"role": "user", "content": [{"type": "poem"}]}]}, "content.0: Input tag 'poem' found"),
    ({"messages": [{**USER, "name": "x"}]}, "messages.0.name: Extra inputs are not permitted"),
    ({"functions": []}, "functions: Extra inputs are not permitted"),
    ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
    ({"stop_sequences": [" "]}, "stop_sequences.0: each stop sequence must contain non-whitespace"),
    ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "tools.0.custom.name: String"),
    ({"tools": [{"name": "f", "input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
    ({"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
    ({"tool_choice": {"type": "any"}}, "tool_choice may only be specified while providing tools"),
    ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "g"}}, "Tool 'g' not found in provided tools"),
    ({"thinking": {"type": "enabled", "budget_tokens": 9}}, "thinking.enabled.budget_tokens: Input"),
    ({"thinking": {"type": "enabled", "budget_tokens": 4000}}, "`max_tokens` must be greater than"),
    ({"thinking": THINK, "temperature": 0.5}, "`temperature` may only be set to 1 when thinking is enabled"),
    ({"thinking": THINK, "top_k": 5}, "`top_k` must be unset when thinking is enabled"),
    ({"thinking": THINK, "top_p": 0.5}, "`top_p` must be greater than or equal to 0.95"),
    ({"thinking": THINK, "tools": [TOOL], "tool_choice": {"type": "any"}}, "Thinking may not be enabled"),
    ({"model": NEW, "tools": [TOOL], "tool_choice": {"type": "any"}}, "Thinking may not be enabled"),
    ({"model": OLD, "thinking": {"type": "adaptive"}}, '"thinking.type.adaptive" is not supported for this model.'),
    ({"model": NEW, "thinking": THINK}, '"thinking.type.enabled" is not supported for this model. Use'),
    ({"model": NEW, "thinking": {"type": "disabled"}}, '"thinking.type.disabled" is not supported for this model.'),
    ({"model": NEW, "temperature": 0.2}, "`temperature` is deprecated for this model."),
    ({"messages": [USER, {"role": "assistant", "content": "And "}]}, "cannot end with trailing whitespace"),
    ({"model": FOUR_SIX, "messages": [USER, {"role": "assistant", "content": "A"}]}, "assistant message prefill"),
    ({"messages": [USER, USE]}, "`tool_result` blocks immediately after: toolu_1"),
    ({"messages": [USER, USE, USER]}, "messages.1: `tool_use` ids were found without `tool_result` blocks"),
    ({"messages": [RESULT]}, "unexpected `tool_use_id` found in `tool_result` blocks"),
    ({"messages": [USER, USE, RESULT], "thinking": THINK}, "Expected `thinking` or"),
    ({"system": marked(*[None] * 5)}, "A maximum of 4 blocks with cache_control"),
    ({"system": marked("5m", "1h")}, "a ttl='1h' cache_control block must not come after a ttl='5m'"),
    ({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}, "'additionalProperties'"),
    ({"output_config": {"format": {"type": "json_object", "schema": {}}}}, "output_config.format.type: Input should"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "message"), REFUSED)
async def test_a_wrong_request_is_refused(web, fields, message):
    """Status 400, `invalid_request_error`, and the place of what is wrong."""
    document = await ask(web, **fields)
    assert document["type"] == "error"
    assert document["error"]["type"] == "invalid_request_error"
    assert message in document["error"]["message"]


@pytest.mark.parametrize("identifier", ["toolu.1", "", "call 1", "ü"])
async def test_an_identifier_of_a_tool_call_has_plain_characters(web, identifier):
    """Other vendors' identifiers may not pass."""
    turn = {"role": "assistant", "content": [{**USE["content"][0], "id": identifier}]}
    document = await ask(web, messages=[USER, turn, RESULT])
    expected = "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
    assert document["error"]["message"] == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [USER, USER]},
        {"messages": [USER, {"role": "assistant", "content": "A"}]},
        {"messages": [USER, USE, RESULT], "tools": [TOOL]},
        {"messages": [USER, USE, {"role": "user", "content": [*RESULT["content"], {"type": "text", "text": "x"}]}]},
        {"model": FOUR_SIX, "thinking": {"type": "adaptive"}, "temperature": 1},
        {"model": NEW, "temperature": 1},
        {"model": "claude-sonnet-5-5", "thinking": {"type": "between_tools"}},
        {"system": [{"type": "text", "text": "x"}], "metadata": {"user_id": "u"}, "stop_sequences": ["x"], "top_k": 3},
        {"system": marked("1h", "5m")},
    ],
)
async def test_a_right_request_is_accepted(web, fields):
    """Turns of one role in a row are merged; what a model documents it takes."""
    await ask(web, status=200, **fields)


@pytest.mark.parametrize("name", ["temperature", "top_p", "top_k"])
async def test_the_newest_version_knows_no_sampling(web, name):
    """Since 2026-10-21 these are refused even at their defaults; the older version takes them."""
    refused = await ask(web, version="2026-10-21", **{name: 1})
    assert refused["error"]["message"] == f"{name}: Extra inputs are not permitted"
    await ask(web, status=200, **{name: 1})


async def test_the_newest_version_takes_documents_from_the_user_only(web):
    """A document in the assistant's words is refused."""
    source = {"type": "text", "media_type": "text/plain", "data": "x"}
    turn = {"role": "assistant", "content": [{"type": "document", "source": source}]}
    await ask(web, version="2026-10-21", messages=[USER, turn, USER])
    await ask(web, status=200, messages=[USER, turn, USER])


async def test_a_prompt_above_the_context_is_refused(web):
    """With the count and the limit."""
    document = await ask(web, messages=[{"role": "user", "content": "a " * 200_001}])
    assert document["error"]["message"] == "prompt is too long: 200012 tokens > 200000 maximum"


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"anthropic-version": "2023-06-01"}, 401, "x-api-key header is required"),
        ({"x-api-key": "an-invalid-key", "anthropic-version": "2023-06-01"}, 401, "invalid x-api-key"),
        ({"Authorization": "Bearer invalid", "anthropic-version": "2023-06-01"}, 401, "Invalid bearer token"),
        ({"x-api-key": "key"}, 400, "anthropic-version: header is required"),
        ({"x-api-key": "key", "anthropic-version": "1999"}, 400, 'anthropic-version: "1999" is not a valid version'),
    ],
)
async def test_wrong_access_is_refused(web, headers, status, message):
    """Before the body is looked at."""
    async with web.post("/claude/v1/messages", data=b"{", headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["message"]) == (status, message)


async def test_keys_are_not_recorded(sim, web):
    """Neither Anthropic's nor Google's."""
    headers = {"x-api-key": "sk-ant-1234567890", "x-goog-api-key": "AIza1234567890", "anthropic-version": "1"}
    async with web.post("/claude/v1/messages", headers=headers):
        pass
    assert "1234567890" not in str(sim.seen("claude")[0].headers)


words = st.sampled_from(
    ["type", "role", "content", "text", "tool_use", "thinking", "id", "name", "object", "enabled", "$ref"]
)
plain = st.none() | st.booleans() | st.integers(-9, 9999) | st.floats(allow_nan=False) | st.text(max_size=4) | words
documents = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4), max_leaves=10
)
blocks = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_use", "tool_result", "thinking", "document", "image"])},
    optional=dict.fromkeys(["text", "id", "name", "input", "tool_use_id", "content", "source", "signature"], documents),
)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant"]), "content": st.lists(blocks, max_size=3) | documents}
    ),
    max_size=4,
)
requests = st.fixed_dictionaries(
    {
        "model": st.sampled_from([OLD, FOUR_SIX, NEW, "x"]),
        "max_tokens": st.integers(0, 9999),
        "messages": messages | st.just([USER]),
    },
    optional={name: documents for name in PARAMETERS if name not in {"model", "messages", "max_tokens"}},
)
numbers = itertools.count(1)


@settings(max_examples=300, deadline=None)
@given(requests | documents)
def test_whatever_is_sent_there_is_an_answer(document):
    """No JSON document makes the vendor fail: it is accepted, or refused with a 4xx."""
    headers = {"x-api-key": "key", "anthropic-version": "2023-06-01"}
    exchange = Exchange(next(numbers), "a", "POST", "/v1/messages", {}, headers, b"", 1, document)
    assert AnthropicVendor().answer(exchange).head.status in {200, 400, 404}
