"""A caller that goes away stops the work for it, whatever it speaks and whoever is asked, and leaves nothing behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from faults.formats import SPEAKERS
from support.service import Serving, eventually, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

TURN: Final = [{"role": "user", "content": "hello in 12 words"}]
CONTENTS: Final = {"contents": [{"parts": [{"text": "hello in 12 words"}]}]}
STREAMED: Final = {
    "chat": ("/v1/chat/completions", {"messages": TURN, "stream": True}),
    "responses": ("/v1/responses", {"input": TURN, "stream": True, "store": False}),
    "messages": ("/v1/messages", {"messages": TURN, "max_tokens": 100, "stream": True}),
    "gemini": ("/v1beta/models/{model}:streamGenerateContent?alt=sse", CONTENTS),
    "gemini array": ("/v1beta/models/{model}:streamGenerateContent", CONTENTS),
}  # fmt: skip
FIRST: Final = b"answer"
"""The first word of the simulator's answer."""
EVERY: Final = (
    pytest.mark.parametrize("client", STREAMED),
    pytest.mark.parametrize("speaker", SPEAKERS),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Serving]:
    providers = {name: speaker.at(name) for name, speaker in SPEAKERS.items()}
    models = {f"to-{name}": [f"{name}/{speaker.model}"] for name, speaker in SPEAKERS.items()}
    async with serving(providers=providers, models=models) as made:
        yield made


@pytest.fixture
def served(shared: Serving) -> Serving:
    """The same service, with a record that is empty and no faults."""
    shared.sim.clear()
    shared.sim.requests.clear(None)
    shared.calls.clear()
    shared.attempts.clear()
    return shared


def request(client: str, speaker: str) -> bytes:
    path, fields = STREAMED[client]
    body = json.dumps({**fields, **({} if "gemini" in client else {"model": f"to-{speaker}"})}).encode()
    head = (
        f"POST {path.format(model=f'to-{speaker}')} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def nothing_is_left(served: Serving, speaker: str) -> None:
    """The provider's stream is closed, the permit and the places in all counters are given back."""
    await eventually(lambda: served.sim.seen(speaker)[0].outcome == "client_hung_up")
    await eventually(lambda: len(served.calls) == 1)
    assert (served.calls[0].code, served.calls[0].status) == ("cancelled", 499)
    assert len(served.sim.seen()) == 1, "nobody else is asked for a caller that is gone"
    assert [(ended.attempt.cancelled, ended.attempt.failure) for ended in served.attempts] == [(True, None)]
    await eventually(lambda: served.in_flight() == 0)
    assert served.service.running.engine.world.gate.under_way == 0
    state = (await served.ask("GET", "/admin/providers")).json[speaker]
    assert (state["state"], state["in_flight"]) == ("closed", 0)


@EVERY[0]
@EVERY[1]
async def test_a_caller_that_goes_away_in_the_middle_of_a_stream(served: Serving, client: str, speaker: str) -> None:
    served.sim.fault(speaker, "pace", token_delay=0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
    writer.write(request(client, speaker))
    await reader.readuntil(FIRST)
    writer.transport.abort()
    await nothing_is_left(served, speaker)
    assert 1 <= served.sim.seen(speaker)[0].chunks < 12


@EVERY[0]
@EVERY[1]
async def test_a_caller_that_goes_away_before_the_first_content(served: Serving, client: str, speaker: str) -> None:
    served.sim.fault(speaker, "stall", after=0)
    _, writer = await asyncio.open_connection("127.0.0.1", served.service.port)
    writer.write(request(client, speaker))
    await eventually(lambda: served.in_flight() == 1 and served.sim.seen(speaker))
    writer.close()
    await nothing_is_left(served, speaker)


@EVERY[1]
async def test_after_that_the_next_caller_is_served(served: Serving, speaker: str) -> None:
    answer = await served.ask("POST", "/v1/chat/completions", json={"model": f"to-{speaker}", "messages": TURN})
    assert answer.status == 200
