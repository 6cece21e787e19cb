"""Every fault that the simulator knows, and what a caller of Segue gets when it strikes: for the page and the tests.

The numbers follow from `POLICY`: one retry, and limits of a second or two.
"""

from typing import Any, Final

from faults.expected import Answer, Expected, Pair, Row, breaks, failed, good, over, stops, waited
from faults.outcomes import (
    BAD,
    BUSY,
    CONNECT,
    CUT_EARLY,
    ERROR_LATER,
    FINE,
    FIRST_BYTE,
    IDLE,
    KEY,
    LOST,
    MERGED,
    NO_CONTENT,
    NO_HINT,
    NO_MODEL,
    NO_MONEY,
    NO_USAGE,
    PACED,
    PLAN,
    REFUSED,
    RESET,
    SERVER,
    SILENT,
    SILENT_STREAM,
    STREAM,
    TOO_LONG,
    TOTAL,
    UNREACHED,
    limited,
    not_waited,
    recovers,
)
from segue.core.failure import Kind


def row(name: str, kind: str, plain: Pair, stream: Pair | None = None, /, **options: Any) -> Row:
    """A row; without `stream` the same holds for both."""
    settings = {key: options.pop(key) for key in ("also", "own_port", "heavy", "used_up") if key in options}
    return Row(name, kind, plain, plain if stream is None else stream, options, **settings)


STATUSES: Final = (
    row("status 400", "status", stops(Kind.INVALID_REQUEST, 400, "invalid_request"), code=400),
    row("status 401", "status", KEY, code=401),
    row("status 402", "status", NO_MONEY, code=402),
    row("status 403", "status", PLAN, code=403),
    row("status 404", "status", NO_MODEL, code=404),
    row("status 404, a word of its own", "status", over(Kind.MODEL_MISSING, 404, code="gone"), code=404, error="gone"),
    row("status 405", "status", BAD, code=405),
    row("status 408", "status", SERVER, code=408),
    row("status 409", "status", BUSY, code=409),
    row("status 413", "status", stops(Kind.INVALID_REQUEST, 413, "invalid_request"), code=413),
    row("status 422", "status", stops(Kind.INVALID_REQUEST, 422, "invalid_request"), code=422),
    row("status 500", "status", SERVER, code=500),
    row("status 500, once", "status", recovers(Kind.SERVER_ERROR), code=500, times=1),
    row(
        "status 500, `x-should-retry: false`", "status", over(Kind.SERVER_ERROR, 502),
        code=500, headers={"x-should-retry": "false"},
    ),
    row("status 502", "status", SERVER, code=502),
    row("status 503", "status", BUSY, code=503),
    row(
        "status 503, Retry-After 1, once", "status", waited(Answer(), Kind.OVERLOADED, 1.0),
        code=503, retry_after=1, times=1,
    ),
    row(
        "status 503, Retry-After 30", "status",
        Pair(
            Expected(failed(Kind.OVERLOADED, 503, None, "30"), kind=Kind.OVERLOADED),
            Expected(Answer("backup"), 1, 1, Kind.OVERLOADED),
        ),
        code=503, retry_after=30,
    ),
    row("status 504", "status", SERVER, code=504),
    row("status 520", "status", SERVER, code=520),
    row("status 529", "status", BUSY, code=529),
    row("status 400, `invalid_api_key`", "status", KEY, code=400, error="invalid_api_key"),
    row("`insufficient_quota`", "status", NO_MONEY, error="insufficient_quota"),
    row("`context_length_exceeded`", "status", TOO_LONG, error="context_length_exceeded"),
    row("`content_filter`", "status", REFUSED, error="content_filter"),
)  # fmt: skip

