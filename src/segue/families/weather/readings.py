"""From a vendor's readings to ours: units, moments, languages.

A wrong conversion is worse than no answer, because nobody notices. So each is one small function, tested by its
property and not by an example alone.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

EARLIEST = 946_684_800
"""2000-01-01 UTC, seconds since 1970: an earlier observation is a zero or a missing clock, not the weather."""

LATEST = 4_102_444_800
"""2100-01-01 UTC: a later one is in milliseconds."""

COLDEST, HOTTEST = -100.0, 70.0
"""Degrees Celsius beyond every record on earth (-89.2 and 56.7, World Meteorological Organization). Kelvin and most
of Fahrenheit lie outside, so a vendor that ignored the units asked for is caught."""


class Implausible(ValueError):
    """A reading without which there is no answer cannot be true; the message names it, not its value."""


def mps_from_kph(kph: float) -> float:
    """Metres per second from kilometres per hour, to the centimetre (vendors tell tenths of km/h: 2.8 cm/s)."""
    return round(kph / 3.6, 2)


def metres_from_km(kilometres: float) -> float:
    """Metres from kilometres, to the metre (vendors tell tenths of a kilometre)."""
    return round(kilometres * 1000.0, 0)


def within(value: float | None, low: float, high: float) -> float | None:
    """The value, or `None` when it lies outside what is physically possible: not told is better than told wrong."""
    return value if value is not None and low <= value <= high else None


def temperature(value: float) -> float:
    """A temperature in degrees Celsius; raises `Implausible` for one that is none."""
    if not COLDEST <= value <= HOTTEST:
        raise Implausible("the temperature is outside of what is possible in degrees Celsius")
    return value


def utc(seconds: float) -> str:
    """ISO 8601 in UTC from seconds since 1970; raises `Implausible` for a moment outside 2000 to 2100."""
    if not EARLIEST <= seconds < LATEST:
        raise Implausible("the time of observation is outside of 2000 to 2100")
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def offset(seconds: float | None) -> str | None:
    """`+05:30` from seconds east of Greenwich; `None` beyond the 14 hours that exist."""
    known = within(seconds, -14 * 3600, 14 * 3600)
    if known is None:
        return None
    minutes = round(known / 60)
    return f"{datetime(2000, 1, 1, tzinfo=timezone(timedelta(minutes=minutes))):%z}"[:3] + f":{abs(minutes) % 60:02d}"


def degrees(value: float) -> str:
    """A coordinate in plain decimals, to a tenth of a metre: never `1e-05`, which vendors cannot read, nor `-0`."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def vendor_language(tag: str | None, languages: Mapping[str, str]) -> str | None:
    """The vendor's code for a BCP 47 tag: the longest known prefix of it (RFC 4647, section 3.4); else `None`."""
    parts = tag.lower().split("-") if tag else []
    while parts:
        code = languages.get("-".join(parts))
        if code is not None:
            return code
        parts.pop()
    return None
