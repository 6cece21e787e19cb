"""Who may call: open on loopback until the first key, then keys only; a page of a stranger never."""

import asyncio
import json

from segue.backends.store.keys import KeyStore
from segue.backends.store.store import Store
from segue.core.clock import SystemChance, SystemClock
from segue.testing import FakeClock
from support.service import Answer, Serving, eventually, serving


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def make_key(served: Serving, name: str, *, by: str | None = None, admin: bool = False) -> str:
    answer = await served.ask(
        "POST", "/admin/keys", json={"name": name, "admin": admin}, headers=bearer(by) if by else None
    )
    assert answer.status == 201, answer.body
    return answer.json["key"]


async def test_without_any_key_the_loopback_service_is_open_and_its_caller_may_administrate(served: Serving) -> None:
    assert (await served.chat()).status == 200
    assert (await served.ask("GET", "/admin/keys")).json == []
    assert (await served.ask("GET", "/admin/providers")).json["primary"]["state"] == "closed"


async def test_from_the_first_key_on_keys_are_required_at_once(served: Serving) -> None:
    key = await make_key(served, "boss", admin=True)
    refused = await served.chat()
    assert (refused.status, refused.error["code"]) == (401, "invalid_api_key")
    assert "Authorization: Bearer" in refused.error["message"]
    assert "segue keys create" in refused.error["message"]
    assert (await served.chat(headers=bearer(key))).status == 200
    for path in ("/v1/models", "/v1/weather/current?query=Oslo", "/v1/calls/x", "/admin/keys", "/admin/providers"):
        answer = await served.ask("GET", path)
        assert answer.status == 401, path
        assert answer.headers["content-type"] == (
            "application/json" if path == "/v1/models" else "application/problem+json"
        )
        assert (await served.ask("GET", path, headers=bearer(key))).status in {200, 404}, path


async def test_pages_for_monitors_and_people_need_no_key(served: Serving) -> None:
    await make_key(served, "boss", admin=True)
    for path in ("/health", "/ready", "/metrics", "/docs", "/openapi.json"):
        assert (await served.ask("GET", path)).status == 200, path


async def test_a_key_may_come_under_every_name_that_sdks_use(served: Serving) -> None:
    key = await make_key(served, "one")
    for header in ("x-api-key", "api-key", "x-goog-api-key", "X-Api-Key"):
        assert (await served.chat(headers={header: key})).status == 200, header
        assert (await served.chat(headers={header: key + "x"})).status == 401, header


async def test_the_same_key_twice_is_fine_and_two_different_ones_are_refused_by_name(served: Serving) -> None:
    key = await make_key(served, "one")
    assert (await served.chat(headers={**bearer(key), "x-api-key": key})).status == 200
    answer = await served.chat(headers={**bearer(key), "x-api-key": "another"})
    assert answer.status == 401
    assert "two different credentials, in authorization and x-api-key: send one" in answer.error["message"]
    assert key not in answer.body.decode()
    assert "another" not in answer.body.decode()
    twice = await served.chat(headers=[("authorization", f"Bearer {key}"), ("authorization", "Bearer another")])
    assert twice.status == 401
    assert "two different credentials, in authorization" in twice.error["message"]


async def test_an_authorization_of_another_kind_is_told_what_is_expected(served: Serving) -> None:
    await make_key(served, "one")
    for value in ("Basic dTpw", "Bearer", "Bearer ", "nonsense", "Bearer\tx"):
        answer = await served.chat(headers={"authorization": value})
        assert answer.status == 401, value
        assert "must be `Bearer <key>`" in answer.error["message"], value


async def test_a_wrong_key_is_refused_and_not_echoed(served: Serving) -> None:
    await make_key(served, "one")
    for key in ("", "x", "sk-segue-unknown", "ü" * 50, "x" * 5000):
        answer = await served.chat(headers={"x-api-key": key})
        assert answer.status == 401, key
        assert len(key) < 2 or key not in answer.body.decode()


async def test_a_revoked_key_is_refused_from_the_next_request_on(served: Serving) -> None:
    boss = await make_key(served, "boss", admin=True)
    key = await make_key(served, "one", by=boss)
    assert (await served.chat(headers=bearer(key))).status == 200
    assert (await served.ask("DELETE", "/admin/keys/one", headers=bearer(boss))).json["revoked_at"] is not None
    answer = await served.chat(headers=bearer(key))
    assert answer.status == 401
    assert "revoked" in answer.error["message"]


