"""What is asked and answered by `weather.current`, whoever serves it.

Two vendors report the same wind as km/h and m/s, the same sky as 803 and 1006, and the same moment in local and in
universal time. An application that fails over between them must not notice, so there is one request and one answer.
The unit of every number stands in its field's name and never depends on the request: a number whose unit is chosen
elsewhere is a number that will be misread (and a cached answer that serves half of its readers).
"""

import re
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from segue.core.errors import RequestInvalid

MAX_QUERY = 200
"""Characters of a place's name; the longest official name of a place has 168 (Bangkok's ceremonial one)."""

_COORDINATES = re.compile(r"\s*[+-]?\d+(\.\d*)?\s*[,; ]\s*[+-]?\d+(\.\d*)?\s*")
_SELECTOR = re.compile(r"\s*(auto|id|iata|metar)\s*:", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


def _limits(low: float, high: float, description: str) -> Meta:
    """Limits for the schema in `/docs`; the check itself is ours, so that the error can name the remedy."""
    return Meta(description=description, extra_json_schema={"minimum": low, "maximum": high})


class CurrentRequest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The weather now at one place: named by `query`, or given by `lat` and `lon`.

    Attributes:
        query: a place's name, best with its country: `London,GB`; at most 200 characters.
        lat: degrees north, -90 to 90.
        lon: degrees east, -180 to 180.
        lang: the language of `description` and of the place's name, as a BCP 47 tag: `de`, `pt-BR`. A provider that
            does not speak it answers in English.

    Raises:
        RequestInvalid: when built with neither place, with both, or with a value out of range; `param` names the field.
    """

    query: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_QUERY})] | None = None
    lat: Annotated[float, _limits(-90, 90, "degrees north")] | None = None
    lon: Annotated[float, _limits(-180, 180, "degrees east")] | None = None
    lang: Annotated[str, Meta(description="BCP 47 tag of the language wanted")] | None = None

    def __post_init__(self) -> None:
        if self.query is not None:
            if self.lat is not None or self.lon is not None:
                raise RequestInvalid("`query` and `lat`/`lon` name a place twice: send only one of them", param="query")
            _check_query(self.query)
        elif self.lat is None and self.lon is None:
            raise RequestInvalid("no place is named: send `query`, or both `lat` and `lon`", param="query")
        else:
            _check_coordinate("lat", self.lat, 90)
            _check_coordinate("lon", self.lon, 180)
        if self.lang is not None:
            _check_language(self.lang)


def _check_language(lang: object) -> None:
    if not isinstance(lang, str) or not _LANGUAGE.fullmatch(lang):
        raise RequestInvalid("`lang` is no language tag: send one such as `de` or `pt-BR`", param="lang")


def _check_query(query: object) -> None:
    if not isinstance(query, str) or not query.strip():
        raise RequestInvalid("`query` is empty: send a place's name, such as `London,GB`", param="query")
    if len(query) > MAX_QUERY:
        raise RequestInvalid(f"`query` has {len(query)} characters: send at most {MAX_QUERY}", param="query")
    if not query.isprintable():
        raise RequestInvalid("`query` holds control characters: send a place's name on one line", param="query")
    # Some vendors read these as coordinates or as a selector, others as a name that nobody bears. `auto:ip` would
    # even answer for the place where Segue runs.
    if _COORDINATES.fullmatch(query):
        raise RequestInvalid("`query` looks like coordinates: send them as `lat` and `lon`", param="query")
    if _SELECTOR.match(query):
        raise RequestInvalid("`query` is one vendor's selector: send a place's name, or `lat` and `lon`", param="query")


def _check_coordinate(name: str, value: object, limit: int) -> None:
    if value is None:
        other = "lon" if name == "lat" else "lat"
        raise RequestInvalid(f"`{name}` is missing: `{other}` was sent, and a place needs both", param=name)
    # Written so that NaN, which compares with nothing, is refused too.
    inside = isinstance(value, (int, float)) and not isinstance(value, bool) and -limit <= value <= limit
    if not inside:
        raise RequestInvalid(f"`{name}` must be a number of degrees from -{limit} to {limit}", param=name)


class Condition(StrEnum):
    """The sky in one word that holds for every vendor."""

    CLEAR = "clear"
    PARTLY_CLOUDY = "partly_cloudy"
    CLOUDY = "cloudy"
    FOG = "fog"
    DRIZZLE = "drizzle"
    RAIN = "rain"
    SLEET = "sleet"
    SNOW = "snow"
    THUNDERSTORM = "thunderstorm"
    OTHER = "other"


class Place(Struct, frozen=True, kw_only=True):
    """The place that the provider answered for: the nearest that it knows.

    Attributes:
        name: empty where there is none, as at sea.
        country: as the provider writes it: a code at OpenWeather, an English name at WeatherAPI.com.
        country_code: ISO 3166-1 alpha-2, where the provider tells it.
        lat: degrees north.
        lon: degrees east.
        tz: the IANA name of its time zone (`Europe/London`), or the offset from UTC (`+01:00`) where that is all
            that the provider tells.
    """

    name: str
    country: str | None
    country_code: str | None
    lat: float
    lon: float
    tz: str | None


class Source(Struct, frozen=True, kw_only=True):
    """Who measured or calculated it.

    Attributes:
        vendor: the adapter's id.
        name: the vendor's own name.
        attribution: the words that the vendor's terms (on free plans at least) want shown beside the data.
        url: where those words should link to.
    """

    vendor: str
    name: str
    attribution: str
    url: str


class CurrentWeather(Struct, frozen=True, kw_only=True):
    """The weather at one place at one moment. `None` always means that the provider did not say.

    Attributes:
        place: the place that this is the weather of.
        observed_at: the moment for which the data hold, by the provider's own account, as ISO 8601 in UTC with
            seconds: `2026-11-20T13:45:00Z`. It is neither when it was asked nor when it was answered: both vendors
            refresh every 10 to 15 minutes.
        temp_c: air temperature, degrees Celsius.
        feels_like_c: what it feels like by the provider's own formula, degrees Celsius.
        humidity_pct: relative humidity, 0 to 100.
        pressure_hpa: pressure at sea level, hectopascals.
        wind_mps: wind speed, metres per second.
        gust_mps: speed of the gusts, metres per second.
        wind_deg: where the wind comes from, degrees clockwise from north, 0 to 360.
        clouds_pct: how much of the sky is covered, 0 to 100.
        precip_mm_1h: rain and melted snow of the last hour, millimetres.
        visibility_m: metres. OpenWeather never reports more than 10000.
        uv: UV index, from 0.
        condition: the sky in one word.
        description: the sky in the provider's own words, in the language asked for where it speaks it.
        is_day: whether the sun is up there.
        provider_code: the provider's own code of the condition: finer than `condition`, different at each vendor.
        source: who says so.
        units: always `metric`: the unit of each number is in its field's name.
    """

    place: Place
    observed_at: str
    temp_c: float
    feels_like_c: float | None
    humidity_pct: float | None
    pressure_hpa: float | None
    wind_mps: float | None
    gust_mps: float | None
    wind_deg: float | None
    clouds_pct: float | None
    precip_mm_1h: float | None
    visibility_m: float | None
    uv: float | None
    condition: Condition
    description: str | None
    is_day: bool | None
    provider_code: str
    source: Source
    units: Literal["metric"] = "metric"
