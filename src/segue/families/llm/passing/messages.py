"""Anthropic's streams, passed through."""

from typing import Final

import msgspec

from segue.families.llm.formats.messages.events_in import SPLICED
from segue.families.llm.formats.messages.usage import read_usage, told_usage, update
from segue.families.llm.formats.messages.wire import NULL, Raw
from segue.families.llm.formats.messages.wire_answer import WireUsage
from segue.families.llm.ir.format import EventWriter, ProviderFormat
from segue.families.llm.passing.reader import PassingReader, decoded
from segue.families.llm.stream_reader import cut


class _Message(msgspec.Struct):
    id: str = ""
    usage: Raw = NULL


class _Delta(msgspec.Struct):
    stop_reason: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    message: _Message | None = None
    delta: _Delta | None = None
    usage: Raw = NULL


_event: Final = msgspec.json.Decoder(_Event)
_UNREAD: Final = frozenset({b"ping", b"content_block_start", b"content_block_stop"})


class MessagesPassing(PassingReader):
    """Anthropic's streams: every event has its name; the usage of the input comes first, that of the output last."""

    __slots__ = ("_id", "_told")

    def __init__(self, format_: ProviderFormat, writer: EventWriter, secret: str) -> None:
        super().__init__(format_, writer, secret)
        self._id = ""
        self._told = WireUsage()

    def _look(self, name: bytes, data: bytes, event: bytes) -> bytes:
        if name == b"content_block_delta":
            self._content(data)
            return event
        if name in _UNREAD:
            return event
        told = decoded(_event, data)
        kind = name.decode("latin-1") or (told.type if told else "")
        if kind == "error":
            self._fail(data)
            return b""
        if kind == "content_block_delta":
            self._content(data)
        elif kind == "message_stop":
            if not (self.committed or self.answered):
                self.failure = cut("the stream ended without any content")
                return b""
            self.finished = self.committed = True
        elif told is not None and kind in {"message_start", "message_delta"}:
            if told.message is not None and self._spliced(told.message.id):
                return b""
            usage = told_usage(told.usage) or (told_usage(told.message.usage) if told.message else None)
            if usage is not None:
                update(self._told, usage)
                self.usage = read_usage(self._told)
            if told.delta is not None and told.delta.stop_reason:
                self.answered = self.committed = True
        return event

    def _spliced(self, identifier: str) -> bool:
        """Whether another answer begins before this one has ended."""
        began, self._id = self._id, identifier or self._id
        if not began or self._id == began or self.answered:
            return False
        self.failure = cut(SPLICED)
        return True

    def _closing(self) -> bytes:
        return b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
