"""Applications and the gateway speak to OpenAI's chat completions interface; this is that interface, simulated.

It offers `POST /v1/chat/completions`, `GET /v1/models` and `GET /v1/models/{id}`, and refuses as the vendor does.
"""

from http import HTTPStatus
from typing import Final

import msgspec

from segue.simulator.exchange import UNDECODABLE, Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors.openai_answers import Rendering, standard_headers
from segue.simulator.vendors.openai_errors import (
    OpenAIError,
    missing_key,
    named_error,
    unknown_address,
    wrong_key,
    wrong_method,
)
from segue.simulator.vendors.openai_requests import check_request

_CHAT: Final = "/v1/chat/completions"
_MODELS: Final = "/v1/models"
LISTED_MODELS: Final = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "o4-mini")
_CREATED: Final = 1_715_367_049
_BAD_JSON: Final = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble "
    "figuring out how to fix this, please contact us through our help center at help.openai.com.)"
)


def _check_key(exchange: Exchange) -> None:
    scheme, _, key = exchange.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise missing_key()
    if "invalid" in key:
        raise wrong_key(key)


def _check_model(model: str) -> None:
    if model.startswith("missing-"):
        raise named_error(404, "model_not_found", None, model)


def _model(identifier: str) -> dict[str, object]:
    return {"id": identifier, "object": "model", "created": _CREATED, "owned_by": "system"}


def _body(exchange: Exchange) -> object:
    content_type = exchange.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "application/json":
        message = (
            f"Unsupported content type: '{content_type}'. This API method only accepts 'application/json' requests, "
            f"but you specified the header 'Content-Type: {content_type}'. Please try again with a supported "
            "content type."
        )
        raise OpenAIError(400, message, "invalid_request_error", None, "unsupported_content_type")
    if exchange.document is UNDECODABLE:
        raise OpenAIError(400, _BAD_JSON)
    return exchange.document


class OpenAIVendor:
    """The OpenAI wire format."""

    name = "openai"

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""
        try:
            return self._answer(exchange)
        except OpenAIError as error:
            return self._refusal(exchange, error)

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error: by status, by the vendor's own code, or both; None leaves it to the vendor."""
        return self._refusal(exchange, named_error(status, error, message, exchange.model))

    @staticmethod
    def _refusal(exchange: Exchange, error: OpenAIError) -> Script:
        headers = dict(standard_headers(exchange))
        if error.status == HTTPStatus.TOO_MANY_REQUESTS:
            headers["x-ratelimit-remaining-requests"] = "0"
        return whole(error.status, error.body(), tuple(headers.items()))

    def _answer(self, exchange: Exchange) -> Script:
        if exchange.path == _CHAT:
            return self._chat(exchange)
        if exchange.path == _MODELS or exchange.path.startswith(f"{_MODELS}/"):
            return self._models(exchange)
        raise unknown_address(exchange.method, exchange.path)

    @staticmethod
    def _chat(exchange: Exchange) -> Script:
        if exchange.method != "POST":
            raise wrong_method("POST")
        _check_key(exchange)
        document = check_request(_body(exchange))
        _check_model(str(document["model"]))
        rendering = Rendering(exchange, document)
        return rendering.stream() if document.get("stream") is True else rendering.completion()

    @staticmethod
    def _models(exchange: Exchange) -> Script:
        if exchange.method != "GET":
            raise wrong_method("GET")
        _check_key(exchange)
        if exchange.path == _MODELS:
            listed: dict[str, object] = {"object": "list", "data": [_model(name) for name in LISTED_MODELS]}
            return whole(200, msgspec.json.encode(listed), standard_headers(exchange))
        identifier = exchange.path.removeprefix(f"{_MODELS}/")
        if not identifier:
            raise unknown_address(exchange.method, exchange.path)
        _check_model(identifier)
        return whole(200, msgspec.json.encode(_model(identifier)), standard_headers(exchange))
