"""How vendors are asked for embeddings, each in its own shape; see `segue.families.llm.other.embeddings.Dialect`.

Limits of texts in one request are the vendors' own: OpenAI 2,048 (API reference, embeddings), Gemini 100
(batchEmbedContents), Cohere 96 (v2/embed). Ollama states none; its limit here is OpenAI's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.gemini.other import read_embed_answer, write_embed_request
from segue.families.llm.formats.ollama import errors as ollama_errors
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.formats.yandex import errors as yandex_errors
from segue.families.llm.habits import NO_HABITS, Habits
from segue.families.llm.ir.embeddings import Embeddings, Vectors
from segue.families.llm.ir.format import BadAnswer, Target
from segue.families.llm.other.answers import read_usage
from segue.families.llm.other.embeddings import unpack

_encode: Final = msgspec.json.encode


class _Datum(msgspec.Struct, gc=False):
    embedding: list[float] | str
    index: int | None = None


class _OpenAIAnswer(msgspec.Struct, gc=False):
    data: list[_Datum]
    model: str = ""
    usage: msgspec.Raw = msgspec.Raw(b"null")


_openai: Final = msgspec.json.Decoder(_OpenAIAnswer)


@dataclass(frozen=True, slots=True)
class OpenAIEmbeddings:
    """OpenAI's shape, for clients of another one. `habits`: what the vendor calls settings."""

    habits: Habits = NO_HABITS
    most: int = 2048

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:
        """See `Dialect.write`."""
        body: dict[str, Any] = {"model": model, "input": wish.texts, "encoding_format": "float"}
        if wish.dimensions is not None:
            body["dimensions"] = wish.dimensions
        if wish.user:
            body["user"] = wish.user
        lost(wish, warnings, task=True, user=False)
        return self.habits.finish(_encode(body), model, warnings)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read`."""
        try:
            told = _openai.decode(body)
            vectors = [
                unpack(one.embedding) if isinstance(one.embedding, str) else one.embedding
                for one in sorted(told.data, key=lambda one: one.index or 0)
            ]
        except (ValueError, RecursionError):
            raise BadAnswer("it has no list of embeddings") from None
        return checked(Vectors(model=told.model, vectors=vectors, usage=read_usage(told.usage)))

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read_error`."""
        return classify(status, error_object(body), secret)


class GeminiEmbeddings:
    """Gemini's `batchEmbedContents`."""

    most = 100

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:
        """See `Dialect.write`."""
        if wish.user:
            warnings.append("'user' left out")
        return write_embed_request(wish, Target(model))

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read`."""
        return checked(read_embed_answer(body))

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """See `Dialect.read_error`."""
        return GEMINI.read_error(status, headers, body, secret)


class _CohereUnits(msgspec.Struct, gc=False):
    input_tokens: float | None = None


class _CohereMeta(msgspec.Struct, gc=False):
    billed_units: _CohereUnits | None = None


class _CohereVectors(msgspec.Struct, gc=False, rename={"floats": "float"}):
    floats: list[list[float]]


class _CohereAnswer(msgspec.Struct, gc=False):
    embeddings: _CohereVectors
    meta: _CohereMeta | None = None


_cohere: Final = msgspec.json.Decoder(_CohereAnswer)
_COHERE_TASKS: Final[Mapping[str, str]] = {
    "retrieval_query": "search_query",
    "question_answering": "search_query",
    "fact_verification": "search_query",
    "code_retrieval_query": "search_query",
    "retrieval_document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
}


class CohereEmbeddings:
    """Cohere's `v2/embed` (docs.cohere.com/reference/embed): the purpose of the vectors must be told."""

    most = 96

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:
        """See `Dialect.write`."""
        return _encode({"model": model, **self.fields(wish, warnings)})

    def fields(self, wish: Embeddings, warnings: list[str]) -> dict[str, Any]:
        """The body without the model's name."""
        kind = _COHERE_TASKS.get(wish.task)
        if kind is None:
            kind = "search_document"
            warnings.append(f"input_type {kind!r} assumed")
        body: dict[str, Any] = {"texts": wish.texts, "input_type": kind, "embedding_types": ["float"]}
        if wish.dimensions is not None:
            body["output_dimension"] = wish.dimensions
        lost(wish, warnings)
        return body

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read`."""
        try:
            told = _cohere.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadAnswer("it has no embeddings of floats") from None
        units = told.meta.billed_units if told.meta is not None else None
        tokens = units.input_tokens if units is not None else None
        usage = None if tokens is None else Usage(int(tokens))
        return checked(Vectors(vectors=told.embeddings.floats, usage=usage))

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read_error`: `{"message": …}`, which the reader of OpenAI's errors knows."""
        return classify(status, error_object(body), secret)


class _OllamaAnswer(msgspec.Struct, gc=False):
    embeddings: list[list[float]]
    model: str = ""
    prompt_eval_count: int | None = None


_ollama: Final = msgspec.json.Decoder(_OllamaAnswer)


class OllamaEmbeddings:
    """Ollama's `/api/embed` (docs.ollama.com/api/embed)."""

    most = 2048

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:
        """See `Dialect.write`. Texts that are too long are refused, as OpenAI does, instead of being cut."""
        body: dict[str, Any] = {"model": model, "input": wish.texts, "truncate": False}
        if wish.dimensions is not None:
            body["dimensions"] = wish.dimensions
        lost(wish, warnings, task=True)
        return _encode(body)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read`."""
        try:
            told = _ollama.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadAnswer("it has no embeddings") from None
        usage = None if told.prompt_eval_count is None else Usage(told.prompt_eval_count)
        return checked(Vectors(model=told.model, vectors=told.embeddings, usage=usage))

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read_error`."""
        return ollama_errors.read_error(status, body, secret)


class _YandexAnswer(msgspec.Struct, rename="camel", gc=False):
    embedding: list[float]
    num_tokens: str | int | None = None


_yandex: Final = msgspec.json.Decoder(_YandexAnswer)


class YandexEmbeddings:
    """Yandex's `textEmbedding` (yandex.cloud/en/docs/foundation-models/embeddings): one text at a time."""

    most = 1

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:
        """See `Dialect.write`; `model` is the address of the model, `emb://folder/…`."""
        body: dict[str, Any] = {"modelUri": model, "text": wish.texts[0]}
        if wish.dimensions is not None:
            body["dim"] = str(wish.dimensions)  # gRPC's gateway writes 64-bit integers as text
        lost(wish, warnings, task=True)
        return _encode(body)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read`."""
        try:
            told = _yandex.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BadAnswer("it has no embedding") from None
        tokens = str(told.num_tokens)
        usage = Usage(int(tokens)) if tokens.isascii() and tokens.isdecimal() and len(tokens) < 10 else None  # noqa: PLR2004 - any sane count
        return checked(Vectors(vectors=[told.embedding], usage=usage))

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG002 - the port's own shape
        """See `Dialect.read_error`."""
        return yandex_errors.read_error(status, body, secret)


def lost(wish: Embeddings, warnings: list[str], *, task: bool = False, user: bool = True) -> None:
    """Tell what a vendor has no word for: titles always, the purpose and the end user where it is so."""
    if any(wish.titles):
        warnings.append("titles left out")
    if task and wish.task:
        warnings.append(f"the task type {wish.task!r} left out")
    if user and wish.user:
        warnings.append("'user' left out")


def checked(answer: Vectors) -> Vectors:
    """The same vectors, seen to have something in them.

    Raises:
        BadAnswer: one is empty, or there is none.
    """
    if not answer.vectors or not all(answer.vectors):
        raise BadAnswer("an embedding is empty")
    return answer
