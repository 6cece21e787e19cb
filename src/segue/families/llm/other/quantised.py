"""Perplexity's embeddings, whose numbers are whole: a byte for each, in base64 (docs.perplexity.ai/docs/embeddings).

A client of another shape gets them as floats of the same values, from -128 to 127, as Perplexity's own integrations do:
they are not of length 1, so they are to be compared by their angle (cosine similarity), which is what the vendor says.
"""

import base64
import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.ir.embeddings import Embeddings, Vectors
from segue.families.llm.ir.format import BadAnswer
from segue.families.llm.other.answers import read_usage
from segue.families.llm.other.dialects import checked, lost

_ENCODING: Final = "base64_int8"


class _Datum(msgspec.Struct, gc=False):
    embedding: str
    index: int | None = None


class _Answer(msgspec.Struct, gc=False):
    data: list[_Datum]
    model: str = ""
    usage: msgspec.Raw = msgspec.Raw(b"null")


_answer: Final = msgspec.json.Decoder(_Answer)


class PerplexityEmbeddings:
    """`POST /v1/embeddings`; its models want no purpose told, so that one changes nothing."""

    most = 512

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:
        """See `Dialect.write`."""
        body: dict[str, Any] = {"model": model, "input": wish.texts, "encoding_format": _ENCODING}
        if wish.dimensions is not None:
            body["dimensions"] = wish.dimensions
        lost(wish, warnings)
        return msgspec.json.encode(body)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read`."""
        try:
            told = _answer.decode(body)
            vectors = [unpacked(one.embedding) for one in sorted(told.data, key=lambda one: one.index or 0)]
        except (ValueError, RecursionError):
            raise BadAnswer(f"it has no embeddings as {_ENCODING}") from None
        return checked(Vectors(model=told.model, vectors=vectors, usage=read_usage(told.usage)))

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read_error`."""
        return classify(status, error_object(body), secret)


def unpacked(text: str) -> list[float]:
    """The numbers of a vector in base64, a signed byte each.

    Raises:
        ValueError: it is no base64.
    """
    raw = base64.b64decode(text, validate=True)
    return [float(number) for number in struct.unpack(f"{len(raw)}b", raw)]
