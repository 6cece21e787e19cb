"""A fallback from one weather vendor to another is only visible as one service when both saw the same sky.

The weather of a place is made here once, in SI units, from the seed and the place; vendors only render it.
"""

import math
import random
from dataclasses import dataclass
from typing import Final

from segue.simulator.vendors.weather_places import Place

_DAY: Final = 86_400
_FREEZING: Final = 273.15


@dataclass(frozen=True, slots=True)
class Condition:
    """One kind of weather in the code lists of both vendors; `rain` and `snow` are millimetres in an hour."""

    openweather_code: int
    group: str
    description: str
    icon: str
    weatherapi_code: int
    weatherapi_text: str
    weatherapi_night_text: str
    weatherapi_icon: int
    clouds: tuple[int, int]
    rain: float = 0.0
    snow: float = 0.0


_CONDITIONS: Final = (
    Condition(800, "Clear", "clear sky", "01", 1000, "Sunny", "Clear", 113, (0, 10)),
    Condition(801, "Clouds", "few clouds", "02", 1003, "Partly cloudy", "Partly Cloudy", 116, (11, 24)),
    Condition(803, "Clouds", "broken clouds", "04", 1006, "Cloudy", "Cloudy", 119, (51, 84)),
    Condition(804, "Clouds", "overcast clouds", "04", 1009, "Overcast", "Overcast", 122, (85, 100)),
    Condition(701, "Mist", "mist", "50", 1030, "Mist", "Mist", 143, (40, 90)),
    Condition(741, "Fog", "fog", "50", 1135, "Fog", "Fog", 248, (60, 100)),
    Condition(500, "Rain", "light rain", "10", 1183, "Light rain", "Light rain", 296, (60, 100), rain=0.6),
    Condition(501, "Rain", "moderate rain", "10", 1189, "Moderate rain", "Moderate rain", 302, (75, 100), rain=2.4),
    Condition(502, "Rain", "heavy intensity rain", "10", 1195, "Heavy rain", "Heavy rain", 308, (90, 100), rain=8.0),
)
_SNOW: Final = Condition(600, "Snow", "light snow", "13", 1213, "Light snow", "Light snow", 326, (75, 100), snow=0.8)


@dataclass(frozen=True, slots=True)
class Sky:
    """The weather of one place, in SI units.

    Attributes:
        condition: What it looks like.
        temperature: In kelvin; likewise `feels_like`.
        feels_like: What it feels like, in kelvin.
        pressure: At sea level, in hectopascal.
        ground_pressure: At the ground, in hectopascal.
        humidity: In percent.
        wind_speed: In metres per second; likewise `gust`.
        gust: The strongest wind, in metres per second.
        wind_degrees: Where the wind comes from, 0..359, clockwise from north.
        clouds: How much of the sky is covered, in percent.
        visibility: In metres, at most 10,000.
        ultraviolet: The UV index of a clear noon.
        sunrise: In Unix seconds, of the current day in UTC.
        sunset: In Unix seconds, after `sunrise`.
    """

    condition: Condition
    temperature: float
    feels_like: float
    pressure: int
    ground_pressure: int
    humidity: int
    wind_speed: float
    gust: float
    wind_degrees: int
    clouds: int
    visibility: int
    ultraviolet: float
    sunrise: int
    sunset: int

    def is_day(self, moment: float) -> bool:
        """Whether the sun is up at `moment` (Unix seconds)."""
        # Sunrise and sunset are those of one day; any other day is taken to be the same.
        return (moment - self.sunrise) % _DAY < self.sunset - self.sunrise


def _daylight(latitude: float, day_of_year: int) -> float:
    """The length of the day in seconds, between four and twenty hours."""
    declination = -0.409 * math.cos(2 * math.pi * (day_of_year + 10) / 365)
    cosine = -math.tan(math.radians(latitude)) * math.tan(declination)
    hours = 24 / math.pi * math.acos(max(-1.0, min(1.0, cosine)))
    return max(4.0, min(20.0, hours)) * 3600


def sky_over(place: Place, seed: int, moment: float) -> Sky:
    """The weather of `place`; it depends on the seed and the point, only the sun moves with `moment`."""
    chance = random.Random(f"{seed}|{place.latitude:.1f}|{place.longitude:.1f}")
    warmth = 300 - 0.55 * abs(place.latitude)
    temperature = round(warmth + chance.uniform(-9, 9), 2)
    condition = chance.choice(_CONDITIONS)
    if condition.rain and temperature < _FREEZING:
        condition = _SNOW
    wind_speed = round(chance.uniform(0.5, 12), 2)
    pressure = chance.randint(985, 1035)
    foggy = condition.group in {"Mist", "Fog"}
    noon = moment // _DAY * _DAY + 43_200 - place.longitude * 240
    daylight = _daylight(place.latitude, int(moment // _DAY % 365.25))
    return Sky(
        condition=condition,
        temperature=temperature,
        feels_like=round(temperature - wind_speed * 0.25, 2),
        pressure=pressure,
        ground_pressure=pressure - chance.randint(0, 40),
        humidity=chance.randint(80, 100) if condition.rain or foggy else chance.randint(30, 79),
        wind_speed=wind_speed,
        gust=round(wind_speed * chance.uniform(1.2, 1.9), 2),
        wind_degrees=chance.randint(0, 359),
        clouds=chance.randint(*condition.clouds),
        visibility=chance.randint(200, 4000) if foggy else 10_000,
        ultraviolet=round(max(0.5, 11 * math.cos(math.radians(place.latitude))), 1),
        sunrise=int(noon - daylight / 2),
        sunset=int(noon + daylight / 2),
    )
