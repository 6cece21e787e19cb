"""Applications and the gateway speak to the Gemini API; this is that interface, simulated.

Under `/v1beta` (or `/v1`) it offers the methods `generateContent`, `streamGenerateContent`, `countTokens`,
`embedContent` and `batchEmbedContents` of `models/{model}`, the list of models, and `cachedContents`; it refuses as the
vendor does.
"""

import random
import re
from http import HTTPStatus
from typing import Any, Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors.gemini_content import Rendering, ask_of, moment, standard_headers, text_of
from segue.simulator.vendors.gemini_errors import (
    GoogleError,
    invalid,
    key_invalid,
    key_missing,
    model_missing,
    named_error,
    too_long,
)
from segue.simulator.vendors.gemini_grammar import CACHE, COUNT, EMBED, EMBED_BATCH, GENERATE
from segue.simulator.vendors.gemini_models import EMBEDDING, GENERATING, LISTED_MODELS, facts_of, model_document
from segue.simulator.vendors.gemini_proto import Message
from segue.simulator.vendors.gemini_requests import check_generation, read
from segue.simulator.vendors.scripting import Ask, digest, words

_METHOD: Final = re.compile(r"/(v1|v1beta|v1alpha)/models/([^/:]+):([A-Za-z]+)")
_MODELS: Final = re.compile(r"/(v1|v1beta|v1alpha)/models(?:/([^/:]+))?")
_CACHES: Final = re.compile(r"/(v1|v1beta|v1alpha)/cachedContents(?:/([^/:]+))?")
_SHELF: Final = "gemini.cachedContents"
_DIMENSIONS: Final = 3072
_LEAST_CACHED: Final = 1024
_SECONDS: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_Json = dict[str, Any]


def in_array(exchange: Exchange) -> bool:
    """Whether the answer is the elements of a JSON array: a stream that was not asked for as events."""
    return exchange.path.endswith(":streamGenerateContent") and exchange.query.get("alt") != "sse"


