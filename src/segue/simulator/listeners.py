"""A refused connection can only be shown by a port that is closed, and all accounts share one: so each can get its own.

A listener accepts by hand, connection by connection, because a server's own accepting cannot be paused. Its port
stays reserved while it is closed, so that it can be opened again under the same number.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from segue.simulator.faults.kinds import Door

LISTENER_LIMIT: Final = 64
_BACKLOG: Final = 128
# Two connections fill a queue of length zero, and each further one waits in vain; a few more cost nothing.
_FILLERS: Final = 4
_FAMILIES: Final = {True: socket.AF_INET6, False: socket.AF_INET}


class Listener:
    """The port of one account."""

    def __init__(self, account: str, host: str, port: int, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        """Bind the port (0: any free one) and accept; must be called on a running event loop."""
        self.account = account
        self.door: Door = "open"
        self._host = host
        self._factory = factory
        self._accepts = False
        # An event loop keeps no hold on its tasks.
        self._begun: set[asyncio.Task[None]] = set()
        self._fillers: list[socket.socket] = []
        self._socket = self._bound(port)
        self.port = int(self._socket.getsockname()[1])
        self._open()

    def _bound(self, port: int) -> socket.socket:
        made = socket.socket(_FAMILIES[":" in self._host], socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            # The port may be bound while old connections on it still fade.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((self._host, port))
        except BaseException:
            made.close()
            raise
        return made

    def _open(self) -> None:
        self._socket.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket, self._accept)
        self._accepts = True

    def _stop_accepting(self) -> None:
        if self._accepts:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._accepts = False

    def _accept(self) -> None:
        for _ in range(_BACKLOG):
            try:
                connection, _address = self._socket.accept()
            except OSError:
                # Nobody waits any more, or there are no descriptors left: then the next call may have more luck.
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = asyncio.get_running_loop().create_task(self._serve(connection))
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)

    async def _serve(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._factory, connection)
        except OSError:
            connection.close()

    def put(self, door: Door) -> None:
        """Open the door, close it, or leave who knocks waiting."""
        if door == self.door:
            return
        was, self.door = self.door, door
        self._stop_accepting()
        self._empty()
        if door == "closed":
            # A bound socket that does not listen keeps the number, and the system refuses whoever connects.
            self._socket.close()
            self._socket = self._bound(self.port)
        elif door == "open":
            self._open()
        else:
            if was == "closed":
                self._socket.listen(_BACKLOG)
            if door == "full":
                self._fill()

    def _fill(self) -> None:
        self._socket.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket(self._socket.family, socket.SOCK_STREAM)
            filler.setblocking(False)
            with contextlib.suppress(OSError):
                filler.connect_ex((self._host, self.port))
            self._fillers.append(filler)

    def _empty(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()

    async def close(self) -> None:
        """Give the port up."""
        self._stop_accepting()
        self._empty()
        self._socket.close()
        if self._begun:
            await asyncio.wait(self._begun)


class Listeners:
    """The ports of all accounts that have one of their own, at most 64."""

    def __init__(self, host: str, door: Callable[[str], Door]) -> None:
        self._host = host
        self._door = door
        self._by_account: dict[str, Listener] = {}
        self.accounts: dict[int, str] = {}
        self.factory: Callable[[], asyncio.BaseProtocol] | None = None

    def of(self, account: str, port: int = 0) -> Listener:
        """The listener of an account, started when there is none yet; `port` is only looked at then.

        Raises:
            RuntimeError: When the simulator has not been started, or there are 64 listeners already.
            OSError: When the port cannot be opened.
        """
        known = self._by_account.get(account)
        if known is not None:
            return known
        if self.factory is None:
            raise RuntimeError("An account has no port before the simulator is started: use `async with Simulator()`.")
        if len(self._by_account) >= LISTENER_LIMIT:
            raise RuntimeError(
                f"There are {LISTENER_LIMIT} listeners already; let other accounts share the common port."
            )
        made = Listener(account, self._host, port, self.factory)
        self._by_account[account] = made
        self.accounts[made.port] = account
        made.put(self._door(account))
        return made

    def follow(self) -> None:
        """Let every listener do what the faults of its account ask for now."""
        for account, listener in self._by_account.items():
            listener.put(self._door(account))

    def as_json(self) -> list[dict[str, object]]:
        """All listeners as the admin interface shows them."""
        return [
            {"account": account, "port": listener.port, "door": listener.door}
            for account, listener in self._by_account.items()
        ]

    async def close(self) -> None:
        """Close all of them."""
        listeners = list(self._by_account.values())
        self._by_account.clear()
        self.accounts.clear()
        self.factory = None
        for listener in listeners:
            await listener.close()
