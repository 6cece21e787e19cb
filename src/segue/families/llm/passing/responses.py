"""Streams of OpenAI's Responses, passed through."""

from collections.abc import Callable
from typing import Final

import msgspec

from segue.families.llm.formats.responses.answer_in import usage_of
from segue.families.llm.ir.format import EventWriter, ProviderFormat
from segue.families.llm.passing.reader import PassingReader, decoded


class _Response(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw(b"null")
    service_tier: object = None
    output: list[msgspec.Raw] | None = None


class _Event(msgspec.Struct):
    type: str = ""
    response: _Response | None = None


_event: Final = msgspec.json.Decoder(_Event)
_LAST: Final = frozenset({"response.completed", "response.incomplete"})


class ResponsesPassing(PassingReader):
    """OpenAI's Responses: the last event holds the whole response.

    Args:
        format_, writer, secret: see `PassingReader`.
        whole: hears of the data of that last event, for whoever keeps responses.
    """

    __slots__ = ("_tell_whole",)

    def __init__(
        self, format_: ProviderFormat, writer: EventWriter, secret: str, whole: Callable[[bytes], None] | None = None
    ) -> None:
        super().__init__(format_, writer, secret)
        self._tell_whole = whole

    def _look(self, name: bytes, data: bytes, event: bytes) -> bytes:
        if name.endswith(b".delta"):
            self._content(data)
            return event
        told = decoded(_event, data)
        kind = name.decode("latin-1") or (told.type if told else "")
        if kind in {"error", "response.failed"}:
            self._fail(data)
            return b""
        if kind.endswith(".delta"):
            self._content(data)
        elif kind in _LAST:
            if told is not None and told.response is not None:
                response = told.response
                self.usage = usage_of(response.usage, response.service_tier, response.output or ())
            if self._tell_whole is not None:
                self._tell_whole(data)
            self.answered = self.finished = self.committed = True
        return event
