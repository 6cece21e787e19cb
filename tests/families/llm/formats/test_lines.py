"""Lines of JSON out of chunks that end anywhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.families.llm.formats import lines
from segue.families.llm.formats.lines import LineSplitter, LineTooLong
from segue.families.llm.formats.tool_calls import as_object, made_id

TEXTS = st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b" ").strip())


@given(st.lists(TEXTS, max_size=8), st.integers(1, 20))
def test_lines_come_out_whole_however_they_are_cut(texts: list[bytes], size: int) -> None:
    data = b"".join(text + b"\r\n" for text in texts)
    splitter = LineSplitter()
    found = [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])]
    assert found == [text for text in texts if text]
    assert splitter.rest() == b""


def test_what_has_no_ending_yet_is_kept_apart() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"{}\n{") == [b"{}"]
    assert splitter.rest() == b"{"


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE", 10)
    splitter = LineSplitter()
    splitter.feed(b"0123456789")
    with pytest.raises(LineTooLong):
        splitter.feed(b"0")


def test_names_made_for_calls_differ_by_place_and_by_answer_and_stay_the_same() -> None:
    assert made_id(0, "a") == made_id(0, "a")
    assert len({made_id(0, "a"), made_id(1, "a"), made_id(0, "b"), made_id(0, "a", "b")}) == 4


@pytest.mark.parametrize(
    ("text", "raw"), [("", b"{}"), ('{ "a": 1.0 }', b'{ "a": 1.0 }'), ("[]", None), ("{", None), ("\ud800", None)]
)
def test_arguments_are_an_object_or_nothing(text: str, raw: bytes | None) -> None:
    found = as_object(text)
    assert (None if found is None else bytes(found)) == raw
