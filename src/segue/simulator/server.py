"""An outage must be shown and tested without any vendor's consent: this plays several vendors on one local port.

`Simulator` is the whole of it for a program; `segue.simulator.serve` is the same for a command line.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from segue.simulator.admin import Admin
from segue.simulator.dispatch import Dispatcher
from segue.simulator.exchange import BODY_LIMIT
from segue.simulator.faults import Board, loading
from segue.simulator.faults.fault import read_account
from segue.simulator.listeners import Listeners
from segue.simulator.load import LoadSource
from segue.simulator.records import Ledger, Record
from segue.simulator.vendors import aws_access, vertex_tokens

_IDLE_SECONDS: Final = 75.0


class Simulator:
    """Vendors on one port, each account with its own faults and records.

    The base address of an account is `{url}/{account}/v1` for the OpenAI wire format, and `{url}/{account}` for the
    weather vendors.

    Attributes:
        requests: The records of what it saw.
        faults: The board of the faults that are set.
    """

    def __init__(
        self,
        port: int = 0,
        seed: int = 1,
        faults: str | Path | Sequence[Mapping[str, object]] | None = None,
        *,
        host: str = "127.0.0.1",
        first_token_delay: float = 0.0,
        token_delay: float = 0.0,
        record: bool = True,
    ) -> None:
        """Describe a simulator; nothing is opened before `start` or `async with`.

        Args:
            port: The TCP port, or 0 for any free one.
            seed: Decides all content and all dice; any integer.
            faults: A file to load at the start (see `load_faults`), or faults as the admin interface takes them.
            host: The address to listen on.
            first_token_delay: Seconds before the first token of every model's answer.
            token_delay: Seconds before each further token.
            record: Whether to keep records; a source of load does better without.
        """
        self._host = host
        self._wanted_port = port
        self._initial = faults
        self._started: float | None = None
        self._runner: web.AppRunner | None = None
        self.seed = seed
        self.requests = Ledger(keep=record)
        self.faults = Board(seed, self._on_down, self._seconds, self._on_change)
        self._sources: list[LoadSource] = []
        self._listeners = Listeners(host, self.faults.door)
        self.faults.first_token_delay = first_token_delay
        self.faults.token_delay = token_delay
        self._dispatcher = Dispatcher(self.faults, self.requests, seed, self._listeners.accounts)

    def _seconds(self) -> float:
        """Seconds since the start; 0 before it."""
        return 0.0 if self._started is None else asyncio.get_running_loop().time() - self._started

    def _on_down(self, account: str) -> None:
        self._dispatcher.end_connections(account)

    def _on_change(self) -> None:
        self._listeners.follow()

    async def start(self) -> None:
        """Open the port and set the initial faults."""
        self._dispatcher.stopping = False
        application = web.Application(client_max_size=BODY_LIMIT)
        admin = Admin(self.faults, self.requests, self._seconds, self.seed, self._listeners)
        application.add_routes(admin.routes())
        application.router.add_route("*", "/{path:.*}", self._dispatcher.handle)
        # With handler_cancellation a handler ends when its client hangs up, which is how a record learns of it.
        runner = web.AppRunner(
            application,
            handle_signals=False,
            access_log=None,
            handler_cancellation=True,
            keepalive_timeout=_IDLE_SECONDS,
            shutdown_timeout=0.1,
        )
        await runner.setup()
        self._runner = runner
        try:
            await web.TCPSite(runner, self._host, self._wanted_port).start()
            self._started = asyncio.get_running_loop().time()
            self._listeners.factory = runner.server
            if isinstance(self._initial, str | Path):
                self.load_faults(self._initial)
            else:
                for values in self._initial or ():
                    self.faults.set(values)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End all connections and close the port; a second call does nothing."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self._dispatcher.stopping = True
        await self._listeners.close()
        while self._sources:
            await self._sources.pop().stop()
        self.faults.clear()
        self._dispatcher.end_connections("*")
        await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The TCP port that is open."""
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError("The simulator has no port before it is started: use `async with Simulator()`.")
        return int(self._runner.addresses[0][1])

    @property
    def url(self) -> str:
        """The address without an account, such as `http://127.0.0.1:8089`."""
        return f"http://{self._url_host}:{self.port}"

    @property
    def _url_host(self) -> str:
        return f"[{self._host}]" if ":" in self._host else self._host

    def port_of(self, account: str, port: int = 0) -> int:
        """The port of an account's own listener, which `refuse_connect`, `no_accept` and `down` can close.

        The listener is started when the account has none yet, on `port`, or on any free one. Requests that come by
        it without an account in their path are for this account. There can be 64 of them.

        Raises:
            FaultError: When `account` is no name of an account.
            RuntimeError: When the simulator has not been started, or there are 64 listeners already.
            OSError: When the port cannot be opened.
        """
        return self._listeners.of(read_account(account), port).port

    def url_of(self, account: str) -> str:
        """The base address of an account on its own port, such as `http://127.0.0.1:40123/primary`; as `port_of`."""
        return f"http://{self._url_host}:{self.port_of(account)}/{account}"

    async def load_source(self, port: int = 0, *, delay: float = 0.0) -> str:
        """Open a port that only answers, as fast as it can, and return its address, such as `http://127.0.0.1:40124`.

        It serves all vendors and accounts under the usual paths, without faults, records or chunked request bodies,
        and several times faster than the port with these. It ends with the simulator. Each further call opens another.

        Args:
            port: The TCP port, or 0 for any free one.
            delay: Seconds before each answer.

        Raises:
            RuntimeError: When the simulator has not been started.
            OSError: When the port cannot be opened.
        """
        if self._runner is None:
            raise RuntimeError("There is no load source before the simulator is started: use `async with Simulator()`.")
        source = LoadSource(self._host, self.seed)
        opened = await source.start(port, delay)
        self._sources.append(source)
        return f"http://{self._url_host}:{opened}"

    def fault(self, account: str, kind: str, **options: object) -> str:
        """Set a fault and return its id.

        Args:
            account: The account's name, or `*` for all.
            kind: A name in the catalogue, `segue.simulator.KINDS`.
            options: Those of the kind (`segue.simulator.catalogue()` lists them), and `rate` (0..1), `times`
                (requests), `match` ({"model", "stream"}).

        Raises:
            FaultError: When a field is wrong; the text says which and what would be right.
        """
        return self.faults.set({"account": account, "kind": kind, **options})

    def schedule(self, account: str, windows: Sequence[Mapping[str, object]], since: str = "now") -> list[str]:
        """Set faults in windows of time, counted in seconds since `now` or since the `start`; returns their ids."""
        plan = {"account": account, "windows": [dict(window) for window in windows], "since": since}
        return loading.schedule(self.faults, plan)

    def service_account(self, account: str, email: str, public_key: str, *, lives: int = 3600) -> None:
        """Let a service account sign its way into Vertex AI; from then on the account takes no other tokens.

        Args:
            account: The simulator's account.
            email: The service account's name.
            public_key: Its RSA public key as PEM.
            lives: The seconds that its tokens live.

        Raises:
            FaultError: When `account` is no name of an account.
            ValueError: When the key is no RSA public key.
        """
        vertex_tokens.register(self._dispatcher.memory_of(read_account(account)), email, public_key, lives=lives)

    def aws_key(
        self, account: str, access_key_id: str, secret_access_key: str, *, session_token: str | None = None
    ) -> None:
        """Let an access key sign its way into Bedrock; from then on the account takes registered keys only.

        Args:
            account: The simulator's account.
            access_key_id: The key's name, 16 to 128 letters and digits.
            secret_access_key: Its secret.
            session_token: What must come with it when it is a temporary one.

        Raises:
            FaultError: When `account` is no name of an account.
            ValueError: When the name or the secret is none.
        """
        memory = self._dispatcher.memory_of(read_account(account))
        aws_access.register(memory, access_key_id, secret_access_key, token=session_token)

    def aws_api_key(self, account: str, key: str) -> None:
        """Let a Bedrock API key in, which is sent as a bearer token; from then on no unknown one is."""
        aws_access.register_api_key(self._dispatcher.memory_of(read_account(account)), key)

    def clear(self, account: str | None = None) -> int:
        """Lift the faults of an account (None: all faults); returns how many."""
        return self.faults.clear(account)

    def seen(self, account: str | None = None) -> list[Record]:
        """The records of an account (None: of all), oldest first."""
        return self.requests.seen(account)

    def load_faults(self, path: str | Path) -> list[str]:
        """Set what a JSON or YAML file asks for: `listeners`, `faults` and `schedules`; returns the ids of faults."""
        return loading.load(self.faults, Path(path), self.port_of)
