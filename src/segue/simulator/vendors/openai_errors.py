"""A client tells errors apart by status, type and code, so every error must carry exactly what OpenAI documents.

`OpenAIError` is the refusal of one request; the table names the errors that a fault can ask for.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

_ACCOUNT_HELP: Final = "You can find your API key at https://platform.openai.com/account/api-keys."
_SHORTEST_SHOWN: Final = 12
_QUOTA_HELP: Final = (
    "For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)


@dataclass(slots=True)
class OpenAIError(Exception):
    """One error of the OpenAI interface: HTTP status and the four fields of its body."""

    status: int
    message: str
    kind: str | None = "invalid_request_error"
    param: str | None = None
    code: str | int | None = None

    def document(self) -> dict[str, object]:
        """The body, as a JSON object."""
        return {"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}}

    def body(self) -> bytes:
        """The body, encoded and indented as the vendor does."""
        return msgspec.json.format(msgspec.json.encode(self.document()), indent=4) + b"\n"


class UnknownField(OpenAIError):
    """A parameter that a vendor does not know and that it refuses with 422, as a web framework's check does."""

    def __init__(self, name: str, value: object) -> None:
        super().__init__(422, f"Extra inputs are not permitted: {name}", "invalid_request_error", name)
        self.value = value


_BY_CODE: Final[dict[str, OpenAIError]] = {
    "rate_limit_exceeded": OpenAIError(
        429,
        "Rate limit reached for {model} in organization org-simulated on requests per min (RPM): Limit 500, Used 500, "
        "Requested 1. Please try again in 120ms. Visit https://platform.openai.com/account/rate-limits to learn more.",
        "requests",
        None,
        "rate_limit_exceeded",
    ),
    "insufficient_quota": OpenAIError(
        429,
        f"You exceeded your current quota, please check your plan and billing details. {_QUOTA_HELP}",
        "insufficient_quota",
        None,
        "insufficient_quota",
    ),
    "invalid_api_key": OpenAIError(
        401, f"Incorrect API key provided. {_ACCOUNT_HELP}", "invalid_request_error", None, "invalid_api_key"
    ),
    "unsupported_country_region_territory": OpenAIError(
        403,
        "Country, region, or territory not supported",
        "request_forbidden",
        None,
        "unsupported_country_region_territory",
    ),
    "model_not_found": OpenAIError(
        404,
        "The model `{model}` does not exist or you do not have access to it.",
        "invalid_request_error",
        None,
        "model_not_found",
    ),
    "context_length_exceeded": OpenAIError(
        400,
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130211 tokens. "
        "Please reduce the length of the messages.",
        "invalid_request_error",
        "messages",
        "context_length_exceeded",
    ),
    "content_filter": OpenAIError(
        400,
        "The response was filtered due to the prompt triggering the content management policy. "
        "Please modify your prompt and retry.",
        "invalid_request_error",
        "prompt",
        "content_filter",
    ),
}

_BY_STATUS: Final[dict[int, OpenAIError]] = {
    400: OpenAIError(400, "The request was not valid."),
    401: _BY_CODE["invalid_api_key"],
    403: _BY_CODE["unsupported_country_region_territory"],
    404: _BY_CODE["model_not_found"],
    408: OpenAIError(408, "Request timed out.", "server_error"),
    409: OpenAIError(409, "The resource was updated by another request.", "conflict_error"),
    413: OpenAIError(413, "The request is larger than the server accepts."),
    422: OpenAIError(422, "The request could not be processed.", "unprocessable_entity_error"),
    429: _BY_CODE["rate_limit_exceeded"],
    500: OpenAIError(500, "The server had an error while processing your request. Sorry about that!", "server_error"),
    502: OpenAIError(502, "Bad gateway.", "cf_bad_gateway", None, 502),
    503: OpenAIError(503, "The engine is currently overloaded, please try again later.", "server_error"),
    504: OpenAIError(504, "Gateway timeout.", "cf_gateway_timeout", None, 504),
}


def named_error(status: int | None, code: str | None, message: str | None, model: str | None) -> OpenAIError:
    """The documented error for a status, a code, or both; an unknown code is rendered as given."""
    known = _BY_CODE.get(code) if code is not None else None
    if known is None:
        known = _BY_STATUS.get(status or 500)
    if known is None:
        kind = "server_error" if (status or 500) >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
        known = OpenAIError(status or 500, "The request failed.", kind)
    text = known.message.replace("{model}", model or "gpt-4o-mini") if message is None else message
    return OpenAIError(status or known.status, text, known.kind, known.param, known.code if code is None else code)


def missing_key() -> OpenAIError:
    """No key in the request."""
    return OpenAIError(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        f"(i.e. Authorization: Bearer YOUR_KEY). {_ACCOUNT_HELP}",
    )


def wrong_key(key: str) -> OpenAIError:
    """A key that the vendor does not know; the message shows its ends only, as the vendor's does."""
    shown = f"{key[:4]}{'*' * 8}{key[-4:]}" if len(key) >= _SHORTEST_SHOWN else "*" * len(key)
    message = f"Incorrect API key provided: {shown}. {_ACCOUNT_HELP}"
    return OpenAIError(401, message, "invalid_request_error", None, "invalid_api_key")


def unknown_address(method: str, path: str) -> OpenAIError:
    """A path that the interface does not have."""
    return OpenAIError(404, f"Invalid URL ({method} {path})")


def wrong_method(allowed: str) -> OpenAIError:
    """A path that exists, asked with another method."""
    message = f"Only {allowed} requests are accepted."
    return OpenAIError(405, message, "invalid_request_error", None, "method_not_supported")
