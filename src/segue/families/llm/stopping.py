"""Stop sequences where the target takes none: Segue reads along and ends the answer itself.

OpenAI's Responses and Yandex have no word for them, OpenAI's and xAI's reasoning models refuse the word, and others
take only some (see `segue.families.llm.stops`). The text of such an answer is searched as it comes. At the first
sequence it ends for the client, with the client's own word for that reason; nothing behind it is shown, calls of tools
least of all, because a model that had been stopped would not have made them. Thoughts and arguments of tools are not
searched, and a sequence does not reach over the end of a block, as with vendors that stop by themselves.

The vendor does not know that its answer has ended, and bills what it writes on. Two things could be done: to hang up
and guess what was written, or to listen to the end and be told. Hanging up is cheaper, but nearly all that it is needed
for are models that think where nobody sees it: most of their bill is in no event before the last one, and a guess would
be wrong by a multiple. So Segue listens, within the limits of every stream, and what the call is said to have cost is
what it has cost. Only a tail longer than `MOST_UNSEEN` is hung up on, and its usage is marked as estimated. A caller
keeps the tail short with a limit of tokens. Whole answers come with their tails anyway.
"""

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from segue.core.failure import Failure
from segue.families.llm.asked import BYTES_PER_TOKEN
from segue.families.llm.ir.answer import (
    Answer,
    ArgumentsMore,
    BlockBegan,
    BlockEnded,
    Cited,
    Counted,
    Ended,
    Event,
    Ping,
    Signed,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Text, ToolUse
from segue.families.llm.ir.format import EventWriter

MOST_UNSEEN: Final = 4096
"""Tokens (estimated) behind a stop sequence that are listened to for the usage at their end."""


class Sequences:
    """Stop sequences to be looked for.

    Args:
        texts: none of them empty.
    """

    __slots__ = ("_begin", "_longest", "_texts")

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = tuple(texts)
        self._longest = max(map(len, self._texts))
        self._begin = frozenset(text[0] for text in self._texts)

    def find(self, text: str) -> tuple[int, str] | None:
        """Where the first one begins, and which it is.

        The first is the one that is complete first, as it would be while a model writes; of those that end at the same
        place the longest, so that no part of a sequence is shown.
        """
        best: tuple[int, int] | None = None
        word = ""
        for one in self._texts:
            start = text.find(one) if best is None else text.find(one, 0, best[0])
            if start >= 0 and (best is None or (start + len(one), start) < best):
                best, word = (start + len(one), start), one
        return None if best is None else (best[1], word)

    def open_from(self, text: str) -> int:
        """Where the longest end of a text begins that may be the beginning of a sequence; its length if none may."""
        size = len(text)
        for place in range(max(0, size - self._longest + 1), size):
            if text[place] in self._begin:
                end = text[place:]
                if any(one.startswith(end) for one in self._texts):
                    return place
        return size


def cut(answer: Answer, sequences: Sequences) -> None:
    """End a whole answer before the first stop sequence in it; its usage stays what it took."""
    for place, block in enumerate(answer.content):
        found = sequences.find(block.text) if isinstance(block, Text) else None
        if found is None or not isinstance(block, Text):
            continue
        start, word = found
        block.text = block.text[:start]
        block.citations = tuple(one for one in block.citations if one.end is None or one.end <= start)
        block.signature = None
        # A text of nothing is none: vendors refuse it in the next request.
        del answer.content[place + 1 if start else place :]
        answer.stop, answer.sequence, answer.vendor_stop = Stop.SEQUENCE, word, ""
        answer.raw = b""  # says how the vendor's answer ended
        return


class Listener(Protocol):
    """The reader of a stream whose client may have its whole answer before the vendor has said all."""

    def end_early(self) -> None:
        """The client has its answer; what still comes is heard for its usage."""
        ...

    def give_up(self) -> bytes:
        """What still comes is not waited for any more; gives back the end of the client's stream."""
        ...


class StoppingWriter:
    """Ends a stream at the first stop sequence on its way to a writer; see `EventWriter`.

    An end of the text that may be the beginning of a sequence waits for what comes next: fewer characters than the
    longest sequence has, and nothing else is kept.

    Args:
        writer: what the client sees.
        sequences: what ends the answer.

    Attributes:
        listener: hears when the answer has ended; set before anything is written.
    """

    __slots__ = (
        "_begun", "_closed", "_held", "_open", "_over", "_sequences", "_stopped", "_unseen", "_writer", "listener",
    )  # fmt: skip

    listener: Listener

    def __init__(self, writer: EventWriter, sequences: Sequences) -> None:
        self._writer = writer
        self._sequences = sequences
        self._held: dict[int, str] = {}  # of open texts: what may be the beginning of a sequence
        self._begun: dict[int, Text] = {}  # texts of which nothing has been shown
        self._open: set[int] = set()  # calls of tools that are not whole
        self._stopped: Stopped | None = None  # waits for calls that had begun before the sequence
        self._over = False  # the client has its answer
        self._closed = False  # and its formal end
        self._unseen = 0

    def write(self, event: Event) -> bytes:
        """See `EventWriter.write`."""
        if self._over:
            return self._after(event)
        if isinstance(event, TextMore):
            if event.index in self._held:
                return self._search(event.index, event.text)
        elif isinstance(event, BlockBegan):
            return self._begin(event)
        elif isinstance(event, BlockEnded):
            self._open.discard(event.index)
            return self._release(event.index) + self._writer.write(event)
        elif isinstance(event, (Stopped, Ended)):
            held = b"".join([self._release(index) for index in list(self._held)])
            return held + self._writer.write(event)
        elif isinstance(event, (Cited, Signed)):
            return self._show(event.index) + self._writer.write(event)
        return self._writer.write(event)

    def broken(self, failure: Failure) -> bytes:
        """See `EventWriter.broken`."""
        return self._writer.broken(failure)

    def _begin(self, event: BlockBegan) -> bytes:
        block, out = event.block, b""
        for index in list(self._begun):  # blocks begin in the order of their numbers
            out += self._show(index)
        if isinstance(block, ToolUse):
            self._open.add(event.index)
        if not isinstance(block, Text):
            return out + self._writer.write(event)
        self._held[event.index] = ""
        self._begun[event.index] = msgspec.structs.replace(block, text="")
        return out + self._search(event.index, block.text) if block.text else out

    def _search(self, index: int, more: str) -> bytes:
        """What of a text may be shown after one more piece of it."""
        text = self._held[index] + more
        found = self._sequences.find(text)
        if found is None:
            place = self._sequences.open_from(text)
            self._held[index] = text[place:]
            return self._more(index, text[:place])
        self._over = True
        self._stopped = Stopped(Stop.SEQUENCE, found[1])
        self._held[index] = text[: found[0]]
        out = b""
        for one, shown in self._held.items():
            out += self._more(one, shown)
            if self._begun.pop(one, None) is None:  # what is empty was never shown, and needs no end
                out += self._writer.write(BlockEnded(one))
        self._held = {}
        self.listener.end_early()
        return out + self._stop_unless_open()

    def _more(self, index: int, text: str) -> bytes:
        return self._show(index) + self._writer.write(TextMore(index, text)) if text else b""

    def _release(self, index: int) -> bytes:
        return self._show(index) + self._more(index, self._held.pop(index, ""))

    def _show(self, index: int) -> bytes:
        """The beginning of a text, which waits until there is something to show."""
        block = self._begun.pop(index, None)
        return b"" if block is None else self._writer.write(BlockBegan(index, block))

    def _stop_unless_open(self) -> bytes:
        stopped = self._stopped
        if stopped is None or self._open:
            return b""
        self._stopped = None
        return self._writer.write(stopped)

    def _after(self, event: Event) -> bytes:
        """What the client sees of an event behind the sequence."""
        if self._closed:
            return b""
        index: int | None = getattr(event, "index", None)
        if index is not None and index in self._open:  # of a call that had begun before
            out = self._writer.write(event)
            if isinstance(event, BlockEnded):
                self._open.discard(index)
                out += self._stop_unless_open()
            return out
        if isinstance(event, (TextMore, ThinkingMore, ArgumentsMore)):
            self._unseen += max(1, len(event.text) // BYTES_PER_TOKEN)
            return self.listener.give_up() if self._unseen > MOST_UNSEEN else b""
        if isinstance(event, (Stopped, Ended)):
            self._open.clear()
            out = self._stop_unless_open()
            self._closed = isinstance(event, Ended)
            return out + self._writer.write(event) if self._closed else out
        return self._writer.write(event) if isinstance(event, (Counted, Ping)) else b""
