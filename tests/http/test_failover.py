"""Whatever happens to the first provider, a caller with a second one notices nothing."""

import openai
import pytest

from support.service import HELLO, serving

FAULTS: dict[str, tuple[dict, str | None, str | None]] = {
    # kind, options, and the failure of the first attempt: plain, streaming (None: the answer is good)
    "status 500": ({"kind": "status", "code": 500}, "server_error", "server_error"),
    "status 503": ({"kind": "status", "code": 503}, "overloaded", "overloaded"),
    "bad key": ({"kind": "status", "error": "invalid_api_key"}, "provider_auth", "provider_auth"),
    "no model": ({"kind": "status", "error": "model_not_found"}, "model_not_found", "model_not_found"),
    "context": (
        {"kind": "status", "error": "context_length_exceeded"}, "context_length_exceeded", "context_length_exceeded"),
    "error in 200": ({"kind": "error_in_200", "code": 500}, "server_error", "server_error"),
    "empty body": ({"kind": "empty_body"}, "bad_response", "stream_cut"),
    "html": ({"kind": "html"}, "bad_response", "bad_response"),
    "html 502": ({"kind": "html", "status": 502}, "server_error", "server_error"),
    "html 404": ({"kind": "html", "status": 404}, "bad_response", "bad_response"),
    "wrong header": ({"kind": "wrong_type"}, None, "bad_response"),
    "wrong fields": ({"kind": "wrong_type", "part": "body"}, "bad_response", "bad_response"),
    "refuse": ({"kind": "refuse"}, "connection_lost", "connection_lost"),
    "down": ({"kind": "down"}, "connection_lost", "connection_lost"),
    "silence": ({"kind": "silence"}, "timeout", "timeout"),
    "reset": ({"kind": "reset_after", "bytes": 20}, "connection_lost", "stream_cut"),
    "slow headers": ({"kind": "slow_headers", "seconds": 60}, "timeout", "timeout"),
    "slow first token": ({"kind": "slow_first_token", "seconds": 60}, "timeout", "timeout"),
    "stall": ({"kind": "stall", "after": 0}, "timeout", "timeout"),
    "cut": ({"kind": "cut", "after": 0}, "connection_lost", "stream_cut"),
    "close": ({"kind": "cut", "after": 0, "reset": False}, "connection_lost", "stream_cut"),
    "end before finish": ({"kind": "end_without_done", "variant": "before_finish", "after": 0}, None, "stream_cut"),
    "end after finish": ({"kind": "end_without_done"}, None, None),
    "malformed": ({"kind": "malformed", "event": 1}, "bad_response", "stream_cut"),
    "error event": ({"kind": "error_event", "after": 0, "code": 500}, None, "server_error"),
    "latency": ({"kind": "latency", "seconds": 0.05}, None, None),
}  # fmt: skip
QUICK = {
    "default": {
        "retries": 0,
        "breaker": {"failures": 1000, "min_calls": 100_000},
        "timeouts": {"total": "300ms", "first_byte": "300ms", "first_content": "300ms"},
    }
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_of_the_first_provider_is_not_noticed_and_without_a_second_one_is_a_clean_error(
    name: str,
) -> None:
    fault, *failures = FAULTS[name]
    fault = dict(fault)
    async with serving(policies=QUICK) as served, served.sdk() as sdk:
        for stream, failure in zip((False, True), failures, strict=True):
            served.sim.fault("primary", fault["kind"], **{key: fault[key] for key in fault if key != "kind"})
            answer = await sdk.chat.completions.with_raw_response.create(model="smart", messages=HELLO, stream=stream)
            made = answer.parse()
            if stream:
                text = "".join([piece.choices[0].delta.content or "" async for piece in made if piece.choices])
            else:
                text = made.choices[0].message.content
            assert len(text.split()) == 12
            assert answer.headers["x-segue-provider"] == ("primary" if failure is None else "backup")
            attempts = served.calls[-1].call.attempts
            assert [attempt.failure and attempt.failure.kind.value for attempt in attempts] == (
                [None] if failure is None else [failure, None]
            )
            if failure is not None:
                with pytest.raises(openai.APIStatusError) as error:
                    await sdk.chat.completions.create(model="alone", messages=HELLO, stream=stream)
                assert error.value.response.json()["segue"]["attempts"][-1]["failure"] == failure
                assert error.value.message
            served.sim.clear()
        assert (await served.chat()).status == 200
        assert served.in_flight() == 0
        assert served.service.running.engine.world.gate.under_way == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "failure"), [("rate_limit_exceeded", "rate_limited"), ("insufficient_quota", "quota_exhausted")]
)
async def test_a_provider_that_has_had_enough_is_left_alone_for_as_long_as_it_asks(
    served, error, failure, stream
) -> None:
    served.sim.fault("primary", "status", error=error, retry_after=30)
    for attempts in ([failure, None], [None]):
        async with served.sdk() as sdk:
            answer = await sdk.chat.completions.create(model="smart", messages=HELLO, stream=stream)
            if stream:
                assert [piece async for piece in answer][-1].model == "gpt-4o-mini"
            else:
                assert answer.model == "gpt-4o-mini"
        made = served.calls[-1].call.attempts
        assert [attempt.failure and attempt.failure.kind.value for attempt in made] == attempts


