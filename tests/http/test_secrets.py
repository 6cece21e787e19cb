"""No key, of a caller or of a provider, in any answer, record, log line or repr, whatever a vendor echoes."""

import io
import logging

import pytest

from segue.backends.telemetry.logs import LogLines, configure_logging
from support.service import BACKUP_KEY, HELLO, PRIMARY_KEY, WEATHER_KEYS, Serving

SECRETS = (PRIMARY_KEY, BACKUP_KEY, *WEATHER_KEYS)


@pytest.fixture
def lines():
    """Everything that any logger of the process writes, at its most talkative."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("json", "debug", stream=stream)
    yield stream
    root.handlers[:], root.level = before, level


def bytes_of_store(served: Serving) -> bytes:
    return b"".join(path.read_bytes() for path in served.directory.iterdir() if ".db" in path.name)


async def test_keys_of_callers_are_kept_and_shown_nowhere(served: Serving, lines: io.StringIO) -> None:
    LogLines().subscribe(served.service.running.engine.world.signals)
    made = await served.ask("POST", "/admin/keys", json={"name": "boss", "admin": True})
    key = made.json["key"]
    assert key.startswith("sk-segue-")
    headers = {"authorization": f"Bearer {key}"}
    seen = [
        await served.chat(headers=headers),
        await served.chat("nobody", headers=headers),
        await served.ask("POST", "/v1/chat/completions", data=b"{", headers=headers),
        await served.ask("GET", "/admin/keys", headers=headers),
        await served.ask("GET", "/metrics"),
        await served.ask("GET", "/ready"),
        await served.chat(headers={"authorization": f"Bearer {key}x"}),
        await served.chat(headers={**headers, "x-api-key": "other"}),
        await served.ask("DELETE", f"/admin/keys/{key}", headers=headers),
        await served.chat(headers=headers),
    ]
    assert [answer.status for answer in seen] == [200, 404, 400, 200, 200, 200, 401, 401, 200, 401]
    await served.service.running.call_log.flush()
    running = served.service.running
    for place, text in {
        "an answer": "".join(f"{answer.body!r}{answer.headers}" for answer in seen),
        "the store": bytes_of_store(served).decode("latin-1"),
        "a log line": lines.getvalue(),
        "a repr": repr((running.keys, running.key_store, running, served.calls, served.service.authenticator)),
        "an upstream request": repr([(one.headers, one.raw_body) for one in served.sim.seen()]),
    }.items():
        assert key not in text, place


@pytest.mark.parametrize("stream", [False, True])
async def test_a_vendor_that_echoes_the_key_does_not_give_it_away(served: Serving, lines, stream: bool) -> None:
    LogLines().subscribe(served.service.running.engine.world.signals)
    seen = []
    for fault, code in (("status", 401), ("status", 400), ("status", 500), ("error_in_200", 500), ("error_event", 500)):
        served.sim.clear()
        for account, key in (("primary", PRIMARY_KEY), ("backup", BACKUP_KEY)):
            served.sim.fault(account, fault, code=code, error=f"bad {key}", message=f"wrong key: {key}, sorry")
        seen.append(await served.chat("smart", stream=stream))
    served.sim.clear()
    served.sim.fault("primary", "pace", token_delay=0.01)
    served.sim.fault("primary", "error_event", after=2, message=f"key {PRIMARY_KEY} expired", error=PRIMARY_KEY)
    seen.append(await served.chat(stream=True))
    assert b"broke off" in seen[-1].body
    assert b"[key]" in seen[0].body
    for account, key in zip(("ow", "wa"), WEATHER_KEYS, strict=True):
        served.sim.fault(account, "status", code=401, message=f"Invalid key {key}")
    seen.append(await served.ask("GET", "/v1/weather/current?query=Oslo"))
    assert seen[-1].status == 502
    await served.service.running.call_log.flush()
    seen.append(await served.ask("GET", f"/v1/calls/{seen[0].headers['x-segue-call-id']}"))
    seen += [await served.ask("GET", path) for path in ("/metrics", "/ready", "/admin/providers", "/openapi.json")]
    running = served.service.running
    for secret in SECRETS:
        for place, text in {
            "an answer": "".join(f"{answer.body!r}{answer.headers}" for answer in seen),
            "the store": bytes_of_store(served).decode("latin-1"),
            "a log line": lines.getvalue(),
            "a repr": repr((running.engine.snapshot, served.calls, [one.attempt for one in served.attempts])),
        }.items():
            assert secret not in text, place
    assert lines.getvalue(), "something was logged at all"


async def test_what_callers_say_is_neither_logged_nor_kept(served: Serving, lines: io.StringIO) -> None:
    LogLines().subscribe(served.service.running.engine.world.signals)
    words = "a very private question"
    served.sim.fault("primary", "status", code=500, times=1)
    messages = [*HELLO, {"role": "user", "content": words}]
    await served.ask("POST", "/v1/chat/completions", json={"model": "smart", "messages": messages})
    await served.service.running.call_log.flush()
    assert words not in lines.getvalue()
    assert words.encode() not in bytes_of_store(served)


async def test_a_defect_of_ours_is_told_as_one_without_its_inside(served: Serving, monkeypatch, caplog) -> None:
    async def broken(_call):
        raise RuntimeError(f"inside {PRIMARY_KEY}")

    monkeypatch.setattr(served.service.running.engine, "run", broken)
    for answer in (await served.chat(), await served.ask("GET", "/v1/weather/current?query=Oslo")):
        assert answer.status == 500
        assert b"internal_error" in answer.body
        assert b"inside" not in answer.body

    async def lost(_call_id):
        raise RuntimeError(f"inside {PRIMARY_KEY}")

    monkeypatch.setattr(served.service.running.call_log, "get", lost)
    answer = await served.ask("GET", "/v1/calls/call_1")
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Exception in ASGI application" in caplog.text, "whoever runs Segue can find it"
