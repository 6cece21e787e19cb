"""Anthropic's surface: `/v1/messages`, and the models in Anthropic's shape."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from segue.app.running import Running
from segue.core.errors import CallFailed
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.messages.format import MESSAGES
from segue.http.auth import Authenticator
from segue.http.exchange import Exchange
from segue.http.surfaces.llm import LlmSurface
from segue.http.surfaces.models import listed_models

VERSION: Final = b"anthropic-version"
FORWARDED: Final = frozenset({b"anthropic-beta"})


class AnthropicSurface(LlmSurface):
    """Chats as Anthropic's SDK asks for them."""

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        super().__init__(running, authenticator, MESSAGES, surface="anthropic", forwarded=FORWARDED)
        self._since = datetime.fromtimestamp(self._clock.wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def messages(self, exchange: Exchange) -> None:
        """`POST /v1/messages`, plain and streaming."""
        await self.ask(exchange, _parse)

    async def models(self, exchange: Exchange) -> None:
        """`GET /v1/models` and `GET /v1/models/{id}` for clients that send `anthropic-version`."""
        try:
            self._authenticator.caller(exchange)
            names, wanted = listed_models(self._engine, exchange.path)
        except CallFailed as error:
            await self.refuse(exchange, error)
            return
        models = [self._model(name) for name in names]
        if wanted:
            await exchange.respond(200, msgspec.json.encode(models[0]))
            return
        page: dict[str, Any] = {
            "data": models,
            "has_more": False,
            "first_id": models[0]["id"] if models else None,
            "last_id": models[-1]["id"] if models else None,
        }
        await exchange.respond(200, msgspec.json.encode(page))

    def _model(self, name: str) -> dict[str, Any]:
        return {"type": "model", "id": name, "display_name": name, "created_at": self._since}


def _parse(body: bytes) -> RawRequest:
    return RawRequest(MESSAGES, body)
