"""Google's refusals: unknown fields by their paths, wrong turns in the vendor's words."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.simulator.exchange import Exchange
from segue.simulator.vendors.gemini_api import GeminiVendor
from segue.simulator.vendors.gemini_grammar import GENERATE

USER = {"role": "user", "parts": [{"text": "hello"}]}
CALL = {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]}
RESPONSE = {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]}


def declared(**schema):
    return [{"functionDeclarations": [{"name": "f", "parameters": schema}]}]


async def ask(web, status=400, model="gemini-2.5-flash", method="generateContent", **fields):
    body = {"contents": [USER], **fields}
    headers = {"x-goog-api-key": "key"}
    async with web.post(f"/google/v1beta/models/{model}:{method}", json=body, headers=headers) as answer:
        document = await answer.json()
        assert answer.status == status, document
        return document


PLACE = "tools[0].function_declarations[0].parameters"
UNKNOWN = [
    ({"foo": 1}, 'Unknown name "foo": Cannot find field.'),
    ({"contents": [{"parts": [{"txt": "x"}]}]}, "Unknown name \"txt\" at 'contents[0].parts[0]': Cannot find field."),
    ({"tools": declared(additionalProperties=False)}, f"Unknown name \"additionalProperties\" at '{PLACE}': Cannot"),
    ({"tools": declared(**{"$schema": "x"})}, f"Unknown name \"$schema\" at '{PLACE}': Cannot find field."),
    (
        {"tools": declared(type="OBJECT", properties={"a": {"anyOf": [{"const": 1}]}})},
        f"Unknown name \"const\" at '{PLACE}.properties[0].value.any_of[0]': Cannot find field.",
    ),
    ({"tools": declared(type=["string", "null"])}, "Proto field is not repeating, cannot start list."),
    ({"generationConfig": {"temperature": "hot"}}, "at 'generation_config.temperature' (TYPE_FLOAT), \"hot\""),
    ({"contents": [{"parts": [{"inlineData": {"mimeType": "a/b", "data": "!"}}]}]}, "Base64 decoding failed"),
    ({"safetySettings": [{"category": "NONSENSE"}]}, 'HarmCategory), "NONSENSE"'),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "message"), UNKNOWN)
async def test_what_the_reference_does_not_know_is_refused(web, fields, message):
    """INVALID_ARGUMENT with the path in snake case, and each violation among the details."""
    error = (await ask(web, **fields))["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert message in error["message"]
    details = error["details"][0]
    assert details["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert message in details["fieldViolations"][0]["description"]


WRONG = [
    ({"contents": []}, "contents is not specified"),
    ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "Please use a valid role: user, model."),
    ({"contents": [{"role": "user", "parts": []}]}, "contents[0].parts: contents.parts must not be empty."),
    ({"contents": [{"parts": [{}]}]}, "required oneof field 'data' must have one initialized field"),
    ({"contents": [{"parts": [{"text": "x", "fileData": {}}]}]}, "required oneof field 'data'"),
    ({"contents": [USER, CALL]}, None),
    ({"contents": [USER, CALL, USER]}, "number of function response parts is equal"),
    ({"contents": [USER, RESPONSE]}, "function response turn comes immediately after a function call turn"),
    ({"contents": [CALL, RESPONSE]}, "function call turn comes immediately after a user turn"),
    ({"tools": [{"functionDeclarations": [{"name": "1 f"}]}]}, "Invalid function name."),
    ({"tools": [{"googleSearch": {}}, *declared(type="OBJECT")]}, "Tool use with function calling is unsupported"),
    ({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}, "set without function_declarations"),
    ({"generationConfig": {"temperature": 3}}, "temperature must be in the range [0.0, 2.0]"),
    ({"generationConfig": {"responseSchema": {"type": "STRING"}}}, "response_mime_type application/json"),
    ({"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}, "Thinking level is not supported"),
    ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 99999}}}, "between 0 and 24576"),
    ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}, "model": "gemini-2.5-pro"}, "Budget 0 is invalid"),
    (
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": 9, "thinkingLevel": "LOW"}}, "model": "gemini-3"},
        "only one of thinking budget and thinking level",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "message"), WRONG)
async def test_a_wrong_request_is_refused(web, fields, message):
    """In the vendor's words; a call as the last turn is left to the model."""
    document = await ask(web, status=200 if message is None else 400, **fields)
    if message is not None:
        assert message in document["error"]["message"]


async def test_both_spellings_are_taken(web):
    """Camel case and snake case, names of types in small letters, one value for a list of one."""
    found = await ask(
        web,
        200,
        contents={"parts": {"text": "in 3 words"}},
        system_instruction={"parts": [{"text": "x"}]},
        generation_config={"max_output_tokens": "2", "thinking_config": {"thinking_budget": 0}},
        tools=[{"function_declarations": [{"name": "f", "parameters": {"type": "object"}}]}],
    )
    assert found["candidates"][0]["finishReason"] == "MAX_TOKENS"


async def test_json_schema_has_a_field_of_its_own(web):
    """`parametersJsonSchema` takes what `parameters` refuses."""
    schema = {"$schema": "x", "type": "object", "additionalProperties": False, "properties": {"a": {"const": 1}}}
    await ask(web, 200, tools=[{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}])


async def test_vertex_knows_a_larger_schema(web):
    """There `additionalProperties` is taken, and `$schema` is not."""
    path = "/vertex/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent"
    headers = {"Authorization": "Bearer token"}
    for extra, status in (({"additionalProperties": False}, 200), ({"$schema": "x"}, 400)):
        body = {"contents": [USER], "tools": declared(type="OBJECT", **extra)}
        async with web.post(path, json=body, headers=headers) as answer:
            assert answer.status == status


async def test_without_a_key_nobody_is_let_in(web):
    """Status 403 for no key."""
    async with web.post("/google/v1beta/models/gemini-2.5-flash:generateContent", json={}) as answer:
        assert answer.status == 403
        assert (await answer.json())["error"]["status"] == "PERMISSION_DENIED"


words = st.sampled_from(
    ["parts", "text", "role", "user", "model", "functionCall", "name", "type", "properties", "items"]
)
plain = st.none() | st.booleans() | st.integers(-9, 9999) | st.floats(allow_nan=False) | st.text(max_size=4) | words
documents = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4), max_leaves=10
)
parts = st.dictionaries(
    st.sampled_from(["text", "functionCall", "functionResponse", "inlineData", "thought", "thoughtSignature"]),
    documents,
)
contents = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "model"]), "parts": st.lists(parts, max_size=2) | documents}
    ),
    max_size=3,
)
requests = st.fixed_dictionaries(
    {"contents": contents | st.just([USER])},
    optional={name: documents for name in GENERATE.fields if name != "contents"},
)
numbers = itertools.count(1)


@settings(max_examples=300, deadline=None)
@given(requests | documents, st.sampled_from(["gemini-3-pro", "gemini-2.5-pro"]))
def test_whatever_is_sent_there_is_an_answer(document, model):
    """No JSON document makes the vendor fail: it is accepted, or refused with a 4xx."""
    path = f"/v1beta/models/{model}:generateContent"
    headers = {"x-goog-api-key": "key"}
    exchange = Exchange(next(numbers), "a", "POST", path, {}, headers, b"{}", 1, document)
    assert GeminiVendor().answer(exchange).head.status in {200, 400, 403}
