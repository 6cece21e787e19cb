"""What the house needs from outside, as shapes: the network, adapters, the record of calls.

Two kinds of adapter exist. A *wire adapter* is sans-IO: it turns a request into bytes and bytes into an answer, and
classifies what failed; one executor of the pipeline runs all of them over a `Transport`. A *native adapter* is an
`Executor` itself (a database, a model in process).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from segue.core.errors import LONGEST_MESSAGE, shortened
from segue.core.failure import Failure
from segue.core.outcome import Outcome, Usage

if TYPE_CHECKING:
    from segue.core.call import Attempt, Call
    from segue.core.clock import Clock
    from segue.core.provider import Allowance, Candidate


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the phases of one attempt may take, in seconds.

    Attributes:
        connect: until a connection stands, TLS included.
        total: until an answer that is not streamed is whole.
        first_byte: until a stream's headers came.
        first_content: until a stream's first content came, from the start of the attempt.
        idle: between two chunks of a stream.
        stream: for a stream as a whole.
    """

    connect: float = 5.0
    total: float = 240.0
    first_byte: float = 30.0
    first_content: float = 60.0
    idle: float = 60.0
    stream: float = 3600.0


class Executor(Protocol):
    """Carries out one attempt. The innermost callable of the pipeline."""

    async def execute(self, call: "Call", attempt: "Attempt", limits: Limits) -> Outcome:
        """Ask the candidate once; raises only for cancellation, by the caller or by the attempt's timer.

        Args:
            call: what is asked.
            attempt: whom; the executor notes `first_byte` and moves `timer` from phase to phase.
            limits: how long each phase may take.
        """
        ...


class WireRequest(msgspec.Struct, frozen=True, gc=False):
    """An HTTP request, ready to be sent. `url` and `headers` may hold a secret, so nobody logs or shows them."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"WireRequest({self.method!r})"


class WireResponse(Protocol):
    """An HTTP answer whose headers have come."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case; of a repeated header the values joined with ", "."""
        ...

    async def read_whole(self, limit: int) -> bytes:
        """The whole body, decoded; raises `TransportError` beyond `limit` bytes or when it is cut."""
        ...

    async def read_chunk(self) -> bytes:
        """The next bytes of the body as they come, decoded; `b""` at its proper end."""
        ...

    def close(self) -> None:
        """Give the connection up unless the body was read to its end; safe to call twice, and never waits."""
        ...


class TransportError(Exception):
    """The network's own failure, already classified."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Transport(Protocol):
    """The way to the network."""

    async def send(self, request: WireRequest, *, connect: float, allow_private: bool) -> WireResponse:
        """Send, and come back when the headers of the answer have come.

        Raises:
            TransportError: no connection, a cut one, an answer that is no HTTP, or a private address.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class StreamReader(Protocol):
    """Sans-IO reader of one streamed answer: a provider's bytes in, bytes for the caller out.

    Attributes:
        committed: whether first content was seen. Until then nothing has been shown to the caller.
        finished: whether the answer is known to be whole, its formal terminator included.
        tokens: how much content has passed, in tokens (estimated); where no more is known, one for each event.
        counting: set by whoever wants to know `tokens` well while it reads; costs a little.
        failure: set once the stream is known to be broken; no more is fed.
        usage: what the provider reported so far.

    A reader that has ended an answer before its provider did has an attribute `patient` that is true from then on: the
    rest is waited for as long as any part of a stream, because the usage comes with it.
    """

    committed: bool
    finished: bool
    tokens: int
    counting: bool
    failure: Failure | None
    usage: Usage | None

    @property
    def answered(self) -> bool:
        """Whether all of the answer has come, though its terminator (and perhaps its usage) may not."""
        ...

    def feed(self, chunk: bytes) -> bytes:
        """Take bytes as they came; give back what may go to the caller."""
        ...

    def end(self) -> bytes:
        """The bytes have ended, or an answered stream is not waited for any more; give back what is left.

        Sets `finished` (always of an answered stream) or `failure`.
        """
        ...


class SoFar(Protocol):
    """What the caller has seen of a stream that broke, in a form with which another attempt can go on.

    A reader whose stream can be gone on with has a method `so_far`, which gives this, or `None` where it cannot be.
    Codecs find it in `Call.continuation`.
    """

    @property
    def characters(self) -> int:
        """How long the text is."""
        ...

    @property
    def tokens(self) -> int:
        """The same in tokens, estimated."""
        ...


