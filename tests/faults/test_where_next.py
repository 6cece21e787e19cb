"""Who is asked after which refusal, where that depends on more than one healthy provider in reserve."""

from collections.abc import AsyncIterator

import openai
import pytest

from faults.expected import SLACK
from faults.outcomes import POLICY
from segue.simulator import Simulator
from support.service import HELLO, Serving, serving

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streaming"])
TOO_LONG = {"error": "context_length_exceeded"}
WINDOWS = {"small": 8_000, "smaller": 4_000, "equal": 8_000, "unknown": None, "large": 200_000}
PATIENCE = 0.4
QUICK = {**POLICY, "timeouts": dict.fromkeys(("total", "first_byte", "first_content"), f"{PATIENCE}s")}
ACCOUNTS = ("keys", *WINDOWS)


@pytest.fixture
async def served() -> AsyncIterator[Serving]:
    """Providers whose models have windows of several sizes, in this order; and one with two keys, the first bad."""
    providers = {
        name: {
            "adapter": "openai", "base_url": f"{{sim}}/{name}/v1", "key": f"sk-of-{name}-0001",
            "models": {"m": {"context": context} if context else {}},
        }
        for name, context in WINDOWS.items()
    }  # fmt: skip
    keys = {
        "adapter": "openai", "base_url": "{sim}/keys/v1", "keys": ["sk-invalid-0001", "sk-good-0002"], "models": ["m"]
    }  # fmt: skip
    async with serving(
        providers={**providers, "keys": keys},
        models={"windows": [f"{name}/m" for name in WINDOWS], "two keys": ["keys/m"]},
        policies={"default": QUICK},
    ) as made:
        yield made


def asked(sim: Simulator) -> dict[str, int]:
    """How often each account was asked, without those that were not."""
    return {account: count for account in ACCOUNTS if (count := len(sim.seen(account)))}


async def who_answered(served: Serving, model: str, *, stream: bool) -> str:
    async with served.sdk(max_retries=2) as sdk:
        raw = await sdk.chat.completions.with_raw_response.create(model=model, messages=HELLO, stream=stream)
        made = raw.parse()
        if stream:
            text = "".join([piece.choices[0].delta.content or "" async for piece in made if piece.choices])
        else:
            text = made.choices[0].message.content
        assert len(text.split()) == 12
        return raw.headers["x-segue-provider"]


@BOTH
async def test_what_is_too_long_for_one_window_goes_on_only_to_a_larger_or_an_unknown_one(served, stream) -> None:
    """The refusal of 8,000 tokens passes over 4,000 and 8,000; nobody is asked twice."""
    served.sim.fault("small", "status", **TOO_LONG)
    assert await who_answered(served, "windows", stream=stream) == "unknown"
    assert asked(served.sim) == {"small": 1, "unknown": 1}


@BOTH
async def test_after_an_unknown_window_refuses_too_a_larger_one_is_asked(served, stream) -> None:
    for account in ("small", "unknown"):
        served.sim.fault(account, "status", **TOO_LONG)
    assert await who_answered(served, "windows", stream=stream) == "large"
    assert asked(served.sim) == {"small": 1, "unknown": 1, "large": 1}


@BOTH
async def test_what_is_too_long_for_all_is_told_once_with_the_vendors_words(served, stream) -> None:
    served.sim.fault("*", "status", **TOO_LONG)
    with pytest.raises(openai.BadRequestError, match="maximum context length") as error:
        await who_answered(served, "windows", stream=stream)
    assert (error.value.code, error.value.param) == ("context_length_exceeded", "messages")
    assert asked(served.sim) == {"small": 1, "unknown": 1, "large": 1}


@BOTH
async def test_a_window_that_is_too_small_is_not_asked_with_another_key(served, stream) -> None:
    """A key of the same account does not make the window of its model larger."""
    served.sim.fault("keys", "status", **TOO_LONG)
    with pytest.raises(openai.BadRequestError):
        await who_answered(served, "two keys", stream=stream)
    assert asked(served.sim) == {"keys": 1}


@BOTH
async def test_a_refused_content_is_shown_to_nobody_else(served, stream) -> None:
    served.sim.fault("small", "status", error="content_filter")
    with pytest.raises(openai.BadRequestError, match="content management policy") as error:
        await who_answered(served, "windows", stream=stream)
    assert error.value.code == "content_filter"
    assert asked(served.sim) == {"small": 1}


@BOTH
@pytest.mark.parametrize("code", [400, 413, 422])
async def test_the_callers_own_mistake_is_told_in_the_vendors_words(served, code, stream) -> None:
    served.sim.fault("small", "status", code=code, message="Tool 'x' is not what it should be.")
    with pytest.raises(openai.APIStatusError, match="Tool 'x' is not what it should be") as error:
        await who_answered(served, "windows", stream=stream)
    assert error.value.status_code == code
    assert asked(served.sim) == {"small": 1}


@BOTH
async def test_a_bad_key_gives_way_to_another_key_of_the_same_provider(served, stream) -> None:
    assert await who_answered(served, "two keys", stream=stream) == "keys"
    assert asked(served.sim) == {"keys": 2}


@BOTH
async def test_all_silent_providers_cost_their_time_once_each(served, stream) -> None:
    served.sim.fault("*", "silence")
    with pytest.raises(openai.InternalServerError) as error:
        await who_answered(served, "windows", stream=stream)
    assert (error.value.status_code, error.value.code) == (504, "timeout")
    assert asked(served.sim) == dict.fromkeys(WINDOWS, 1)
    assert len(WINDOWS) * PATIENCE <= served.calls[-1].elapsed < len(WINDOWS) * PATIENCE + SLACK


async def test_a_provider_that_is_known_to_be_down_costs_later_calls_nothing() -> None:
    """Five time-outs open its breaker; the next call goes past it at once."""
    async with serving(policies={"default": QUICK}) as served:
        served.sim.fault("primary", "silence")
        for _ in range(5):
            assert await who_answered(served, "smart", stream=True) == "backup"
        assert await who_answered(served, "smart", stream=True) == "backup"
        assert len(served.sim.seen("primary")) == 5
        assert served.calls[-1].elapsed < PATIENCE