LIMITS: Final = (
    row("status 429", "status", limited(RESET, "1"), code=429),
    row("status 429, once", "status", waited(Answer(), Kind.RATE_LIMITED, RESET), code=429, times=1),
    row("status 429, without any hint", "status", limited(0.5), code=429, also=NO_HINT),
    row("status 429, without any hint, once", "status", waited(Answer(), Kind.RATE_LIMITED, 0.5), code=429, times=1,
        also=(("headers", {**NO_HINT[0][1], "times": 1}),)),
    row("status 429, Retry-After 0", "status", limited(0.0, "0"), code=429, retry_after=0),
    row("status 429, Retry-After 1", "status", limited(1.0, "1"), code=429, retry_after=1),
    row(
        "status 429, Retry-After 1, once", "status", waited(Answer(), Kind.RATE_LIMITED, 1.0),
        code=429, retry_after=1, times=1,
    ),
    row("status 429, Retry-After 30, later than the deadline", "status", not_waited("30"), code=429, retry_after=30),
    row("status 429, Retry-After a year", "status", not_waited("86400"), code=429, retry_after=31_536_000),
    row("status 429, Retry-After without end", "status", not_waited("86400"), code=429, retry_after="9" * 40),
    row("status 429, Retry-After a date", "status", limited(1.0, "some"), code=429, retry_after_date=2),
    row("status 429, Retry-After a past date", "status", limited(0.0, "0"), code=429, retry_after_date=-1000),
    row("status 429, Retry-After garbage", "status", limited(0.5), code=429, retry_after="soon", also=NO_HINT),
    row("status 429, Retry-After negative", "status", limited(0.5), code=429, retry_after=-5, also=NO_HINT),
    row("status 429, retry-after-ms 300", "status", limited(0.3, "1"), code=429, retry_after_ms=300),
    row("concurrency, all seats taken", "concurrency", limited(RESET, "1"), limit=0),
    row("concurrency, a seat is free", "concurrency", FINE, limit=1),
    row("rate limit, not reached", "rate_limit", FINE, requests=5),
    row(
        "rate limit, used up for a second", "rate_limit", waited(Answer(), Kind.RATE_LIMITED, 0.7),
        requests=1, used_up=1,
    ),
)  # fmt: skip

ANSWERS: Final = (
    row("error in 200", "error_in_200", SERVER, code=500),
    row("error in 200, a bare text", "error_in_200", SERVER, form="text"),
    row("error in 200, `rate_limit_exceeded`", "error_in_200", limited(RESET, "1"), error="rate_limit_exceeded"),
    row("error in 200, `context_length_exceeded`", "error_in_200", TOO_LONG, error="context_length_exceeded"),
    row("error in 200, `content_filter`", "error_in_200", REFUSED, error="content_filter"),
    row("error in 200, `invalid_api_key`", "error_in_200", KEY, error="invalid_api_key"),
    row("empty body", "empty_body", BAD, CUT_EARLY),
    row("empty body, status 204", "empty_body", BAD, status=204),
    row("empty body, status 500", "empty_body", SERVER, status=500),
    row("HTML, status 200", "html", BAD),
    row("HTML, status 403", "html", PLAN, status=403),
    row("HTML, status 404", "html", BAD, status=404),
    row("HTML, status 502", "html", SERVER, status=502),
    row("HTML, status 503", "html", BUSY, status=503),
    row("wrong content type", "wrong_type", FINE, BAD),
    row("wrong types of fields", "wrong_type", BAD, part="body"),
    row("half a JSON", "half_json", BAD, FINE),
    row("redirect 307", "redirect", BAD, location="/elsewhere/v1/chat/completions"),
    row("redirect 301", "redirect", BAD, code=301, location="/elsewhere/v1/chat/completions"),
    row("redirect 303", "redirect", BAD, code=303, location="/elsewhere/v1/chat/completions"),
    row("further headers", "headers", FINE, headers={"x-extra": "yes", "set-cookie": "a=b"}),
    row("no content type", "headers", FINE, BAD, remove=["content-type"]),
)  # fmt: skip

CONNECTIONS: Final = (
    row("reset before an answer", "refuse", LOST),
    row("reset before an answer, once", "refuse", recovers(Kind.CONNECTION_LOST), times=1),
    row("connection refused", "refuse_connect", UNREACHED, own_port=True),
    row(
        "connected, never accepted", "no_accept",
        over(Kind.TIMEOUT, 504, seen=0, takes=TOTAL), over(Kind.TIMEOUT, 504, seen=0, takes=FIRST_BYTE), own_port=True,
    ),
    row(
        "connecting hangs", "no_accept", over(Kind.CONNECT, 502, seen=0, takes=CONNECT), own_port=True, queue="full"
    ),
    row("outage, connections reset", "down", LOST),
    row("outage, port closed", "down", UNREACHED, own_port=True, listener="closed"),
    row("silence", "silence", SILENT, SILENT_STREAM),
    row("reset after 0 bytes of the body", "reset_after", LOST, CUT_EARLY, bytes=0),
    row("reset after 20 bytes of the body", "reset_after", LOST, CUT_EARLY, bytes=20),
    row("reset after 1,000 bytes of the body", "reset_after", FINE, breaks(None), bytes=1000),
    row("body shorter than announced", "short_body", LOST, FINE),
    row("body shorter than announced, then a reset", "short_body", LOST, FINE, reset=True),
)  # fmt: skip

