"""Converse's streams, passed through."""

from typing import Any, Final

import msgspec

from segue.core.failure import Failure
from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.formats.converse.errors import read_exception
from segue.families.llm.formats.converse.usage import usage_of
from segue.families.llm.formats.converse.wire import Metadata, tier_of
from segue.families.llm.formats.eventstream import BadFrame, Frame, FrameSplitter, write_frame
from segue.families.llm.formats.openai_errors import without_secret
from segue.families.llm.ir.format import EventWriter
from segue.families.llm.passing.reader import decoded
from segue.families.llm.stream_reader import StateOfStream, cut, reported

_metadata: Final = msgspec.json.Decoder(Metadata)
_object: Final = msgspec.json.Decoder(dict[str, Any])
_OVERHEAD: Final = 60
"""Bytes of an event around its content: only for estimating how many tokens have passed."""


class ConversePassing(StateOfStream):
    """Whole frames go on, with checksums of our own; the reason of the end is the answer's, the usage comes last.

    Args:
        writer: ends a stream that breaks.
        secret: the key that was sent; it is cut out of messages.
    """

    __slots__ = ("_frames", "_secret", "_writer")

    def __init__(self, writer: EventWriter, secret: str) -> None:
        super().__init__()
        self._frames = FrameSplitter()
        self._writer = writer
        self._secret = secret

    def feed(self, chunk: bytes) -> bytes:
        """The whole frames of these bytes that the caller may see; see `StreamReader.feed`."""
        if self._settled():
            return b""
        broken: BadFrame | None = None
        try:
            frames = self._frames.feed(chunk)
        except BadFrame as error:
            broken, frames = error, list(error.before)
        out: list[bytes] = []
        for frame in frames:
            out.append(self._look(frame))
            if self._settled():
                return b"".join(out)
        if broken is not None:
            self._break(str(broken))
        return b"".join(out)

    def end(self) -> bytes:
        """See `StreamReader.end`."""
        if not self._settled():
            self._break("the connection was closed before the answer had ended")
        return b""

    def broken(self, failure: Failure) -> bytes:
        """What ends the caller's stream after a failure, so that its SDK raises."""
        return self._writer.broken(failure)

    def _break(self, how: str) -> None:
        if self.answered:
            self.finished = True  # only its usage is missing
        else:
            self.failure = cut(how)

    def _look(self, frame: Frame) -> bytes:
        """Learn from one frame; give back what the caller is to see of it."""
        headers = frame.headers
        if headers.get(":message-type") != "event":
            if self.answered:
                self.finished = True
            else:
                self.failure = without_secret(reported(read_exception(headers, frame.payload)), self._secret)
            return b""
        if decoded(_object, frame.payload) is None:
            self._break("an event in the middle of the stream is not valid")
            return b""
        name = headers.get(":event-type")
        if name == "contentBlockDelta":
            self.committed = True
            self.tokens += max(1, (len(frame.payload) - _OVERHEAD) // BYTES_PER_TOKEN)
        elif name == "messageStop":
            self.answered = self.committed = True
        elif name == "metadata":
            self._count(frame.payload)
            self.finished = self.answered
        return write_frame(tuple(headers.items()), frame.payload)

    def _count(self, payload: bytes) -> None:
        told = decoded(_metadata, payload)
        if told is not None:
            usage = usage_of(told.usage, tier_of(told.service_tier, told.performance_config))
            if usage is not None:
                usage.service_tier = usage.service_tier or self.tier
                self.usage = usage
