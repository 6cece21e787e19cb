"""Every request takes one way through the simulator, however wrong it is, and none may bring the simulator down.

The dispatcher reads a request, lets the vendor write its answer, lets the faults rewrite it, performs it, and keeps
the record true even when the client hangs up in the middle.
"""

import asyncio
import itertools
from collections.abc import Mapping
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from segue.simulator.delivery import abort, deliver
from segue.simulator.exchange import Exchange, clean
from segue.simulator.faults import Board
from segue.simulator.faults.board import Applied
from segue.simulator.faults.fault import ALL_ACCOUNTS
from segue.simulator.memory import Memories, Memory
from segue.simulator.records import Ledger, Record
from segue.simulator.vendors import DEFAULT_ACCOUNT, Vendor, route

_FORGET_ABOVE: Final = 1_000


async def _read_body(request: web.Request) -> bytes | int:
    """The body, or the HTTP status of the error that reading it was."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        return 413
    except (web.RequestPayloadError, web.HTTPBadRequest):
        return 400


class Dispatcher:
    """The way of all requests that are not for the admin interface."""

    def __init__(self, board: Board, ledger: Ledger, seed: int, accounts_of_ports: Mapping[int, str]) -> None:
        self._board = board
        self._accounts_of_ports = accounts_of_ports
        self._ledger = ledger
        self._seed = seed
        self._numbers = itertools.count(1)
        self._memories = Memories()
        # Which account each connection last spoke to, so that an outage can end the idle ones as well.
        self._accounts: dict[RequestHandler, str] = {}
        self._open: dict[RequestHandler, Record] = {}
        self._forget_above = _FORGET_ABOVE
        self.stopping = False

    def memory_of(self, account: str) -> Memory:
        """What an account remembers from request to request."""
        return self._memories.of(account)

    def end_connections(self, account: str) -> None:
        """Reset all connections of an account (`*`: of all accounts)."""
        for connection, owner in list(self._accounts.items()):
            if account in (owner, ALL_ACCOUNTS):
                record = self._open.get(connection)
                if record is not None and record.outcome == "open":
                    record.outcome = "stopped" if self.stopping else "aborted"
                abort(connection.transport)
        self._forget_closed()

    def _forget_closed(self) -> None:
        for connection in [known for known in self._accounts if known.transport is None]:
            del self._accounts[connection]

    def _exchange(self, request: web.Request, account: str, path: str) -> Exchange:
        return Exchange(
            number=next(self._numbers),
            account=account,
            method=clean(request.method),
            path=clean(path),
            query={clean(name): clean(value) for name, value in request.query.items()},
            headers={clean(name).lower(): clean(value) for name, value in request.headers.items()},
            body=b"",
            seed=self._seed,
            memory=self._memories.of(account),
            target=clean(request.raw_path),
        )

    def _default_account(self, request: web.Request) -> str:
        """The account of a path without one: that of the listener, if the connection came by an account's own."""
        if not self._accounts_of_ports or request.transport is None:
            return DEFAULT_ACCOUNT
        address = request.transport.get_extra_info("sockname")
        return self._accounts_of_ports.get(address[1], DEFAULT_ACCOUNT) if address else DEFAULT_ACCOUNT

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        account, vendor, path = route(request.path, self._default_account(request))
        connection = request.protocol
        if len(self._accounts) > self._forget_above:
            self._forget_closed()
            self._forget_above = 2 * len(self._accounts) + _FORGET_ABOVE
        self._accounts[connection] = account
        exchange = self._exchange(request, account, path)
        applied = self._board.early(exchange, vendor)
        if applied is None:
            body = await _read_body(request)
            if isinstance(body, bytes):
                exchange.read(body)
            applied = self._applied(exchange, vendor, None if isinstance(body, bytes) else body)
        record = self._ledger.open(exchange)
        record.faults = applied.kinds
        self._open[connection] = record
        try:
            return await deliver(request, applied.script, record)
        except (asyncio.CancelledError, ConnectionError):
            # The connection is gone. Unless a fault did it, the client did, or the simulator is being closed.
            if record.outcome == "open":
                record.outcome = "stopped" if self.stopping else "client_hung_up"
            # The server takes a cancelled handler for a client that went away, and any other error for a defect.
            raise asyncio.CancelledError from None
        finally:
            del self._open[connection]
            for lease in applied.leases:
                lease.close()

    def _applied(self, exchange: Exchange, vendor: Vendor, unreadable: int | None) -> Applied:
        healthy = vendor.answer(exchange) if unreadable is None else vendor.failure(exchange, unreadable, None, None)
        return self._board.apply(exchange, vendor, healthy)