def encoded(document: object) -> bytes:
    """A document, indented as the vendor does."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def element_of_error(exchange: Exchange, body: bytes, sent: int) -> bytes | None:
    """An error inside a stream that is an array: its last element, and the end of the array."""
    if not in_array(exchange):
        return None
    # The refusal of such a request is an array already.
    document = msgspec.json.decode(body)
    one = document[0] if isinstance(document, list) and document else document
    return (b",\r\n" if sent else b"[") + msgspec.json.encode(one) + b"\n]\n"


def generate(exchange: Exchange, model: str, method: str, grammar: Message = GENERATE) -> Script:
    """The answer to `generateContent` or `streamGenerateContent`; raises GoogleError when it is refused."""
    document = read(exchange, grammar)
    facts = facts_of(model)
    kept = _kept(exchange, document.get("cachedContent"))
    check_generation(document, facts, exchange.seed)
    tokens = ask_of(document, facts).tokens
    if tokens > facts.context:
        raise too_long(tokens, facts.context)
    rendering = Rendering(exchange, document, model, facts, cached=kept)
    if method == "generateContent":
        return rendering.document()
    return rendering.stream(events=not in_array(exchange))


def _kept(exchange: Exchange, name: str | None) -> int:
    """The tokens of the kept contents that a request refers to."""
    if name is None:
        return 0
    kept = exchange.memory.shelf(_SHELF).get(name.rpartition("/")[2])
    if kept is None:
        raise GoogleError(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)")
    return int(kept["usageMetadata"]["totalTokenCount"])


def count(document: _Json, model: str) -> Script:
    """How many tokens some contents have."""
    asked = document.get("generateContentRequest") or document
    if not asked.get("contents"):
        raise invalid("* CountTokensRequest.contents: contents is not specified\n")
    total = ask_of(asked, facts_of(model)).tokens
    answer = {"totalTokens": total, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": total}]}
    return whole(200, encoded(answer), standard_headers())


def _embedding(exchange: Exchange, document: _Json) -> _Json:
    text = text_of(document.get("content"))
    if not text:
        raise invalid("* EmbedContentRequest.content: content is required and must not be empty.\n")
    size = document.get("outputDimensionality", _DIMENSIONS)
    if not 1 <= size <= _DIMENSIONS:
        raise invalid(f"* EmbedContentRequest.output_dimensionality: must be between 1 and {_DIMENSIONS}.\n")
    chance = random.Random(f"{exchange.seed}|{text}")
    return {"values": [round(chance.uniform(-0.05, 0.05), 6) for _ in range(size)]}


class GeminiVendor:
    """The Gemini API."""

    name = "gemini"

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""
        try:
            return self._answer(exchange)
        except GoogleError as error:
            return self._refusal(exchange, error)

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error: by HTTP code, by Google's status word, or both; None leaves it to the vendor."""
        return self._refusal(exchange, named_error(status, error, message, exchange.model))

    def error_event(self, exchange: Exchange, body: bytes, sent: int, *, terminal: bool) -> bytes | None:
        """An error inside a stream: an event with the body of the refusal, or an element of the array."""
        del terminal
        return element_of_error(exchange, body, sent)

    @staticmethod
    def _refusal(exchange: Exchange, error: GoogleError) -> Script:
        headers = (("Content-Type", "application/json; charset=UTF-8"), *standard_headers())
        return whole(error.code, error.body(in_array=in_array(exchange)), headers)

    def _answer(self, exchange: Exchange) -> Script:
        method = _METHOD.fullmatch(exchange.path)
        listed, caches = _MODELS.fullmatch(exchange.path), _CACHES.fullmatch(exchange.path)
        if method is None and listed is None and caches is None:
            raise GoogleError(404, "NOT_FOUND", "Requested entity was not found.")
        self._check_key(exchange)
        if method is not None:
            return self._call(exchange, method[1], method[2], method[3])
        if caches is not None:
            return self._caches(exchange, caches[2])
        if exchange.method != "GET" or listed is None:
            raise GoogleError(404, "NOT_FOUND", "Requested entity was not found.")
        if listed[2] is None:
            models = [model_document(*one) for one in LISTED_MODELS]
            return whole(200, encoded({"models": models}), standard_headers())
        if listed[2].startswith("missing-"):
            raise model_missing(listed[2], "getModel", listed[1])
        return whole(200, encoded(model_document(listed[2])), standard_headers())

    @staticmethod
    def _check_key(exchange: Exchange) -> None:
        key = exchange.headers.get("x-goog-api-key") or exchange.query.get("key")
        if not key:
            raise key_missing()
        if "invalid" in key:
            raise key_invalid()

    @staticmethod
    def _call(exchange: Exchange, version: str, model: str, method: str) -> Script:
        if exchange.method != "POST":
            raise GoogleError(404, "NOT_FOUND", "Requested entity was not found.")
        embeds = "embedding" in model
        known = (*EMBEDDING, "batchEmbedContents") if embeds else (*GENERATING, "streamGenerateContent")
        if model.startswith("missing-") or method not in known:
            raise model_missing(model, method, version)
        if method in {"generateContent", "streamGenerateContent"}:
            return generate(exchange, model, method)
        if method == "countTokens":
            return count(read(exchange, COUNT), model)
        if method == "embedContent":
            one = _embedding(exchange, read(exchange, EMBED))
            return whole(200, encoded({"embedding": one}), standard_headers())
        if method == "batchEmbedContents":
            requests = read(exchange, EMBED_BATCH).get("requests") or []
            for place, request in enumerate(requests):
                if request.get("model") != f"models/{model}":
                    what = "model must match the model in the URL."
                    raise invalid(f"* BatchEmbedContentsRequest.requests[{place}].model: {what}\n")
            found = [_embedding(exchange, request) for request in requests]
            return whole(200, encoded({"embeddings": found}), standard_headers())
        raise GoogleError(HTTPStatus.NOT_IMPLEMENTED, "UNIMPLEMENTED", f"Method {method} is not simulated.")

    @staticmethod
    def _caches(exchange: Exchange, name: str | None) -> Script:
        shelf = exchange.memory.shelf(_SHELF)
        if name is None and exchange.method == "POST":
            document = read(exchange, CACHE)
            if not document.get("model"):
                raise invalid("* CreateCachedContentRequest.model: model is required\n")
            seconds = _SECONDS.fullmatch(document.get("ttl", "3600s"))
            if seconds is None:
                raise invalid("Invalid value at 'cached_content.ttl' (type.googleapis.com/google.protobuf.Duration)")
            contents = document.get("contents") or []
            texts = (text_of(document.get("systemInstruction")), *(text_of(content) for content in contents))
            tokens = Ask(question="", context=texts).tokens
            if sum(words(text) for text in texts) < _LEAST_CACHED:
                raise invalid(
                    f"Cached content is too small. total_token_count={tokens}, min_total_token_count={_LEAST_CACHED}"
                )
            identifier = digest(exchange.seed, exchange.number, "cache", length=20)
            kept = {
                "name": f"cachedContents/{identifier}",
                "model": document["model"],
                "displayName": document.get("displayName", ""),
                "createTime": moment(),
                "updateTime": moment(),
                "expireTime": document.get("expireTime") or moment(float(seconds[1])),
                "usageMetadata": {"totalTokenCount": tokens},
            }
            shelf.put(identifier, kept, len(exchange.body))
            return whole(200, encoded(kept), standard_headers())
        if name is None and exchange.method == "GET":
            return whole(
                200, encoded({"cachedContents": [shelf.get(one) for one in shelf.names()]}), standard_headers()
            )
        if name is None or name not in shelf or exchange.method not in {"GET", "DELETE"}:
            raise GoogleError(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)")
        found = shelf.get(name)
        if exchange.method == "DELETE":
            shelf.drop(name)
        return whole(200, encoded(found if exchange.method == "GET" else {}), standard_headers())
