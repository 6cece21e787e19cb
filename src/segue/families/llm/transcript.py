"""What a client has been told of an answer: by one attempt, or by several of which each went on where one broke.

The client's stream has one beginning, one set of blocks and one end. An attempt that goes on has all of these of its
own: its beginning is left out, its first text goes on in the block that is open, its blocks get the numbers that come
next, and its usage is told together with that of the attempts before it.
"""

import copy
from typing import Any, Final

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Cited,
    Continued,
    Counted,
    Ended,
    Event,
    Seam,
    Signed,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Text, Thinking
from segue.families.llm.ir.format import EventWriter
from segue.metering.estimate import estimated

MOST_TEXT: Final = 1024 * 1024
"""Characters of an answer that are kept; a longer one is not gone on with."""

_NOWHERE: Final = -1


class Transcript:
    """The writer of a client's stream, which remembers what it wrote; see `EventWriter` and `segue.core.ports.SoFar`.

    Args:
        writer: the client's.
        shared: what copies of the writer hold in common: the request and what was made of it.
        input_tokens: our estimate of the request, for usage that no vendor told.

    Attributes:
        characters, tokens: how much text was told; the tokens are estimated.
    """

    def __init__(self, writer: EventWriter, shared: tuple[object, ...], input_tokens: int) -> None:
        self._writer = writer
        self._shared = shared
        self._input = input_tokens
        self.characters = 0
        self.tokens = 0
        self._pieces: list[str] = []
        self._only_text = True
        self._open = _NOWHERE
        self._next = 0
        self._seams: tuple[Seam, ...] = ()
        self._before: Usage | None = None
        self._tokens_before = 0
        # Of the attempt that is under way:
        self._usage: Usage | None = None
        self._told_usage = False
        self._joint: Joint | None = None
        self._texts: set[int] = set()
        self._numbers: dict[int, int] = {}

    @property
    def text(self) -> str:
        """All of the text."""
        return "".join(self._pieces)

    @property
    def goes_on(self) -> bool:
        """Whether it is text alone, and some, so that another attempt can go on with it."""
        return self._only_text and not self.text.isspace() and self.characters > 0

    def after(self, seam: Seam, joint: "Joint", input_tokens: int) -> "Transcript":
        """What an attempt writes that goes on with this one. This one stays as it is, should that attempt fail."""
        new = copy.copy(self)
        # Writers count and gather; the request in them is only read.
        new._writer = copy.deepcopy(self._writer, {id(one): one for one in self._shared})
        new._pieces = [self.text]
        new._seams = (*self._seams, seam)
        taken = estimated(self._usage, self._input, self.tokens - self._tokens_before)
        new._before = added(self._before, taken)
        new._tokens_before = self.tokens
        new._input = input_tokens
        new._usage = None
        new._told_usage = False
        new._joint = joint
        new._texts, new._numbers = set(), {}
        return new

    def write(self, event: Event) -> bytes:
        """See `EventWriter.write`."""
        if self._joint is not None:
            return self._go_on(event, self._joint)
        self._note(event)
        return self._writer.write(event)

    def broken(self, failure: Any) -> bytes:
        """See `EventWriter.broken`."""
        return self._writer.broken(failure)

    def _note(self, event: Event) -> None:
        """Remember an event of the first attempt, which goes to the client as it is."""
        match event:
            case TextMore():
                self._add(event.text)
            case BlockBegan(index=index, block=Text() as block):
                self._next = index + 1
                self._open = index
                self._only_text = self._only_text and not block.citations
                self._add(block.text)
            case BlockEnded():
                self._open = _NOWHERE
            case Counted() | Began():
                self._usage = event.usage or self._usage
            case BlockBegan() | Cited():
                self._only_text = False

    def _add(self, text: str) -> None:
        if not text or not self._only_text:
            return
        self.characters += len(text)
        self.tokens += max(1, len(text) // BYTES_PER_TOKEN)
        self._pieces.append(text)
        if self.characters > MOST_TEXT:
            self._only_text = False
            self._pieces = []

    def _go_on(self, event: Event, joint: "Joint") -> bytes:
        match event:
            case TextMore():
                return self._say(joint.feed(event.text))
            case BlockBegan(index=index, block=Text() as block):
                self._texts.add(index)
                return self._say(joint.feed(block.text))
            case BlockBegan():
                return self._begin(event, joint)
            case BlockEnded():
                return self._end(event.index, joint)
            case ArgumentsMore() | Signed() | Cited():
                return self._of_block(event)
            case Counted():
                self._usage, self._told_usage = event.usage, True
                return self._writer.write(Counted(added(self._before, event.usage) or event.usage))
            case Stopped():
                out = self._say(joint.rest()) + self._close()
                return out + self._writer.write(Continued(self._seams)) + self._writer.write(event)
            case Ended():
                return self._count() + self._writer.write(event)
            case Began():
                self._usage = event.usage
                return b""
            case ThinkingMore():
                return b""  # the answer is being given: what is thought now comes too late to be shown
        return self._writer.write(event)

    def _say(self, text: str) -> bytes:
        if not text:
            return b""
        out = b""
        if self._open == _NOWHERE:
            self._open = self._next
            self._next += 1
            out = self._writer.write(BlockBegan(self._open, Text()))
        self._add(text)
        return out + self._writer.write(TextMore(self._open, text))

    def _begin(self, event: BlockBegan, joint: "Joint") -> bytes:
        if isinstance(event.block, Thinking):
            return b""
        out = self._say(joint.rest()) + self._close()
        self._only_text = False
        number = self._numbers[event.index] = self._next
        self._next += 1
        return out + self._writer.write(BlockBegan(number, event.block))

    def _end(self, index: int, joint: "Joint") -> bytes:
        if index in self._texts:
            return self._say(joint.rest()) + self._close()
        number = self._numbers.pop(index, None)
        return b"" if number is None else self._writer.write(BlockEnded(number))

    def _of_block(self, event: ArgumentsMore | Signed | Cited) -> bytes:
        if isinstance(event, Cited):
            self._only_text = False
        number = self._open if event.index in self._texts else self._numbers.get(event.index, _NOWHERE)
        return b"" if number == _NOWHERE else self._writer.write(msgspec.structs.replace(event, index=number))

    def _close(self) -> bytes:
        number, self._open = self._open, _NOWHERE
        return b"" if number == _NOWHERE else self._writer.write(BlockEnded(number))

    def _count(self) -> bytes:
        """Tell the usage where the last vendor did not: that of the others would pass for the whole."""
        if self._told_usage:
            return b""
        usage = added(self._before, estimated(self._usage, self._input, self.tokens - self._tokens_before))
        return b"" if usage is None else self._writer.write(Counted(usage))


class Joint:
    """Where the text of an attempt is joined to the text before it.

    Args:
        before: white space at the end of the text before, which the attempt was not given: it may begin with it.
        echo: what the attempt was given, where its vendor's answers may begin with that.
    """

    __slots__ = ("_before", "_echo", "_heard")

    def __init__(self, before: str, echo: str = "") -> None:
        self._before = before
        self._echo = echo
        self._heard = 0

    def feed(self, text: str) -> str:
        """What of this text is new; it may be given later."""
        if self._heard < len(self._echo):
            expected = self._echo[self._heard : self._heard + len(text)]
            if text.startswith(expected):
                self._heard += len(expected)
                text = text[len(expected) :]
            else:  # no echo, but words that began in the same way
                text = self._echo[: self._heard] + text
                self._echo = ""
        while text and self._before and text[0] == self._before[0]:
            text, self._before = text[1:], self._before[1:]
        if text:
            self._before = ""
        return text

    def rest(self) -> str:
        """The text has ended: what was taken for the beginning of an echo, and was none."""
        whole = self._heard >= len(self._echo)
        text, self._echo = "" if whole else self._echo[: self._heard], ""
        return text


_COUNTS: Final = tuple(name for name in Usage.__struct_fields__ if name not in {"service_tier", "estimated"})


def added(one: Usage | None, other: Usage | None) -> Usage | None:
    """Two usages together."""
    if one is None or other is None:
        return one or other
    both = Usage(service_tier=other.service_tier or one.service_tier, estimated=one.estimated or other.estimated)
    for name in _COUNTS:
        setattr(both, name, _sum(getattr(one, name), getattr(other, name)))
    return both


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else one + other
