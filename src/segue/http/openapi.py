"""The hot paths in the service's OpenAPI description: no framework sees them, so they are written here.

Typed operations describe themselves; what passes through in a vendor's format is described by its essential fields
and a pointer to the vendor's own reference.
"""

from typing import Any

import msgspec

from segue.app.catalogue import operations
from segue.core.operation import Nature, Operation
from segue.families.llm.other.reading import READINGS
from segue.http.surfaces.openai_other import PATHS as OTHER_PATHS

_CHAT_REQUEST = {
    "type": "object",
    "required": ["model", "messages"],
    "additionalProperties": True,
    "properties": {
        "model": {"type": "string", "description": "an alias, `provider/model`, or a model that providers list"},
        "messages": {"type": "array", "minItems": 1, "items": {"type": "object"}},
        "stream": {"type": "boolean", "default": False},
        "fallbacks": {
            "type": "array",
            "items": {"type": "string"},
            "description": "names of models tried after the requested one; not sent on",
        },
    },
}


_CLOUDS = {
    "/model/{model}/converse": "A chat in the format of Bedrock's Converse",
    "/model/{model}/converse-stream": "The same, streaming",
    "/model/{model}/count-tokens": "Count tokens, in Bedrock's format",
    "/model/{model}/invoke": "A chat in the format of Anthropic's Messages, as at Bedrock",
    "/model/{model}/invoke-with-response-stream": "The same, streaming",
    **{
        f"/v1/projects/{{project}}/locations/{{location}}/publishers/anthropic/models/{{model}}:{action}": summary
        for action, summary in (
            ("rawPredict", "A chat in the format of Anthropic's Messages, as at Vertex AI"),
            ("streamRawPredict", "The same, streaming"),
        )
    },
}
_GEMINI = {
    "generateContent": "A chat in the format of Gemini",
    "streamGenerateContent": "A chat in the format of Gemini, piece by piece",
    "countTokens": "Count tokens, in Gemini's format",
    "embedContent": "Turn a text into a vector, in Gemini's format",
    "batchEmbedContents": "Turn texts into vectors, in Gemini's format",
}


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """Add the hot paths to the framework's document, which is changed and returned."""
    paths = document.setdefault("paths", {})
    components = document.setdefault("components", {}).setdefault("schemas", {})
    paths["/v1/chat/completions"] = {"post": _chat()}
    paths["/v1/models"] = {"get": _plain("List the models that can be asked for", "chat")}
    paths["/v1/models/{id}"] = {
        "get": {
            **_plain("One model", "chat"),
            "parameters": [_parameter("id", "path", {"type": "string"}, required=True)],
        }
    }
    paths["/v1/responses"] = {"post": _plain("A chat in the format of OpenAI's Responses, plain or streaming", "chat")}
    for what, methods in {"": ("get", "delete"), "/input_items": ("get",), "/cancel": ("post",)}.items():
        named = {"parameters": [_parameter("id", "path", {"type": "string"}, required=True)]}
        paths[f"/v1/responses/{{id}}{what}"] = {
            method: {**_plain("A response that was kept for its caller", "chat"), **named} for method in methods
        }
    for path, name in OTHER_PATHS.items():
        paths[path] = {"post": _other(name)}
    paths["/v2/rerank"] = {"post": _plain("Put documents in order, in Cohere's format", "llm")}
    paths["/v1/responses/input_tokens"] = {"post": _plain("Count tokens, in the format of OpenAI's Responses", "llm")}
    paths["/v1/messages/count_tokens"] = {"post": _plain("Count tokens, in Anthropic's format", "llm")}
    paths["/v1/messages"] = {"post": _plain("A chat in the format of Anthropic's Messages", "chat")}
    by_model = {f"/v1beta/models/{{model}}:{action}": summary for action, summary in _GEMINI.items()}
    for path, summary in {**by_model, **_CLOUDS}.items():
        names = ("project", "location", "model") if "{project}" in path else ("model",)
        told = [_parameter(name, "path", {"type": "string"}, required=True) for name in names]
        paths[path] = {"post": {**_plain(summary, "chat"), "parameters": told}}
    paths["/health"] = {"get": _plain("Whether this process is alive, and whether its store answers", "service")}
    paths["/ready"] = {"get": _plain("Whether this instance should get traffic", "service")}
    paths["/metrics"] = {"get": _plain("Counters for Prometheus", "service")}
    for operation in operations().values():
        if operation.answer is bytes:
            paths[f"/v1/call/{operation.id}"] = {"post": _by_name(operation, _request(operation), {"type": "object"})}
            continue
        (request, answer), schemas = msgspec.json.schema_components(
            (operation.request, operation.answer), ref_template="#/components/schemas/{name}"
        )
        components.update(schemas)
        paths[f"/v1/call/{operation.id}"] = {"post": _by_name(operation, request, answer)}
        if operation.nature is Nature.READ:
            fields = schemas[operation.request.__name__]["properties"]
            paths[f"/v1/{operation.id.replace('.', '/')}"] = {"get": _by_query(operation, fields, answer)}
    return document


def _request(operation: Operation) -> dict[str, Any]:
    """The essential fields of a request whose rest is the vendor's business."""
    reading = READINGS.get(operation.id)
    if reading is None:
        return _CHAT_REQUEST
    needed = [name.partition("|")[0] for name, _ in reading.needs]
    properties: dict[str, Any] = {
        "model": {"type": "string", "description": "an alias, `provider/model`, or a model that providers list"}
    }
    properties |= {name.partition("|")[0]: {"description": what} for name, what in reading.needs}
    required = needed if reading.model else ["model", *needed]
    return {"type": "object", "required": required, "additionalProperties": True, "properties": properties}


def _other(name: str) -> dict[str, Any]:
    operation, reading = operations()[name], READINGS[name]
    described = _plain(operation.summary, operation.family)
    shapes = [*(["application/json"] if reading.json else []), *(["multipart/form-data"] if reading.form else [])]
    schema = {"schema": _request(operation)}
    described["requestBody"] = {"required": True, "content": dict.fromkeys(shapes, schema)}
    return described


def _chat() -> dict[str, Any]:
    described = _plain("Chat completion, plain or streaming, in the format of OpenAI's Chat Completions", "chat")
    described["requestBody"] = {"required": True, "content": {"application/json": {"schema": _CHAT_REQUEST}}}
    described["responses"]["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    return described


def _by_name(operation: Operation, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    described = _plain(operation.summary, operation.family, answer)
    described["requestBody"] = {"required": True, "content": {"application/json": {"schema": request}}}
    return described


def _by_query(operation: Operation, fields: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    described = _plain(operation.summary, operation.family, answer)
    described["parameters"] = [_parameter(name, "query", schema) for name, schema in fields.items()]
    return described


def _plain(summary: str, tag: str, answer: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "summary": summary,
        "tags": [tag],
        "responses": {
            "200": {
                "description": "the answer",
                "content": {"application/json": {"schema": answer or {"type": "object"}}},
            },
            "default": {"description": "an error in the shape of this surface"},
        },
    }


def _parameter(name: str, place: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}
