"""Most outages are answers: an error, the wrong document, or an error dressed as success. These are those kinds."""

from typing import Annotated, Final, Literal

import msgspec

from segue.simulator.faults.kinds import Kind, Options, Situation, document_instead, retold
from segue.simulator.script import Head, Script, Step

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
    """

    code: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    error: str | int | None = None
    message: str | None = None
    retry_after: str | int | float | None = None


def _status(_script: Script, options: StatusOptions, situation: Situation) -> Script:
    code = 503 if options.code is None and options.error is None else options.code
    error = None if options.error is None else str(options.error)
    failure = situation.vendor.failure(situation.exchange, code, error, options.message)
    if options.retry_after is None:
        return failure
    # A line break inside a header would end it, so it is the one thing that cannot be rendered as given.
    value = " ".join(str(options.retry_after).splitlines())
    steps: tuple[Step, ...] = tuple(
        Head(step.status, (*step.headers, ("Retry-After", value)), step.length) if isinstance(step, Head) else step
        for step in failure.steps
    )
    return retold(failure, steps)


class ErrorInsideOptions(Options, frozen=True):
    """An error body that comes with status 200; `code`, `error` and `message` choose it as for `status`."""

    code: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    error: str | int | None = None
    message: str | None = None


def _error_in_200(script: Script, options: ErrorInsideOptions, situation: Situation) -> Script:
    chosen = StatusOptions(code=options.code, error=options.error, message=options.message)
    failure = _status(script, chosen, situation)
    steps: tuple[Step, ...] = tuple(
        Head(200, step.headers, step.length) if isinstance(step, Head) else step for step in failure.steps
    )
    return retold(failure, steps)


def _empty_body(script: Script, _options: Options, _situation: Situation) -> Script:
    return document_instead(script, b"")


class HtmlOptions(Options, frozen=True):
    """A web page from something in front of the vendor; `status` is 200..599."""

    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200


def _html(script: Script, options: HtmlOptions, _situation: Situation) -> Script:
    return document_instead(script, _HTML, "text/html; charset=utf-8", options.status)


class WrongTypeOptions(Options, frozen=True):
    """A wrong type: of the content (`header`: the right body labelled text/plain), or of the fields (`body`)."""

    part: Literal["header", "body"] = "header"


def _wrong_type(script: Script, options: WrongTypeOptions, _situation: Situation) -> Script:
    if options.part == "body":
        # Every field that the vendors document as an object, an array or a number is a string here.
        fields = ("id", "object", "choices", "usage", "created", "main", "weather", "cod", "current", "location")
        return document_instead(script, msgspec.json.encode(dict.fromkeys(fields, "wrong")), "application/json")
    steps: tuple[Step, ...] = tuple(
        Head(
            step.status,
            (
                *(pair for pair in step.headers if pair[0].lower() != "content-type"),
                ("Content-Type", "text/plain; charset=utf-8"),
            ),
            step.length,
        )
        if isinstance(step, Head)
        else step
        for step in script.steps
    )
    return retold(script, steps)


STATUS: Final = Kind("status", StatusOptions, _status)
ERROR_IN_200: Final = Kind("error_in_200", ErrorInsideOptions, _error_in_200)
EMPTY_BODY: Final = Kind("empty_body", Options, _empty_body, "success")
HTML: Final = Kind("html", HtmlOptions, _html)
WRONG_TYPE: Final = Kind("wrong_type", WrongTypeOptions, _wrong_type, "success")
