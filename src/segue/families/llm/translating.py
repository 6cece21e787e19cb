"""One streamed answer, out of a provider's format into the client's."""

from collections.abc import Sequence

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

    __slots__ = ("_reader", "_secret", "_writer")

    def __init__(self, reader: EventReader, writer: EventWriter, secret: str = "") -> None:
        super().__init__()
        self._reader = reader
        self._secret = secret
        self._writer = writer

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
        """What ends the caller's stream after a failure, so that its SDK raises."""
        return self._writer.broken(failure)

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
            elif isinstance(event, Broke):
                self.failure = without_secret(event.failure, self._secret)
                break
            elif isinstance(event, Ended):
                self.finished = True
            out.append(self._writer.write(event))
        return b"".join(out)
