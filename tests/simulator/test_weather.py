"""Two weather vendors with their own units, fields and errors, under one sky."""

import pytest

from segue.simulator import Simulator

FIELD_NAMES = (
    "last_updated_epoch last_updated temp_c temp_f is_day condition wind_mph wind_kph wind_degree wind_dir pressure_mb "
    "pressure_in precip_mm precip_in humidity cloud feelslike_c feelslike_f vis_km vis_miles uv gust_mph gust_kph"
)
CURRENT_FIELDS = set(FIELD_NAMES.split())


async def openweather(web, status=200, **query):
    async with web.get("/openweather/data/2.5/weather", params={"appid": "key", **query}) as answer:
        assert answer.status == status
        return await answer.json()


async def weatherapi(web, status=200, **query):
    async with web.get("/weatherapi/v1/current.json", params={"key": "key", **query}) as answer:
        assert answer.status == status
        return await answer.json()


async def test_openweather_answers_with_the_documented_fields(web):
    """All documented fields are there, of the documented types."""
    document = await openweather(web, q="London")
    names = "coord weather base main visibility wind clouds dt sys timezone id name cod"
    required = set(names.split())
    assert required <= set(document) <= required | {"rain", "snow"}
    assert document["cod"] == 200
    assert document["name"] == "London"
    assert document["sys"]["country"] == "GB"
    assert document["sys"]["sunrise"] < document["sys"]["sunset"]
    assert set(document["main"]) == {
        "temp", "feels_like", "temp_min", "temp_max", "pressure", "humidity", "sea_level", "grnd_level"
    }  # fmt: skip
    assert set(document["weather"][0]) == {"id", "main", "description", "icon"}
    assert set(document["wind"]) == {"speed", "deg", "gust"}
    assert 0 <= document["visibility"] <= 10_000
    assert document["timezone"] in {0, 3600}


async def test_openweather_honours_units(web):
    """Kelvin by default, Celsius for metric, Fahrenheit and miles per hour for imperial."""
    standard = await openweather(web, q="Oslo")
    metric = await openweather(web, q="Oslo", units="metric")
    imperial = await openweather(web, q="Oslo", units="imperial")
    kelvin = standard["main"]["temp"]
    assert metric["main"]["temp"] == pytest.approx(kelvin - 273.15, abs=0.01)
    assert imperial["main"]["temp"] == pytest.approx((kelvin - 273.15) * 1.8 + 32, abs=0.01)
    assert metric["wind"]["speed"] == standard["wind"]["speed"]
    assert imperial["wind"]["speed"] == pytest.approx(standard["wind"]["speed"] * 2.237, abs=0.01)


@pytest.mark.parametrize(
    ("query", "status", "code", "message"),
    [
        ({}, 400, "400", "Nothing to geocode"),
        ({"q": " "}, 400, "400", "Nothing to geocode"),
        ({"q": "Nowhere"}, 404, "404", "city not found"),
        ({"lat": "91", "lon": "0"}, 400, "400", "wrong latitude"),
        ({"lat": "x", "lon": "0"}, 400, "400", "wrong latitude"),
        ({"lat": "nan", "lon": "0"}, 400, "400", "wrong latitude"),
        ({"lat": "0", "lon": "-181"}, 400, "400", "wrong longitude"),
        ({"lat": "0"}, 400, "400", "wrong longitude"),
        ({"q": "Oslo", "appid": ""}, 401, 401, "Invalid API key. "),
        ({"q": "Oslo", "appid": "invalid-key"}, 401, 401, "Invalid API key. "),
    ],
)
async def test_openweather_refuses(web, query, status, code, message):
    """Errors have the documented text, and `cod` is text in some and a number in others, as at the vendor."""
    document = await openweather(web, status, **query)
    assert set(document) == {"cod", "message"}
    assert document["cod"] == code
    assert document["message"].startswith(message)


