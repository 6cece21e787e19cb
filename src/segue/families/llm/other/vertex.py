"""Embeddings on Vertex AI: older models are asked by `predict`, Gemini's by `embedContent`.

Sources: google/cloud/aiplatform/v1/prediction_service.proto (EmbedContent), and the guide "Get text embeddings" of
Vertex AI for `predict`: at most 250 texts. `embedContent` takes one. A text that is too long is refused rather than
cut, as OpenAI does.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.formats.counts import NOTHING, Tokens, read_counts
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.ir.embeddings import Embeddings, Vectors
from segue.families.llm.ir.format import BadAnswer
from segue.families.llm.other.dialects import checked


class _Statistics(msgspec.Struct, gc=False):
    token_count: float | None = None


class _Embedding(msgspec.Struct, gc=False):
    values: list[float]
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct, gc=False):
    embeddings: _Embedding


class _Predictions(msgspec.Struct, gc=False):
    predictions: list[_Prediction]


class _Counts(msgspec.Struct, rename="camel", gc=False):
    prompt_token_count: Tokens | None = None


class _Embedded(msgspec.Struct, rename="camel", gc=False):
    embedding: _Embedding
    usage_metadata: msgspec.Raw = NOTHING


_predictions: Final = msgspec.json.Decoder(_Predictions)
_embedded: Final = msgspec.json.Decoder(_Embedded)
_counts: Final = msgspec.json.Decoder(_Counts)


def embeds_content(model: str) -> bool:
    """Whether a model is asked by `embedContent`; Google's own SDK tells it by the name, too."""
    return "gemini" in model


class _Google:
    """What both have in common: Google's errors."""

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """See `Dialect.read_error`."""
        return GEMINI.read_error(status, headers, body, secret)


class VertexPredict(_Google):
    """`text-embedding-005` and its like."""

    most = 250

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:  # noqa: ARG002 - the port's own shape
        """See `Dialect.write`; the model stands in the URL."""
        instances: list[dict[str, str]] = []
        for index, text in enumerate(wish.texts):
            instance = {"content": text}
            if wish.task:
                instance["task_type"] = wish.task.upper()
            if index < len(wish.titles) and wish.titles[index]:
                instance["title"] = wish.titles[index]
            instances.append(instance)
        parameters: dict[str, Any] = {"autoTruncate": False}
        if wish.dimensions is not None:
            parameters["outputDimensionality"] = wish.dimensions
        if wish.user:
            warnings.append("'user' left out")
        return msgspec.json.encode({"instances": instances, "parameters": parameters})

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read`."""
        try:
            told = [one.embeddings for one in _predictions.decode(body).predictions]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswer.of(error, body) from None
        counts = [one.statistics.token_count for one in told if one.statistics is not None]
        known = [int(count) for count in counts if count is not None and count >= 0]
        usage = Usage(sum(known)) if known and len(known) == len(told) else None
        return checked(Vectors(vectors=[one.values for one in told], usage=usage))


class VertexEmbedContent(_Google):
    """`gemini-embedding-001` and its like."""

    most = 1

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:  # noqa: ARG002 - the port's own shape
        """See `Dialect.write`; the model stands in the URL."""
        settings: dict[str, Any] = {"autoTruncate": False}
        if wish.task:
            settings["taskType"] = wish.task.upper()
        if wish.titles and wish.titles[0]:
            settings["title"] = wish.titles[0]
        if wish.dimensions is not None:
            settings["outputDimensionality"] = wish.dimensions
        if wish.user:
            warnings.append("'user' left out")
        content = {"role": "user", "parts": [{"text": wish.texts[0]}]}
        return msgspec.json.encode({"content": content, "embedContentConfig": settings})

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read`."""
        try:
            told = _embedded.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswer.of(error, body) from None
        counts = read_counts(_counts, told.usage_metadata)
        count = None if counts is None else counts.prompt_token_count
        return checked(Vectors(vectors=[told.embedding.values], usage=None if count is None else Usage(count)))
