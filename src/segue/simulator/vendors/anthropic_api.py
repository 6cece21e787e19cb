"""Applications and the gateway speak to Anthropic's Messages API; this is that interface, simulated.

It offers `POST /v1/messages`, `POST /v1/messages/count_tokens`, `GET /v1/models` and `GET /v1/models/{id}`, and
refuses as the vendor does.
"""

from http import HTTPStatus
from typing import Any, Final

import msgspec

from segue.simulator.exchange import BODY_LIMIT, UNDECODABLE, Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors.anthropic_answers import Rendering, request_id, standard_headers
from segue.simulator.vendors.anthropic_cache import cached
from segue.simulator.vendors.anthropic_content import answer_to, ask_of
from segue.simulator.vendors.anthropic_errors import (
    AnthropicError,
    invalid,
    named_error,
    prompt_too_long,
    unknown_model,
)
from segue.simulator.vendors.anthropic_models import LISTED_MODELS, facts_of, model_document
from segue.simulator.vendors.anthropic_requests import NEWEST_VERSION, check_request

_MESSAGES: Final = "/v1/messages"
_COUNT: Final = "/v1/messages/count_tokens"
_MODELS: Final = "/v1/models"
_VERSIONS: Final = frozenset({NEWEST_VERSION, "2023-06-01", "2023-01-01"})
_MOST_LISTED: Final = 1000


def is_anthropic(exchange: Exchange) -> bool:
    """Whether a request for a path that several vendors have is meant for this one."""
    return "anthropic-version" in exchange.headers or "x-api-key" in exchange.headers


def check_body(exchange: Exchange) -> object:
    """The decoded body, or Anthropic's error."""
    if len(exchange.body) > BODY_LIMIT:
        raise AnthropicError(413, "Request exceeds the maximum size", "request_too_large")
    if exchange.document is UNDECODABLE:
        raise invalid("The request body is not valid JSON.")
    return exchange.document


def _check_access(exchange: Exchange) -> None:
    key = exchange.headers.get("x-api-key", "").strip()
    scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    if not key and not bearer:
        raise AnthropicError(401, "x-api-key header is required", "authentication_error")
    if "invalid" in (key or bearer):
        message = "invalid x-api-key" if key else "Invalid bearer token"
        raise AnthropicError(401, message, "authentication_error")
    version = exchange.headers.get("anthropic-version")
    if version is None:
        raise invalid("anthropic-version: header is required")
    if version not in _VERSIONS:
        raise invalid(f'anthropic-version: "{version}" is not a valid version')


def create_message(
    exchange: Exchange,
    model: str | None,
    headers: tuple[tuple[str, str], ...],
    *,
    stream: bool,
    version: str,
    prefix: str = "",
) -> Script:
    """The answer to a request for a message; raises AnthropicError when it is refused.

    Args:
        exchange: The request.
        model: The model when it is not in the body, as on Vertex AI.
        headers: Those of the answer.
        stream: Whether to stream.
        version: That of the interface.
        prefix: What stands before the identifier of the answer.
    """
    document = check_request(check_body(exchange), model=model, seed=exchange.seed, version=version)
    name = model or str(document["model"])
    if name.startswith("missing-"):
        raise unknown_model(name)
    facts = facts_of(name)
    tokens = ask_of(document, facts).tokens
    if tokens > facts.context:
        raise prompt_too_long(tokens, facts.context)
    found = cached(exchange, document, facts, name)
    rendering = Rendering(exchange, answer_to(exchange, document, facts), name, tokens, found, headers, prefix)
    return rendering.stream() if stream else rendering.document()


def count_tokens(document: dict[str, Any], headers: tuple[tuple[str, str], ...]) -> Script:
    """How many tokens a checked request has."""
    if str(document["model"]).startswith("missing-"):
        raise unknown_model(document["model"])
    tokens = ask_of(document, facts_of(str(document["model"]))).tokens
    return whole(200, msgspec.json.encode({"input_tokens": tokens}), headers)


def _page(exchange: Exchange) -> dict[str, object]:
    limit = exchange.query.get("limit", "20")
    if not (limit.isascii() and limit.isdecimal() and len(limit) <= len(str(_MOST_LISTED))):
        raise invalid("limit: Input should be a valid integer, unable to parse string as an integer")
    if not 1 <= int(limit) <= _MOST_LISTED:
        raise invalid(f"limit: Input should be between 1 and {_MOST_LISTED}")
    names = [name for name, _, _ in LISTED_MODELS]
    start = names.index(exchange.query["after_id"]) + 1 if exchange.query.get("after_id") in names else 0
    chosen = LISTED_MODELS[start : start + int(limit)]
    return {
        "data": [model_document(*one) for one in chosen],
        "has_more": start + len(chosen) < len(names),
        "first_id": chosen[0][0] if chosen else None,
        "last_id": chosen[-1][0] if chosen else None,
    }


class AnthropicVendor:
    """The Anthropic wire format."""

    name = "anthropic"

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""
        try:
            return self._answer(exchange)
        except AnthropicError as error:
            return self._refusal(exchange, error)

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error: by status, by the vendor's own type, or both; None leaves it to the vendor."""
        return self._refusal(exchange, named_error(status, error, message, exchange.model))

    def error_event(self, _exchange: Exchange, body: bytes, _sent: int, *, terminal: bool) -> bytes | None:
        """An error inside a stream, which is an event of that name; there is no other form of it."""
        del terminal
        return b"event: error\ndata: " + body + b"\n\n"

    @staticmethod
    def _refusal(exchange: Exchange, error: AnthropicError) -> Script:
        limited = error.status == HTTPStatus.TOO_MANY_REQUESTS
        headers = standard_headers(exchange, exhausted=limited)
        if limited:
            headers = (*headers, ("retry-after", "1"))
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            headers = (*headers, ("x-should-retry", "true"))
        return whole(error.status, error.body(request_id(exchange)), headers)

    def _answer(self, exchange: Exchange) -> Script:
        if exchange.path not in {_MESSAGES, _COUNT, _MODELS} and not exchange.path.startswith(f"{_MODELS}/"):
            raise AnthropicError(404, "Not Found", "not_found_error")
        if exchange.method != ("POST" if exchange.path in {_MESSAGES, _COUNT} else "GET"):
            raise AnthropicError(405, "Method Not Allowed", "invalid_request_error")
        _check_access(exchange)
        headers = standard_headers(exchange)
        if exchange.path == _MESSAGES:
            version = exchange.headers["anthropic-version"]
            return create_message(exchange, None, headers, stream=exchange.streaming, version=version)
        if exchange.path == _COUNT:
            version = exchange.headers["anthropic-version"]
            body = check_body(exchange)
            document = check_request(body, model=None, seed=exchange.seed, counting=True, version=version)
            return count_tokens(document, headers)
        return self._models(exchange, headers)

    @staticmethod
    def _models(exchange: Exchange, headers: tuple[tuple[str, str], ...]) -> Script:
        if exchange.path == _MODELS:
            return whole(200, msgspec.json.encode(_page(exchange)), headers)
        name = exchange.path.removeprefix(f"{_MODELS}/")
        if not name or name.startswith("missing-"):
            raise unknown_model(name)
        listed = next((one for one in LISTED_MODELS if one[0] == name), (name, None, None))
        return whole(200, msgspec.json.encode(model_document(*listed)), headers)
