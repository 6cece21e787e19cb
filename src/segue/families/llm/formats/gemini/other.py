"""countTokens, embedContent and batchEmbedContents: their requests and answers, both ways.

Source: generative_service.proto and text_service.proto of google/ai/generativelanguage/v1beta; the SDK also writes
the settings of embeddings into an object `embedContentConfig`.
"""

from typing import Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.outcome import Usage
from segue.families.llm.formats.counts import NOTHING
from segue.families.llm.formats.gemini.request_in import read_request
from segue.families.llm.formats.gemini.request_out import write_request
from segue.families.llm.formats.gemini.tidy import read_typed
from segue.families.llm.formats.gemini.usage import told_usage
from segue.families.llm.formats.gemini.wire import Content, Raw, Strict, parts_of
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.embeddings import Embeddings, Vectors
from segue.families.llm.ir.format import BadAnswer, Target

MAX_TEXTS: Final = 2048
"""Texts of one request for embeddings."""

_TASKS: Final = frozenset({
    "", "retrieval_query", "retrieval_document", "semantic_similarity", "classification", "clustering",
    "question_answering", "fact_verification", "code_retrieval_query",
})  # fmt: skip


class _Config(Strict):
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: int | None = None


class _Embed(Strict):
    model: str | None = None
    content: Content | None = None
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: int | None = None
    embed_content_config: _Config | None = None


class _Batch(Strict):
    requests: list[_Embed] | None = None
    model: str | None = None


class _Vector(msgspec.Struct, gc=False):
    values: list[float]


class _Vectors(msgspec.Struct, rename="camel", gc=False):
    embedding: _Vector | None = None
    embeddings: list[_Vector] | None = None
    usage_metadata: Raw = NOTHING


class _Count(msgspec.Struct, rename="camel", gc=False):
    total_tokens: int | None = None
    cached_content_token_count: int | None = None


_embed: Final = msgspec.json.Decoder(_Embed)
_batch: Final = msgspec.json.Decoder(_Batch)
_vectors: Final = msgspec.json.Decoder(_Vectors)
_count: Final = msgspec.json.Decoder(_Count)
_top: Final = msgspec.json.Decoder(dict[str, Raw])


def read_count_request(body: bytes, *, model: str = "") -> Conversation:
    """What a client wants counted: contents alone, or a whole request.

    Raises:
        RequestInvalid: naming the field.
    """
    try:
        top = _top.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestInvalid("the body must be a JSON object") from None
    whole = next((top[name] for name in ("generateContentRequest", "generate_content_request") if name in top), None)
    if whole is None:
        return read_request(body, model=model)
    if "contents" in top:
        raise RequestInvalid(
            "'contents' and 'generateContentRequest' are both set: send one of them", param="generateContentRequest"
        )
    try:
        return read_request(bytes(whole), model=model)
    except RequestInvalid as invalid:
        invalid.param = invalid.param or "generateContentRequest"
        raise


def write_count_request(conversation: Conversation, target: Target) -> bytes:
    """The body of countTokens for a provider.

    Raises:
        CannotServe: the conversation has no expression here.
    """
    whole = write_request(conversation, target).body
    return b'{"generateContentRequest":{"model":%b,%b}' % (msgspec.json.encode(_resource(target.model)), whole[1:])


def read_count_answer(body: bytes) -> int:
    """The number of tokens.

    Raises:
        BadAnswer: there is none.
    """
    try:
        total = _count.decode(body).total_tokens
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        total = None
    if total is None:
        raise BadAnswer("an answer without totalTokens")
    return total


def write_count_answer(total: int) -> bytes:
    """The answer to a client."""
    return msgspec.json.encode({"totalTokens": total})


def read_embed_request(body: bytes, *, model: str = "") -> Embeddings:
    """A client's embedContent.

    Raises:
        RequestInvalid: naming the field.
    """
    return _together([read_typed(body, _embed, {})], [""], model)


