"""An event that is known by its pattern is treated exactly as if it had been decoded, whatever stands in it."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from families.llm.fuzzing import by_decoding, mutated, told
from families.llm.support import DONE, END, ROLE, SECRET, chunk, event, request
from segue.families.llm.formats.familiar import pattern_of
from segue.families.llm.formats.openai_stream import ChatStreamReader

WORD = chunk("word")


def after(*words: bytes) -> ChatStreamReader:
    reader = ChatStreamReader(request(stream=True), SECRET)
    reader.feed(ROLE + chunk("first"))
    for word in words:
        reader.feed(word)
    return reader


@pytest.mark.parametrize(
    "words", ["", "word", " a longer one", '\\"quoted\\"', "a\\nb\\tc", "\\u00fc", "ünï — 字", "\x7f", "}]}", "data: x"]
)
def test_new_words_in_a_known_pattern_are_passed_on_without_being_decoded(words: str, monkeypatch) -> None:
    reader = after()
    monkeypatch.setattr("segue.families.llm.formats.openai_stream._chunk", None)
    spoken = WORD.replace(b"word", words.encode())
    assert reader.feed(spoken) == spoken
    assert reader.feed(spoken + WORD) == spoken + WORD


def test_of_several_events_in_one_piece_each_must_be_like_the_known_one() -> None:
    known = pattern_of(WORD)
    other = WORD.replace(b"word", "ein längeres".encode())
    assert known.count(WORD) == 1
    assert known.count(WORD + other + WORD) == 3
    for piece in (WORD + END, END + WORD, WORD + WORD[:-1], WORD + other.replace(b"\xc3", b""), WORD + b"\n"):
        assert known.count(piece) == 0


def test_every_event_counts_as_a_token_however_many_come_in_one_piece() -> None:
    one_by_one, at_once = after(WORD, WORD, WORD), after(WORD * 3)
    assert one_by_one.tokens == at_once.tokens


@pytest.mark.parametrize(
    "words",
    [
        b'"',
        b"\\",
        b"\\x",
        b"\\u12",
        b"\\ud800",
        b"\x00",
        b"\x1f",
        b"\n",
        b"\r",
        b"\xff",
        b"\xc3",
        b'","error":"x',
        b'"}',
    ],
)
def test_words_that_are_no_plain_json_string_are_decoded(words: bytes) -> None:
    assert not pattern_of(WORD).count(WORD.replace(b"word", words))


def test_a_broken_event_in_a_known_pattern_breaks_the_stream_as_ever() -> None:
    reader = after(WORD, WORD)
    assert reader.feed(WORD.replace(b"word", b'wo"rd')) == b""
    assert reader.failure is not None


def test_a_finish_usage_and_an_error_are_noticed_after_any_number_of_known_events() -> None:
    reader = after(*[WORD] * 50)
    assert reader.feed(END) == END
    assert reader.answered
    assert reader.feed(DONE) == DONE
    assert reader.finished
    broken = after(*[WORD] * 50)
    assert broken.feed(event({"error": {"message": "boom"}})) == b""
    assert broken.failure is not None


def test_nothing_is_passed_on_after_the_end_however_familiar() -> None:
    reader = after(WORD, END, DONE)
    assert reader.feed(WORD) == b""


def test_padding_against_listeners_may_have_any_length() -> None:
    padded = WORD[:-3] + b', "obfuscation": "%b"}\n\n'
    known = pattern_of(padded % b"abc")
    for padding in (b"", b"x", b"y" * 500):
        assert known.count(padded % padding)
    assert not known.count(WORD)
    assert not known.count(padded % b'x","usage":"')


def test_an_event_without_words_has_no_pattern() -> None:
    assert pattern_of(END) is None
    assert pattern_of(event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]})) is None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_a_reader_that_knows_patterns_says_of_any_bytes_what_one_that_decodes_everything_says(seed: int) -> None:
    dice = random.Random(seed)
    pieces = mutated(dice)
    assert told(pieces) == by_decoding(pieces)
