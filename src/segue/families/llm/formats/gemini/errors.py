"""What Google's errors mean, and errors in Google's shape.

The HTTP status alone misleads: a wrong key is told by 400, a refused region too, a day's quota by the same 429 as a
minute's. The `status` word and the `details` decide. Sources: google/rpc/code.proto, error_details.proto and the
guide "Troubleshooting" of the Gemini API.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.errors import CallFailed, ProviderFailed
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.gemini.stops import STOPS
from segue.families.llm.formats.openai_errors import MAX_WORD, redact
from segue.families.llm.ir.answer import Stop

_Meaning = tuple[Kind, Executed, Scope]

_BY_WORD: Final[dict[str, _Meaning]] = {
    "INVALID_ARGUMENT": (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    "OUT_OF_RANGE": (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    "FAILED_PRECONDITION": (Kind.PERMISSION, Executed.NO, Scope.KEY),  # no billing, or the wrong region
    "UNAUTHENTICATED": (Kind.AUTH, Executed.NO, Scope.KEY),
    "PERMISSION_DENIED": (Kind.PERMISSION, Executed.NO, Scope.KEY),
    "NOT_FOUND": (Kind.MODEL_MISSING, Executed.NO, Scope.MODEL),
    "RESOURCE_EXHAUSTED": (Kind.RATE_LIMITED, Executed.NO, Scope.KEY),
    "ALREADY_EXISTS": (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),
    "ABORTED": (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
    "UNIMPLEMENTED": (Kind.UNSUPPORTED, Executed.NO, Scope.REQUEST),
    "UNAVAILABLE": (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),
    # The vendor's own limit of time: the same again would take as long.
    "DEADLINE_EXCEEDED": (Kind.TIMEOUT, Executed.UNKNOWN, Scope.PROVIDER),
    "CANCELLED": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
    "INTERNAL": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
    "UNKNOWN": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
    "DATA_LOSS": (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),
}

_WORD_OF: Final[dict[int, str]] = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 402: "RESOURCE_EXHAUSTED", 403: "PERMISSION_DENIED",
    404: "NOT_FOUND", 405: "UNIMPLEMENTED", 408: "DEADLINE_EXCEEDED", 409: "ABORTED", 412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED", 499: "CANCELLED", 500: "INTERNAL", 501: "UNIMPLEMENTED", 502: "UNAVAILABLE",
    503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED", 529: "UNAVAILABLE",
}  # fmt: skip

_BAD_KEY_REASONS: Final = frozenset(
    {"API_KEY_INVALID", "API_KEY_EXPIRED", "ACCESS_TOKEN_EXPIRED", "CREDENTIALS_MISSING"}
)
_BAD_KEY: Final = re.compile(r"API key (?:not valid|expired|not found)|reported as leaked", re.IGNORECASE)
_TOO_LONG: Final = re.compile(
    r"(?:token count(?: of)? \(?(\d{1,12})\)?.{0,40})?exceeds the maximum number of tokens allowed"
)
_NO_MONEY: Final = re.compile(r"credits are depleted|spending cap|\blimit: 0\b|billing account", re.IGNORECASE)
_NOT_THE_MODEL: Final = re.compile(r"\bcached ?content|\bfile\b", re.IGNORECASE)
_FIELD: Final = re.compile(r"at '([^']{1,200})'")
_DELAY: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_THE_CALLERS: Final = frozenset({
    Kind.INVALID_REQUEST, Kind.CONTEXT_LENGTH, Kind.CONTENT_FILTER, Kind.MODEL_MISSING, Kind.RATE_LIMITED, Kind.QUOTA,
})  # fmt: skip
_LOWEST_ERROR: Final = 400
_OK: Final = 200


def read_error(status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG001 - the port's own shape
    """What an answer that is none tells; with status 200 also a prompt that the filter refused."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decoded = None
    if isinstance(decoded, list) and decoded:
        decoded = decoded[0]
    if isinstance(decoded, dict):
        error = decoded.get("error")
        if isinstance(error, dict):
            return classify(status, error, secret)
        feedback = decoded.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            return blocked(str(feedback["blockReason"]), str(feedback.get("blockReasonMessage") or ""), secret)
        reason = _unreadable_call(decoded.get("candidates"))
        if reason:
            return malformed(reason)
    return _foreign(status)


