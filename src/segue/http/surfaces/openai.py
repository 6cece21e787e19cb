"""OpenAI's surface for chats: an unmodified SDK notices nothing."""

from typing import Any

import msgspec

from segue.app.running import Running
from segue.core.call import Call
from segue.core.errors import CallFailed
from segue.core.failure import Failure
from segue.core.outcome import Stream
from segue.families.llm.formats.chat.format import CHAT as CHAT_FORMAT
from segue.families.llm.formats.openai_chat import error_event
from segue.families.llm.request import parse_chat
from segue.http.auth import Authenticator
from segue.http.exchange import Exchange
from segue.http.surfaces.llm import LlmSurface
from segue.http.surfaces.models import listed_models


class OpenAISurface(LlmSurface):
    """`/v1/chat/completions` and `/v1/models`."""

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        super().__init__(running, authenticator, CHAT_FORMAT, surface="openai")
        self._created = int(self._clock.wall())

    async def chat_completions(self, exchange: Exchange) -> None:
        """`POST /v1/chat/completions`, plain and streaming."""
        await self.ask(exchange, parse_chat)

    async def models(self, exchange: Exchange) -> None:
        """`GET /v1/models` and `GET /v1/models/{id}`."""
        try:
            self._authenticator.caller(exchange)
            models, wanted = listed_models(self._engine, exchange.path)
        except CallFailed as error:
            await self.refuse(exchange, error)
            return
        data = [self._model(name, owner) for name, owner in models.items()]
        answer: dict[str, Any] = data[0] if wanted else {"object": "list", "data": data}
        await exchange.respond(200, msgspec.json.encode(answer))

    def broken_off(self, call: Call, stream: Stream, failure: Failure) -> bytes:
        """See `LlmSurface.broken_off`; a stream that passes through is ended by an event that makes the SDK raise."""
        return super().broken_off(call, stream, failure) or error_event(
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

    def _model(self, name: str, owner: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._created, "owned_by": owner}
