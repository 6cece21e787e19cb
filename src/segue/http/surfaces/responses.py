"""OpenAI's Responses: `/v1/responses`, and what can be asked of a response that was kept.

`previous_response_id` is kept here, for any provider: what the id stands for is put into the request before somebody is
chosen to answer it, so that the next turn of a conversation may be anybody's (`segue.families.llm.responses`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from segue.app.running import Running
from segue.backends.store.shelf import LARGEST, Kept
from segue.core.call import Call, Caller
from segue.core.errors import CallFailed, RequestInvalid
from segue.core.failure import Kind
from segue.families.llm.asked import Asked
from segue.families.llm.formats.responses import memory
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.responses import ResponsesRequest
from segue.http.auth import Authenticator
from segue.http.exchange import ClientGone, Exchange
from segue.http.surfaces.gemini import read_query
from segue.http.surfaces.llm import LlmSurface

_PAGE: Final = 20
_ORDERS: Final = ("asc", "desc")
_MAX_NUMBER: Final = 9  # digits
_TOO_LARGE: Final = (
    f"the response is not kept: with its conversation it is larger than {LARGEST // 2**20} MiB, so "
    "previous_response_id cannot name it"
)


class ResponsesSurface(LlmSurface):
    """Responses as OpenAI's SDK asks for them."""

    def __init__(self, running: Running, authenticator: Authenticator) -> None:
        super().__init__(running, authenticator, RESPONSES, surface="responses", looks_up=True)

    async def create(self, exchange: Exchange) -> None:
        """`POST /v1/responses`, plain and streaming."""
        await self.ask(exchange, ResponsesRequest)

    async def stored(self, exchange: Exchange) -> None:
        """`/v1/responses/{id}`, `…/input_items` and `…/cancel`: what was kept for this caller."""
        name, _, what = exchange.path.partition("/responses/")[2].partition("/")
        try:
            caller = self._authenticator.caller(exchange)
            # Read in any case: what is left of a body would be taken for the next request.
            await exchange.body(self._engine.snapshot.settings.server.body_limit)
            body = await self._stored(exchange, caller, name, what)
        except ClientGone:
            return
        except CallFailed as error:
            await self.refuse(exchange, error)
            return
        await exchange.respond(200, body)

    async def look_up(self, caller: Caller, request: Asked) -> Asked:
        """See `LlmSurface.look_up`: what is kept takes the place of the id that names it."""
        assert isinstance(request, ResponsesRequest)  # noqa: S101 - `create` has said what reads it
        if request.background:
            raise RequestInvalid(
                "field 'background': Segue does not offer it: leave it out, or ask one provider by /passthrough",
                param="background",
                code="unsupported_parameter",
            )
        if request.previous:
            kept = await self._running.responses.find(caller.id, request.previous)
            if kept is not None:
                limit = self._engine.snapshot.settings.server.body_limit
                expanded = memory.expand(msgspec.json.encode(request.fields), memory.read(kept.record), limit)
                fallbacks = request.fallbacks
                request = ResponsesRequest(expanded, previous=request.previous)
                request.fallbacks = fallbacks
        request.keep = partial(self._keep, caller)
        return request

    def answered(self, call: Call, answer: bytes) -> Sequence[str]:
        """See `LlmSurface.answered`: it is kept."""
        return () if self._keep(call.caller, call.request, answer) else (_TOO_LARGE,)

    def refusal(self, call: Call, error: CallFailed) -> CallFailed:
        """See `LlmSurface.refusal`: that nobody knows the response is told in OpenAI's own words."""
        request: ResponsesRequest = call.request
        if request.complete or not request.previous or error.param != "previous_response_id":
            return error
        if any(not attempt.failure or attempt.failure.kind is not Kind.UNSUPPORTED for attempt in call.attempts):
            return error  # somebody might have known it, or has said so in the same words
        unknown = memory.unknown(request.previous)
        unknown.call_id, unknown.attempts = error.call_id, error.attempts
        return unknown

    def _keep(self, caller: Caller, request: ResponsesRequest, answer: bytes) -> bool:
        """Keep an answer if its caller wants that; false where it is too large."""
        record = request.record(answer)
        return record is None or self._running.responses.put(caller.id, record.id, memory.write(record), answer)

    async def _stored(self, exchange: Exchange, caller: Caller, name: str, what: str) -> bytes:
        if what not in {"", "input_items", "cancel"}:
            raise RequestInvalid(f"Segue does not offer {exchange.path[:100]}", status=501, code="not_offered")
        allowed = {"": ("GET", "DELETE"), "input_items": ("GET",), "cancel": ("POST",)}[what]
        if exchange.method not in allowed:
            message = f"{exchange.method[:20]} is not served here: use {' or '.join(allowed)}"
            raise RequestInvalid(message, status=405, code="method_not_allowed")
        shelf = self._running.responses
        if exchange.method == "DELETE":
            if not await shelf.delete(caller.id, name):
                raise _not_found(name)
            return msgspec.json.encode({"id": name, "object": "response", "deleted": True})
        kept = await shelf.find(caller.id, name)
        if kept is None:
            raise _not_found(name)
        if what == "cancel":
            raise RequestInvalid("Cannot cancel a synchronous response.", code="invalid_request")
        query = read_query(exchange)
        if what == "input_items":
            return _input_items(kept, query)
        if query.get("stream", "false") != "false":
            raise RequestInvalid("field 'stream': a response that is whole cannot be streamed again", param="stream")
        return kept.answer


def _input_items(kept: Kept, query: dict[str, str]) -> bytes:
    limit, order = query.get("limit", str(_PAGE)), query.get("order", "desc")
    if order not in _ORDERS:
        raise RequestInvalid("field 'order': expected asc or desc", param="order")
    number = int(limit) if limit.isascii() and limit.isdigit() and len(limit) <= _MAX_NUMBER else 0
    record = memory.read(kept.record)
    return memory.input_items(record, limit=number, after=query.get("after", ""), descending=order == "desc")


def _not_found(name: str) -> RequestInvalid:
    return RequestInvalid(f"Response with id {name[:128]!r} not found.", status=404, code="response_not_found")
