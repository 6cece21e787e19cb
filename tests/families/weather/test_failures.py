"""What comes in when it is no weather: classified, never raised, never with the key in it."""

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.weather.support import BODIES, OPENWEATHER, SECRET, VENDORS, call, candidate, changed, codec, decode
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.weather.failures import MAX_MESSAGE, presentable
from segue.families.weather.types import CurrentWeather

BLOCKED = "Your account is temporary blocked due to exceeding of requests limitation of your subscription type."


def failure_of(vendor, body, status) -> Failure:
    outcome = decode(vendor, body, status)
    assert outcome.answer is None
    assert outcome.failure is not None
    return outcome.failure


@pytest.mark.parametrize(
    ("status", "cod", "message", "kind", "scope", "executed"),
    [
        (400, "400", "Nothing to geocode", Kind.INVALID_REQUEST, Scope.REQUEST, Executed.NO),
        (401, 401, "Invalid API key.", Kind.AUTH, Scope.KEY, Executed.NO),
        (401, 401, "This needs a separate subscription to the plan.", Kind.PERMISSION, Scope.KEY, Executed.NO),
        (403, 403, "Forbidden", Kind.PERMISSION, Scope.KEY, Executed.NO),
        (404, "404", "city not found", Kind.NOT_FOUND, Scope.REQUEST, Executed.YES),
        (404, "404", "Internal error", Kind.BAD_RESPONSE, Scope.PROVIDER, Executed.UNKNOWN),
        (429, 429, BLOCKED, Kind.RATE_LIMITED, Scope.KEY, Executed.NO),
        (500, "500", "Internal error", Kind.SERVER_ERROR, Scope.PROVIDER, Executed.UNKNOWN),
        (502, 502, "Bad gateway", Kind.SERVER_ERROR, Scope.PROVIDER, Executed.UNKNOWN),
        (503, 503, "Unavailable", Kind.OVERLOADED, Scope.PROVIDER, Executed.NO),
        (405, 405, "Internal error", Kind.BAD_RESPONSE, Scope.PROVIDER, Executed.UNKNOWN),
    ],
)
def test_openweather_s_error_means_the_same_with_its_status_and_with_200(status, cod, message, kind, scope, executed):
    for http_status in (status, 200):
        failure = failure_of("openweather", {"cod": cod, "message": message}, http_status)
        assert (failure.kind, failure.scope, failure.executed) == (kind, scope, executed)
        assert failure.message == f"OpenWeather: {message}"
        assert (failure.status, failure.vendor_code, failure.retry_after) == (http_status, str(cod), None)


@pytest.mark.parametrize(("message", "param"), [("wrong latitude", "lat"), ("wrong longitude", "lon"), ("?", None)])
def test_openweather_names_the_coordinate_that_is_wrong(message, param):
    assert failure_of("openweather", {"cod": "400", "message": message}, 400).param == param


@pytest.mark.parametrize(
    ("status", "code", "kind", "scope"),
    [
        (401, 1002, Kind.AUTH, Scope.KEY),
        (400, 1003, Kind.INVALID_REQUEST, Scope.REQUEST),
        (400, 1005, Kind.BAD_RESPONSE, Scope.PROVIDER),
        (400, 1006, Kind.NOT_FOUND, Scope.REQUEST),
        (401, 2006, Kind.AUTH, Scope.KEY),
        (403, 2007, Kind.QUOTA, Scope.KEY),
        (403, 2008, Kind.AUTH, Scope.KEY),
        (403, 2009, Kind.PERMISSION, Scope.KEY),
        (400, 9000, Kind.INVALID_REQUEST, Scope.REQUEST),
        (400, 9001, Kind.INVALID_REQUEST, Scope.REQUEST),
        (400, 9999, Kind.SERVER_ERROR, Scope.PROVIDER),
    ],
)
def test_weatherapi_s_code_decides_whatever_the_status(status, code, kind, scope):
    for http_status, written in ((status, code), (200, code), (status, str(code))):
        failure = failure_of("weatherapi", {"error": {"code": written, "message": "In its own words."}}, http_status)
        assert (failure.kind, failure.scope) == (kind, scope)
        assert failure.message == "WeatherAPI.com: In its own words."
        assert failure.vendor_code == str(code)


def test_weatherapi_s_undocumented_code_is_not_taken_for_the_caller_s_mistake():
    failure = failure_of("weatherapi", {"error": {"code": 1234, "message": "Something new."}}, 400)
    assert (failure.kind, failure.vendor_code) == (Kind.BAD_RESPONSE, "1234")


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Kind.AUTH),
        (429, Kind.RATE_LIMITED),
        (500, Kind.SERVER_ERROR),
        (504, Kind.SERVER_ERROR),
        (503, Kind.OVERLOADED),
        (200, Kind.BAD_RESPONSE),
        (204, Kind.BAD_RESPONSE),
        (302, Kind.BAD_RESPONSE),
        (400, Kind.BAD_RESPONSE),
        (403, Kind.BAD_RESPONSE),
        (404, Kind.BAD_RESPONSE),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<!DOCTYPE html><h1>Sorry</h1>", b'{"half":', b"[]", b"null", b"\xff\xfe{"])
def test_without_the_vendor_s_own_words_only_an_unmistakable_status_is_believed(vendor, status, kind, body):
    assert failure_of(vendor, body, status).kind is kind


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        ("openweather", {"cod": "404", "message": "city not found"}),
        ("weatherapi", {"error": {"code": 1006, "message": "No matching location found."}}),
    ],
)
def test_a_server_that_is_ill_is_not_believed_that_the_place_does_not_exist(vendor, body):
    assert failure_of(vendor, body, 500).kind is Kind.SERVER_ERROR


