"""What may be asked, and how a mistake is told."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.errors import RequestInvalid
from segue.core.operation import Nature
from segue.families.weather.operations import CURRENT, OPERATIONS
from segue.families.weather.types import MAX_QUERY, CurrentRequest, CurrentWeather


def test_the_operation_is_a_read_that_names_no_model():
    assert OPERATIONS == (CURRENT,)
    assert (CURRENT.id, CURRENT.family, CURRENT.nature) == ("weather.current", "weather", Nature.READ)
    assert (CURRENT.request, CURRENT.answer) == (CurrentRequest, CurrentWeather)
    assert not CURRENT.by_model
    assert CURRENT.analyse(CurrentRequest(query="Oslo")).size > 0


@pytest.mark.parametrize(
    "fields",
    [{"query": "São Paulo,BR"}, {"lat": -90, "lon": 180.0}, {"lat": 0, "lon": 0}, {"query": "Oslo", "lang": "pt-BR"}],
)
def test_a_place_is_named_or_given_by_both_coordinates(fields):
    assert CURRENT.parse(json.dumps(fields).encode()) == CurrentRequest(**fields) == CURRENT.from_fields(fields, False)


@pytest.mark.parametrize(
    ("fields", "param", "remedy"),
    [
        ({}, "query", "send `query`, or both"),
        ({"lat": 1.0}, "lon", "needs both"),
        ({"lon": 1.0}, "lat", "needs both"),
        ({"query": "Oslo", "lat": 1.0, "lon": 1.0}, "query", "only one of them"),
        ({"query": "Oslo", "lon": 1.0}, "query", "only one of them"),
        ({"query": "  "}, "query", "place's name"),
        ({"query": "x" * (MAX_QUERY + 1)}, "query", "at most 200"),
        ({"query": "Os\nlo"}, "query", "control characters"),
        ({"query": "59.91, 10.75"}, "query", "`lat` and `lon`"),
        ({"query": "auto:ip"}, "query", "selector"),
        ({"query": "IATA:OSL"}, "query", "selector"),
        ({"query": 5}, "query", "str"),
        ({"lat": 90.0001, "lon": 0}, "lat", "from -90 to 90"),
        ({"lat": 0, "lon": -180.5}, "lon", "from -180 to 180"),
        ({"lat": "north", "lon": 0}, "lat", "float"),
        ({"lat": True, "lon": 0}, "lat", "float"),
        ({"query": "Oslo", "lang": "pt_BR"}, "lang", "`pt-BR`"),
        ({"query": "Oslo", "lang": 7}, "lang", "str"),
        ({"query": "Oslo", "units": "imperial"}, "units", "query, lat, lon, lang"),
        ({"city": "Oslo"}, "city", "query, lat, lon, lang"),
    ],
)
def test_a_mistake_names_its_field_and_the_remedy_whichever_way_it_came(fields, param, remedy):
    for attempt in (lambda: CURRENT.parse(json.dumps(fields).encode()), lambda: CURRENT.from_fields(fields, False)):
        with pytest.raises(RequestInvalid) as caught:
            attempt()
        assert caught.value.param == param
        assert remedy in caught.value.message
        assert caught.value.status == 400


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "1", True, 91])
def test_a_request_built_in_python_is_checked_as_strictly(value):
    with pytest.raises(RequestInvalid) as caught:
        CurrentRequest(lat=value, lon=0.0)
    assert caught.value.param == "lat"


def test_the_query_of_a_url_spells_numbers_as_text():
    assert CURRENT.from_fields({"lat": "38.72", "lon": "-9"}, True) == CurrentRequest(lat=38.72, lon=-9.0)
    assert CURRENT.from_fields({"query": "null"}, True) == CurrentRequest(query="null")
    with pytest.raises(RequestInvalid, match=r"lat.*number of degrees"):
        CURRENT.from_fields({"lat": "nan", "lon": "1"}, True)
    with pytest.raises(RequestInvalid, match=r"lon.*float"):
        CURRENT.from_fields({"lat": "1", "lon": "east"}, True)


@given(
    st.one_of(
        st.binary(max_size=60), st.recursive(st.none() | st.text(), st.lists).map(lambda v: json.dumps(v).encode())
    )
)
def test_no_body_does_anything_but_parse_or_be_refused(body):
    try:
        request = CURRENT.parse(body)
    except RequestInvalid:
        return
    assert isinstance(request, CurrentRequest)


@pytest.mark.parametrize("start", [b"[", b'{"x":', b'{"query":'])
def test_a_body_nested_beyond_the_stack_is_refused(start):
    with pytest.raises(RequestInvalid):
        CURRENT.parse(start + b"[" * 200_000)


def test_the_schema_for_the_documentation_carries_the_limits():
    latitude = msgspec.json.schema(CurrentRequest)["$defs"]["CurrentRequest"]["properties"]["lat"]["anyOf"][0]
    assert (latitude["minimum"], latitude["maximum"]) == (-90, 90)
