"""Typed operations over HTTP: `GET /v1/{family}/{name}` for those that only read, `POST /v1/call/{operation}` for any.

Nothing here knows an operation: how its request is made of a query or a body is the operation's own business.
"""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from segue.app.running import Running
from segue.core.call import Call, Caller
from segue.core.errors import CallFailed, RequestInvalid
from segue.core.failure import Failure
from segue.core.operation import Operation
from segue.core.outcome import Outcome
from segue.http.auth import Authenticator
from segue.http.exchange import ClientGone, Exchange
from segue.http.forwarding import forward
from segue.http.options import read_options
from segue.http.problem import problem
from segue.http.pump import EVENT_STREAM, pump
from segue.http.results import call_headers, typed

MAX_FIELDS = 64
MAX_NAME = 100


class ServicesSurface:
    """Every operation that has no surface of a vendor's."""

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        self._engine = running.engine
        self._clock = running.engine.world.clock
        self._authenticator = authenticator

    async def by_query(self, exchange: Exchange, operation: Operation) -> None:
        """`GET /v1/weather/current?query=…`."""
        await self._serve(exchange, operation, by_query=True)

    async def by_name(self, exchange: Exchange) -> None:
        """`POST /v1/call/{operation}` with the request as JSON."""
        await self._serve(exchange, exchange.path.partition("/v1/call/")[2], by_query=False)

    async def _serve(self, exchange: Exchange, wanted: Operation | str, *, by_query: bool) -> None:
        engine = self._engine
        call: Call | None = None
        try:
            caller: Caller = self._authenticator.caller(exchange)
            operation = engine.operation(wanted) if isinstance(wanted, str) else wanted
            # The body is read in any case: only after its end does the server report a client that hangs up.
            body = await exchange.body(engine.snapshot.settings.server.body_limit)
            request = operation.from_fields(_query(exchange), True) if by_query else operation.parse(body)
            options = read_options(exchange, getattr(request, "fallbacks", ()))
            call = engine.call(operation, request, caller=caller, options=options, surface="services")
            if engine.snapshot.forwarded:
                forward(call, exchange, engine.snapshot.forwarded)
        except ClientGone:
            return
        except CallFailed as error:
            await self._refuse(exchange, error, call)
            return
        with exchange.watch():
            outcome = await engine.run(call)
            await self._answer(exchange, call, outcome)

    async def _answer(self, exchange: Exchange, call: Call, outcome: Outcome) -> None:
        if outcome.refusal is not None:
            await self._refuse(exchange, outcome.refusal, call)
            return
        headers = call_headers(call, self._clock.now())
        if outcome.stream is not None:
            await pump(exchange, outcome.stream, [*EVENT_STREAM, *headers], _broken_off)
            return
        answer = outcome.answer
        body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        await exchange.respond(200, body, [*typed((outcome.headers or {}).get("content-type", "")), *headers])

    async def _refuse(self, exchange: Exchange, error: CallFailed, call: Call | None) -> None:
        status, body, headers = problem(error)
        if call is not None:
            headers += call_headers(call, self._clock.now())
        await exchange.respond(status, body, headers)


def _broken_off(failure: Failure) -> bytes:
    error = {"error": {"message": f"the answer broke off: {failure.message}", "code": failure.kind.value}}
    return b"data: " + msgspec.json.encode(error) + b"\n\n"


def _query(exchange: Exchange) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            exchange.query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(exchange.query),
            max_num_fields=MAX_FIELDS,
            errors="strict",
        )
    except ValueError:
        raise RequestInvalid("the query of the URL cannot be read: write name=value&name=value") from None
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            shown = name[:MAX_NAME]
            raise RequestInvalid(f"field {shown!r} is given twice in the query: give it once", param=shown)
        fields[name] = value
    return fields
