"""A provider's stream of Responses into events.

Output items may mix, so each event is put to its item by `output_index`, or by `item_id` where a server leaves the
index out. Texts are never kept: of an open block only whether anything of it has come, so that a server which sends
only the `done` of a piece, or only the whole response at the end, is understood as well. The formal end is
`response.completed` or `response.incomplete`; a stream without one is cut, whatever it has said.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.openai_errors import error_object
from segue.families.llm.formats.responses import answer_in as wire
from segue.families.llm.formats.responses.citations import citation_of
from segue.families.llm.formats.responses.errors import failure_of
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Cited,
    Counted,
    Ended,
    Event,
    Signed,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import OPENAI, Content, Refusal, ServerItem, Text, Thinking, ToolUse
from segue.families.llm.sse import EventSplitter, EventTooLong, data_of

Raw = msgspec.Raw
_NULL: Final = Raw(b"null")

MAX_OPEN: Final = 1024
"""Items that may be open at once; no provider has more."""

_ANY: Final = -1  # the key of a block that is its item's only one


class _Event(msgspec.Struct, gc=False):
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


class _Kind(msgspec.Struct, gc=False):
    type: str | None = None


_event: Final = msgspec.json.Decoder(_Event)
_kind: Final = msgspec.json.Decoder(_Kind)
_item: Final = msgspec.json.Decoder(wire.Item)
_part: Final = msgspec.json.Decoder(wire.Part)
_response: Final = msgspec.json.Decoder(wire.Response)


class _Block:
    """An open block: its number, and whether any of its text has come."""

    __slots__ = ("index", "paragraph", "said")

    def __init__(self, index: int) -> None:
        self.index = index
        self.said = False
        self.paragraph = 0


class _Item:
    """An open item of the output: its open blocks by `content_index`."""

    __slots__ = ("blocks", "cited", "id", "phase", "read", "type")

    def __init__(self, kind: str, name: str, phase: str) -> None:
        self.type = kind
        self.id = name
        self.phase = phase
        self.blocks: dict[int, _Block] = {}
        self.read = 0  # parts whose blocks have begun
        self.cited: set[int] = set()  # parts whose annotations came as events


def _data(event: bytes) -> bytes:
    """The data of one event; quick for the two lines, `event` and `data`, that OpenAI sends."""
    start = event.find(b"\ndata: ")
    if start > 0 and event.startswith(b"event: ") and b"\r" not in event:
        start += 7
        if event.find(b"\n", start) == len(event) - 2 and event.find(b"\n") == start - 7:
            return event[start:-2]
    return data_of(event)


class ResponsesReader:
    """See `EventReader`. `secret`: the key that was sent, cut out of messages."""

    __slots__ = (
        "_began", "_blocks", "_called", "_id", "_items", "_names", "_over", "_place", "_refused", "_secret",
        "_splitter",
    )  # fmt: skip

    def __init__(self, secret: str = "") -> None:
        self._splitter = EventSplitter()
        self._secret = secret
        self._items: dict[int, _Item] = {}
        self._names: dict[str, int] = {}
        self._blocks = 0
        self._place = 0  # items that have begun
        self._id = ""
        self._began = self._called = self._refused = self._over = False

    def feed(self, chunk: bytes) -> Sequence[Event]:
        """See `EventReader.feed`."""
        if self._over:
            return ()
        out: list[Event] = []
        try:
            events = self._splitter.feed(chunk)
        except EventTooLong as error:
            self._break(out, str(error))
            return out
        for event in events:
            data = _data(event)
            if data:
                self._read(data, out)
                if self._over:
                    break
        return out

    def end(self) -> Sequence[Event]:
        """See `EventReader.end`."""
        out: list[Event] = []
        if not self._over and self._splitter.tail.strip():
            out += self.feed(b"\n\n")  # some servers leave the last empty line out
        if not self._over:
            self._break(out, "the connection was closed before the answer had ended")
        return out

    def _break(self, out: list[Event], message: str) -> None:
        self._over = True
        out.append(Broke(Failure(Kind.STREAM_CUT, message, Executed.UNKNOWN, Scope.PROVIDER)))

    def _read(self, data: bytes, out: list[Event]) -> None:
        try:
            if not data.isascii():
                data.decode()  # msgspec does not look into values that it passes over
            event = _event.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._unreadable(data, out)
            return
        if bytes(event.error) != b"null":
            self._fail(data, out)
            return
        kind = event.type
        try:
            if kind is None:
                self._nameless(event, data, out)
            elif event.delta is not None:
                self._delta(event, kind, event.delta, out)
            else:
                handler = _HANDLERS.get(kind)
                if handler is not None:
                    handler(self, event, data, out)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._break(out, "an event in the middle of the stream is not valid")

    def _unreadable(self, data: bytes, out: list[Event]) -> None:
        """What cannot be read leaves a hole in the answer, unless it is of a kind that we do not read anyway."""
        if data.strip() == b"[DONE]":
            return  # of Chat Completions; it proves nothing here
        try:
            kind = _kind.decode(data).type or ""
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            kind = ""
        if kind == "error":
            self._fail(data, out)
        elif not kind or kind in _HANDLERS or kind in _DELTAS:
            self._break(out, "an event in the middle of the stream is not valid")

    def _nameless(self, event: _Event, data: bytes, out: list[Event]) -> None:
        """An event without a type: a piece of who knows what, an error of some proxy's, or noise."""
        if event.delta is not None:
            self._break(out, "an event in the middle of the stream has no type")
        elif error_object(data) is not None:
            self._fail(data, out)

    # The response itself

    def _created(self, event: _Event, _data: bytes, out: list[Event]) -> None:
        response = _response.decode(event.response) if bytes(event.response) != b"null" else wire.Response()
        if not self._began:
            self._began = True
            self._id = response.id or ""
            out.append(Began(self._id, response.model or "", wire.created_of(response)))

    def _completed(self, event: _Event, data: bytes, out: list[Event]) -> None:
        response = _response.decode(event.response)
        if response.status in {"failed", "cancelled"} or bytes(response.error) != b"null":
            self._failed(event, data, out)
            return
        self._created(event, data, out)
        if not self._place:
            for place, raw in enumerate(response.output or ()):  # a server that streams nothing but the end
                self._whole(place, raw, out)
        for item in list(self._items.values()):
            self._close(item, out)
        if event.type == "response.incomplete":
            response.status = "incomplete"
        usage = wire.usage_of(response.usage)
        if usage is not None:
            out.append(Counted(usage))
        stop, word = wire.stop_of(response, called=self._called, refused=self._refused)
        out.append(Stopped(stop, vendor_stop=word, service_tier=response.service_tier or ""))
        out.append(Ended())
        self._over = True

    def _failed(self, event: _Event, _data: bytes, out: list[Event]) -> None:
        self._over = True
        error = error_object(bytes(event.response))
        failure = failure_of(200, error, self._secret)
        if error is None or failure.kind is Kind.BAD_RESPONSE:
            failure = Failure(Kind.SERVER_ERROR, "the response failed without a reason", Executed.UNKNOWN)
        out.append(Broke(failure))

    def _fail(self, data: bytes, out: list[Event]) -> None:
        """An `error` event: its words at the top level (OpenAI's documentation) or in `error` (what it also sends)."""
        self._over = True
        error: dict[str, Any] | None = error_object(data)
        if error is not None and error.get("type") == "error":
            error = {**error, "type": None}  # the event's own type
        failure = failure_of(200, error, self._secret)
        if failure.kind is Kind.BAD_RESPONSE:
            message = "the provider reported an error in the middle of the stream"
            failure = Failure(Kind.STREAM_CUT, message, Executed.UNKNOWN, Scope.PROVIDER)
        out.append(Broke(failure))

    def _error(self, _event: _Event, data: bytes, out: list[Event]) -> None:
        self._fail(data, out)

    # Items

    def _place_of(self, event: _Event) -> int:
        if event.output_index is not None:
            return event.output_index
        return self._names.get(event.item_id or "", max(self._items, default=0))

    def _added(self, event: _Event, _data: bytes, out: list[Event]) -> None:
        found = _item.decode(event.item)
        place = event.output_index if event.output_index is not None else self._place
        if place not in self._items:
            self._open(place, found, out)

    def _open(self, place: int, found: wire.Item, out: list[Event]) -> _Item | None:
        if len(self._items) >= MAX_OPEN:
            self._break(out, f"more than {MAX_OPEN} items are open at once")
            return None
        item = self._items[place] = _Item(found.type or "", found.id or "", found.phase or "")
        if item.id:
            self._names[item.id] = place
        self._place += 1
        if found.type in {"function_call", "custom_tool_call"}:
            self._called = True
            name = wire.call_id_of(found, place, self._id)
            use = ToolUse(name, found.name or "", custom=found.type == "custom_tool_call", item=item.id)
            self._begin(item, _ANY, use, out)
        elif found.type == "reasoning":
            # The ciphertext comes with the end of the item; whether the text is a summary with its first piece.
            self._begin(item, _ANY, Thinking(summary=not found.content, id=item.id), out)
        return item

    def _begin(self, item: _Item, place: int, content: Content, out: list[Event]) -> _Block:
        if not self._began:
            self._began = True
            out.append(Began())
        block = item.blocks[place] = _Block(self._blocks)
        self._blocks += 1
        out.append(BlockBegan(block.index, content))
        return block

    def _item_of(self, event: _Event, kind: str, out: list[Event]) -> _Item | None:
        """The item of an event; one that was never added begins with it, if its kind can be told."""
        item = self._items.get(self._place_of(event))
        if item is None and kind == "message":
            item = self._open(self._place_of(event), wire.Item(kind, event.item_id), out)
        return item

    def _done(self, event: _Event, _data: bytes, out: list[Event]) -> None:
        place = self._place_of(event)
        self._whole(place, event.item, out)

    def _whole(self, place: int, raw: Raw, out: list[Event]) -> None:
        """An item is whole: what of it has not come yet comes now, and it ends."""
        found = _item.decode(raw)
        item = self._items.get(place)
        if item is None:
            item = self._open(place, found, out)
            if item is None:
                return
        if found.type == "message":
            self._rest_of_message(item, found, out)
        elif found.type == "reasoning":
            block = item.blocks.get(_ANY)
            if block is not None:
                thought = wire.thought_of(found)
                self._rest(block, ThinkingMore, thought.text, out)
                if thought.signature is not None:
                    out.append(Signed(block.index, thought.signature))
        elif found.type in {"function_call", "custom_tool_call"}:
            block = item.blocks.get(_ANY)
            if block is not None:
                self._rest(block, ArgumentsMore, found.arguments or found.input or "", out)
        elif found.type is not None:
            self._begin(item, _ANY, ServerItem(OPENAI, found.type, bytes(raw)), out)
        self._close(item, out)
        del self._items[place]
        self._names.pop(item.id, None)

    def _rest_of_message(self, item: _Item, found: wire.Item, out: list[Event]) -> None:
        for place, part in enumerate(found.content or ()):
            block = item.blocks.get(place)
            if block is None and place >= item.read:
                block = self._begin_part(item, place, part, out)
            if block is not None:
                self._rest(block, TextMore, part.text or part.refusal or "", out)
                if place not in item.cited:
                    out += [Cited(block.index, citation) for citation in wire.citations_of(part)]

    def _rest(
        self, block: _Block, more: type[TextMore | ThinkingMore | ArgumentsMore], text: str, out: list[Event]
    ) -> None:
        """The whole text of a block of which nothing has come in pieces."""
        if text and not block.said:
            block.said = True
            out.append(more(block.index, text))

    def _close(self, item: _Item, out: list[Event]) -> None:
        out += [BlockEnded(block.index) for block in item.blocks.values()]
        item.blocks.clear()

    # Parts

    def _part_added(self, event: _Event, _data: bytes, out: list[Event]) -> None:
        part = _part.decode(event.part)
        if part.type not in {"output_text", "refusal"}:
            return
        item = self._item_of(event, "message", out)
        place = event.content_index or 0
        if item is not None and place >= item.read:
            block = self._begin_part(item, place, part, out)
            self._rest(block, TextMore, part.text or part.refusal or "", out)

    def _begin_part(self, item: _Item, place: int, part: wire.Part, out: list[Event]) -> _Block:
        item.read = place + 1
        if part.type == "refusal":
            self._refused = True
            return self._begin(item, place, Refusal(), out)
        return self._begin(item, place, Text(phase=item.phase), out)

    def _part_done(self, event: _Event, _data: bytes, out: list[Event]) -> None:
        item = self._items.get(self._place_of(event))
        place = event.content_index or 0
        block = item.blocks.get(place) if item is not None else None
        if item is None or block is None or item.type != "message":
            return
        part = _part.decode(event.part)
        self._rest(block, TextMore, part.text or part.refusal or "", out)
        if place not in item.cited:
            item.cited.add(place)
            out += [Cited(block.index, citation) for citation in wire.citations_of(part)]
        del item.blocks[place]
        out.append(BlockEnded(block.index))

    def _annotated(self, event: _Event, _data: bytes, out: list[Event]) -> None:
        item = self._items.get(self._place_of(event))
        place = event.content_index or 0
        block = item.blocks.get(place) if item is not None else None
        citation = citation_of(event.annotation)
        if item is not None and block is not None and citation is not None:
            item.cited.add(place)
            out.append(Cited(block.index, citation))

    # Pieces

    def _delta(self, event: _Event, kind: str, delta: str, out: list[Event]) -> None:
        more = _DELTAS.get(kind)
        if more is None or not delta:
            return
        if more is TextMore:
            block = self._text_block(event, kind, out)
        else:
            item = self._items.get(self._place_of(event))
            block = item.blocks.get(_ANY) if item is not None else None
            if block is None:
                self._break(out, "a piece of an item that never began")
                return
            if more is ThinkingMore:
                self._paragraph(event, block, out)
        if block is not None:
            block.said = True
            out.append(more(block.index, delta))

    def _text_block(self, event: _Event, kind: str, out: list[Event]) -> _Block | None:
        place = event.content_index or 0
        item = self._item_of(event, "message", out)
        if item is None:
            return None
        block = item.blocks.get(place)
        if block is None and place >= item.read:  # a server that does not announce parts
            refusal = kind == "response.refusal.delta"
            block = self._begin_part(item, place, wire.Part("refusal" if refusal else "output_text"), out)
        if block is None:
            self._break(out, "a piece of a part that has ended")
        return block

    def _paragraph(self, event: _Event, block: _Block, out: list[Event]) -> None:
        """Parts of a summary are paragraphs."""
        paragraph = event.summary_index or 0
        if paragraph != block.paragraph:
            block.paragraph = paragraph
            if block.said:
                out.append(ThinkingMore(block.index, "\n\n"))

    def _text_done(self, event: _Event, _data: bytes, out: list[Event]) -> None:
        """The whole text of a part: news only where no piece of it has come."""
        item = self._items.get(self._place_of(event))
        if item is None:
            return
        more = _DONES[event.type or ""]
        block = item.blocks.get((event.content_index or 0) if more is TextMore else _ANY)
        if block is not None:
            text = event.text or event.refusal or event.arguments or event.input or ""
            if more is ThinkingMore and (event.summary_index or 0) != block.paragraph:
                self._paragraph(event, block, out)
                block.said = False
            self._rest(block, more, text, out)


