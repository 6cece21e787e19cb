"""What is open of a stream that is being written."""

from typing import Any, Final

import msgspec

from segue.families.llm.ir.blocks import Refusal, Text, Thinking, ToolUse

_encode: Final = msgspec.json.encode


class WrittenItem:
    """An item of the output while it is open; a message may have several open parts."""

    __slots__ = ("name", "open", "parts", "phase", "place", "sealed")

    def __init__(self, name: str, place: int, phase: str) -> None:
        self.name = name
        self.place = place
        self.phase = phase
        self.parts: list[dict[str, Any]] = []
        self.open = 0
        self.sealed = False


class WrittenBlock:
    """An open block: its pieces, and the beginning and the end of the event for one more."""

    __slots__ = ("after", "annotations", "before", "block", "item", "part", "pieces", "summary")

    def __init__(self, block: Text | Refusal | Thinking | ToolUse, item: WrittenItem, part: int) -> None:
        kind = _delta_of(block)
        self.block = block
        self.item = item
        self.part = part
        self.pieces: list[str] = []
        self.annotations: list[Any] = []
        self.summary = False
        where = {"item_id": item.name, "output_index": item.place}
        if isinstance(block, (Text, Refusal)):
            where["content_index"] = part
        elif isinstance(block, Thinking):
            where["summary_index"] = 0
        self.before = b"event: " + kind.encode() + b'\ndata: {"type":"' + kind.encode() + b'","sequence_number":'
        self.after = b"," + _encode(where)[1:-1] + b',"delta":'

    def at(self) -> dict[str, Any]:
        """Where a part of a message is."""
        return {"item_id": self.item.name, "output_index": self.item.place, "content_index": self.part}

    def paragraph(self, text: str) -> dict[str, Any]:
        """Where the one paragraph of a summary is, and what it says."""
        where = {"item_id": self.item.name, "output_index": self.item.place, "summary_index": 0}
        return {**where, "part": {"type": "summary_text", "text": text}}


def _delta_of(block: Text | Refusal | Thinking | ToolUse) -> str:
    """The event for a piece of a block."""
    if isinstance(block, Text):
        return "response.output_text.delta"
    if isinstance(block, Refusal):
        return "response.refusal.delta"
    if isinstance(block, Thinking):
        return "response.reasoning_summary_text.delta"
    return "response.custom_tool_call_input.delta" if block.custom else "response.function_call_arguments.delta"
