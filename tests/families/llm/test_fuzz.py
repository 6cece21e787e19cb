"""Whatever a provider sends as a stream, reading it ends: whole, or with a failure that the documents name."""

import random
from collections import Counter
from collections.abc import Iterable

import msgspec
import pytest

from families.llm.fuzzing import by_decoding, mutated, told
from fuzzing.scale import scales
from segue.core.failure import Kind
from segue.families.llm.sse import EventSplitter, read_event


def one(seed: int) -> str:
    """Read one stream; the word says how it ended."""
    dice = random.Random(seed)
    pieces = mutated(dice)
    seen = told(pieces)
    out, committed, finished, _, failure, _ = seen
    assert finished != (failure is not None), "it is neither whole nor broken"
    assert committed or not finished
    if dice.random() < 0.1:
        assert seen == by_decoding(pieces)
    splitter = EventSplitter()
    for each in out.split(b"\n\n")[:-1]:
        assert each.startswith(b"data: ")
        assert b"\n" not in each
        if each != b"data: [DONE]":
            assert isinstance(msgspec.json.decode(each[6:]), dict)  # an SDK can read all that is passed on
    for event in splitter.feed(b"".join(pieces)):
        read_event(event)
    return "whole" if failure is None else failure[0].value


def fuzz(seeds: Iterable[int]) -> None:
    ends: Counter[str] = Counter()
    for seed in seeds:
        try:
            ends[one(seed)] += 1
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert set(ends) <= {"whole", *(kind.value for kind in Kind)}
    assert ends["whole"] > sum(ends.values()) / 10, f"one-sided: {ends}"
    assert ends["stream_cut"] > sum(ends.values()) / 10, f"one-sided: {ends}"


@pytest.mark.parametrize("count", scales(sample=10_000))
def test_broken_streams_end_whole_or_with_a_documented_failure(count: int) -> None:
    fuzz(range(count, 2 * count))
