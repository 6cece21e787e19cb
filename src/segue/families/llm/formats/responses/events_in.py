"""A provider's stream of Responses into events.

Output items may mix, so each event is put to its item by `output_index`, or by `item_id` where a server leaves the
index out. The formal end is `response.completed` or `response.incomplete`; a stream without one is cut, whatever it
has said.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.openai_errors import error_object
from segue.families.llm.formats.responses import answer_in as wire
from segue.families.llm.formats.responses.citations import citation_of
from segue.families.llm.formats.responses.errors import failure_of
from segue.families.llm.formats.responses.events_items import ONLY, OpenBlock, OpenItems
from segue.families.llm.formats.responses.events_wire import (
    DELTAS,
    DONES,
    EventData,
    event_data,
    event_decoder,
    kind_decoder,
    part_decoder,
    response_decoder,
)
from segue.families.llm.ir.answer import (
    Began,
    BlockEnded,
    Broke,
    Cited,
    Counted,
    Ended,
    Event,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.sse import EventSplitter, EventTooLong

Raw = msgspec.Raw


class ResponsesReader(OpenItems):
    """See `EventReader`. `secret`: the key that was sent, cut out of messages."""

    __slots__ = ("_secret", "_splitter")

    def __init__(self, secret: str = "") -> None:
        super().__init__()
        self._splitter = EventSplitter()
        self._secret = secret

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
            data = event_data(event)
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

    def _read(self, data: bytes, out: list[Event]) -> None:
        try:
            if not data.isascii():
                data.decode()  # msgspec does not look into values that it passes over
            event = event_decoder.decode(data)
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
            kind = kind_decoder.decode(data).type or ""
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            kind = ""
        if kind == "error":
            self._fail(data, out)
        elif not kind or kind in _HANDLERS or kind in DELTAS:
            self._break(out, "an event in the middle of the stream is not valid")

    def _nameless(self, event: EventData, data: bytes, out: list[Event]) -> None:
        """An event without a type: a piece of who knows what, an error of some proxy's, or noise."""
        if event.delta is not None:
            self._break(out, "an event in the middle of the stream has no type")
        elif error_object(data) is not None:
            self._fail(data, out)

    # The response itself

    def _created(self, event: EventData, _data: bytes, out: list[Event]) -> None:
        response = response_decoder.decode(event.response) if bytes(event.response) != b"null" else wire.Response()
        if not self._began:
            self._began = True
            self._id = response.id or ""
            out.append(Began(self._id, response.model or "", wire.created_of(response)))

    def _completed(self, event: EventData, data: bytes, out: list[Event]) -> None:
        response = response_decoder.decode(event.response)
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
        usage = wire.usage_of(response.usage, response.service_tier, response.output or ())
        if usage is not None:
            out.append(Counted(usage))
        stop, word = wire.stop_of(response, called=self._called, refused=self._refused)
        out.append(Stopped(stop, vendor_stop=word, service_tier=response.service_tier or ""))
        out.append(Ended())
        self._over = True

    def _failed(self, event: EventData, _data: bytes, out: list[Event]) -> None:
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

    def _error(self, _event: EventData, data: bytes, out: list[Event]) -> None:
        self._fail(data, out)

    # Items

    def _added(self, event: EventData, _data: bytes, out: list[Event]) -> None:
        found = wire.item_of(event.item)
        place = event.output_index if event.output_index is not None else self._place
        if place not in self._items:
            self._open(place, found, out)

    def _done(self, event: EventData, _data: bytes, out: list[Event]) -> None:
        place = self._place_of(event)
        if place in self._items or place not in self._closed:  # else it is told for the second time
            self._whole(place, event.item, out)

    # Parts

    def _part_added(self, event: EventData, _data: bytes, out: list[Event]) -> None:
        part = part_decoder.decode(event.part)
        if part.type not in {"output_text", "refusal"}:
            return
        item = self._item_of(event, "message", out)
        place = event.content_index or 0
        if item is not None and place >= item.read:
            block = self._begin_part(item, place, part, out)
            self._rest(block, TextMore, part.text or part.refusal or "", out)

    def _part_done(self, event: EventData, _data: bytes, out: list[Event]) -> None:
        item = self._items.get(self._place_of(event))
        place = event.content_index or 0
        block = item.blocks.get(place) if item is not None else None
        if item is None or block is None or item.type != "message":
            return
        part = part_decoder.decode(event.part)
        self._rest(block, TextMore, part.text or part.refusal or "", out)
        if place not in item.cited:
            item.cited.add(place)
            out += [Cited(block.index, citation) for citation in wire.citations_of(part)]
        del item.blocks[place]
        out.append(BlockEnded(block.index))

    def _annotated(self, event: EventData, _data: bytes, out: list[Event]) -> None:
        item = self._items.get(self._place_of(event))
        place = event.content_index or 0
        block = item.blocks.get(place) if item is not None else None
        citation = citation_of(event.annotation)
        if item is not None and block is not None and citation is not None:
            item.cited.add(place)
            out.append(Cited(block.index, citation))

    # Pieces

    def _delta(self, event: EventData, kind: str, delta: str, out: list[Event]) -> None:
        more = DELTAS.get(kind)
        if more is None or not delta:
            return
        if more is TextMore:
            block = self._text_block(event, kind, out)
        else:
            item = self._items.get(self._place_of(event))
            block = item.blocks.get(ONLY) if item is not None else None
            if block is None:
                self._break(out, "a piece of an item that never began")
                return
            if more is ThinkingMore:
                self._paragraph(event, block, out)
        if block is not None:
            block.said = True
            out.append(more(block.index, delta))

    def _text_block(self, event: EventData, kind: str, out: list[Event]) -> OpenBlock | None:
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

    def _paragraph(self, event: EventData, block: OpenBlock, out: list[Event]) -> None:
        """Parts of a summary are paragraphs."""
        paragraph = event.summary_index or 0
        if paragraph != block.paragraph:
            block.paragraph = paragraph
            if block.said:
                out.append(ThinkingMore(block.index, "\n\n"))

    def _text_done(self, event: EventData, _data: bytes, out: list[Event]) -> None:
        """The whole text of a part: news only where no piece of it has come."""
        item = self._items.get(self._place_of(event))
        if item is None:
            return
        more = DONES[event.type or ""]
        block = item.blocks.get((event.content_index or 0) if more is TextMore else ONLY)
        if block is not None:
            text = event.text or event.refusal or event.arguments or event.input or ""
            if more is ThinkingMore and (event.summary_index or 0) != block.paragraph:
                self._paragraph(event, block, out)
                block.said = False
            self._rest(block, more, text, out)


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
    **dict.fromkeys(DONES, ResponsesReader._text_done),
}
