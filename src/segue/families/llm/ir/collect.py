"""Streams into whole answers, and whole answers into streams.

A provider may be asked for a stream where the client wants the whole, and the other way round; both need the same
two functions, whatever the formats.
"""

from collections.abc import Iterator

import msgspec

from segue.core.failure import Failure
from segue.core.outcome import Usage
from segue.families.llm.ir.answer import (
    Answer,
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Broke,
    Cited,
    Counted,
    Ended,
    Event,
    Signed,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Content, Refusal, Text, Thinking, ToolUse


class Collector:
    """Builds the whole answer out of events.

    Attributes:
        answer: as far as it has come.
        failure: why the stream broke off, if it did.
        ended: whether its formal end has come.
    """

    __slots__ = ("_pieces", "answer", "ended", "failure")

    def __init__(self) -> None:
        self.answer = Answer()
        self.answer.content = []
        self.failure: Failure | None = None
        self.ended = False
        self._pieces: dict[int, list[str]] = {}

    def feed(self, event: Event) -> None:
        """Take one event."""
        answer = self.answer
        match event:
            case TextMore() | ThinkingMore() | ArgumentsMore():
                self._pieces.setdefault(event.index, []).append(event.text)
            case BlockBegan():
                answer.content.append(msgspec.structs.replace(event.block))
            case BlockEnded():
                self._finish(event.index)
            case Signed():
                block = self._at(event.index)
                if isinstance(block, (Text, Thinking, ToolUse)):
                    block.signature = event.signature
            case Cited():
                block = self._at(event.index)
                if isinstance(block, Text):
                    block.citations = (*block.citations, event.citation)
            case Began():
                answer.id, answer.model, answer.created = event.id, event.model, event.created
                if event.usage is not None:
                    answer.usage = event.usage
            case Counted():
                answer.usage = event.usage
            case Stopped():
                self._stop(event)
            case Ended():
                self._finish_all()
                self.ended = True
            case Broke():
                self._finish_all()
                self.failure = event.failure

    def _stop(self, event: Stopped) -> None:
        answer = self.answer
        answer.stop, answer.sequence, answer.vendor_stop = event.stop, event.sequence, event.vendor_stop
        answer.service_tier = event.service_tier or answer.service_tier
        if event.raw:
            answer.raw, answer.vendor = event.raw, event.vendor

    def _at(self, index: int) -> Content | None:
        return self.answer.content[index] if 0 <= index < len(self.answer.content) else None

    def _finish(self, index: int) -> None:
        pieces = self._pieces.pop(index, None)
        block = self._at(index)
        if not pieces or block is None:
            return
        if isinstance(block, (Text, Thinking, Refusal)):
            block.text += "".join(pieces)
        elif isinstance(block, ToolUse):
            block.arguments += "".join(pieces)

    def _finish_all(self) -> None:
        for index in list(self._pieces):
            self._finish(index)


def as_events(answer: Answer) -> Iterator[Event]:
    """The events that stream a whole answer; each block comes in one piece."""
    usage: Usage | None = answer.usage
    yield Began(answer.id, answer.model, answer.created)
    for index, block in enumerate(answer.content):
        match block:
            case Text():
                yield BlockBegan(index, Text(phase=block.phase))
                if block.text:
                    yield TextMore(index, block.text)
                for citation in block.citations:
                    yield Cited(index, citation)
                if block.signature is not None:
                    yield Signed(index, block.signature)
            case Refusal():
                yield BlockBegan(index, Refusal())
                yield TextMore(index, block.text)
            case Thinking():
                secret = block.signature is not None and block.signature.kind != "signature"
                begun = block if secret and not block.text else Thinking(summary=block.summary, id=block.id)
                yield BlockBegan(index, begun)
                if block.text:
                    yield ThinkingMore(index, block.text)
                if block.signature is not None and begun is not block:
                    yield Signed(index, block.signature)
            case ToolUse():
                yield BlockBegan(index, msgspec.structs.replace(block, arguments=""))
                if block.arguments:
                    yield ArgumentsMore(index, block.arguments)
            case _:
                yield BlockBegan(index, block)
        yield BlockEnded(index)
    if usage is not None:
        yield Counted(usage)
    yield Stopped(answer.stop, answer.sequence, answer.vendor_stop, answer.service_tier, answer.raw, answer.vendor)
    yield Ended()
