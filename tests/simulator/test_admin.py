"""Faults and records from outside: the admin interface, files and schedules."""

import asyncio
import json

import aiohttp
import pytest

from segue.simulator import FaultError, Simulator, serve


async def send(web, method, path, status, body=None):
    async with web.request(method, f"/_sim{path}", json=body) as answer:
        assert answer.status == status
        assert answer.content_type == "application/json"
        return await answer.json()


async def test_a_fault_is_set_shown_and_lifted(sim, web, chat):
    """POST gives an id, the state shows the fault with its hits, DELETE by id lifts it."""
    made = await send(web, "POST", "/faults", 201, {"account": "primary", "kind": "status", "code": 500})
    async with chat() as answer:
        assert answer.status == 500
    state = await send(web, "GET", "/state", 200)
    shown = state["faults"][0]
    assert (shown["id"], shown["hits"], shown["active"]) == (made["id"], 1, True)
    assert shown["options"]["code"] == 500
    assert state["accounts"] == {"primary": 1}
    assert "cut" in state["kinds"]
    await send(web, "DELETE", f"/faults/{made['id']}", 200)
    await send(web, "DELETE", f"/faults/{made['id']}", 404)
    async with chat() as answer:
        assert answer.status == 200


async def test_faults_are_cleared_by_account(sim, web):
    """DELETE lifts those of one account, or all."""
    for account in ("a", "a", "b"):
        sim.fault(account, "silence")
    assert await send(web, "DELETE", "/faults?account=a", 200) == {"removed": 2}
    assert len(await send(web, "GET", "/faults", 200)) == 1
    assert await send(web, "DELETE", "/faults", 200) == {"removed": 1}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], ["object"]),
        ({}, ["account", "string"]),
        ({"account": "a"}, ["kind"]),
        ({"account": "A b", "kind": "cut"}, ["account", "lower-case"]),
        ({"account": "a", "kind": "explode"}, ["kind", "explode", "silence"]),
        ({"account": "a", "kind": "status", "code": 200}, ["code", "400", "retry_after"]),
        ({"account": "a", "kind": "status", "colour": 1}, ["colour", "retry_after"]),
        ({"account": "a", "kind": "silence", "seconds": 1}, ["seconds", "none"]),
        ({"account": "a", "kind": "slow_headers"}, ["seconds"]),
        ({"account": "a", "kind": "cut", "rate": 1.5}, ["rate"]),
        ({"account": "a", "kind": "cut", "times": 0}, ["times"]),
        ({"account": "a", "kind": "cut", "match": {"color": 1}}, ["match"]),
    ],
)
async def test_a_wrong_fault_is_refused(sim, web, body, words):
    """Status 400, and the text names the field and what would be right."""
    error = (await send(web, "POST", "/faults", 400, body))["error"]
    assert [word for word in words if word not in error] == []
    assert sim.faults.as_json() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"windows": []}, ["account"]),
        ({"account": "a", "windows": [{"kind": "cut", "start": 2, "end": 1}]}, ["windows[0].end", "later"]),
        ({"account": "a", "windows": [{"kind": "cut"}, {"kind": "x"}]}, ["windows[1]", "kind"]),
        ({"account": "a", "windows": [{"kind": "cut", "start": "now"}]}, ["windows[0]", "start"]),
        ({"account": "a", "windows": [], "since": "noon"}, ["since"]),
    ],
)
async def test_a_wrong_schedule_is_refused_whole(sim, web, body, words):
    """Nothing of a schedule with a mistake is set."""
    error = (await send(web, "POST", "/schedule", 400, body))["error"]
    assert [word for word in words if word not in error] == []
    assert sim.faults.as_json() == []


async def test_bad_admin_requests_are_explained(web):
    """Broken JSON, a wrong limit and a wrong address have an error text."""
    async with web.post("/_sim/faults", data=b"{") as answer:
        assert answer.status == 400
    await send(web, "GET", "/requests?limit=x", 400)
    await send(web, "GET", "/nothing", 404)
    await send(web, "PUT", "/faults", 404)


async def test_requests_are_recorded_without_secrets(sim, web, chat):
    """A record has the request and its outcome; keys are reduced to their last four characters."""
    async with chat(content="remember me", stream=True) as answer:
        await answer.read()
    async with web.get("/primary/data/2.5/weather?q=Oslo&appid=abcdef123456") as answer:
        await answer.read()
    first, second = await send(web, "GET", "/requests?account=primary", 200)
    assert (first["method"], first["path"], first["status"]) == ("POST", "/v1/chat/completions", 200)
    assert first["body"]["messages"][0]["content"] == "remember me"
    assert first["headers"]["authorization"] == "...7890"
    assert first["outcome"] == "answered"
    assert second["query"] == {"q": "Oslo", "appid": "...3456"}
    assert second["body"] is None
    assert sim.seen("primary")[0].body["stream"] is True
    assert len(await send(web, "GET", "/requests?limit=1", 200)) == 1
    assert await send(web, "DELETE", "/requests", 200) == {"removed": 2}
    assert sim.seen() == []


