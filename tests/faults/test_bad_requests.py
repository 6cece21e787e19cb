"""Bad requests in every client's format: a 4xx in the client's own shape that says what is wrong, and never a 500."""

import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio

from faults.formats import SPEAKERS
from support.service import Answer, Serving, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOOD: Final[dict[str, dict[str, Any]]] = {
    "chat": {"model": "M", "messages": [{"role": "user", "content": "hi"}]},
    "responses": {"model": "M", "input": [{"role": "user", "content": "hi"}]},
    "messages": {"model": "M", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
PATHS: Final = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "gemini": "/v1beta/models/M:generateContent",
}
TURNS: Final = {"chat": "messages", "responses": "input", "messages": "messages", "gemini": "contents"}
PARTS: Final = {"chat": "content", "responses": "content", "messages": "content", "gemini": "parts"}
LEVELS: Final = 10_000
TOO_LARGE: Final = "more than the limit"

BASE64: Final = "@@ this is no base64 @@"
PICTURES: Final[dict[str, list[Any]]] = {
    "chat": [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BASE64}"}},
        {"type": "image_url", "image_url": {"url": "nonsense"}},
        {"type": "image_url", "image_url": 1},
        {"type": "image_url"},
    ],
    "responses": [
        {"type": "input_image", "image_url": f"data:image/png;base64,{BASE64}"},
        {"type": "input_image", "image_url": 1},
        {"type": "input_image"},
        {"type": "input_file"},
    ],
    "messages": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}},
        {"type": "image", "source": {"type": "base64"}},
        {"type": "image", "source": {"type": "nonsense"}},
        {"type": "image", "source": 1},
        {"type": "image"},
    ],
    "gemini": [
        {"inlineData": {"mimeType": "image/png", "data": BASE64}},
        {"inlineData": {"mimeType": 1, "data": 2}},
        {"inlineData": {}},
        {"fileData": 1},
    ],
}
SETTINGS: Final[dict[str, dict[str, list[Any]]]] = {
    "chat": {
        "model": [None, 1, "", [], "nobody", "x" * 100_000, "\x00"],
        "max_completion_tokens": ["x", 1.5, True, []],
        "temperature": ["x", []],
        "n": [0, -1, "x"],
        "stop": [1, [1], {}],
        "stream": ["x", 1],
        "stream_options": [1, []],
        "tools": [1, "x", {}, [1], [None], [{}], [{"type": "function"}], [{"type": "function", "function": 1}]],
        "tool_choice": [1, "x", [], {"type": "nonsense"}],
        "response_format": [1, {}, {"type": "x"}, {"type": "json_schema"}],
        "metadata": [1, {"a": 1}],
    },
    "responses": {
        "model": [None, 1, "", [], "nobody"],
        "max_output_tokens": ["x", 1.5],
        "temperature": ["x", []],
        "stream": ["x", 1],
        "instructions": [1, {}],
        "text": [1, {"format": 1}],
        "reasoning": [1, {"effort": 1}],
        "tools": [1, "x", {}, [1], [None], [{}]],
        "previous_response_id": [1, "nobody", "\x00"],
        "background": [True],
    },
    "messages": {
        "model": [None, 1, "", [], "nobody"],
        "max_tokens": [None, "x", 1.5, []],
        "temperature": ["x", []],
        "stream": ["x", 1],
        "system": [1, [1], [{}], [{"type": "x"}]],
        "stop_sequences": [1, [1], "x"],
        "thinking": [1, {}, {"type": "x"}, {"type": "enabled"}],
        "tools": [1, "x", {}, [1], [None], [{}]],
        "tool_choice": [1, "x", [], {"type": "nonsense"}, {"type": "tool"}],
    },
    "gemini": {
        "generationConfig": [1, [], {"maxOutputTokens": "x"}, {"temperature": "x"}, {"stopSequences": 1}],
        "systemInstruction": [1, {"parts": 1}, {"parts": [1]}],
        "tools": [1, "x", [1], [None], [{"functionDeclarations": 1}], [{"functionDeclarations": [{}]}]],
        "toolConfig": [1, "x", [], {"functionCallingConfig": 1}],
    },
}


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def not_json(client: str) -> Iterator[tuple[str, bytes]]:
    """Bodies that are no JSON object, or one that nobody should look into."""
    good = encoded(GOOD[client])
    turns = TURNS[client]
    yield "nothing", b""
    yield "blanks", b"  \r\n "
    yield "words", b"hello"
    yield "half of it", good[:-5]
    yield "null", b"null"
    yield "a list", b"[]"
    yield "a number", b"1"
    yield "a text", b'"x"'
    yield "not a number", good[:-1] + b',"temperature":NaN}'
    yield "UTF-16", good.decode().encode("utf-16")
    yield "Latin-1", good[:-1] + b',"user":"\xff"}'
    yield "a control character", good.replace(b'"hi', b'"\x00hi')
    yield "half a surrogate pair", good.replace(b'"hi', b'"\\ud800hi')
    yield "half a surrogate pair in a name", good[:-1] + b',"\\ud800":1}'
    for place, field in (("in a field", "metadata"), ("in the turns", turns)):
        rest = encoded({name: value for name, value in GOOD[client].items() if name != field})[:-1]
        comma = b"," if len(rest) > 1 else b""
        for shape, deep in (
            ("lists", b"[" * LEVELS + b"]" * LEVELS),
            ("objects", b'{"a":' * LEVELS + b"1" + b"}" * LEVELS),
        ):
            yield f"{LEVELS} {shape} {place}", rest + comma + b'"' + field.encode() + b'":' + deep + b"}"
    yield TOO_LARGE, good[:-1] + b',"user":"' + b"x" * (33 * 1024 * 1024) + b'"}'


