"""The outcomes that many faults share, under the policy that all of them are tested with."""

from typing import Any, Final

from faults.expected import Answer, Expected, Pair, breaks, failed, good, over, stops, waited
from segue.core.failure import Kind

POLICY: Final[dict[str, Any]] = {
    "retries": 1,
    "deadline": "10s",
    "timeouts": {
        "connect": "500ms",
        "total": "2s",
        "first_byte": "1s",
        "first_content": "1500ms",
        "idle": "3s",
        "stream": "4s",
    },
}
CONNECT, TOTAL, FIRST_BYTE, FIRST_CONTENT, IDLE, STREAM = 0.5, 2.0, 1.0, 1.5, 3.0, 4.0

FINE: Final = good()
NO_USAGE: Final = good(usage=False)

SERVER: Final = over(Kind.SERVER_ERROR, 502, tries=2)
BUSY: Final = over(Kind.OVERLOADED, 503, tries=2)
LOST: Final = over(Kind.CONNECTION_LOST, 502, tries=2)
UNREACHED: Final = over(Kind.CONNECT, 502, tries=2, seen=0)
BAD: Final = over(Kind.BAD_RESPONSE, 502)
CUT_EARLY: Final = over(Kind.STREAM_CUT, 502)
SILENT: Final = over(Kind.TIMEOUT, 504, takes=TOTAL)
SILENT_STREAM: Final = over(Kind.TIMEOUT, 504, takes=FIRST_BYTE)
NO_CONTENT: Final = over(Kind.TIMEOUT, 504, takes=FIRST_CONTENT)
KEY: Final = over(Kind.AUTH, 502)
PLAN: Final = over(Kind.PERMISSION, 502)
NO_MODEL: Final = over(Kind.MODEL_MISSING, 404, code="model_not_found")
NO_MONEY: Final = over(Kind.QUOTA, 429, code="insufficient_quota")
TOO_LONG: Final = over(Kind.CONTEXT_LENGTH, 400, code="context_length_exceeded")
ERROR_LATER: Final = breaks(3, Kind.SERVER_ERROR)
REFUSED: Final = stops(Kind.CONTENT_FILTER, 400, "content_filter")

PACED: Final = (("pace", {"first_token_delay": 0.02, "token_delay": 0.02}),)
"""Words come one by one, so that what comes before a fault is on its way to the caller when it strikes."""
MERGED: Final = (("merge", {"events": 1000}),)
"""Everything comes in one segment: what is known to be broken then has not been shown to anybody."""
NO_HINT: Final = (("headers", {"remove": ["x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"]}),)
"""Without the headers by which a vendor tells when its limit is reset."""
RESET: Final = 0.12
"""Seconds that they tell otherwise."""


def limited(seconds: float, told: str | None = None) -> Pair:
    """Too fast, for longer than one pause of so many seconds."""
    return waited(failed(Kind.RATE_LIMITED, 429, "rate_limit_exceeded", told), Kind.RATE_LIMITED, seconds)


def not_waited(told: str) -> Pair:
    """A pause that is too long to be waited for: the caller is told of it."""
    return Pair(
        Expected(failed(Kind.RATE_LIMITED, 429, "rate_limit_exceeded", told), kind=Kind.RATE_LIMITED),
        Expected(Answer("backup"), 1, 1, Kind.RATE_LIMITED),
    )


def recovers(kind: Kind) -> Pair:
    """The second attempt at the primary succeeds."""
    expected = Expected(Answer(), 2, kind=kind)
    return Pair(expected, expected)
