"""Each failure raises the SDK's own exception for it, tells the vendor's own words, and is asked for exactly once."""

import asyncio

import openai
import pytest

from support.service import HELLO, MODELS, Serving, contents, eventually, serving


async def caught(served: Serving, kind: type[openai.APIStatusError], model: str = "alone", **options):
    """The exception of a chat through an SDK with its default of two retries; it must have sent one request."""
    async with served.sdk(max_retries=2) as sdk:
        requests = 0
        send = sdk._client.send

        async def counted(*args, **values):
            nonlocal requests
            requests += 1
            return await send(*args, **values)

        sdk._client.send = counted
        with pytest.raises(kind) as error:
            await sdk.chat.completions.create(model=model, messages=HELLO, **options)
    assert type(error.value) is kind
    assert requests == 1
    return error.value


async def test_a_mistake_of_the_caller_keeps_the_vendors_own_words(served: Serving) -> None:
    error = await caught(served, openai.BadRequestError, temperature=9)
    assert (error.status_code, error.param, error.type) == (400, "temperature", "invalid_request_error")
    assert "temperature" in error.message
    assert error.body["message"] == served.calls[0].call.attempts[0].failure.message
    assert len(served.sim.seen("primary")) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "code", "type_"),
    [
        (
            {"error": "context_length_exceeded"},
            openai.BadRequestError,
            "context_length_exceeded",
            "invalid_request_error",
        ),
        ({"error": "content_filter"}, openai.BadRequestError, "content_filter", None),
        ({"error": "model_not_found"}, openai.NotFoundError, "model_not_found", "invalid_request_error"),
        ({"error": "rate_limit_exceeded"}, openai.RateLimitError, "rate_limit_exceeded", None),
        ({"error": "insufficient_quota"}, openai.RateLimitError, "insufficient_quota", "insufficient_quota"),
        ({"error": "invalid_api_key"}, openai.InternalServerError, "provider_auth", "server_error"),
        ({"code": 403}, openai.InternalServerError, "provider_permission", "server_error"),
        ({"code": 500}, openai.InternalServerError, "server_error", "server_error"),
        ({"code": 503}, openai.InternalServerError, "overloaded", "server_error"),
        ({"code": 422}, openai.UnprocessableEntityError, None, None),
        ({"code": 413}, openai.APIStatusError, None, None),
        ({"code": 420}, openai.APIStatusError, None, None),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
async def test_a_failure_of_the_only_provider_raises(served: Serving, fault: dict, kind, code, type_) -> None:
    served.sim.fault("primary", "status", **fault)
    error = await caught(served, kind)
    if code is not None:
        assert error.code == code
    if type_ is not None:
        assert error.type == type_
    assert error.response.headers["x-should-retry"] == "false"
    told = error.response.json()["segue"]
    assert told["call_id"] == error.request_id
    assert [attempt["provider"] for attempt in told["attempts"]] == ["primary"] * len(told["attempts"])
    assert (await served.chat()).status == error.status_code, "the service answers as before"


async def test_a_providers_wait_is_passed_on(served: Serving) -> None:
    served.sim.fault("primary", "status", code=429, retry_after=77)
    error = await caught(served, openai.RateLimitError)
    assert error.response.headers["retry-after"] == "77"
    # While the provider is left alone the wait counts down, and nobody asks it.
    again = await caught(served, openai.InternalServerError)
    assert again.code == "unavailable"
    assert 70 <= int(again.response.headers["retry-after"]) <= 77
    assert len(served.sim.seen("primary")) == 1


async def test_an_unknown_model_names_the_nearest(served: Serving) -> None:
    error = await caught(served, openai.NotFoundError, model="smrt")
    assert (error.code, error.param) == ("model_not_found", "model")
    assert "did you mean 'smart'?" in error.message
    assert served.sim.seen() == []


async def test_a_wrong_key_is_an_authentication_error() -> None:
    async with serving() as served:
        await served.service.running.key_store.create("one")
        await served.service.running.reload_keys()
        error = await caught(served, openai.AuthenticationError)
        assert error.code == "invalid_api_key"
        assert "segue keys" in error.message


async def test_every_attempt_failing_says_what_was_tried(served: Serving) -> None:
    served.sim.fault("*", "status", code=500)
    error = await caught(served, openai.InternalServerError, model="smart")
    assert error.status_code == 502
    assert "2 attempts failed (primary/gpt-4o: server_error, backup/gpt-4o-mini: server_error)" in error.message
    assert [one["failure"] for one in error.response.json()["segue"]["attempts"]] == ["server_error"] * 2
    assert error.response.headers["x-segue-attempts"] == "2"


async def test_retries_are_segues_own_and_the_sdk_does_not_multiply_them() -> None:
    policies = {"default": {"retries": 2, "breaker": {"failures": 1000, "min_calls": 100_000}}}
    async with serving(policies=policies) as served:
        served.sim.fault("primary", "status", code=500)
        await caught(served, openai.InternalServerError)
        assert 1 <= len(served.sim.seen("primary")) <= 3


@pytest.mark.parametrize("fault", ["silence", "slow_first_token"])
async def test_a_deadline_that_passes_is_told_as_504(served: Serving, fault: str) -> None:
    served.sim.fault("primary", fault, **({"seconds": 30} if fault == "slow_first_token" else {}))
    for stream in (False, True):
        error = await caught(
            served, openai.InternalServerError, stream=stream, extra_headers={"x-segue-deadline-ms": "150"}
        )
        assert (error.status_code, error.code) == (504, "deadline_exceeded")
    assert served.in_flight() == 0
    await eventually(lambda: all(record.outcome == "client_hung_up" for record in served.sim.seen("primary")))


async def test_a_stream_that_is_cut_raises_after_what_had_arrived(served: Serving) -> None:
    for fault in ("cut", "malformed", "error_event"):
        served.sim.clear()
        served.sim.fault("primary", "pace", token_delay=0.01)
        served.sim.fault("primary", fault, **({"event": 5} if fault == "malformed" else {"after": 3}))
        arrived: list[str] = []
        async with served.sdk(max_retries=2) as sdk:
            stream = await sdk.chat.completions.create(model="smart", messages=HELLO, stream=True)
            with pytest.raises(openai.APIError) as error:
                await contents(stream, arrived)
        assert len(arrived) == 3, fault
        assert "broke off" in error.value.message
        assert error.value.code in {"stream_cut", "server_error"}
    assert len(served.sim.seen("primary")) == 3
    assert served.sim.seen("backup") == []
    assert [call.code for call in served.calls] == ["stream_cut", "stream_cut", "server_error"]


async def test_a_stream_that_breaks_before_the_caller_was_sent_anything_is_asked_for_elsewhere(served: Serving) -> None:
    # Without pauses the content and the error arrive together, so nothing was sent yet.
    served.sim.fault("primary", "error_event", after=1)
    served.sim.fault("primary", "latency", seconds=0)
    async with served.sdk() as sdk:
        stream = await sdk.chat.completions.create(model="smart", messages=HELLO, stream=True)
        arrived = [choice.delta.content async for piece in stream for choice in piece.choices if choice.delta.content]
    assert len(arrived) == 12


async def test_a_stream_that_stalls_raises_within_its_limit() -> None:
    async with serving(policies={"chat": {"timeouts": {"idle": "200ms"}}}) as served, served.sdk() as sdk:
        served.sim.fault("primary", "stall", after=2)
        stream = await sdk.chat.completions.create(model="alone", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="stalled"):
            await contents(stream, [])
        assert served.in_flight() == 0


async def test_too_much_to_do_is_the_one_refusal_that_an_sdk_may_repeat() -> None:
    async with serving(server={"max_calls": 1}, models=MODELS) as served, served.sdk(max_retries=2) as sdk:
        served.sim.fault("primary", "silence", times=1)
        waiting = asyncio.create_task(served.chat())
        await eventually(lambda: served.sim.seen("primary"))
        answer = await served.chat()
        assert (answer.status, answer.error["code"]) == (503, "segue_overloaded")
        assert "x-should-retry" not in answer.headers
        assert answer.headers["retry-after"] == "1"
        later = asyncio.create_task(sdk.chat.completions.create(model="alone", messages=HELLO))
        await eventually(lambda: len([call for call in served.calls if call.code == "segue_overloaded"]) >= 2)
        waiting.cancel()
        assert (await later).choices
