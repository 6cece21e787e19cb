"""WeatherAPI.com, realtime weather v1: https://www.weatherapi.com/docs/.

Its HTTP statuses mislead and its error codes do not: an exhausted month is 403 with code 2007, an unknown place 400
with 1006, a fault of its own 400 with 9999. Wind comes in km/h, visibility in kilometres.
"""

from types import MappingProxyType
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from segue.core.failure import Kind
from segue.families.weather.codec import WeatherVendor
from segue.families.weather.failures import VendorError, vendor_error
from segue.families.weather.readings import (
    degrees,
    metres_from_km,
    mps_from_kph,
    temperature,
    utc,
    vendor_language,
    within,
)
from segue.families.weather.types import Condition, CurrentRequest, CurrentWeather, Place, Source

CONDITIONS: MappingProxyType[int, Condition] = MappingProxyType(
    {
        1000: Condition.CLEAR,
        1003: Condition.PARTLY_CLOUDY,
        **dict.fromkeys((1006, 1009), Condition.CLOUDY),
        **dict.fromkeys((1030, 1135, 1147), Condition.FOG),
        **dict.fromkeys((1072, 1150, 1153, 1168, 1171), Condition.DRIZZLE),
        **dict.fromkeys((1063, 1180, 1183, 1186, 1189, 1192, 1195, 1198, 1201, 1240, 1243, 1246), Condition.RAIN),
        # Ice pellets are what North America calls sleet.
        **dict.fromkeys((1069, 1204, 1207, 1237, 1249, 1252, 1261, 1264), Condition.SLEET),
        **dict.fromkeys((1066, 1114, 1117, 1210, 1213, 1216, 1219, 1222, 1225, 1255, 1258), Condition.SNOW),
        **dict.fromkeys((1087, 1273, 1276, 1279, 1282), Condition.THUNDERSTORM),
    }
)
"""Every documented code: https://www.weatherapi.com/docs/weather_conditions.json."""

_SAME = (
    *("ar", "bg", "bn", "cs", "da", "de", "el", "es", "fi", "fr", "hi", "hu", "it", "ja", "jv", "ko", "mr", "nl", "pa"),
    *("pl", "pt", "ro", "ru", "si", "sk", "sr", "sv", "ta", "te", "tr", "uk", "ur", "vi", "zh", "zu"),
)

LANGUAGES: MappingProxyType[str, str] = MappingProxyType(
    {
        **{code: code for code in _SAME},
        "cmn": "zh_cmn",
        "hsn": "zh_hsn",
        "wuu": "zh_wuu",
        "yue": "zh_yue",
        "zh-hant": "zh_tw",
        "zh-hk": "zh_tw",
        "zh-tw": "zh_tw",
    }
)
"""BCP 47 tags and the code that means the same here. English is what comes when no language is sent."""

KINDS: MappingProxyType[int, Kind] = MappingProxyType(
    {
        1002: Kind.AUTH,  # no key
        1003: Kind.INVALID_REQUEST,  # no place
        1005: Kind.BAD_RESPONSE,  # the URL is invalid: the configured address is wrong, not the request
        1006: Kind.NOT_FOUND,  # HTTP 400
        2006: Kind.AUTH,  # a wrong key
        2007: Kind.QUOTA,  # HTTP 403: the month's calls are used up
        2008: Kind.AUTH,  # HTTP 403: the key was disabled
        2009: Kind.PERMISSION,  # the plan lacks this
        9000: Kind.INVALID_REQUEST,  # a bulk request that is no JSON
        9001: Kind.INVALID_REQUEST,  # a bulk request for too many places
        9999: Kind.SERVER_ERROR,  # HTTP 400: a fault of its own
    }
)
"""What its error codes mean: https://www.weatherapi.com/docs/#intro-error-codes."""


class _Location(Struct):
    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    name: str | None = None
    country: str | None = None
    tz_id: str | None = None


class _Sky(Struct):
    code: Annotated[int, Meta(ge=0, le=99_999)]
    text: str | None = None


