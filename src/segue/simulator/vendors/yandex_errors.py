"""Yandex gives every error twice, by the code of gRPC and by that of HTTP, and a client may look at either.

`YandexError` is the refusal of one request; `named_error` makes those that a fault asks for. Source:
https://yandex.cloud/en/docs/api-design-guide/concepts/errors.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

from segue.simulator.vendors.openai_errors import OpenAIError

# The code of gRPC, its name, and what the vendor says, by the HTTP status.
_CODES: Final[dict[int, tuple[int, str, str]]] = {
    400: (3, "INVALID_ARGUMENT", "Request contains an invalid argument"),
    401: (16, "UNAUTHENTICATED", "Unknown api key"),
    403: (7, "PERMISSION_DENIED", "Permission to [resource-manager.folder] denied"),
    404: (5, "NOT_FOUND", "Failed to get model"),
    408: (4, "DEADLINE_EXCEEDED", "deadline exceeded"),
    409: (10, "ABORTED", "The operation was aborted"),
    429: (
        8,
        "RESOURCE_EXHAUSTED",
        "ai.textGenerationCompletionSessionsCount.count gauge quota limit exceed: allowed 10 requests",
    ),
    499: (1, "CANCELLED", "The operation was cancelled"),
    500: (13, "INTERNAL", "Internal server error"),
    501: (12, "UNIMPLEMENTED", "Not implemented"),
    503: (14, "UNAVAILABLE", "The service is currently unavailable"),
    504: (4, "DEADLINE_EXCEEDED", "deadline exceeded"),
}
_STATUSES: Final[dict[str, int]] = {name: status for status, (_, name, _) in reversed(_CODES.items())}
# What other vendors' codes, which faults use for all vendors, are called here.
_BY_CODE: Final[dict[str, tuple[int, str]]] = {
    "rate_limit_exceeded": (429, _CODES[429][2]),
    "insufficient_quota": (403, "The cloud is blocked: the billing account is not active"),
    "invalid_api_key": (401, _CODES[401][2]),
    "model_not_found": (404, _CODES[404][2]),
    "context_length_exceeded": (400, "number of input tokens must be no more than 32768, got 40000"),
    "content_filter": (400, "The request was rejected by the content filter"),
}


@dataclass(slots=True)
class YandexError(Exception):
    """One error of a Yandex interface: HTTP status and message; `grpc` when the status does not decide it."""

    status: int
    message: str
    grpc: int | None = None

    def body(self) -> bytes:
        """The body."""
        fallback = _CODES[500] if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else _CODES[400]
        code = self.grpc or _CODES.get(self.status, fallback)[0]
        known = any(self.status == one.value for one in HTTPStatus)
        phrase = HTTPStatus(self.status).phrase if known else "Unknown"
        error = {
            "grpcCode": code,
            "httpCode": self.status,
            "message": self.message,
            "httpStatus": phrase,
            "details": [],
        }
        return msgspec.json.encode({"error": error})


def invalid(message: str) -> YandexError:
    """The 400 error about a wrong request."""
    return YandexError(400, message)


def from_check(error: OpenAIError) -> YandexError:
    """The error about a value that one of the shared checks refused."""
    return invalid(f"Error in field '{error.param}': {error.message}" if error.param else error.message)


def named_error(status: int | None, code: str | None, message: str | None) -> YandexError:
    """The documented error for a status, for a name of gRPC's such as `RESOURCE_EXHAUSTED`, or both."""
    found, text = _BY_CODE.get(code or "", (None, None))
    chosen = status or found or _STATUSES.get(code or "", 500)
    shown = message if message is not None else text or _CODES.get(chosen, _CODES[500])[2]
    return YandexError(chosen, shown, _CODES[_STATUSES[code]][0] if code in _STATUSES else None)
