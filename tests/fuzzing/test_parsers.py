"""Whatever strangers write, every parser ends with an answer or with a failure that is documented and helps.

The table is `fuzzing.parsers`; what must hold is asserted in `fuzzing.reading` and `fuzzing.others`.
"""

from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from fuzzing.parser import Parser
from fuzzing.parsers import PARSERS
from fuzzing.scale import scales
from segue.core.failure import Kind
from segue.families.llm import formats

FIRST: Final = {"sample": 0, "full": 10_000_000}
"""The first seed of each scale: what the proof tries, the sample has not."""
DIRECTORIES: Final = sorted(
    each.name for each in Path(next(iter(formats.__path__))).iterdir() if (each / "format.py").is_file()
)


def scaled() -> list[object]:
    """Every parser at each of its scales."""
    return [
        pytest.param(parser, *scale.values, id=f"{parser.name}, {scale.id}", marks=scale.marks)
        for parser in PARSERS
        for scale in scales(sample=parser.sample)
    ]


@pytest.mark.parametrize(("parser", "count"), scaled())
def test_a_broken_exchange_is_read_or_refused_with_its_place(parser: Parser, count: int) -> None:
    first = FIRST["sample" if count == parser.sample else "full"]
    ends: Counter[str] = Counter()
    for seed in range(first, first + count):
        try:
            ends[parser.try_seed(seed)] += 1
        except BaseException as error:
            error.add_note(f"{parser.name}, seed {seed}: {parser.broken(seed)[:2_000]!r}")
            raise
    assert set(parser.ends) <= set(ends), f"one-sided: {ends}"
    unknown = {end for end in ends if end not in {"read", "refused", "nothing", "bad"} and not end.endswith(" cannot")}
    assert unknown <= {kind.value for kind in Kind}


@pytest.mark.parametrize("name", DIRECTORIES)
def test_every_format_has_each_of_its_parsers_in_the_table(name: str) -> None:
    module = __import__(f"segue.families.llm.formats.{name}.format", fromlist=["format"])
    (made,) = {each.id: each for each in vars(module).values() if getattr(each, "id", None) == name}.values()
    parsed = {parser.name for parser in PARSERS}
    if hasattr(made, "read_request"):
        assert {f"{name}: request", f"{name}: routed"} <= parsed
    assert {f"{name}: answer", f"{name}: stream", f"{name}: error"} <= parsed


def test_no_two_parsers_have_one_name() -> None:
    names = [parser.name for parser in PARSERS]
    assert len(names) == len(set(names))
