"""Whoever shows an outage has to cause it and to see what it did, from any language: hence an HTTP interface.

It lies under `/_sim/`, is never itself subject to faults, and answers wrong input with 400, the field and a remedy.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import web

from segue.simulator.faults import KINDS, Board, FaultError
from segue.simulator.faults.catalogue import MODEL_FAULTS, MODEL_PREFIX
from segue.simulator.faults.describing import catalogue
from segue.simulator.faults.fault import read_account
from segue.simulator.faults.loading import listen, schedule
from segue.simulator.listeners import Listeners
from segue.simulator.records import RECORD_LIMIT, Ledger

PREFIX: Final = "/_sim"
_LONGEST_NUMBER: Final = 9


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(document), content_type="application/json")


def _refused(message: str, status: int = 400) -> web.Response:
    return _json({"error": message}, status)


async def _document(request: web.Request) -> dict[str, object]:
    try:
        document = msgspec.json.decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FaultError(f"body: must be a JSON object, but: {error}.") from error
    except (web.RequestPayloadError, web.HTTPException) as error:
        raise FaultError("body: could not be read; send a JSON object of less than 32 MiB.") from error
    if not isinstance(document, dict):
        raise FaultError("body: must be a JSON object.")
    return document


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise FaultError(f"limit: must be a whole number, 0..{RECORD_LIMIT}.")
    return int(text)


class Admin:
    """The interface under `/_sim/`."""

    def __init__(
        self, board: Board, ledger: Ledger, clock: Callable[[], float], seed: int, listeners: Listeners
    ) -> None:
        self._board = board
        self._listeners = listeners
        self._ledger = ledger
        self._clock = clock
        self._seed = seed

    def routes(self) -> list[web.RouteDef]:
        """What to mount."""
        return [
            web.get(f"{PREFIX}/state", self._state),
            web.get(f"{PREFIX}/faults", self._faults),
            web.post(f"{PREFIX}/faults", self._set),
            web.delete(f"{PREFIX}/faults", self._clear),
            web.delete(f"{PREFIX}/faults/{{identifier}}", self._remove),
            web.post(f"{PREFIX}/schedule", self._schedule),
            web.get(f"{PREFIX}/kinds", self._kinds),
            web.get(f"{PREFIX}/listeners", self._listening),
            web.post(f"{PREFIX}/listeners", self._listen),
            web.get(f"{PREFIX}/requests", self._requests),
            web.delete(f"{PREFIX}/requests", self._forget),
            web.route("*", f"{PREFIX}{{rest:(/.*)?}}", self._unknown),
        ]

    async def _state(self, _request: web.Request) -> web.Response:
        counts: dict[str, int] = {}
        for record in self._ledger:
            counts[record.account] = counts.get(record.account, 0) + 1
        return _json(
            {
                "seed": self._seed,
                "seconds": round(self._clock(), 3),
                "accounts": counts,
                "requests": len(self._ledger),
                "faults": self._board.as_json(),
                "kinds": {name: list(kind.options.__struct_fields__) for name, kind in KINDS.items()},
                "listeners": self._listeners.as_json(),
                "models": [MODEL_PREFIX + name for name in MODEL_FAULTS],
            }
        )

    async def _faults(self, _request: web.Request) -> web.Response:
        return _json(self._board.as_json())

    async def _set(self, request: web.Request) -> web.Response:
        try:
            return _json({"id": self._board.set(await _document(request))}, 201)
        except FaultError as error:
            return _refused(str(error))

    async def _schedule(self, request: web.Request) -> web.Response:
        try:
            return _json({"ids": schedule(self._board, await _document(request))}, 201)
        except FaultError as error:
            return _refused(str(error))

    async def _kinds(self, _request: web.Request) -> web.Response:
        return _json(catalogue())

    async def _listening(self, _request: web.Request) -> web.Response:
        return _json(self._listeners.as_json())

    async def _listen(self, request: web.Request) -> web.Response:
        def port_of(account: str, port: int) -> int:
            return self._listeners.of(read_account(account), port).port

        try:
            return _json({"port": listen(port_of, await _document(request))}, 201)
        except FaultError as error:
            return _refused(str(error))

    async def _clear(self, request: web.Request) -> web.Response:
        return _json({"removed": self._board.clear(request.query.get("account"))})

    async def _remove(self, request: web.Request) -> web.Response:
        identifier = request.match_info["identifier"]
        if self._board.remove(identifier):
            return _json({"removed": 1})
        return _refused("id: there is no such fault. GET /_sim/faults lists all.", 404)

    async def _requests(self, request: web.Request) -> web.Response:
        try:
            limit = _limit(request.query.get("limit"))
        except FaultError as error:
            return _refused(str(error))
        seen = self._ledger.seen(request.query.get("account"), limit)
        return _json([record.as_json() for record in seen])

    async def _forget(self, request: web.Request) -> web.Response:
        return _json({"removed": self._ledger.clear(request.query.get("account"))})

    async def _unknown(self, _request: web.Request) -> web.Response:
        known = "GET state, GET|POST|DELETE faults, DELETE faults/{id}, POST schedule, GET kinds, "
        known += "GET|POST listeners, GET|DELETE requests"
        return _refused(f"path: there is no such address. Under {PREFIX}/ there are: {known}.", 404)
