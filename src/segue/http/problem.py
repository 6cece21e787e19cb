"""Errors of surfaces that have no vendor's shape: problem documents (RFC 9457)."""

from http import HTTPStatus

import msgspec

from segue.core.errors import CallFailed
from segue.families.llm.formats.chat.errors import error_body
from segue.http.exchange import Headers
from segue.http.results import error_headers, told

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
CONTENT = (b"content-type", b"application/problem+json")


def problem(error: CallFailed) -> tuple[int, bytes, Headers]:
    """Status, body and headers for an error."""
    body = {
        "type": "about:blank",
        "title": _PHRASES.get(error.status, "Error"),  # a vendor's own 4xx may be in no list
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "param": error.param,
        # OpenAI's SDK shows what stands here, and of a document without it nothing but the status.
        "error": error_body(error)["error"],
        "segue": told(error),
    }
    return error.status, msgspec.json.encode(body), [CONTENT, *error_headers(error)]
