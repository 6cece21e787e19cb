"""A Responses stream is a tree told in order: response, items, parts, deltas; each event names its place and number."""

from collections.abc import Iterator
from typing import Any

import msgspec

from segue.simulator.exchange import Exchange
from segue.simulator.script import Part, Send
from segue.simulator.vendors.scripting import Reply, digest

_Json = dict[str, Any]
_Told = Iterator[tuple[_Json, bool]]


def named_event(document: _Json, part: Part) -> Send:
    """One event whose name is its type."""
    return Send(b"event: %s\ndata: %s\n\n" % (document["type"].encode(), msgspec.json.encode(document)), part)


def _reasoning(item: _Json, place: _Json, one: Reply) -> _Told:
    if not item["summary"]:
        return
    spot = place | {"summary_index": 0}
    prefix = "response.reasoning_summary"
    yield {"type": f"{prefix}_part.added", **spot, "part": {"type": "summary_text", "text": ""}}, False
    for piece in one.reasoning:
        yield {"type": f"{prefix}_text.delta", **spot, "delta": piece}, True
    yield {"type": f"{prefix}_text.done", **spot, "text": one.thoughts}, False
    yield {"type": f"{prefix}_part.done", **spot, "part": item["summary"][0]}, False


def _call(item: _Json, place: _Json, fragments: tuple[str, ...]) -> _Told:
    prefix = "response.function_call_arguments"
    for fragment in fragments:
        yield {"type": f"{prefix}.delta", **place, "delta": fragment}, True
    yield {"type": f"{prefix}.done", **place, "arguments": item["arguments"]}, False


def _message(item: _Json, place: _Json, one: Reply) -> _Told:
    part = item["content"][0]
    spot = place | {"content_index": 0}
    refused = part["type"] == "refusal"
    empty = part | ({"refusal": ""} if refused else {"text": "", "logprobs": []})
    yield {"type": "response.content_part.added", **spot, "part": empty}, False
    prefix = "response.refusal" if refused else "response.output_text"
    logprobs = iter(part.get("logprobs") or ())
    for piece in one.pieces:
        found = next(logprobs, None)
        extra = {} if refused else {"logprobs": [found] if found else []}
        yield {"type": f"{prefix}.delta", **spot, "delta": piece, **extra}, True
    whole = {"refusal": one.text} if refused else {"text": one.text, "logprobs": part["logprobs"]}
    yield {"type": f"{prefix}.done", **spot, **whole}, False
    yield {"type": "response.content_part.done", **spot, "part": part}, False


def _begun(item: _Json) -> _Json:
    match item["type"]:
        case "reasoning":
            return item | {"summary": []}
        case "function_call":
            return item | {"status": "in_progress", "arguments": ""}
        case _:
            return item | {"status": "in_progress", "content": []}


def _told(response: _Json, one: Reply) -> _Told:
    """All events in order, without their numbers, and whether each is a piece of content."""
    unfinished: _Json = {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    begun = response | unfinished | {"completed_at": None}
    yield {"type": "response.created", "response": begun}, False
    yield {"type": "response.in_progress", "response": begun}, False
    calls = iter(one.calls)
    for index, item in enumerate(response["output"]):
        place = {"item_id": item["id"], "output_index": index}
        yield {"type": "response.output_item.added", "output_index": index, "item": _begun(item)}, False
        match item["type"]:
            case "reasoning":
                yield from _reasoning(item, place, one)
            case "function_call":
                yield from _call(item, place, next(calls).fragments)
            case _:
                yield from _message(item, place, one)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}, False
    yield {"type": f"response.{response['status']}", "response": response}, False


def streamed(response: _Json, one: Reply) -> Iterator[Send]:
    """The events of a stream that ends in `response`.

    What comes before the last piece of content counts as the beginning, what follows it as the finish, and the last
    event is the terminator: the interface has no `[DONE]`.
    """
    told = list(_told(response, one))
    last_piece = max((place for place, (_, piece) in enumerate(told) if piece), default=1)
    for place, (document, piece) in enumerate(told):
        part: Part = "content" if piece else "role" if place <= last_piece else "finish"
        if place == len(told) - 1:
            part = "done"
        yield named_event(document | {"sequence_number": place}, part)


def error_event(refusal: _Json, sent: int) -> bytes:
    """The event `error`: the fields of a refusal's error beside its own."""
    error = refusal.get("error") or {}
    code = error.get("code") or error.get("type")
    fields: _Json = {"type": "error", "code": code, "message": error.get("message"), "param": error.get("param")}
    return named_event(fields | {"sequence_number": sent}, "error").data


def failed_event(exchange: Exchange, refusal: _Json, sent: int) -> bytes:
    """The event `response.failed`, which ends a stream as `response.completed` would have done."""
    error = refusal.get("error") or {}
    response: _Json = {
        "id": f"resp_{digest(exchange.seed, exchange.number, exchange.account, 'response', length=48)}",
        "object": "response",
        "created_at": int(exchange.started),
        "status": "failed",
        "error": {"code": error.get("code") or error.get("type"), "message": error.get("message")},
        "incomplete_details": None,
        "model": exchange.model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
        "metadata": {},
    }
    return named_event({"type": "response.failed", "response": response, "sequence_number": sent}, "error").data
