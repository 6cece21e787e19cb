"""Starts what a running Segue needs around its engine, and stops it in the right order.

The library runs an engine with counters and nothing else; the service adds the store, the record of calls, the keys
and the watch over its files. Both start and stop here, so that neither forgets what the other remembers.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from segue.app.engine import Engine
from segue.app.world import World
from segue.backends.store.shelf import Shelf
from segue.backends.telemetry.metrics import Metrics
from segue.config.load import Loaded
from segue.core.signals import CallEnded

if TYPE_CHECKING:
    from segue.backends.store.call_log import CallLog
    from segue.backends.store.keys import KeyRecord, KeyStore
    from segue.backends.store.store import Store

WATCH_EVERY = 1.0
"""Seconds between two looks at the configuration's files and at the table of keys."""

DRAIN_STEP = 0.02


class Running:
    """A started Segue.

    Args:
        engine: what serves calls.
        store_url: where records and keys are kept; `None` to keep none.
        read: reads the configuration anew; `None` where it came from no file.
        files: files whose change makes it be read anew.

    Attributes:
        keys: API keys by their digests; empty when there is no store.
        locked: whether a key was ever made; revoking the last one must not open the service again.
        responses: answers that callers may go on from; in memory alone where there is no store.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        store_url: str | None = None,
        read: Callable[[], Loaded] | None = None,
        files: tuple[Path, ...] = (),
    ) -> None:
        self.engine = engine
        self.store: Store | None = None
        self.call_log: CallLog | None = None
        self.key_store: KeyStore | None = None
        self.keys: dict[bytes, KeyRecord] = {}
        self.locked = False
        self.responses = Shelf(engine.world.clock)
        self.metrics = Metrics(
            in_flight=lambda: {name: load.in_flight for name, load in engine.world.loads.items()},
            dropped=lambda: self.call_log.dropped if self.call_log else 0,
        )
        self.metrics.subscribe(engine.world.signals)
        self.metrics.version = engine.snapshot.version
        self._first = engine.snapshot.settings
        self._store_url = store_url
        self._read = read
        self._files = files
        self._seen = self._fingerprint()
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the store, load the keys, begin to watch.

        Raises:
            ConfigError: the store cannot be used.
        """
        world = self.engine.world
        if self._store_url is not None:
            from segue.backends.store.call_log import CallLog
            from segue.backends.store.keys import KeyStore
            from segue.backends.store.responses import ResponseStore
            from segue.backends.store.store import Store

            self.store = await Store.open(self._store_url)
            try:
                self.key_store = await KeyStore.open(self.store, clock=world.clock, chance=world.chance)
                await self.reload_keys()
            except BaseException:
                await self.store.close()
                raise
            self.call_log = CallLog(self.store, world.clock)
            self.call_log.start()
            world.signals.subscribe(CallEnded, self.call_log.record, answered=self.call_log.record_answered)
            self.responses = Shelf(world.clock, ResponseStore(self.store), alone=world.workers == 1)
            self.responses.start()
        if self._files or self.key_store is not None:
            self._watcher = asyncio.create_task(self._watch(), name="segue watcher")

    async def drain(self, limit: float) -> bool:
        """Take no new call and wait until those under way have ended; whether they did within `limit` seconds."""
        gate, clock = self.engine.world.gate, self.engine.world.clock
        gate.closed = True
        until = clock.now() + limit
        while gate.under_way and clock.now() < until:
            await clock.sleep(DRAIN_STEP)
        return not gate.under_way

    async def stop(self) -> None:
        """Stop watching, write what waits, close the network and the store. Safe to call twice."""
        self.engine.world.gate.closed = True
        if self._watcher is not None:
            self._watcher.cancel()
            with suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        if self.call_log is not None:
            await self.call_log.close()
        await self.responses.close()
        if self.engine.world.transport is not None:
            await self.engine.world.transport.close()
        if self.store is not None:
            await self.store.close()
            self.store = None

    def reload(self) -> bool:
        """Read the configuration anew; whether it is in force now. `engine.problems` says why not."""
        if self._read is None:
            return False
        self._seen = self._fingerprint()
        return self.engine.reload(self._reread)

    def follow(self) -> None:
        """Read the configuration anew if one of its files has changed since it was read."""
        if self._read is not None and self._fingerprint() != self._seen:
            self.reload()

    def twin(self, world: World) -> "Running":
        """Another one with the configuration in force here, not started: what a further process runs.

        What a start settles once for all processes (the address, the store, who may call) is as it was at first.

        Args:
            world: its own; nothing in it is shared.
        """
        settings, first = self.engine.snapshot.settings, self._first
        once = {name: getattr(first.server, name) for name in ("host", "port", "cors")}
        server = settings.server.model_copy(update=once)
        settings = settings.model_copy(update={"server": server, "auth": first.auth, "store": first.store})
        twin = Running(
            Engine(settings, world, warnings=self.engine.warnings),
            store_url=self._store_url,
            read=self._read,
            files=self._files,
        )
        twin.engine.problems = self.engine.problems
        twin._seen = self._seen
        return twin

    async def reload_keys(self) -> None:
        """Load the API keys anew: one was made or revoked."""
        if self.key_store is not None:
            self.keys = await self.key_store.load()
            self.locked = self.locked or bool(self.keys) or bool(await self.key_store.list())

    def _reread(self) -> Loaded:
        assert self._read is not None  # noqa: S101 - reload has looked
        loaded = self._read()
        self._files = loaded.files or self._files
        self._seen = self._fingerprint()
        return loaded

    def _fingerprint(self) -> tuple[object, ...]:
        return tuple(_stamp(path) for path in self._files)

    async def _watch(self) -> None:
        clock = self.engine.world.clock
        while True:
            await clock.sleep(WATCH_EVERY)
            self.follow()
            if self.key_store is not None:
                with suppress(Exception):  # a store that is away for a moment must not end the watch
                    if await self.key_store.changed():
                        await self.reload_keys()


def _stamp(path: Path) -> object:
    """What changes when a file does; its absence counts as a state of its own."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
