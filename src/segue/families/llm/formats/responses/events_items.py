"""The items of a streamed output while they are open, and the blocks that they become.

Texts are never kept: of an open block only whether anything of it has come, so that a server which sends only the
`done` of a piece, or only the whole response at the end, is understood as well.
"""

from typing import Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.responses import answer_in as wire
from segue.families.llm.formats.responses.events_wire import EventData
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Cited,
    Event,
    Signed,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import OPENAI, Content, Refusal, ServerItem, Text, Thinking, ToolUse

Raw = msgspec.Raw

MAX_OPEN: Final = 1024
"""Items that may be open at once; no provider has more."""

ONLY: Final = -1  # the key of a block that is its item's only one


class OpenBlock:
    """An open block: its number, and whether any of its text has come."""

    __slots__ = ("index", "paragraph", "said")

    def __init__(self, index: int) -> None:
        self.index = index
        self.said = False
        self.paragraph = 0


class OpenItem:
    """An open item of the output: its open blocks by `content_index`."""

    __slots__ = ("blocks", "cited", "id", "phase", "read", "type")

    def __init__(self, kind: str, name: str, phase: str) -> None:
        self.type = kind
        self.id = name
        self.phase = phase
        self.blocks: dict[int, OpenBlock] = {}
        self.read = 0  # parts whose blocks have begun
        self.cited: set[int] = set()  # parts whose annotations came as events


class OpenItems:
    """Keeps what is open of one stream, and says what begins and ends."""

    __slots__ = ("_began", "_blocks", "_called", "_closed", "_id", "_items", "_names", "_over", "_place", "_refused")

    def __init__(self) -> None:
        self._items: dict[int, OpenItem] = {}
        self._names: dict[str, int] = {}
        self._closed: set[int] = set()
        self._blocks = 0
        self._place = 0  # items that have begun
        self._id = ""
        self._began = self._called = self._refused = self._over = False

    def _break(self, out: list[Event], message: str) -> None:
        self._over = True
        out.append(Broke(Failure(Kind.STREAM_CUT, message, Executed.UNKNOWN, Scope.PROVIDER)))

    def _place_of(self, event: EventData) -> int:
        if event.output_index is not None:
            return event.output_index
        return self._names.get(event.item_id or "", max(self._items, default=0))

    def _open(self, place: int, found: wire.Item, out: list[Event]) -> OpenItem | None:
        if len(self._items) >= MAX_OPEN:
            self._break(out, f"more than {MAX_OPEN} items are open at once")
            return None
        item = self._items[place] = OpenItem(found.type or "", found.id or "", found.phase or "")
        if item.id:
            self._names[item.id] = place
        self._place += 1
        if found.type in {"function_call", "custom_tool_call"}:
            self._called = True
            name = wire.call_id_of(found, place, self._id)
            custom = found.type == "custom_tool_call"
            use = ToolUse(name, found.name or "", custom=custom, item=item.id, namespace=found.namespace or "")
            self._begin(item, ONLY, use, out)
        elif found.type == "reasoning":
            # The ciphertext comes with the end of the item; whether the text is a summary with its first piece.
            self._begin(item, ONLY, Thinking(summary=not found.content, id=item.id), out)
        return item

    def _begin(self, item: OpenItem, place: int, content: Content, out: list[Event]) -> OpenBlock:
        if not self._began:
            self._began = True
            out.append(Began())
        block = item.blocks[place] = OpenBlock(self._blocks)
        self._blocks += 1
        out.append(BlockBegan(block.index, content))
        return block

    def _item_of(self, event: EventData, kind: str, out: list[Event]) -> OpenItem | None:
        """The item of an event; one that was never added begins with it, if its kind can be told."""
        item = self._items.get(self._place_of(event))
        if item is None and kind == "message":
            item = self._open(self._place_of(event), wire.Item(kind, event.item_id), out)
        return item

    def _begin_part(self, item: OpenItem, place: int, part: wire.Part, out: list[Event]) -> OpenBlock:
        item.read = place + 1
        if part.type == "refusal":
            self._refused = True
            return self._begin(item, place, Refusal(), out)
        return self._begin(item, place, Text(phase=item.phase), out)

    def _whole(self, place: int, raw: Raw, out: list[Event]) -> None:
        """An item is whole: what of it has not come yet comes now, and it ends."""
        found = wire.item_of(raw)
        item = self._items.get(place)
        if item is None:
            item = self._open(place, found, out)
            if item is None:
                return
        if found.type == "message":
            self._rest_of_message(item, found, out)
        elif found.type == "reasoning":
            block = item.blocks.get(ONLY)
            if block is not None:
                thought = wire.thought_of(found)
                self._rest(block, ThinkingMore, thought.text, out)
                if thought.signature is not None:
                    out.append(Signed(block.index, thought.signature))
        elif found.type in {"function_call", "custom_tool_call"}:
            block = item.blocks.get(ONLY)
            if block is not None:
                self._rest(block, ArgumentsMore, found.arguments or found.input or "", out)
        elif found.type is not None:
            self._close(item, out)  # it was announced as something else
            self._begin(item, ONLY, ServerItem(OPENAI, found.type, bytes(raw)), out)
        self._close(item, out)
        del self._items[place]
        self._closed.add(place)
        self._names.pop(item.id, None)

    def _rest_of_message(self, item: OpenItem, found: wire.Item, out: list[Event]) -> None:
        for place, part in enumerate(found.content or ()):
            block = item.blocks.get(place)
            if block is None and place >= item.read:
                block = self._begin_part(item, place, part, out)
            if block is not None:
                self._rest(block, TextMore, part.text or part.refusal or "", out)
                if place not in item.cited:
                    out += [Cited(block.index, citation) for citation in wire.citations_of(part)]

    def _rest(
        self, block: OpenBlock, more: type[TextMore | ThinkingMore | ArgumentsMore], text: str, out: list[Event]
    ) -> None:
        """The whole text of a block of which nothing has come in pieces."""
        if text and not block.said:
            block.said = True
            out.append(more(block.index, text))

    def _close(self, item: OpenItem, out: list[Event]) -> None:
        out += [BlockEnded(block.index) for block in item.blocks.values()]
        item.blocks.clear()
