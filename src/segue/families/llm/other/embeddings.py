"""Embeddings, whatever the client and the provider speak: a request read once, written for each provider.

A client of OpenAI's shape at a provider of the same shape gets its bytes through. All other ways lead over the
intermediate form: texts in, vectors of floats out. What the form has no word for (tokens instead of texts) cannot go
there, and a provider that takes fewer texts at once than the request has says how many.
"""

import base64
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Outcome
from segue.core.ports import CannotServe, StreamReader, WireRequest
from segue.families.llm.formats.gemini.other import read_batch_request, read_embed_request, write_embed_answer
from segue.families.llm.ir.embeddings import Embeddings, Vectors
from segue.families.llm.ir.format import BadAnswer
from segue.families.llm.other.answers import bad
from segue.families.llm.other.passing import Passing
from segue.families.llm.other.task import JsonTask, Raw

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

OPENAI: Final = "openai"
_OK: Final = 200
_TASKS: Final[Mapping[str, str]] = {
    "search_query": "retrieval_query",
    "query": "retrieval_query",
    "search_document": "retrieval_document",
    "passage": "retrieval_document",
    "document": "retrieval_document",
    "classification": "classification",
    "clustering": "clustering",
}
"""What vendors call the purpose in `input_type`, which clients of OpenAI's shape may add to the body."""
_FORMATS: Final = ("float", "base64")


class EmbeddingsTask(JsonTask):
    """A request for embeddings.

    Attributes:
        client: in whose shape it came and the answer is to be: `openai`, or Gemini's `embed` and `batch`.
    """

    __slots__ = ("_wish", "client")
    _wish: Embeddings | None

    def __init__(self, fields: dict[str, Raw], size: int, default_model: str = "") -> None:
        super().__init__(fields, size, default_model)
        self.client = OPENAI
        self._wish = None

    def wish(self) -> Embeddings:
        """The request in the intermediate form.

        Raises:
            RequestInvalid: it cannot be read.
            CannotServe: it has tokens instead of texts, which only OpenAI's own shape can express.
        """
        if self._wish is None:
            self._wish = _read_openai(self)
        return self._wish

    def write(self, answer: Vectors) -> bytes:
        """The answer in the client's shape."""
        if self.client != OPENAI:
            return write_embed_answer(answer, batch=self.client == "batch")
        return _write_openai(answer, self.wish().encoding)


def gemini_embeddings(body: bytes, model: str, *, batch: bool) -> EmbeddingsTask:
    """A client's `embedContent` or `batchEmbedContents`.

    Raises:
        RequestInvalid: naming the field.
    """
    wish = (read_batch_request if batch else read_embed_request)(body, model=model)
    if not wish.model:
        raise RequestInvalid("missing field 'model': name a model", param="model")
    fields = {"model": Raw(msgspec.json.encode(wish.model))}
    task = EmbeddingsTask(fields, len(body))
    task.client = "batch" if batch else "embed"
    task._wish = wish
    return task


class Dialect(Protocol):
    """How one vendor is asked for embeddings: texts in, vectors out."""

    @property
    def most(self) -> int:
        """Texts of one request."""
        ...

    def write(self, wish: Embeddings, model: str, warnings: list[str]) -> bytes:
        """The body for the vendor; `warnings` gets what is lost. Raises `CannotServe`."""
        ...

    def read(self, body: bytes, headers: Mapping[str, str]) -> Vectors:
        """The vectors, and what they took where the vendor tells it. Raises `BadAnswer`."""
        ...

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
        """What an answer that is none tells."""
        ...


