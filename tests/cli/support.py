"""The command line as a user's shell starts it: what tests share."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

SEGUE = (sys.executable, "-W", "error", "-m", "segue")
LIMIT = 20.0


def clean_environment(**more: str) -> dict[str, str]:
    """The variables of this process without any that Segue would take as a wish."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith(("_KEY", "_PROXY", "_proxy")) and name not in {"PORT", "DATABASE_URL", "REDIS_URL"}
    }
    return {**kept, "COLUMNS": "200", **more}


@dataclass(frozen=True)
class Ran:
    """What a command has said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Up:
    """A running `segue up`."""

    def __init__(self, process: asyncio.subprocess.Process, facts: dict[str, Any]) -> None:
        self.process = process
        self.facts = facts
        self.url: str = facts["url"]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> tuple[int, str]:
        """The exit code, and what stood on standard error."""
        _, err = await asyncio.wait_for(self.process.communicate(), LIMIT)
        assert self.process.returncode is not None
        return self.process.returncode, err.decode()


Run = Callable[..., Ran]
Serve = Callable[..., AbstractAsyncContextManager[Up]]


def configuration(url: str, *, more: str = "") -> str:
    """Two providers of chats and one of weather, at a simulator."""
    return f"""\
providers:
  primary:
    adapter: openai
    base_url: "{url}/primary/v1"
    key: sk-primary-1
    models: [gpt-4o]
    allow_private_network: true
  backup:
    adapter: openai
    base_url: "{url}/backup/v1"
    key: sk-backup-1
    models: [gpt-4o-mini]
    allow_private_network: true
    priority: 2
  sky: {{adapter: openweather, base_url: "{url}/sky/data/2.5", key: sky-key-1, allow_private_network: true}}
models:
  smart: [primary/gpt-4o, backup/gpt-4o-mini]
{more}"""


async def until(condition: Callable[[], Any], limit: float = LIMIT) -> None:
    """Wait until an async condition holds."""
    async with asyncio.timeout(limit):
        while not await condition():
            await asyncio.sleep(0.05)
