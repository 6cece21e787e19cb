"""Segue as a user runs it, for the benchmarks: a store, an API key, one provider, nothing switched off."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import tools
from segue.backends.store.keys import KeyStore
from segue.backends.store.store import Store
from segue.core.clock import SystemChance, SystemClock

CONFIG = """
server: {{port: {port}}}
store: "sqlite:///{folder}/segue.db"
providers:
  up: {{adapter: openai, base_url: "{upstream}/v1", key: sk-bench, models: [gpt-4o], allow_private_network: true}}
models: {{smart: [up/gpt-4o]}}
"""


@dataclass(frozen=True)
class Service:
    """A running server: where it is, which process it is, and a key that it takes."""

    port: int
    pid: int
    key: str = ""

    @property
    def url(self) -> str:
        """Of chat completions."""
        return f"http://127.0.0.1:{self.port}{tools.PATH}"


@contextlib.contextmanager
def segue(
    core: str,
    folder: Path,
    upstream: str,
    *,
    authority: Path | None = None,
    arguments: Sequence[str] = (),
    runner: Sequence[str] = ("-m", "segue"),
) -> Iterator[Service]:
    """Segue before one provider.

    Args:
        core: the cores it may use.
        folder: where its files are put; made when it is not there.
        upstream: the provider's address, without `/v1`.
        authority: of the provider's certificate. Python's own variable SSL_CERT_FILE makes it the only trusted one.
        arguments: further arguments of `segue up`.
        runner: how Python is to start it.
    """
    folder.mkdir(exist_ok=True)
    port = tools.free_port()
    config = folder / "segue.yaml"
    config.write_text(CONFIG.format(port=port, folder=folder, upstream=upstream))
    key = asyncio.run(_make_key(folder))
    environment = {"SSL_CERT_FILE": str(authority)} if authority else {}
    command = tools.python(*runner, "up", "--config", str(config), *arguments)
    with tools.process(core, *command, port=port, **environment) as started:
        yield Service(port, started.pid, key)


@contextlib.contextmanager
def relay(core: str, upstream: str, *, authority: Path | None = None) -> Iterator[Service]:
    """The bare relay of `benchmarks.relay` before the same upstream: what transport and interpreter allow."""
    port = tools.free_port()
    environment = {"SSL_CERT_FILE": str(authority)} if authority else {}
    command = tools.python("-m", "benchmarks.relay", str(port), upstream)
    with tools.process(core, *command, port=port, **environment) as started:
        yield Service(port, started.pid)


async def _make_key(folder: Path) -> str:
    """An API key in the store that Segue will open."""
    store = await Store.open(f"sqlite:///{folder}/segue.db")
    try:
        keys = await KeyStore.open(store, clock=SystemClock(), chance=SystemChance())
        return (await keys.create("bench"))[0]
    finally:
        await store.close()