def wrong_types(client: str) -> Iterator[tuple[str, bytes]]:
    """Wrong types at several depths, unknown blocks, pictures that are none."""
    good, turns, parts = GOOD[client], TURNS[client], PARTS[client]
    wrong: list[Any] = [1, -1, 1.5, True, [1], [None], [[]], [{}], [{"role": 1}]]
    wrong += [[{"role": "nobody", parts: "x"}], [{"role": "user", parts: 1}], [{"role": "user", parts: {}}]]
    wrong += [[{"role": "user", parts: [1]}], [{"role": "user", parts: [None]}], [{"role": "user", parts: [{}]}]]
    wrong += [[{"role": "user", parts: [{"type": "nonsense", "nonsense": 1}]}]]
    wrong += [[{"role": "user", parts: [part]}] for part in PICTURES[client]]
    for value in wrong:
        yield f"{turns} = {json.dumps(value)[:100]}", encoded({**good, turns: value})
    for name, values in SETTINGS[client].items():
        for value in values:
            yield f"{name} = {json.dumps(value)[:60]}", encoded({**good, name: value})


CLIENTS: Final = pytest.mark.parametrize("client", GOOD)
PROVIDERS: Final = pytest.mark.parametrize("speaker", SPEAKERS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Serving]:
    providers = {name: speaker.at(name) for name, speaker in SPEAKERS.items()}
    models = {f"to-{name}": [f"{name}/{speaker.model}"] for name, speaker in SPEAKERS.items()}
    async with serving(providers=providers, models=models) as made:
        yield made


async def ask(served: Serving, client: str, speaker: str, body: bytes) -> Answer:
    path = PATHS[client].replace("M", f"to-{speaker}")
    headers = {"content-type": "application/json"}
    return await served.ask(
        "POST", path, data=io.BytesIO(body.replace(b'"M"', b'"to-%s"' % speaker.encode())), headers=headers
    )


def refused(client: str, answer: Answer) -> str:
    """What the message says; "" where the answer is no refusal in the client's shape."""
    if not 400 <= answer.status < 500:
        return ""
    error = answer.error
    shaped = {
        "chat": lambda: set(error) == {"message", "type", "param", "code"} and error["type"] and error["code"],
        "responses": lambda: set(error) == {"message", "type", "param", "code"} and error["type"] and error["code"],
        "messages": lambda: answer.json["type"] == "error" and error["type"].endswith(("_error", "_large")),
        "gemini": lambda: error["code"] == answer.status and error["status"].isupper(),
    }[client]()
    return error["message"] if shaped and answer.headers.get("x-should-retry") == "false" else ""


