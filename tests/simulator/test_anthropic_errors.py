"""Anthropic's errors as the official SDK sees them."""

from collections.abc import AsyncIterator

import anthropic
import pytest

from segue.simulator import Simulator

OLD = "claude-haiku-4-5"


@pytest.fixture
async def claude(sim: Simulator) -> AsyncIterator[anthropic.AsyncAnthropic]:
    """The official SDK, speaking to the account `claude` without retries."""
    async with anthropic.AsyncAnthropic(base_url=f"{sim.url}/claude", api_key="sk-ant-key", max_retries=0) as made:
        yield made


async def create(claude, model=OLD):
    return await claude.messages.create(model=model, max_tokens=200, messages=[{"role": "user", "content": "hello"}])


async def final(claude):
    messages = [{"role": "user", "content": "hello"}]
    async with claude.messages.stream(model=OLD, max_tokens=200, messages=messages) as stream:
        return await stream.get_final_message()


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (413, "request_too_large", anthropic.ContentTooLargeError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (529, "overloaded_error", anthropic.OverloadedError),
    ],
)
async def test_errors_have_their_documented_types(sim, claude, status, kind, error):
    """By status and by type; the body repeats the request's identifier."""
    for fault in ({"code": status}, {"error": kind}):
        sim.fault("claude", "status", times=1, **fault)
        with pytest.raises(error) as caught:
            await create(claude)
        assert caught.value.status_code == status
        assert caught.value.body["error"]["type"] == kind
        assert caught.value.body["request_id"] == caught.value.response.headers["request-id"]


async def test_a_rate_limit_says_when_to_come_back(sim, claude):
    """With retry-after and the vendor's own headers."""
    sim.fault("claude", "status", code=429)
    with pytest.raises(anthropic.RateLimitError) as caught:
        await create(claude)
    headers = caught.value.response.headers
    assert headers["retry-after"] == "1"
    assert headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert headers["anthropic-ratelimit-requests-reset"].endswith("Z")


async def test_an_error_inside_a_stream_is_heard(sim, claude):
    """The `error` event, as when the vendor is overloaded."""
    sim.fault("claude", "error_event", error="overloaded_error", after=2)
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        await final(claude)


async def test_faults_know_a_model_by_its_name(claude):
    """`sim-context-length` gets this vendor's own words."""
    with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: \d+ tokens > \d+ maximum"):
        await create(claude, model="sim-context-length")
