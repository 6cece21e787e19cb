"""Embeddings of texts and images come in several encodings at once, and a client must take the one that it asked for.

This is Cohere's `POST /v2/embed`. Source: https://docs.cohere.com/reference/embed.
"""

import base64
import struct
from typing import Final

from segue.simulator.script import Script
from segue.simulator.vendors.openai_access import Request
from segue.simulator.vendors.openai_checks import (
    Check,
    array,
    choice,
    entries,
    integer,
    refusal,
    string,
    text,
    wrong_type,
)
from segue.simulator.vendors.scripting import digest, words
from segue.simulator.vendors.vectors import in_form, unit_vector

_DIMENSIONS: Final = (256, 512, 1024, 1536)
_MOST_INPUTS: Final = 96
_FORMS: Final = ("float", "int8", "uint8", "binary", "ubinary", "base64")
EMBED: Final[dict[str, Check]] = {
    "model": string,
    "input_type": choice("search_document", "search_query", "classification", "clustering", "image"),
    "texts": array,
    "images": array,
    "inputs": array,
    "max_tokens": integer(1),
    "output_dimension": integer(1),
    "embedding_types": array,
    "truncate": choice("NONE", "START", "END"),
    "priority": integer(0, 999),
}


def _encoded(vector: list[float], form: str) -> object:
    if form == "base64":
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    return in_form(vector, form)


def embed(request: Request) -> Script:
    """The answer to `POST /v2/embed`."""
    request.need("POST")
    document = request.parameters(EMBED, "model", "input_type")
    given = [name for name in ("texts", "images", "inputs") if document.get(name)]
    if len(given) != 1:
        raise refusal("invalid request: exactly one of texts, images, inputs must be given", "texts", "invalid_value")
    items = entries(document[given[0]], given[0], least=1, most=_MOST_INPUTS)
    if given[0] != "inputs":
        for index, item in enumerate(items):
            text(item, f"{given[0]}[{index}]")
    for index, item in enumerate(items if given[0] == "inputs" else ()):
        if not isinstance(item, dict) or not isinstance(item.get("content"), list):
            raise wrong_type(item, f"inputs[{index}]", "an object with content")
    size = document.get("output_dimension") or 1024
    if size not in _DIMENSIONS:
        listed = ", ".join(str(one) for one in _DIMENSIONS)
        raise refusal(f"invalid request: output_dimension must be one of {listed}", "output_dimension", "invalid_value")
    forms = document.get("embedding_types") or ["float"]
    for form in forms:
        choice(*_FORMS)(form, "embedding_types")
    vectors = [unit_vector(request.exchange.seed, str(item), size) for item in items]
    count = sum(words(item) if isinstance(item, str) else 1 for item in items)
    billed = {"images": len(items)} if given[0] == "images" else {"input_tokens": count}
    answer = {
        "id": digest(request.exchange.seed, request.exchange.number, "embed", length=32),
        "embeddings": {form: [_encoded(vector, form) for vector in vectors] for form in forms},
        "texts": items if given[0] == "texts" else [],
        "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}, "billed_units": billed},
    }
    return request.answer(answer)
