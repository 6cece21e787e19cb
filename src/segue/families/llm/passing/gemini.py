"""Gemini's streams, passed through."""

from typing import Final

import msgspec

from segue.core.failure import Failure
from segue.families.llm.formats.gemini.stops import STOPS
from segue.families.llm.ir.answer import Stop
from segue.families.llm.ir.format import BadAnswer, EventWriter, ProviderFormat
from segue.families.llm.passing.reader import PassingReader, decoded


class _Candidate(msgspec.Struct, rename="camel"):
    finish_reason: str | int | None = None


class _Chunk(msgspec.Struct):
    candidates: list[_Candidate] | None = None


_chunk: Final = msgspec.json.Decoder(_Chunk)
_FINISH: Final = b'"finishReason"'
_UNREADABLE: Final = tuple(b'"%s"' % word.encode() for word, stop in STOPS.items() if stop is Stop.MALFORMED)
_CONTENT: Final = (b'"text"', b'"functionCall"', b'"inlineData"', b'"executableCode"')


class GeminiPassing(PassingReader):
    """Gemini's streams: each event is an answer of its own, and the reason of its end is the end.

    A client that asked for no server-sent events gets one JSON array, whose elements are the events.
    """

    __slots__ = ("_array", "_begun", "_last")

    def __init__(self, format_: ProviderFormat, writer: EventWriter, secret: str, *, array: bool) -> None:
        super().__init__(format_, writer, secret)
        self._array = array
        self._begun = False
        self._last = b""

    def _look(self, name: bytes, data: bytes, event: bytes) -> bytes:  # noqa: ARG002 - the parent's own shape
        if data.startswith(b'{"error"') or b'"error"' in data[:40]:
            self._fail(data)
            return b""
        if name:
            return b""  # Google's events have no names: a proxy's keep-alive is no answer, and SDKs take it for one
        if b'"blockReason"' in data and b'"candidates"' not in data:
            self._fail(data)
            return b""
        if not self.committed and any(mark in data for mark in _UNREADABLE) and self._says_nothing(data):
            self._fail(data)
            return b""
        if any(mark in data for mark in _CONTENT):
            self._content(data)
        self._last = data
        if _FINISH in data and _finishes(data):
            self.answered = self.committed = True
            self._count()
        if not self._array:
            return b"data: " + data.replace(b"\n", b" ") + b"\r\n\r\n"
        before = b",\r\n" if self._begun else b"["
        self._begun = True
        return before + data

    def broken(self, failure: Failure) -> bytes:
        """See `PassingReader.broken`; an array that was begun is closed."""
        told = self._writer.broken(failure)
        return told if not (self._array and self._begun) else b",\r\n" + told.lstrip(b"[,\r\n ")

    def _closing(self) -> bytes:
        self._count()
        return b"]" if self._array else b""

    def _says_nothing(self, data: bytes) -> bool:
        try:
            self._format.read_answer(data)
        except BadAnswer:
            return True
        return False

    def _count(self) -> None:
        try:
            usage = self._format.read_answer(self._last).usage
            if usage is not None:
                usage.service_tier = usage.service_tier or self.tier
                self.usage = usage
        except BadAnswer:
            return


def _finishes(data: bytes) -> bool:
    """Whether a chunk has a reason of the end; the arguments of a call may have a field of that name, too."""
    told = decoded(_chunk, data)
    return told is not None and any(candidate.finish_reason for candidate in told.candidates or ())
