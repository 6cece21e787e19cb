"""Rerankers have no common vendor, only two shapes that the others imitate: Cohere's and Jina's.

`POST /v2/rerank` is Cohere's (https://docs.cohere.com/reference/rerank), `POST /v1/rerank` that of Jina
(https://jina.ai/reranker). A document scores by the share of the query's words that it has.
"""

from typing import Any, Final

from segue.simulator.script import Script
from segue.simulator.vendors.openai_access import Request
from segue.simulator.vendors.openai_checks import Check, boolean, entries, integer, missing, string, text, wrong_type
from segue.simulator.vendors.scripting import digest, words

_Json = dict[str, Any]
_MOST_DOCUMENTS: Final = 1_000


def _documents(value: object, param: str) -> None:
    for index, item in enumerate(entries(value, param, least=1, most=_MOST_DOCUMENTS)):
        place = f"{param}[{index}]"
        if isinstance(item, dict):
            if "text" not in item:
                raise missing(f"{place}.text")
            text(item["text"], f"{place}.text")
        elif not isinstance(item, str):
            raise wrong_type(item, place, "a string")


_COMMON: Final[dict[str, Check]] = {"model": string, "query": string, "documents": _documents, "top_n": integer(1)}
COHERE: Final[dict[str, Check]] = _COMMON | {"max_tokens_per_doc": integer(1), "priority": integer(0, 999)}
JINA: Final[dict[str, Check]] = _COMMON | {"return_documents": boolean, "truncation": boolean}


def _plain(document: object) -> str:
    return str(document["text"]) if isinstance(document, dict) else str(document)


def score(query: str, document: str) -> float:
    """How relevant a document is, from 0 to 1: the share of the query's words that it has."""
    wanted = set(query.lower().split())
    found = wanted & set(document.lower().replace(".", " ").replace(",", " ").split())
    return round(0.01 + 0.98 * len(found) / max(1, len(wanted)), 6)


def _ranked(document: _Json) -> list[tuple[int, float]]:
    scored = [(index, score(document["query"], _plain(one))) for index, one in enumerate(document["documents"])]
    scored.sort(key=lambda entry: (-entry[1], entry[0]))
    return scored[: document.get("top_n") or len(scored)]


def jina(request: Request) -> Script:
    """The answer to `POST /v1/rerank`."""
    request.need("POST")
    document = request.parameters(JINA, "model", "query", "documents")
    results: list[_Json] = []
    for index, relevance in _ranked(document):
        result: _Json = {"index": index, "relevance_score": relevance}
        if document.get("return_documents") is not False:
            result["document"] = {"text": _plain(document["documents"][index])}
        results.append(result)
    tokens = words(document["query"]) + sum(words(_plain(one)) for one in document["documents"])
    usage = {"total_tokens": tokens, "prompt_tokens": tokens}
    return request.answer({"model": document["model"], "object": "list", "usage": usage, "results": results})


def cohere(request: Request) -> Script:
    """The answer to `POST /v2/rerank`."""
    request.need("POST")
    document = request.parameters(COHERE, "model", "query", "documents")
    results = [{"index": index, "relevance_score": relevance} for index, relevance in _ranked(document)]
    exchange = request.exchange
    identifier = digest(exchange.seed, exchange.number, "rerank", length=32)
    grouped = "-".join((identifier[:8], identifier[8:12], identifier[12:16], identifier[16:20], identifier[20:]))
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return request.answer({"id": grouped, "results": results, "meta": meta})
