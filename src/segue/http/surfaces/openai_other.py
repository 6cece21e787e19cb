"""The operations beside chat, for clients of OpenAI, of Cohere's and Jina's rankings, of Gemini and of Anthropic.

All go the same way: a request is read, a call made, and the answer passed on with the content type that it has. What
differs is where the model stands, and the shape of errors.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import msgspec

from segue.app.running import Running
from segue.core.call import Call
from segue.core.errors import CallFailed, ProviderFailed, RequestInvalid, UnknownModel
from segue.core.failure import Failure, Kind
from segue.core.operation import Operation
from segue.core.outcome import Stream
from segue.families.llm.formats.chat.errors import error_body
from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.openai_chat import error_event
from segue.families.llm.operations import CHAT, COUNT_TOKENS, OTHERS
from segue.families.llm.other.cloud_counts import count_for_bedrock, count_for_vertex
from segue.families.llm.other.counting import CountTask, count_gemini, count_messages, count_responses, estimate
from segue.families.llm.other.embeddings import gemini_embeddings
from segue.families.llm.other.reading import COHERE_RERANK, READINGS, read_speech
from segue.families.llm.other.task import Task
from segue.http.auth import Authenticator
from segue.http.exchange import JSON, ClientGone, Exchange, Headers
from segue.http.forwarding import forward
from segue.http.options import read_options
from segue.http.pump import pump
from segue.http.results import BEDROCK, call_headers, error_headers, told, typed
from segue.http.surfaces.llm import warning_headers
from segue.routing.names import Names
from segue.routing.plan import Tiers

Parse = Callable[[bytes, str], Task]
WriteError = Callable[[CallFailed], bytes]
Head = Callable[[CallFailed], tuple[int, Headers]]
"""The status of an error and the headers that its client looks at."""

PATHS: Final[Mapping[str, str]] = {f"/v1{reading.path}": operation for operation, reading in READINGS.items()}
"""The operation that is served at each path of OpenAI's."""

ESTIMATED: Final = (b"x-segue-warnings", b"estimated")
_EVENTS: Final = "text/event-stream"


class _Cut(Exception):
    """Sound has broken off. Its bytes cannot say so: only a connection that is cut can."""


