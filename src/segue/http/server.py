"""Runs the application under uvicorn, from the first socket to the last finished stream.

Stopping is the delicate part: a deployment must not cut answers in the middle. On SIGTERM or SIGINT no new call is
taken, those under way get `server.shutdown_timeout` to finish, and only then are connections closed and records
written. A second signal does not wait. SIGHUP reads the configuration anew.
"""

import asyncio
import gc
import ipaddress
import math
import signal
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import uvicorn

from segue.app.running import Running
from segue.core.clock import Clock
from segue.core.errors import ConfigError
from segue.http.application import Application
from segue.http.auth import LOOPBACK_NAMES, Authenticator
from segue.http.exchange import Receive, Scope, Send
from segue.http.protocol import DirectProtocol

BACKLOG = 2048
ACCEPTORS = 8
"""Connections that are accepted in one turn of the event loop. libuv takes one for each socket that listens
(https://github.com/libuv/libuv/pull/3696), and a turn of a busy loop lasts ten milliseconds and more."""
LAST_WORDS = 2.0
"""Seconds for telling callers whose answers are cut off by the stop, beyond the limit."""

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than the 60 s of usual load balancers, who must close first."""


class Service:
    """The HTTP service around a running Segue.

    Args:
        running: started by `start`, stopped by `stop`.
        host, port: where to listen; port 0 takes any free one.
        listening: a socket that listens there already: that of a parent process, who has called `prepare`, too.

    Attributes:
        port: where it listens, once started.
        first_key: the admin key that the first start on a public address has made, to be shown once.
    """

    def __init__(self, running: Running, *, host: str, port: int, listening: socket.socket | None = None) -> None:
        self.running = running
        self._given = listening
        self.host = host
        self.port = port
        self.first_key: str | None = None
        settings = running.engine.snapshot.settings
        cors = settings.server.cors
        self.authenticator = Authenticator(
            running,
            mode=settings.auth.mode,
            loopback=is_loopback(host),
            origins=tuple(cors.origins) if cors else (),
        )
        self._application: Any = Application(running, self.authenticator)
        if cors is not None:
            self._application = _with_cors(self._application, cors.origins, cors.max_age)
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it can be reached from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - translated, not bound
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self.port}"

    async def start(self) -> None:
        """Listen and serve.

        Raises:
            ConfigError: the address cannot be listened on, or the store cannot be used.
        """
        listening = self._given or listen(self.host, self.port)
        try:
            self.port = listening.getsockname()[1]
            if self._given is None:
                await self.prepare()
            else:
                await self.running.start()
        except BaseException:
            listening.close()
            raise
        settings = self.running.engine.snapshot.settings.server
        config = uvicorn.Config(
            self._application,
            loop="none",
            http=DirectProtocol,
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=int(settings.shutdown_timeout) + 1,
        )
        self._server = _Server(config)
        sockets = [listening, *(listening.dup() for _ in range(ACCEPTORS - 1))]
        self._serving = asyncio.create_task(self._server.serve(sockets=sockets), name="segue server")
        clock = self.running.engine.world.clock
        while not self._server.started and not self._serving.done():
            await clock.sleep(0.005)
        if self._serving.done():
            await self._serving

    async def prepare(self) -> None:
        """Open the store, and make the first key where one is needed: of several workers only their parent does it.

        Raises:
            ConfigError: the store cannot be used.
        """
        await self.running.start()
        await self._make_first_key()

    async def stop(self, *, wait: bool = True) -> None:
        """Finish what is under way within the limit, then close everything."""
        world = self.running.engine.world
        until = world.clock.now() + (self.running.engine.snapshot.settings.server.shutdown_timeout if wait else 0.0)
        await self.running.drain(until - world.clock.now())
        if self._server is not None and self._serving is not None:
            await _cut_off(self._server, world.clock, after=max(0.0, until - world.clock.now()))
            self._server.config.timeout_graceful_shutdown = max(1, math.ceil(until - world.clock.now()))
            self._server.force_exit = world.gate.under_way > 0 or not wait
            self._server.should_exit = True
            await asyncio.wait((self._serving,))
            self._serving = None
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()  # its reader does not read
        await self.running.stop()

    async def until_signal(self, *, hurry: signal.Signals | None = None) -> None:
        """Serve until SIGTERM or SIGINT; SIGHUP reads the configuration anew meanwhile.

        Args:
            hurry: the signal that ends the waiting for calls under way, too; by default SIGTERM or SIGINT once more. A
                worker needs one of its own: its parent, a terminal and a service manager may all tell it to stop.
        """
        calm_garbage_collector()
        allow_many_files()
        loop = asyncio.get_running_loop()
        stopping, hurrying = asyncio.Event(), asyncio.Event()

        def told() -> None:
            if hurry is None and stopping.is_set():
                hurrying.set()
            stopping.set()

        def told_to_hurry() -> None:
            stopping.set()
            hurrying.set()

        handlers: dict[int, Callable[[], object]] = {
            signal.SIGTERM: told,
            signal.SIGINT: told,
            signal.SIGHUP: self.running.reload,
        }
        if hurry is not None:
            handlers[hurry] = told_to_hurry
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            assert self._serving is not None  # noqa: S101 - started before
            waiting = asyncio.create_task(stopping.wait())
            await asyncio.wait({waiting, self._serving}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            again = asyncio.create_task(hurrying.wait())
            finishing = asyncio.create_task(self.stop())
            await asyncio.wait({again, finishing}, return_when=asyncio.FIRST_COMPLETED)
            again.cancel()
            if not finishing.done():
                finishing.cancel()
                with suppress(asyncio.CancelledError):
                    await finishing
                await self.stop(wait=False)
            else:
                finishing.result()
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    async def _make_first_key(self) -> None:
        """On a public address nobody may call without a key, so the first start makes one and shows it once."""
        if self.authenticator.is_open or self.running.keys or self.running.key_store is None:
            return
        self.first_key, _ = await self.running.key_store.create("first", admin=True)
        await self.running.reload_keys()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: `Service` decides when to stop."""

    def install_signal_handlers(self) -> None:
        """Nothing: the service has its own."""

    def capture_signals(self) -> Any:
        """Nothing: the service has its own."""
        from contextlib import nullcontext

        return nullcontext()


