"""A body that is wrong in any one place is answered: never with a defect of the simulator."""

import copy
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from segue.simulator.exchange import Exchange
from segue.simulator.vendors import route

ODD = (None, True, -1, 1.5, "", "odd", [], [None], {}, {"odd": 1}, [[]], 10**30)
CALL = {"toolUseId": "a", "name": "f", "input": {}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
CONVERSE = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": "use the tool"},
                {"image": {"format": "png", "source": {"bytes": "AAAA"}}},
                {"document": {"format": "txt", "name": "n", "source": {"bytes": "AAAA"}}},
                {"cachePoint": {"type": "default"}},
            ],
        },
        {"role": "assistant", "content": [{"text": "a"}, {"toolUse": CALL}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "a", "content": [{"json": {"b": 1}}]}}]},
    ],
    "system": [{"text": "s"}],
    "inferenceConfig": {"maxTokens": 2000, "temperature": 1, "stopSequences": ["x"]},
    "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": SCHEMA}}}], "toolChoice": {"auto": {}}},
    "guardrailConfig": {"guardrailIdentifier": "a", "guardrailVersion": "1", "trace": "enabled"},
    "additionalModelRequestFields": {"thinking": {"type": "disabled"}},
    "additionalModelResponseFieldPaths": ["/stop_sequence"],
    "outputConfig": {"effort": "low"},
}
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA}
OPTIONS = {"stream": False, "temperature": 0.3, "maxTokens": "100", "reasoningOptions": {"mode": "DISABLED"}}
YANDEX = {
    "modelUri": "gpt://b1/yandexgpt/latest",
    "completionOptions": OPTIONS,
    "messages": [
        {"role": "user", "text": "use the tool"},
        {"role": "assistant", "toolCallList": {"toolCalls": [{"functionCall": {"name": "f", "arguments": {}}}]}},
        {"role": "user", "toolResultList": {"toolResults": [{"functionResult": {"name": "f", "content": "c"}}]}},
    ],
    "tools": [{"function": FUNCTION}],
    "jsonSchema": {"schema": SCHEMA},
    "toolChoice": {"mode": "AUTO"},
}
OLLAMA = {
    "model": "llava",
    "messages": [
        {"role": "user", "content": "use the tool", "images": ["AAAA"]},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]},
        {"role": "tool", "tool_name": "f", "content": "c"},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
    "options": {"num_predict": 5, "stop": ["x"]},
    "format": SCHEMA,
    "think": False,
}
CALLED = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
COHERE = {
    "model": "command-a",
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": "u"}}]},
        {"role": "assistant", "tool_calls": [CALLED], "tool_plan": "p"},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "document", "document": {"data": "d"}}]},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
    "response_format": {"type": "json_object", "json_schema": SCHEMA},
    "stop_sequences": ["x"],
    "thinking": {"type": "enabled"},
}
COUNTED = {"messages": [{"role": "user", "content": [{"text": "a"}]}], "system": [{"text": "a"}]}
BODIES: dict[str, Any] = {
    "/model/us.anthropic.claude-haiku-4-5/converse": CONVERSE,
    "/model/amazon.nova-lite-v1:0/converse-stream": CONVERSE,
    "/model/anthropic.claude-haiku-4-5/count-tokens": {"input": {"converse": COUNTED}},
    "/model/anthropic.claude-haiku-4-5/invoke": {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "a"}],
    },
    "/model/amazon.titan-embed-text-v2:0/invoke": {"inputText": "a", "dimensions": 256, "embeddingTypes": ["float"]},
    "/model/cohere.embed-v4:0/invoke": {
        "texts": ["a"],
        "input_type": "search_query",
        "embedding_types": ["int8", "binary"],
        "output_dimension": 256,
    },
    "/foundationModels/v1/completion": YANDEX,
    "/foundationModels/v1/tokenizeCompletion": YANDEX,
    "/foundationModels/v1/textEmbedding": {"modelUri": "emb://b1/text", "text": "a", "dim": "8"},
    "/api/chat": OLLAMA,
    "/api/generate": {"model": "m", "prompt": "p", "images": ["AAAA"], "system": "s", "options": {"num_predict": 3}},
    "/api/embed": {"model": "m", "input": ["a"], "dimensions": 8},
    "/v2/chat": COHERE,
    "/v2/embed": {
        "model": "m",
        "input_type": "search_query",
        "texts": ["a"],
        "embedding_types": ["float", "base64"],
        "output_dimension": 256,
    },
}


def places(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values in a document, that of the document first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield from places(item, (*path, key))


def changed(document: Any, path: tuple[Any, ...], odd: object) -> Any:
    """A copy with another value in one place."""
    if not path:
        return odd
    copied = copy.deepcopy(document)
    owner = copied
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = odd
    return copied


def status_of(path: str, document: object) -> int:
    account, vendor, own = route(f"/a{path}")
    headers = {"authorization": "Bearer key", "content-type": "application/json"}
    exchange = Exchange(1, account, "POST", own, {}, headers, b"", 1)
    exchange.read(msgspec.json.encode(document))
    assert exchange.model is None or isinstance(exchange.model, str)
    assert exchange.streaming in {True, False}
    head = vendor.answer(exchange).head
    assert head is not None
    return head.status


@pytest.mark.parametrize("path", sorted(BODIES))
def test_the_body_is_right_as_it_is(path):
    """So that what follows is about one wrong place only."""
    assert status_of(path, BODIES[path]) == 200


@pytest.mark.parametrize("path", sorted(BODIES))
def test_one_odd_value_in_any_place_is_answered(path):
    """With an answer or with a refusal, and with nothing else."""
    for place in places(BODIES[path]):
        for odd in ODD:
            status = status_of(path, changed(BODIES[path], place, odd))
            assert status in {200, 400, 404, 422}, (place, odd, status)