@CLIENTS
async def test_what_is_no_request_is_refused_in_the_clients_shape_and_never_sent(served: Serving, client: str) -> None:
    served.sim.requests.clear(None)
    for name, body in not_json(client):
        answer = await ask(served, client, "chat", body)
        assert refused(client, answer), (name, answer.status, answer.body[:300])
        assert len(answer.body) < 3000, name
    assert served.sim.seen() == []


@PROVIDERS
@CLIENTS
async def test_wrong_types_and_values_are_refused_in_the_clients_shape(
    served: Serving, client: str, speaker: str
) -> None:
    for name, body in wrong_types(client):
        answer = await ask(served, client, speaker, body)
        assert refused(client, answer), (name, answer.status, answer.body[:300])


@CLIENTS
async def test_the_refusal_names_the_field(served: Serving, client: str) -> None:
    """Where another format is to be written, so that it is Segue that reads every field."""
    foreign = "messages" if client == "chat" else "chat"
    for field, values in SETTINGS[client].items():
        for value in values:
            answer = await ask(served, client, foreign, encoded({**GOOD[client], field: value}))
            told = answer.body.decode()
            assert field in told or "functionDeclarations" in told, (field, value, told[:300])


@PROVIDERS
@CLIENTS
async def test_large_and_odd_requests_are_answered_by_somebody(served: Serving, client: str, speaker: str) -> None:
    """A megabyte of tools, schemas that refer to themselves or grow without end, fields given twice, NUL in a text."""
    good = GOOD[client]
    wide = {
        "type": "object",
        "properties": {f"p{number}": {"type": "string", "description": "x" * 80} for number in range(9000)},
    }
    own = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/a"}},
        "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}},
    }
    growing = {
        f"d{level}": {"type": "object", "properties": {side: {"$ref": f"#/$defs/d{level + 1}"} for side in "xy"}}
        for level in range(40)
    }
    doubling = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/d0"}},
        "$defs": {**growing, "d40": {"type": "string"}},
    }
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(400):
        deep = {"type": "object", "properties": {"a": deep}}
    bodies = [encoded({**good, "tools": tools(client, schema)}) for schema in (wide, own, doubling, deep)]
    plain = encoded(good)
    bodies += [plain[:-1] + b"," + plain[1:], plain.replace(b'"hi', b'"\\u0000hi')]
    bodies.append(plain[:-1] + b',"generationConfig":{"temperature":1e999},"temperature":1e999}')
    huge = 10**400
    for value in (-1, 0, huge, -huge, 1e300):
        numbers = {"temperature": value, "topP": value, "maxOutputTokens": value, "topK": value, "seed": value}
        if client == "gemini":
            bodies += [encoded({**good, "generationConfig": {name: value}}) for name in numbers]
        else:
            names = (
                "temperature",
                "top_p",
                "max_tokens",
                "max_completion_tokens",
                "max_output_tokens",
                "top_k",
                "seed",
                "n",
            )
            bodies += [encoded({**good, name: value}) for name in names]
    for number, body in enumerate(bodies):
        answer = await ask(served, client, speaker, body)
        assert answer.status == 200 or refused(client, answer), (number, answer.status, answer.body[:300])


def tools(client: str, schema: Any) -> list[Any]:
    return {
        "chat": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "responses": [{"type": "function", "name": "f", "parameters": schema}],
        "messages": [{"name": "f", "input_schema": schema}],
        "gemini": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": schema}]}],
    }[client]


@PROVIDERS
@CLIENTS
async def test_after_all_that_the_service_answers_and_nothing_is_under_way(
    served: Serving, client: str, speaker: str
) -> None:
    answer = await ask(served, client, speaker, encoded(GOOD[client]))
    assert answer.status == 200
    assert served.in_flight() == 0
    assert not any(call.status >= 500 for call in served.calls)