def malformed(reason: str) -> Failure:
    """The failure of an answer that ended with a call of a tool that Google could not read, and with nothing else.

    The model writes another one when it is asked again: it is no answer, although its status is 200
    (ai.google.dev/api/generate-content, `FinishReason`).
    """
    return Failure(
        Kind.SERVER_ERROR,
        f"the model wrote a call of a tool that cannot be read ({reason})",
        executed=Executed.YES,
        scope=Scope.MODEL,
        vendor_code=reason,
    )


def _unreadable_call(candidates: object) -> str:
    """The reason, where the first candidate holds nothing but thoughts and a call that could not be read."""
    first = candidates[0] if isinstance(candidates, list) and candidates else None
    if not isinstance(first, dict):
        return ""
    reason = first.get("finishReason")
    if not isinstance(reason, str) or STOPS.get(reason) is not Stop.MALFORMED:
        return ""
    content = first.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return "" if any(map(_says, parts if isinstance(parts, list) else ())) else reason


def _says(part: object) -> bool:
    return isinstance(part, dict) and not part.get("thought") and any(value != "" for value in part.values())


def blocked(reason: str, message: str, secret: str = "") -> Failure:
    """The failure of a prompt that Google's filter refused."""
    reason = redact(reason, secret)
    words = f"the prompt was blocked ({reason[:MAX_WORD]})"
    return Failure(
        Kind.CONTENT_FILTER,
        redact(f"{words}: {message}" if message else words, secret),
        executed=Executed.NO,
        scope=Scope.REQUEST,
        vendor_type="INVALID_ARGUMENT",
        vendor_code=reason[:MAX_WORD],
    )


def classify(status: int, error: dict[str, Any], secret: str) -> Failure:
    """The failure behind an `error` object.

    Args:
        status: the HTTP status; 200 for an error inside a stream.
        error: the object, with `code`, `message`, `status` and `details`.
        secret: the key that was sent; it is cut out of the message.
    """
    code = error.get("code")
    if status == _OK and isinstance(code, int) and _LOWEST_ERROR <= code < 600:  # noqa: PLR2004 - HTTP's classes
        status = code
    message = error.get("message")
    text = message if isinstance(message, str) and message else f"HTTP {status} without a message"
    told = error.get("status")
    word = told if isinstance(told, str) and told in _BY_WORD else _word_of(status)
    details = _Details(error.get("details"))
    kind, executed, scope = _meaning(word, text, details)
    too_long = _TOO_LONG.search(text) if kind is Kind.CONTEXT_LENGTH else None
    field = _FIELD.search(text) if kind is Kind.INVALID_REQUEST else None
    return Failure(
        kind,
        redact(text, secret),
        executed=executed,
        scope=scope,
        retry_after=details.retry_after,
        needs=f"context:{too_long[1]}" if too_long and too_long[1] else None,
        status=status if status != _OK else None,
        vendor_type=word,
        vendor_code=redact(details.reason, secret)[:MAX_WORD] or None,
        param=details.field or (field[1] if field else None),
    )


