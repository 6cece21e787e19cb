"""OpenAI's surface: an unmodified SDK notices nothing.

Errors have OpenAI's shape, so that the SDK raises its own exception class.
"""

from functools import partial
from typing import Any

import msgspec

from segue.app.running import Running
from segue.core.call import Call
from segue.core.errors import CallFailed, UnknownModel
from segue.core.failure import Failure
from segue.core.outcome import Stream
from segue.families.llm.formats.chat.format import CHAT as CHAT_FORMAT
from segue.families.llm.formats.openai_chat import error_event
from segue.families.llm.operations import CHAT
from segue.families.llm.request import parse_chat
from segue.http.auth import Authenticator
from segue.http.exchange import JSON, ClientGone, Exchange, Headers
from segue.http.forwarding import forward
from segue.http.options import read_options
from segue.http.pump import EVENT_STREAM, pump
from segue.http.results import call_head, call_headers, error_headers, told
from segue.http.surfaces.llm import broken_off as told_by_writer
from segue.http.surfaces.llm import warning_headers


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
            snapshot = engine.snapshot
            request = parse_chat(await exchange.body(snapshot.settings.server.body_limit))
            options = read_options(exchange, request.fallbacks)
            call = engine.call(CHAT, request, caller=caller, options=options, surface="openai")
            if snapshot.forwarded:
                forward(call, exchange, snapshot.forwarded)
            request.created = int(call.started_wall)
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
                stream, told_by = outcome.stream, partial(broken_off, call, outcome.stream)
                # Its request may be large, a stream long, and nobody is asked again. The headers are handed over.
                del request, outcome
                await pump(exchange, stream, self._stream_headers(call), told_by)
            else:
                head = call_head(call, self._clock.now())
                if request.warnings:
                    head += b"".join(b"%b: %b\r\n" % header for header in warning_headers(call))
                await exchange.respond(200, outcome.answer, head)

    def _stream_headers(self, call: Call) -> Headers:
        """The headers of a streamed answer; the last that its request and its plan are needed for."""
        headers = [*EVENT_STREAM, *call_headers(call, self._clock.now())]
        if call.request.warnings:
            headers += warning_headers(call)
        call.request = call.plan = None
        return headers

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
        await exchange.respond(error.status, CHAT_FORMAT.write_error(error, told(error)), headers)

    def _model(self, name: str, owner: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._created, "owned_by": owner}


def broken_off(call: Call, stream: Stream, failure: Failure) -> bytes:
    """The event that ends a stream whose content had begun: the SDK raises for it."""
    return told_by_writer(stream, failure) or error_event(
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
