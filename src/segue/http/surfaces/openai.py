"""OpenAI's surface: an unmodified SDK notices nothing.

Errors have OpenAI's shape, so that the SDK raises its own exception class. The vendor's words (`type`, `code`) are
passed on where the fault is the caller's; where it is a provider's key or plan they would point at the wrong key.
"""

from functools import partial
from typing import Any

import msgspec

from segue.app.running import Running
from segue.core.call import Call
from segue.core.errors import CallFailed, ProviderFailed, UnknownModel
from segue.core.failure import Failure, Kind
from segue.families.llm.formats.openai_chat import error_event
from segue.families.llm.operations import CHAT
from segue.families.llm.request import parse_chat
from segue.http.auth import Authenticator
from segue.http.exchange import JSON, ClientGone, Exchange
from segue.http.options import read_options
from segue.http.pump import EVENT_STREAM, pump
from segue.http.results import call_head, call_headers, error_headers, told

_THE_CALLERS = frozenset({
    Kind.INVALID_REQUEST, Kind.CONTEXT_LENGTH, Kind.CONTENT_FILTER, Kind.MODEL_MISSING, Kind.RATE_LIMITED, Kind.QUOTA,
})  # fmt: skip
_TYPES = {401: "invalid_request_error", 403: "invalid_request_error", 404: "invalid_request_error", 429: "requests"}


class OpenAISurface:
    """`/v1/chat/completions` and `/v1/models`."""

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        self._running = running
        self._engine = running.engine
        self._clock = running.engine.world.clock
        self._authenticator = authenticator
        self._created = int(self._clock.wall())

    async def chat_completions(self, exchange: Exchange) -> None:
        """`POST /v1/chat/completions`, plain and streaming."""
        engine = self._engine
        call: Call | None = None
        try:
            caller = self._authenticator.caller(exchange)
            request = parse_chat(await exchange.body(engine.snapshot.settings.server.body_limit))
            options = read_options(exchange, request.fallbacks)
            call = engine.call(CHAT, request, caller=caller, options=options, surface="openai")
        except ClientGone:
            return
        except CallFailed as error:
            await self._refuse(exchange, error, call)
            return
        with exchange.watch():
            outcome = await engine.run(call)
            if outcome.refusal is not None:
                await self._refuse(exchange, outcome.refusal, call)
            elif outcome.stream is not None:
                headers = [*EVENT_STREAM, *call_headers(call, self._clock.now())]
                call.request = None  # it may be large, a stream long, and nobody is asked again
                del request
                await pump(exchange, outcome.stream, headers, partial(broken_off, call))
            else:
                await exchange.respond(200, outcome.answer, call_head(call, self._clock.now()))

    async def models(self, exchange: Exchange) -> None:
        """`GET /v1/models` and `GET /v1/models/{id}`."""
        try:
            self._authenticator.caller(exchange)
            names = self._engine.snapshot.lines[CHAT.id].names
            listed = names.names() if names is not None else {}
            wanted = exchange.path.partition("/models")[2].removeprefix("/")
            if not wanted:
                data = [self._model(name, owner) for name, owner in sorted(listed.items())]
                await exchange.respond(200, msgspec.json.encode({"object": "list", "data": data}))
                return
            if wanted not in listed and names is not None:
                names.resolve(wanted)  # what a wildcard provider serves exists, though nobody lists it
                listed[wanted] = wanted.partition("/")[0]
            if wanted not in listed:
                raise UnknownModel(f"the model {wanted[:256]!r} does not exist", param="model")
            await exchange.respond(200, msgspec.json.encode(self._model(wanted, listed[wanted])))
        except CallFailed as error:
            await self._refuse(exchange, error, None)

    async def _refuse(self, exchange: Exchange, error: CallFailed, call: Call | None) -> None:
        headers = [JSON, *error_headers(error)]
        if call is not None:
            headers += call_headers(call, self._clock.now())
        await exchange.respond(error.status, msgspec.json.encode(error_body(error)), headers)

    def _model(self, name: str, owner: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._created, "owned_by": owner}


def error_body(error: CallFailed) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    kind, code = _TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error"), error.code  # noqa: PLR2004
    if isinstance(error, ProviderFailed) and error.failure.kind in _THE_CALLERS:
        kind = error.failure.vendor_type or kind
        code = error.failure.vendor_code or code
    return {
        "error": {"message": error.message, "type": kind, "param": error.param, "code": code},
        "segue": told(error),
    }


def broken_off(call: Call, failure: Failure) -> bytes:
    """The event that ends a stream whose content had begun: the SDK raises for it."""
    return error_event(
        {
            "error": {
                "message": f"the answer broke off: {failure.message}",
                "type": "server_error",
                "param": None,
                "code": failure.kind.value,
            },
            "segue": {"code": failure.kind.value, "call_id": call.id, "attempts": len(call.attempts)},
        }
    )