TIMES: Final = (
    row("latency 50 ms", "latency", FINE, seconds=0.05),
    row("latency of a minute", "latency", SILENT, SILENT_STREAM, seconds=60),
    row("slow headers", "slow_headers", SILENT, SILENT_STREAM, seconds=60),
    row("slow first token", "slow_first_token", SILENT, NO_CONTENT, seconds=60),
    row("first token just in time", "slow_first_token", FINE, seconds=0.3),
    row("a slow pace", "pace", FINE, first_token_delay=0.05, token_delay=0.02),
    row("trickle of bytes, in time", "trickle", FINE, bytes=40, every=0.001),
    row("trickle of headers", "trickle", SILENT, SILENT_STREAM, part="headers", every=0.2),
    row("trickle of the body", "trickle", SILENT, NO_CONTENT, part="body", every=0.2),
)

STREAMS: Final = (
    row("stall before content", "stall", SILENT, NO_CONTENT, after=0),
    row("stall after 3 words", "stall", SILENT, breaks(3, takes=IDLE), after=3),
    row("cut before content, reset", "cut", LOST, CUT_EARLY, after=0),
    row("cut before content, closed", "cut", LOST, CUT_EARLY, after=0, reset=False),
    row("cut after 3 words, reset", "cut", LOST, breaks(3), after=3),
    row("cut after 3 words, closed", "cut", LOST, breaks(3), after=3, reset=False),
    row(
        "cut after 3 words, closed, once", "cut", recovers(Kind.CONNECTION_LOST), breaks(3),
        after=3, reset=False, times=1,
    ),
    row("cut after all words, before the finish reason", "cut", LOST, breaks(12), after=12, reset=False),
    row("no `[DONE]`, ended after the finish reason", "end_without_done", FINE),
    row("no `[DONE]`, ended before the finish reason", "end_without_done", FINE, breaks(12), variant="before_finish"),
    row(
        "no `[DONE]`, ended after 3 words", "end_without_done", FINE, breaks(3), variant="before_finish", after=3
    ),
    row("no `[DONE]`, ended before content", "end_without_done", FINE, CUT_EARLY, variant="before_finish", after=0),
    row("no `[DONE]`, left open after the finish reason", "end_without_done", FINE, variant="open"),
    row(
        "no `[DONE]` and no usage, left open after the finish reason", "end_without_done", NO_USAGE,
        variant="open", also=(("usage", {}),),
    ),
    row("half an event before content", "malformed", BAD, CUT_EARLY, event=1),
    row("half an event, the first word", "malformed", BAD, CUT_EARLY, event=2),
    row("half an event after 3 words", "malformed", BAD, breaks(3), event=5, also=PACED),
    row("half a finish event", "malformed", BAD, breaks(12), event=14, also=PACED),
    row("half a usage event", "malformed", BAD, NO_USAGE, event=15, also=PACED),
    row("garbage before content", "malformed", BAD, FINE, event=2, variant="garbage"),
    row("garbage after 3 words", "malformed", BAD, FINE, event=5, variant="garbage", also=PACED),
    row("foreign text before content", "malformed", BAD, FINE, event=2, variant="text"),
    row("foreign text after 3 words", "malformed", BAD, FINE, event=5, variant="text"),
    row("error event before content", "error_event", FINE, SERVER),
    row("error event before content, named", "error_event", FINE, SERVER, named=True),
    row("error event before content, a bare text", "error_event", FINE, SERVER, form="text"),
    row("error event before content, then `[DONE]`", "error_event", FINE, SERVER, then="done"),
    row("error event before content, connection left open", "error_event", FINE, SERVER, then="open"),
    row(
        "error event before content, `rate_limit_exceeded`", "error_event", FINE, limited(0.5),
        error="rate_limit_exceeded",
    ),
    row(
        "error event before content, `context_length_exceeded`", "error_event", FINE, TOO_LONG,
        error="context_length_exceeded",
    ),
    row("error event before content, `content_filter`", "error_event", FINE, REFUSED, error="content_filter"),
    row("error event after 3 words", "error_event", FINE, ERROR_LATER, after=3, also=PACED),
    row("error event after 3 words, named", "error_event", FINE, ERROR_LATER, after=3, also=PACED, named=True),
    row("error event after 3 words, a bare text", "error_event", FINE, ERROR_LATER, after=3, also=PACED, form="text"),
    row(
        "error event after 3 words, then `[DONE]`", "error_event", FINE, ERROR_LATER,
        after=3, also=PACED, then="done",
    ),
    row(
        "error event after 3 words, then a reset", "error_event", FINE, ERROR_LATER,
        after=3, also=PACED, then="reset",
    ),
    row(
        "error event after 3 words, connection left open", "error_event", FINE, ERROR_LATER,
        after=3, also=PACED, then="open",
    ),
    row(
        "error event after 3 words, `rate_limit_exceeded`", "error_event", FINE, breaks(3, Kind.RATE_LIMITED),
        after=3, also=PACED, error="rate_limit_exceeded",
    ),
    row(
        "error event after 3 words, `content_filter`", "error_event", FINE, breaks(3, Kind.CONTENT_FILTER),
        after=3, also=PACED, error="content_filter",
    ),
    row("error event after 3 words, all in one segment", "error_event", FINE, SERVER, after=3, also=MERGED),
    row("half an event after 3 words, all in one segment", "malformed", BAD, CUT_EARLY, event=5, also=MERGED),
    row(
        "finish reason `content_filter`", "finish_reason",
        good(finish="content_filter"), good(finish="content_filter", words=3),
    ),
    row(
        "finish reason `length`", "finish_reason", good(finish="length"), good(finish="length", words=3),
        reason="length",
    ),
)  # fmt: skip

