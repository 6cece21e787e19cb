"""Reranking has two shapes, Cohere's and Jina's, which others imitate; clients and providers may speak either.

They agree in model, query, documents and `top_n`, and in results with an index and a score. They differ in whether
documents come back, in what a document may be, and in a few settings: `max_tokens_per_doc` and `priority` are
Cohere's, `truncation` is Jina's. Documents that a provider does not send back are put in from the request.
Sources: docs.cohere.com/reference/rerank (v2), api.jina.ai/redoc.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from segue.core.errors import RequestInvalid
from segue.core.failure import Failure
from segue.core.outcome import Outcome, Usage
from segue.core.ports import StreamReader, WireRequest
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.formats.openai_stream import checked_text
from segue.families.llm.other.answers import bad, read_usage
from segue.families.llm.other.embeddings import unable
from segue.families.llm.other.task import JsonTask, Raw

if TYPE_CHECKING:
    from segue.core.call import Call
    from segue.core.provider import Candidate

COHERE: Final = "cohere"
JINA: Final = "jina"
_OK: Final = 200
_COMMON: Final = frozenset({"model", "query", "documents", "top_n"})
_OWN: Final[Mapping[str, frozenset[str]]] = {
    COHERE: frozenset({"max_tokens_per_doc", "priority"}),
    JINA: frozenset({"return_documents", "truncation"}),
}
_DROPPED: Final = frozenset({"priority"})
"""Means nothing for the ranking."""
MAX_DOCUMENTS: Final = 10_000
_NULL: Final = b"null"


class _Document(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    text: str


class RerankTask(JsonTask):
    """A request for a ranking.

    Attributes:
        client: in whose shape it came and the answer is to be.
    """

    __slots__ = ("_documents", "client")
    _documents: list[msgspec.Raw] | None

    def __init__(self, fields: dict[str, Raw], size: int, default_model: str = "", *, client: str = JINA) -> None:
        super().__init__(fields, size, default_model)
        self.client = client
        self._documents = None
        if fields.get("query") is not None and self.text("query") is None:
            raise RequestInvalid("field 'query': expected a string", param="query")
        if self.given("documents"):
            _ = self.documents  # what is wrong with them is said before anybody is asked

    @property
    def documents(self) -> list[Raw]:
        """Each document as its bytes.

        Raises:
            RequestInvalid: it is no list, or too long a one.
        """
        if self._documents is None:
            try:
                found = msgspec.json.decode(self.fields["documents"], type=list[Raw])
            except msgspec.DecodeError:
                raise RequestInvalid("field 'documents': expected a list of texts", param="documents") from None
            if len(found) > MAX_DOCUMENTS:
                raise RequestInvalid(f"field 'documents': more than {MAX_DOCUMENTS} documents", param="documents")
            self._documents = found
        return self._documents

    @property
    def returns_documents(self) -> bool:
        """Whether the caller wants to see the documents again: Jina's shape says yes unless told otherwise."""
        return self.client == JINA and bytes(self.fields.get("return_documents", b"true")) != b"false"


def cohere_task(fields: dict[str, Raw], size: int, default_model: str = "") -> RerankTask:
    """A request in Cohere's shape."""
    return RerankTask(fields, size, default_model, client=COHERE)


class _Result(msgspec.Struct, gc=False, omit_defaults=True):
    index: int
    relevance_score: float
    document: msgspec.Raw = msgspec.Raw(_NULL)


class _Units(msgspec.Struct, gc=False):
    search_units: float | None = None


class _Meta(msgspec.Struct, gc=False):
    billed_units: _Units | None = None


class _Answer(msgspec.Struct, gc=False):
    results: list[_Result] | None = None
    data: list[_Result] | None = None
    id: str = ""
    meta: _Meta | None = None
    usage: msgspec.Raw = msgspec.Raw(_NULL)


_answer: Final = msgspec.json.Decoder(_Answer)