async def test_revoking_the_last_key_does_not_open_the_service_again() -> None:
    async with serving() as served:
        boss = await make_key(served, "boss", admin=True)
        await served.ask("DELETE", "/admin/keys/boss", headers=bearer(boss))
        assert (await served.chat()).status == 401
        # And not after a restart either.
        async with serving(directory=served.directory, sim=served.sim) as again:
            assert (await again.chat()).status == 401


async def test_an_expired_key_is_refused(served: Serving) -> None:
    store = served.service.running.key_store
    now = SystemClock().wall()
    old, _ = await store.create("old", expires_at=now - 1)
    young, _ = await store.create("young", expires_at=now + 60)
    await served.service.running.reload_keys()
    assert (await served.chat(headers=bearer(young))).status == 200
    answer = await served.chat(headers=bearer(old))
    assert answer.status == 401
    assert "expired" in answer.error["message"]


async def test_a_key_made_by_another_process_counts_within_about_a_second(served: Serving) -> None:
    assert (await served.chat()).status == 200
    other = await Store.open(f"sqlite:///{served.directory}/segue.db")
    try:
        keys = await KeyStore.open(other, clock=SystemClock(), chance=SystemChance())
        key, record = await keys.create("from the command line")
        await eventually(lambda: served.service.running.locked, 3)
        assert (await served.chat()).status == 401
        assert (await served.chat(headers=bearer(key))).status == 200
        await keys.revoke(record.id)
        await eventually(lambda: not served.service.running.keys, 3)
        assert (await served.chat(headers=bearer(key))).status == 401
    finally:
        await other.close()


async def test_only_an_admin_key_may_administrate(served: Serving) -> None:
    boss = await make_key(served, "boss", admin=True)
    key = await make_key(served, "plain", by=boss)
    for method, path in (
        ("GET", "/admin/keys"), ("POST", "/admin/keys"), ("DELETE", "/admin/keys/boss"), ("GET", "/admin/providers"),
    ):  # fmt: skip
        answer = await served.ask(method, path, headers=bearer(key), json={"name": "x"} if method == "POST" else None)
        assert (answer.status, answer.json["code"]) == (403, "forbidden"), path
        assert "segue keys create --admin" in answer.json["detail"]
    listed = (await served.ask("GET", "/admin/keys", headers=bearer(boss))).json
    assert [(one["name"], one["admin"]) for one in listed] == [("boss", True), ("plain", False)]
    assert key not in json.dumps(listed)
    assert listed[1]["last4"] == key[-4:]


async def test_a_key_may_read_its_own_calls_only_and_an_admin_all(served: Serving) -> None:
    boss = await make_key(served, "boss", admin=True)
    ann = await make_key(served, "ann", by=boss)
    bob = await make_key(served, "bob", by=boss)
    call = (await served.chat(headers=bearer(ann))).headers["x-segue-call-id"]

    async def read(by: str) -> Answer:
        return await served.ask("GET", f"/v1/calls/{call}", headers=bearer(by))

    assert (await read(ann)).json["caller_name"] == "ann"
    assert (await read(boss)).json["id"] == call
    refused = await read(bob)
    assert refused.status == 404
    unknown = await served.ask("GET", f"/v1/calls/{call[:-1]}x", headers=bearer(bob))
    assert refused.body.replace(call.encode(), b"") == unknown.body.replace(f"{call[:-1]}x".encode(), b"")


async def test_a_name_is_given_once(served: Serving) -> None:
    boss = await make_key(served, "boss", admin=True)
    answer = await served.ask("POST", "/admin/keys", json={"name": "boss"}, headers=bearer(boss))
    assert (answer.status, answer.json["param"]) == (400, "name")


async def test_a_foreign_page_cannot_use_the_open_service(served: Serving) -> None:
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost.evil.example"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
    ):
        for answer in (
            await served.chat(headers=headers),
            await served.ask("GET", "/v1/weather/current?query=Oslo", headers=headers),
            await served.ask("POST", "/admin/keys", json={"name": "mine"}, headers=headers),
        ):
            assert answer.status == 403, headers
            assert b"segue keys create" in answer.body
    assert served.sim.seen() == []
    assert not served.service.running.locked


async def test_a_page_of_this_machine_may_use_the_open_service(served: Serving) -> None:
    for origin in ("http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8080"):
        assert (await served.chat(headers={"origin": origin, "sec-fetch-site": "cross-site"})).status == 200
    assert (await served.chat(headers={"sec-fetch-site": "same-origin"})).status == 200


