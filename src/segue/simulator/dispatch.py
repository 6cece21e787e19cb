"""Every request takes one way through the simulator, however wrong it is, and none may bring the simulator down.

The dispatcher reads a request, lets the vendor write its answer, lets the faults rewrite it, performs it, and keeps
the record true even when the client hangs up in the middle.
"""

import asyncio
import itertools
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from segue.simulator.delivery import abort, deliver
from segue.simulator.exchange import Exchange, clean, decode
from segue.simulator.faults import Board
from segue.simulator.faults.board import ALL_ACCOUNTS
from segue.simulator.records import Ledger, Record
from segue.simulator.script import Script
from segue.simulator.vendors import Vendor, route

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

    def __init__(self, board: Board, ledger: Ledger, seed: int) -> None:
        self._board = board
        self._ledger = ledger
        self._seed = seed
        self._numbers = itertools.count(1)
        # Which account each connection last spoke to, so that an outage can end the idle ones as well.
        self._accounts: dict[RequestHandler, str] = {}
        self._open: dict[RequestHandler, Record] = {}
        self._forget_above = _FORGET_ABOVE
        self.stopping = False

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

    def _exchange(self, request: web.Request, account: str, path: str, body: bytes) -> Exchange:
        return Exchange(
            number=next(self._numbers),
            account=account,
            method=clean(request.method),
            path=clean(path),
            query={clean(name): clean(value) for name, value in request.query.items()},
            headers={clean(name).lower(): clean(value) for name, value in request.headers.items()},
            body=body,
            seed=self._seed,
            document=decode(body),
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        account, vendor, path = route(request.path)
        connection = request.protocol
        if len(self._accounts) > self._forget_above:
            self._forget_closed()
            self._forget_above = 2 * len(self._accounts) + _FORGET_ABOVE
        self._accounts[connection] = account
        body = await _read_body(request)
        exchange = self._exchange(request, account, path, body if isinstance(body, bytes) else b"")
        record = self._ledger.open(exchange)
        script = self._script(exchange, vendor, record, None if isinstance(body, bytes) else body)
        self._open[connection] = record
        try:
            return await deliver(request, script, record)
        except (asyncio.CancelledError, ConnectionError):
            # The connection is gone. Unless a fault did it, the client did, or the simulator is being closed.
            if record.outcome == "open":
                record.outcome = "stopped" if self.stopping else "client_hung_up"
            raise
        finally:
            del self._open[connection]

    def _script(self, exchange: Exchange, vendor: Vendor, record: Record, unreadable: int | None) -> Script:
        healthy = vendor.answer(exchange) if unreadable is None else vendor.failure(exchange, unreadable, None, None)
        script, record.faults = self._board.apply(exchange, vendor, healthy)
        return script
