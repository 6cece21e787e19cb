"""The Responses interface remembers what it said, so that a conversation can go on by the id of its last answer.

`POST /v1/responses`, and of a stored one `GET`, `DELETE`, `GET …/input_items` and `POST …/cancel`. Hosted tools,
`background` and `conversation` are checked and otherwise ignored.
"""

from typing import Any, Final

from segue.simulator.script import Head, Script
from segue.simulator.vendors.openai_access import Request, check_model
from segue.simulator.vendors.openai_answers import STREAM_HEADERS
from segue.simulator.vendors.openai_errors import OpenAIError
from segue.simulator.vendors.openai_headers import standard_headers
from segue.simulator.vendors.openai_responses_checks import check_order, check_response_request
from segue.simulator.vendors.openai_responses_items import ask_of_items, listed, numbered, output_items
from segue.simulator.vendors.openai_responses_stream import streamed
from segue.simulator.vendors.scripting import Ask, Reply, digest, reply

_SHELF: Final = "openai.responses"
_MOST_LISTED: Final = 100
_Json = dict[str, Any]


def _not_found(identifier: str) -> OpenAIError:
    return OpenAIError(404, f"Response with id '{identifier}' not found.")


def _history(request: Request, document: _Json, items: list[_Json]) -> list[_Json]:
    """All items of the conversation that the request continues, with references followed."""
    shelf = request.exchange.memory.shelf(_SHELF)
    before: list[_Json] = []
    previous = document.get("previous_response_id")
    if previous is not None:
        stored = shelf.get(previous)
        if stored is None:
            message = f"Previous response with id '{previous}' not found."
            name = "previous_response_id"
            raise OpenAIError(400, message, "invalid_request_error", name, "previous_response_not_found")
        before = stored["items"]
    return [*before, *(_followed(request, item) for item in items)]


def _followed(request: Request, item: _Json) -> _Json:
    if item["type"] != "item_reference":
        return item
    shelf = request.exchange.memory.shelf(_SHELF)
    for name in shelf.names():
        for known in shelf.get(name)["items"]:
            if known.get("id") == item["id"]:
                return dict(known)
    message = (
        f"Item with id '{item['id']}' not found. Items are not persisted when `store` is set to false. "
        "Try again with `store` set to true, or remove this item from your input."
    )
    raise OpenAIError(404, message, "invalid_request_error", "input")


def _usage(request: Request, ask: Ask, one: Reply, model: str) -> _Json:
    cached = request.exchange.memory.cached_prefix(f"openai.{model}", "\n".join(ask.context))
    return {
        "input_tokens": ask.tokens,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": one.tokens,
        "output_tokens_details": {"reasoning_tokens": one.reasoning_tokens},
        "total_tokens": ask.tokens + one.tokens,
    }


def _response(request: Request, document: _Json, ask: Ask, one: Reply) -> _Json:
    exchange = request.exchange
    complete = one.stop != "length"
    thinks = request.flavour.thinks(str(document["model"]))
    reasoning = document.get("reasoning") or {}
    return {
        "id": f"resp_{digest(exchange.seed, exchange.number, exchange.account, 'response', length=48)}",
        "object": "response",
        "created_at": int(exchange.started),
        "status": "completed" if complete else "incomplete",
        "background": False,
        "completed_at": int(exchange.started) if complete else None,
        "error": None,
        "incomplete_details": None if complete else {"reason": "max_output_tokens"},
        "instructions": document.get("instructions"),
        "max_output_tokens": document.get("max_output_tokens"),
        "max_tool_calls": document.get("max_tool_calls"),
        "model": document["model"],
        "output": output_items(one, document, exchange.seed, exchange.number),
        "parallel_tool_calls": document.get("parallel_tool_calls") is not False,
        "previous_response_id": document.get("previous_response_id"),
        "prompt_cache_key": document.get("prompt_cache_key"),
        "reasoning": {
            "effort": reasoning.get("effort") or ("medium" if thinks else None),
            "summary": reasoning.get("summary"),
        },
        "safety_identifier": document.get("safety_identifier"),
        "service_tier": "default",
        "temperature": document.get("temperature", 1.0),
        "text": {"format": {"type": "text"}, "verbosity": "medium"} | (document.get("text") or {}),
        "tool_choice": document.get("tool_choice") or "auto",
        "tools": [
            {"description": None, "strict": True, "parameters": None} | tool if tool["type"] == "function" else tool
            for tool in document.get("tools") or ()
        ],
        "top_logprobs": document.get("top_logprobs") or 0,
        "top_p": document.get("top_p", 1.0),
        "truncation": document.get("truncation") or "disabled",
        "usage": _usage(request, ask, one, str(document["model"])),
        "user": document.get("user"),
        "metadata": document.get("metadata") or {},
    }


def create(request: Request) -> Script:
    """The answer to `POST /v1/responses`."""
    request.need("POST")
    given = request.json()
    model = given.get("model") if isinstance(given, dict) else None
    thinks = request.flavour.thinks(str(model))
    document: _Json = check_response_request(given, thinks=thinks)
    check_model(str(model))
    exchange = request.exchange
    items = numbered(document.get("input"), exchange.seed, exchange.number)
    history = _history(request, document, items)
    check_order(history)
    effort = (document.get("reasoning") or {}).get("effort")
    ask = ask_of_items(document, history, reasoning=thinks and effort != "none")
    one = reply(ask, exchange.seed)
    response = _response(request, document, ask, one)
    if document.get("store") is not False:
        kept = {"response": response, "input": items, "items": history + response["output"]}
        size = len(exchange.body) + sum(map(len, ask.context))
        exchange.memory.shelf(_SHELF).put(response["id"], kept, size)
    if document.get("stream") is not True:
        return request.answer(response, one.tokens)
    head = Head(200, (*STREAM_HEADERS, *standard_headers(exchange, request.flavour)), None)
    return Script((head, *streamed(response, one)), one.tokens)


def _page(request: Request, items: list[_Json]) -> _Json:
    query = request.exchange.query
    chosen = items if query.get("order") == "asc" else items[::-1]
    after = query.get("after")
    known = [item["id"] for item in chosen]
    if after in known:
        chosen = chosen[known.index(after) + 1 :]
    limit = query.get("limit", "20")
    if not limit.isdecimal() or not 1 <= int(limit) <= _MOST_LISTED:
        raise OpenAIError(400, "Invalid 'limit': expected an integer from 1 to 100.", "invalid_request_error", "limit")
    shown = [listed(item) for item in chosen[: int(limit)]]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(chosen) > len(shown),
    }


def stored(request: Request) -> Script:
    """The answers about a response that was stored: `/responses/{id}` and what lies below it."""
    _, _, identifier, *rest = request.path.split("/")
    shelf = request.exchange.memory.shelf(_SHELF)
    kept = shelf.get(identifier)
    match rest:
        case []:
            request.need("GET", "DELETE")
        case ["input_items"]:
            request.need("GET")
        case _:
            request.need("POST")
    if kept is None:
        raise _not_found(identifier)
    if rest == ["input_items"]:
        return request.answer(_page(request, kept["input"]))
    if rest == ["cancel"]:
        raise OpenAIError(400, "Cannot cancel a synchronous response.")
    if request.exchange.method == "DELETE":
        shelf.drop(identifier)
        return request.answer({"id": identifier, "object": "response", "deleted": True})
    return request.answer(kept["response"])