async def test_a_mistake_of_the_callers_is_not_repeated_elsewhere(served) -> None:
    for fault in ({"code": 400}, {"error": "content_filter"}):
        served.sim.clear()
        served.sim.fault("primary", "status", **fault)
        assert (await served.chat("smart")).status == 400
    assert served.sim.seen("backup") == []


async def test_a_caller_can_choose_whom_to_ask(served) -> None:
    assert (await served.chat("smart", headers={"x-segue-only": "backup"})).headers["x-segue-provider"] == "backup"
    assert (await served.chat("smart", headers={"x-segue-avoid": "primary"})).headers["x-segue-provider"] == "backup"
    nobody = await served.chat("smart", headers={"x-segue-avoid": "primary, backup"})
    assert (nobody.status, nobody.error["code"]) == (503, "no_candidate")
    served.sim.fault("primary", "status", code=500)
    once = await served.chat("smart", headers={"x-segue-max-attempts": "1"})
    assert once.status == 502
    assert once.headers["x-segue-attempts"] == "1"


async def test_a_provider_that_fails_again_and_again_is_left_alone() -> None:
    async with serving(policies={"default": {"retries": 0, "breaker": {"failures": 3}}}) as served:
        served.sim.fault("primary", "status", code=500)
        answers = [await served.chat("smart") for _ in range(6)]
        assert {answer.status for answer in answers} == {200}
        assert [answer.headers["x-segue-attempts"] for answer in answers] == ["2", "2", "2", "1", "1", "1"]
        alone = await served.chat("alone")
        assert (alone.status, alone.error["code"]) == (503, "unavailable")
        assert int(alone.headers["retry-after"]) > 0
        assert len(served.sim.seen("primary")) == 3
        ready = (await served.ask("GET", "/ready")).json
        assert ready["providers"]["primary"]["state"] == "open"
        assert ready["providers"]["backup"]["state"] == "closed"


async def test_a_content_refusal_stops_unless_the_policy_says_otherwise() -> None:
    """`on_failure: {content_filter: elsewhere}` sends a refused question on; by default it stops."""
    for policy, provider in ({}, None), ({"on_failure": {"content_filter": "elsewhere"}}, "backup"):
        async with serving(policies={"chat": policy}) as served:
            served.sim.fault("primary", "status", code=400, error="content_filter")
            answer = await served.ask("POST", "/v1/chat/completions", json={"model": "smart", "messages": HELLO})
            assert answer.status == (400 if provider is None else 200)
            assert answer.headers.get("x-segue-provider") == provider