def test_weather_that_says_it_is_an_error_is_an_error():
    assert failure_of("openweather", changed(OPENWEATHER, "cod", 429), 200).kind is Kind.RATE_LIMITED
    body = {**BODIES["weatherapi"], "error": {"code": 2007, "message": "Used up."}}
    assert failure_of("weatherapi", body, 200).kind is Kind.QUOTA
    assert failure_of("weatherapi", {**body, "error": "yes"}, 200).kind is Kind.BAD_RESPONSE
    assert decode("weatherapi", {**body, "error": None}).ok


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("digits", ['""', '"abc"', '"²"', "-1", '"4 04"', "404.5", "null", "true", "9" * 5000])
def test_a_code_that_is_no_number_is_no_error_of_the_vendor_s(vendor, digits):
    body = f'{{"cod": {digits}, "message": "m", "error": {{"code": {digits}, "message": "m"}}}}'
    failure = failure_of(vendor, body.encode(), 400)
    assert (failure.kind, failure.vendor_code) == (Kind.BAD_RESPONSE, None)


@pytest.mark.parametrize("vendor", VENDORS)
def test_weather_with_a_status_other_than_200_is_no_answer(vendor):
    assert failure_of(vendor, BODIES[vendor], 503).kind is Kind.OVERLOADED
    assert failure_of(vendor, BODIES[vendor], 400).kind is Kind.BAD_RESPONSE


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_body_nested_beyond_the_stack_is_a_bad_response(vendor):
    for body in (b'{"x":' + b"[" * 200_000, b"[" * 200_000 + b"]" * 200_000):
        assert failure_of(vendor, body, 200).kind is Kind.BAD_RESPONSE


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(
    "spell", [str, quote, quote_plus, html.escape, str.upper, lambda key: quote(key, safe="").lower()]
)
def test_an_echoed_key_is_taken_out_of_the_message(vendor, spell):
    message = f"The key {spell(SECRET)} is unknown"
    body = {"cod": 401, "message": message, "error": {"code": 2006, "message": message}}
    failure = failure_of(vendor, body, 401)
    assert failure.message.endswith(": The key [key] is unknown")
    assert SECRET not in repr(failure)


def test_without_a_key_a_message_is_shown_as_it_is():
    assert presentable("No key was sent", "") == "No key was sent"


def test_a_key_split_by_control_characters_or_by_the_cut_is_found_all_the_same():
    assert presentable(f"bad {SECRET[:4]}\x00\u200b{SECRET[4:]}!", SECRET) == "bad [key]!"
    cut = presentable("x" * (MAX_MESSAGE - 5) + SECRET, SECRET)
    assert len(cut) == MAX_MESSAGE
    assert SECRET[:3] not in cut


@given(text=st.text(max_size=600), secret=st.text("abcDEF09-_", min_size=16, max_size=32), at=st.integers(0, 600))
def test_no_message_shows_the_key_or_breaks_the_line(text, secret, at):
    shown = presentable(text[:at] + secret + text[at:], secret)
    assert secret.lower() not in shown.lower()
    assert len(shown) <= MAX_MESSAGE
    assert shown.isprintable()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def bent_bodies(draw, vendor):
    """A good body with a value exchanged somewhere, or cut off, or anything else at all."""
    paths = ["weather.0.id", "main.temp", "dt", "cod", "wind", "rain", "sys", "timezone", "coord.lat", "name"]
    if vendor == "weatherapi":
        paths = ["current.temp_c", "current.condition", "current.last_updated_epoch", "location.lat", "current.is_day"]
    bent = json.dumps(changed(BODIES[vendor], draw(st.sampled_from(paths)), draw(json_values))).encode()
    error = {"cod": draw(json_values), "message": draw(json_values), "error": draw(json_values)}
    coded = {"cod": draw(st.integers()), "error": {"code": draw(st.integers()), "message": draw(st.text())}}
    bodies = [bent, bent[: draw(st.integers(0, len(bent)))], json.dumps(error).encode(), json.dumps(coded).encode()]
    return draw(st.one_of(st.sampled_from(bodies), st.binary(max_size=50)))


@pytest.mark.parametrize("vendor", VENDORS)
@given(data=st.data())
def test_whatever_comes_the_outcome_is_one_true_answer_or_one_failure(vendor, data):
    status = data.draw(
        st.sampled_from([200, 200, 200, 204, 301, 400, 401, 403, 404, 429, 500, 503]) | st.integers(100, 999)
    )
    headers = {"content-type": data.draw(st.sampled_from(["application/json", "text/html", "application/xml", ""]))}
    body = data.draw(bent_bodies(vendor))
    outcome = codec(vendor).decode(call(), candidate(vendor), status, headers, body)
    assert (outcome.answer is None) is not (outcome.failure is None)
    if outcome.failure is None:
        assert status == 200
        assert isinstance(outcome.answer, CurrentWeather)
        assert -100 <= outcome.answer.temp_c <= 70
        assert "2000" <= outcome.answer.observed_at < "2100"
        assert outcome.answer.provider_code.isdigit()
    else:
        assert outcome.failure.message.startswith(("OpenWeather: ", "WeatherAPI.com: "))
        assert SECRET not in repr(outcome.failure)
