"""Gemini's surface: `/{version}/models/{model}:generateContent` and its relatives.

The model and what is wanted of it stand in the path: the model is all up to the last colon, and may contain slashes.
A stream is server-sent events with `alt=sse`, else one JSON array.
"""

from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from segue.app.running import Running
from segue.core.errors import CallFailed, RequestInvalid
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.gemini.format import GEMINI, GEMINI_ARRAY
from segue.http.auth import Authenticator
from segue.http.exchange import JSON, Exchange, Headers
from segue.http.pump import EVENT_STREAM
from segue.http.surfaces.llm import LlmSurface
from segue.http.surfaces.models import listed_models
from segue.http.surfaces.openai_other import TaskSurface

ARRAY: Final[Headers] = [JSON, (b"cache-control", b"no-cache")]
MAX_QUERY: Final = 4096
MAX_FIELDS: Final = 32
EMBEDDINGS: Final = ("embedContent", "batchEmbedContents")
OFFERED: Final = ("generateContent", "streamGenerateContent", "countTokens", *EMBEDDINGS)
NOT_OFFERED: Final = frozenset({"predict", "predictLongRunning", "bidiGenerateContent", "batchGenerateContent"})


class GeminiSurface(LlmSurface):
    """Chats as Google's SDK asks for them.

    Args:
        running: what serves.
        authenticator: who may call.
        tasks: serves counts and embeddings.
    """

    def __init__(self, running: Running, authenticator: Authenticator, tasks: TaskSurface) -> None:
        super().__init__(running, authenticator, GEMINI, surface="gemini")
        self._tasks = tasks

    async def action(self, exchange: Exchange) -> None:
        """`POST /{version}/models/{model}:{action}`, where `models/` may be missing."""
        model, action = _asked_for(exchange.path)
        query = read_query(exchange)
        key = query.get("key")
        if action == "generateContent":
            await self._generate(exchange, model, query, stream=False)
        elif action == "streamGenerateContent":
            await self._generate(exchange, model, query, stream=True)
        elif action == "countTokens":
            await self._tasks.gemini_count(exchange, model, key=key)
        elif action in EMBEDDINGS:
            await self._tasks.gemini_embed(exchange, model, batch=action != "embedContent", key=key)
        elif action in NOT_OFFERED:
            message = f"Segue does not offer {action!r}"
            await self.refuse(exchange, RequestInvalid(message, status=501, code="not_offered"))
        else:
            message = f"unknown action {action[:60]!r}: there are {', '.join(OFFERED)}"
            await self.refuse(exchange, RequestInvalid(message, status=404, code="not_found"))

    async def models(self, exchange: Exchange) -> None:
        """`GET /{version}/models` and `GET /{version}/models/{id}`."""
        try:
            self._authenticator.caller(exchange, read_query(exchange).get("key"))
            names, wanted = listed_models(self._engine, exchange.path)
        except CallFailed as error:
            await self.refuse(exchange, error)
            return
        models = [_model(name) for name in names]
        await exchange.respond(200, msgspec.json.encode(models[0] if wanted else {"models": models}))

    async def _generate(self, exchange: Exchange, model: str, query: dict[str, str], *, stream: bool) -> None:
        array = stream and query.get("alt") != "sse"

        def parse(body: bytes) -> RawRequest:
            request = RawRequest(GEMINI_ARRAY if array else GEMINI, body, model=model, stream=stream)
            request.array = array
            return request

        await self.ask(exchange, parse, query_key=query.get("key"), stream_headers=ARRAY if array else EVENT_STREAM)


def _asked_for(path: str) -> tuple[str, str]:
    """The model and the action of a path."""
    version = path.removeprefix("/gemini").lstrip("/").partition("/")[2]
    model, _, action = version.removeprefix("models/").rpartition(":")
    return model, action


def read_query(exchange: Exchange) -> dict[str, str]:
    """The query of the URL; of a repeated name the last value. `key` in it is a credential: it is never logged."""
    try:
        found = parse_qs(exchange.query[:MAX_QUERY].decode("latin-1"), max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in found.items()}


def _model(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "displayName": name,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
