"""A fallback for weather has other names, units and errors than the first vendor: this is one such, WeatherAPI.com.

It offers `GET /v1/current.json` and the documented error codes, each with the status that belongs to it.
"""

from typing import Final

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Script, whole
from segue.simulator.vendors.weather_places import Place, degrees, place_by_name, place_by_point
from segue.simulator.vendors.weather_sky import Sky, sky_over

_PATH: Final = "/v1/current.json"
_NO_ACCESS: Final = (
    "API key does not have access to the resource. Please check pricing page for what is allowed in your API "
    "subscription plan."
)
# Code: the HTTP status and the message that are documented for it.
_ERRORS: Final[dict[int, tuple[int, str]]] = {
    1002: (401, "API key is invalid or not provided."),
    1003: (400, "Parameter q is missing."),
    1005: (400, "API URL is invalid."),
    1006: (400, "No matching location found."),
    2006: (401, "API key is invalid."),
    2007: (403, "API key has exceeded calls per month quota."),
    2008: (403, "API key has been disabled."),
    2009: (
        403,
        _NO_ACCESS,
    ),
    9999: (400, "Internal application error."),
}
_BY_STATUS: Final = {400: 9999, 401: 2006, 403: 2007, 429: 2007}
# What a key must contain for the vendor to refuse it.
_BAD_KEYS: Final = {"invalid": 2006, "overquota": 2007, "disabled": 2008, "noplan": 2009}
_ANY_NUMBER: Final = 1000
_POINTS: Final = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")


def _refusal(code: int, status: int | None = None, message: str | None = None) -> Script:
    documented_status, documented_message = _ERRORS.get(code, (500, "Internal application error."))
    error = {"code": code, "message": documented_message if message is None else message}
    return whole(status or documented_status, msgspec.json.encode({"error": error}))


def _place(query: str) -> Place | None:
    """The place that `Paris` or `48.85,2.35` names; None when there is none."""
    first, comma, second = query.partition(",")
    # Two numbers are a point even where there is no such point; anything else is a name.
    if not comma or degrees(first, _ANY_NUMBER) is None or degrees(second, _ANY_NUMBER) is None:
        return place_by_name(query)
    latitude, longitude = degrees(first, 90), degrees(second, 180)
    return None if latitude is None or longitude is None else place_by_point(latitude, longitude)


def _celsius(kelvin: float) -> float:
    return round(kelvin - 273.15, 1)


def _fahrenheit(kelvin: float) -> float:
    return round((kelvin - 273.15) * 1.8 + 32, 1)


def _condition(sky: Sky, *, is_day: bool) -> dict[str, object]:
    condition = sky.condition
    half = "day" if is_day else "night"
    return {
        "text": condition.weatherapi_text if is_day else condition.weatherapi_night_text,
        "icon": f"//cdn.weatherapi.com/weather/64x64/{half}/{condition.weatherapi_icon}.png",
        "code": condition.weatherapi_code,
    }


def _current(place: Place, sky: Sky, moment: float) -> dict[str, object]:
    is_day = sky.is_day(moment)
    # Observations are published every quarter of an hour.
    updated = moment // 900 * 900
    precipitation = sky.condition.rain + sky.condition.snow
    return {
        "last_updated_epoch": int(updated),
        "last_updated": place.local_time(updated).strftime("%Y-%m-%d %H:%M"),
        "temp_c": _celsius(sky.temperature),
        "temp_f": _fahrenheit(sky.temperature),
        "is_day": int(is_day),
        "condition": _condition(sky, is_day=is_day),
        "wind_mph": round(sky.wind_speed * 2.236936, 1),
        "wind_kph": round(sky.wind_speed * 3.6, 1),
        "wind_degree": sky.wind_degrees,
        "wind_dir": _POINTS[round(sky.wind_degrees / 22.5) % 16],
        "pressure_mb": float(sky.pressure),
        "pressure_in": round(sky.pressure * 0.02953, 2),
        "precip_mm": precipitation,
        "precip_in": round(precipitation / 25.4, 2),
        "humidity": sky.humidity,
        "cloud": sky.clouds,
        "feelslike_c": _celsius(sky.feels_like),
        "feelslike_f": _fahrenheit(sky.feels_like),
        "vis_km": round(sky.visibility / 1000, 1),
        "vis_miles": float(int(sky.visibility / 1609.344)),
        "uv": sky.ultraviolet if is_day else 0.0,
        "gust_mph": round(sky.gust * 2.236936, 1),
        "gust_kph": round(sky.gust * 3.6, 1),
    }


def _air_quality(sky: Sky) -> dict[str, object]:
    burden = 1 + sky.humidity % 30
    return {
        "co": 180.0 + burden,
        "no2": 4.0 + burden,
        "o3": 60.0 + burden,
        "so2": 1.0 + burden / 10,
        "pm2_5": float(burden),
        "pm10": burden * 1.5,
        "us-epa-index": 1 + burden // 12,
        "gb-defra-index": 1 + burden // 12,
    }


def _location(place: Place, moment: float) -> dict[str, object]:
    return {
        "name": place.name,
        "region": place.region,
        "country": place.country,
        "lat": round(place.latitude, 4),
        "lon": round(place.longitude, 4),
        "tz_id": place.time_zone,
        "localtime_epoch": int(moment),
        "localtime": place.local_time(moment).strftime("%Y-%m-%d %H:%M"),
    }


class WeatherApiVendor:
    """The real-time interface of WeatherAPI.com."""

    name = "weatherapi"

    def answer(self, exchange: Exchange) -> Script:
        """The healthy answer to a request, or the documented refusal of a wrong one."""
        query = exchange.query
        if exchange.path != _PATH or exchange.method not in {"GET", "POST"}:
            return _refusal(1005)
        key = query.get("key", "")
        if not key:
            return _refusal(1002)
        for part, code in _BAD_KEYS.items():
            if part in key:
                return _refusal(code)
        if not query.get("q", "").strip():
            return _refusal(1003)
        place = _place(query["q"])
        if place is None:
            return _refusal(1006)
        moment = exchange.started
        sky = sky_over(place, exchange.seed, moment)
        current = _current(place, sky, moment)
        if query.get("aqi") == "yes":
            current["air_quality"] = _air_quality(sky)
        return whole(200, msgspec.json.encode({"location": _location(place, moment), "current": current}))

    def failure(self, exchange: Exchange, status: int | None, error: str | None, message: str | None) -> Script:
        """The documented error: by status, by the vendor's own code, or both; None leaves it to the vendor."""
        del exchange  # The vendor's errors do not depend on the request.
        code = int(error) if error is not None and error.isdecimal() else _BY_STATUS.get(status or 500, 9999)
        if status is None and code not in _ERRORS:
            status = 500
        return _refusal(code, status, message)
