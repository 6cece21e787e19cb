"""What monitors ask for every few seconds: `/health`, `/ready`, `/metrics`.

They are served without the framework: a service that nobody looks at in a browser then never loads it, which spares
some 8 MB and a fifth of a second (docs/performance.md).
"""

from typing import Any

import msgspec

import segue
from segue.app.running import Running
from segue.backends.telemetry.metrics import CONTENT_TYPE
from segue.core.errors import CallFailed
from segue.http.auth import Authenticator
from segue.http.exchange import JSON, Exchange

_UNAVAILABLE = 503


class Monitors:
    """The handlers."""

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        self._running = running
        self._authenticator = authenticator

    async def health(self, exchange: Exchange) -> None:
        """Whether this process is alive, and whether its store answers. Calls go on without the store."""
        store = await self._store()
        body = {"status": "ok" if store != "failing" else "degraded", "version": segue.__version__, "store": store}
        await exchange.respond(200, msgspec.json.encode(body), [JSON])

    async def ready(self, exchange: Exchange) -> None:
        """Whether this instance should get traffic, and whether its last configuration was refused.

        Why it was, and the providers, are told to those who show a key (and to anybody while there is none).
        """
        engine = self._running.engine
        stopping = engine.world.gate.closed
        snapshot = engine.snapshot
        configuration: dict[str, Any] = {"version": snapshot.version, "in_force": not engine.problems}
        body = {
            "status": "stopping" if stopping else "ready",
            "store": await self._store(),
            "configuration": configuration,
        }
        if self._is_known(exchange):
            configuration["problems"] = list(engine.problems)
            configuration["warnings"] = list(engine.warnings)
            body["providers"] = {
                name: {"enabled": provider.enabled, "state": self._state(name)}
                for name, provider in snapshot.providers.items()
            }
        await exchange.respond(_UNAVAILABLE if stopping else 200, msgspec.json.encode(body), [JSON])

    async def metrics(self, exchange: Exchange) -> None:
        """Counters for Prometheus."""
        await exchange.respond(200, self._running.metrics.render(), [(b"content-type", CONTENT_TYPE.encode())])

    def _is_known(self, exchange: Exchange) -> bool:
        try:
            self._authenticator.caller(exchange)
        except CallFailed:
            return False
        return True

    async def _store(self) -> str:
        store = self._running.store
        if store is None:
            return "none"
        return "ok" if await store.ping() else "failing"

    def _state(self, provider_id: str) -> str:
        world = self._running.engine.world
        health = world.health.status(world.clock.now()).get(provider_id)
        return str(health["state"]) if health else "closed"
