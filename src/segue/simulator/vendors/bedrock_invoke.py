"""Beside its common interface Bedrock passes each model's own format through; embeddings can be had in no other way.

`POST /model/{model}/invoke` for Amazon's and Cohere's models of embeddings, and for Claude, which also streams by
`invoke-with-response-stream`: its own events, each in the frame of a `chunk`. Source:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html.
"""

import base64
from dataclasses import replace
from typing import Any, Final

import msgspec

from segue.simulator import frames
from segue.simulator.exchange import UNDECODABLE, Exchange
from segue.simulator.script import Head, Script, Send, Step, whole
from segue.simulator.vendors.anthropic_api import create_message
from segue.simulator.vendors.anthropic_errors import AnthropicError
from segue.simulator.vendors.bedrock_answers import standard_headers
from segue.simulator.vendors.bedrock_checks import Check, boolean, choice, integer, many, structure, text
from segue.simulator.vendors.bedrock_errors import AwsError, invalid
from segue.simulator.vendors.bedrock_models import BedrockModel
from segue.simulator.vendors.scripting import digest, words
from segue.simulator.vendors.vectors import in_form, unit_vector

_Json = dict[str, Any]
_VERSION: Final = "bedrock-2023-05-31"
_SIZES: Final = (256, 512, 1024)
_TITAN_SIZE: Final = 1536
_MOST_TEXTS: Final = 96
_FORMS: Final = ("float", "int8", "uint8", "binary", "ubinary")
_TITAN: Final = structure({"inputText": text(1, 50_000)})
_TITAN_V2: Final = structure(
    {"inputText": text(1, 50_000)},
    {"dimensions": integer(1), "normalize": boolean, "embeddingTypes": many(choice("float", "binary"), least=1)},
)
_COHERE: Final = structure(
    {
        "texts": many(text(), least=1, most=_MOST_TEXTS),
        "input_type": choice("search_document", "search_query", "classification", "clustering"),
    },
    {
        "truncate": choice("NONE", "START", "LEFT", "END", "RIGHT"),
        "embedding_types": many(choice(*_FORMS), least=1),
        "output_dimension": integer(1),
        "max_tokens": integer(1),
    },
)


def read(exchange: Exchange, check: Check) -> _Json:
    """The checked body of a request."""
    if exchange.document is UNDECODABLE:
        raise AwsError(400, "SerializationException", "The request body is not valid JSON.")
    check(exchange.document, "")
    if not isinstance(exchange.document, dict):
        raise invalid("Malformed input request, please reformat your input and try again.")
    return exchange.document


def _tokens(exchange: Exchange, count: int) -> tuple[tuple[str, str], ...]:
    return (*standard_headers(exchange), ("X-Amzn-Bedrock-Input-Token-Count", str(count)))


def _titan(exchange: Exchange, model: BedrockModel) -> Script:
    newer = "embed-text-v2" in model.name
    document = read(exchange, _TITAN_V2 if newer else _TITAN)
    size = document.get("dimensions", _SIZES[-1]) if newer else _TITAN_SIZE
    if newer and size not in _SIZES:
        listed = ", ".join(str(one) for one in _SIZES)
        raise invalid(f"Malformed input request: #/dimensions: {size} is not a valid enum value: {listed}.")
    content, count = document["inputText"], words(document["inputText"])
    vector = unit_vector(exchange.seed, content, size)
    answer: _Json = {"embedding": vector, "inputTextTokenCount": count}
    if newer:
        forms = document.get("embeddingTypes") or ["float"]
        answer["embeddingsByType"] = {
            form: vector if form == "float" else [int(value > 0) for value in vector] for form in forms
        }
    return whole(200, msgspec.json.encode(answer), _tokens(exchange, count))


def _cohere(exchange: Exchange, model: BedrockModel) -> Script:
    document = read(exchange, _COHERE)
    size = document.get("output_dimension") or (1536 if "embed-v4" in model.name else 1024)
    if not 1 <= size <= _TITAN_SIZE:
        raise invalid(f"output_dimension: must be between 1 and {_TITAN_SIZE}")
    vectors = [unit_vector(exchange.seed, content, size) for content in document["texts"]]
    forms = document.get("embedding_types")
    made: object = vectors
    if forms:
        made = {form: [in_form(vector, form) for vector in vectors] for form in forms}
    answer = {
        "id": digest(exchange.seed, exchange.number, "embed", length=32),
        "response_type": "embeddings_by_type" if forms else "embeddings_floats",
        "embeddings": made,
        "texts": document["texts"],
    }
    count = sum(words(content) for content in document["texts"])
    return whole(200, msgspec.json.encode(answer), _tokens(exchange, count))


def _chunk(send: Send) -> Send:
    """An event of Anthropic's in the frame of a chunk."""
    data = send.data.partition(b"\ndata: ")[2].strip()
    payload = msgspec.json.encode({"bytes": base64.b64encode(data).decode()})
    return replace(send, data=frames.event("chunk", payload))


def _claude(exchange: Exchange, model: BedrockModel, *, stream: bool) -> Script:
    document = exchange.document
    version = document.get("anthropic_version") if isinstance(document, dict) else None
    if version != _VERSION:
        raise invalid(f"anthropic_version: must be {_VERSION}")
    if isinstance(document, dict):
        document.pop("anthropic_beta", None)
        if "stream" in document:
            raise invalid("Malformed input request: #: extraneous key [stream] is not permitted, please reformat your "
                          "input and try again.")  # fmt: skip
    try:
        script = create_message(
            exchange,
            str(model.claude),
            standard_headers(exchange),
            stream=stream,
            version="2023-06-01",
            prefix="bdrk_",
        )
    except AnthropicError as error:
        raise AwsError(error.status, "ValidationException", error.message) from None
    if not stream:
        return script
    headers = (("Content-Type", frames.CONTENT_TYPE), *standard_headers(exchange))
    steps: list[Step] = [_chunk(step) for step in script.steps if isinstance(step, Send)]
    return Script((Head(200, headers, None), *steps), script.tokens)


def invoke(exchange: Exchange, model: BedrockModel, *, stream: bool) -> Script:
    """The answer to `invoke` or `invoke-with-response-stream`; raises AwsError when it is refused."""
    if model.claude is not None:
        return _claude(exchange, model, stream=stream)
    if stream:
        raise invalid("The model is unsupported for streaming.")
    if model.name.startswith("amazon.titan-embed-text"):
        return _titan(exchange, model)
    if model.name.startswith("cohere.embed"):
        return _cohere(exchange, model)
    raise invalid(f"The own format of the model {model.name[:64]} is not simulated; use converse.")
