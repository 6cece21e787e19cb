"""The HTTP side of the express: requests that look like the one before go to their provider without a task.

A connection's requests share their head (`segue.http.repeated`). What a head decides is decided once, when it is first
seen: who calls, and whether the caller wishes anything. What a body decides is left to two small functions of the
family: whether it is plain, and, if something unusual comes of it, the request as every layer knows it.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from segue.app.running import Running
from segue.app.snapshot import Snapshot
from segue.core.call import CallOptions
from segue.core.errors import CallFailed
from segue.families.llm.operations import CHAT
from segue.http.auth import Admission, Authenticator
from segue.http.direct import DirectExchange
from segue.http.exchange import ENCODED, Exchange
from segue.http.options import read_options
from segue.http.results import answered_head
from segue.http.surfaces.llm import LlmSurface
from segue.pipeline.express import Express
from segue.pipeline.express_call import ExpressCall, Reply

Plain = Callable[[bytes], str | None]
Serve = Callable[[Callable[[Exchange], Coroutine[Any, Any, None]], Exchange], Coroutine[Any, Any, None]]


class Admitted(NamedTuple):
    """What a head decides.

    Attributes:
        deadline: seconds that the caller grants, `None` where it does not say.
    """

    admission: Admission
    deadline: float | None


class ExpressDoor(Reply):
    """Where plain requests of one surface come in.

    Args:
        running: what serves.
        authenticator: who may call.
        surface: that serves what is not usual.
        serve: guards whatever serves a request against defects, and answers for them.
        plain: the model that a plain body asks for; `None` of every other.
        parse: a body as the layers know it.
    """

    __slots__ = (
        "_authenticator",
        "_clock",
        "_engine",
        "_express",
        "_most",
        "_parse",
        "_plain",
        "_serve",
        "_snapshot",
        "_surface",
    )

    def __init__(
        self,
        running: Running,
        authenticator: Authenticator,
        surface: LlmSurface,
        serve: Serve,
        plain: Plain,
        parse: Callable[[bytes], Any],
    ) -> None:
        self._engine = running.engine
        self._clock = running.engine.world.clock
        self._authenticator = authenticator
        self._surface = surface
        self._serve = serve
        self._plain = plain
        self._parse = parse
        self._snapshot: Snapshot | None = None
        self._express: Express | None = None
        self._most = 0

    def admitted(self, exchange: DirectExchange) -> Admitted | None:
        """What later requests with the same head may rely on; `None` where they must be served as any other."""
        if exchange.query or ENCODED in exchange.headers:
            return None
        try:
            admission = self._authenticator.admission(exchange)
            options = read_options(exchange)
        except CallFailed:
            return None  # it is refused when it is served
        deadline = None if options is None else options.deadline
        if admission is None or (options is not None and options != CallOptions(deadline=deadline)):
            return None
        return Admitted(admission, deadline)

    def take(self, exchange: DirectExchange, admitted: Admitted) -> bool:
        """Send a whole request; false where it must be served as any other."""
        snapshot = self._engine.snapshot
        if snapshot is not self._snapshot:
            self._use(snapshot)
        express, body = self._express, exchange.taken
        if express is None or len(body) > self._most or not isinstance(body, bytes):
            return False
        if not self._authenticator.admits(admitted.admission):
            return False
        model = self._plain(body)
        if model is None:
            return False
        caller, surface = admitted.admission.caller, self._surface.surface
        call = express.send(model, body, caller, surface, admitted.deadline, self, exchange)
        if call is None:
            return False
        exchange.taken = b""
        exchange.leave_to(call)
        return True

    def _use(self, snapshot: Snapshot) -> None:
        line = snapshot.lines[CHAT.id]
        self._snapshot = snapshot
        self._most = snapshot.settings.server.body_limit
        self._express = None if snapshot.forwarded else Express(line.parts, line.run, self._surface.client.id)

    # What becomes of a call

    def answered(self, call: ExpressCall, answer: bytes) -> None:
        """See `Reply.answered`."""
        exchange: DirectExchange = call.ticket
        exchange.settled()
        exchange.answer(answered_head(call, self._clock.now()), answer)

    def resume(self, call: ExpressCall) -> None:
        """See `Reply.resume`."""
        loop = asyncio.get_running_loop()
        loop.call_soon(self._take_back, call, loop)

    def request(self, body: bytes) -> Any:
        """See `Reply.request`."""
        return self._parse(body)

    def _take_back(self, call: ExpressCall, loop: asyncio.AbstractEventLoop) -> None:
        async def rest(exchange: Exchange) -> None:
            opened, run = call.opened()
            opened.request.created = int(opened.started_wall)
            await self._surface.carry_out(exchange, opened, run)

        exchange: DirectExchange = call.ticket
        call.ticket = None  # the exchange knows its call from here on: together they would be a cycle
        exchange.take_back(lambda it: self._serve(rest, it), loop)
