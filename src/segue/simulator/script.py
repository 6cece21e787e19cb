"""A healthy answer and a broken one must be two readings of one thing, or faults would be written once per vendor.

An answer is therefore a script: the list of what happens on the connection, in order. A vendor writes the healthy
script, a fault rewrites it, and one performer (`delivery`) carries it out. No step here touches a socket.
"""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal, TypeAlias

Part: TypeAlias = Literal["body", "role", "content", "finish", "usage", "done", "error"]


@dataclass(frozen=True, slots=True)
class Head:
    """Send the status line and the headers; `length` in bytes, or None for a stream of unknown length."""

    status: int
    headers: tuple[tuple[str, str], ...]
    length: int | None


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes of the body; `part` says what they mean, so that a fault can find its place."""

    data: bytes
    part: Part


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Abort:
    """End the connection at once: with a TCP reset, or with an ordinary close in the middle of the answer."""

    reset: bool = True


@dataclass(frozen=True, slots=True)
class Hang:
    """Do nothing until the client hangs up."""


Step: TypeAlias = Head | Send | Wait | Abort | Hang


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
