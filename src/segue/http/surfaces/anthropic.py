"""Anthropic's surface: `/v1/messages`, and the models in Anthropic's shape."""

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from segue.app.running import Running
from segue.core.call import Call
from segue.core.errors import CallFailed, RequestInvalid
from segue.core.failure import Kind
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.messages.threads import lost
from segue.http.auth import Authenticator
from segue.http.exchange import Exchange
from segue.http.surfaces.gemini import read_query
from segue.http.surfaces.llm import LlmSurface
from segue.http.surfaces.models import listed_models

OVERLOADED: Final = 529
"""For this status, which is no part of HTTP, the SDK raises its `OverloadedError`."""
USUAL_PAGE: Final = 20
LARGEST_PAGE: Final = 1000
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

    def refusal(self, call: Call, error: CallFailed) -> CallFailed:  # noqa: ARG002 - other surfaces look at it
        """See `LlmSurface.refusal`: what Anthropic has words or a status of its own for is told in them."""
        if error.code == Kind.OVERLOADED:
            error.status = OVERLOADED
        return lost(error)

    async def models(self, exchange: Exchange) -> None:
        """`GET /v1/models` and `GET /v1/models/{id}` for clients that send `anthropic-version`."""
        try:
            self._authenticator.caller(exchange)
            names, wanted = listed_models(self._engine, exchange.path)
        except CallFailed as error:
            await self.refuse(exchange, error)
            return
        if wanted:
            await exchange.respond(200, msgspec.json.encode(self._model(*names)))
            return
        try:
            shown, more = _page(list(names), read_query(exchange))
        except CallFailed as error:
            await self.refuse(exchange, error)
            return
        page: dict[str, Any] = {
            "data": [self._model(name) for name in shown],
            "has_more": more,
            "first_id": shown[0] if shown else None,
            "last_id": shown[-1] if shown else None,
        }
        await exchange.respond(200, msgspec.json.encode(page))

    def _model(self, name: str) -> dict[str, Any]:
        return {"type": "model", "id": name, "display_name": name, "created_at": self._since}


def _page(names: list[str], query: dict[str, str]) -> tuple[list[str], bool]:
    """The names that a page shows, and whether more follow in its direction (API reference, "List models").

    Raises:
        RequestInvalid: `limit` is no number that a page may have.
    """
    told = query.get("limit", str(USUAL_PAGE))
    limit = int(told) if told.isascii() and told.isdigit() and len(told) <= len(str(LARGEST_PAGE)) else 0
    if not 1 <= limit <= LARGEST_PAGE:
        raise RequestInvalid(f"limit: Input should be a number from 1 to {LARGEST_PAGE}", param="limit")
    before = query.get("before_id", "")
    if before:
        names = names[: bisect_left(names, before)]
        return names[-limit:], len(names) > limit
    names = names[bisect_right(names, query.get("after_id", "")) :]
    return names[:limit], len(names) > limit


def _parse(body: bytes) -> RawRequest:
    return RawRequest(MESSAGES, body)
