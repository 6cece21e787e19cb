"""The demo must work anywhere and touch nothing: a simulator and a service of its own, in a directory of its own."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segue.app.boot import boot
from segue.app.status import status_of
from segue.app.world import World
from segue.backends.transport.aiohttp_transport import AiohttpTransport
from segue.core.clock import Clock
from segue.http.server import Service
from segue.simulator import Simulator

if TYPE_CHECKING:
    import aiohttp
    from openai import AsyncOpenAI

OPEN_FOR = 10.0
"""Seconds that a breaker of the demo stays open: short, since somebody is watching."""

VENDORS = ("primary", "backup", "openweather", "weatherapi")

CONFIGURATION = """\
store: "sqlite:///{directory}/segue.db"

providers:
  primary:
    adapter: openai
    base_url: "{primary}/primary/v1"
    allow_private_network: true
    key: sk-demo-primary
    models: [gpt-4o, sim-cut-5]            # the simulator cuts the second one's answers after five pieces
  backup:
    adapter: openai
    base_url: "{backup}/backup/v1"
    allow_private_network: true
    key: sk-demo-backup
    models: [gpt-4o-mini]
    priority: 2
  openweather:
    adapter: openweather
    base_url: "{openweather}/openweather/data/2.5"
    allow_private_network: true
    key: demo-openweather
  weatherapi:
    adapter: weatherapi
    base_url: "{weatherapi}/weatherapi/v1"
    allow_private_network: true
    key: demo-weatherapi
    priority: 2

models:
  smart: [primary/gpt-4o, backup/gpt-4o-mini]

policies:
  default:
    deadline: 20s
    timeouts: {{connect: 1s, total: 1500ms, first_byte: 1500ms, first_content: 1500ms, idle: 5s}}
    breaker: {{open_for: {open_for}s}}
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that plays.

    Attributes:
        vendors: a simulator for each provider, by its id, which is also the name of its account there. Each has a port
            of its own: at a common one, a vendor that goes down would cut connections of the others.
        client: the real SDK, pointed at Segue; it never retries, so whatever is mended is mended by Segue.
        web: a plain HTTP client, for weather.
    """

    vendors: Mapping[str, Simulator]
    service: Service
    client: "AsyncOpenAI"
    web: "aiohttp.ClientSession"

    @property
    def clock(self) -> Clock:
        """The clock that the service goes by."""
        return self.service.running.engine.world.clock

    def status(self) -> dict[str, dict[str, Any]]:
        """Segue's own word on its providers."""
        return status_of(self.service.running)

    def reached(self, provider: str) -> int:
        """How many requests have reached a vendor."""
        return len(self.vendors[provider].seen())


@asynccontextmanager
async def set_up() -> AsyncIterator[Stage]:
    """Start everything on free ports; afterwards nothing is left."""
    import aiohttp
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="segue-demo-")))
        # Tokens take a moment each, so that there is something in flight to be seen.
        vendors = {
            name: await stack.enter_async_context(Simulator(first_token_delay=0.02, token_delay=0.004))
            for name in VENDORS
        }
        urls = {name: vendor.url for name, vendor in vendors.items()}
        file = directory / "segue.yaml"
        file.write_text(
            CONFIGURATION.format(directory=directory, open_for=int(OPEN_FOR), **urls),
            encoding="utf-8",
        )
        # No variable and no proxy of this machine may take part: the vendors are on loopback.
        booted = boot(file, {}, port=0, world=World(transport=AiohttpTransport(environment={})))
        service = Service(booted.running, host=booted.host, port=booted.port)
        await service.start()
        stack.push_async_callback(service.stop)
        client = await stack.enter_async_context(
            AsyncOpenAI(
                base_url=f"{service.url}/v1",
                api_key="demo",
                max_retries=0,
                http_client=DefaultAsyncHttpxClient(trust_env=False),
            )
        )
        web = await stack.enter_async_context(aiohttp.ClientSession(service.url))
        yield Stage(vendors, service, client, web)
