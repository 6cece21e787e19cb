"""The whole service on a free port, before the simulator, inside the test's own event loop.

    async with serving(models={"smart": ["primary/gpt-4o", "backup/gpt-4o-mini"]}) as (service, sim):
        sim.fault("primary", "status", code=503)
        ...

Nothing is faked: the configuration is a file, the store an SQLite file, the network TCP over loopback.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import openai

from segue.app.boot import boot
from segue.app.world import World
from segue.core.signals import AttemptEnded, CallEnded
from segue.http.server import Service
from segue.simulator import Simulator

HELLO = [{"role": "user", "content": "hello in 12 words"}]

PRIMARY_KEY = "sk-secret-of-primary-0001"
BACKUP_KEY = "sk-secret-of-backup-0002"
WEATHER_KEYS = ("ow-secret-key-0003", "wa-secret-key-0004")

PROVIDERS: Mapping[str, Any] = {
    "primary": {"adapter": "openai", "base_url": "{sim}/primary/v1", "key": PRIMARY_KEY, "models": ["gpt-4o"]},
    "backup": {
        "adapter": "openai", "base_url": "{sim}/backup/v1", "key": BACKUP_KEY, "models": ["gpt-4o-mini"], "priority": 2,
    },
    "ow": {"adapter": "openweather", "base_url": "{sim}/ow/data/2.5", "key": WEATHER_KEYS[0]},
    "wa": {"adapter": "weatherapi", "base_url": "{sim}/wa/v1", "key": WEATHER_KEYS[1], "priority": 2},
}  # fmt: skip
"""Two accounts for chats and two for the weather; the first of each is tried first."""

MODELS: Mapping[str, Any] = {"smart": ["primary/gpt-4o", "backup/gpt-4o-mini"], "alone": ["primary/gpt-4o"]}

CALM: Mapping[str, Any] = {"default": {"retries": 0, "breaker": {"failures": 1000, "min_calls": 100_000}}}
"""Policies under which each call is like the first: no retry, and no breaker that opens."""


@dataclass
class Serving:
    """A running service and what a test needs around it; also unpacks as `(service, sim)`.

    Attributes:
        directory: where `segue.yaml` and the store's file are.
        web: an HTTP client whose paths are relative to the service.
        calls, attempts: every call and every attempt that has ended, as they were told to listeners.
    """

    service: Service
    sim: Simulator
    directory: Path
    web: aiohttp.ClientSession
    calls: list[CallEnded] = field(default_factory=list)
    attempts: list[AttemptEnded] = field(default_factory=list)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.service, self.sim))

    @property
    def url(self) -> str:
        return self.service.url

    def sdk(self, *, prefix: str = "/v1", key: str = "not-needed", **options: Any) -> openai.AsyncOpenAI:
        """The official SDK, unmodified; by default without retries of its own. Close it, or use `async with`."""
        options.setdefault("max_retries", 0)
        return openai.AsyncOpenAI(base_url=self.url + prefix, api_key=key, **options)

    async def chat(self, model: str = "alone", *, headers: Mapping[str, str] | None = None, **fields: Any) -> "Answer":
        """One chat below the SDK, whole."""
        return await self.ask(
            "POST", "/v1/chat/completions", json={"model": model, "messages": HELLO, **fields}, headers=headers
        )

    async def ask(self, method: str, path: str, **options: Any) -> "Answer":
        """One request, whole."""
        async with self.web.request(method, path, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    def in_flight(self) -> int:
        """Attempts under way at all providers, by the service's own counters."""
        return sum(load.in_flight for load in self.service.running.engine.world.loads.values())


@dataclass
class Answer:
    """A whole HTTP answer; names of headers in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error in OpenAI's shape."""
        return self.json["error"]


@asynccontextmanager
async def serving(
    *,
    providers: Mapping[str, Any] | None = None,
    models: Mapping[str, Any] | None = None,
    policies: Mapping[str, Any] | None = None,
    sim: Simulator | None = None,
    world: World | None = None,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
    **sections: Any,
) -> AsyncIterator[Serving]:
    """A service, started and in the end stopped.

    Args:
        providers: instead of `PROVIDERS`; `{sim}` in an address stands for the simulator's, and private addresses are
            allowed unless a provider says otherwise.
        models: instead of `MODELS` (with other providers: none).
        policies: instead of `CALM`.
        sim: a simulator that runs already; without it one is started, with seed 1.
        world: time, chance and network of the service.
        environ: environment variables that it sees; none by default.
        directory: where its files are; by default a new one, removed in the end.
        sections: the other sections of the configuration: `server`, `store`, `auth`.
    """
    async with AsyncExitStack() as stack:
        if sim is None:
            sim = await stack.enter_async_context(Simulator())
        if directory is None:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = {
            "store": f"sqlite:///{directory}/segue.db",
            "providers": {
                name: {
                    "allow_private_network": True,
                    **values,
                    **({"base_url": values["base_url"].format(sim=sim.url)} if "base_url" in values else {}),
                }
                for name, values in (PROVIDERS if providers is None else providers).items()
            },
            "models": (MODELS if providers is None else {}) if models is None else models,
            "policies": CALM if policies is None else policies,
            **sections,
        }
        # JSON is YAML, too.
        (directory / "segue.yaml").write_text(json.dumps(settings, indent=1))
        host = sections.get("server", {}).get("host")
        booted = boot(None, environ or {}, host=host, port=0, directory=directory, world=world)
        service = Service(booted.running, host=booted.host, port=booted.port)
        await service.start()
        stack.push_async_callback(service.stop)
        web = await stack.enter_async_context(aiohttp.ClientSession(service.url))
        made = Serving(service, sim, directory, web)
        signals = service.running.engine.world.signals
        signals.subscribe(CallEnded, made.calls.append)
        signals.subscribe(AttemptEnded, made.attempts.append)
        yield made


async def eventually(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait until a condition holds, and return what it gave."""
    async with asyncio.timeout(seconds):
        while not (result := condition()):
            await asyncio.sleep(0.002)
    return result


async def contents(stream: openai.AsyncStream, into: list[str], seconds: float = 5.0) -> None:
    """Read an SDK's stream to its end, adding the contents as they come: what had come before an error stays there."""
    async with asyncio.timeout(seconds):
        async for piece in stream:
            into += [choice.delta.content for choice in piece.choices if choice.delta.content]
