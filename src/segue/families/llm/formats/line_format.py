"""Formats whose streams are JSON objects in lines: what Ollama and Yandex have in common.

Both are spoken by providers only, tell nothing of their errors in headers, and report a failure in the middle of a
stream as a line of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.families.llm.formats.lines import LineSplitter, LineTooLong
from segue.families.llm.ir.answer import Answer, ArgumentsMore, BlockBegan, BlockEnded, Broke, Ended, Event
from segue.families.llm.ir.blocks import ToolUse
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import BadAnswer, Target, Written
from segue.families.llm.ir.losses import Losses


class LineReader:
    """Reads one stream; what a line means is the matter of who inherits from it.

    Attributes:
        whose: stream it is, for people.
        lacks: what a stream that broke off has not told.
    """

    __slots__ = ("_began", "_closed", "_lines", "_stopped")

    whose: ClassVar[str]
    lacks: ClassVar[str]

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._began = False
        self._stopped = False  # the answer is whole, its formal end has not come
        self._closed = False

    def feed(self, chunk: bytes) -> Sequence[Event]:
        """The events that these bytes complete."""
        events: list[Event] = []
        if self._closed:
            return events
        try:
            for line in self._lines.feed(chunk):
                self._take(line, events)
        except LineTooLong as error:
            self._break(str(error), events)
        return events

    def end(self) -> Sequence[Event]:
        """What is left when the bytes have ended."""
        events: list[Event] = []
        rest = self._lines.rest()
        if rest:
            self._take(rest, events)  # the last line may lack its ending
        if self._stopped and not self._closed:
            self._closed = True
            events.append(Ended())
        elif not self._closed:
            self._break(f"it ended before {self.lacks}", events)
        return events

    def _take(self, line: bytes, events: list[Event]) -> None:
        if self._closed or self._stopped:
            return
        try:
            failure = self._read(line, events)
        except BadAnswer as error:
            self._break(str(error), events)
            return
        if failure is not None:
            self._closed = True
            events.append(Broke(failure))

    def _read(self, line: bytes, events: list[Event]) -> Failure | None:
        """Add the events of a line; back comes the failure that it reports instead.

        Raises:
            BadAnswer: it cannot be read.
        """
        raise NotImplementedError

    def _break(self, how: str, events: list[Event]) -> None:
        self._closed = True
        kind = Kind.STREAM_CUT if self._began else Kind.BAD_RESPONSE
        message = f"{self.whose}'s stream is broken: {how}"
        events.append(Broke(Failure(kind, message, Executed.UNKNOWN, Scope.PROVIDER)))


def whole_call(index: int, call: ToolUse) -> list[Event]:
    """The events of a call that came in one piece."""
    more: list[Event] = [ArgumentsMore(index, call.arguments)] if call.arguments else []
    return [BlockBegan(index, ToolUse(call.id, call.name)), *more, BlockEnded(index)]


@dataclass(frozen=True, slots=True)
class LineFormat:
    """A `ProviderFormat` out of its four translations.

    Attributes:
        id: its name, and that of its vendor.
        losses: what becomes of fields that it cannot express.
        writes, reads: requests and whole answers.
        reader: makes a reader for one stream.
        error: what an answer that is none tells: from its status, its body and the key that was sent.
    """

    id: str
    losses: Losses
    writes: Callable[[Conversation, Target], Written]
    reads: Callable[[bytes], Answer]
    reader: Callable[[], LineReader]
    error: Callable[[int, bytes, str], Failure]

    @property
    def vendor(self) -> str:
        """Whose signatures, files and server tools it understands."""
        return self.id

    def write_request(self, conversation: Conversation, target: Target) -> Written:
        """See `ProviderFormat`."""
        return self.writes(conversation, target)

    def read_answer(self, body: bytes) -> Answer:
        """See `ProviderFormat`."""
        return self.reads(body)

    def event_reader(self) -> LineReader:
        """See `ProviderFormat`."""
        return self.reader()

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, secret: str) -> Failure:  # noqa: ARG002 - they tell nothing
        """See `ProviderFormat`."""
        return self.error(status, body, secret)
