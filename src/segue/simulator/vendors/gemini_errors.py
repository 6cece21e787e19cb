"""Google's errors carry a status word and typed details, and a client decides by these, not by the HTTP status.

`GoogleError` is the refusal of one request; `named_error` makes those that a fault asks for. Sources:
https://ai.google.dev/gemini-api/docs/troubleshooting and https://cloud.google.com/apis/design/errors.
"""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import msgspec

_TYPE: Final = "type.googleapis.com/google.rpc."
_STATUSES: Final[dict[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CODES: Final[dict[str, int]] = {word: code for code, word in _STATUSES.items()} | {
    "FAILED_PRECONDITION": 400,
    "API_KEY_INVALID": 400,
    "OUT_OF_RANGE": 400,
}
_MESSAGES: Final[dict[str, str]] = {
    "INVALID_ARGUMENT": "Request contains an invalid argument.",
    "UNAUTHENTICATED": "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
    "other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    "PERMISSION_DENIED": "The caller does not have permission",
    "NOT_FOUND": "Requested entity was not found.",
    "FAILED_PRECONDITION": "User location is not supported for the API use.",
    "INTERNAL": "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/"
    "troubleshooting",
    "UNAVAILABLE": "The model is overloaded. Please try again later.",
    "DEADLINE_EXCEEDED": "Deadline expired before operation could complete.",
    "CANCELLED": "The operation was cancelled.",
}


@dataclass(slots=True)
class GoogleError(Exception):
    """One error of a Google interface: the HTTP code, the status word, the message and the typed details."""

    code: int
    status: str
    message: str
    details: list[dict[str, object]] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        """The body, as a JSON object."""
        error: dict[str, object] = {"code": self.code, "message": self.message, "status": self.status}
        return {"error": error | ({"details": self.details} if self.details else {})}

    def body(self, *, in_array: bool = False) -> bytes:
        """The body, indented as the vendor does; where an answer would be an array of chunks, so is the error."""
        document = self.document()
        encoded = msgspec.json.encode([document] if in_array else document)
        return msgspec.json.format(encoded, indent=2) + b"\n"


def invalid(message: str) -> GoogleError:
    """The 400 error about a wrong request."""
    return GoogleError(400, "INVALID_ARGUMENT", message)


def violations(found: list[tuple[str, str]]) -> GoogleError:
    """The 400 error about a body that is not of the documented form: place and description of each violation."""
    listed = [{"field": place, "description": text} if place else {"description": text} for place, text in found]
    error = invalid("\n".join(text for _, text in found))
    error.details = [{"@type": f"{_TYPE}BadRequest", "fieldViolations": listed}]
    return error


def key_invalid() -> GoogleError:
    """A key that the vendor does not know: 400, not 401."""
    message = "API key not valid. Please pass a valid API key."
    service = {"service": "generativelanguage.googleapis.com"}
    error = invalid(message)
    error.details = [
        {"@type": f"{_TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": service},
        {"@type": f"{_TYPE}LocalizedMessage", "locale": "en-US", "message": message},
    ]
    return error


def key_missing() -> GoogleError:
    """No key at all."""
    return GoogleError(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
        "form of API consumer identity to call this API.",
    )


def model_missing(model: str, method: str, version: str) -> GoogleError:
    """A model that does not exist, or does not have the method."""
    message = (
        f"models/{model} is not found for API version {version}, or is not supported for {method}. Call ListModels to "
        "see the list of available models and their supported methods."
    )
    return GoogleError(404, "NOT_FOUND", message)


def quota_exceeded(model: str | None, seconds: int = 1) -> GoogleError:
    """A quota that is used up, with the details that say which and when to come back."""
    metric = "generativelanguage.googleapis.com/generate_content_paid_tier_requests"
    violation = {
        "quotaMetric": metric,
        "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-PaidTier",
        "quotaDimensions": {"location": "global", "model": model or "gemini-2.5-flash"},
        "quotaValue": "500",
    }
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more information on this "
        f"error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n* Quota exceeded for metric: {metric}, "
        f"limit: 500\nPlease retry in {seconds}s."
    )
    links = [
        {
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        }
    ]
    return GoogleError(
        429,
        "RESOURCE_EXHAUSTED",
        message,
        [
            {"@type": f"{_TYPE}QuotaFailure", "violations": [violation]},
            {"@type": f"{_TYPE}Help", "links": links},
            {"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{seconds}s"},
        ],
    )


def too_long(tokens: int, maximum: int) -> GoogleError:
    """A prompt above the model's limit."""
    return invalid(f"The input token count ({tokens}) exceeds the maximum number of tokens allowed ({maximum}).")


def named_error(code: int | None, name: str | None, message: str | None, model: str | None) -> GoogleError:
    """The documented error for an HTTP code, for a status word such as `UNAVAILABLE`, or both.

    The codes by which faults ask OpenAI for an error are understood, too.
    """
    word = name if name in _CODES else _STATUSES.get(code or _CODES.get(name or "", 500))
    if name in {"invalid_api_key", "API_KEY_INVALID"}:
        known = key_invalid()
    elif name in {"rate_limit_exceeded", "insufficient_quota"} or word == "RESOURCE_EXHAUSTED":
        known = quota_exceeded(model)
    elif name == "context_length_exceeded":
        known = too_long(1_050_211, 1_048_576)
    elif name == "model_not_found":
        known = model_missing(model or "gemini-2.5-flash", "generateContent", "v1beta")
    else:
        fallback = "INTERNAL" if (code or 500) >= HTTPStatus.INTERNAL_SERVER_ERROR else "INVALID_ARGUMENT"
        if name == "content_filter":
            fallback = "INVALID_ARGUMENT"
            word = fallback
        word = word or fallback
        known = GoogleError(_CODES.get(word, 500), word, _MESSAGES.get(word, "The request failed."))
    return GoogleError(code or known.code, known.status, known.message if message is None else message, known.details)