def calm_garbage_collector() -> None:
    """Look for cycles seldom, and never among what the start has made.

    The way of a call makes no cycles, so the collector finds nothing there; with Python's own thresholds it looks after
    every 700 new objects, some ten calls, and took half of the processor at full load (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def allow_many_files() -> None:
    """Take as many open files as the system grants: every stream takes two, and many systems begin with 1,024."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _cut_off(server: uvicorn.Server, clock: Clock, after: float) -> None:
    """End what is still being answered after so many seconds: callers are told, and calls are settled and recorded."""
    tasks: set[Any] = server.server_state.tasks
    answering = _futures(tasks)
    if answering:
        _, answering = await asyncio.wait(answering, timeout=after)
    # A call of the express is no future. Who waits for calls has waited for it already.
    cut = [*answering, *(task for task in tasks if not isinstance(task, asyncio.Future))]
    for task in cut:
        task.cancel()
    if cut:
        await clock.sleep(0)  # what was cut off in the express goes on as an errand
        answering = _futures(tasks)
        if answering:
            await asyncio.wait(answering, timeout=LAST_WORDS)


def _futures(tasks: Iterable[Any]) -> set["asyncio.Future[Any]"]:
    return {task for task in tasks if isinstance(task, asyncio.Future)}


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigError: the port is in use, not allowed, or the host is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind((host.strip("[]"), port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except (OSError, UnicodeError, OverflowError) as error:
        listening.close()
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        remedy = "stop what uses it, or choose another with --port or --host"
        raise ConfigError([f"cannot listen on {host}:{port}: {why.lower()}: {remedy}"]) from None
    return listening


def _with_cors(application: Application, origins: tuple[str, ...], max_age: float) -> Any:
    from starlette.middleware.cors import CORSMiddleware

    wrapped = CORSMiddleware(
        application,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["x-segue-call-id", "x-segue-provider", "x-segue-model", "x-segue-attempts", "x-should-retry"],
        max_age=int(max_age),
    )

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        await wrapped(scope, receive, send)

    return outer
