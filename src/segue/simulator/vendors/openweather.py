"""OpenWeather is the wire that many applications speak, and its errors are irregular in ways that break clients.

This is `GET /data/2.5/weather`, simulated: `cod` is a number in an answer and in some errors, text in others.
"""

from typing import Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors.weather_places import Place, degrees, place_by_name, place_by_point
from segue.simulator.vendors.weather_sky import Sky, sky_over

_PATH: Final = "/data/2.5/weather"
_UNITS: Final = ("standard", "metric", "imperial")
_MILES_PER_HOUR: Final = 2.236936
_INVALID_KEY: Final = "Invalid API key. Please see https://openweathermap.org/faq#error401 for more info."
_BLOCKED: Final = (
    "Your account is temporary blocked due to exceeding of requests limitation of your subscription type. "
    "Please choose the proper subscription https://openweathermap.org/price"
)
_MESSAGES: Final = {
    400: "Nothing to geocode",
    401: _INVALID_KEY,
    403: "Your subscription does not include this product.",
    404: "city not found",
    429: _BLOCKED,
}
# The vendor writes these two as numbers and all other error codes as text.
_STATUS_TEXTS: Final = frozenset(map(str, range(400, 600)))
_NUMERIC: Final = frozenset({401, 429})


def _refusal(status: int, message: str | None = None) -> Script:
    code = status if status in _NUMERIC else str(status)
    document = {"cod": code, "message": _MESSAGES.get(status, "Internal error") if message is None else message}
    return whole(status, msgspec.json.encode(document), (("Content-Type", "application/json; charset=utf-8"),))


def _place(query: dict[str, str]) -> Place | Script:
    if "lat" in query or "lon" in query:
        latitude = degrees(query.get("lat"), 90)
        if latitude is None:
            return _refusal(400, "wrong latitude")
        longitude = degrees(query.get("lon"), 180)
        if longitude is None:
            return _refusal(400, "wrong longitude")
        return place_by_point(latitude, longitude)
    if not query.get("q", "").strip():
        return _refusal(400)
    return place_by_name(query["q"]) or _refusal(404)


def _temperature(kelvin: float, units: str) -> float:
    if units == "metric":
        return round(kelvin - 273.15, 2)
    return round((kelvin - 273.15) * 1.8 + 32, 2) if units == "imperial" else round(kelvin, 2)


def _speed(metres_per_second: float, units: str) -> float:
    return round(metres_per_second * _MILES_PER_HOUR, 2) if units == "imperial" else metres_per_second


def _document(place: Place, sky: Sky, units: str, moment: float) -> dict[str, object]:
    condition = sky.condition
    offset = place.local_time(moment).utcoffset()
    temperature = _temperature(sky.temperature, units)
    document: dict[str, object] = {
        "coord": {"lon": round(place.longitude, 4), "lat": round(place.latitude, 4)},
        "weather": [
            {
                "id": condition.openweather_code,
                "main": condition.group,
                "description": condition.description,
                "icon": condition.icon + ("d" if sky.is_day(moment) else "n"),
            }
        ],
        "base": "stations",
        "main": {
            "temp": temperature,
            "feels_like": _temperature(sky.feels_like, units),
            "temp_min": _temperature(sky.temperature - 1.2, units),
            "temp_max": _temperature(sky.temperature + 1.4, units),
            "pressure": sky.pressure,
            "humidity": sky.humidity,
            "sea_level": sky.pressure,
            "grnd_level": sky.ground_pressure,
        },
        "visibility": sky.visibility,
        "wind": {
            "speed": _speed(sky.wind_speed, units),
            "deg": sky.wind_degrees,
            "gust": _speed(sky.gust, units),
        },
    }
    if condition.rain:
        document["rain"] = {"1h": condition.rain}
    if condition.snow:
        document["snow"] = {"1h": condition.snow}
    return document | {
        "clouds": {"all": sky.clouds},
        "dt": int(moment),
        "sys": {"country": place.country_code, "sunrise": sky.sunrise, "sunset": sky.sunset},
        "timezone": int(offset.total_seconds()) if offset is not None else 0,
        "id": 2_000_000 + int((place.latitude + 90) * 1000) * 7 + int(place.longitude + 180),
        "name": place.name,
        "cod": 200,
    }


class OpenWeatherVendor:
    """The current-weather interface of OpenWeather."""

    name = "openweather"

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""
        key = exchange.query.get("appid", "")
        if not key or "invalid" in key:
            return _refusal(401)
        if exchange.path != _PATH:
            return _refusal(404, "Internal error")
        if exchange.method != "GET":
            return _refusal(405, "Internal error")
        units = exchange.query.get("units", "standard")
        if units not in _UNITS:
            return _refusal(400, "wrong units")
        place = _place(exchange.query)
        if isinstance(place, Script):
            return place
        sky = sky_over(place, exchange.seed, exchange.started)
        document = _document(place, sky, units, exchange.started)
        return whole(200, msgspec.json.encode(document), (("Content-Type", "application/json; charset=utf-8"),))

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error by status; a code in `error` is used as the status when that is not given."""
        del exchange  # The vendor's errors do not depend on the request.
        if status is None:
            status = int(error) if error is not None and error in _STATUS_TEXTS else 500
        return _refusal(status, message)
