"""The ports of the express: how a usual call goes without anybody waiting for it.

Most calls are alike: a client that was here before sends a plain request, the first candidate is well, a connection to
it is open, and the answer comes whole. Such a call needs no coroutine: all that is done for it is done at two moments,
when the request has come and when the answer has. `segue.pipeline.express` tells why that matters and what is usual.

Everything here is optional. An adapter or a transport that offers none of it loses nothing but time.
"""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.core.ports import WireRequest, WireResponse

if TYPE_CHECKING:
    from segue.core.provider import Candidate


class ExpressResponse(WireResponse, Protocol):
    """An answer whose headers have come, and perhaps all of it."""

    def whole(self) -> bytes | None:
        """All of the body, which stays to be read; `None` where it has not come, or must be unpacked."""
        ...


class Told(Protocol):
    """Who hears what became of a request; exactly one of the two, once."""

    def answered(self, response: ExpressResponse) -> None:
        """The answer has come whole; or its head has, and the rest is to be read."""
        ...

    def failed(self, failure: Failure) -> None:
        """There is none."""
        ...


class ExpressConnection(Protocol):
    """An open connection that nobody uses."""

    def begin(self, head: bytes, body: bytes, told: Told) -> None:
        """Send a request; at once, without waiting for anything."""
        ...

    def give_up(self) -> None:
        """Close it; nobody is told any more."""
        ...


class Line(Protocol):
    """The way to one address, for requests that differ by their bodies alone."""

    def free(self) -> ExpressConnection | None:
        """An open connection, now the caller's; `None` where one would have to be made."""
        ...

    def head(self, length: int) -> bytes:
        """Request line and headers for a body of so many bytes."""
        ...


@runtime_checkable
class LineKeeper(Protocol):
    """A transport that has such ways."""

    def line(self, request: WireRequest, *, allow_private: bool) -> Line | None:
        """The way of this request and of all that differ by their bodies alone; `None` where there is none.

        Raises:
            TransportError: the request cannot be sent.
        """
        ...


class ExpressCodec(Protocol):
    """How a plain request of a client's format goes to a provider that speaks it, and what of its answer matters."""

    def example(self, candidate: "Candidate") -> WireRequest:
        """A request to this candidate, of which only the body will change."""
        ...

    def body(self, body: bytes, model: str, candidate: "Candidate") -> bytes | None:
        """The body for this candidate, from the client's; `None` where more must be looked at.

        Args:
            body: as it came.
            model: the name that it asks for.
            candidate: whom it goes to.
        """
        ...

    def usage(self, body: bytes) -> Usage | None:
        """The usage that a usual answer tells; `None` of everything that is not one, or tells none."""
        ...
