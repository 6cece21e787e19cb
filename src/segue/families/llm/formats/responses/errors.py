"""Errors of OpenAI's Responses: what a provider's mean, and how ours are written for clients."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.errors import CallFailed
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.openai_errors import SIZE, classify, error_object
from segue.families.llm.formats.openai_words import error_of

# Words that only responses use (`response.error.code`; OpenAI's reference, "The response object").
_WORDS: Final[Mapping[str, tuple[Kind, Executed, Scope]]] = {
    "invalid_prompt": (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    "bio_policy": (Kind.CONTENT_FILTER, Executed.NO, Scope.REQUEST),
    "misalignment_policy_violation": (Kind.CONTENT_FILTER, Executed.UNKNOWN, Scope.REQUEST),
    "image_content_policy_violation": (Kind.CONTENT_FILTER, Executed.NO, Scope.REQUEST),
    "data_residency_mismatch": (Kind.PERMISSION, Executed.NO, Scope.KEY),
    "vector_store_timeout": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
    "failed_to_download_image": (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    "previous_response_not_found": (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
}
_IMAGE: Final = re.compile(r"(?:invalid|empty|unsupported)_(?:base64_)?image\w*|image_\w+")
_CONTEXT_WORDS: Final = "exceeds the context window"
_WAIT: Final = re.compile(r"try again in (\d{1,6}(?:\.\d{1,6})?)(ms|s|m|h)\b")
_TOLD_APART: Final = frozenset({"retry-after", "retry-after-ms"})
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def read_error(status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
    """See `ProviderFormat.read_error`; of a time in a header and one in the message's words, the header's counts."""
    failure = failure_of(status, error_object(body), secret)
    if failure.retry_after is not None and not _TOLD_APART.isdisjoint(headers):
        return failure.with_(retry_after=None)
    return failure


def failure_of(status: int, error: dict[str, Any] | None, secret: str) -> Failure:
    """The failure behind an error object, of an answer, of a failed response or of an event."""
    failure = classify(status, error, secret)
    if error is None:
        return failure
    special = _special(failure)
    if special is not None:
        kind, executed, scope = special
        failure = failure.with_(kind=kind, executed=executed, scope=scope)
    if failure.kind is Kind.CONTEXT_LENGTH:
        found = SIZE.search(failure.message)
        if found is not None:
            return failure.with_(needs=f"context:{found[1].replace(',', '')}")
    elif failure.kind is Kind.RATE_LIMITED and (found := _WAIT.search(failure.message)) is not None:
        return failure.with_(retry_after=float(found[1]) * _UNITS[found[2]])
    return failure


def _special(failure: Failure) -> tuple[Kind, Executed, Scope] | None:
    code = (failure.vendor_code or "").lower()
    if code in _WORDS:
        return _WORDS[code]
    if _CONTEXT_WORDS in failure.message:
        return Kind.CONTEXT_LENGTH, Executed.NO, Scope.MODEL
    if _IMAGE.fullmatch(code):
        return Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST
    words = {code, (failure.vendor_type or "").lower()}
    if failure.status == 200 and "invalid_request_error" in words and failure.kind is Kind.SERVER_ERROR:  # noqa: PLR2004 - HTTP's own number
        return Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST
    return None


def write_error(error: CallFailed, told: Mapping[str, object]) -> bytes:
    """See `ClientFormat.write_error`: the vendor's words pass where the fault is the caller's own business."""
    return msgspec.json.encode({"error": error_of(error), "segue": told})


def response_error(failure: Failure) -> dict[str, Any]:
    """The `error` of a failed response: its codes are a closed list."""
    limited = failure.kind in {Kind.RATE_LIMITED, Kind.QUOTA}
    return {
        "code": "rate_limit_exceeded" if limited else "server_error",
        "message": f"the answer broke off: {failure.message}",
    }
