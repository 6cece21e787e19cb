"""What Yandex's errors mean.

A gateway of gRPC writes them, in several shapes: `{"error": {"grpcCode", "httpCode", "message", "httpStatus"}}`, and
`{"error": "…", "code", "message"}`. The code of gRPC says more than HTTP's: https://grpc.io/docs/guides/status-codes/
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.foreign import Verdict, by_status, unreadable
from segue.families.llm.formats.openai_errors import MAX_WORD, redact

_BY_CODE: Final[Mapping[int, Verdict]] = {
    1: (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),  # CANCELLED
    3: (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),  # INVALID_ARGUMENT
    4: (Kind.TIMEOUT, Executed.UNKNOWN, Scope.MODEL),  # DEADLINE_EXCEEDED
    5: (Kind.MODEL_MISSING, Executed.NO, Scope.MODEL),  # NOT_FOUND
    7: (Kind.PERMISSION, Executed.NO, Scope.KEY),  # PERMISSION_DENIED
    8: (Kind.RATE_LIMITED, Executed.NO, Scope.KEY),  # RESOURCE_EXHAUSTED
    9: (Kind.PERMISSION, Executed.NO, Scope.KEY),  # FAILED_PRECONDITION: a folder or a billing account
    11: (Kind.INVALID_REQUEST, Executed.NO, Scope.REQUEST),  # OUT_OF_RANGE
    12: (Kind.UNSUPPORTED, Executed.NO, Scope.MODEL),  # UNIMPLEMENTED
    13: (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER),  # INTERNAL
    14: (Kind.OVERLOADED, Executed.NO, Scope.PROVIDER),  # UNAVAILABLE
    16: (Kind.AUTH, Executed.NO, Scope.KEY),  # UNAUTHENTICATED
}
_TOO_LONG: Final = re.compile(r"number of (?:input )?tokens must be|context length|too many tokens", re.IGNORECASE)
_GOT: Final = re.compile(r"got (\d{3,9})")
_NO_MODEL: Final = re.compile(r"model uri|unknown model|model .{0,80}not found", re.IGNORECASE)
_PER_DAY: Final = re.compile(r"per ?day|daily", re.IGNORECASE)
_NO_MONEY: Final = re.compile(r"billing", re.IGNORECASE)
_NONE: Final[Verdict] = (Kind.SERVER_ERROR, Executed.UNKNOWN, Scope.PROVIDER)


def read_error(status: int, body: bytes, secret: str) -> Failure:
    """The failure behind an answer that is none."""
    error = _error_of(body)
    return unreadable(status, "Yandex") if error is None else _failure(error, status, secret)


def read_line_error(line: bytes) -> Failure | None:
    """The failure that a line of a stream reports under status 200; `None` if it reports none."""
    error = _error_of(line)
    return None if error is None else _failure(error, None, "")


def _error_of(body: bytes) -> dict[str, Any] | None:
    """The object of a body that has the code and the message; `None` where there is none."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(decoded, dict):
        return None
    error = decoded.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {"message": error, **decoded}
    return decoded if "message" in decoded else None


def _failure(error: dict[str, Any], status: int | None, secret: str) -> Failure:
    code = _number(error.get("grpcCode"))
    if code is None:
        code = _number(error.get("code"))
    message = error.get("message")
    message = message if isinstance(message, str) else ""
    told_status = _number(error.get("httpCode")) or status
    verdict = _BY_CODE.get(code) if code is not None else None
    if verdict is None:
        verdict = by_status(told_status) if told_status is not None else _NONE
    kind, executed, scope = _refined(verdict, message)
    word = error.get("httpStatus")
    got = _GOT.search(message) if kind is Kind.CONTEXT_LENGTH else None
    return Failure(
        kind,
        redact(message or f"HTTP {status} without a message", secret),
        executed=executed,
        scope=scope,
        needs=f"context:{got[1]}" if got else None,
        status=status,
        vendor_type=redact(word, secret)[:MAX_WORD] if isinstance(word, str) else None,
        vendor_code=str(code) if code is not None else None,
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _refined(verdict: Verdict, message: str) -> Verdict:
    kind = verdict[0]
    if kind is Kind.INVALID_REQUEST:
        if _TOO_LONG.search(message):
            return Kind.CONTEXT_LENGTH, Executed.NO, Scope.MODEL
        if _NO_MODEL.search(message):
            return Kind.MODEL_MISSING, Executed.NO, Scope.MODEL
    elif (kind is Kind.RATE_LIMITED and _PER_DAY.search(message)) or (
        kind is Kind.PERMISSION and _NO_MONEY.search(message)
    ):
        return Kind.QUOTA, Executed.NO, Scope.KEY
    return verdict
