"""Durations and sizes: a unit always, no guessing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.config.values import format_duration, format_hold, format_size, parse_duration, parse_hold, parse_size
from segue.core.call import NO_HOLD, Hold


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30), ("5m", 300), ("24h", 86400), ("30d", 2592000), ("500ms", 0.5), ("1h30m", 5400), ("1.5s", 1.5),
        ("1d2h3m4s5ms", 93784.005), ("0s", 0), ("1m500ms", 60.5),
    ],
)  # fmt: skip
def test_a_duration_is_read_as_seconds(text: str, seconds: float):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "s",
     "30 s", "30S", "-5s", "5s30m", "5s5s", "1e3s", "30sec", "٣s", "5m ", "\n5m", "5m\n", "9" * 13 + "s", "1w"],
)  # fmt: skip
def test_what_is_no_duration_is_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match="write it like 500ms, 30s"):
        parse_duration(text)


@pytest.mark.parametrize("number", [30, "30"])
def test_a_bare_number_is_asked_for_its_unit(number: object):
    with pytest.raises(ValueError, match="say 30s if you mean seconds"):
        parse_duration(number)


@pytest.mark.parametrize("value", [None, True, [], {}, b"5s", object()])
def test_what_is_not_text_is_no_duration_and_no_size(value: object):
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(value)
    with pytest.raises(ValueError, match="must be a size"):
        parse_size(value)


@pytest.mark.parametrize(
    ("text", "count"),
    [("32MiB", 32 * 1024**2), ("10MB", 10**7), ("512kB", 512_000), ("1KiB", 1024), ("7B", 7), ("1.5 GiB", 1610612736)],
)
def test_a_size_is_read_as_bytes(text: str, count: int):
    assert parse_size(text) == count


@pytest.mark.parametrize("text", ["32mb", "10 M", "-1MB", "MB", "1TB", "32MiB "])
def test_what_is_no_size_is_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match="write it like 512kB"):
        parse_size(text)


def test_a_bare_size_is_asked_for_its_unit():
    with pytest.raises(ValueError, match="say 1000B if you mean bytes"):
        parse_size(1000)


@given(st.integers(min_value=0, max_value=10**13))
def test_a_written_duration_reads_back_as_the_same(milliseconds: int):
    assert parse_duration(format_duration(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, abs=0.001)


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_a_written_size_reads_back_as_the_same(count: int):
    assert parse_size(format_size(count)) == count


@pytest.mark.parametrize(
    ("text", "hold"),
    [
        ("none", NO_HOLD), ("all", Hold(whole=True)), ("64 tokens", Hold(tokens=64)), ("1 token", Hold(tokens=1)),
        ("100000 tokens", Hold(tokens=100_000)), ("2s", Hold(seconds=2.0)), ("1ms", Hold(seconds=0.001)),
        ("10m", Hold(seconds=600.0)), ("1m30s", Hold(seconds=90.0)),
    ],
)  # fmt: skip
def test_a_hold_is_read_as_tokens_seconds_or_the_whole(text: str, hold: Hold):
    assert parse_hold(text) == hold


def test_no_hold_is_the_very_object_that_costs_nothing():
    assert parse_hold("none") is NO_HOLD


@pytest.mark.parametrize(
    "text", ["", " ", "some", "ALL", "none ", "64  tokens", "64tokens", "64 token s", "-1 tokens", "1.5 tokens",
             "٣ tokens", "9999999 tokens", "2 s", "64 tokens\n", "64 tokens and 2s"],
)  # fmt: skip
def test_what_is_no_hold_is_refused_with_all_its_forms(text: str):
    with pytest.raises(ValueError, match=r"must be none, .* such as 64 tokens, .* such as 2s, or all, not"):
        parse_hold(text)


@pytest.mark.parametrize("number", [64, "64", 2.5, "2.5"])
def test_a_bare_number_of_a_hold_could_mean_tokens_or_seconds(number: object):
    with pytest.raises(ValueError, match="needs a unit: write it like none, a number of tokens"):
        parse_hold(number)


@pytest.mark.parametrize("value", [None, True, [], {}, b"all", object()])
def test_what_is_not_text_is_no_hold(value: object):
    with pytest.raises(ValueError, match="must be none, a number of tokens"):
        parse_hold(value)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [("0 tokens", "1 to 100000 tokens"), ("100001 tokens", "1 to 100000 tokens"),
     ("0s", "1ms to 10m"), ("0.5ms", "1ms to 10m"), ("10m1ms", "1ms to 10m"), ("1h", "1ms to 10m")],
)  # fmt: skip
def test_a_hold_beyond_its_bounds_is_refused_with_them(text: str, bounds: str):
    with pytest.raises(ValueError, match=f"must be from {bounds}, not '{text}'"):
        parse_hold(text)


@given(
    st.one_of(
        st.just(NO_HOLD), st.just(Hold(whole=True)),
        st.integers(1, 100_000).map(lambda tokens: Hold(tokens=tokens)),
        st.integers(1, 600_000).map(lambda milliseconds: Hold(seconds=milliseconds / 1000)),
    )
)  # fmt: skip
def test_a_written_hold_reads_back_as_the_same(hold: Hold):
    again = parse_hold(format_hold(hold))
    assert (again.tokens, again.whole) == (hold.tokens, hold.whole)
    assert again.seconds == pytest.approx(hold.seconds)