_DELTAS: Final[dict[str, type[TextMore | ThinkingMore | ArgumentsMore]]] = {
    "response.output_text.delta": TextMore,
    "response.refusal.delta": TextMore,
    "response.reasoning_summary_text.delta": ThinkingMore,
    "response.reasoning_text.delta": ThinkingMore,
    "response.function_call_arguments.delta": ArgumentsMore,
    "response.custom_tool_call_input.delta": ArgumentsMore,
}

_DONES: Final[dict[str, type[TextMore | ThinkingMore | ArgumentsMore]]] = {
    kind.replace(".delta", ".done"): more for kind, more in _DELTAS.items()
}

_HANDLERS: Final = {
    "response.created": ResponsesReader._created,
    "response.in_progress": ResponsesReader._created,
    "response.completed": ResponsesReader._completed,
    "response.incomplete": ResponsesReader._completed,
    "response.failed": ResponsesReader._failed,
    "response.cancelled": ResponsesReader._failed,
    "error": ResponsesReader._error,
    "response.output_item.added": ResponsesReader._added,
    "response.output_item.done": ResponsesReader._done,
    "response.content_part.added": ResponsesReader._part_added,
    "response.content_part.done": ResponsesReader._part_done,
    "response.output_text.annotation.added": ResponsesReader._annotated,
    **dict.fromkeys(_DONES, ResponsesReader._text_done),
}
