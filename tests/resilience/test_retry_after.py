"""Every way in which a provider says when to come back, and every kind of nonsense."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.resilience import parse_reset, parse_retry_after

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": ".5"}, 0.5),
        ({"retry-after": "31536000000"}, 31_536_000_000.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "1500.5"}, 1.5005),
        ({"retry-after-ms": "0"}, 0.0),
    ],
)
def test_seconds_and_milliseconds_are_handed_back_raw(headers, seconds):
    assert parse_retry_after(headers, NOW) == seconds


def test_the_most_exact_header_decides():
    headers = {"retry-after-ms": "100", "x-ms-retry-after-ms": "200", "retry-after": "3"}
    assert parse_retry_after(headers, NOW) == 0.1
    del headers["retry-after-ms"]
    assert parse_retry_after(headers, NOW) == 0.2
    del headers["x-ms-retry-after-ms"]
    assert parse_retry_after(headers, NOW) == 3.0


@pytest.mark.parametrize(
    "date",
    ["Sun, 06 Nov 1994 08:50:07 GMT", "Sunday, 06-Nov-94 08:50:07 GMT", "Sun Nov  6 08:50:07 1994"],
    ids=["IMF-fixdate", "RFC 850", "asctime"],
)
def test_all_three_forms_of_http_dates_are_understood(date):
    assert parse_retry_after({"retry-after": date}, NOW) == 30.0


def test_a_date_in_the_past_means_now():
    assert parse_retry_after({"retry-after": "Sun, 06 Nov 1994 08:00:00 GMT"}, NOW) == 0.0


@pytest.mark.parametrize("our_clock", [NOW - 86_400, NOW, NOW + 86_400])
def test_a_date_is_read_by_the_clock_of_the_provider_when_it_shows_it(our_clock):
    headers = {"retry-after": "Sun, 06 Nov 1994 08:50:07 GMT", "date": "Sun, 06 Nov 1994 08:49:37 GMT"}
    assert parse_retry_after(headers, our_clock) == 30.0


def test_a_clock_of_the_provider_that_cannot_be_read_is_passed_over():
    headers = {"retry-after": "Sun, 06 Nov 1994 08:50:07 GMT", "date": "today"}
    assert parse_retry_after(headers, NOW) == 30.0


NONSENSE = [
    "", " ", "-1", "-0.5", "inf", "-inf", "Infinity", "nan", "1e3", "1_000", "0x10", "5, 5", "soon", "5 minutes",
    "\x00", "٣", "²", "9" * 65, "9" * 400, "Sun, 31 Feb 2024 00:00:00 GMT", "Sun, 06 Nov 1994 99:49:37 GMT",
    "2024-01-01T00:00:00Z", "Sun, 06 Nov 1994 08:50:07 " + "x" * 64,
]  # fmt: skip


@pytest.mark.parametrize("name", ["retry-after-ms", "x-ms-retry-after-ms", "retry-after"])
@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_passed_over(name, text):
    assert parse_retry_after({name: text}, NOW) is None


def test_nonsense_in_one_header_leaves_the_word_to_the_next():
    headers = {"retry-after-ms": "nan", "x-ms-retry-after-ms": "-5", "retry-after": "3"}
    assert parse_retry_after(headers, NOW) == 3.0


def test_dates_in_headers_of_milliseconds_are_nonsense():
    assert parse_retry_after({"retry-after-ms": "Sun, 06 Nov 1994 08:50:07 GMT"}, NOW) is None


def test_no_header_says_nothing():
    assert parse_retry_after({}, NOW) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1h2m3.5s", 3723.5),
        ("2m59.56s", 179.56),
        ("1m5ms", 60.005),
        ("1h", 3600.0),
        (" 0s ", 0.0),
    ],
)
def test_a_reset_is_read_with_its_units(text, seconds):
    assert parse_reset(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", [None, "", " ", "s", "5", "1700000000", "-1s", "1d", "1s1m", "1 s", "٣s", "9" * 400 + "s"]
)
def test_a_reset_without_a_unit_or_sense_is_passed_over(text):
    assert parse_reset(text) is None


def test_a_used_up_meter_says_when_it_is_reset():
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20ms"}
    assert parse_retry_after(headers, NOW) == 0.02


def test_of_two_used_up_meters_the_later_reset_counts():
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    assert parse_retry_after(headers, NOW) == 360.0


@pytest.mark.parametrize("remaining", ["1", "999", "-1", "", "none"])
def test_a_meter_that_is_not_used_up_says_nothing(remaining):
    headers = {"x-ratelimit-remaining-tokens": remaining, "x-ratelimit-reset-tokens": "6m0s"}
    assert parse_retry_after(headers, NOW) is None


def test_a_used_up_meter_whose_reset_is_nonsense_says_nothing():
    headers = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "tomorrow"}
    assert parse_retry_after(headers, NOW) is None


def test_an_explicit_word_counts_more_than_a_meter():
    headers = {"retry-after": "3", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s"}
    assert parse_retry_after(headers, NOW) == 3.0


NAMES = st.sampled_from(
    ["retry-after-ms", "x-ms-retry-after-ms", "retry-after", "date"]
    + [f"x-ratelimit-{what}-{meter}" for what in ("remaining", "reset") for meter in ("requests", "tokens")]
)
NEARLY_DATES = st.lists(
    st.sampled_from(
        ["Sun,", "Sunday,", "Sun", "06", "6", "Nov", "06-Nov-94", "1994", "94", "0", "99999999999", "08:49:37",
         "8:49", "8.49", "GMT", "+0200", "+9999", "-0000", "EST", "-", ":", ",", "(", ")", "\\", '"', "+", "ms", "m",
         "h", "s", "."]
    ),
    max_size=8,
).map(" ".join)  # fmt: skip


@given(
    st.dictionaries(NAMES, st.one_of(st.text(), NEARLY_DATES, st.floats().map(repr), st.just("0"))),
    st.floats(0, 1e11),
)
def test_whatever_comes_nothing_is_raised_and_the_answer_is_none_or_a_real_wait(headers, wall_now):
    seconds = parse_retry_after(headers, wall_now)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@given(st.one_of(st.text(), NEARLY_DATES, st.from_regex(r"[0-9hms.]{0,70}")))
def test_whatever_comes_as_a_reset_nothing_is_raised(text):
    seconds = parse_reset(text)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))
