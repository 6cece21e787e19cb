"""Anthropic's errors: `{"type": "error", "error": {"type": …, "message": …}}`, read and written.

The type alone is not enough: `invalid_request_error` is also what a full context window, an empty purse and a model
without a feature are told with. Source: Anthropic's API reference, "Errors", and the messages that it documents.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.errors import CallFailed, ProviderFailed
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.foreign import Verdict, Words, by_status, by_words, unreadable
from segue.families.llm.formats.openai_errors import MAX_WORD, error_object, redact

_OK: Final = 200
_BY_TYPE: Final[dict[str, Verdict]] = {
    "invalid_request_error": (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    "authentication_error": (Kind.AUTH, Executed.NO, Scope.KEY),
    "billing_error": (Kind.QUOTA, Executed.NO, Scope.KEY),
    "permission_error": (Kind.PERMISSION, Executed.NO, Scope.KEY),
    "not_found_error": (Kind.MODEL_MISSING, Executed.NO, Scope.MODEL),
    # A body beyond 32 MB; another provider may take it.
    "request_too_large": (Kind.CONTEXT_LENGTH, Executed.NO, Scope.MODEL),
    "rate_limit_error": (Kind.RATE_LIMITED, Executed.NO, Scope.KEY),
    "api_error": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
    "timeout_error": (Kind.TIMEOUT, Executed.UNKNOWN, Scope.PROVIDER),
    "overloaded_error": (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
}
_NUMBER: Final = r"(\d[\d,]*)"
_TOO_LONG: Final = re.compile(rf"prompt is too long(?:: {_NUMBER} tokens)?|context (?:limit|window)", re.IGNORECASE)
_SUM: Final = re.compile(rf"context limit: {_NUMBER} \+ {_NUMBER}", re.IGNORECASE)
_NO_MONEY: Final = re.compile(r"credit balance|usage limit|spend(?:ing)? limit|regain access|billing", re.IGNORECASE)
_BAD_KEY: Final = re.compile(r"x-api-key|api key|authorization header", re.IGNORECASE)
_FILTERED: Final = re.compile(r"content filtering|blocked by", re.IGNORECASE)
_CANNOT: Final = re.compile(
    r"(?:does not|doesn't|do not) support|(?:is|are) not supported|is deprecated for this model|not available",
    re.IGNORECASE,
)
_BY_WORDS: Final[Mapping[str, Words]] = {
    "invalid_request_error": (
        (_TOO_LONG, (Kind.CONTEXT_LENGTH, Executed.NO, Scope.MODEL)),
        (_NO_MONEY, (Kind.QUOTA, Executed.NO, Scope.KEY)),
        (_BAD_KEY, (Kind.AUTH, Executed.NO, Scope.KEY)),
        (_FILTERED, (Kind.CONTENT_FILTER, Executed.NO, Scope.REQUEST)),
        (_CANNOT, (Kind.UNSUPPORTED, Executed.NO, Scope.REQUEST)),
    ),
    "rate_limit_error": ((_NO_MONEY, (Kind.QUOTA, Executed.NO, Scope.KEY)),),
}
_NO_MODEL: Final = re.compile(r"\bmodel\b", re.IGNORECASE)
_PARAM: Final = re.compile(r"([a-z_]+(?:\.[A-Za-z0-9_]+)*): ")


def read_error(status: int, _headers: Mapping[str, str], body: bytes, secret: str) -> Failure:
    """The failure behind an answer that is none, or behind an `error` event (status 200)."""
    error = error_object(body)
    if error is None:
        return unreadable(status, "Anthropic")
    kind_word = error.get("type")
    vendor_type = redact(kind_word, secret)[:MAX_WORD] if isinstance(kind_word, str) else None
    text = error.get("message")
    message = text if isinstance(text, str) else ""
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    if isinstance(code, str) and code.startswith("thread_"):  # the caller sends the whole conversation, and all is well
        kind, executed, scope = Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST
    else:
        kind, executed, scope = _classify(status, vendor_type or "", message)
    place = _PARAM.match(message) if kind is Kind.INVALID_REQUEST else None
    return Failure(
        kind,
        redact(message or f"HTTP {status} without a message", secret),
        executed=executed,
        scope=scope,
        needs=_needs(message) if kind is Kind.CONTEXT_LENGTH else None,
        status=status,
        vendor_type=vendor_type,
        vendor_code=redact(code, secret)[:MAX_WORD] if isinstance(code, str) else None,
        param=redact(place.group(1), secret)[:MAX_WORD] if place is not None else None,
    )


def _classify(status: int, kind: str, message: str) -> Verdict:
    told = by_words(message, _BY_WORDS.get(kind, ()))
    if told is not None:
        return told
    if kind == "not_found_error" and not _NO_MODEL.search(message):
        return Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST  # a file, a container: named by the caller
    verdict = _BY_TYPE.get(kind)
    if verdict is not None:
        return verdict
    if status == _OK:
        return Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER
    return by_status(status)


def _needs(message: str) -> str | None:
    """How large a window the request needs, where the message tells."""
    total = _SUM.search(message)
    if total is not None:
        return f"context:{_int(total.group(1)) + _int(total.group(2))}"
    found = _TOO_LONG.search(message)
    return f"context:{_int(found.group(1))}" if found is not None and found.group(1) else None


def _int(digits: str) -> int:
    return int(digits[:18].replace(",", ""))


_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_THE_CALLERS: Final = frozenset({
    Kind.INVALID_REQUEST, Kind.CONTEXT_LENGTH, Kind.CONTENT_FILTER, Kind.MODEL_MISSING, Kind.RATE_LIMITED, Kind.QUOTA,
})  # fmt: skip
_CLIENT_ERRORS: Final = 500


def write_error(error: CallFailed, told: Mapping[str, object]) -> bytes:
    """The body of an error; `error.details.error_code` is where Anthropic's SDK looks for a stable word."""
    kind = _TYPES.get(error.status, "invalid_request_error" if error.status < _CLIENT_ERRORS else "api_error")
    code = error.code
    if isinstance(error, ProviderFailed) and error.failure.kind in _THE_CALLERS:
        if error.failure.vendor_type in _BY_TYPE:  # words of other vendors mean nothing to this SDK
            # OpenAI calls what is not found or too large an invalid request, too.
            general = error.failure.vendor_type == "invalid_request_error"
            kind = kind if general else error.failure.vendor_type
        code = error.failure.vendor_code or code
    return msgspec.json.encode(
        {**_error(kind, error.message, code), "request_id": error.call_id or None, "segue": told}
    )


def broken_off(failure: Failure) -> bytes:
    """The event that ends a broken stream: Anthropic's SDK raises for it."""
    kind = _STREAM_TYPES.get(failure.kind, "api_error")
    body = _error(kind, f"the answer broke off: {failure.message}", failure.kind.value)
    return b"event: error\ndata: " + msgspec.json.encode(body) + b"\n\n"


_STREAM_TYPES: Final = {
    Kind.OVERLOADED: "overloaded_error",
    Kind.RATE_LIMITED: "rate_limit_error",
    Kind.QUOTA: "rate_limit_error",
    Kind.INVALID_REQUEST: "invalid_request_error",
    Kind.CONTEXT_LENGTH: "invalid_request_error",
    Kind.CONTENT_FILTER: "invalid_request_error",
    Kind.TIMEOUT: "timeout_error",
    Kind.DEADLINE: "timeout_error",
}


def _error(kind: str, message: str, code: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, "details": {"error_code": code}}}
