"""The ASGI application: hot paths first, everything else behind them.

A hot request is found by one look into a dictionary and goes straight to its surface. The framework, with its routing,
validation and docs, serves the pages that people and machines look at now and then, and never sees a hot request.
"""

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from segue.app.catalogue import operations
from segue.app.running import Running
from segue.core.errors import CallFailed, Overloaded, RequestInvalid
from segue.core.operation import Nature
from segue.families.llm.express import plain_chat
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.request import parse_chat
from segue.http import absent
from segue.http.auth import Authenticator
from segue.http.exchange import JSON, ClientGone, Exchange, Message, Receive, Scope, Send
from segue.http.express import ExpressDoor
from segue.http.monitors import Monitors
from segue.http.problem import problem
from segue.http.results import error_headers, told
from segue.http.surfaces import azure
from segue.http.surfaces.anthropic import VERSION, AnthropicSurface
from segue.http.surfaces.bedrock import PREFIXES as BEDROCK_PATHS
from segue.http.surfaces.bedrock import BedrockSurface
from segue.http.surfaces.gemini import RESOURCES, GeminiSurface, read_query
from segue.http.surfaces.openai import OpenAISurface
from segue.http.surfaces.openai_other import PATHS as OTHER_PATHS
from segue.http.surfaces.openai_other import TaskSurface
from segue.http.surfaces.passthrough import METHODS as PASSTHROUGH_METHODS
from segue.http.surfaces.passthrough import PREFIX as PASSTHROUGH_PREFIX
from segue.http.surfaces.passthrough import PassthroughSurface
from segue.http.surfaces.responses import ResponsesSurface
from segue.http.surfaces.services import ServicesSurface
from segue.http.surfaces.vertex import VertexSurface, is_for_claude

if TYPE_CHECKING:
    from starlette.types import ASGIApp

Handler = Callable[[Exchange], Coroutine[Any, Any, None]]
Routes = Mapping[str, Mapping[str, Handler]]

GEMINI_VERSIONS = ("v1", "v1beta", "v1alpha")
GOOGLE_HEADERS = frozenset({b"x-goog-api-key", b"x-goog-api-client"})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
OPENAI_PATHS = ("/v1/chat/", "/v1/responses", "/v1/models", "/openai/", *OTHER_PATHS, *absent.PATHS)
"""Where errors have OpenAI's shape."""
PAGE_BYTES = 1024 * 1024
"""The most that a request of the admin API may have; real ones have a hundred."""
ANTHROPIC_PATHS = ("/v1/messages", "/anthropic/")
VERTEX_PATHS = tuple(f"/{version}/{start}/" for version in ("v1", "v1beta1") for start in ("projects", "publishers"))
"""Where Google's SDK asks in its mode for Vertex AI."""
GEMINI_PATHS = ("/v1beta/", "/v1alpha/", "/gemini/", "/v1beta1/", "/upload/", "/download/", *VERTEX_PATHS)