def read_batch_request(body: bytes, *, model: str = "") -> Embeddings:
    """A client's batchEmbedContents.

    Raises:
        RequestInvalid: naming the field; also where the requests differ in more than their texts and titles.
    """
    batch = read_typed(body, _batch, {})
    requests = batch.requests or []
    if not 1 <= len(requests) <= MAX_TEXTS:
        raise RequestInvalid(f"'requests' must hold 1 to {MAX_TEXTS} requests", param="requests")
    paths = [f"requests[{number}]." for number in range(len(requests))]
    return _together(requests, paths, model or (batch.model or ""))


def write_embed_request(wish: Embeddings, target: Target) -> bytes:
    """The body of batchEmbedContents for a provider: it serves one text as well as many."""
    model = _resource(target.model)
    requests = []
    for number, text in enumerate(wish.texts):
        request: dict[str, Any] = {"model": model, "content": {"parts": [{"text": text}]}}
        if wish.task:
            request["taskType"] = wish.task.upper()
        if wish.titles and wish.titles[number]:
            request["title"] = wish.titles[number]
        if wish.dimensions is not None:
            request["outputDimensionality"] = wish.dimensions
        requests.append(request)
    return msgspec.json.encode({"requests": requests})


def read_embed_answer(body: bytes) -> Vectors:
    """The vectors of embedContent or of batchEmbedContents.

    Raises:
        BadAnswer: there are none.
    """
    try:
        wire = _vectors.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadAnswer("an answer that holds no embeddings") from None
    found = wire.embeddings or ([wire.embedding] if wire.embedding is not None else [])
    if not found or not all(each.values for each in found):
        raise BadAnswer("an answer without embeddings")
    usage = None
    told = told_usage(wire.usage_metadata)
    if told is not None and told.prompt_token_count is not None:
        usage = Usage(told.prompt_token_count)
    return Vectors(vectors=[each.values for each in found], usage=usage)


def write_embed_answer(answer: Vectors, *, batch: bool) -> bytes:
    """The vectors for a client of batchEmbedContents, or the first one for a client of embedContent."""
    vectors = [{"values": vector} for vector in answer.vectors]
    body: dict[str, Any] = {"embeddings": vectors} if batch else {"embedding": vectors[0]}
    if answer.usage is not None and answer.usage.input_tokens is not None:
        body["usageMetadata"] = {"promptTokenCount": answer.usage.input_tokens}
    return msgspec.json.encode(body)


def _together(requests: list[_Embed], paths: list[str], model: str) -> Embeddings:
    out = Embeddings(model=(model or requests[0].model or "").removeprefix("models/"))
    settings = []
    for request, path in zip(requests, paths, strict=True):
        config = request.embed_content_config or _Config()
        task = (request.task_type or config.task_type or "").lower().removeprefix("task_type_unspecified")
        if task not in _TASKS:
            raise RequestInvalid(
                f"Invalid value at '{path}taskType': {task.upper()[:60]!r} is unknown", param=f"{path}taskType"
            )
        dimensions = request.output_dimensionality or config.output_dimensionality
        if dimensions is not None and dimensions < 1:
            raise RequestInvalid(
                f"Invalid value at '{path}outputDimensionality': expected 1 or more",
                param=f"{path}outputDimensionality",
            )
        settings.append((task, dimensions))
        if settings[0] != settings[-1]:
            raise RequestInvalid(
                f"Invalid value at '{path.rstrip('.')}': taskType and outputDimensionality must be the same everywhere",
                param=path.rstrip("."),
            )
        out.texts.append(_text(request.content, f"{path}content"))
        out.titles.append(request.title or config.title or "")
    out.task, out.dimensions = settings[0]
    if not any(out.titles):
        out.titles = []
    return out


def _text(content: Content | None, path: str) -> str:
    parts = parts_of(content) if content is not None else []
    if not parts:
        raise RequestInvalid(f"'{path}' is missing: send a content with a text", param=path)
    for number, part in enumerate(parts):
        if part.text is None:
            where = f"{path}.parts[{number}]"
            raise RequestInvalid(f"Invalid value at '{where}': only text can be embedded here", param=where)
    return "\n".join(part.text or "" for part in parts)


def _resource(model: str) -> str:
    return model if "/" in model else f"models/{model}"
