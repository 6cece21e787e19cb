"""OpenWeather, Current Weather Data 2.5: https://openweathermap.org/current.

It writes `cod` as a number beside success and for a bad key, as a string for a bad request and an unknown place; it
leaves out what it has no reading of (`rain`, `gust`, `visibility`, at sea even the country); and it says one sentence,
"temporary blocked", for a minute's overrun and for a month's.
"""

from types import MappingProxyType
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from segue.core.failure import Kind
from segue.families.weather.codec import WeatherVendor
from segue.families.weather.failures import VendorError, kind_of_status, vendor_error
from segue.families.weather.readings import degrees, offset, temperature, utc, vendor_language, within
from segue.families.weather.types import Condition, CurrentRequest, CurrentWeather, Place, Source

CONDITIONS: MappingProxyType[int, Condition] = MappingProxyType(
    {
        **dict.fromkeys((200, 201, 202, 210, 211, 212, 221, 230, 231, 232), Condition.THUNDERSTORM),
        **dict.fromkeys((300, 301, 302, 310, 311, 312, 313, 314, 321), Condition.DRIZZLE),
        **dict.fromkeys((500, 501, 502, 503, 504, 511, 520, 521, 522, 531), Condition.RAIN),
        **dict.fromkeys((600, 601, 602, 620, 621, 622), Condition.SNOW),
        **dict.fromkeys((611, 612, 613, 615, 616), Condition.SLEET),
        **dict.fromkeys((701, 741), Condition.FOG),
        **dict.fromkeys((711, 721, 731, 751, 761, 762, 771, 781), Condition.OTHER),
        800: Condition.CLEAR,
        **dict.fromkeys((801, 802), Condition.PARTLY_CLOUDY),
        **dict.fromkeys((803, 804), Condition.CLOUDY),
    }
)
"""Every documented code: https://openweathermap.org/weather-conditions."""

_SAME = (
    *("af", "ar", "az", "be", "bg", "ca", "da", "de", "el", "en", "es", "eu", "fa", "fi", "fr", "gl", "he", "hi", "hr"),
    *("hu", "id", "is", "it", "ja", "ku", "lt", "mk", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th"),
    *("tr", "vi", "zu"),
)

LANGUAGES: MappingProxyType[str, str] = MappingProxyType(
    {
        **{code: code for code in _SAME},
        # The codes that are OpenWeather's own, some of them those of countries.
        "cs": "cz",
        "ko": "kr",
        "lv": "la",
        "nb": "no",
        "nn": "no",
        "pt-br": "pt_br",
        "sq": "al",
        "uk": "ua",
        "zh": "zh_cn",
        "zh-hant": "zh_tw",
        "zh-hk": "zh_tw",
        "zh-tw": "zh_tw",
    }
)
"""BCP 47 tags and the code that means the same here. A tag that is not listed is not sent: `la` is Latin to the
world and Latvian to OpenWeather."""

KINDS: MappingProxyType[int, Kind] = MappingProxyType(
    {
        400: Kind.INVALID_REQUEST,
        401: Kind.AUTH,
        403: Kind.PERMISSION,
        404: Kind.NOT_FOUND,
        422: Kind.INVALID_REQUEST,
        429: Kind.RATE_LIMITED,
    }
)
"""What its error codes mean, but for what `OpenWeather.kind` reads from the message."""

_UNAUTHORISED, _NOT_FOUND, _SERVER_FAULTS = 401, 404, 500


class _Coordinates(Struct):
    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]


class _Sky(Struct):
    id: Annotated[int, Meta(ge=0, le=99_999)]
    description: str | None = None
    icon: str | None = None


class _Main(Struct):
    temp: float
    feels_like: float | None = None
    pressure: float | None = None
    humidity: float | None = None


class _Wind(Struct):
    speed: float | None = None
    deg: float | None = None
    gust: float | None = None


class _Clouds(Struct):
    all: float | None = None


class _Fallen(Struct):
    hour: float | None = msgspec.field(name="1h", default=None)


class _System(Struct):
    country: str | None = None


class _Current(Struct):
    coord: _Coordinates
    weather: Annotated[list[_Sky], Meta(min_length=1)]
    main: _Main
    dt: float
    wind: _Wind | None = None
    clouds: _Clouds | None = None
    rain: _Fallen | None = None
    snow: _Fallen | None = None
    visibility: float | None = None
    sys: _System | None = None
    timezone: float | None = None
    name: str | None = None
    cod: int | str | None = None


