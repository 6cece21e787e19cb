"""The service's own pages: health, readiness, metrics, docs, the record of calls and the keys.

FastAPI serves them: they are looked at by people and by monitors, not by the traffic.
"""

from typing import Annotated, Any

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

import segue
from segue.app.running import Running
from segue.app.status import status_of
from segue.backends.store.keys import KeyRecord, KeyRefused
from segue.core.call import Caller
from segue.core.errors import CallFailed, Forbidden, RequestInvalid, UnknownOperation
from segue.families.llm.formats.messages.format import MESSAGES
from segue.http.auth import Authenticator
from segue.http.exchange import Exchange
from segue.http.openapi import describe
from segue.http.problem import problem
from segue.http.results import told

ANTHROPIC = "anthropic-version"
"""The header by which Anthropic's SDKs are known; an error without their shape would be one without a message."""


class NewKey(BaseModel):
    """What is asked for when a key is made."""

    model_config = {"extra": "forbid"}
    name: str = Field(min_length=1, max_length=100, description="what the key is for")
    admin: bool = Field(default=False, description="whether it may use /admin and read every call")


class Pages:
    """The handlers; `make_pages` hangs them into the framework."""

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        self.running = running
        self._authenticator = authenticator

    def caller(self, request: Request) -> Caller:
        """Who looks at a page that is not for everybody."""
        return self._authenticator.caller(Exchange(request.scope, request.receive, _no_send))

    def admin(self, request: Request) -> Caller:
        """The same, for pages that only administrators see."""
        caller = self.caller(request)
        if not caller.admin:
            raise Forbidden("this needs an admin key: make one with `segue keys create --admin`")
        return caller

    async def call(self, call_id: str, caller: Caller) -> dict[str, Any]:
        """One call of the record, with its attempts; of other keys' calls only an administrator may know."""
        log = self.running.call_log
        record = await log.get(call_id) if log is not None and len(call_id) <= 64 else None  # noqa: PLR2004
        if record is None or not (caller.admin or record.caller_id == caller.id):
            raise HTTPException(404, f"no call {call_id[:64]!r} is recorded")
        shown: dict[str, Any] = msgspec.to_builtins(record)
        return shown

    async def keys(self) -> list[dict[str, Any]]:
        """Every API key, without the keys themselves."""
        store = self.running.key_store
        return [key_shown(record) for record in await store.list()] if store is not None else []

    async def create_key(self, wanted: NewKey) -> dict[str, Any]:
        """Make a key. It is shown in this answer and never again."""
        store = self.running.key_store
        if store is None:
            raise HTTPException(409, "this service runs without a store")
        try:
            key, record = await store.create(wanted.name, admin=wanted.admin)
        except KeyRefused as refused:
            raise RequestInvalid(str(refused), param="name") from None
        await self.running.reload_keys()
        return {"key": key, **key_shown(record)}

    async def revoke_key(self, which: str) -> dict[str, Any]:
        """Revoke a key by its id or name; from the next request on it is refused."""
        store = self.running.key_store
        if store is None:
            raise HTTPException(409, "this service runs without a store")
        try:
            record = await store.revoke(which)
        except KeyRefused as refused:
            raise HTTPException(404, str(refused)) from None
        await self.running.reload_keys()
        return key_shown(record)

    def providers(self) -> dict[str, Any]:
        """Every provider with its health, as `segue.status()` gives it."""
        return status_of(self.running)


def make_pages(running: Running, authenticator: Authenticator) -> ASGIApp:
    """The framework's application with all pages, and every other path answered with 404."""
    pages = Pages(running, authenticator)
    app = FastAPI(
        title="Segue",
        version=segue.__version__,
        description="One call to one API; Segue decides who serves it, and when that one fails the next carries on.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    caller = Annotated[Caller, Depends(pages.caller)]
    admin = [Depends(pages.admin)]

    async def one_call(call_id: str, who: caller) -> dict[str, Any]:
        """One call of the record, with its attempts."""
        return await pages.call(call_id, who)

    app.get("/v1/calls/{call_id}", tags=["calls"])(one_call)
    app.get("/admin/keys", tags=["admin"], dependencies=admin)(pages.keys)
    app.post("/admin/keys", tags=["admin"], dependencies=admin, status_code=201)(pages.create_key)
    app.delete("/admin/keys/{which}", tags=["admin"], dependencies=admin)(pages.revoke_key)
    app.get("/admin/providers", tags=["admin"], dependencies=admin)(pages.providers)
    app.get("/docs", include_in_schema=False)(_docs)
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_offline", "static")]))
    app.add_exception_handler(CallFailed, _call_failed)
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _defect)
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        return describe(generate())

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def key_shown(record: KeyRecord) -> dict[str, Any]:
    """What may be shown of a key."""
    return {
        "id": record.id,
        "name": record.name,
        "last4": record.last4,
        "admin": record.admin,
        "created_at": record.created_at,
        "revoked_at": record.revoked_at,
        "expires_at": record.expires_at,
    }


def _docs() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Segue",
        swagger_js_url="/docs/assets/swagger-ui-bundle.js",
        swagger_css_url="/docs/assets/swagger-ui.css",
        swagger_favicon_url="/docs/assets/favicon.png",
    )


async def _call_failed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, CallFailed)  # noqa: S101 - registered for nothing else
    status, body, headers = problem(error)
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - registered for nothing else
    if error.status_code == 404 and error.detail == "Not Found":  # noqa: PLR2004 - HTTP's own number
        unknown = UnknownOperation(f"there is nothing at {request.url.path[:200]}: /docs lists what there is")
        unknown.code = "not_found"
        if ANTHROPIC in request.headers:
            return Response(MESSAGES.write_error(unknown, told(unknown)), unknown.status, media_type="application/json")
        return await _call_failed(request, unknown)
    if error.status_code == 405:  # noqa: PLR2004 - HTTP's own number
        allowed = ", ".join(_methods(request))
        message = f"{request.method[:20]} is not served at {request.url.path[:200]}: use {allowed}"
        response = await _call_failed(request, RequestInvalid(message, status=405, code="method_not_allowed"))
        response.headers["allow"] = allowed
        return response
    wrong = RequestInvalid(str(error.detail), status=error.status_code, code=f"http_{error.status_code}")
    return await _call_failed(request, wrong)


def _methods(request: Request) -> list[str]:
    """Every method of a path: the framework itself would name only those of its first route."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    return sorted(
        {name for route in routes if route.path_regex.match(request.url.path) for name in route.methods or ()}
    )


async def _invalid(request: Request, error: Exception) -> Response:
    """The first complaint of the framework's validation, without the value that was sent: it could be a secret."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    complaint = error.errors()[0]
    param = ".".join(str(part) for part in complaint["loc"] if part != "body" and not isinstance(part, int))[:100]
    message = f"field {param!r}: {complaint['msg']}" if param else f"the body: {complaint['msg']}"
    return await _call_failed(request, RequestInvalid(message, param=param or None, status=422))


async def _defect(request: Request, _error: Exception) -> Response:
    defect = CallFailed("Segue has met a defect of its own; its log says more")
    defect.code = "internal_error"
    return await _call_failed(request, defect)


async def _no_send(_message: Any) -> None:
    raise AssertionError("authentication sends nothing")