class _Details:
    """The parts of `details` that matter."""

    __slots__ = ("field", "quotas", "reason", "retry_after")

    def __init__(self, details: object) -> None:
        self.reason = ""
        self.quotas: list[str] = []
        self.retry_after: float | None = None
        self.field: str | None = None
        for each in details[:32] if isinstance(details, list) else ():
            if isinstance(each, dict):
                self._take(str(each.get("@type", "")).rpartition(".")[2], each)

    def _take(self, kind: str, detail: dict[str, Any]) -> None:
        if kind == "ErrorInfo":
            self.reason = self.reason or str(detail.get("reason") or "")
        elif kind == "RetryInfo":
            found = _DELAY.fullmatch(str(detail.get("retryDelay", "")))
            self.retry_after = float(found[1]) if found else None
        elif kind == "QuotaFailure":
            self.quotas += [
                f"{each.get('quotaId', '')} {each.get('subject', '')}" for each in _objects(detail, "violations")
            ]
        elif kind == "BadRequest":
            fields = [str(each.get("field") or "") for each in _objects(detail, "fieldViolations")]
            self.field = fields[0][:MAX_WORD] if fields and fields[0] else None


def _objects(detail: dict[str, Any], name: str) -> list[dict[str, Any]]:
    listed = detail.get(name)
    return [each for each in listed[:32] if isinstance(each, dict)] if isinstance(listed, list) else []


def _meaning(word: str, text: str, details: _Details) -> _Meaning:
    if details.reason in _BAD_KEY_REASONS or (
        word in {"INVALID_ARGUMENT", "PERMISSION_DENIED"} and _BAD_KEY.search(text)
    ):
        return _BY_WORD["UNAUTHENTICATED"]
    if word == "INVALID_ARGUMENT" and _TOO_LONG.search(text):
        return Kind.CONTEXT_LENGTH, Executed.NO, Scope.MODEL
    if word == "RESOURCE_EXHAUSTED" and (any("PerDay" in quota for quota in details.quotas) or _NO_MONEY.search(text)):
        return Kind.QUOTA, Executed.NO, Scope.KEY
    if word in {"NOT_FOUND", "PERMISSION_DENIED"} and _NOT_THE_MODEL.search(text):
        return _BY_WORD["INVALID_ARGUMENT"]
    return _BY_WORD[word]


def _word_of(status: int) -> str:
    """Google's word for an HTTP status, for every status."""
    return _WORD_OF.get(status) or ("INVALID_ARGUMENT" if _LOWEST_ERROR <= status < 500 else "INTERNAL")  # noqa: PLR2004


def _foreign(status: int) -> Failure:
    """A body that is not Google's: the status says something only where it cannot be a stranger's."""
    kind, executed, scope = _BY_WORD[_word_of(status)]
    if kind in {Kind.INVALID_REQUEST, Kind.MODEL_MISSING, Kind.UNSUPPORTED} or status < _LOWEST_ERROR:
        kind, executed, scope = Kind.BAD_RESPONSE, Executed.UNKNOWN, Scope.PROVIDER
    message = f"HTTP {status} with a body that is not in Google's format (is base_url right?)"
    return Failure(kind, message, executed=executed, scope=scope, status=status)


def write_error(error: CallFailed, told: Mapping[str, object]) -> bytes:
    """An error in Google's shape: the SDK reads `code`, `message` and `status`."""
    word, reason = _word_of(error.status), error.code
    if isinstance(error, ProviderFailed) and error.failure.kind in _THE_CALLERS:
        if error.failure.vendor_type in _BY_WORD:
            word = error.failure.vendor_type
        reason = error.failure.vendor_code or reason
    details: list[dict[str, object]] = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason.upper(), "domain": "segue"}
    ]
    if error.param:
        violation = {"field": error.param, "description": error.message}
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]})
    if error.retry_after is not None:
        delay = f"{max(error.retry_after, 0.0):.3f}".rstrip("0").rstrip(".")
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{delay}s"})
    return msgspec.json.encode(
        {
            "error": {"code": error.status, "message": error.message, "status": word, "details": details},
            "segue": told,
        }
    )


def error_event(failure: Failure) -> bytes:
    """The error object that ends a stream, for which the SDK raises."""
    status = failure.treatment.status
    message = f"the answer broke off: {failure.message}"
    return msgspec.json.encode({"error": {"code": status, "message": message, "status": _word_of(status)}})
