"""`/passthrough/{provider}/…`: a vendor's own SDK reaches what Segue does not model, with Segue's key and breaker."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import openai
import pytest
from yarl import URL

from backends.scripted import Peer, answer
from backends.scripted import serving as scripted
from support.service import HELLO, WEATHER_KEYS, Serving, eventually, serving

KEYS = ("sk-oai-0001", "sk-ant-0002", "AIza-0003")
PROVIDERS: Mapping[str, Any] = {
    "oai": {"adapter": "openai", "base_url": "{sim}/oai/v1", "key": KEYS[0], "models": ["gpt-4o"]},
    "claude": {"adapter": "anthropic", "base_url": "{sim}/claude", "key": KEYS[1], "models": ["claude-sonnet-4-5"]},
    "gem": {"adapter": "gemini", "base_url": "{sim}/gem/v1beta", "key": KEYS[2], "models": ["gemini-2.5-pro"]},
    "ow": {"adapter": "openweather", "base_url": "{sim}/ow/data/2.5", "key": WEATHER_KEYS[0]},
}


@pytest.fixture
async def four() -> AsyncIterator[Serving]:
    async with serving(providers=PROVIDERS) as served:
        yield served


@pytest.mark.parametrize("path", ["/passthrough/oai", "/passthrough/oai/v1"])
async def test_the_sdk_of_a_vendor_works_through_it_plain_and_streamed(four: Serving, path: str) -> None:
    async with four.sdk(prefix=path) as sdk:
        models = await sdk.models.list()
        plain = await sdk.chat.completions.create(model="gpt-4o", messages=HELLO)
        stream = await sdk.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
        said = "".join([piece.choices[0].delta.content or "" async for piece in stream if piece.choices])
    assert "gpt-4o" in [model.id for model in models.data]
    assert said == plain.choices[0].message.content
    call = four.calls[-1].call
    behind = path.removeprefix("/passthrough/oai")
    assert (call.operation.id, call.surface) == ("passthrough", "passthrough")
    assert call.features.model == f"POST {behind}/chat/completions"


@pytest.mark.parametrize(
    ("path", "header", "key"),
    [
        ("/passthrough/oai/models", "authorization", KEYS[0]),
        ("/passthrough/claude/v1/models", "x-api-key", KEYS[1]),
        ("/passthrough/gem/v1beta/models", "x-goog-api-key", KEYS[2]),
    ],
)
async def test_the_providers_key_is_sent_and_the_callers_is_not(
    four: Serving, path: str, header: str, key: str
) -> None:
    made = await four.ask("POST", "/admin/keys", json={"name": "boss", "admin": True})
    mine = made.json["key"]
    assert (await four.ask("GET", path)).status == 401
    headers = {"x-api-key": mine, "x-segue-user": "me", "cookie": "a=b"}
    got = await four.ask("GET", f"{path}?key=sk-other&limit=3", headers=headers)
    assert got.status == 200
    (seen,) = four.sim.seen()
    assert seen.headers[header].endswith(key[-4:])
    assert seen.query == {"limit": "3"}
    assert mine[-4:] not in repr(seen.headers)
    assert not {"cookie", "x-segue-user"} & seen.headers.keys()
    assert got.headers["x-segue-provider"] == path.split("/")[2]
    assert got.headers["x-segue-call-id"]


async def test_the_providers_own_errors_are_the_callers_but_not_those_of_our_key(four: Serving) -> None:
    async with four.sdk(prefix="/passthrough/oai") as sdk:
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            await sdk.fine_tuning.jobs.retrieve("ftjob-1")
        four.sim.fault("oai", "status", code=429, times=1)
        with pytest.raises(openai.RateLimitError):
            await sdk.models.list()
    four.sim.fault("claude", "status", code=401, times=1)
    refused = await four.ask("GET", "/passthrough/claude/v1/models")
    assert (refused.status, refused.json["code"]) == (502, "provider_auth")
    assert refused.headers["content-type"] == "application/problem+json"


async def test_nothing_is_sent_twice_or_to_another() -> None:
    policies = {"default": {"retries": 5, "max_attempts": 8}}
    async with serving(providers=PROVIDERS, policies=policies) as served:
        for fault in ({"kind": "status", "code": 503}, {"kind": "reset_after", "bytes": 0}):
            kind = fault.pop("kind")
            served.sim.fault("oai", kind, **fault)
            before = len(served.sim.seen())
            got = await served.ask("POST", "/passthrough/oai/files", json={})
            assert got.status in {502, 503}
            assert len(served.sim.seen()) == before + 1
            served.sim.faults.clear("oai")


async def test_a_provider_that_fails_opens_its_breaker_for_passages_too() -> None:
    policies = {"default": {"retries": 0, "breaker": {"failures": 3, "open_for": "60s"}}}
    async with serving(providers=PROVIDERS, policies=policies) as served:
        served.sim.fault("oai", "status", code=500)
        for _ in range(3):
            assert (await served.ask("GET", "/passthrough/oai/models")).status == 500
        held = await served.ask("GET", "/passthrough/oai/models")
        assert (held.status, held.json["code"]) == (503, "unavailable")
        assert len(served.sim.seen("oai")) == 3
        assert (await served.ask("GET", "/passthrough/gem/models")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/passthrough/nobody/models", 404, "unknown_provider"),
        ("GET", "/passthrough/", 404, "unknown_provider"),
        ("GET", "/passthrough/ow/weather", 501, "not_offered"),
        ("GET", "/passthrough/oai", 400, "path_not_allowed"),
        ("GET", "/passthrough/oai/../claude/v1/models", 400, "path_not_allowed"),
        ("GET", "/passthrough/oai/%2e%2e/claude/v1/models", 400, "path_not_allowed"),
        ("GET", "/passthrough/oai//evil.example/x", 400, "path_not_allowed"),
        ("OPTIONS", "/passthrough/oai/models", 405, "method_not_allowed"),
        ("POST", "/v1/call/passthrough", 404, "unknown_operation"),
    ],
)
async def test_what_cannot_be_passed_on_is_refused_and_not_sent(
    four: Serving, method: str, path: str, status: int, code: str
) -> None:
    async with four.web.request(method, URL(four.url + path, encoded=True), data=b"{}") as got:
        told = await got.json(content_type=None)
        assert (got.status, told["code"]) == (status, code)
    assert four.sim.seen() == []


@pytest.mark.parametrize("header", ["x-segue-only", "x-segue-avoid", "x-segue-fallbacks"])
async def test_wishes_for_another_provider_are_refused(four: Serving, header: str) -> None:
    assert (await four.ask("GET", "/passthrough/oai/models", headers={header: "claude"})).status == 400


async def test_a_body_beyond_the_limit_is_refused() -> None:
    async with serving(providers=PROVIDERS, server={"body_limit": "1KiB"}) as served:
        got = await served.ask("POST", "/passthrough/oai/files", data=b"x" * 2000)
        assert (got.status, got.json["code"]) == (413, "request_too_large")


async def test_an_answer_that_breaks_off_does_not_look_whole() -> None:
    async def say(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await asyncio.sleep(0.02)
        peer.reset()

    async with scripted(say) as server:
        provider = {"raw": {"adapter": "openai", "base_url": server.url("/v1"), "key": "sk-raw-0001", "models": ["m"]}}
        async with serving(providers=provider) as served:
            async with served.web.get("/passthrough/raw/download") as got:
                assert got.status == 200
                with pytest.raises(aiohttp.ClientError):
                    await got.read()
            await eventually(lambda: served.calls)
            assert served.calls[-1].code == "stream_cut"
            assert served.in_flight() == 0


async def test_status_body_and_listed_headers_come_back_whatever_they_are() -> None:
    async def say(peer: Peer) -> None:
        while request := await peer.request():
            status = request.split(b" ")[1].rpartition(b"/")[2].decode()
            headers = "etag: a\r\nset-cookie: b\r\nlocation: http://10.0.0.1/\r\nx-internal: c\r\n"
            await peer.say(answer(b"hi" if status != "204" else b"", status=f"{status} Some", headers=headers))

    async with scripted(say) as server:
        provider = {"raw": {"adapter": "openai", "base_url": server.url("/v1"), "key": "sk-raw-0001", "models": ["m"]}}
        async with serving(providers=provider) as served:
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                for status in (200, 201, 302, 404, 418):
                    got = await served.ask(method, f"/passthrough/raw/{status}", allow_redirects=False)
                    assert (got.status, got.body, got.headers.get("etag")) == (status, b"hi", "a")
                    assert not {"set-cookie", "location", "x-internal"} & {name.lower() for name in got.headers}
