"""Streamed answers beside chat: events of four kinds, and sound as plain bytes.

As with chats nothing is rebuilt, and a cut stream must never look like a whole one. Events tell their end themselves.
Sound does not: there the end of the HTTP answer is the only one, which the transport tells from a cut.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Outcome, Usage
from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.formats.openai_stream import checked_text
from segue.families.llm.other.answers import read_usage
from segue.families.llm.sse import EventSplitter, EventTooLong, read_event

MAX_WHOLE: Final = 16 * 1024 * 1024
"""Bytes of a whole answer where a stream was asked for."""
_NOTHING: Final = (b"null", b"")
_DONE: Final = b"data: [DONE]\n\n"


class _Choice(msgspec.Struct, gc=False):
    text: str | None = None
    finish_reason: str | None = None
    index: int | None = 0


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")
    error: msgspec.Raw = msgspec.Raw(b"null")


_event: Final = msgspec.json.Decoder(_Event)


class _Reader:
    """What all readers are; see `segue.core.ports.StreamReader`."""

    __slots__ = ("answered", "committed", "counting", "failure", "finished", "tokens", "usage")

    def __init__(self) -> None:
        self.answered = False
        self.committed = False
        self.counting = False
        self.failure: Failure | None = None
        self.finished = False
        self.tokens = 0
        self.usage: Usage | None = None

    def _settled(self) -> bool:
        return self.finished or self.failure is not None

    def _content(self, size: int) -> None:
        self.committed = True
        if self.counting:
            self.tokens += max(1, size // BYTES_PER_TOKEN)


class EventsReader(_Reader):
    """Events that pass through.

    Args:
        expected: how many answers must have ended before the stream has: choices, or pictures.
        secret: cut out of messages.
        shows_usage: whether the caller wants an event that holds nothing but the usage.
    """

    __slots__ = ("_ended", "_expected", "_secret", "_shows_usage", "_splitter")

    def __init__(self, expected: int, secret: str, *, shows_usage: bool = True) -> None:
        super().__init__()
        self._expected = expected
        self._secret = secret
        self._shows_usage = shows_usage
        self._splitter = EventSplitter()
        self._ended: set[object] = set()

    def feed(self, chunk: bytes) -> bytes:
        """The whole events of these bytes that the caller may see."""
        if self._settled():
            return b""
        try:
            events = self._splitter.feed(chunk)
        except EventTooLong as error:
            self.failure = _cut(str(error))
            return b""
        passed: list[bytes] = []
        for event in events:
            name, data = read_event(event)
            if not data:
                continue  # comments keep a connection awake, and some clients' parsers trip over them
            if data.strip() == b"[DONE]":
                self._done()
                if self.finished:
                    passed.append(_DONE)
                break
            if self._look(name, data):
                passed.append(event)
            if self.failure is not None:
                break
        return b"".join(passed)

    def end(self) -> bytes:
        """The bytes have ended: that is a whole answer only where every part of it has."""
        if self._settled():
            return b""
        out = self.feed(b"\n\n") if self._splitter.tail.strip() else b""
        if not self._settled():
            if self.answered:
                self.finished = True
            else:
                self.failure = _cut("the connection was closed before the answer had ended")
        return out

    def _done(self) -> None:
        # The vendor's own word that this is all: a choice of which nothing came is an empty one.
        if self.committed:
            self.finished = True
        else:
            self.failure = _cut("the stream ended without any content")

    def _look(self, name: bytes, data: bytes) -> bool:
        """Learn from one event; whether the caller is to see it."""
        try:
            told = _event.decode(checked_text(data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if name == b"error":
                self._fail(data)
            elif not self.answered:
                self.failure = _cut("an event in the middle of the stream is not valid")
            return False
        if name == b"error" or told.type == "error" or bytes(told.error) not in _NOTHING:
            self._fail(data)
            return False
        usage = read_usage(told.usage)
        if usage is not None:
            self.usage = usage
        if told.choices is not None:
            self._choices(told.choices)
            return bool(told.choices) or self._shows_usage or usage is None
        if told.type.endswith((".delta", ".partial_image", ".segment")):
            self._content(len(data))
        elif told.type.endswith((".done", ".completed")):
            self._end(len(self._ended))
        return True

    def _choices(self, choices: list[_Choice]) -> None:
        for choice in choices:
            if choice.text:
                self._content(len(choice.text))
            if choice.finish_reason is not None:
                self._end(choice.index)

    def _end(self, which: object) -> None:
        self.committed = True
        self._ended.add(which)
        self.answered = len(self._ended) >= self._expected

    def _fail(self, data: bytes) -> None:
        self.failure = classify(200, error_object(data), self._secret)
        if self.failure.kind is Kind.BAD_RESPONSE:
            self.failure = _cut("the provider reported an error in the middle of the stream")


class BytesReader(_Reader):
    """Sound, as it comes: whole when the HTTP answer has ended properly."""

    __slots__ = ()

    def feed(self, chunk: bytes) -> bytes:
        """All of it."""
        if chunk:
            self._content(len(chunk))
        return chunk

    def end(self) -> bytes:
        """The bytes have ended as HTTP has it; a cut is raised by the transport."""
        if not self._settled():
            if self.committed:
                self.finished = True
            else:
                self.failure = _cut("the answer is empty")
        return b""


class WholeReader(_Reader):
    """A whole answer where a stream was asked for: some models do not stream, and say so in this way alone.

    Args:
        decode: reads it when it is there.
    """

    __slots__ = ("_body", "_decode")

    def __init__(self, decode: Callable[[bytes], Outcome]) -> None:
        super().__init__()
        self._decode = decode
        self._body = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Keep it: nothing is shown before it is known to be an answer."""
        self._body += chunk
        if len(self._body) > MAX_WHOLE:
            self.failure = _cut(f"an answer of more than {MAX_WHOLE} bytes")
        return b""

    def end(self) -> bytes:
        """The answer, if it is one."""
        if self._settled():
            return b""
        outcome = self._decode(bytes(self._body))
        self.failure = outcome.failure
        if outcome.failure is not None:
            return b""
        self.usage = outcome.usage
        self.answered = self.committed = self.finished = True
        whole: bytes = outcome.answer
        return whole


def _cut(message: str) -> Failure:
    return Failure(Kind.STREAM_CUT, message, Executed.UNKNOWN, Scope.PROVIDER)
