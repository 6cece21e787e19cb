"""Two weather vendors must mean the same place by the same words or numbers, or their answers cannot be compared.

A small gazetteer knows some cities; every other name or point becomes a place of its own, the same one each time.
"""

import hashlib
import re
import unicodedata
import zoneinfo
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

_NEAR_DEGREES: Final = 0.2
_DEGREES: Final = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{0,20})?")


@dataclass(frozen=True, slots=True)
class Place:
    """A named point: degrees north and east, the country in both vendors' spelling, and its time zone."""

    name: str
    region: str
    country: str
    country_code: str
    latitude: float
    longitude: float
    time_zone: str

    def local_time(self, moment: float) -> datetime:
        """The clock on the wall at `moment` (Unix seconds)."""
        try:
            return datetime.fromtimestamp(moment, zoneinfo.ZoneInfo(self.time_zone))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            return datetime.fromtimestamp(moment, timezone(timedelta(hours=round(self.longitude / 15))))


_KNOWN: Final = (
    Place("London", "City of London, Greater London", "United Kingdom", "GB", 51.5085, -0.1257, "Europe/London"),
    Place("Paris", "Ile-de-France", "France", "FR", 48.8534, 2.3488, "Europe/Paris"),
    Place("Berlin", "Berlin", "Germany", "DE", 52.5244, 13.4105, "Europe/Berlin"),
    Place("Madrid", "Madrid", "Spain", "ES", 40.4165, -3.7026, "Europe/Madrid"),
    Place("Vienna", "Wien", "Austria", "AT", 48.2085, 16.3721, "Europe/Vienna"),
    Place("Oslo", "Oslo", "Norway", "NO", 59.9127, 10.7461, "Europe/Oslo"),
    Place("New York", "New York", "United States of America", "US", 40.7143, -74.006, "America/New_York"),
    Place("San Francisco", "California", "United States of America", "US", 37.7749, -122.4194, "America/Los_Angeles"),
    Place("São Paulo", "Sao Paulo", "Brazil", "BR", -23.5475, -46.6361, "America/Sao_Paulo"),
    Place("Nairobi", "Nairobi Area", "Kenya", "KE", -1.2833, 36.8167, "Africa/Nairobi"),
    Place("Mumbai", "Maharashtra", "India", "IN", 19.0144, 72.8479, "Asia/Kolkata"),
    Place("Tokyo", "Tokyo", "Japan", "JP", 35.6895, 139.6917, "Asia/Tokyo"),
    Place("Sydney", "New South Wales", "Australia", "AU", -33.8679, 151.2073, "Australia/Sydney"),
)


def degrees(text: str | None, limit: float) -> float | None:
    """The number in `text`, when it is a plain decimal between -limit and limit."""
    if text is None or not _DEGREES.fullmatch(text.strip()):
        return None
    value = float(text)
    return value if abs(value) <= limit else None


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name)
    return " ".join("".join(letter for letter in plain if not unicodedata.combining(letter)).casefold().split())


_BY_NAME: Final = {_folded(place.name): place for place in _KNOWN}


def _elsewhere(name: str, latitude: float, longitude: float) -> Place:
    hours = round(longitude / 15)
    # The signs of these names are reversed: Etc/GMT-2 lies two hours east of Greenwich.
    time_zone = "Etc/GMT" if hours == 0 else f"Etc/GMT{-hours:+d}"
    return Place(name, "Simulated Region", "United Kingdom", "GB", latitude, longitude, time_zone)


def place_by_name(query: str) -> Place | None:
    """The place of that name; what follows a comma (a country, a state) is not looked at. None: not found."""
    name = _folded(query.partition(",")[0])
    if not name or "nowhere" in name:
        return None
    known = _BY_NAME.get(name)
    if known is not None:
        return known
    number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "replace")).digest()[:8], "big")
    latitude = round(number % 1200 / 10 - 60, 4)
    longitude = round(number // 1200 % 3400 / 10 - 170, 4)
    return _elsewhere(name.title(), latitude, longitude)


def place_by_point(latitude: float, longitude: float) -> Place:
    """The known city at that point (degrees), or a nameless one; both must already be in range."""
    for place in _KNOWN:
        if abs(place.latitude - latitude) < _NEAR_DEGREES and abs(place.longitude - longitude) < _NEAR_DEGREES:
            return place
    return _elsewhere(f"Point {latitude:.1f} {longitude:.1f}", latitude, longitude)
