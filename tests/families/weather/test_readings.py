"""Conversions: each by its property."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.families.weather.readings import (
    EARLIEST,
    LATEST,
    Implausible,
    degrees,
    metres_from_km,
    mps_from_kph,
    offset,
    temperature,
    utc,
    vendor_language,
    within,
)


@given(st.floats(0, 720))
def test_a_speed_survives_the_way_there_and_back(kph):
    assert mps_from_kph(kph) * 3.6 == pytest.approx(kph, abs=0.02)


@given(st.floats(0, 400), st.floats(0, 400))
def test_a_faster_wind_stays_the_faster_one(one, other):
    low, high = sorted((one, other))
    assert mps_from_kph(low) <= mps_from_kph(high)


def test_known_speeds_and_distances_come_out_as_known():
    assert mps_from_kph(36.0) == 10.0
    assert metres_from_km(16.1) == 16100.0


@given(st.floats(0, 1000))
def test_a_distance_is_whole_metres_and_a_thousand_times_the_kilometres(kilometres):
    metres = metres_from_km(kilometres)
    assert metres.is_integer()
    assert metres == pytest.approx(kilometres * 1000, abs=0.51)


@given(st.floats(-89.2, 56.7))
def test_every_temperature_ever_recorded_passes_and_is_refused_in_kelvin(celsius):
    assert temperature(celsius) == celsius
    with pytest.raises(Implausible, match="temperature"):
        temperature(celsius + 273.15)


@given(st.floats(EARLIEST, LATEST - 1))
def test_a_moment_reads_back_as_the_same_second_of_universal_time(seconds):
    assert datetime.fromisoformat(utc(seconds)) == datetime.fromtimestamp(int(seconds), UTC)


@pytest.mark.parametrize("seconds", [0, -5, EARLIEST - 1, LATEST, 1_795_182_300_000, 1e300, float("nan")])
def test_a_moment_that_cannot_be_one_is_refused(seconds):
    with pytest.raises(Implausible, match="time of observation"):
        utc(seconds)


@given(st.floats(-90, 90))
def test_a_coordinate_is_plain_decimals_to_a_tenth_of_a_metre(value):
    text = degrees(value)
    assert float(text) == pytest.approx(value, abs=1e-6)
    assert set(text) <= set("-.0123456789")
    assert text != "-0"


@given(st.integers(-14 * 60, 14 * 60))
def test_an_offset_reads_back_as_the_same_minutes(minutes):
    text = offset(minutes * 60)
    assert text is not None
    zone = datetime.fromisoformat(f"2026-01-01T00:00:00{text}").utcoffset()
    assert zone is not None
    assert zone.total_seconds() == minutes * 60


@pytest.mark.parametrize("seconds", [None, 15 * 3600, -1e300, float("inf")])
def test_an_offset_that_no_place_has_is_left_out(seconds):
    assert offset(seconds) is None


def test_what_cannot_be_true_is_left_out_and_what_is_at_the_limit_stays():
    assert within(None, 0, 1) is None
    assert within(-0.1, 0, 1) is None
    assert within(float("nan"), 0, 1) is None
    assert (within(0, 0, 1), within(1, 0, 1)) == (0, 1)


@pytest.mark.parametrize(
    ("tag", "code"),
    [(None, None), ("de", "de"), ("de-AT", "de"), ("PT-br", "pt_br"), ("pt-BR-x", "pt_br"), ("la", None), ("en", None)],
)
def test_a_language_is_the_longest_prefix_that_the_vendor_knows(tag, code):
    assert vendor_language(tag, {"de": "de", "pt": "pt", "pt-br": "pt_br", "lv": "la"}) == code
