"""One streamed answer, out of a provider's format into the client's."""

from collections.abc import Sequence

import msgspec

from segue.core.failure import Executed, Failure, Kind
from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.formats.openai_errors import without_secret
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    Broke,
    Counted,
    Ended,
    Event,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.format import EventReader, EventWriter
from segue.families.llm.stream_reader import StateOfStream


class TranslatingReader(StateOfStream):
    """Reads events of the provider and writes them for the client; see `segue.core.ports.StreamReader`."""

    __slots__ = ("_early", "_reader", "_secret", "_writer", "patient")

    def __init__(self, reader: EventReader, writer: EventWriter, secret: str = "") -> None:
        super().__init__()
        self._reader = reader
        self._secret = secret
        self._writer = writer
        self._early = False  # the client's answer has ended before the vendor's
        self.patient = False

    def feed(self, chunk: bytes) -> bytes:
        """See `StreamReader.feed`."""
        return b"" if self._settled() else self._write(self._reader.feed(chunk))

    def end(self) -> bytes:
        """See `StreamReader.end`."""
        if self._settled():
            return b""
        out = self._write(self._reader.end())
        if not self._settled():
            self.failure = Failure(Kind.STREAM_CUT, "the stream ended before the answer had", Executed.UNKNOWN)
        return out

    def broken(self, failure: Failure) -> bytes:
        """What ends the caller's stream after a failure, so that its SDK raises; it does not where it has all."""
        if self._early:
            return b"" if self.finished else self.give_up()
        return self._writer.broken(failure)

    def end_early(self) -> None:
        """See `segue.families.llm.stopping.Listener`: whatever becomes of the rest, the answer is whole."""
        self._early = self.answered = self.committed = self.patient = True

    def give_up(self) -> bytes:
        """See `segue.families.llm.stopping.Listener`: what was taken is not told any more, so it is estimated."""
        self.finished = True
        told = b""
        if self.usage is not None:
            outputs = max(self.usage.output_tokens or 0, self.tokens)
            self.usage = msgspec.structs.replace(self.usage, output_tokens=outputs, estimated=True)
            told = self._writer.write(Counted(self.usage))
        return told + self._writer.write(Ended())

    def _write(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, (TextMore, ArgumentsMore, ThinkingMore)):
                self.committed = True
                self.tokens += max(1, len(event.text) // BYTES_PER_TOKEN)
            elif isinstance(event, (Counted, Began)):
                if event.usage is not None:  # some tell the input's size at once
                    self.usage = event.usage
                    self.usage.service_tier = event.usage.service_tier or self.tier
            elif isinstance(event, Stopped):
                self.answered = self.committed = True
                self.patient = False
            elif isinstance(event, Broke):
                if self._early:
                    out.append(self.give_up())
                    break
                self.failure = without_secret(event.failure, self._secret)
                break
            elif isinstance(event, Ended):
                self.finished = True
            out.append(self._writer.write(event))
        return b"".join(out)
