"""A provider's stream, as events: server-sent events, or one JSON array.

Errors may stand in an event of their own or, as Google writes some, as bare JSON between the events.
"""

from collections.abc import Sequence
from typing import Final

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.gemini.assembler import Assembler, Malformed
from segue.families.llm.formats.gemini.chunks import ArraySplitter
from segue.families.llm.ir.answer import Broke, Ended, Event
from segue.families.llm.sse import EventSplitter, EventTooLong, data_of

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LONGEST_START: Final = 1024
"""Blank bytes before a stream for which its kind is waited for: nobody begins with that many."""


class GeminiEventReader:
    """Reads one stream: server-sent events, or one JSON array."""

    __slots__ = ("_assembler", "_ended", "_head", "_splitter")

    def __init__(self) -> None:
        self._assembler = Assembler()
        self._splitter: EventSplitter | ArraySplitter | None = None
        self._head = b""
        self._ended = False

    def feed(self, chunk: bytes) -> Sequence[Event]:
        """The events that these bytes complete; what cannot be read is a `Broke`."""
        if self._ended:
            return ()
        splitter = self._splitter
        if splitter is None:
            self._head += chunk
            splitter = self._chosen()
            if splitter is None:
                return ()
            self._splitter = splitter
            chunk, self._head = self._head, b""
        elif _is_one_event(chunk) and not splitter.tail and isinstance(splitter, EventSplitter):
            return self._read([chunk[:-4] + b"\n\n"])
        try:
            pieces = splitter.feed(chunk)
        except EventTooLong as error:
            return self._broken([], str(error))
        return self._read(pieces) if pieces else ()

    def end(self) -> Sequence[Event]:
        """What is left, and `Broke` unless the answer was whole."""
        if self._ended:
            return ()
        events: list[Event] = []
        splitter = self._splitter
        if isinstance(splitter, EventSplitter) and splitter.tail.strip():
            events += self._read(splitter.feed(b"\n\n"))  # some servers leave the last empty line out
        if self._ended:
            return events
        if not self._assembler.stopped:
            return self._broken(events, "the connection was closed before the answer had ended")
        self._ended = True
        events.append(Ended())
        return events

    def _chosen(self) -> EventSplitter | ArraySplitter | None:
        start = self._head.removeprefix(_BYTE_ORDER_MARK).lstrip()
        if not start or _BYTE_ORDER_MARK.startswith(start):
            if len(self._head) < _LONGEST_START:
                return None
            return EventSplitter()
        return ArraySplitter() if start[:1] in {b"[", b"{"} else EventSplitter()

    def _read(self, pieces: list[bytes]) -> list[Event]:
        events: list[Event] = []
        assembler = self._assembler
        array = isinstance(self._splitter, ArraySplitter)
        for piece in pieces:
            data = piece if array else data_of(piece)
            if not data or data == b"[DONE]":
                bare = piece.strip()
                if array or not bare.startswith((b"{", b"[{")):
                    continue
                data = bare.removeprefix(b"[").removesuffix(b"]")  # an error that is no event, as Google writes some
            try:
                events += assembler.take(data)
            except Malformed as problem:
                if assembler.stopped:
                    continue  # noise after the whole answer
                return self._broken(events, f"the stream holds {problem}")
            if assembler.failure is not None:
                self._ended = True
                break
        return events

    def _broken(self, events: list[Event], message: str) -> list[Event]:
        self._ended = True
        if self._assembler.stopped:
            events.append(Ended())
        else:
            events.append(Broke(Failure(Kind.STREAM_CUT, message, Executed.UNKNOWN, Scope.PROVIDER)))
        return events


def _is_one_event(chunk: bytes) -> bool:
    """Whether a chunk is one event as Google writes it: the usual case, twice as fast without the splitter."""
    length = len(chunk)
    return (
        chunk.endswith(b"\r\n\r\n")
        and chunk.find(b"\r") == length - 4
        and chunk.find(b"\n") == length - 3
        and chunk.startswith(b"data: ")
    )
