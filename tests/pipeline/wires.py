"""A format small enough to read at a glance, for tests of what runs every format."""

from segue.core.call import Call
from segue.core.failure import Executed, Failure, Kind, Scope
from segue.core.outcome import Outcome, Usage
from segue.core.ports import CannotServe, WireRequest
from segue.core.provider import Candidate, Provider
from segue.pipeline.wire import WireExecutor
from segue.testing import ScriptedTransport, VirtualClock


class LinesReader:
    """Content is `+`, a token each; an error `!`, usage `$`, the answer's end `/`, the stream's `.`; ends are strict.

    Whatever else comes is passed over.
    """

    def __init__(self, lazy: bool = False) -> None:
        self.committed = False
        self.finished = False
        self.counting = False
        self.tokens = 0
        self.failure: Failure | None = None
        self.usage: Usage | None = None
        self.answered = False
        self._lazy = lazy

    def feed(self, chunk: bytes) -> bytes:
        for sign in chunk.decode():
            if sign == "+":
                self.committed = True
                if self.counting:
                    self.tokens += 1
            elif sign == "$":
                self.usage = Usage(5, 6)
            elif sign == "/":
                self.answered = True
            elif sign == "!":
                self.failure = Failure(Kind.OVERLOADED, "told in the stream", Executed.NO)
            elif sign == ".":
                self.finished = self.answered = True
                self.usage = self.usage or Usage(1, 2)
            elif sign == "?":
                raise ZeroDivisionError
        return chunk

    def end(self) -> bytes:
        if self.answered:
            self.finished = True
            return b"."
        if not self._lazy:
            self.failure = Failure(Kind.STREAM_CUT, "no terminator")
        return b""


class Lines:
    """`200` is an answer, `400` the caller's mistake, everything else the provider's fault."""

    def __init__(
        self, stream: bool = False, cannot: bool = False, unreadable: bool = False, lazy: bool = False
    ) -> None:
        self.stream = stream
        self.cannot = cannot
        self.unreadable = unreadable
        self.lazy = lazy

    def encode(self, call: Call, candidate: Candidate) -> WireRequest:
        if self.cannot:
            raise CannotServe(Failure(Kind.UNSUPPORTED, "no such field here", Executed.UNKNOWN, Scope.MODEL))
        return WireRequest("POST", f"http://{candidate.provider.id}/", {}, b"?")

    def decode(self, call, candidate, status, headers, body) -> Outcome:
        if status == 200 and not self.unreadable:
            return Outcome(answer=body, usage=Usage(3, 4))
        kind = Kind.INVALID_REQUEST if status == 400 else Kind.RATE_LIMITED if status == 429 else Kind.SERVER_ERROR
        hint = float(body.removeprefix(b"hint ")) if body.startswith(b"hint ") else None
        return Outcome(failure=Failure(kind, f"HTTP {status}", retry_after=hint, status=status))

    def reader(self, call, candidate, headers) -> LinesReader | Failure:
        if "html" in headers.get("content-type", ""):
            return Failure(Kind.BAD_RESPONSE, "HTML")
        return LinesReader(self.lazy)

    def wants_stream(self, call: Call) -> bool:
        return self.stream


class LinesAdapter:
    allow_private = True

    def __init__(self, codec: Lines) -> None:
        self.codecs = {"ask": codec}


def wired(name: str, transport: ScriptedTransport, **codec: bool) -> Provider:
    executor = WireExecutor(LinesAdapter(Lines(**codec)), transport, VirtualClock())
    return Provider(name, "lines", frozenset({"ask"}), executor)


async def read_all(stream) -> bytes:
    pieces = b""
    while piece := await stream.read():
        pieces += piece
    return pieces