class Codec(Protocol):
    """How one operation is spoken on one wire. Pure: no I/O, no clock, no state between calls."""

    def encode(self, call: "Call", candidate: "Candidate") -> WireRequest:
        """The request for this candidate.

        Raises:
            CannotServe: this provider cannot express it.
            MustFetch: something must be fetched first (`segue.core.fetching`); then it is asked for once more.
        """
        ...

    def decode(
        self, call: "Call", candidate: "Candidate", status: int, headers: Mapping[str, str], body: bytes
    ) -> Outcome:
        """The answer, or the classified failure. Never raises for anything that a provider may send."""
        ...

    def reader(self, call: "Call", candidate: "Candidate", headers: Mapping[str, str]) -> StreamReader | Failure:
        """A reader for a streamed answer with status 200, or the failure that its headers already tell."""
        ...

    def wants_stream(self, call: "Call") -> bool:
        """Whether this call's answer is streamed."""
        ...


class CannotServe(Exception):
    """This provider cannot express this request; the failure says which field, in a message of a sane length."""

    def __init__(self, failure: Failure) -> None:
        if len(failure.message) > LONGEST_MESSAGE:  # it quotes what a caller sent
            failure = failure.with_(message=shortened(failure.message))
        super().__init__(failure.message)
        self.failure = failure


class Authoriser(Protocol):
    """Signs requests for vendors that want more than a key in a header: a signature, or a token that must be fetched.

    An adapter has one in its attribute `authoriser`, or leaves the attribute out.
    """

    async def authorise(self, request: WireRequest, secret: str, transport: "Transport", clock: "Clock") -> WireRequest:
        """The request as it may be sent.

        Args:
            request: as the codec wrote it.
            secret: the candidate's key; "" where the provider has none.
            transport: for fetching tokens.
            clock: for dates and for the age of tokens.

        Raises:
            TransportError: no token could be had; its failure says why, without any secret.
        """
        ...


class Meter(Protocol):
    """Reads from a vendor's answers what is left of its rate limits.

    An adapter whose vendor tells has one in its attribute `meter`, or leaves the attribute out.
    """

    @property
    def names(self) -> frozenset[str]:
        """Headers of which one is there, in lower case, where an answer tells anything."""
        ...

    def read(self, headers: Mapping[str, str], now: float, wall: float) -> "Allowance | None":
        """What is left; `None` where the headers make no sense.

        Args:
            headers: names in lower case.
            now: seconds on the monotonic clock.
            wall: seconds since 1970-01-01 UTC.
        """
        ...


class WireAdapter(Protocol):
    """One configured account of a vendor, sans-IO: its codecs by operation."""

    @property
    def codecs(self) -> Mapping[str, Codec]:
        """By the operation's id."""
        ...

    @property
    def allow_private(self) -> bool:
        """Whether its address may be private."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """What a configuration says of one provider, after secrets were resolved: what an adapter is made from.

    Attributes:
        options: settings of the adapter's own (`region`, `folder`, …), already validated by its option model.
        fetches: whether its codecs may raise `MustFetch`; else such a request is one that they cannot express.
    """

    id: str
    adapter: str
    base_url: str | None = None
    allow_private: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    fetches: bool = True


class AdapterKind(Protocol):
    """A vendor that can be configured: the object that the registry finds by the adapter's id."""

    @property
    def id(self) -> str:
        """The word after `adapter:` in the configuration."""
        ...

    @property
    def operations(self) -> frozenset[str]:
        """Ids of the operations that it serves."""
        ...

    @property
    def needs_key(self) -> bool:
        """Whether it cannot work without a key."""
        ...

    @property
    def environment(self) -> Sequence[str]:
        """Variables in which a key is looked for when there is no configuration at all."""
        ...

    @property
    def priority(self) -> int:
        """Its place among providers that were found in the environment; lower is tried earlier."""
        ...

    @property
    def models(self) -> Sequence[str]:
        """The catalogue used when the configuration lists no models."""
        ...

    def build(self, spec: ProviderSpec) -> WireAdapter | Executor:
        """The adapter for one configured account. No side effects."""
        ...
