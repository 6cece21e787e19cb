"""The weather over HTTP: one answer whoever serves it, by URL and by body."""

import pytest

from support.service import PROVIDERS, Answer, Serving, serving

OSLO = "/v1/weather/current?query=Oslo"


async def current(served: Serving, **headers: str) -> Answer:
    return await served.ask("GET", OSLO, headers={f"x-segue-{name}": value for name, value in headers.items()})


async def test_url_and_body_give_the_same_answer(served: Serving) -> None:
    by_url = await current(served)
    by_body = await served.ask("POST", "/v1/call/weather.current", json={"query": "Oslo"})
    assert by_url.status == by_body.status == 200
    apart = {"observed_at"}
    assert {k: v for k, v in by_url.json.items() if k not in apart} == {
        k: v for k, v in by_body.json.items() if k not in apart
    }
    assert by_url.headers["content-type"] == "application/json"
    assert by_url.headers["x-segue-provider"] == "ow"
    assert "x-segue-model" not in by_url.headers


async def test_coordinates_find_the_same_place_as_its_name(served: Serving) -> None:
    place = (await current(served)).json["place"]
    near = await served.ask("GET", f"/v1/weather/current?lat={place['lat']}&lon={place['lon']}&lang=de")
    assert near.status == 200
    assert near.json["place"]["lat"] == pytest.approx(place["lat"], abs=0.01)


async def test_both_vendors_give_the_same_place_and_weather_in_the_same_units(served: Serving) -> None:
    one, other = [(await current(served, only=name)).json for name in ("ow", "wa")]
    assert (one["source"]["vendor"], other["source"]["vendor"]) == ("openweather", "weatherapi")
    assert one["place"]["name"] == other["place"]["name"] == "Oslo"
    for name in ("lat", "lon"):
        assert one["place"][name] == pytest.approx(other["place"][name], abs=0.05)
    assert one["temp_c"] == pytest.approx(other["temp_c"], abs=0.2)
    assert one["wind_mps"] == pytest.approx(other["wind_mps"], abs=0.1)
    assert one["humidity_pct"] == other["humidity_pct"]
    assert one["condition"] == other["condition"]
    assert one["units"] == other["units"] == "metric"
    for answer in (one, other):
        assert answer["source"]["attribution"]
        assert answer["source"]["url"].startswith("https://")


@pytest.mark.parametrize("fault", ["down", "html", "empty_body", "error_in_200"])
async def test_an_outage_of_the_first_vendor_is_not_noticed(served: Serving, fault: str) -> None:
    served.sim.fault("ow", fault)
    answer = await current(served)
    assert answer.status == 200
    assert answer.headers["x-segue-provider"] == "wa"
    assert answer.headers["x-segue-attempts"] == "2"
    assert answer.json["source"]["vendor"] == "weatherapi"


async def test_a_place_that_does_not_exist_is_a_404_and_nobody_elses_business(served: Serving) -> None:
    answer = await served.ask("GET", "/v1/weather/current?query=nowhere-at-all")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == "not_found"
    assert answer.headers["x-segue-attempts"] == "1"
    assert served.sim.seen("wa") == []


async def test_a_used_up_quota_that_a_vendor_tells_by_403_leads_to_the_other() -> None:
    providers = {
        "wa": {**PROVIDERS["wa"], "key": "overquota-key-0005", "priority": 1},
        "ow": {**PROVIDERS["ow"], "priority": 2},
    }
    async with serving(providers=providers) as served:
        answer = await current(served)
        assert answer.status == 200
        assert answer.headers["x-segue-provider"] == "ow"
        assert served.calls[0].call.attempts[0].failure.kind.value == "quota_exhausted"


async def test_both_down_is_a_problem_that_lists_what_was_tried(served: Serving) -> None:
    served.sim.fault("*", "status", code=500)
    answer = await current(served)
    assert answer.status in {502, 503}
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["provider"] for one in answer.json["segue"]["attempts"]] == ["ow", "wa"]
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json["segue"]["call_id"] == answer.headers["x-segue-call-id"]
    served.sim.clear()
    assert (await current(served)).status == 200


async def test_without_a_weather_provider_the_error_says_what_to_configure() -> None:
    async with serving(providers={"primary": PROVIDERS["primary"]}) as served:
        answer = await current(served)
        assert (answer.status, answer.json["code"]) == (503, "no_candidate")
        assert "configure one under `providers`" in answer.json["detail"]
