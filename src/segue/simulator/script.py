"""A healthy answer and a broken one must be two readings of one thing, or faults would be written once per vendor.

An answer is therefore a script: the list of what happens on the connection, in order. A vendor writes the healthy
script, a fault rewrites it, and one performer (`delivery`) carries it out. No step here touches a socket.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, Protocol, TypeAlias

Part: TypeAlias = Literal["body", "role", "content", "finish", "usage", "done", "error", "extra"]


@dataclass(frozen=True, slots=True)
class Head:
    """Send the status line and the headers; `length` in bytes, or None for a stream of unknown length."""

    status: int
    headers: tuple[tuple[str, str], ...]
    length: int | None


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes of the body.

    `part` says what they mean, so that a fault can find its place; `events` is how many events end in these bytes,
    which is 1 unless a fault has split or merged them.
    """

    data: bytes
    part: Part
    events: int = 1


@dataclass(frozen=True, slots=True)
class Raw:
    """Put bytes on the connection as they are, without any framing.

    Attributes:
        data: The bytes.
        status: The HTTP status that they announce, for the record.
        body: How many bytes of the body end in them.
        events: How many content events end in them.
        of_body: Whether they are part of the body or its framing, which is not sent in answer to HEAD.
    """

    data: bytes
    status: int | None = None
    body: int = 0
    events: int = 0
    of_body: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Send bytes that are made one piece at a time, because all of them would not fit into memory.

    With `raw` they go on the connection as they are, else they are part of the body; `every` is the pause in seconds
    after each piece.
    """

    pieces: Callable[[], Iterator[bytes]]
    raw: bool = False
    every: float = 0.0


class Turn(Protocol):
    """A place in a queue."""

    async def come(self) -> None:
        """Return when it is this one's turn."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Do nothing until it is this request's turn."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Abort:
    """End the connection at once: with a TCP reset, or with an ordinary close in the middle of the answer."""

    reset: bool = True


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection after an answer that is complete as it is, which was written with `Raw`."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Do nothing until the client hangs up."""


Step: TypeAlias = Head | Send | Raw | Source | Wait | Queue | Abort | Close | Hang


@dataclass(frozen=True, slots=True)
class Script:
    """All steps of one answer; `tokens` is how many tokens a model would have had to think up for it."""

    steps: tuple[Step, ...]
    tokens: int = field(default=0)

    @property
    def head(self) -> Head | None:
        """The first head in the script, if it sends one at all."""
        return next((step for step in self.steps if isinstance(step, Head)), None)

    @property
    def succeeded(self) -> bool:
        """Whether the vendor accepted the request."""
        head = self.head
        return head is not None and head.status < HTTPStatus.BAD_REQUEST

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream of events rather than one document."""
        return any(isinstance(step, Send) and step.part != "body" for step in self.steps)


def whole(status: int, body: bytes, headers: tuple[tuple[str, str], ...] = (), tokens: int = 0) -> Script:
    """The script of an answer that is one document; a Content-Type among `headers` replaces that of JSON."""
    named = {name.lower() for name, _ in headers}
    content_type = () if "content-type" in named else (("Content-Type", "application/json"),)
    return Script((Head(status, content_type + headers, len(body)), Send(body, "body")), tokens)
