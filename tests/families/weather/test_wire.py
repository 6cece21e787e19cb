"""What goes out: the address, the parameters, the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.weather.support import SECRET, VENDORS, call, candidate, codec, encode, parameters
from segue.core.failure import Failure, Kind
from segue.core.ports import ProviderSpec
from segue.core.registry import Registry


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_registry_finds_a_vendor_by_the_name_of_its_file(vendor):
    registry = Registry("adapter", packages=["segue.families.weather.providers"], attribute="ADAPTER", group="none")
    kind = registry.get(vendor)
    assert vendor in registry.ids()
    assert kind.id == vendor
    assert kind.operations == {"weather.current"}
    assert kind.needs_key
    assert not kind.models
    assert all(name.isupper() and name.endswith("KEY") for name in kind.environment)


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize("vendor", VENDORS)
def test_whether_private_addresses_are_allowed_is_passed_on(vendor, allowed):
    assert VENDORS[vendor].build(ProviderSpec("w", vendor, allow_private=allowed)).allow_private is allowed


def test_openweather_is_asked_by_name_in_metric_units():
    request = encode("openweather", query="Lisbon,PT", lang="cs")
    assert request.method == "GET"
    assert request.body == b""
    assert request.url.startswith("https://api.openweathermap.org/data/2.5/weather?")
    assert parameters(request) == {"q": "Lisbon,PT", "units": "metric", "lang": "cz", "appid": SECRET}


def test_openweather_is_asked_by_coordinates():
    request = encode("openweather", lat=1e-05, lon=-179.5)
    assert parameters(request) == {"lat": "0.00001", "lon": "-179.5", "units": "metric", "appid": SECRET}


def test_weatherapi_takes_names_and_coordinates_by_one_parameter():
    named, given_ = encode("weatherapi", query="Lisbon,PT", lang="zh-TW"), encode("weatherapi", lat=38.72, lon=0)
    assert named.url.startswith("https://api.weatherapi.com/v1/current.json?")
    assert parameters(named) == {"key": SECRET, "q": "Lisbon,PT", "aqi": "no", "lang": "zh_tw"}
    assert parameters(given_) == {"key": SECRET, "q": "38.72,0", "aqi": "no"}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_language_that_a_vendor_does_not_speak_is_not_sent(vendor):
    assert "lang" not in parameters(encode(vendor, query="Roma", lang="la"))


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("base", ["http://127.0.0.1:9/sim/w", "http://127.0.0.1:9/sim/w/"])
def test_a_base_url_replaces_exactly_the_prefix(vendor, base):
    last = {"openweather": "weather", "weatherapi": "current.json"}[vendor]
    assert encode(vendor, base).url.split("?")[0] == f"http://127.0.0.1:9/sim/w/{last}"


@pytest.mark.parametrize("vendor", VENDORS)
@given(
    place=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40).map(lambda text: f"x{text}"),
    secret=st.text(min_size=1, max_size=40),
)
def test_any_name_and_any_key_arrive_as_they_are(vendor, place, secret):
    request = encode(vendor, secret=secret, query=place)
    arrived = parameters(request)
    assert place in arrived.values()
    assert secret in arrived.values()
    assert request.url.isascii()
    assert not set(request.url) & set(' +#"<>\\^`{|}\r\n')


@pytest.mark.parametrize("vendor", VENDORS)
def test_nothing_is_streamed(vendor):
    reader = codec(vendor).reader(call(), candidate(vendor), {})
    assert not codec(vendor).wants_stream(call())
    assert isinstance(reader, Failure)
    assert reader.kind is Kind.UNSUPPORTED
