"""The items of a response while they are streamed.

Every event has its number, and names its item by the same id from the first event to the last. The `done` events
repeat what was streamed, so every item is kept until the answer ends.
"""

from typing import Any, Final

import msgspec

from segue.families.llm.formats.responses import output
from segue.families.llm.formats.responses.citations import annotation_of
from segue.families.llm.formats.responses.shape import Frame, item_name
from segue.families.llm.formats.responses.written import WrittenBlock, WrittenItem
from segue.families.llm.ir.answer import BlockBegan, Cited, Signed
from segue.families.llm.ir.blocks import Refusal, ServerItem, Text, Thinking, ToolUse
from segue.families.llm.sse import one_line

_encode: Final = msgspec.json.encode


class ItemStream:
    """Writes the events of the items; what begins and ends the response is the matter of who inherits from it."""

    __slots__ = ("_blocks", "_frame", "_items", "_message", "_number", "_output", "_over", "_refused")

    def __init__(self) -> None:
        self._frame: Frame | None = None
        self._number = 0
        self._blocks: dict[int, WrittenBlock] = {}
        self._items = 0
        self._output: dict[int, bytes] = {}
        self._message: WrittenItem | None = None
        self._refused = self._over = False

    def _data(self, kind: str, fields: dict[str, Any]) -> bytes:
        number = self._number
        self._number = number + 1
        return _encode({"type": kind, "sequence_number": number, **fields})

    def _event(self, kind: str, fields: dict[str, Any]) -> bytes:
        return framed(kind, one_line(self._data(kind, fields)))

    def _more(self, index: int, text: str) -> bytes:
        block = self._blocks.get(index)
        if block is None or not text or self._over:
            return b""
        out = b""
        if isinstance(block.block, Thinking) and not block.summary:
            block.summary = True
            out = self._event("response.reasoning_summary_part.added", block.paragraph(""))
        block.pieces.append(text)
        number = self._number
        self._number = number + 1
        tail = b',"logprobs":[]}\n\n' if isinstance(block.block, Text) else b"}\n\n"
        return b"%b%b%d%b%b%b" % (out, block.before, number, block.after, _encode(text), tail)

    def _block_began(self, event: BlockBegan) -> bytes:
        begun = event.block
        if isinstance(begun, (Text, Refusal)):
            return self._part_began(event.index, begun)
        sealed = self._seal("completed")
        if isinstance(begun, ServerItem):
            return sealed + self._server_item(begun)
        if not isinstance(begun, (Thinking, ToolUse)):
            return sealed
        item = self._new_item(begun)
        block = self._blocks[event.index] = WrittenBlock(begun, item, 0)
        first = begun.text if isinstance(begun, Thinking) else begun.arguments
        added: dict[str, Any] = (
            output.reasoning(item.name, Thinking(), "")
            if isinstance(begun, Thinking)
            else output.call(item.name, "in_progress", begun, "")
        )
        out = sealed + self._event("response.output_item.added", {"output_index": item.place, "item": added})
        block.block = msgspec.structs.replace(begun)  # a signature that comes later must not change the event
        return out + self._more(event.index, first)

    def _new_item(self, begun: Text | Refusal | Thinking | ToolUse) -> WrittenItem:
        assert self._frame is not None  # noqa: S101 - write starts the frame before any block
        phase = begun.phase if isinstance(begun, Text) else ""
        item = WrittenItem(item_name(self._frame, begun, self._items), self._items, phase)
        self._items += 1
        return item

    def _part_began(self, index: int, begun: Text | Refusal) -> bytes:
        """A text goes on in the message before it, unless its phase is another."""
        out = b""
        phase = begun.phase if isinstance(begun, Text) else ""
        if self._message is not None and self._message.phase != phase:
            out = self._seal("completed")
        if self._message is None:
            item = self._message = self._new_item(begun)
            added = output.message(item.name, "in_progress", [], item.phase)
            out += self._event("response.output_item.added", {"output_index": item.place, "item": added})
        item = self._message
        refusal = isinstance(begun, Refusal)
        self._refused = self._refused or refusal
        block = self._blocks[index] = WrittenBlock(begun, item, len(item.parts))
        empty = output.refusal_part("") if refusal else output.text_part("", [])
        item.parts.append(empty)
        item.open += 1
        out += self._event("response.content_part.added", {**block.at(), "part": empty})
        out += self._more(index, begun.text)
        if isinstance(begun, Text):
            for citation in begun.citations:
                out += self._cited(Cited(index, citation))
        return out

    def _signed(self, event: Signed) -> bytes:
        block = self._blocks.get(event.index)
        if block is not None and isinstance(block.block, (Thinking, ToolUse)):
            block.block.signature = event.signature
        return b""

    def _cited(self, event: Cited) -> bytes:
        block = self._blocks.get(event.index)
        if block is None or not isinstance(block.block, Text):
            return b""
        annotation = annotation_of(event.citation, sum(map(len, block.pieces)))
        if annotation is None:
            return b""
        fields = {**block.at(), "annotation_index": len(block.annotations), "annotation": annotation}
        block.annotations.append(annotation)
        return self._event("response.output_text.annotation.added", fields)

    def _server_item(self, begun: ServerItem) -> bytes:
        written = output.server_item(begun)
        return b"" if written is None else self._whole_item(written)

    def _whole_item(self, written: bytes) -> bytes:
        """An item that comes in one piece."""
        place = self._items
        self._items += 1
        self._output[place] = written
        fields = {"output_index": place, "item": msgspec.Raw(written)}
        return self._event("response.output_item.added", fields) + self._event("response.output_item.done", fields)

    def _block_ended(self, block: WrittenBlock) -> bytes:
        text = "".join(block.pieces)
        begun = block.block
        if isinstance(begun, (Text, Refusal)):
            return self._part_ended(block, text)
        where = {"item_id": block.item.name, "output_index": block.item.place}
        out = b""
        if isinstance(begun, Thinking):
            if block.summary:
                done = {**where, "summary_index": 0, "text": text}
                out = self._event("response.reasoning_summary_text.done", done)
                out += self._event("response.reasoning_summary_part.done", block.paragraph(text))
            item = output.reasoning(block.item.name, begun, text)
        else:
            text = output.arguments_of(begun, text)
            if begun.custom:
                out = self._event("response.custom_tool_call_input.done", {**where, "input": text})
            else:
                out = self._event(
                    "response.function_call_arguments.done", {**where, "name": begun.name, "arguments": text}
                )
            item = output.call(block.item.name, "completed", begun, text)
        out += self._item_done(block.item.place, item)
        return out + self._carry(begun) if isinstance(begun, ToolUse) else out

    def _carry(self, block: ToolUse) -> bytes:
        """The signature of a call, in an item behind it."""
        assert self._frame is not None  # noqa: S101 - the call has begun
        carrier = output.carrier(self._frame.name("rs", self._items), block)
        return b"" if carrier is None else self._whole_item(_encode(carrier))

    def _part_ended(self, block: WrittenBlock, text: str) -> bytes:
        item = block.item
        if isinstance(block.block, Refusal):
            part = output.refusal_part(text)
            out = self._event("response.refusal.done", {**block.at(), "refusal": text})
        else:
            part = output.text_part(text, block.annotations)
            out = self._event("response.output_text.done", {**block.at(), "text": text, "logprobs": []})
        item.parts[block.part] = part
        item.open -= 1
        out += self._event("response.content_part.done", {**block.at(), "part": part})
        if item.sealed and not item.open:
            out += self._message_done(item, "completed")
        return out

    def _seal(self, status: str) -> bytes:
        """No more parts come to the open message."""
        item, self._message = self._message, None
        if item is None:
            return b""
        item.sealed = True
        return b"" if item.open else self._message_done(item, status)

    def _message_done(self, item: WrittenItem, status: str) -> bytes:
        return self._item_done(item.place, output.message(item.name, status, item.parts, item.phase))

    def _item_done(self, place: int, item: dict[str, Any]) -> bytes:
        written = self._output[place] = _encode(item)
        return self._event("response.output_item.done", {"output_index": place, "item": msgspec.Raw(written)})


def framed(kind: str, data: bytes) -> bytes:
    """One event of a stream."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)
