"""Answers that begin with the beginning that the caller gave.

A caller that begins the answer itself (its last turn is the assistant's) expects what follows and nothing else, as
Anthropic and Google answer. Mistral repeats the beginning, so it is taken off again.
"""

import msgspec

from segue.core.failure import Failure
from segue.families.llm.ir.answer import Answer, BlockBegan, BlockEnded, Event, Stopped, TextMore
from segue.families.llm.ir.blocks import Text
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import EventWriter
from segue.families.llm.transcript import Joint


def beginning_of(conversation: Conversation) -> str:
    """The beginning of the answer that the caller gave; "" where the last turn is none."""
    last = conversation.messages[-1] if conversation.messages else None
    if last is None or last.role != "assistant":
        return ""
    texts = [block.text for block in last.content if isinstance(block, Text)]
    return "".join(texts) if len(texts) == len(last.content) else ""


def take_off(answer: Answer, beginning: str) -> None:
    """Take the beginning off a whole answer, where it is there."""
    first = next((block for block in answer.content if isinstance(block, Text)), None)
    if first is not None:
        first.text = first.text.removeprefix(beginning)


class EchoWriter:
    """Takes the beginning off the first text of a stream on its way to a writer.

    Args:
        writer: of the client's format.
        beginning: what the caller gave.
    """

    __slots__ = ("_index", "_joint", "_writer")

    def __init__(self, writer: EventWriter, beginning: str) -> None:
        self._writer = writer
        self._joint: Joint | None = Joint("", beginning)
        self._index = -1

    def write(self, event: Event) -> bytes:
        """See `EventWriter.write`."""
        joint = self._joint
        if joint is None:
            return self._writer.write(event)
        if isinstance(event, BlockBegan) and isinstance(event.block, Text) and self._index < 0:
            self._index = event.index
            first = joint.feed(event.block.text)
            return self._writer.write(BlockBegan(event.index, msgspec.structs.replace(event.block, text=first)))
        if isinstance(event, TextMore) and event.index == self._index:
            more = joint.feed(event.text)
            return self._writer.write(TextMore(event.index, more)) if more else b""
        if isinstance(event, Stopped) or (isinstance(event, BlockEnded) and event.index == self._index):
            self._joint = None
            rest = joint.rest() if self._index >= 0 else ""
            told = self._writer.write(TextMore(self._index, rest)) if rest else b""
            return told + self._writer.write(event)
        return self._writer.write(event)

    def broken(self, failure: Failure) -> bytes:
        """See `EventWriter.broken`."""
        return self._writer.broken(failure)
