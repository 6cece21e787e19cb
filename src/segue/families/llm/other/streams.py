"""Streamed answers beside chat: events of four kinds, and sound as plain bytes.

As with chats nothing is rebuilt, and a cut stream must never look like a whole one. Events tell their end themselves.
Sound does not: there the end of the HTTP answer is the only one, which the transport tells from a cut.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from segue.core.outcome import Outcome, Usage
from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.formats.openai_errors import classify, error_object
from segue.families.llm.formats.openai_stream import checked_text
from segue.families.llm.other.answers import read_usage
from segue.families.llm.sse import read_event
from segue.families.llm.stream_reader import EventPasser, StateOfStream, broken_event, cut, reported

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


class EventsReader(EventPasser):
    """Events that pass through.

    Args:
        expected: how many answers must have ended before the stream has: choices, or pictures.
        secret: cut out of messages.
        shows_usage: whether the caller wants an event that holds nothing but the usage.
    """

    __slots__ = ("_ended", "_expected", "_secret", "_shows_usage")

    def __init__(self, expected: int, secret: str, *, shows_usage: bool = True) -> None:
        super().__init__()
        self._expected = expected
        self._secret = secret
        self._shows_usage = shows_usage
        self._ended: set[object] = set()

    def _pass(self, events: list[bytes]) -> list[bytes]:
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
        return passed

    def _done(self) -> None:
        # The vendor's own word that this is all: a choice of which nothing came is an empty one.
        if self.committed:
            self.finished = True
        else:
            self.failure = cut("the stream ended without any content")

    def _look(self, name: bytes, data: bytes) -> bool:
        """Learn from one event; whether the caller is to see it."""
        try:
            told = _event.decode(checked_text(data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if name == b"error":
                self._fail(data)
            elif not self.answered:
                self.failure = broken_event()
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
            _content(self, len(data))
        elif told.type.endswith((".done", ".completed")):
            self._end(len(self._ended))
        return True

    def _choices(self, choices: list[_Choice]) -> None:
        for choice in choices:
            if choice.text:
                _content(self, len(choice.text))
            if choice.finish_reason is not None:
                self._end(choice.index)

    def _end(self, which: object) -> None:
        self.committed = True
        self._ended.add(which)
        self.answered = len(self._ended) >= self._expected

    def _fail(self, data: bytes) -> None:
        self.failure = reported(classify(200, error_object(data), self._secret))


class BytesReader(StateOfStream):
    """Sound, as it comes: whole when the HTTP answer has ended properly.

    Args:
        usage: what it takes, which the request tells alone: the whole text is billed, however much of it is heard.
    """

    __slots__ = ()

    def __init__(self, usage: Usage | None = None) -> None:
        super().__init__()
        self.usage = usage

    def feed(self, chunk: bytes) -> bytes:
        """All of it."""
        if chunk:
            _content(self, len(chunk))
        return chunk

    def end(self) -> bytes:
        """The bytes have ended as HTTP has it; a cut is raised by the transport."""
        if not self._settled():
            if self.committed:
                self.finished = True
            else:
                self.failure = cut("the answer is empty")
        return b""


class WholeReader(StateOfStream):
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
            self.failure = cut(f"an answer of more than {MAX_WHOLE} bytes")
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


def _content(state: StateOfStream, size: int) -> None:
    state.committed = True
    if state.counting:
        state.tokens += max(1, size // BYTES_PER_TOKEN)
