"""What all readers of streams share: the state that the pipeline looks at, and how a stream of events is read.

A cut stream must never look like a whole one, whatever the format: so the bytes' end is a success only where the
answer's own end was seen before, and every reader says so in the same words.
"""

from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Usage
from segue.families.llm.sse import EventSplitter, EventTooLong


class StateOfStream:
    """The state of one stream; see `segue.core.ports.StreamReader`, whose attributes these are.

    Attributes:
        tier: the service tier that the headers told, for a usage that does not tell it itself.
    """

    __slots__ = ("answered", "committed", "counting", "failure", "finished", "tier", "tokens", "usage")

    def __init__(self) -> None:
        self.answered = False
        self.committed = False
        self.counting = False
        self.failure: Failure | None = None
        self.finished = False
        self.tier = ""
        self.tokens = 0
        self.usage: Usage | None = None

    def _settled(self) -> bool:
        return self.finished or self.failure is not None


class EventPasser(StateOfStream):
    """Server-sent events that pass through: whole ones only. A format says what they mean, in `_pass`."""

    __slots__ = ("_splitter",)

    def __init__(self) -> None:
        super().__init__()
        self._splitter = EventSplitter()

    def feed(self, chunk: bytes) -> bytes:
        """The whole events of these bytes that the caller may see."""
        if self._settled():
            return b""
        try:
            events = self._splitter.feed(chunk)
        except EventTooLong as error:
            self.failure = cut(str(error))
            return b""
        return b"".join(self._pass(events))

    def end(self) -> bytes:
        """The bytes have ended: that is a whole answer only after its own end was told."""
        if self._settled():
            return b""
        # Some servers leave the last empty line out.
        out = self.feed(b"\n\n") if self._splitter.tail.strip() else b""
        if self._settled():
            return out
        if self.answered:
            self.finished = True
            return out + self._closing()
        self.failure = cut("the connection was closed before the answer had ended")
        return out

    def _pass(self, events: list[bytes]) -> list[bytes]:
        """Learn from whole events; give back what the caller is to see of them."""
        raise NotImplementedError

    def _closing(self) -> bytes:
        """What the format's end is, where the provider left it out."""
        return b""


def cut(message: str) -> Failure:
    """The failure of a stream that broke off."""
    return Failure(Kind.STREAM_CUT, message, Executed.UNKNOWN, Scope.PROVIDER)


def reported(failure: Failure) -> Failure:
    """The failure that a provider tells of by an event; one whose words nobody knows is a cut like any other."""
    if failure.kind is Kind.BAD_RESPONSE:
        return cut("the provider reported an error in the middle of the stream")
    return failure


def broken_event() -> Failure:
    """The failure of a stream with a hole in it."""
    return cut("an event in the middle of the stream is not valid")
