"""A whole answer, and the events of a streamed one, in a form that belongs to no vendor.

Readers of streams give these events, writers take them. A stream is: `Began`; for each block `BlockBegan`, its
pieces and `BlockEnded`; `Counted` whenever usage is told (each replaces the one before); `Stopped` once; `Ended` when
the vendor's formal end has come. Blocks are numbered from 0 in the order of their beginnings. A reader may let pieces
of several open blocks mix (as parallel calls of tools may in Chat Completions); a writer whose format knows only one
open block at a time puts them in order with `segue.families.llm.ir.sequence`.
"""

from enum import StrEnum

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.ir.blocks import Citation, Content, Signature


class Stop(StrEnum):
    """Why an answer ended."""

    END = "end"  # the model had said everything
    LENGTH = "length"  # the limit of tokens was reached
    SEQUENCE = "sequence"  # one of the caller's stop sequences came
    TOOLS = "tools"  # it waits for results of tools
    FILTER = "filter"  # the vendor's filter cut it
    REFUSAL = "refusal"  # the model declined
    PAUSE = "pause"  # a long turn of server tools is to be continued (Anthropic)
    CONTEXT = "context"  # the model's context window was full
    MALFORMED = "malformed"  # the model wrote a call of a tool that could not be read (Gemini)
    OTHER = "other"


class Answer(msgspec.Struct, kw_only=True, gc=False):
    """A whole answer.

    Attributes:
        id, model: the vendor's.
        created: seconds since 1970; 0 where the vendor does not say.
        content: blocks of the assistant's turn.
        sequence: the stop sequence that came, where the vendor tells.
        vendor_stop: the vendor's own word for the reason.
        service_tier: which tier served it.
        raw: further facts of the vendor's (grounding metadata, safety ratings, …) as JSON, for clients of the same
            format; `vendor` says whose they are.
    """

    id: str = ""
    model: str = ""
    created: int = 0
    content: list[Content] = []
    stop: Stop = Stop.END
    sequence: str | None = None
    vendor_stop: str = ""
    usage: Usage | None = None
    service_tier: str = ""
    raw: bytes = b""
    vendor: str = ""


class Event(msgspec.Struct, gc=False):
    """One event of a streamed answer."""


class Began(Event):
    """The answer has an id; `usage` where the vendor tells the input's size at once."""

    id: str = ""
    model: str = ""
    created: int = 0
    usage: Usage | None = None


class BlockBegan(Event):
    """Block number `index` begins; `block` has what is known of it, its texts as far as they have come."""

    index: int
    block: Content


class TextMore(Event):
    """More text of a `Text` or a `Refusal`."""

    index: int
    text: str


class ThinkingMore(Event):
    """More text of a `Thinking`."""

    index: int
    text: str


class ArgumentsMore(Event):
    """More of a `ToolUse`'s arguments: a piece of JSON that may end anywhere."""

    index: int
    text: str


class Signed(Event):
    """The signature of a block has come; it replaces one that came before."""

    index: int
    signature: Signature


class Cited(Event):
    """A citation of a `Text`."""

    index: int
    citation: Citation


class BlockEnded(Event):
    """Block number `index` is whole."""

    index: int


class Counted(Event):
    """What the answer has taken so far, all of it."""

    usage: Usage


class Stopped(Event):
    """The answer is whole, though its formal end (and perhaps its usage) may not have come."""

    stop: Stop
    sequence: str | None = None
    vendor_stop: str = ""
    service_tier: str = ""
    raw: bytes = b""
    vendor: str = ""


class Seam(msgspec.Struct, frozen=True, gc=False):
    """Where an answer was gone on with by another attempt, after the stream before it had broken.

    Attributes:
        provider, model: who went on.
        after_characters: how much of the answer's text stands before it.
    """

    provider: str
    model: str
    after_characters: int


class Continued(Event):
    """Where the answer was gone on with, all the places; it comes before `Stopped`."""

    seams: tuple[Seam, ...]

    @property
    def told(self) -> dict[str, list[Seam]]:
        """The same as clients read it, under the name `segue`, which no vendor has."""
        return {"continued": list(self.seams)}


class Ended(Event):
    """The vendor's formal end of the stream."""


class Ping(Event):
    """The vendor says that it is still there."""


class Broke(Event):
    """The vendor reports a failure inside the stream, or what came cannot be read; nothing follows."""

    failure: Failure
