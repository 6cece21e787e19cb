"""What comes in when it is weather: the same answer from both vendors, and no answer that would be a lie."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.weather.support import BODIES, OPENWEATHER, VENDORS, WEATHERAPI, changed, decode
from segue.core.failure import Kind
from segue.families.weather.providers import openweather, weatherapi
from segue.families.weather.types import Condition, CurrentWeather, Place


def test_openweather_is_read_into_the_common_answer():
    outcome = decode("openweather", OPENWEATHER)
    assert outcome.ok
    assert outcome.usage is not None
    assert outcome.usage.requests == 1
    assert outcome.answer == CurrentWeather(
        place=Place(name="Lisbon", country="PT", country_code="PT", lat=38.72, lon=-9.14, tz="+01:00"),
        observed_at="2026-11-20T13:45:00Z",
        temp_c=16.4,
        feels_like_c=16.1,
        humidity_pct=81,
        pressure_hpa=1013,
        wind_mps=5.66,
        gust_mps=9.2,
        wind_deg=230,
        clouds_pct=75,
        precip_mm_1h=0.42,
        visibility_m=9000,
        uv=None,
        condition=Condition.RAIN,
        description="light rain",
        is_day=True,
        provider_code="500",
        source=openweather.OpenWeather.source,
        units="metric",
    )


def test_weatherapi_is_read_into_the_common_answer():
    outcome = decode("weatherapi", WEATHERAPI)
    assert outcome.answer == CurrentWeather(
        place=Place(name="Lisbon", country="Portugal", country_code=None, lat=38.717, lon=-9.133, tz="Europe/Lisbon"),
        observed_at="2026-11-20T13:45:00Z",
        temp_c=16.3,
        feels_like_c=16.3,
        humidity_pct=82,
        pressure_hpa=1013,
        wind_mps=5.31,
        gust_mps=9.11,
        wind_deg=231,
        clouds_pct=75,
        precip_mm_1h=0.4,
        visibility_m=9000,
        uv=2.1,
        condition=Condition.RAIN,
        description="Light rain",
        is_day=True,
        provider_code="1183",
        source=weatherapi.WeatherApi.source,
        units="metric",
    )


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_answer_survives_json(vendor):
    answer = decode(vendor, BODIES[vendor]).answer
    assert msgspec.json.decode(msgspec.json.encode(answer), type=CurrentWeather) == answer


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_answer_says_its_source_and_the_words_to_show(vendor):
    source = decode(vendor, BODIES[vendor]).answer.source
    assert source.vendor == vendor
    assert source.name in source.attribution
    assert source.url.startswith("https://")


@pytest.mark.parametrize(
    ("vendor", "path", "field"),
    [
        ("openweather", "rain", "precip_mm_1h"),
        ("openweather", "rain.1h", "precip_mm_1h"),
        ("openweather", "wind", "wind_mps"),
        ("openweather", "wind.gust", "gust_mps"),
        ("openweather", "visibility", "visibility_m"),
        ("openweather", "clouds", "clouds_pct"),
        ("openweather", "main.feels_like", "feels_like_c"),
        ("openweather", "weather.0.icon", "is_day"),
        ("openweather", "weather.0.description", "description"),
        ("weatherapi", "current.gust_kph", "gust_mps"),
        ("weatherapi", "current.wind_kph", "wind_mps"),
        ("weatherapi", "current.vis_km", "visibility_m"),
        ("weatherapi", "current.precip_mm", "precip_mm_1h"),
        ("weatherapi", "current.uv", "uv"),
        ("weatherapi", "current.is_day", "is_day"),
        ("weatherapi", "current.condition.text", "description"),
    ],
)
def test_a_reading_that_a_vendor_leaves_out_is_none_and_not_zero(vendor, path, field):
    assert getattr(decode(vendor, BODIES[vendor]).answer, field) is not None
    assert getattr(decode(vendor, changed(BODIES[vendor], path)).answer, field) is None


@pytest.mark.parametrize(
    ("vendor", "path"),
    [
        ("openweather", "cod"),
        ("openweather", "sys"),
        ("openweather", "sys.country"),
        ("openweather", "timezone"),
        ("openweather", "name"),
        ("weatherapi", "location.name"),
        ("weatherapi", "location.tz_id"),
        ("weatherapi", "location.country"),
    ],
)
def test_weather_at_a_place_without_a_name_is_still_weather(vendor, path):
    assert decode(vendor, changed(BODIES[vendor], path)).answer.temp_c == decode(vendor, BODIES[vendor]).answer.temp_c


def test_rain_and_snow_of_the_same_hour_are_added():
    assert decode("openweather", changed(OPENWEATHER, "snow", {"1h": 1.1})).answer.precip_mm_1h == 1.52


def test_whole_numbers_for_fractions_and_a_cod_in_quotes_are_no_reason_to_refuse():
    body = changed(changed(OPENWEATHER, "main.temp", 16), "cod", "200")
    assert decode("openweather", body).answer.temp_c == 16.0


@pytest.mark.parametrize(
    ("vendor", "path"),
    [
        ("openweather", "main"),
        ("openweather", "main.temp"),
        ("openweather", "dt"),
        ("openweather", "coord"),
        ("openweather", "weather"),
        ("weatherapi", "current"),
        ("weatherapi", "current.temp_c"),
        ("weatherapi", "current.last_updated_epoch"),
        ("weatherapi", "current.condition"),
        ("weatherapi", "location.lat"),
    ],
)
def test_without_temperature_time_place_or_sky_it_is_no_answer(vendor, path):
    for body in (changed(BODIES[vendor], path), changed(BODIES[vendor], path, None)):
        failure = decode(vendor, body).failure
        assert failure is not None
        assert failure.kind is Kind.BAD_RESPONSE


@pytest.mark.parametrize(
    ("vendor", "path", "value"),
    [
        ("openweather", "main.temp", "16.4"),
        ("openweather", "main.temp", 289.55),
        ("openweather", "main.temp", True),
        ("openweather", "dt", 0),
        ("openweather", "dt", 1_795_182_300_000),
        ("openweather", "weather", []),
        ("openweather", "weather.0.id", "500"),
        ("openweather", "coord.lat", 91),
        ("openweather", "wind.gust", "strong"),
        ("weatherapi", "current.temp_c", "16.3"),
        ("weatherapi", "current.temp_c", -459.67),
        ("weatherapi", "current.last_updated_epoch", -1),
        ("weatherapi", "location.lon", 181),
    ],
)
def test_a_reading_of_the_wrong_type_or_beyond_belief_is_no_answer(vendor, path, value):
    failure = decode(vendor, changed(BODIES[vendor], path, value)).failure
    assert failure is not None
    assert failure.kind is Kind.BAD_RESPONSE
    assert "is not current weather" in failure.message


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999", b"0x10"])
def test_what_json_calls_no_number_is_no_temperature(number):
    body = msgspec.json.encode(changed(OPENWEATHER, "main.temp", 12321)).replace(b"12321", number)
    assert decode("openweather", body).failure.kind is Kind.BAD_RESPONSE


@pytest.mark.parametrize(
    ("vendor", "path", "value", "field"),
    [
        ("openweather", "main.humidity", 250, "humidity_pct"),
        ("openweather", "wind.speed", -3, "wind_mps"),
        ("weatherapi", "current.gust_kph", -1, "gust_mps"),
        ("weatherapi", "current.vis_km", 1e9, "visibility_m"),
        ("weatherapi", "current.pressure_mb", 0, "pressure_hpa"),
    ],
)
def test_an_impossible_minor_reading_is_left_out_and_the_rest_kept(vendor, path, value, field):
    answer = decode(vendor, changed(BODIES[vendor], path, value)).answer
    assert getattr(answer, field) is None
    assert answer.condition is Condition.RAIN


@pytest.mark.parametrize(("code", "condition"), openweather.CONDITIONS.items())
def test_each_code_of_openweather_comes_out_as_its_condition(code, condition):
    answer = decode("openweather", changed(OPENWEATHER, "weather.0.id", code)).answer
    assert (answer.condition, answer.provider_code) == (condition, str(code))


@pytest.mark.parametrize(("code", "condition"), weatherapi.CONDITIONS.items())
def test_each_code_of_weatherapi_comes_out_as_its_condition(code, condition):
    answer = decode("weatherapi", changed(WEATHERAPI, "current.condition.code", code)).answer
    assert (answer.condition, answer.provider_code) == (condition, str(code))


def test_the_documented_codes_are_all_known():
    assert len(openweather.CONDITIONS) == 55
    assert len(weatherapi.CONDITIONS) == 48
    assert set(openweather.CONDITIONS.values()) == set(Condition)
    assert set(weatherapi.CONDITIONS.values()) == set(Condition) - {Condition.OTHER}


@pytest.mark.parametrize(
    ("vendor", "path"), [("openweather", "weather.0.id"), ("weatherapi", "current.condition.code")]
)
def test_a_code_that_is_new_to_us_is_other_and_is_passed_on(vendor, path):
    answer = decode(vendor, changed(BODIES[vendor], path, 4242)).answer
    assert (answer.condition, answer.provider_code) == (Condition.OTHER, "4242")


@given(extra=st.recursive(st.none() | st.booleans() | st.text(max_size=5), st.lists, max_leaves=5))
@pytest.mark.parametrize("vendor", VENDORS)
def test_fields_that_are_new_to_us_change_nothing(vendor, extra):
    assert decode(vendor, {**BODIES[vendor], "brand_new": extra}).answer == decode(vendor, BODIES[vendor]).answer