class Application:
    """Segue as an ASGI application.

    Args:
        running: what serves.
        authenticator: who may call.

    Attributes:
        hot_urls: what serves a hot request, by URL and method as they stand in a request line, with method and path
            as text: one look for a server that has a shorter way than ASGI. `hot` knows further ones.
        doors: the express of paths that have one, for POST.
    """

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        self.running = running
        self.authenticator = authenticator
        self._openai = OpenAISurface(running, authenticator)
        self._responses = ResponsesSurface(running, authenticator)
        self._anthropic = AnthropicSurface(running, authenticator)
        self._tasks = TaskSurface(running, authenticator)
        self._gemini = GeminiSurface(running, authenticator, self._tasks)
        self._vertex = VertexSurface(running, authenticator, self._tasks)
        self._bedrock = BedrockSurface(running, authenticator, self._tasks)
        self._services = ServicesSurface(running, authenticator)
        self._passthrough = PassthroughSurface(running, authenticator)
        self._hot = self._hot_routes()
        self._pages: ASGIApp | None = None
        self._direct = {
            path: {method: partial(self._serve, handler) for method, handler in methods.items()}
            for path, methods in self._hot.items()
        }
        self.hot_urls = {
            path.encode(): {method.encode(): (serve, method, path) for method, serve in methods.items()}
            for path, methods in self._direct.items()
        }
        self._prefixes = self._prefix_routes()
        chat = ExpressDoor(running, authenticator, self._openai, self._serve, plain_chat, parse_chat)
        self.doors = {f"{prefix}/v1/chat/completions": chat for prefix in ("", "/openai")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's event; see the ASGI specification."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        exchange: Exchange | None = None
        path = scope["path"]
        methods = self._hot.get(path) or self._by_prefix(path)
        if methods is None:
            exchange = azure.at_openai(scope, receive, send)
            if exchange is not None:
                path = exchange.path
                methods = self._hot.get(path) or self._by_prefix(path)
        if methods is None:
            await self._page(Exchange(scope, receive, send), receive, send)
            return
        handler = methods.get(scope["method"]) or partial(self._refuse_method, methods=methods)
        await self._serve(handler, exchange or Exchange(scope, receive, send))

    async def _page(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        """Let the framework answer, which sets no limit to a body, and reads it before it asks who sends it."""
        try:
            body = await exchange.body(PAGE_BYTES)
        except ClientGone:
            return
        except CallFailed as error:
            await self._refuse(exchange, error)
            return
        waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        pages = self._pages or await self._load_pages()
        await pages(exchange.scope, cast("Any", replay), cast("Any", send))

    async def _load_pages(self) -> "ASGIApp":
        """Load the framework when somebody looks at a page for the first time; calls go on meanwhile."""
        module = await asyncio.to_thread(importlib.import_module, "segue.http.pages")
        if self._pages is None:  # another request may have been first
            self._pages = module.make_pages(self.running, self.authenticator)
        return self._pages

    def hot(self, method: str, path: str) -> Handler | None:
        """What serves a hot request, for a server that has a shorter way than ASGI; `None` for all other requests."""
        methods = self._direct.get(path)
        return methods.get(method) if methods is not None else None

    async def _serve(self, handler: Handler, exchange: Exchange) -> None:
        try:
            await handler(exchange)
        except asyncio.CancelledError:
            if not self.running.engine.world.gate.closed:
                raise
            # The stop would wait no longer for this answer; the caller is told unless a stream has told already.
            if not exchange.started:
                await self._refuse(exchange, _CutOff("Segue stopped before there was an answer: ask another instance"))
        except CallFailed as error:
            await self._refuse(exchange, error)
        except Exception:
            # A defect of ours. Before the answer began the caller is told; after that only the connection can say it.
            if not exchange.started:
                await self._refuse(exchange, _Defect("Segue has met a defect of its own; its log says more"))
            raise

    def _hot_routes(self) -> Routes:
        routes: dict[str, dict[str, Handler]] = {}
        for prefix in ("", "/openai"):
            routes[f"{prefix}/v1/chat/completions"] = {"POST": self._openai.chat_completions}
            routes[f"{prefix}/v1/responses"] = {"POST": self._responses.create}
            routes[f"{prefix}/v1/responses/input_tokens"] = {"POST": self._tasks.responses_count}
            routes[f"{prefix}/v1/models"] = {"GET": self._openai.models if prefix else self._models}
            for path, name in OTHER_PATHS.items():
                routes[f"{prefix}{path}"] = {"POST": partial(self._tasks.openai, operation=name)}
        routes["/v2/rerank"] = {"POST": self._tasks.cohere_rerank}
        for prefix in ("", "/anthropic"):
            routes[f"{prefix}/v1/messages"] = {"POST": self._anthropic.messages}
            routes[f"{prefix}/v1/messages/count_tokens"] = {"POST": self._tasks.anthropic_count}
        routes["/anthropic/v1/models"] = {"GET": self._anthropic.models}
        monitors = Monitors(self.running, self.authenticator)
        for path, page in (("/health", monitors.health), ("/ready", monitors.ready)):
            routes[path] = {"GET": page, "HEAD": page}
        routes["/metrics"] = {"GET": monitors.metrics}
        for operation in operations().values():
            # What changes nothing can be asked for by URL.
            if operation.nature is Nature.READ:
                path = f"/v1/{operation.id.replace('.', '/')}"
                routes[path] = {"GET": partial(self._services.by_query, operation=operation)}
        return routes

    def _prefix_routes(self) -> Routes:
        not_offered = dict.fromkeys(METHODS, self._not_offered)
        gemini = {"GET": self._gemini.models, "POST": self._gemini.action}
        responses = dict.fromkeys(("GET", "DELETE", "POST"), self._responses.stored)
        return {
            **{f"{prefix}/v1/responses/": responses for prefix in ("", "/openai")},
            "/v1/models/": {"GET": self._models, "POST": self._action},
            "/openai/v1/models/": {"GET": self._openai.models},
            "/anthropic/v1/models/": {"GET": self._anthropic.models},
            **{f"/{version}/models": gemini for version in GEMINI_VERSIONS[1:]},
            **{f"/gemini/{version}/models": gemini for version in GEMINI_VERSIONS},
            # Vercel's SDK leaves `models/` out before a name with a slash; the rest is not offered.
            **dict.fromkeys(VERTEX_PATHS, dict.fromkeys(METHODS, self._at_vertex)),
            **dict.fromkeys(
                (path for path in GEMINI_PATHS if path not in VERTEX_PATHS),
                dict.fromkeys(METHODS, self._gemini.elsewhere),
            ),
            **dict.fromkeys(BEDROCK_PATHS, dict.fromkeys(METHODS, self._bedrock.serve)),
            "/v1/call/": {"POST": self._services.by_name},
            PASSTHROUGH_PREFIX: dict.fromkeys(PASSTHROUGH_METHODS, self._passthrough.serve),
            **{f"{prefix}{path}": not_offered for prefix in ("", "/openai", "/anthropic") for path in absent.PATHS},
            # Of version 1, which Google's SDK asks for unless it is told, only what no other vendor has.
            **{
                f"/v1/{name}": dict.fromkeys(METHODS, self._gemini.elsewhere)
                for name in sorted(RESOURCES)
                if f"/v1/{name}" not in absent.PATHS
            },
        }

    async def _action(self, exchange: Exchange) -> None:
        """`POST /v1/models/{model}:{action}` is Gemini's; without an action it is nobody's."""
        if ":" in exchange.path:
            await self._gemini.action(exchange)
        else:
            await self._refuse_method(exchange, {"GET": self._models})

    async def _at_vertex(self, exchange: Exchange) -> None:
        """Vertex AI's paths: Claude is asked for in Anthropic's format, everything else in Gemini's."""
        if exchange.method == "POST" and is_for_claude(exchange.path):
            await self._vertex.predict(exchange)
        else:
            await self._gemini.elsewhere(exchange)

    async def _models(self, exchange: Exchange) -> None:
        """`GET /v1/models` is claimed by three SDKs, which tell themselves apart by their headers."""
        if VERSION in exchange.headers:
            await self._anthropic.models(exchange)
        elif GOOGLE_HEADERS & exchange.headers.keys() or "key" in read_query(exchange):
            await self._gemini.models(exchange)
        else:
            await self._openai.models(exchange)

    def _by_prefix(self, path: str) -> Mapping[str, Handler] | None:
        for prefix, methods in self._prefixes.items():
            if path.startswith(prefix):
                return methods
        return None

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1003, "reason": "Segue speaks HTTP only"})

    async def _refuse(self, exchange: Exchange, error: CallFailed, *headers: tuple[bytes, bytes]) -> None:
        if exchange.path.startswith(BEDROCK_PATHS):
            await self._bedrock.refuse(exchange, error, *headers)
        elif exchange.path.startswith(ANTHROPIC_PATHS) or VERSION in exchange.headers or is_for_claude(exchange.path):
            await self._anthropic.refuse(exchange, error, *headers)
        elif exchange.path.startswith(GEMINI_PATHS) or GOOGLE_HEADERS & exchange.headers.keys():
            await self._gemini.refuse(exchange, error, *headers)
        elif exchange.path.startswith(OPENAI_PATHS):
            body = CHAT.write_error(error, told(error))
            await exchange.respond(error.status, body, [JSON, *error_headers(error), *headers])
        else:
            status, body, own = problem(error)
            await exchange.respond(status, body, [*own, *headers])

    async def _refuse_method(self, exchange: Exchange, methods: Mapping[str, Handler]) -> None:
        allowed = ", ".join(methods)
        message = f"{exchange.method[:20]} is not served at {exchange.path[:200]}: use {allowed}"
        error = RequestInvalid(message, status=405, code="method_not_allowed")
        await self._refuse(exchange, error, (b"allow", allowed.encode()))

    async def _not_offered(self, exchange: Exchange) -> None:
        await self._refuse(
            exchange, RequestInvalid(f"Segue does not offer {exchange.path[:100]}", status=501, code="not_offered")
        )


class _CutOff(Overloaded):
    should_retry = False  # it was under way


class _Defect(CallFailed):
    code = "internal_error"
    status = 500


async def _lifespan(receive: Receive, send: Send) -> None:
    """Starting and stopping are the server's business; here they are only acknowledged."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
