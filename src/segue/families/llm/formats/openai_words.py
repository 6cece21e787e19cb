"""Our errors in the words of OpenAI, by which applications decide what to do: `type` and `code`.

The vendor's words are passed on where the fault is the caller's; where it is a provider's key or plan they would point
at the wrong key. Words of another vendor's API (`RESOURCE_EXHAUSTED`, `ThrottlingException`) mean nothing to an
application that was written for OpenAI, and become OpenAI's own for the same.
"""

from typing import Any, Final

from segue.core.errors import CallFailed, ProviderFailed
from segue.core.failure import Kind

_THE_CALLERS: Final = frozenset({
    Kind.INVALID_REQUEST, Kind.CONTEXT_LENGTH, Kind.CONTENT_FILTER, Kind.MODEL_MISSING, Kind.RATE_LIMITED, Kind.QUOTA,
    Kind.UNSUPPORTED,
})  # fmt: skip
_TYPES: Final = {
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    429: "requests",
}
_CODES: Final = {Kind.RATE_LIMITED: "rate_limit_exceeded", Kind.QUOTA: "insufficient_quota"}
"""What OpenAI calls failures that are called otherwise here (guide "Error codes")."""
_ANTHROPICS: Final = frozenset({"not_found_error", "request_too_large", "rate_limit_error", "billing_error"})
_SERVER: Final = 500


def error_of(error: CallFailed) -> dict[str, Any]:
    """The `error` object that OpenAI's SDK raises its own exceptions for."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < _SERVER else "server_error")
    code = error.code
    if isinstance(error, ProviderFailed) and error.failure.kind in _THE_CALLERS:
        failure = error.failure
        said = failure.vendor_type or ""
        if said[:1].isupper() or said in _ANTHROPICS:
            code = _CODES.get(failure.kind, code)
            kind = code if failure.kind is Kind.QUOTA else kind
        else:
            kind = said or kind
            code = failure.vendor_code or _CODES.get(failure.kind, code)
    return {"message": error.message, "type": kind, "param": error.param, "code": code}
