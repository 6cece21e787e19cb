"""Bodies in the shapes that the vendors document (written for these tests), and the shortest way through a codec."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from segue.core.call import Call
from segue.core.outcome import Outcome
from segue.core.ports import ProviderSpec, WireRequest
from segue.core.provider import Candidate, Key, Provider
from segue.families.weather.operations import CURRENT
from segue.families.weather.providers import openweather, weatherapi
from segue.families.weather.types import CurrentRequest

SECRET = "s3cr3t+key/with&signs="
MOMENT = 1_795_182_300  # 2026-11-20T14:25:00Z
VENDORS = {"openweather": openweather.ADAPTER, "weatherapi": weatherapi.ADAPTER}


def call(**request: Any) -> Call:
    return Call(
        id="call_1",
        operation=CURRENT,
        request=CurrentRequest(**(request or {"query": "Lisbon,PT"})),
        started=0.0,
        started_wall=0.0,
    )


def candidate(vendor: str, secret: str = SECRET) -> Candidate:
    provider: Any = Provider(id=vendor, adapter=vendor, operations=frozenset({CURRENT.id}), executor=None)
    return Candidate(provider=provider, model="", key=Key("key-1", secret), guard=None)


def codec(vendor: str, base_url: str | None = None):
    spec = ProviderSpec(id="mine", adapter=vendor, base_url=base_url)
    return VENDORS[vendor].build(spec).codecs["weather.current"]


def encode(vendor: str, base_url: str | None = None, secret: str = SECRET, **request: Any) -> WireRequest:
    return codec(vendor, base_url).encode(call(**request), candidate(vendor, secret))


def parameters(request: WireRequest) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))


def decode(vendor: str, body: Any, status: int = 200, secret: str = SECRET) -> Outcome:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    return codec(vendor).decode(call(), candidate(vendor, secret), status, headers, data)


def changed(body: dict, path: str, value: Any = ...) -> dict:
    """A copy with the value at `path` (`main.temp`, `weather.0.id`) replaced, or without it."""
    copy = json.loads(json.dumps(body))
    *way, last = path.split(".")
    place = copy
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is ...:
        del place[last]
    else:
        place[int(last) if isinstance(place, list) else last] = value
    return copy


OPENWEATHER = {
    "coord": {"lon": -9.14, "lat": 38.72},
    "weather": [{"id": 500, "main": "Rain", "description": "light rain", "icon": "10d"}],
    "base": "stations",
    "main": {
        "temp": 16.4,
        "feels_like": 16.1,
        "temp_min": 15.0,
        "temp_max": 17.2,
        "pressure": 1013,
        "humidity": 81,
        "sea_level": 1013,
        "grnd_level": 1004,
    },
    "visibility": 9000,
    "wind": {"speed": 5.66, "deg": 230, "gust": 9.2},
    "rain": {"1h": 0.42},
    "clouds": {"all": 75},
    "dt": MOMENT,
    "sys": {"type": 1, "id": 6901, "country": "PT", "sunrise": 1795159000, "sunset": 1795195000},
    "timezone": 3600,
    "id": 2267057,
    "name": "Lisbon",
    "cod": 200,
}

WEATHERAPI = {
    "location": {
        "name": "Lisbon",
        "region": "Lisboa",
        "country": "Portugal",
        "lat": 38.717,
        "lon": -9.133,
        "tz_id": "Europe/Lisbon",
        "localtime_epoch": MOMENT + 95,
        "localtime": "2026-11-20 14:26",
    },
    "current": {
        "last_updated_epoch": MOMENT,
        "last_updated": "2026-11-20 14:25",
        "temp_c": 16.3,
        "temp_f": 61.3,
        "is_day": 1,
        "condition": {"text": "Light rain", "icon": "//cdn.weatherapi.com/weather/64x64/day/296.png", "code": 1183},
        "wind_mph": 11.9,
        "wind_kph": 19.1,
        "wind_degree": 231,
        "wind_dir": "SW",
        "pressure_mb": 1013.0,
        "pressure_in": 29.91,
        "precip_mm": 0.4,
        "precip_in": 0.02,
        "humidity": 82,
        "cloud": 75,
        "feelslike_c": 16.3,
        "feelslike_f": 61.3,
        "vis_km": 9.0,
        "vis_miles": 5.0,
        "uv": 2.1,
        "gust_mph": 20.4,
        "gust_kph": 32.8,
    },
}

BODIES = {"openweather": OPENWEATHER, "weatherapi": WEATHERAPI}
