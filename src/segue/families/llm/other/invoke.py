"""Embeddings on Bedrock, where Converse does not reach: each maker's own body, by InvokeModel.

Source: Bedrock User Guide, "Amazon Titan Text Embeddings" and "Cohere Embed". How many tokens a request took is told
by a header, whoever made the model.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.formats.converse.errors import read_error
from segue.families.llm.ir.embeddings import Embeddings, Vectors
from segue.families.llm.ir.format import BadAnswer
from segue.families.llm.other.dialects import CohereEmbeddings, checked, lost
from segue.families.llm.other.embeddings import unable

_COUNT: Final = "x-amzn-bedrock-input-token-count"
_MOST_DIGITS: Final = 9


class _TitanAnswer(msgspec.Struct, rename="camel", gc=False):
    embedding: list[float]
    input_text_token_count: int | None = None


_titan: Final = msgspec.json.Decoder(_TitanAnswer)


class TitanEmbeddings:
    """Amazon's Titan: one text at a time; only its second version has a choice of dimensions."""

    most = 1

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:
        """See `Dialect.write`."""
        body: dict[str, Any] = {"inputText": wish.texts[0]}
        if wish.dimensions is not None:
            if "embed-text-v2" not in model:
                raise unable(f"{model} has no choice of dimensions", "dimensions")
            body["dimensions"] = wish.dimensions
        lost(wish, warnings, task=True)
        return msgspec.json.encode(body)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:
        """See `Dialect.read`."""
        try:
            told = _titan.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadAnswer("it has no embedding") from None
        count = told.input_text_token_count
        return checked(Vectors(vectors=[told.embedding], usage=_usage(headers) if count is None else Usage(count)))

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """See `Dialect.read_error`."""
        return read_error(status, headers, body, secret)


class CohereOnBedrock(CohereEmbeddings):
    """Cohere's models on Bedrock: the model stands in the URL."""

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:
        """See `Dialect.write`."""
        fields = self.fields(wish, warnings)
        if wish.dimensions is not None and "embed-v4" not in model:
            raise unable(f"{model} has no choice of dimensions", "dimensions")
        return msgspec.json.encode(fields)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:
        """See `Dialect.read`."""
        answer = super().read(body, headers)
        answer.usage = answer.usage or _usage(headers)
        return answer

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """See `Dialect.read_error`."""
        return read_error(status, headers, body, secret)


def _usage(headers: Mapping[str, str]) -> Usage | None:
    told = headers.get(_COUNT, "")
    return Usage(int(told)) if told.isascii() and told.isdecimal() and len(told) <= _MOST_DIGITS else None
