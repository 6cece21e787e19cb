"""Clients of Anthropic tell errors apart by status and by `error.type`; both must be what the vendor documents.

`AnthropicError` is the refusal of one request; `named_error` makes those that a fault asks for.
Source: https://platform.claude.com/docs/en/api/errors.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

_TYPES: Final[dict[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_MESSAGES: Final[dict[int, str]] = {
    400: "The request was not valid.",
    401: "invalid x-api-key",
    402: "Your organization's billing could not be processed.",
    403: "Your API key does not have permission to use the specified resource.",
    404: "model: {model}",
    405: "Method Not Allowed",
    408: "Request timed out.",
    413: "Request exceeds the maximum size",
    429: "This request would exceed your organization's rate limit of 50 requests per minute. For details, refer to: "
    "https://docs.claude.com/en/api/rate-limits.",
    500: "Internal server error",
    504: "The request timed out while processing.",
    529: "Overloaded",
}


@dataclass(slots=True)
class AnthropicError(Exception):
    """One error of the Anthropic interface: HTTP status, `error.type`, `error.message` and `details.error_code`."""

    status: int
    message: str
    kind: str = "invalid_request_error"
    code: str = ""

    def body(self, request_id: str) -> bytes:
        """The body; the identifier of the request is repeated in it."""
        error: dict[str, object] = {"type": self.kind, "message": self.message}
        if self.code:
            error["details"] = {"error_code": self.code}
        return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})


def invalid(message: str) -> AnthropicError:
    """The 400 error about a wrong request."""
    return AnthropicError(400, message)


def unknown_model(model: str) -> AnthropicError:
    """A model that does not exist."""
    return AnthropicError(404, f"model: {model}", "not_found_error")


def prompt_too_long(tokens: int, maximum: int) -> AnthropicError:
    """A prompt above the context window of the model."""
    return invalid(f"prompt is too long: {tokens} tokens > {maximum} maximum")


def _type_of(status: int) -> str:
    fallback = "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    return _TYPES.get(status, fallback)


# What other vendors' codes, which faults use for all vendors, are called here.
_BY_CODE: Final[dict[str, AnthropicError]] = {
    "rate_limit_exceeded": AnthropicError(429, _MESSAGES[429], "rate_limit_error"),
    "insufficient_quota": invalid(
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or "
        "purchase credits."
    ),
    "invalid_api_key": AnthropicError(401, _MESSAGES[401], "authentication_error"),
    "model_not_found": AnthropicError(404, _MESSAGES[404], "not_found_error"),
    "context_length_exceeded": prompt_too_long(210_511, 200_000),
    "content_filter": invalid("Output blocked by content filtering policy"),
}
_BY_TYPE: Final[dict[str, int]] = {kind: status for status, kind in reversed(_TYPES.items())}


def named_error(status: int | None, code: str | None, message: str | None, model: str | None) -> AnthropicError:
    """The documented error for a status, for a type such as `overloaded_error`, or both.

    The codes by which faults ask OpenAI for an error are understood, too. A type that is unknown is sent as given.
    """
    known = _BY_CODE.get(code or "")
    if known is None:
        found = status or _BY_TYPE.get(code or "", 500)
        known = AnthropicError(found, _MESSAGES.get(found, "The request failed."), code or _type_of(found))
    text = known.message.replace("{model}", model or "claude-sonnet-4-5") if message is None else message
    return AnthropicError(status or known.status, text, known.kind)