async def test_weatherapi_answers_with_the_documented_fields(web):
    """All documented fields are there, and both scales of each quantity agree."""
    document = await weatherapi(web, q="Tokyo")
    assert set(document) == {"location", "current"}
    assert set(document["location"]) == {
        "name", "region", "country", "lat", "lon", "tz_id", "localtime_epoch", "localtime"
    }  # fmt: skip
    current = document["current"]
    assert set(current) == CURRENT_FIELDS
    assert current["temp_f"] == pytest.approx(current["temp_c"] * 1.8 + 32, abs=0.2)
    assert current["wind_kph"] == pytest.approx(current["wind_mph"] * 1.609, abs=0.2)
    assert set(current["condition"]) == {"text", "icon", "code"}
    assert "air_quality" in (await weatherapi(web, q="Tokyo", aqi="yes"))["current"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"key": "", "q": "Oslo"}, 401, 1002),
        ({}, 400, 1003),
        ({"q": "nowhere at all"}, 400, 1006),
        ({"q": "91,0"}, 400, 1006),
        ({"key": "invalid", "q": "Oslo"}, 401, 2006),
        ({"key": "overquota", "q": "Oslo"}, 403, 2007),
        ({"key": "disabled", "q": "Oslo"}, 403, 2008),
        ({"key": "noplan", "q": "Oslo"}, 403, 2009),
    ],
)
async def test_weatherapi_refuses(web, query, status, code):
    """Each documented code comes with its documented status."""
    document = await weatherapi(web, status, **query)
    assert set(document["error"]) == {"code", "message"}
    assert document["error"]["code"] == code


async def test_weatherapi_refuses_a_wrong_address(web):
    """A path that does not exist is error 1005."""
    async with web.get("/weatherapi/v1/tomorrow.json") as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == 1005


@pytest.mark.parametrize("place", ["London", "são paulo,BR", "Some Village", "-12.5,130.25", "48.85,2.35"])
async def test_both_vendors_see_the_same_sky(web, place):
    """The same place, by name or by point, has the same weather at both vendors."""
    latitude, _, longitude = place.partition(",")
    point = {"lat": latitude, "lon": longitude} if latitude.lstrip("-").replace(".", "").isdigit() else {"q": place}
    one = await openweather(web, units="metric", **point)
    other = await weatherapi(web, q=place)
    assert one["name"] == other["location"]["name"]
    assert one["coord"] == {"lat": other["location"]["lat"], "lon": other["location"]["lon"]}
    assert one["main"]["temp"] == pytest.approx(other["current"]["temp_c"], abs=0.06)
    assert one["wind"]["speed"] * 3.6 == pytest.approx(other["current"]["wind_kph"], abs=0.06)
    assert one["main"]["humidity"] == other["current"]["humidity"]
    assert one["clouds"]["all"] == other["current"]["cloud"]


async def test_a_city_has_the_same_weather_by_name_and_by_point(web):
    """Asking for London's coordinates finds London."""
    by_name = await openweather(web, q="London")
    by_point = await openweather(web, lat="51.51", lon="-0.13")
    assert by_point["name"] == "London"
    assert by_point["main"] == by_name["main"]


async def test_the_seed_decides_the_weather(web):
    """Another seed has other weather, the same seed the same."""
    import aiohttp

    here = await openweather(web, q="London")
    for seed, same in ((1, True), (2, False)):
        async with Simulator(seed=seed) as other, aiohttp.ClientSession(other.url) as session:
            assert ((await openweather(session, q="London"))["main"] == here["main"]) is same


@pytest.mark.parametrize(
    ("options", "status", "body"),
    [
        ({"code": 429}, 429, {"cod": 429}),
        ({"code": 500}, 500, {"cod": "500", "message": "Internal error"}),
        ({"error": "401"}, 401, {"cod": 401}),
    ],
)
async def test_openweather_faults_have_its_shape(sim, web, options, status, body):
    """A status fault speaks OpenWeather's language."""
    sim.fault("openweather", "status", **options)
    assert (await openweather(web, status, q="Oslo")).items() >= body.items()


@pytest.mark.parametrize(("options", "status", "code"), [({"error": 2007}, 403, 2007), ({"code": 503}, 503, 9999)])
async def test_weatherapi_faults_have_its_shape(sim, web, options, status, code):
    """A status fault speaks WeatherAPI.com's language."""
    sim.fault("weatherapi", "status", **options)
    assert (await weatherapi(web, status, q="Oslo"))["error"]["code"] == code
