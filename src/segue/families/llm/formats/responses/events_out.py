"""A stream for a client of Responses.

Every event has its number, and names its item by the same id from the first event to the last. OpenAI's closing events
repeat what was streamed: the texts of an item in its `done` events, the whole output in `response.completed`. So the
writer keeps the answer until it ends, as the format demands; it is bounded by what the model says.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.formats.responses import output
from segue.families.llm.formats.responses.citations import annotation_of
from segue.families.llm.formats.responses.errors import response_error
from segue.families.llm.formats.responses.shape import Frame, ending_of, item_name
from segue.families.llm.formats.responses.written import WrittenBlock, WrittenItem
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Cited,
    Counted,
    Ended,
    Event,
    Signed,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Refusal, ServerItem, Text, Thinking, ToolUse
from segue.families.llm.ir.format import Shown

_encode: Final = msgspec.json.encode


class ResponsesWriter:
    """See `EventWriter`.

    Args:
        shown: what is known beside the answer.
        whole: hears of the data of the last event, which has the whole response, before it is sent.
    """

    __slots__ = (
        "_blocks", "_ending", "_frame", "_items", "_message", "_number", "_output", "_over", "_refused", "_shown",
        "_stopped", "_tell_whole", "_tier", "_usage",
    )  # fmt: skip

    def __init__(self, shown: Shown, whole: Callable[[bytes], None] | None = None) -> None:
        self._shown = shown
        self._tell_whole = whole
        self._frame: Frame | None = None
        self._number = 0
        self._blocks: dict[int, WrittenBlock] = {}
        self._items = 0
        self._output: dict[int, bytes] = {}
        self._message: WrittenItem | None = None
        self._usage: Usage | None = None
        self._refused = self._stopped = self._over = False
        self._ending: tuple[str, dict[str, str | None] | None] = ("completed", None)
        self._tier = ""

    def write(self, event: Event) -> bytes:
        """See `EventWriter.write`."""
        if isinstance(event, (TextMore, ArgumentsMore, ThinkingMore)):
            return self._more(event.index, event.text)
        if self._over:
            return b""
        match event:
            case BlockBegan():
                return self._start() + self._block_began(event)
            case BlockEnded():
                block = self._blocks.pop(event.index, None)
                return self._block_ended(block) if block is not None else b""
            case Signed():
                return self._signed(event)
            case Cited():
                return self._cited(event)
            case Began():
                self._count(event.usage)
                return self._start(event)
            case Counted():
                self._count(event.usage)
            case Stopped():
                return self._start() + self._stop(event)
            case Ended():
                return self._start() + self._end()
        return b""

    def broken(self, failure: Failure) -> bytes:
        """See `EventWriter.broken`.

        OpenAI's SDK raises for an event whose data has an `error`, and for nothing else: a bare `error` event in the
        documented shape, or `response.failed`, it hands out like any other. So `response.failed` is told for clients
        that wait for it, and then an `error` event that has its words in both places.
        """
        if self._over:
            return b""
        self._over = True
        error = response_error(failure)
        out = b""
        if self._frame is not None:
            out = self._whole("response.failed", "failed", error=error)
        words = {"code": failure.kind.value, "message": error["message"], "param": None}
        return out + self._event("error", {**words, "error": {"type": "server_error", **words}})

    # The response itself

    def _start(self, event: Began | None = None) -> bytes:
        if self._frame is not None:
            return b""
        began = event or Began()
        self._frame = Frame(self._shown, began.id, began.model, began.created)
        started = {"response": msgspec.Raw(self._frame.write("in_progress", []))}
        return self._event("response.created", started) + self._event("response.in_progress", started)

    def _count(self, usage: Usage | None) -> None:
        if usage is not None:
            self._usage = usage

    def _stop(self, event: Stopped) -> bytes:
        if self._stopped:
            return b""
        self._stopped = True
        self._tier = event.service_tier
        self._ending = ending_of(event.stop, refused=self._refused)
        out = [self._block_ended(self._blocks.pop(index)) for index in list(self._blocks)]
        out.append(self._seal(self._ending[0]))
        return b"".join(out)

    def _end(self) -> bytes:
        out = b"" if self._stopped else self._stop(Stopped(stop=Stop.END))
        self._over = True
        status, details = self._ending
        return out + self._whole(f"response.{status}", status, details=details)

    def _data(self, kind: str, fields: dict[str, Any]) -> bytes:
        number = self._number
        self._number = number + 1
        return _encode({"type": kind, "sequence_number": number, **fields})

    def _whole(self, kind: str, status: str, **more: Any) -> bytes:
        if self._frame is None:
            return b""
        items = [self._output[place] for place in sorted(self._output)]
        response = self._frame.write(status, items, usage=self._usage, tier=self._tier, **more)
        data = self._data(kind, {"response": msgspec.Raw(response)})
        if self._tell_whole is not None:
            self._tell_whole(data)
        return _framed(kind, data)

    def _event(self, kind: str, fields: dict[str, Any]) -> bytes:
        return _framed(kind, self._data(kind, fields))

    # Blocks

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


def _framed(kind: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)
