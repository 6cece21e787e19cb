"""Errors in OpenAI's shape.

The vendor's words (`type`, `code`) are passed on where the fault is the caller's; where it is a provider's key or plan
they would point at the wrong key.
"""

from typing import Any, Final

from segue.core.errors import CallFailed, ProviderFailed
from segue.core.failure import Kind

_THE_CALLERS: Final = frozenset({
    Kind.INVALID_REQUEST, Kind.CONTEXT_LENGTH, Kind.CONTENT_FILTER, Kind.MODEL_MISSING, Kind.RATE_LIMITED, Kind.QUOTA,
})  # fmt: skip
_TYPES: Final = {
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    429: "requests",
}
_SERVER: Final = 500


def error_body(error: CallFailed) -> dict[str, Any]:
    """The `error` object that OpenAI's SDK raises its own exceptions for."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < _SERVER else "server_error")
    code = error.code
    if isinstance(error, ProviderFailed) and error.failure.kind in _THE_CALLERS:
        kind = error.failure.vendor_type or kind
        code = error.failure.vendor_code or code
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": code}}
