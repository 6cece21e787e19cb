"""Claims that hold for the reader of every provider's stream: about cuts, damage and order."""

from collections.abc import Callable, Iterable, Sequence

from segue.families.llm.ir.answer import (
    Answer,
    BlockBegan,
    BlockEnded,
    Broke,
    Ended,
    Event,
    Stopped,
)
from segue.families.llm.ir.collect import Collector
from segue.families.llm.ir.format import EventReader

NewReader = Callable[[], EventReader]


def read(new: NewReader, pieces: Iterable[bytes]) -> list[Event]:
    reader = new()
    events = [event for piece in pieces for event in reader.feed(piece)]
    return [*events, *reader.end()]


def collected(events: Iterable[Event]) -> Collector:
    collector = Collector()
    for event in events:
        collector.feed(event)
    return collector


def answer_of(new: NewReader, stream: bytes) -> Answer:
    collector = collected(read(new, [stream]))
    assert collector.failure is None
    assert collector.ended
    return collector.answer


def check_order(events: Sequence[Event]) -> None:
    """Blocks are numbered in order, pieces belong to open blocks, one end, nothing behind it."""
    begun, open_blocks, ends, stops = 0, set(), 0, 0
    for event in events:
        assert ends == 0, f"{event} behind the end"
        index = getattr(event, "index", None)
        if isinstance(event, BlockBegan):
            assert index == begun
            begun += 1
            open_blocks.add(index)
        elif index is not None:
            assert index in open_blocks
            if isinstance(event, BlockEnded):
                open_blocks.discard(index)
        stops += isinstance(event, Stopped)
        if isinstance(event, Ended):
            assert stops == 1
            assert not open_blocks
        ends += isinstance(event, Ended | Broke)
    assert ends == 1
    assert stops <= 1


def check_cuts(new: NewReader, stream: bytes) -> None:
    """The same events in one piece, byte by byte and cut in two anywhere."""
    whole = read(new, [stream])
    check_order(whole)
    assert read(new, [stream[at : at + 1] for at in range(len(stream))]) == whole
    for at in range(1, len(stream)):
        assert read(new, [stream[:at], stream[at:]]) == whole, f"cut at {at}"


def check_truncations(new: NewReader, stream: bytes) -> None:
    """A stream that ends anywhere is a success only if it had said that it stopped."""
    for at in range(len(stream)):
        events = read(new, [stream[:at]])
        check_order(events)
        stopped = any(isinstance(event, Stopped) for event in events)
        assert isinstance(events[-1], Ended) == stopped, f"ended at {at}"
