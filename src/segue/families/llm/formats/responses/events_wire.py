"""The shape of a streamed event of Responses, and its data out of the bytes."""

from typing import Final

import msgspec

from segue.families.llm.formats.responses import answer_in as wire
from segue.families.llm.ir.answer import ArgumentsMore, TextMore, ThinkingMore
from segue.families.llm.sse import data_of

Raw = msgspec.Raw
_NULL: Final = Raw(b"null")


class EventData(msgspec.Struct, gc=False):
    """An event, with the fields of all kinds that we understand."""

    type: str | None = None
    delta: str | None = None
    output_index: int | None = None
    content_index: int | None = None
    summary_index: int | None = None
    item_id: str | None = None
    text: str | None = None
    refusal: str | None = None
    arguments: str | None = None
    input: str | None = None
    item: Raw = _NULL
    part: Raw = _NULL
    annotation: Raw = _NULL
    response: Raw = _NULL
    error: Raw = _NULL


class Kind(msgspec.Struct, gc=False):
    """What an event is, where the rest of it cannot be read."""

    type: str | None = None


event_decoder: Final = msgspec.json.Decoder(EventData)
kind_decoder: Final = msgspec.json.Decoder(Kind)
part_decoder: Final = msgspec.json.Decoder(wire.Part)
response_decoder: Final = msgspec.json.Decoder(wire.Response)


DELTAS: Final[dict[str, type[TextMore | ThinkingMore | ArgumentsMore]]] = {
    "response.output_text.delta": TextMore,
    "response.refusal.delta": TextMore,
    "response.reasoning_summary_text.delta": ThinkingMore,
    "response.reasoning_text.delta": ThinkingMore,
    "response.function_call_arguments.delta": ArgumentsMore,
    "response.custom_tool_call_input.delta": ArgumentsMore,
}
"""Events with a piece of a text, and what the piece is of."""

DONES: Final[dict[str, type[TextMore | ThinkingMore | ArgumentsMore]]] = {
    kind.replace(".delta", ".done"): more for kind, more in DELTAS.items()
}
"""Events with the whole of such a text."""


def event_data(event: bytes) -> bytes:
    """The data of one event; quick for the two lines, `event` and `data`, that OpenAI sends."""
    start = event.find(b"\ndata: ")
    if start > 0 and event.startswith(b"event: ") and b"\r" not in event:
        start += 7
        if event.find(b"\n", start) == len(event) - 2 and event.find(b"\n") == start - 7:
            return event[start:-2]
    return data_of(event)