class _Reading(Struct):
    last_updated_epoch: float
    temp_c: float
    condition: _Sky
    feelslike_c: float | None = None
    is_day: int | bool | None = None
    wind_kph: float | None = None
    wind_degree: float | None = None
    gust_kph: float | None = None
    pressure_mb: float | None = None
    precip_mm: float | None = None
    humidity: float | None = None
    cloud: float | None = None
    vis_km: float | None = None
    uv: float | None = None


_NOTHING = msgspec.Raw(b"null")


class _Current(Struct):
    location: _Location
    current: _Reading
    error: msgspec.Raw = _NOTHING


class _ErrorBody(Struct):
    code: int | str
    message: str | None = None


class _Error(Struct):
    error: _ErrorBody


_read_current = msgspec.json.Decoder(_Current).decode
_read_error = msgspec.json.Decoder(_Error).decode


class WeatherApi:
    """How WeatherAPI.com is spoken to."""

    source = Source(
        vendor="weatherapi",
        name="WeatherAPI.com",
        attribution="Powered by WeatherAPI.com",
        url="https://www.weatherapi.com/",
    )
    base_url: str = "https://api.weatherapi.com/v1"
    path: str = "current.json"

    def parameters(self, request: CurrentRequest, secret: str) -> list[tuple[str, str]]:
        """The key and the place; names and coordinates go by the same parameter here."""
        place = request.query
        if place is None:
            place = f"{degrees(request.lat or 0.0)},{degrees(request.lon or 0.0)}"
        parameters = [("key", secret), ("q", place), ("aqi", "no")]
        language = vendor_language(request.lang, LANGUAGES)
        if language is not None:
            parameters.append(("lang", language))
        return parameters

    def answer(self, body: bytes) -> CurrentWeather | None:
        """The weather in this body; `None` when it holds an error beside it."""
        whole = _read_current(body)
        if whole.error != _NOTHING:
            return None
        place, reading = whole.location, whole.current
        wind, gust = within(reading.wind_kph, 0, 720), within(reading.gust_kph, 0, 720)
        visibility = within(reading.vis_km, 0, 1000)
        return CurrentWeather(
            place=Place(
                name=place.name or "",
                country=place.country or None,
                country_code=None,
                lat=place.lat,
                lon=place.lon,
                tz=place.tz_id or None,
            ),
            observed_at=utc(reading.last_updated_epoch),
            temp_c=temperature(reading.temp_c),
            feels_like_c=within(reading.feelslike_c, -150, 100),
            humidity_pct=within(reading.humidity, 0, 100),
            pressure_hpa=within(reading.pressure_mb, 300, 1200),
            wind_mps=None if wind is None else mps_from_kph(wind),
            gust_mps=None if gust is None else mps_from_kph(gust),
            wind_deg=within(reading.wind_degree, 0, 360),
            clouds_pct=within(reading.cloud, 0, 100),
            precip_mm_1h=within(reading.precip_mm, 0, 500),
            visibility_m=None if visibility is None else metres_from_km(visibility),
            uv=within(reading.uv, 0, 50),
            condition=CONDITIONS.get(reading.condition.code, Condition.OTHER),
            description=reading.condition.text or None,
            is_day=None if reading.is_day is None else bool(reading.is_day),
            provider_code=str(reading.condition.code),
            source=self.source,
        )

    def error(self, body: bytes) -> VendorError | None:
        """The error in this body, when it has a code that is a number."""
        error = _read_error(body).error
        return vendor_error(error.code, error.message)

    def kind(self, error: VendorError) -> Kind | None:
        """What this error means."""
        return KINDS.get(error.code)

    def param(self, error: VendorError) -> str | None:  # noqa: ARG002 - the dialect's shape
        """It never tells a field of ours."""
        return None


ADAPTER = WeatherVendor(WeatherApi(), ("WEATHERAPI_KEY", "WEATHERAPI_API_KEY"), priority=2)
