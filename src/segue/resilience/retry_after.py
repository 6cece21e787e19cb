"""A provider that says when to come back says it in one of many ways, and sometimes it says nonsense.

Everything here is read from strangers: whatever comes, there is a number of seconds or there is none, and nothing is
raised. The number is what the provider said; it may be a year. Whoever waits by it sets a limit of its own.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

# No date and no number of seconds that means anything is longer; it bounds the work for a hostile header.
_LONGEST = 64

_NUMBER = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*", re.ASCII)
_RESET = re.compile(r"\s*(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+\.?\d*)s)?(?:(\d+\.?\d*)ms)?\s*", re.ASCII)
_RESET_UNITS = (3600.0, 60.0, 1.0, 0.001)
_METERS = ("requests", "tokens")


def parse_retry_after(headers: Mapping[str, str], wall_now: float) -> float | None:
    """Seconds after which the provider wants to be asked again; `None` when it does not say, or not sensibly.

    The first of these that makes sense decides: `retry-after-ms` and `x-ms-retry-after-ms` (milliseconds),
    `retry-after` (seconds, also with a fraction, or one of the three HTTP dates of RFC 9110, section 5.6.7), and for
    each meter of requests or tokens whose `x-ratelimit-remaining-…` is 0 the longest `x-ratelimit-reset-…`.

    A date is compared with the provider's own `date` when it sent one: its clock and ours may differ. A date in the
    past means now, 0. Numbers that are negative, infinite or none are passed over.

    Args:
        headers: the headers of the answer, their names in lower case.
        wall_now: seconds since 1970-01-01 UTC.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = _number(headers.get(name))
        if milliseconds is not None:
            return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None:
        return seconds
    then = _date(text)
    if then is not None:
        theirs = _date(headers.get("date"))
        return max(0.0, then - (wall_now if theirs is None else theirs))
    resets = (parse_reset(headers.get(f"x-ratelimit-reset-{meter}")) for meter in _METERS if _used_up(headers, meter))
    return max((reset for reset in resets if reset is not None), default=None)


def parse_reset(text: str | None) -> float | None:
    """Seconds until a meter is reset, from `1s`, `6m0s`, `1h2m3.5s` or `20ms`; `None` for anything else.

    A number without a unit is passed over: some vendors mean seconds by it, some a date.
    """
    found = _RESET.fullmatch(text) if text and len(text) <= _LONGEST else None
    if found is None or found.lastindex is None:
        return None
    seconds = sum(float(part) * unit for part, unit in zip(found.groups(), _RESET_UNITS, strict=True) if part)
    return seconds if math.isfinite(seconds) else None


def _used_up(headers: Mapping[str, str], meter: str) -> bool:
    return _number(headers.get(f"x-ratelimit-remaining-{meter}")) == 0


def _number(text: str | None) -> float | None:
    if not text or len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    return float(text)


def _date(text: str | None) -> float | None:
    """Seconds since 1970-01-01 UTC of an HTTP date."""
    if not text or len(text) > _LONGEST:
        return None
    try:
        date = parsedate_to_datetime(text)
        # The form of C's asctime names no zone; every HTTP date is in UTC.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
