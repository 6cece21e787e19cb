"""The service's own pages say what is so, need nothing from outside, and describe the hot paths too."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from segue.http.application import Application
from support.service import HELLO, Answer, Serving


async def test_health_says_that_the_process_and_its_store_are_well(served: Serving) -> None:
    answer = await served.ask("GET", "/health")
    assert (answer.status, answer.json["status"], answer.json["store"]) == (200, "ok", "ok")


async def test_health_stays_up_and_says_so_when_the_store_fails(served: Serving, monkeypatch) -> None:
    async def fail() -> bool:
        return False

    monkeypatch.setattr(served.service.running.store, "ping", fail)
    answer = await served.ask("GET", "/health")
    assert (answer.status, answer.json["status"], answer.json["store"]) == (200, "degraded", "failing")
    assert (await served.chat()).status == 200


async def test_ready_shows_providers_and_a_refused_configuration_until_it_is_mended(served: Serving) -> None:
    before = (await served.ask("GET", "/ready")).json
    assert before["status"] == "ready"
    assert before["configuration"] == {"version": 1, "in_force": True, "problems": [], "warnings": []}
    assert before["providers"]["primary"] == {"enabled": True, "state": "closed"}
    file = served.directory / "segue.yaml"
    good = file.read_text()
    file.write_text(good.replace('"adapter": "openai"', '"adapter": "opnai"', 1))
    assert served.service.running.reload() is False
    refused = await served.ask("GET", "/ready")
    assert refused.status == 200, "the old configuration still serves"
    assert refused.json["configuration"]["in_force"] is False
    assert "did you mean 'openai'" in refused.json["configuration"]["problems"][0]
    assert (await served.chat()).status == 200
    file.write_text(good)
    assert served.service.running.reload() is True
    mended = (await served.ask("GET", "/ready")).json["configuration"]
    assert (mended["in_force"], mended["problems"], mended["version"]) == (True, [], 2)


async def test_metrics_can_be_read_by_prometheus_and_count_calls(served: Serving) -> None:
    await served.chat()
    await served.chat("nobody")
    answer = await served.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}
    calls = [
        sample.value
        for family in families.values()
        if family.name.startswith("segue")
        for sample in family.samples
        if sample.labels.get("code") == "ok"
    ]
    assert 1.0 in calls


async def test_the_docs_load_nothing_from_outside(served: Serving) -> None:
    page = await served.ask("GET", "/docs")
    assert page.status == 200
    text = page.body.decode()
    assert not re.findall(r"""(?:src|href|url)\s*[=:]\s*["']?(?:https?:)?//""", text)
    assets = re.findall(r"""(?:src|href)="([^"]+)\"""", text)
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/docs/assets/")
        got = await served.ask("GET", asset)
        assert got.status == 200, asset
        assert len(got.body) > 500
    for path in ("/docs/assets/../../segue.yaml", "/docs/assets/%2e%2e/%2e%2e/segue.yaml", "/docs/assets/"):
        assert (await served.ask("GET", path)).status == 404


def references(document: object) -> list[str]:
    if isinstance(document, dict):
        own = [document["$ref"]] if isinstance(document.get("$ref"), str) else []
        return own + [one for value in document.values() for one in references(value)]
    return [one for value in document for one in references(value)] if isinstance(document, list) else []


async def test_the_openapi_description_is_whole_and_has_the_hot_paths(served: Serving) -> None:
    document = (await served.ask("GET", "/openapi.json")).json
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == "Segue"
    paths = document["paths"]
    for path, method in {
        "/v1/chat/completions": "post", "/v1/models": "get", "/v1/models/{id}": "get", "/v1/weather/current": "get",
        "/v1/call/weather.current": "post", "/v1/call/chat": "post", "/v1/calls/{call_id}": "get", "/health": "get",
        "/ready": "get", "/metrics": "get", "/admin/keys": "post", "/admin/keys/{which}": "delete",
    }.items():  # fmt: skip
        assert method in paths[path], path
    for path, methods in paths.items():
        assert path.startswith("/")
        for method, operation in methods.items():
            assert method in {"get", "post", "put", "delete", "patch"}
            assert operation["responses"], path
            for code, response in operation["responses"].items():
                assert code == "default" or 200 <= int(code) < 600
                assert response["description"]
            named = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path
            assert all(one["required"] for one in operation.get("parameters", []) if one["in"] == "path")
    for reference in references(document):
        here = document
        for part in reference.removeprefix("#/").split("/"):
            here = here[part]
    identifiers = [one["operationId"] for methods in paths.values() for one in methods.values() if "operationId" in one]
    assert len(identifiers) == len(set(identifiers))
    weather = {one["name"]: one["schema"] for one in paths["/v1/weather/current"]["get"]["parameters"]}
    assert set(weather) == {"query", "lat", "lon", "lang"}


async def test_the_description_is_the_same_every_time(served: Serving) -> None:
    assert (await served.ask("GET", "/openapi.json")).body == (await served.ask("GET", "/openapi.json")).body


async def test_the_state_of_providers_counts_their_calls(served: Serving) -> None:
    served.sim.fault("primary", "status", code=500, times=1)
    await served.chat("smart")
    await served.chat("smart")
    shown = (await served.ask("GET", "/admin/providers")).json
    assert (shown["primary"]["calls"], shown["primary"]["failures"]) == (2, 1)
    assert shown["primary"]["success_rate"] == 0.5
    assert shown["ow"]["operations"] == ["weather.current"]


async def test_without_a_store_the_service_has_no_keys_and_no_records(served: Serving) -> None:
    running = served.service.running
    kept = running.store, running.key_store, running.call_log
    running.store = running.key_store = running.call_log = None
    try:
        assert (await served.ask("GET", "/health")).json["store"] == "none"
        assert (await served.ask("GET", "/admin/keys")).json == []
        for method, path in (("POST", "/admin/keys"), ("DELETE", "/admin/keys/x")):
            answer = await served.ask(method, path, json={"name": "x"})
            assert (answer.status, answer.json["code"]) == (409, "http_409")
        assert (await served.ask("GET", "/v1/calls/call_1")).status == 404
    finally:
        running.store, running.key_store, running.call_log = kept


async def asked(served: Serving, scope: dict, *received: dict) -> list[dict]:
    """What the ASGI application sends for what a server tells it."""
    messages, sent = iter(received), []

    async def receive() -> dict:
        return next(messages)

    async def send(message: dict) -> None:
        sent.append(message)

    running = served.service.running
    await Application(running, served.service.authenticator)(scope, receive, send)
    return sent


async def test_lifespan_and_websockets_are_answered_as_asgi_asks(served: Serving) -> None:
    sent = await asked(served, {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert [one["type"] for one in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    sent = await asked(served, {"type": "websocket"}, {"type": "websocket.connect"})
    assert (sent[0]["type"], sent[0]["code"]) == ("websocket.close", 1003)
    assert await asked(served, {"type": "something new"}) == []


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/v1/weather/current?query=Oslo"])
async def test_asking_for_headers_only_breaks_nothing(served: Serving, path: str) -> None:
    for _ in range(2):
        answer: Answer = await served.ask("HEAD", path)
        assert answer.status in {200, 405}
        assert answer.body == b""
    assert (await served.ask("POST", "/v1/chat/completions", json={"model": "alone", "messages": HELLO})).status == 200
