"""Real exchanges with random damage: nothing but the documented ways to say no ever comes out.

`SEGUE_FUZZ` sets how many inputs each test tries (3,000 unless it is set).
"""

import os
import random
from collections.abc import Iterator

from families.llm.formats.responses_samples import ANSWER, REQUEST, STREAM, TARGET, compact, shown
from segue.core.errors import RequestInvalid
from segue.core.ports import CannotServe
from segue.families.llm.formats.responses import memory
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.answer import Broke, Ended, Stopped
from segue.families.llm.ir.format import BadAnswer

COUNT = int(os.environ.get("SEGUE_FUZZ", "3000"))
PIECES = [
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"-1",
    b"1e999",
    b"9" * 30,
    b'"\\ud800"',
    b"\xff",
    b"true",
    b",",
    b'"type"',
    b"\n\n",
]


def damaged(document: bytes, seed: int) -> Iterator[bytes]:
    """Copies with a few random changes: bytes, values, cuts, repetitions."""
    chance = random.Random(seed)
    tokens = [b'"', b":", b",", b"{", b"}", b"[", b"]"]
    for _ in range(COUNT):
        data = bytearray(document)
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(data) + 1)
            match chance.randrange(5):
                case 0:
                    data[place : place + 1] = bytes([chance.randrange(256)])
                case 1:
                    data[place : place + chance.randrange(30)] = chance.choice(PIECES)
                case 2:
                    del data[place : place + chance.randrange(20)]
                case 3:
                    colon = data.find(b":", place)
                    end = min((at for token in tokens[2:] if (at := data.find(token, colon)) > 0), default=place)
                    if colon >= 0:
                        data[colon + 1 : end] = chance.choice(PIECES)
                case _:
                    data[place:place] = data[place : place + chance.randrange(60)]
        yield bytes(data)


def test_a_damaged_request_is_refused_or_understood() -> None:
    understood = 0
    for body in damaged(compact(REQUEST).encode(), 1):
        try:
            conversation = RESPONSES.read_request(body)
            written = RESPONSES.write_request(conversation, TARGET)
            RESPONSES.read_request(written.body)
        except (RequestInvalid, CannotServe):
            continue
        understood += 1
    assert 0 < understood < COUNT


def test_a_damaged_answer_is_told_apart_or_understood() -> None:
    understood = 0
    for body in damaged(compact(ANSWER).encode(), 2):
        memory.record_of(b'{"input":"x"}', body)
        try:
            answer = RESPONSES.read_answer(body)
        except BadAnswer:
            RESPONSES.read_error(200, {}, body, "secret")
            continue
        RESPONSES.write_answer(answer, shown())
        understood += 1
    assert 0 < understood < COUNT


def test_a_damaged_stream_breaks_or_ends() -> None:
    ended = 0
    for number, body in enumerate(damaged(STREAM, 3)):
        reader = RESPONSES.event_reader()
        writer = RESPONSES.event_writer(shown())
        half = len(body) // (1 + number % 7)
        events = [*reader.feed(body[:half]), *reader.feed(body[half:]), *reader.end()]
        for event in events:
            writer.write(event)
        last = events[-1]
        assert isinstance(last, Ended | Broke)
        assert isinstance(last, Ended) == any(isinstance(event, Stopped) for event in events)
        assert sum(isinstance(event, Ended | Broke) for event in events) == 1
        if isinstance(last, Broke):
            assert writer.broken(last.failure)
        ended += isinstance(last, Ended)
    assert 0 < ended < COUNT
