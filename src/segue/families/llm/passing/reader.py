"""What all streams that pass through have in common.

Nothing is rebuilt: whole events are passed on, and only those that matter to us (an error, an end, usage) are decoded;
of a piece of content its name alone is looked at, and that it is whole. What differs between the formats is how an
event tells what it is: that is `_look`, one small class for each.
"""

from typing import Final, TypeVar

import msgspec

from segue.core.failure import Failure
from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.ir.format import EventWriter, ProviderFormat
from segue.families.llm.sse import read_event
from segue.families.llm.stream_reader import EventPasser, broken_event, reported

_T = TypeVar("_T")
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OVERHEAD: Final = 120
"""Bytes of an event around its content: only for estimating how many tokens have passed."""


class PassingReader(EventPasser):
    """Passes whole events on and watches for content, errors, ends and usage; see `segue.core.ports.StreamReader`."""

    __slots__ = ("_format", "_secret", "_writer")

    def __init__(self, format_: ProviderFormat, writer: EventWriter, secret: str) -> None:
        super().__init__()
        self._format = format_
        self._writer = writer
        self._secret = secret

    def broken(self, failure: Failure) -> bytes:
        """What ends the caller's stream after a failure, so that its SDK raises."""
        return self._writer.broken(failure)

    def _pass(self, events: list[bytes]) -> list[bytes]:
        passed: list[bytes] = []
        for event in events:
            name, data = read_event(event)
            if not data:
                continue
            if _whole(data):
                shown = self._look(name, data, event)
                if self.failure is not None:
                    break
                if shown:
                    passed.append(shown)
            elif not self.answered:
                self.failure = broken_event()
                break
            if self.finished:
                break
        return passed

    def _look(self, name: bytes, data: bytes, event: bytes) -> bytes:
        """Learn from one event; give back what the caller is to see of it."""
        raise NotImplementedError

    def _content(self, data: bytes) -> None:
        self.committed = True
        self.tokens += max(1, (len(data) - _OVERHEAD) // BYTES_PER_TOKEN)

    def _fail(self, data: bytes) -> None:
        self.failure = reported(self._format.read_error(200, {}, data, self._secret))


def _whole(data: bytes) -> bool:
    """Whether the data is an object in JSON; its inside is not built."""
    try:
        if not data.isascii():
            data.decode()
        _object.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def decoded(decoder: "msgspec.json.Decoder[_T]", data: bytes) -> "_T | None":
    """What an event says, where it can be read."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
