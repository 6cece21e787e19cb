"""One stream of OpenAI's Chat Completions: events go through byte by byte, and what they mean is noticed on the way.

Content moves the commit point; errors, ends and usage matter to us. An event that cannot be read is never passed on:
the caller's SDK would stumble over it, and an answer with a hole in it must not pass for a whole one.
"""

from typing import Final

import msgspec

from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.formats.chat.usage import read_groq, read_usage, tier_of
from segue.families.llm.formats.familiar import Familiar, pattern_of
from segue.families.llm.formats.openai_errors import classify, error_object, gave_up
from segue.families.llm.request import ChatRequest
from segue.families.llm.sse import is_plain, read_event
from segue.families.llm.stream_reader import EventPasser, broken_event, cut, reported

DONE: Final = b"data: [DONE]\n\n"


class _Choice(msgspec.Struct):
    delta: dict[str, msgspec.Raw] | None = None
    finish_reason: str | None = None
    index: int | None = 0


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")
    service_tier: object = None
    error: msgspec.Raw = msgspec.Raw(b"null")
    x_groq: msgspec.Raw = msgspec.Raw(b"null")


_chunk: Final = msgspec.json.Decoder(_Chunk)

# A broken event that holds one of these was a chunk of the answer.
_MARKS_OF_CHUNKS: Final = (b'"choices"', b'"delta"', b'"content"', b"chat.completion", b'"finish_reason"')
_EMPTY: Final = frozenset({b"null", b'""', b"[]", b"{}"})


class ChatStreamReader(EventPasser):
    """Passes whole events on and watches for content, errors, ends and usage."""

    __slots__ = (
        "_choices",
        "_familiar",
        "_finished_choices",
        "_ordinary",
        "_secret",
        "_wants_usage",
    )

    def __init__(self, request: ChatRequest, secret: str) -> None:
        super().__init__()
        self._wants_usage = request.wants_usage
        self._choices = request.choices
        self._finished_choices: set[int | None] = set()
        self._secret = secret
        self._ordinary = False
        self._familiar: Familiar | None = None

    def feed(self, chunk: bytes) -> bytes:
        """The whole events of these bytes that the caller may see."""
        familiar = self._familiar
        if familiar is not None and not self._splitter.tail and (count := familiar.count(chunk)):
            self.tokens += count
            return chunk
        out = EventPasser.feed(self, chunk)  # on the way of every stream: `super()` is slower
        if self._settled():
            self._familiar = None
        return out

    def _closing(self) -> bytes:
        return DONE

    def _pass(self, events: list[bytes]) -> list[bytes]:
        passed = []
        for event in events:
            if self._familiar is not None and self._familiar.count(event):
                self.tokens += 1
                passed.append(event)
                continue
            if is_plain(event):
                name, data = b"", event[6:-2]
            else:
                name, data = read_event(event)
                # What else is in it (comments, names) is kept from callers whose parsers trip over it. A line feed
                # can only stand between two tokens of JSON, where a space means the same.
                event = b"data: " + data.replace(b"\n", b" ") + b"\n\n"  # noqa: PLW2901 - the same one, made plain
            if not data:
                continue
            if data.strip() == b"[DONE]":
                self._done()
                if self.finished:
                    passed.append(DONE)
                break
            if name == b"error":
                self._fail(data)
            elif self._look(data):
                passed.append(event)
                if self._ordinary:
                    self._familiar = pattern_of(event)
            if self.failure is not None:
                break
        return passed

    def _done(self) -> None:
        if self.committed:
            self.finished = True
        else:
            self.failure = cut("the stream ended without any content")

    def _look(self, data: bytes) -> bool:
        """Learn from one event; whether the caller is to see it."""
        self._ordinary = False
        try:
            chunk = _chunk.decode(checked_text(data))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # What cannot be read and was a part of the answer leaves a hole in it; noise does not, and neither does
            # what comes after the whole of it.
            if not self.answered and _was_a_chunk(data):
                self.failure = broken_event()
            return False
        if bytes(chunk.error) != b"null":
            self._fail(data)
            return False
        usage = read_usage(chunk.usage)
        if usage is not None:
            usage.service_tier = tier_of(chunk.service_tier)
            self.usage = usage
            if not chunk.choices and not self._wants_usage:
                return False
        elif chunk.choices is None:
            return False  # no chunk at all: an SDK would stumble over it
        elif bytes(chunk.x_groq) != b"null":
            self.usage = read_groq(chunk.x_groq) or self.usage
        ordinary = usage is None
        for choice in chunk.choices or ():
            if choice.finish_reason:  # some servers send "" until the end
                ordinary = False
                broken = gave_up(choice.finish_reason)
                if broken is not None:
                    self.failure = reported(broken)
                    return False
                self._finished_choices.add(choice.index)
                self.committed = True
                self.answered = len(self._finished_choices) >= self._choices
            elif (self.counting or not self.committed) and choice.delta and _has_content(choice.delta):
                self.committed = True
                if self.counting:
                    self.tokens += max(1, sum(map(len, choice.delta.values())) // BYTES_PER_TOKEN)
        self._ordinary = ordinary and self.committed and not self.counting
        return True

    def _fail(self, data: bytes) -> None:
        """The provider says by an event that it has failed."""
        self.failure = reported(classify(200, error_object(data), self._secret))


def _was_a_chunk(data: bytes) -> bool:
    """Whether an event that cannot be read was a part of the answer: an object that is cut short, or holds a mark."""
    return data.translate(None, b" \t\n")[:2] in {b"{", b'{"'} or any(mark in data for mark in _MARKS_OF_CHUNKS)


def checked_text(document: bytes) -> bytes:
    """The document itself, seen to be UTF-8: msgspec does not look into the values that it passes over.

    Raises:
        UnicodeDecodeError: it is not.
    """
    if not document.isascii():
        document.decode()
    return document


def _has_content(delta: dict[str, msgspec.Raw]) -> bool:
    return any(name != "role" and bytes(value) not in _EMPTY for name, value in delta.items())