FORMS: Final = (
    row("an event twice", "duplicate_event", FINE, good(twice=2)),
    row("no usage", "usage", NO_USAGE),
    row("usage null", "usage", NO_USAGE, variant="null"),
    row("usage in the last content event", "usage", FINE, variant="in_last_content"),
    row("usage in the finish event", "usage", FINE, variant="in_finish"),
    row("events without choices", "empty_choices", FINE),
    row("comments", "comments", FINE),
    row("events of an unknown type", "unknown_events", FINE),
    row("events of an unknown type, not JSON", "unknown_events", FINE, data="keep alive"),
    row("lines end in CRLF", "line_endings", FINE),
    row("lines end in CR", "line_endings", FINE, ending="cr"),
    row("byte order mark", "byte_order_mark", FINE),
    row("three events in one segment", "merge", FINE),
    row("all events in one segment", "merge", FINE, events=1000),
    row("segments of one byte", "split", FINE, heavy=True),
    row("segments of random sizes", "split", FINE, bytes=200, random=True, heavy=True),
)

HTTP: Final = (
    *(
        row(f"malformed HTTP, `{variant}`", "malformed_http", BAD, variant=variant)
        for variant in ("status_line", "version", "header", "content_length", "negative_length", "both_lengths", "tls")
    ),
    row("malformed HTTP, `chunk_size`", "malformed_http", BAD, variant="chunk_size"),
    row("headers without end", "endless_headers", BAD, heavy=True),
    row("headers without end, slowly", "endless_headers", SILENT, SILENT_STREAM, every=0.2),
    row("large headers, 32 KiB", "large_headers", FINE, bytes=32_768),
    row("large headers, 1 MiB", "large_headers", BAD, bytes=1 << 20),
    row("one large header, 1 MiB", "large_headers", BAD, bytes=1 << 20, variant="one"),
    row("early refusal 413, closed", "early_response", stops(Kind.INVALID_REQUEST, 413, "invalid_request")),
    row(
        "early refusal 413, read on", "early_response", stops(Kind.INVALID_REQUEST, 413, "invalid_request"), then="read"
    ),
    row(
        "early refusal 413, reset", "early_response", stops(Kind.INVALID_REQUEST, 413, "invalid_request"), then="reset"
    ),
    row("early refusal 503, closed", "early_response", BUSY, code=503),
    row("early refusal 503, reset", "early_response", BUSY, code=503, then="reset"),
    row("early hints (103)", "informational", FINE),
    row("100 Continue, unasked", "informational", FINE, code=100),
    row("102 Processing, 10 times", "informational", FINE, code=102, count=10),
    row("1,000 interim answers", "informational", BAD, count=1000),
)  # fmt: skip

VOLUMES: Final = (
    row("gzip", "gzip", FINE),
    row("gzip, unasked", "gzip", FINE, force=True),
    row("declared as gzip, plain", "wrong_gzip", BAD),
    row("gzip, ended in the middle", "wrong_gzip", BAD, breaks(6), variant="truncated"),
    row("gzip, damaged", "wrong_gzip", BAD, variant="corrupt"),
    row("gzip bomb, 1 GiB", "gzip_bomb", BAD, FINE, heavy=True),
    row("spaces without end", "endless_body", BAD, CUT_EARLY, variant="whitespace", heavy=True),
    row("spaces without end, slowly", "endless_body", SILENT, NO_CONTENT, variant="whitespace", every=0.2),
    row("events without end", "endless_body", SILENT, breaks(None, takes=STREAM), variant="events", every=0.02),
)

SECTIONS: Final = {
    "Errors by status": STATUSES,
    "Rate limits": LIMITS,
    "Answers that are none": ANSWERS,
    "Connections": CONNECTIONS,
    "Time": TIMES,
    "Streams": STREAMS,
    "Unusual forms of a right answer": FORMS,
    "HTTP": HTTP,
    "Size": VOLUMES,
}
ROWS: Final = tuple(row for section in SECTIONS.values() for row in section)