@pytest.mark.parametrize("header", ["Bearer abcd", "abcd", "Bearer    x12"])
async def test_a_short_key_is_not_recorded_at_all(sim, web, header):
    """The last four characters of a short key would be the key."""
    async with web.get("/a/v1/models", headers={"Authorization": header}) as answer:
        await answer.read()
    assert sim.seen("a")[-1].headers["authorization"] == "..."


async def statuses_until(web, wanted):
    """Ask until the wanted status (0: a broken connection) comes; returns all statuses on the way."""
    seen = []
    async with asyncio.timeout(5):
        while wanted not in seen:
            try:
                async with web.get("/a/v1/models", headers={"Authorization": "Bearer k"}) as answer:
                    seen.append(answer.status)
            except aiohttp.ClientError:
                seen.append(0)
            await asyncio.sleep(0.005)
    return seen


async def test_a_schedule_begins_and_ends_by_itself(sim, web):
    """Healthy, then an error, then an outage, then healthy again, in this order."""
    windows = [{"start": 0.1, "end": 0.25, "kind": "status", "code": 503}, {"start": 0.25, "end": 0.4, "kind": "down"}]
    await send(web, "POST", "/schedule", 201, {"account": "a", "windows": windows})
    seen = await statuses_until(web, 503)
    seen += await statuses_until(web, 0)
    seen += await statuses_until(web, 200)
    changes = [status for place, status in enumerate(seen) if place == 0 or seen[place - 1] != status]
    assert changes == [200, 503, 0, 200]


async def test_a_scheduled_outage_breaks_a_running_stream(sim, chat):
    """Connections that are open when the window begins are ended."""
    sim.fault("primary", "stall")
    sim.schedule("primary", [{"start": 0.05, "kind": "down"}])
    async with chat(stream=True) as answer:
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(answer.read(), 5)


async def test_a_schedule_can_count_from_the_start(sim, eventually):
    """Windows since the start that are already over do nothing."""
    await eventually(lambda: sim.faults.as_json() == [] and asyncio.get_running_loop().time() > 0)
    sim.schedule("a", [{"start": 0, "end": 0.001, "kind": "cut"}], since="start")
    await eventually(lambda: not sim.faults.as_json()[0]["active"])


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
async def test_faults_are_read_from_a_file(tmp_path, suffix):
    """A file sets faults and schedules, as JSON or YAML."""
    document = {
        "faults": [{"account": "a", "kind": "status", "code": 500, "times": 1}],
        "schedules": [{"account": "b", "windows": [{"start": 1, "kind": "down"}]}],
    }
    file = tmp_path / f"faults{suffix}"
    # JSON is YAML, too.
    file.write_text(json.dumps(document))
    async with Simulator(faults=file) as sim:
        assert [fault["kind"] for fault in sim.faults.as_json()] == ["status", "down"]
    async with Simulator(faults=document["faults"]) as sim:
        assert [fault["kind"] for fault in sim.faults.as_json()] == ["status"]


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"fault": []}', '{"faults": {}}', '{"faults": [1]}', '{"faults": [{"account": "a", "kind": "x"}]}'],
)
async def test_a_wrong_file_is_refused(tmp_path, text):
    """The error names the file, and the simulator does not start."""
    file = tmp_path / "faults.json"
    file.write_text(text)
    with pytest.raises(FaultError, match=r"faults\.json"):
        async with Simulator(faults=file):
            pass
    with pytest.raises(FaultError, match=r"missing\.json"):
        async with Simulator(faults=tmp_path / "missing.json"):
            pass


async def test_serve_says_where_it_listens_and_ends_when_told():
    """`serve` prints nothing itself, gives its lines to the callback, and stops on the event."""
    lines: list[str] = []
    end = asyncio.Event()
    task = asyncio.create_task(serve(port=0, seed=5, say=lines.append, until=end))
    async with asyncio.timeout(5):
        while not lines:
            await asyncio.sleep(0.002)
    assert "http://127.0.0.1:" in lines[0]
    assert "seed 5" in lines[0]
    end.set()
    await task
