"""Streams that go through as bytes, because the client speaks the provider's format.

Nothing is rebuilt: whole events are passed on, and only those that matter to us (an error, an end, usage) are decoded;
of a piece of content its name alone is looked at, and that it is whole. What differs between the formats is how an
event tells what it is: that is `_look`, one small class for each.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Usage
from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.ir.format import BadAnswer, EventWriter, ProviderFormat
from segue.families.llm.sse import EventSplitter, EventTooLong, read_event

_T = TypeVar("_T")
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OVERHEAD: Final = 120
"""Bytes of an event around its content: only for estimating how many tokens have passed."""


class PassingReader:
    """Passes whole events on and watches for content, errors, ends and usage; see `segue.core.ports.StreamReader`."""

    __slots__ = (
        "_format",
        "_secret",
        "_splitter",
        "_writer",
        "answered",
        "committed",
        "counting",
        "failure",
        "finished",
        "tokens",
        "usage",
    )

    def __init__(self, format_: ProviderFormat, writer: EventWriter, secret: str) -> None:
        self._format = format_
        self._writer = writer
        self._secret = secret
        self._splitter = EventSplitter()
        self.answered = False
        self.committed = False
        self.counting = False
        self.failure: Failure | None = None
        self.finished = False
        self.tokens = 0
        self.usage: Usage | None = None

    def feed(self, chunk: bytes) -> bytes:
        """The whole events of these bytes that the caller may see."""
        if self._settled():
            return b""
        try:
            events = self._splitter.feed(chunk)
        except EventTooLong as error:
            self.failure = cut(str(error))
            return b""
        passed: list[bytes] = []
        for event in events:
            name, data = read_event(event)
            if not data:
                continue
            if self._whole(data):
                shown = self._look(name, data, event)
                if self.failure is not None:
                    break
                if shown:
                    passed.append(shown)
            elif not self.answered:
                self.failure = cut("an event in the middle of the stream is not valid")
                break
            if self.finished:
                break
        return b"".join(passed)

    def end(self) -> bytes:
        """The bytes have ended: that is a whole answer only after its end was told."""
        if self._settled():
            return b""
        out = self.feed(b"\n\n") if self._splitter.tail.strip() else b""
        if self._settled():
            return out
        if self.answered:
            self.finished = True
            return out + self._closing()
        self.failure = cut("the connection was closed before the answer had ended")
        return out

    def broken(self, failure: Failure) -> bytes:
        """What ends the caller's stream after a failure, so that its SDK raises."""
        return self._writer.broken(failure)

    def _settled(self) -> bool:
        return self.finished or self.failure is not None

    def _look(self, name: bytes, data: bytes, event: bytes) -> bytes:
        """Learn from one event; give back what the caller is to see of it."""
        raise NotImplementedError

    def _closing(self) -> bytes:
        """What the format's end is, where the provider left it out."""
        return b""

    def _whole(self, data: bytes) -> bool:
        """Whether the data is an object in JSON; its inside is not built."""
        try:
            if not data.isascii():
                data.decode()
            _object.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        return True

    def _content(self, data: bytes) -> None:
        self.committed = True
        self.tokens += max(1, (len(data) - _OVERHEAD) // BYTES_PER_TOKEN)

    def _fail(self, data: bytes) -> None:
        failure = self._format.read_error(200, {}, data, self._secret)
        if failure.kind is Kind.BAD_RESPONSE:
            failure = cut("the provider reported an error in the middle of the stream")
        self.failure = failure


class _AnthropicUsage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: dict[str, msgspec.Raw] | None = None


class _AnthropicMessage(msgspec.Struct):
    usage: _AnthropicUsage | None = None


class _AnthropicDelta(msgspec.Struct):
    stop_reason: str | None = None


class _AnthropicEvent(msgspec.Struct):
    type: str = ""
    message: _AnthropicMessage | None = None
    delta: _AnthropicDelta | None = None
    usage: _AnthropicUsage | None = None


_anthropic: Final = msgspec.json.Decoder(_AnthropicEvent)


class MessagesPassing(PassingReader):
    """Anthropic's streams: every event has its name; the usage of the input comes first, that of the output last."""

    __slots__ = ("_told",)

    def __init__(self, format_: ProviderFormat, writer: EventWriter, secret: str) -> None:
        super().__init__(format_, writer, secret)
        self._told = _AnthropicUsage()

    def _look(self, name: bytes, data: bytes, event: bytes) -> bytes:
        if name == b"content_block_delta":
            self._content(data)
            return event
        if name in {b"ping", b"content_block_start", b"content_block_stop"}:
            return event
        told = _decoded(_anthropic, data)
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
            usage = told.usage or (told.message.usage if told.message else None)
            if usage is not None:
                self._count(usage)
            if told.delta is not None and told.delta.stop_reason:
                self.answered = self.committed = True
        return event

    def _closing(self) -> bytes:
        return b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    def _count(self, usage: _AnthropicUsage) -> None:
        """Numbers are cumulative, and the last word on each holds; cached input is told beside the rest."""
        told = self._told
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            if getattr(usage, name) is not None:
                setattr(told, name, getattr(usage, name))
        if usage.cache_creation is not None:
            told.cache_creation = usage.cache_creation
        read, written = told.cache_read_input_tokens or 0, told.cache_creation_input_tokens or 0
        hour = _number((told.cache_creation or {}).get("ephemeral_1h_input_tokens"))
        self.usage = Usage(
            None if told.input_tokens is None else told.input_tokens + read + written,
            told.output_tokens,
            cached_tokens=told.cache_read_input_tokens,
            cache_write_tokens=None if told.cache_creation_input_tokens is None else written - hour,
            cache_write_1h_tokens=hour or None,
        )


class _OpenAIDetails(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _OpenAIUsage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _OpenAIDetails | None = None
    output_tokens_details: _OpenAIDetails | None = None


class _OpenAIResponse(msgspec.Struct):
    usage: _OpenAIUsage | None = None


class _OpenAIEvent(msgspec.Struct):
    type: str = ""
    response: _OpenAIResponse | None = None
    sequence_number: int | None = None


_openai: Final = msgspec.json.Decoder(_OpenAIEvent)
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
        told = _decoded(_openai, data)
        kind = name.decode("latin-1") or (told.type if told else "")
        if kind in {"error", "response.failed"}:
            self._fail(data)
            return b""
        if kind.endswith(".delta"):
            self._content(data)
        elif kind in _LAST:
            if told is not None and told.response is not None and told.response.usage is not None:
                self.usage = _responses_usage(told.response.usage)
            if self._tell_whole is not None:
                self._tell_whole(data)
            self.answered = self.finished = self.committed = True
        return event


def _responses_usage(usage: _OpenAIUsage) -> Usage:
    cached, thought = usage.input_tokens_details, usage.output_tokens_details
    return Usage(
        usage.input_tokens,
        usage.output_tokens,
        cached_tokens=cached.cached_tokens if cached else None,
        reasoning_tokens=thought.reasoning_tokens if thought else None,
    )


class _GeminiCandidate(msgspec.Struct, rename="camel"):
    finish_reason: str | None = None


class _GeminiChunk(msgspec.Struct):
    candidates: list[_GeminiCandidate] | None = None


_gemini: Final = msgspec.json.Decoder(_GeminiChunk)
_FINISH: Final = b'"finishReason"'
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

    def _count(self) -> None:
        try:
            self.usage = self._format.read_answer(self._last).usage or self.usage
        except BadAnswer:
            return


def _finishes(data: bytes) -> bool:
    """Whether a chunk has a reason of the end; the arguments of a call may have a field of that name, too."""
    told = _decoded(_gemini, data)
    return told is not None and any(candidate.finish_reason for candidate in told.candidates or ())


def _decoded(decoder: "msgspec.json.Decoder[_T]", data: bytes) -> "_T | None":
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None


def _number(raw: msgspec.Raw | None) -> int:
    if raw is None or not bytes(raw).isdigit():
        return 0
    return int(bytes(raw))


def cut(message: str) -> Failure:
    """The failure of a stream that broke off."""
    return Failure(Kind.STREAM_CUT, message, Executed.UNKNOWN, Scope.PROVIDER)
