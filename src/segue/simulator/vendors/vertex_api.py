"""Vertex AI carries Gemini and Claude under one roof: Google's paths and access tokens, each model's own bodies.

It offers, under `/v1` (or `/v1beta1`) and `projects/{project}/locations/{location}/publishers`,
`google/models/{model}:generateContent|streamGenerateContent|countTokens|predict|embedContent`, and
`anthropic/models/{model}:rawPredict|streamRawPredict`; and the token server at `/token`.
Source: https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest.
"""

import re
from typing import Final

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors.anthropic_answers import request_id
from segue.simulator.vendors.anthropic_api import check_body, count_tokens, create_message
from segue.simulator.vendors.anthropic_errors import AnthropicError
from segue.simulator.vendors.anthropic_errors import invalid as invalid_message
from segue.simulator.vendors.anthropic_errors import named_error as named_anthropic_error
from segue.simulator.vendors.anthropic_requests import NEWEST_VERSION, check_request
from segue.simulator.vendors.gemini_api import count, element_of_error, generate, in_array
from segue.simulator.vendors.gemini_content import standard_headers
from segue.simulator.vendors.gemini_errors import GoogleError, named_error
from segue.simulator.vendors.gemini_grammar import VERTEX_COUNT, VERTEX_GENERATE
from segue.simulator.vendors.gemini_requests import read
from segue.simulator.vendors.vertex_embeddings import embedded, predicted
from segue.simulator.vendors.vertex_tokens import TOKEN_PATH, answer_token, is_token

_PATH: Final = re.compile(
    r"/(?:v1|v1beta1)/projects/([^/]+)/locations/([^/]+)/publishers/(google|anthropic)/models/([^/:]+):([A-Za-z]+)"
)
# The SDK sends the newer one since its second major version; it stands for the rules that Anthropic's own API has.
_VERSIONS: Final = {"vertex-2023-10-16": "2023-06-01", NEWEST_VERSION: NEWEST_VERSION}
_PREFIX: Final = "vrtx_"
# Errors of the platform itself; all others come from the model's publisher.
_PLATFORM: Final = frozenset({401, 403, 404, 429})


def is_vertex(path: str) -> bool:
    """Whether a vendor's own path is one of Vertex AI's."""
    return path == TOKEN_PATH or path.startswith(("/v1/projects/", "/v1beta1/projects/"))


class VertexVendor:
    """Vertex AI: Gemini and Claude, and the token server."""

    name = "vertex"

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""
        if exchange.path == TOKEN_PATH:
            return answer_token(exchange)
        try:
            return self._answer(exchange)
        except GoogleError as error:
            return self._refusal(exchange, error)
        except AnthropicError as error:
            return self._passed_on(exchange, error)

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error, in the form of the platform or of the model's publisher."""
        google = named_error(status, error, message, exchange.model)
        if "/publishers/anthropic/" not in exchange.path or google.code in _PLATFORM:
            return self._refusal(exchange, google)
        return self._passed_on(exchange, named_anthropic_error(status, error, message, exchange.model))

    def error_event(self, exchange: Exchange, body: bytes, sent: int, *, terminal: bool) -> bytes | None:
        """An error inside a stream, as the model's publisher words it."""
        del terminal
        if "/publishers/anthropic/" in exchange.path:
            return b"event: error\ndata: " + body + b"\n\n"
        return element_of_error(exchange, body, sent)

    @staticmethod
    def _refusal(exchange: Exchange, error: GoogleError) -> Script:
        headers = (("Content-Type", "application/json; charset=UTF-8"), *standard_headers())
        return whole(error.code, error.body(in_array=in_array(exchange)), headers)

    @staticmethod
    def _passed_on(exchange: Exchange, error: AnthropicError) -> Script:
        identifier = request_id(exchange, _PREFIX)
        return whole(error.status, error.body(identifier), (("request-id", identifier), *standard_headers()))

    def _answer(self, exchange: Exchange) -> Script:
        match = _PATH.fullmatch(exchange.path)
        if match is None or exchange.method != "POST":
            raise GoogleError(404, "NOT_FOUND", "Requested entity was not found.")
        scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not is_token(exchange, token.strip()):
            raise named_error(401, None, None, None)
        project, location, publisher, model, method = match.groups()
        if "missing-" in (model[:8], project[:8]):
            place = f"projects/{project}/locations/{location}/publishers/{publisher}/models/{model}"
            message = f"Publisher Model `{place}` was not found or your project does not have access to it."
            raise GoogleError(404, "NOT_FOUND", message)
        if publisher == "anthropic":
            return self._claude(exchange, model, method)
        if method in {"generateContent", "streamGenerateContent"}:
            return generate(exchange, model, method, VERTEX_GENERATE)
        if method == "countTokens":
            return count(read(exchange, VERTEX_COUNT), model)
        if "embedding" in model and method in {"predict", "embedContent"}:
            return (predicted if method == "predict" else embedded)(exchange, model)
        raise GoogleError(404, "NOT_FOUND", f"Method {method} is not found.")

    @staticmethod
    def _claude(exchange: Exchange, model: str, method: str) -> Script:
        if method not in {"rawPredict", "streamRawPredict"}:
            message = f"Model {model} does not support {method}."
            raise GoogleError(400, "FAILED_PRECONDITION", message)
        body = check_body(exchange)
        headers = (("request-id", request_id(exchange, _PREFIX)), *standard_headers())
        version = body.get("anthropic_version") if isinstance(body, dict) else None
        if version is None:
            raise invalid_message("anthropic_version: Field required")
        if not isinstance(version, str) or version not in _VERSIONS:
            listed = " or ".join(f"'{known}'" for known in _VERSIONS)
            raise invalid_message(f"anthropic_version: Input should be {listed}")
        rules = _VERSIONS[version]
        if model == "count-tokens" and isinstance(body, dict):
            asked = {name: value for name, value in body.items() if name != "anthropic_version"}
            return count_tokens(
                check_request(asked, model=None, seed=exchange.seed, counting=True, version=rules), headers
            )
        stream = isinstance(body, dict) and body.get("stream") is True
        return create_message(exchange, model, headers, prefix=_PREFIX, stream=stream, version=rules)