@dataclass(frozen=True, slots=True)
class RerankCodec:
    """The codec of `rerank` at one provider.

    Attributes:
        shape: the provider's: `cohere` or `jina`.
        url, headers, name: see `segue.families.llm.other.passing.Passing`.
    """

    shape: str
    url: Callable[[str], str]
    headers: Callable[[str], Mapping[str, str]]
    name: Callable[[str], str] = str

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """See `Codec.encode`."""
        task: RerankTask = call.request
        model = self.name(candidate.model)
        fields = task.fields
        if task.client != self.shape:
            warnings: list[str] = []
            fields = self._translated(task, candidate.name, warnings)
            if warnings:
                task.warnings[candidate.name] = warnings
        body = msgspec.json.encode({**fields, "model": Raw(msgspec.json.encode(model))})
        return WireRequest("POST", self.url(model), self.headers(candidate.key.secret), body)

    def decode(
        self,
        call: "Call",
        candidate: "Candidate",
        status: int,
        headers: Mapping[str, str],  # noqa: ARG002 - the port's own shape
        body: bytes,
    ) -> Outcome:
        """See `Codec.decode`; an answer in the client's own shape goes through as it came."""
        task: RerankTask = call.request
        secret = candidate.key.secret
        if status != _OK:
            return Outcome(failure=classify(status, error_object(body), secret))
        try:
            told = _answer.decode(checked_text(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told = _Answer()
        results = told.results if told.results is not None else told.data
        if results is None:
            error = error_object(body)
            why = (
                classify(status, error, secret) if error is not None else bad("status 200 with a body without results")
            )
            return Outcome(failure=why)
        if any(not 0 <= one.index < len(task.documents) for one in results):
            return Outcome(failure=bad("a result for a document that was not asked about"))
        usage = _usage(told)
        if task.client == self.shape and told.results is not None:
            return Outcome(answer=body, usage=usage)
        return Outcome(answer=self._written(task, told, results, candidate.model, call.id), usage=usage)

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:  # noqa: ARG002 - the port's own shape
        """Rankings are never streamed."""
        return bad("rankings are not streamed")

    def wants_stream(self, call: "Call") -> bool:  # noqa: ARG002 - the port's own shape
        """Never."""
        return False

    def _translated(self, task: RerankTask, target: str, warnings: list[str]) -> dict[str, Raw]:
        """The fields in the provider's shape."""
        out: dict[str, Raw] = {}
        for name, value in task.fields.items():
            if name in _COMMON:
                out[name] = value
            elif name in _DROPPED or bytes(value) == _NULL or name == "return_documents":
                continue
            elif name == "truncation" and bytes(value) == b"true":
                continue  # that is what Cohere does anyway
            elif name in _OWN[task.client]:
                raise unable(f"{target} does not know {name!r}", name)
            else:
                warnings.append(f"{name!r} left out for {target}")
        if self.shape == COHERE:
            out["documents"] = Raw(msgspec.json.encode([_as_text(one, target) for one in task.documents]))
        else:
            out["return_documents"] = Raw(b"false")  # they are here already
        return out

    def _written(self, task: RerankTask, told: _Answer, results: list[_Result], model: str, call_id: str) -> bytes:
        listed: list[dict[str, Any]] = []
        for one in results:
            shown: dict[str, Any] = {"index": one.index, "relevance_score": one.relevance_score}
            if task.returns_documents:
                shown["document"] = _shown(task.documents[one.index])
            listed.append(shown)
        usage = _usage(told)
        if task.client == COHERE:
            units = {"search_units": (usage.requests if usage else 1) or 1}
            meta = {"api_version": {"version": "2"}, "billed_units": units}
            return msgspec.json.encode({"id": told.id or call_id, "results": listed, "meta": meta})
        tokens = (usage.input_tokens if usage else None) or 0
        return msgspec.json.encode(
            {"model": model, "object": "list", "usage": {"total_tokens": tokens}, "results": listed}
        )


def _as_text(document: Raw, target: str) -> str:
    try:
        found = msgspec.json.decode(document, type=str | _Document)
    except msgspec.DecodeError:
        raise unable(f"{target} ranks texts, and a document of this request is something else", "documents") from None
    return found if isinstance(found, str) else found.text


def _shown(document: Raw) -> Any:
    raw = bytes(document)
    return {"text": document} if raw.startswith(b'"') else document


def _usage(told: _Answer) -> Usage | None:
    found = read_usage(told.usage)
    units = (
        told.meta.billed_units.search_units if told.meta is not None and told.meta.billed_units is not None else None
    )
    if found is None and units is not None:
        return Usage(requests=max(1, int(units)))
    return found