@dataclass(frozen=True, slots=True)
class EmbeddingsCodec:
    """The codec of `embeddings` at one provider.

    Attributes:
        dialect: how the vendor is asked.
        url, name, headers: see `Passing`.
        direct: lets OpenAI's shape through, where the vendor speaks it.
    """

    dialect: Dialect
    url: Callable[[str], str]
    headers: Callable[[str], Mapping[str, str]]
    name: Callable[[str], str] = str
    direct: Passing | None = None

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        task: EmbeddingsTask = call.request
        if self.direct is not None and task.client == OPENAI:
            return self.direct.encode(call, candidate)
        try:
            wish = task.wish()
        except RequestInvalid as invalid:
            message = invalid.message
            raise CannotServe(
                Failure(
                    Kind.INVALID_REQUEST,
                    message,
                    Executed.NO,
                    Scope.REQUEST,
                    param=invalid.param,
                    status=invalid.status,
                )
            ) from None
        if len(wish.texts) > self.dialect.most:
            raise unable(
                f"{candidate.name} takes at most {self.dialect.most} text{'s' * (self.dialect.most > 1)} in one "
                f"request, and this one has {len(wish.texts)}: send them in several",
                "input",
            )
        warnings: list[str] = []
        model = self.name(candidate.model)
        body = self.dialect.write(wish, model, warnings)
        if warnings:
            task.warnings[candidate.name] = [f"{what} for {candidate.name}" for what in warnings]
        return WireRequest("POST", self.url(model), self.headers(candidate.key.secret), body)

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """See `Codec.decode`."""
        task: EmbeddingsTask = call.request
        if self.direct is not None and task.client == OPENAI:
            return self.direct.decode(call, candidate, status, headers, body)
        secret = candidate.key.secret
        if status != _OK:
            return Outcome(failure=self.dialect.read_error(status, headers, body, secret))
        try:
            answer = self.dialect.read(body, headers)
        except BadAnswer as wrong:
            failure = self.dialect.read_error(status, headers, body, secret)
            if failure.kind is Kind.BAD_RESPONSE:
                failure = failure.with_(message=f"status 200 with a body that is no answer: {wrong}")
            return Outcome(failure=failure)
        asked = len(task.wish().texts)
        if len(answer.vectors) != asked:
            return Outcome(failure=bad(f"{len(answer.vectors)} vectors for {asked} texts"))
        answer.model = answer.model or candidate.model
        try:
            return Outcome(answer=task.write(answer), usage=answer.usage)
        except OverflowError:
            return Outcome(failure=bad("a number of an embedding is beyond 32-bit floats"))

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:  # noqa: ARG002 - the port's own shape
        """Embeddings are never streamed."""
        return bad("embeddings are not streamed")

    def wants_stream(self, call: "Call") -> bool:  # noqa: ARG002 - the port's own shape
        """Never."""
        return False


def unable(message: str, param: str) -> CannotServe:
    """This provider cannot do it; another one might."""
    return CannotServe(Failure(Kind.UNSUPPORTED, message, Executed.NO, Scope.REQUEST, needs=param, param=param))


def _read_openai(task: EmbeddingsTask) -> Embeddings:
    given = bytes(task.fields["input"])
    try:
        texts = (
            [msgspec.json.decode(given, type=str)] if given[:1] == b'"' else msgspec.json.decode(given, type=list[str])
        )
    except msgspec.ValidationError:
        raise unable("tokens instead of texts are served by providers of OpenAI's own shape only", "input") from None
    if not texts or not all(texts):
        raise RequestInvalid("field 'input': a text is empty: leave it out", param="input")
    encoding = task.text("encoding_format") or "float"
    if encoding not in _FORMATS:
        raise RequestInvalid("field 'encoding_format': expected float or base64", param="encoding_format")
    return Embeddings(
        model=task.model,
        texts=texts,
        dimensions=task.number("dimensions"),
        task=_TASKS.get(task.text("input_type") or "", ""),
        encoding=encoding,
        user=task.text("user") or "",
    )


def _write_openai(answer: Vectors, encoding: str) -> bytes:
    data = [
        {"object": "embedding", "index": index, "embedding": pack(vector) if encoding == "base64" else vector}
        for index, vector in enumerate(answer.vectors)
    ]
    tokens = (answer.usage.input_tokens if answer.usage is not None else None) or 0
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return msgspec.json.encode({"object": "list", "data": data, "model": answer.model, "usage": usage})


def pack(vector: list[float]) -> str:
    """A vector as OpenAI's `base64`: 32-bit floats, the low byte first."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def unpack(text: str) -> list[float]:
    """The vector in OpenAI's `base64`.

    Raises:
        ValueError: it is none.
    """
    raw = base64.b64decode(text, validate=True)
    if len(raw) % 4:
        raise ValueError("not a whole number of floats")
    return list(struct.unpack(f"<{len(raw) // 4}f", raw))
