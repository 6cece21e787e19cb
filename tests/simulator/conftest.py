"""A running simulator and the ways in which the tests talk to it."""

import asyncio
from collections.abc import AsyncIterator, Callable

import aiohttp
import openai
import pytest

from segue.simulator import Record, Simulator
from simulator.wire import KEY, Heard, chat_request, hear


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """A simulator with seed 1 on a free port."""
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def web(sim: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client whose paths are relative to the simulator."""
    async with aiohttp.ClientSession(sim.url) as session:
        yield session


@pytest.fixture
async def client(sim: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official SDK, speaking to the account `primary` without retries."""
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/primary/v1", api_key=KEY, max_retries=0) as made:
        yield made


class Chat:
    """Asks for a chat completion the plain way, below the SDK."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def __call__(self, account: str = "primary", content: str = "hello", **fields: object):
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": content}], **fields}
        return self.raw(account, body)

    def raw(self, account: str, body: object):
        headers = {"Authorization": f"Bearer {KEY}"}
        return self._session.post(f"/{account}/v1/chat/completions", json=body, headers=headers)


@pytest.fixture
def chat(web: aiohttp.ClientSession) -> Chat:
    """Chat completions below the SDK, for `async with`."""
    return Chat(web)


@pytest.fixture
def eventually() -> Callable:
    """Wait until a condition holds, for at most five seconds."""

    async def wait(condition: Callable[[], object]) -> object:
        async with asyncio.timeout(5):
            while not (result := condition()):
                await asyncio.sleep(0.002)
        return result

    return wait


@pytest.fixture
def settled(sim: Simulator, eventually: Callable) -> Callable:
    """The newest record of an account, once its outcome is known."""

    async def wait(account: str = "primary") -> Record:
        await eventually(lambda: sim.seen(account) and sim.seen(account)[-1].outcome != "open")
        return sim.seen(account)[-1]

    return wait


@pytest.fixture
def ask(sim: Simulator) -> Callable:
    """Ask for a chat completion as a raw client; `patience` in seconds, other fields go into the body."""

    async def run(account: str = "primary", *, patience: float = 3.0, extra: str = "", **fields: object) -> Heard:
        return await hear(sim.port, chat_request(account, extra, **fields), patience)

    return run