class _Error(Struct):
    cod: int | str
    message: str | int | float | None = None


_read_current = msgspec.json.Decoder(_Current).decode
_read_error = msgspec.json.Decoder(_Error).decode


class OpenWeather:
    """How OpenWeather is spoken to."""

    source = Source(
        vendor="openweather",
        name="OpenWeather",
        attribution="Weather data provided by OpenWeather",
        url="https://openweathermap.org/",
    )
    base_url: str = "https://api.openweathermap.org/data/2.5"
    path: str = "weather"

    def parameters(self, request: CurrentRequest, secret: str) -> list[tuple[str, str]]:
        """The place, the key, and always `units=metric`: without it the answer is in kelvin."""
        if request.query is not None:
            parameters = [("q", request.query)]
        else:
            parameters = [("lat", degrees(request.lat or 0.0)), ("lon", degrees(request.lon or 0.0))]
        parameters.append(("units", "metric"))
        language = vendor_language(request.lang, LANGUAGES)
        if language is not None:
            parameters.append(("lang", language))
        parameters.append(("appid", secret))
        return parameters

    def answer(self, body: bytes) -> CurrentWeather | None:
        """The weather in this body; `None` when its `cod` says that it is an error."""
        current = _read_current(body)
        if current.cod not in {None, 200, "200"}:
            return None
        main, sky = current.main, current.weather[0]
        wind = current.wind or _Wind()
        country = (current.sys and current.sys.country) or None
        return CurrentWeather(
            place=Place(
                name=current.name or "",
                country=country,
                country_code=country,
                lat=current.coord.lat,
                lon=current.coord.lon,
                tz=offset(current.timezone),
            ),
            observed_at=utc(current.dt),
            temp_c=temperature(main.temp),
            feels_like_c=within(main.feels_like, -150, 100),
            humidity_pct=within(main.humidity, 0, 100),
            pressure_hpa=within(main.pressure, 300, 1200),
            wind_mps=within(wind.speed, 0, 200),
            gust_mps=within(wind.gust, 0, 200),
            wind_deg=within(wind.deg, 0, 360),
            clouds_pct=within(current.clouds.all if current.clouds else None, 0, 100),
            precip_mm_1h=_precipitation(current.rain, current.snow),
            visibility_m=within(current.visibility, 0, 1_000_000),
            uv=None,
            condition=CONDITIONS.get(sky.id, Condition.OTHER),
            description=sky.description or None,
            is_day={"d": True, "n": False}.get((sky.icon or "")[-1:]),
            provider_code=str(sky.id),
            source=self.source,
        )

    def error(self, body: bytes) -> VendorError | None:
        """The error in this body, when it has a `cod` that is a number, however written."""
        error = _read_error(body)
        return vendor_error(error.cod, error.message)

    def kind(self, error: VendorError) -> Kind | None:
        """What this error means: by its code, and where one code says two things, by its message."""
        message = error.message.lower()
        if error.code == _UNAUTHORISED and "subscription" in message:
            return Kind.PERMISSION
        # A path that it does not serve: the configured address is wrong, not the place.
        if error.code == _NOT_FOUND and "internal error" in message:
            return Kind.BAD_RESPONSE
        return KINDS.get(error.code) or (kind_of_status(error.code) if error.code >= _SERVER_FAULTS else None)

    def param(self, error: VendorError) -> str | None:
        """The coordinate that it calls wrong."""
        message = error.message.lower()
        if KINDS.get(error.code) is not Kind.INVALID_REQUEST:
            return None
        return "lat" if "latitude" in message else "lon" if "longitude" in message else None


def _precipitation(rain: _Fallen | None, snow: _Fallen | None) -> float | None:
    """Rain and snow of the last hour together; `None` when neither is told, which is not the same as none fell."""
    told = [
        amount for fallen in (rain, snow) if fallen is not None and (amount := within(fallen.hour, 0, 500)) is not None
    ]
    return round(sum(told), 2) if told else None


ADAPTER = WeatherVendor(OpenWeather(), ("OPENWEATHER_API_KEY", "OPENWEATHERMAP_API_KEY"))