async def test_a_foreign_name_for_this_machine_is_refused_while_open(served: Serving) -> None:
    for host in ("evil.example", "evil.example:3002", "10.0.0.1", "localhost.evil.example", "[", "[::2]"):
        answer = await served.chat(headers={"host": host})
        assert answer.status == 403, host
        assert "only localhost is served" in answer.error["message"]
        assert (await served.ask("GET", "/admin/keys", headers={"host": host})).status == 403, host


async def test_every_name_of_loopback_is_served_while_open(served: Serving) -> None:
    for host in ("localhost", "LOCALHOST:3002", "127.0.0.1:1", "[::1]:3002"):
        assert (await served.chat(headers={"host": host})).status == 200, host


async def test_with_keys_origin_and_host_do_not_matter(served: Serving) -> None:
    key = await make_key(served, "one")
    headers = {**bearer(key), "origin": "https://app.example", "host": "gateway.example"}
    assert (await served.chat(headers=headers)).status == 200


PREFLIGHT = {
    "origin": "https://app.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


async def test_browsers_of_other_pages_get_no_leave_by_default(served: Serving) -> None:
    answer = await served.ask("OPTIONS", "/v1/chat/completions", headers=PREFLIGHT)
    assert answer.status == 405
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_a_configured_page_gets_leave_and_others_do_not() -> None:
    async with serving(server={"cors": {"origins": ["https://app.example"], "max_age": "90s"}}) as served:
        answer = await served.ask("OPTIONS", "/v1/chat/completions", headers=PREFLIGHT)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()
        assert answer.headers["access-control-max-age"] == "90"
        other = await served.ask(
            "OPTIONS", "/v1/chat/completions", headers={**PREFLIGHT, "origin": "https://evil.example"}
        )
        assert other.status == 400
        real = await served.chat(headers={"origin": "https://app.example"}, stream=True)
        assert real.status == 200
        assert real.headers["access-control-allow-origin"] == "https://app.example"
        assert "x-segue-call-id" in real.headers["access-control-expose-headers"]
        assert (await served.chat(headers={"origin": "https://evil.example"})).status == 403


async def test_on_a_public_address_the_first_start_makes_one_admin_key_and_says_it_once() -> None:
    async with serving(server={"host": "0.0.0.0"}) as served:
        key = served.service.first_key
        assert key is not None
        assert served.service.url.startswith("http://127.0.0.1:")
        assert (await served.chat()).status == 401
        assert (await served.ask("GET", "/admin/keys", headers=bearer(key))).json[0]["admin"] is True
        async with serving(server={"host": "0.0.0.0"}, directory=served.directory, sim=served.sim) as again:
            assert again.service.first_key is None
            assert (await again.chat(headers=bearer(key))).status == 200


async def test_open_by_configuration_stays_open_though_keys_exist() -> None:
    async with serving(auth={"mode": "open"}) as served:
        await make_key(served, "one")
        assert (await served.chat()).status == 200


async def test_open_and_public_by_force_serves_any_host() -> None:
    async with serving(auth={"mode": "open", "force": True}, server={"host": "0.0.0.0"}) as served:
        assert served.service.first_key is None
        assert (await served.chat(headers={"host": "gateway.example"})).status == 200


async def test_a_key_that_expires_meanwhile_is_refused_by_the_clock_of_the_service() -> None:
    async with serving() as served:
        world = served.service.running.engine.world
        clock = FakeClock()
        key, _ = await served.service.running.key_store.create("short", expires_at=clock.wall() + 10)
        await served.service.running.reload_keys()
        real, world.clock = world.clock, clock
        try:
            assert (await served.ask("GET", "/v1/models", headers=bearer(key))).status == 200
            clock.advance(11)
            assert (await served.ask("GET", "/v1/models", headers=bearer(key))).status == 401
        finally:
            world.clock = real


async def test_many_wrong_keys_at_once_harm_nobody(served: Serving) -> None:
    key = await make_key(served, "one")
    wrong = [served.chat(headers={"x-api-key": f"wrong-{number}"}) for number in range(200)]
    answers = await asyncio.gather(*wrong, served.chat(headers=bearer(key)))
    assert [answer.status for answer in answers] == [401] * 200 + [200]
    assert len(served.sim.seen()) == 1
