"""Most outages are answers: an error, the wrong document, or an error dressed as success. These are those kinds."""

import time
from email.utils import formatdate
from typing import Annotated, Final, Literal

import msgspec

from segue.simulator.faults.kinds import (
    ErrorStatus,
    HeaderValues,
    Kind,
    Options,
    Situation,
    check_headers,
    document_instead,
    header_pairs,
    with_headers,
)
from segue.simulator.script import Head, Script, Send

_HTML: Final = (
    b"<!DOCTYPE html>\n<html><head><title>Please wait</title></head>"
    b"<body><h1>We are checking your connection</h1></body></html>\n"
)


class StatusOptions(Options, frozen=True):
    """The vendor's own error.

    Attributes:
        code: The HTTP status, 400..599. Left out, it is that of `error`, or 503.
        error: The vendor's own code, such as `insufficient_quota` (OpenAI) or 2007 (WeatherAPI.com).
        message: Replaces the vendor's text.
        retry_after: Sent as the header Retry-After exactly as given: seconds, a date, or nonsense.
        retry_after_ms: Sent as the header retry-after-ms exactly as given.
        retry_after_date: Sends Retry-After as the HTTP date so many seconds from now; below zero it is past.
        headers: Further headers, exactly as given.
    """

    code: ErrorStatus | None = None
    error: str | int | None = None
    message: str | None = None
    retry_after: str | int | float | None = None
    retry_after_ms: str | int | float | None = None
    retry_after_date: Annotated[float, msgspec.Meta(ge=-1e9, le=1e9)] | None = None
    headers: HeaderValues = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_headers(self.headers)


def failure(options: "StatusOptions | ErrorInsideOptions", situation: Situation) -> Script:
    """The vendor's own error as the options describe it, without further headers."""
    code = 503 if options.code is None and options.error is None else options.code
    error = None if options.error is None else str(options.error)
    return situation.vendor.failure(situation.exchange, code, error, options.message)


def _status(_script: Script, options: StatusOptions, situation: Situation) -> Script:
    extra: dict[str, str] = {}
    if options.retry_after_date is not None:
        extra["Retry-After"] = formatdate(time.time() + options.retry_after_date, usegmt=True)
    if options.retry_after is not None:
        extra["Retry-After"] = str(options.retry_after)
    if options.retry_after_ms is not None:
        extra["retry-after-ms"] = str(options.retry_after_ms)
    extra |= options.headers
    return with_headers(failure(options, situation), header_pairs(extra), frozenset(name.lower() for name in extra))


class ErrorInsideOptions(Options, frozen=True):
    """An error body that comes with status 200; `code`, `error` and `message` choose it as for `status`.

    `form` is `vendor`, or `text` for `{"error": "text"}`, as many smaller vendors have it.
    """

    code: ErrorStatus | None = None
    error: str | int | None = None
    message: str | None = None
    form: Literal["vendor", "text"] = "vendor"


def error_body(script: Script, form: Literal["vendor", "text"], message: str | None) -> bytes:
    """The body of a refusal in the vendor's own form, or as a bare text."""
    if form == "text":
        return msgspec.json.encode({"error": message or "The model is not available."})
    return b"".join(step.data for step in script.steps if isinstance(step, Send))


def _error_in_200(_script: Script, options: ErrorInsideOptions, situation: Situation) -> Script:
    refused = failure(options, situation)
    return document_instead(refused, error_body(refused, options.form, options.message), None, 200)


class EmptyOptions(Options, frozen=True):
    """An answer without a body; `status` is 200..599."""

    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200


def _empty_body(script: Script, options: EmptyOptions, _situation: Situation) -> Script:
    return document_instead(script, b"", None, options.status)


class HtmlOptions(Options, frozen=True):
    """A web page from something in front of the vendor; `status` is 200..599."""

    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200


def _html(script: Script, options: HtmlOptions, _situation: Situation) -> Script:
    return document_instead(script, _HTML, "text/html; charset=utf-8", options.status)


class WrongTypeOptions(Options, frozen=True):
    """A wrong type: of the content (`header`: the right body under another label), or of the fields (`body`)."""

    part: Literal["header", "body"] = "header"
    content_type: str = "text/plain; charset=utf-8"


def _wrong_type(script: Script, options: WrongTypeOptions, _situation: Situation) -> Script:
    if options.part == "body":
        # Every field that the vendors document as an object, an array or a number is a string here.
        fields = ("id", "object", "choices", "usage", "created", "main", "weather", "cod", "current", "location")
        return document_instead(script, msgspec.json.encode(dict.fromkeys(fields, "wrong")), "application/json")
    return with_headers(script, header_pairs({"Content-Type": options.content_type}), frozenset({"content-type"}))


def _half_json(script: Script, _options: Options, _situation: Situation) -> Script:
    body = b"".join(step.data for step in script.steps if isinstance(step, Send))
    return document_instead(script, body[: len(body) // 2])


class RedirectOptions(Options, frozen=True):
    """A redirect: `code` is 301, 302, 303, 307 or 308; `location` is sent as given."""

    code: Literal[301, 302, 303, 307, 308] = 307
    location: str = "https://moved.invalid/"


def _redirect(_script: Script, options: RedirectOptions, _situation: Situation) -> Script:
    headers = header_pairs({"Content-Type": "text/html; charset=utf-8", "Location": options.location})
    return Script((Head(options.code, headers, 0),))


class HeadersOptions(Options, frozen=True):
    """Headers to add (those of the same name are replaced) and names of headers to take away."""

    headers: HeaderValues = msgspec.field(default_factory=dict)
    remove: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_headers((*self.headers, *self.remove))


def _headers(script: Script, options: HeadersOptions, _situation: Situation) -> Script:
    without = frozenset(name.lower() for name in (*options.headers, *options.remove))
    return with_headers(script, header_pairs(options.headers), without)


STATUS: Final = Kind(
    name="status",
    summary="The vendor's own error: `error` is the vendor's code, the headers are sent exactly as given.",
    options=StatusOptions,
    rewrite=_status,
)
ERROR_IN_200: Final = Kind(
    name="error_in_200",
    summary='The same error body with status 200, in the vendor\'s form or as `{"error": "text"}`.',
    options=ErrorInsideOptions,
    rewrite=_error_in_200,
)
EMPTY_BODY: Final = Kind(
    name="empty_body", summary="No body at all.", options=EmptyOptions, rewrite=_empty_body, scope="success"
)
HTML: Final = Kind(
    name="html", summary="A web page of something in front of the vendor.", options=HtmlOptions, rewrite=_html
)
WRONG_TYPE: Final = Kind(
    name="wrong_type",
    summary="The right body under another content type, or fields of the wrong types.",
    options=WrongTypeOptions,
    rewrite=_wrong_type,
    scope="success",
)
HALF_JSON: Final = Kind(
    name="half_json",
    summary="A whole answer whose JSON ends in the middle, with a length that is true.",
    options=Options,
    rewrite=_half_json,
    scope="document",
)
REDIRECT: Final = Kind(
    name="redirect", summary="A redirect to another address.", options=RedirectOptions, rewrite=_redirect
)
HEADERS: Final = Kind(
    name="headers",
    summary="The same answer with further or fewer headers.",
    options=HeadersOptions,
    rewrite=_headers,
    stage="shape",
    example={"headers": {"x-extra": "yes"}},
)
