"""Gemini's surface: `/{version}/models/{model}:generateContent` and its relatives.

The model and what is wanted of it stand in the path: the model is all up to the last colon, and may contain slashes.
A stream is server-sent events with `alt=sse`, else one JSON array. Google's SDK in its mode for Vertex AI puts a
project, a location and a publisher before the model: the first two mean nothing here, and a publisher other than
`google` is the part of the model's name before its first slash, which the SDK has taken off.
"""

import re
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
from segue.http.surfaces.models import info_of, listed_models
from segue.http.surfaces.openai_other import TaskSurface

ARRAY: Final[Headers] = [JSON, (b"cache-control", b"no-cache")]
UPLOADS: Final = ("/upload/", "/download/", "/gemini/upload/")
MAX_QUERY: Final = 4096
MAX_FIELDS: Final = 32
EMBEDDINGS: Final = ("embedContent", "batchEmbedContents")
OFFERED: Final = ("generateContent", "streamGenerateContent", "countTokens", *EMBEDDINGS)
NOT_OFFERED: Final = frozenset({
    "predict", "predictLongRunning", "bidiGenerateContent", "batchGenerateContent", "computeTokens", "rawPredict",
    "streamRawPredict", "asyncBatchEmbedContent", "fetchPredictOperation",
})  # fmt: skip
RESOURCES: Final = frozenset({
    "agents", "auth_tokens", "batches", "batchPredictionJobs", "cachedContents", "corpora", "evaluationItems",
    "evaluationRuns", "evaluationSets", "files", "fileSearchStores", "interactions", "operations", "reasoningEngines",
    "tunedModels", "tuningJobs",
})  # fmt: skip
"""What Google keeps for its callers and Segue does not: 501, so that nobody looks for a typing error."""

_PUBLISHER: Final = re.compile(r"/v1(?:beta1)?/(?:projects/[^/]+/locations/[^/]+/)?publishers/([^/]+)/models(/.*|)$")


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
            await self._refuse_offer(exchange, action)
        else:
            message = f"unknown action {action[:60]!r}: there are {', '.join(OFFERED)}"
            await self.refuse(exchange, RequestInvalid(message, status=404, code="not_found"))

    async def models(self, exchange: Exchange) -> None:
        """`GET /{version}/models` and `GET /{version}/models/{id}`."""
        try:
            self._authenticator.caller(exchange, read_query(exchange).get("key"))
            path, publisher = exchange.path, _PUBLISHER.search(exchange.path)
            if publisher is not None:
                path = f"/models{publisher[2]}" if publisher[1] == "google" else f"/models/{publisher[1]}{publisher[2]}"
            names, wanted = listed_models(self._engine, path)
            models = [self._publisher_model(name) if publisher else self._model(name) for name in names]
        except CallFailed as error:
            await self.refuse(exchange, error)
            return
        field = "publisherModels" if publisher else "models"
        await exchange.respond(200, msgspec.json.encode(models[0] if wanted else {field: models}))

    async def elsewhere(self, exchange: Exchange) -> None:
        """Every other path of a version: an action of a model without `models/`, or what Segue does not offer."""
        path = exchange.path
        version = path.removeprefix("/gemini").lstrip("/").partition("/")[2]
        if _PUBLISHER.search(path) is not None and exchange.method == "GET":
            await self.models(exchange)
        elif exchange.method == "POST" and _asked_for(path)[1] in {*OFFERED, *NOT_OFFERED}:
            await self.action(exchange)
        elif not RESOURCES.isdisjoint(re.split(r"[/:]", version)) or path.startswith(UPLOADS):
            await self._refuse_offer(exchange, path[:100])
        else:
            message = f"nothing is served at {path[:200]}: there are models/{{model}}:{{{', '.join(OFFERED)}}}"
            await self.refuse(exchange, RequestInvalid(message, status=404, code="not_found"))

    async def _refuse_offer(self, exchange: Exchange, what: str) -> None:
        error = RequestInvalid(f"Segue does not offer {what!r}", status=501, code="not_offered")
        await self.refuse(exchange, error)

    def _model(self, name: str) -> dict[str, Any]:
        written: dict[str, Any] = {
            "name": f"models/{name}",
            "displayName": name,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
        }
        info = info_of(self._engine, name)
        if info is not None and info.context is not None:
            written["inputTokenLimit"] = info.context
        if info is not None and info.max_output is not None:
            written["outputTokenLimit"] = info.max_output
        return written

    def _publisher_model(self, name: str) -> dict[str, Any]:
        return {"name": f"publishers/google/models/{name}", "versionId": "default"}

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
    published = _PUBLISHER.search(path)
    if published is not None:
        model = published[2].rpartition(":")[0].removeprefix("/")
        return (model if published[1] == "google" else f"{published[1]}/{model}"), action
    return model, action


def read_query(exchange: Exchange) -> dict[str, str]:
    """The query of the URL; of a repeated name the last value. `key` in it is a credential: it is never logged."""
    try:
        found = parse_qs(exchange.query[:MAX_QUERY].decode("latin-1"), max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in found.items()}
