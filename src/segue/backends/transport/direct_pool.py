"""Connections kept for the next request, and a limit on how many there are.

A TLS handshake costs more than a whole request, so connections are kept; the one used last is used first, so that the
others grow old and go. Every open, opening or kept connection holds one of the origin's slots; who finds none waits in
line, and whatever becomes free (a connection, or only its slot) goes to the first in the line.
"""

import asyncio
from collections import deque

from segue.backends.transport.direct_connect import Dialler
from segue.backends.transport.direct_protocol import Connection
from segue.backends.transport.direct_request import Authority
from segue.backends.transport.failures import transport_closed
from segue.core.clock import Clock
from segue.core.ports import TransportError

IDLE_SECONDS = 30.0
"""Below the 60 s after which common load balancers close, so that reuse rarely meets a closed door."""


class Origin:
    """The connections to one host and port, made with or without leave for the private network.

    Args:
        authority: whom they go to.
        private: whether they may go to the private network.
        most: slots.
        most_idle: connections kept when nobody uses them.
    """

    __slots__ = (
        "_authority",
        "_clock",
        "_closed",
        "_dialler",
        "_dialling",
        "_ending",
        "_idle",
        "_line",
        "_loop",
        "_members",
        "_most",
        "_most_idle",
        "_private",
        "_taken",
    )

    def __init__(
        self,
        authority: Authority,
        *,
        private: bool,
        dialler: Dialler,
        clock: Clock,
        most: int,
        most_idle: int,
        ending: set[Connection],
    ) -> None:
        self._authority = authority
        self._private = private
        self._dialler = dialler
        self._clock = clock
        self._most = most
        self._most_idle = most_idle
        self._ending = ending
        self._loop = asyncio.get_running_loop()
        self._members: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._line: deque[asyncio.Future[Connection | None]] = deque()
        self._dialling: set[asyncio.Task[Connection]] = set()
        self._taken = 0
        self._closed = False

    @property
    def counts(self) -> tuple[int, int]:
        """Slots taken by connections that are opening or in use, and connections that are kept."""
        return self._taken - len(self._idle), len(self._idle)

    def kept(self) -> Connection | None:
        """A connection that can be used at once, if there is one."""
        while self._idle:
            connection = self._idle.pop()
            if self._clock.now() - connection.idle_since < IDLE_SECONDS and connection.usable():
                return connection
            connection.abandon()
        return None

    async def connection(self, within: float, *, fresh: bool = False) -> tuple[Connection, bool]:
        """A connection when none is kept: a new one, or one that is freed while we wait in line.

        Args:
            within: seconds for all of it: the line, the name, TCP and TLS.
            fresh: only a new one will do.

        Returns:
            The connection, and whether it was used before.

        Raises:
            TimeoutError: not within the limit.
            OSError: no connection, or no TLS.
            TransportError: the transport was closed meanwhile.
        """
        ends = self._loop.time() + within
        while self._taken >= self._most:
            freed = await self._wait_in_line(ends)
            if freed is None:
                self._taken -= 1  # the slot comes to us; it is counted again below
                break
            if not fresh and freed.usable():
                return freed, True
            freed.abandon()
        if self._closed:
            raise TransportError(transport_closed())
        self._taken += 1
        return await self._new(ends), False

    def sweep(self) -> None:
        """Close what was kept too long."""
        now = self._clock.now()
        while self._idle and now - self._idle[0].idle_since >= IDLE_SECONDS:
            self._idle.popleft().abandon()

    def close(self) -> None:
        """Close everything, in use or not, and let nobody wait."""
        self._closed = True
        for task in self._dialling:
            task.cancel()
        for waiter in self._line:
            if not waiter.done():
                self._taken += 1
                waiter.set_result(None)
        self._line.clear()
        for connection in list(self._members):
            connection.abandon()

    # What a connection tells

    def freed(self, connection: Connection) -> None:
        """See `direct_protocol.Owner`."""
        while self._line:
            waiter = self._line.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if self._closed or len(self._idle) >= self._most_idle:
            connection.abandon()
            return
        connection.idle_since = self._clock.now()
        self._idle.append(connection)

    def gone(self, connection: Connection) -> None:
        """See `direct_protocol.Owner`."""
        if connection in self._members:
            self._members.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
            self._give_back_slot()

    def ended(self, connection: Connection) -> None:
        """See `direct_protocol.Owner`."""
        self._ending.discard(connection)

    # Inside

    def _give_back_slot(self) -> None:
        while self._line:
            waiter = self._line.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._taken -= 1

    async def _wait_in_line(self, ends: float) -> Connection | None:
        """A freed connection, or `None` with a slot."""
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        self._line.append(waiter)
        try:
            await asyncio.wait((waiter,), timeout=max(0.0, ends - self._loop.time()))
        except BaseException:
            self._leave_line(waiter)
            raise
        if waiter.done():
            return waiter.result()
        self._leave_line(waiter)
        raise TimeoutError

    def _leave_line(self, waiter: "asyncio.Future[Connection | None]") -> None:
        if not waiter.done():
            waiter.cancel()
            self._line.remove(waiter)
        elif (freed := waiter.result()) is None:
            self._give_back_slot()
        elif freed.standing:
            self.freed(freed)

    async def _new(self, ends: float) -> Connection:
        """A new connection on the slot that was taken for it; gives the slot back when there is none."""
        task = self._loop.create_task(self._dial())
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        try:
            await asyncio.wait((task,), timeout=max(0.0, ends - self._loop.time()))
        except BaseException:
            self._call_off(task)
            raise
        if not task.done():
            self._call_off(task)
            raise TimeoutError
        try:
            return task.result()
        except asyncio.CancelledError:  # by `close`: who waits for us was not cancelled
            self._give_back_slot()
            raise TransportError(transport_closed()) from None
        except BaseException:
            self._give_back_slot()
            raise

    def _call_off(self, task: "asyncio.Task[Connection]") -> None:
        task.cancel()
        task.add_done_callback(self._came_late)

    def _came_late(self, task: "asyncio.Task[Connection]") -> None:
        if task.cancelled() or task.exception() is not None:
            self._give_back_slot()
        else:
            task.result().abandon()

    async def _dial(self) -> Connection:
        connection = Connection(self._loop, self)
        try:
            await self._dialler.dial(self._authority, lambda: connection, private=self._private)
        except BaseException:
            connection.abandon()
            raise
        if self._closed or not connection.standing:
            connection.abandon()
            raise ConnectionResetError
        self._members.add(connection)
        self._ending.add(connection)
        return connection