class TaskSurface:
    """The way of a call for everything beside chat.

    Args:
        running: what serves.
        authenticator: who may call.
    """

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        self._engine = running.engine
        self._clock = running.engine.world.clock
        self._authenticator = authenticator

    async def openai(self, exchange: Exchange, operation: str) -> None:
        """`POST /v1/embeddings` and its neighbours, `/v1/rerank` in Jina's shape among them."""
        parse = read_speech if operation == "audio.speech" else READINGS[operation].parse
        await self.serve(exchange, OTHERS[operation], parse, _openai_error, "openai")

    async def cohere_rerank(self, exchange: Exchange) -> None:
        """`POST /v2/rerank` in Cohere's shape."""
        await self.serve(exchange, OTHERS["rerank"], COHERE_RERANK.parse, _cohere_error, "cohere")

    async def gemini_embed(self, exchange: Exchange, model: str, *, batch: bool, key: str | None = None) -> None:
        """`…/models/{model}:embedContent` and `:batchEmbedContents`; `key`: the one in the URL."""

        def parse(body: bytes, _content_type: str) -> Task:
            return gemini_embeddings(body, model, batch=batch)

        await self.serve(exchange, OTHERS["embeddings"], parse, _gemini_error, "gemini", key=key)

    async def gemini_count(self, exchange: Exchange, model: str, *, key: str | None = None) -> None:
        """`…/models/{model}:countTokens`; `key`: the one in the URL."""
        await self._count(exchange, lambda body: count_gemini(body, model), _gemini_error, "gemini", key=key)

    async def anthropic_count(self, exchange: Exchange) -> None:
        """`POST /v1/messages/count_tokens`."""
        await self._count(exchange, count_messages, _messages_error, "anthropic")

    async def vertex_count(self, exchange: Exchange) -> None:
        """`…/publishers/anthropic/models/count-tokens:rawPredict`."""
        await self._count(exchange, count_for_vertex, _messages_error, "anthropic")

    async def bedrock_count(self, exchange: Exchange, model: str, head: Head) -> None:
        """`POST /model/{model}/count-tokens`; `head`: of errors."""
        parse = partial(count_for_bedrock, model=model)
        await self._count(exchange, parse, _bedrock_error, BEDROCK, head=head)

    async def responses_count(self, exchange: Exchange) -> None:
        """`POST /v1/responses/input_tokens`."""
        await self._count(exchange, count_responses, _openai_error, "responses")

    async def serve(
        self,
        exchange: Exchange,
        operation: Operation,
        parse: Parse,
        write_error: WriteError,
        surface: str,
        *,
        key: str | None = None,
    ) -> None:
        """Serve one request.

        Args:
            exchange: the request.
            operation: what is asked for.
            parse: reads its body, given its content type.
            write_error: the body of an error in the client's shape.
            surface: its name in records.
            key: a key out of the URL.
        """
        call: Call | None = None
        try:
            task, call = await self._asked(exchange, operation, parse, surface, key)
        except ClientGone:
            return
        except CallFailed as error:
            await self._refuse(exchange, error, write_error, call)
            return
        with exchange.watch():
            outcome = await self._engine.run(call)
            if outcome.refusal is not None:
                self._explain(outcome.refusal, task.model, operation)
                await self._refuse(exchange, outcome.refusal, write_error, call)
                return
            headers = [*call_headers(call, self._clock.now()), *warning_headers(call)]
            if outcome.stream is not None:
                answered = call.answered_by
                media = task.media.get(answered.name, _EVENTS) if answered is not None else _EVENTS
                call.request = None  # it may be large, a stream long, and nobody is asked again
                del task
                await _pass_on(exchange, call, outcome.stream, media, headers)
                return
            media = (outcome.headers or {}).get("content-type", "")
            await exchange.respond(200, outcome.answer, [*typed(media), *headers])

    async def _asked(
        self, exchange: Exchange, operation: Operation, parse: Parse, surface: str, key: str | None
    ) -> tuple[Task, Call]:
        engine = self._engine
        caller = self._authenticator.caller(exchange, key)
        body = await exchange.body(engine.snapshot.settings.server.body_limit)
        task = parse(body, exchange.header(b"content-type") or "")
        options = read_options(exchange, task.fallbacks)
        call = engine.call(operation, task, caller=caller, options=options, surface=surface)
        if engine.snapshot.forwarded:
            forward(call, exchange, engine.snapshot.forwarded)
        return task, call

    async def _count(
        self,
        exchange: Exchange,
        parse: Callable[[bytes], CountTask],
        write_error: WriteError,
        surface: str,
        *,
        key: str | None = None,
        head: Head | None = None,
    ) -> None:
        """Ask a provider that counts; where there is none, or none answers and others could serve, estimate."""
        call: Call | None = None
        try:
            task, call = await self._asked(exchange, COUNT_TOKENS, lambda body, _type: parse(body), surface, key)
            if not _tiers(self._engine.snapshot.lines[COUNT_TOKENS.id].names, task.model):
                await self._estimate(exchange, task, [])
                return
        except ClientGone:
            return
        except CallFailed as error:
            await self._refuse(exchange, error, write_error, None, head)
            return
        with exchange.watch():
            outcome = await self._engine.run(call)
            headers = call_headers(call, self._clock.now())
            refusal = outcome.refusal
            if refusal is None:
                await exchange.respond(200, outcome.answer, [JSON, *headers])
                return
            kind = refusal.failure.kind if isinstance(refusal, ProviderFailed) else None
            # A provider may count for some of its models only (Bedrock).
            estimable = kind is Kind.UNSUPPORTED or self._others_serve(task.model)
            if kind is Kind.INVALID_REQUEST or not estimable:
                await self._refuse(exchange, refusal, write_error, call, head)
                return
            try:
                await self._estimate(exchange, task, headers)
            except RequestInvalid as invalid:
                await self._refuse(exchange, invalid, write_error, call, head)

    async def _estimate(self, exchange: Exchange, task: Task, headers: Headers) -> None:
        assert isinstance(task, CountTask)  # noqa: S101 - only those come here
        names = self._engine.snapshot.lines[CHAT.id].names
        if names is not None:
            names.resolve(task.model)
        tokens = estimate(task.conversation())
        await exchange.respond(200, task.write(tokens), [JSON, ESTIMATED, *headers])

    def _explain(self, refusal: CallFailed, model: str, operation: Operation) -> None:
        """Tell a model that does not exist from one that does something else."""
        if isinstance(refusal, UnknownModel) and _tiers(self._engine.snapshot.lines[CHAT.id].names, model):
            refusal.message = (
                f"the model {model[:256]!r} chats, and nobody serves {operation.id!r} with it: name one for that"
            )

    def _others_serve(self, model: str) -> bool:
        """Whether the model is also served by a provider that cannot count."""
        tiers = _tiers(self._engine.snapshot.lines[CHAT.id].names, model)
        targets = (target for tier in tiers for group in tier for target in group.targets)
        return any(COUNT_TOKENS.id not in target.provider.operations for target in targets)

    async def _refuse(
        self,
        exchange: Exchange,
        error: CallFailed,
        write: WriteError,
        call: Call | None,
        head: Head | None = None,
    ) -> None:
        status, own = (error.status, []) if head is None else head(error)
        headers = [JSON, *error_headers(error), *own]
        if call is not None:
            headers += call_headers(call, self._clock.now())
        await exchange.respond(status, write(error), headers)


def _tiers(names: Names | None, model: str) -> Tiers:
    """Who serves a model; nobody where its name is unknown."""
    try:
        return names.resolve(model) if names is not None else ()
    except UnknownModel:
        return ()


async def _pass_on(exchange: Exchange, call: Call, stream: Stream, media: str, headers: Headers) -> None:
    """Send a streamed answer: events, or sound as it comes."""
    if media.startswith(_EVENTS):
        own = [(b"content-type", media.encode()), (b"cache-control", b"no-cache")]
        await pump(exchange, stream, [*own, *headers], partial(_broken_off, call))
        return
    try:
        await pump(exchange, stream, [*typed(media), *headers], _cut)
    except _Cut:
        return  # an answer that is not finished makes the server close the connection


def _cut(failure: Failure) -> bytes:
    raise _Cut(failure.message)


def _broken_off(call: Call, failure: Failure) -> bytes:
    """The event that ends a stream whose content had begun: the SDK raises for it."""
    code = failure.kind.value
    error = {"message": f"the answer broke off: {failure.message}", "type": "server_error", "param": None, "code": code}
    return error_event({"error": error, "segue": {"code": code, "call_id": call.id, "attempts": len(call.attempts)}})


def _openai_error(error: CallFailed) -> bytes:
    return msgspec.json.encode({**error_body(error), "segue": told(error)})


def _cohere_error(error: CallFailed) -> bytes:
    return msgspec.json.encode({"message": error.message, "segue": told(error)})


def _gemini_error(error: CallFailed) -> bytes:
    return GEMINI.write_error(error, told(error))


def _messages_error(error: CallFailed) -> bytes:
    return MESSAGES.write_error(error, told(error))


def _bedrock_error(error: CallFailed) -> bytes:
    return CONVERSE_FOR_CLIENTS.write_error(error, told(error))
