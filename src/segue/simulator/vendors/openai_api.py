"""Applications and the gateway speak to OpenAI's interface, and to those of its many relatives; this plays them.

Each endpoint is a function of its own module; the table says which path is whose. A vendor that departs from OpenAI
does so by its `Flavour` alone.
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors import openai_media as media
from segue.simulator.vendors import openai_responses as responses
from segue.simulator.vendors import openai_texts as texts
from segue.simulator.vendors import own_shapes
from segue.simulator.vendors.compatible_rerank import jina
from segue.simulator.vendors.openai_access import Request, check_model
from segue.simulator.vendors.openai_answers import event
from segue.simulator.vendors.openai_chat import chat
from segue.simulator.vendors.openai_errors import OpenAIError, named_error, unknown_address
from segue.simulator.vendors.openai_flavour import LISTED_MODELS, OPENAI, Flavour
from segue.simulator.vendors.openai_headers import standard_headers
from segue.simulator.vendors.openai_multipart import form_of
from segue.simulator.vendors.openai_responses_stream import error_event, failed_event

__all__ = ["LISTED_MODELS", "OpenAIVendor"]

_CREATED: Final = 1_715_367_049


def _model(identifier: str) -> dict[str, object]:
    return {"id": identifier, "object": "model", "created": _CREATED, "owned_by": "system"}


def _models(request: Request) -> Script:
    request.need("GET")
    identifier = request.path.removeprefix("/models").removeprefix("/")
    if not identifier:
        return request.answer({"object": "list", "data": [_model(name) for name in request.flavour.models]})
    check_model(identifier)
    return request.answer(_model(identifier))


# What follows `/v1` in the path, the name that a flavour offers it by, and what answers.
ENDPOINTS: Final[tuple[tuple[re.Pattern[str], str, Callable[[Request], Script]], ...]] = tuple(
    (re.compile(pattern), name, answer)
    for pattern, name, answer in (
        (r"/chat/completions", "chat", chat),
        (r"/responses", "responses", responses.create),
        (r"/responses/[^/]+(/input_items|/cancel)?", "responses", responses.stored),
        (r"/completions", "completions", texts.completions),
        (r"/embeddings", "embeddings", texts.embeddings),
        (r"/moderations", "moderations", texts.moderations),
        (r"/images/generations", "images", media.images),
        (r"/images/edits", "edits", media.images),
        (r"/audio/(transcriptions|translations)", "audio", media.transcriptions),
        (r"/audio/speech", "speech", media.speech),
        (r"/rerank", "rerank", jina),
        (r"/models(/.+)?", "models", _models),
        # The same paths at vendors that have shapes of their own there.
        (r"/audio/transcriptions", "own transcriptions", own_shapes.transcription),
        (r"/audio/speech", "own speech", own_shapes.speech),
        (r"/images/edits", "own edits", own_shapes.edits),
        (r"/embeddings", "own embeddings", own_shapes.embeddings),
    )
)


class OpenAIVendor:
    """The OpenAI wire format, as one vendor speaks it."""

    def __init__(self, flavour: Flavour = OPENAI) -> None:
        """Play the vendor that `flavour` describes."""
        self.flavour = flavour
        self.name = flavour.name

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""
        form = form_of(exchange.headers.get("content-type", ""), exchange.body)
        if form is not None:
            # Faults ask for the model and the stream of every request, also of one that is a form.
            exchange.document = form.fields | {"stream": form.fields.get("stream") == "true"}
        try:
            return self._answer(exchange)
        except OpenAIError as error:
            return self._refusal(exchange, error)

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error: by status, by the vendor's own code, or both; None leaves it to the vendor."""
        if error == "insufficient_quota" and status is None:
            status = self.flavour.quota_status
        return self._refusal(exchange, named_error(status, error, message, exchange.model))

    def error_event(self, exchange: Exchange, body: bytes, sent: int, *, terminal: bool) -> bytes | None:
        """An error inside a stream, as this vendor words it; None for a bare event with the body of a refusal."""
        document = msgspec.json.decode(body)
        if exchange.path.endswith("/responses"):
            return failed_event(exchange, document, sent) if terminal else error_event(document, sent)
        if self.flavour.error_event is None:
            return None
        return event(self.flavour.error_event(document, exchange.model or ""), "error").data

    def _refusal(self, exchange: Exchange, error: OpenAIError) -> Script:
        headers = dict(standard_headers(exchange, self.flavour))
        if error.status == HTTPStatus.TOO_MANY_REQUESTS and "x-ratelimit-remaining-requests" in headers:
            headers["x-ratelimit-remaining-requests"] = "0"
        body = msgspec.json.format(msgspec.json.encode(self.flavour.errors(error)), indent=4) + b"\n"
        return whole(error.status, body, tuple(headers.items()))

    def path_of(self, exchange: Exchange) -> str | None:
        """What follows `/v1`, or the beginning that this vendor has in its place; None for a foreign path."""
        for root in ("/v1", *self.flavour.roots):
            if exchange.path.startswith(f"{root}/"):
                return exchange.path.removeprefix(root)
        return None

    def _answer(self, exchange: Exchange) -> Script:
        path = self.path_of(exchange)
        for pattern, name, answer in ENDPOINTS:
            if path is not None and pattern.fullmatch(path) and self.flavour.offers(name):
                return answer(Request(exchange, path, self.flavour))
        raise unknown_address(exchange.method, exchange.path)
