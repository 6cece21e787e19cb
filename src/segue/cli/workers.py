"""`segue up --workers N`: one address, N processes, each with an engine of its own.

The parent listens once and every worker accepts from that one socket. So a port that is taken is told before anything
is started, and a connection that nobody has accepted yet belongs to nobody: when a worker dies or is busy, another one
takes it. A socket for each worker (SO_REUSEPORT) was measured and was no quicker (two workers and 32 connections: 7,100
calls a second, against 7,400 with one socket); the system gives connections out by a hash then, few of them unevenly,
loses those that wait at a worker which dies, and lets a second service take the same port unnoticed.

What only one may do happens before the first worker is there: the tables are brought up to date, and the first key is
made and shown.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from segue.backends.telemetry.lines import Log
from segue.cli.loop import run_async
from segue.cli.supervisor import HELD, LOOK_EVERY, Supervisor
from segue.core.errors import ConfigError
from segue.core.signals import ConfigurationChanged

if TYPE_CHECKING:
    from segue.app.boot import Booted
    from segue.app.running import Running
    from segue.http.server import Service


class Workers:
    """The parent of N workers: `check`, `prepare`, `run`, in this order.

    Args:
        booted: the configuration; it serves nothing itself.
        count: how many workers, 2 or more.
    """

    def __init__(self, booted: "Booted", count: int) -> None:
        self._booted = booted
        self._count = count
        self._running = booted.running
        self._log = Log()
        self._listening: socket.socket | None = None

    def check(self) -> None:
        """Whether this configuration can be served by several processes.

        Raises:
            ConfigError: it cannot.
        """
        from segue.backends.store.sqlite import sqlite_path

        if not hasattr(os, "fork"):
            raise ConfigError(["--workers: this system cannot fork processes: run one worker, or several services"])
        if sqlite_path(self._running.engine.snapshot.settings.store) is None:
            why = "it cannot be in memory with --workers above 1: none would see the keys and records of another"
            raise ConfigError([f"store: {why}; name a file, such as sqlite:///segue.db"])

    async def prepare(self) -> "Service":
        """Listen, bring the store up to date, make the first key where one is needed.

        Returns:
            A service that serves nothing and knows what the first screen says.

        Raises:
            ConfigError: the address cannot be listened on, or the store cannot be used.
        """
        from segue.app.world import World
        from segue.http.server import Service, listen

        host, port = self._booted.host, self._booted.port
        self._listening = listen(host, port)
        try:
            port = self._listening.getsockname()[1]
            # Of a twin, since what is started here must be closed before the first fork.
            service = Service(self._running.twin(World()), host=host, port=port)
            try:
                await service.prepare()
            finally:
                await service.running.stop()
        except BaseException:
            self._listening.close()
            raise
        return service

    def run(self, serving: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT; come back when the last worker has ended.

        Args:
            serving: called once, when all workers serve.

        Raises:
            SegueError: they could not be started, or one dies again and again.
        """
        world = self._running.engine.world
        world.signals.subscribe(ConfigurationChanged, self._tell)
        assert self._listening is not None  # noqa: S101 - prepared
        # What all workers have in common stays common only while no collector walks over it: docs.python.org/3/library/
        # gc.html, gc.freeze.
        gc.freeze()
        with self._listening:
            Supervisor(
                self._count,
                self._work,
                clock=world.clock,
                patience=lambda: self._running.engine.snapshot.settings.server.shutdown_timeout,
                serving=serving,
                reload=self._running.reload,
                look=self._running.follow,
                stopping=self._listening.close,
            ).run()

    def _tell(self, changed: ConfigurationChanged) -> None:
        """The parent reads what the workers read, to know what a replacement starts with, and says it for all."""
        if changed.accepted:
            self._log.info("configuration read", workers=self._count)
        else:
            self._log.error(
                "configuration refused, every worker keeps the one it has",
                workers=self._count,
                problems=list(changed.problems),
            )

    def _work(self, number: int, told: Callable[[], None]) -> None:
        run_async(self._serve(number, told))

    async def _serve(self, number: int, told: Callable[[], None]) -> None:
        from segue.app.world import World
        from segue.backends.telemetry.logs import LogLines
        from segue.http.server import Service

        running = self._running.twin(World(workers=self._count))
        running.metrics.worker = number
        LogLines().subscribe(running.engine.world.signals)
        service = Service(running, host=self._booted.host, port=self._booted.port, listening=self._listening)
        await service.start()
        serving = asyncio.create_task(service.until_signal(hurry=signal.SIGQUIT))
        orphaned = asyncio.create_task(_stop_when_orphaned(running))
        await running.engine.world.clock.sleep(0)  # until its handlers stand
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        told()
        try:
            await serving
        finally:
            orphaned.cancel()


async def _stop_when_orphaned(running: "Running") -> None:
    """A worker without a parent would hold the port for ever, and nobody would stop it."""
    parent = multiprocessing.parent_process()
    while parent is not None and os.getppid() == parent.pid:
        await running.engine.world.clock.sleep(LOOK_EVERY)
    Log().error("the parent of this worker has gone: it stops")
    os.kill(os.getpid(), signal.SIGTERM)


def notes(count: int) -> tuple[str, ...]:
    """What whoever starts several workers should know."""
    said = (
        f"each of the {count} workers has breakers, cooling times and turns of its own, and 1/{count} of "
        "server.max_calls and of the retries that need not be earned: a failing provider is found out, and probed, by "
        "each; keys and records are shared; /metrics answers for one worker (segue_worker_info)"
    )
    cores = available_cores()
    if count <= cores:
        return (said,)
    return (
        said,
        f"{count} workers share {cores} processor core{'s' if cores > 1 else ''}: more than {cores} gain nothing",
    )


def available_cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
