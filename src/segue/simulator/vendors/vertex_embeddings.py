"""Vertex AI has two interfaces for embeddings: `predict` with instances, and `embedContent` with one content.

Sources: google/cloud/aiplatform/v1/prediction_service.proto, and the page "Text embeddings API" of
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference.
"""

from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors.gemini_content import standard_headers, text_of
from segue.simulator.vendors.gemini_errors import invalid
from segue.simulator.vendors.gemini_grammar import VERTEX_EMBED, VERTEX_PREDICT
from segue.simulator.vendors.gemini_requests import read
from segue.simulator.vendors.scripting import words
from segue.simulator.vendors.vectors import unit_vector

_MOST: Final = 250
_DIMENSIONS: Final = {"gemini": 3072, "text": 768}
_INSTANCE: Final = frozenset({"content", "task_type", "title", "mimeType"})
_PARAMETERS: Final = frozenset({"autoTruncate", "outputDimensionality"})
_Json = dict[str, Any]


def predicted(exchange: Exchange, model: str) -> Script:
    """The answer to `predict`."""
    document = read(exchange, VERTEX_PREDICT)
    instances, parameters = document.get("instances") or [], document.get("parameters") or {}
    most = 1 if model.startswith("gemini") else _MOST
    if not 1 <= len(instances) <= most:
        raise invalid(f"{most} instance(s) is allowed per prediction. Actual: {len(instances)}.")
    if parameters.keys() - _PARAMETERS or any(one.keys() - _INSTANCE for one in instances):
        raise invalid("Unknown field in instances or parameters.")
    if any(not isinstance(one.get("content"), str) or not one["content"] for one in instances):
        raise invalid("The text content is empty.")
    size = _size(model, parameters.get("outputDimensionality"))
    found = [
        {
            "embeddings": {
                "values": unit_vector(exchange.seed, one["content"], size),
                "statistics": {"token_count": words(one["content"]), "truncated": False},
            }
        }
        for one in instances
    ]
    characters = sum(len(one["content"]) for one in instances)
    answer: _Json = {"predictions": found, "metadata": {"billableCharacterCount": characters}}
    return whole(200, msgspec.json.encode(answer), standard_headers())


def embedded(exchange: Exchange, model: str) -> Script:
    """The answer to `embedContent`."""
    if not model.startswith("gemini"):
        raise invalid(f"Model {model} does not support embedContent.")
    document = read(exchange, VERTEX_EMBED)
    text = text_of(document.get("content"))
    if not text:
        raise invalid("* EmbedContentRequest.content: content is required and must not be empty.\n")
    settings = document.get("embedContentConfig") or document
    vector = unit_vector(exchange.seed, text, _size(model, settings.get("outputDimensionality")))
    answer: _Json = {
        "embedding": {"values": vector},
        "usageMetadata": {"promptTokenCount": words(text), "totalTokenCount": words(text)},
        "truncated": False,
    }
    return whole(200, msgspec.json.encode(answer), standard_headers())


def _size(model: str, wished: object) -> int:
    most = _DIMENSIONS["gemini" if model.startswith("gemini") else "text"]
    size = most if wished is None else wished
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= most:
        raise invalid(f"output_dimensionality: must be between 1 and {most}.")
    return size
