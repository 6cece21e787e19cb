"""Calls of Gemini's whose arguments come in pieces, each with its place."""

import json
from types import SimpleNamespace

import pytest

from families.llm.vendor_calls import SECRET
from segue.core.failure import Kind
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.ir.answer import Stop
from segue.families.llm.ir.collect import Collector
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import Shown
from segue.families.llm.translated import passing_reader

SHOWN = Shown(Conversation(model="m", stream=True), "m", "call_1", 1_700_000_000)


def collected(*events: dict) -> Collector:
    reader, collector = GEMINI.event_reader(), Collector()
    data = "".join(f"data: {json.dumps(one)}\r\n\r\n" for one in events).encode()
    for event in (*reader.feed(data), *reader.end()):
        collector.feed(event)
    return collector


def piece(path: str = "", *, more: bool = True, name: str = "", finish: str = "", **value: object) -> dict:
    """A part of a call whose arguments come in pieces."""
    call: dict = {"name": name} if name else {}
    if path:
        call["partialArgs"] = [{"jsonPath": path, **value}]
    if more:
        call["willContinue"] = True
    ended = {"finishReason": finish} if finish else {}
    return {"candidates": [{"content": {"parts": [{"functionCall": call}]}, **ended}]}


def test_arguments_in_pieces_are_put_together() -> None:
    """Vertex AI sends them so to whoever asks for it; the empty end of a call may be left out."""
    collector = collected(
        piece(name="cook"),
        piece("$.dish.parts[0].name", stringValue="Rig", willContinue=True),
        piece("$.dish.parts[0].name", stringValue="atoni"),
        piece("$.dish.parts[1]['a b']", numberValue=2),
        piece("$.hot", boolValue=True),
        piece("$.none", nullValue="NULL_VALUE"),
        piece(more=False),
        piece(name="wait"),
        piece(name="serve", finish="STOP"),
    )
    made = [(block.name, json.loads(block.arguments or "{}")) for block in collector.answer.content]
    dish = {"parts": [{"name": "Rigatoni"}, {"a b": 2}]}
    assert made == [("cook", {"dish": dish, "hot": True, "none": None}), ("wait", {}), ("serve", {})]
    assert (collector.failure, collector.answer.stop) == (None, Stop.TOOLS)


@pytest.mark.parametrize("path", ["", "hot", "$", "$.a[7]", "$.a..b", "$.hot.deeper", "$" + ".a" * 70])
def test_a_piece_at_a_place_that_does_not_exist_is_a_break(path: str) -> None:
    events = [piece(name="cook"), piece("$.hot", boolValue=True), piece(path or "?", stringValue="x")]
    assert collected(*events).failure.kind is Kind.STREAM_CUT


def test_the_usage_beside_the_end_of_such_a_call_is_found_where_the_stream_passes() -> None:
    last = {**piece(more=False, finish="STOP"), "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}}
    request = SimpleNamespace(array=False)
    reader = passing_reader(GEMINI, GEMINI.event_writer(SHOWN), SECRET, request)
    for one in (piece(name="cook"), last):
        reader.feed(b"data: " + json.dumps(one).encode() + b"\r\n\r\n")
    reader.end()
    assert (reader.finished, reader.usage.input_tokens, reader.usage.output_tokens) == (True, 3, 4)
