"""Stop sequences that Segue looks for itself: where an answer ends, whole or streamed, however it is split."""

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from families.llm.conversations import answers, essence
from families.llm.test_every_format import CUTS, FORMATS, SHOWN, collected, written
from segue.core.failure import Failure, Kind
from segue.core.outcome import Usage
from segue.families.llm.formats.envelope import EnvelopeWriter
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
    Ping,
    Stop,
    Stopped,
    TextMore,
    ThinkingMore,
)
from segue.families.llm.ir.blocks import Citation, Content, Refusal, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.collect import Collector, as_events
from segue.families.llm.stopping import MOST_UNSEEN, Sequences, StoppingWriter, cut
from segue.families.llm.translating import TranslatingReader

USED = Usage(7, 40)
END = (Counted(USED), Stopped(Stop.END), Ended())


class Kept:
    """A writer that keeps what it was given; a listener that counts."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.early = 0

    def write(self, event: Event) -> bytes:
        self.events.append(event)
        return b"*"

    def broken(self, failure: Failure) -> bytes:
        return f"broken: {failure.message}".encode()

    def end_early(self) -> None:
        self.early += 1

    def give_up(self) -> bytes:
        raise AssertionError("nothing long is listened to here")


class Scripted:
    """A reader of a provider whose bytes are numbers of events."""

    def __init__(self, *chunks: tuple[Event, ...], end: tuple[Event, ...] = ()) -> None:
        self._chunks = list(chunks)
        self._end = end

    def feed(self, _chunk: bytes) -> tuple[Event, ...]:
        return self._chunks.pop(0)

    def end(self) -> tuple[Event, ...]:
        return self._end


def text(*pieces: str, index: int = 0) -> list[Event]:
    return [BlockBegan(index, Text()), *(TextMore(index, piece) for piece in pieces), BlockEnded(index)]


def through(events: Any, *sequences: str) -> Kept:
    """What a client is told of these events."""
    kept = Kept()
    writer = StoppingWriter(kept, Sequences(sequences))
    writer.listener = kept
    for event in events:
        writer.write(event)
    return kept


def answer_of(events: list[Event]) -> Answer:
    collector = Collector()
    for event in events:
        collector.feed(event)
    assert collector.ended
    return collector.answer


def streamed(answer: Answer, *sequences: str) -> Answer:
    return answer_of(through(as_events(answer), *sequences).events)


def whole(answer: Answer, *sequences: str) -> Answer:
    cut(answer, Sequences(sequences))
    return answer


def said(*content: Content, stop: Stop = Stop.END) -> Answer:
    return Answer(content=list(content), stop=stop, usage=Usage(7, 40))


def both(*content: Content, sequences: tuple[str, ...], stop: Stop = Stop.END) -> Answer:
    """An answer to which a whole and a streamed one have come in the same way."""
    first, second = said(*content, stop=stop), said(*(_copy(one) for one in content), stop=stop)
    one, other = whole(first, *sequences), streamed(second, *sequences)
    assert one == other
    return one


def _copy(block: Content) -> Content:
    return type(block)(**{name: getattr(block, name) for name in block.__struct_fields__})


# Where it ends


def test_the_text_ends_before_the_sequence_and_the_reason_names_it():
    answer = both(Text("Thought: so\nObservation: what"), sequences=("\nObservation:",))
    assert [block.text for block in answer.content] == ["Thought: so"]
    assert (answer.stop, answer.sequence, answer.vendor_stop) == (Stop.SEQUENCE, "\nObservation:", "")


def test_the_usage_is_what_the_whole_answer_took():
    assert both(Text("a STOP b"), sequences=("STOP",)).usage == USED


def test_an_answer_without_the_sequence_stays_as_it_is():
    answer = both(Text("nothing of it: STO"), sequences=("STOP", "HALT"), stop=Stop.LENGTH)
    assert answer.content == [Text("nothing of it: STO")]
    assert (answer.stop, answer.sequence) == (Stop.LENGTH, None)


def test_a_sequence_at_the_very_end_ends_it_as_any_other():
    answer = both(Text("one, two. END"), sequences=("END",))
    assert (answer.content, answer.stop) == ([Text("one, two. ")], Stop.SEQUENCE)


def test_a_sequence_at_the_very_beginning_leaves_no_text_because_an_empty_one_could_not_be_sent_back():
    assert both(Thinking("hm"), Text("ENDand more"), sequences=("END",)).content == [Thinking("hm")]
    assert both(Text("ENDand more"), sequences=("END",)).content == []


def test_the_sequence_that_is_complete_first_counts():
    """`ab` is there before `abc` can be; and `bc` before `abcd`, although that one began earlier."""
    assert both(Text("xabcd"), sequences=("abc", "ab")).sequence == "ab"
    answer = both(Text("xabcd"), sequences=("abcd", "bc"))
    assert (answer.content, answer.sequence) == ([Text("xa")], "bc")


def test_of_two_that_end_together_the_longer_one_counts_so_that_nothing_of_it_is_shown():
    answer = both(Text("x</answer>"), sequences=("answer>", "</answer>"))
    assert (answer.content, answer.sequence) == ([Text("x")], "</answer>")


def test_sequences_of_other_letters_are_found():
    answer = both(Text("Ответ: да 🛑 нет"), sequences=("🛑", "стоп"))
    assert (answer.content, answer.sequence) == ([Text("Ответ: да ")], "🛑")


@given(
    some.text("ab\n🛑", max_size=24),
    some.lists(some.text("ab\n🛑", min_size=1, max_size=4), min_size=1, max_size=4),
    some.lists(some.integers(0, 24), max_size=6),
)
def test_however_a_text_is_split_it_ends_where_a_model_that_writes_letter_by_letter_would_have(given_, stops, cuts):
    expected = given_
    word = None
    for end in range(1, len(given_) + 1):
        found = [one for one in stops if given_[:end].endswith(one)]
        if found:
            word = max(found, key=len)
            expected = given_[: end - len(word)]
            break
    places = sorted({0, len(given_), *(place for place in cuts if place < len(given_))})
    pieces = [given_[start:end] for start, end in itertools.pairwise(places)]
    answer = answer_of(through([Began(), *text(*pieces), *END], *stops).events)
    assert "".join(block.text for block in answer.content) == expected
    assert answer.sequence == word
    assert "".join(block.text for block in whole(said(Text(given_)), *stops).content) == expected


def test_every_split_in_two_shows_the_same():
    given_ = "one STO two STOP three"
    for at in range(len(given_) + 1):
        answer = answer_of(through([*text(given_[:at], given_[at:]), *END], "STOP").events)
        assert answer.content == [Text("one STO two ")], at


# What is held back


def test_only_what_may_be_the_beginning_of_a_sequence_waits_and_comes_as_soon_as_it_may_not():
    kept = through([BlockBegan(0, Text()), TextMore(0, "a ST"), TextMore(0, "O"), TextMore(0, "RY")], "STOP")
    assert kept.events[1:] == [TextMore(0, "a "), TextMore(0, "STORY")]


def test_what_waits_comes_with_the_end_of_its_block_and_of_the_answer():
    assert through(text("a ST"), "STOP").events[1:] == [TextMore(0, "a "), TextMore(0, "ST"), BlockEnded(0)]
    unended = [BlockBegan(0, Text()), TextMore(0, "a ST"), Stopped(Stop.LENGTH)]
    assert through(unended, "STOP").events[1:] == [TextMore(0, "a "), TextMore(0, "ST"), Stopped(Stop.LENGTH)]


def test_never_more_than_the_longest_sequence_waits():
    writer = StoppingWriter(Kept(), Sequences(("aaab", "xy")))
    writer.listener = Kept()
    writer.write(BlockBegan(0, Text()))
    for _ in range(100):
        writer.write(TextMore(0, "a" * 50))
        assert len(writer._held[0]) < 4


# What is searched


def test_a_sequence_does_not_reach_over_the_end_of_a_block():
    answer = both(Text("a ST"), Text("OP b"), sequences=("STOP",))
    assert [block.text for block in answer.content] == ["a ST", "OP b"]


def test_a_later_text_is_searched_too():
    answer = both(Text("first", phase="commentary"), Text("second STOP third"), sequences=("STOP",))
    assert [block.text for block in answer.content] == ["first", "second "]


def test_thoughts_refusals_and_arguments_are_not_searched():
    content = (Thinking("I STOP here"), ToolUse("c", "look", '{"a":"STOP"}'), Refusal("I STOP"), Text("and go"))
    answer = both(*content, sequences=("STOP",))
    assert answer.content == list(content)
    assert answer.stop is Stop.END


def test_thoughts_before_the_text_are_shown_and_what_comes_behind_the_sequence_is_not():
    call = ToolUse("c", "look", "{}")
    answer = both(Thinking("hm"), Text("a STOP b"), call, Text("more"), stop=Stop.TOOLS, sequences=("STOP",))
    assert answer.content == [Thinking("hm"), Text("a ")]
    assert (answer.stop, answer.sequence) == (Stop.SEQUENCE, "STOP")


def test_a_call_before_the_text_is_shown():
    call = ToolUse("c", "look", '{"a":1}')
    assert both(call, Text("a STOP b"), sequences=("STOP",)).content == [call, Text("a ")]


def test_a_call_that_had_begun_before_the_sequence_is_shown_whole_and_then_the_answer_ends():
    events = [
        *(BlockBegan(0, ToolUse("c", "look")), ArgumentsMore(0, '{"a"'), BlockBegan(1, Text())),
        *(TextMore(1, "x STOP y"), BlockBegan(2, ToolUse("d", "go")), ArgumentsMore(2, "{}"), BlockEnded(2)),
        *(ArgumentsMore(0, ":1}"), BlockEnded(0), Ping(), *END),
    ]
    kept = through(events, "STOP")
    assert answer_of(kept.events).content == [ToolUse("c", "look", '{"a":1}'), Text("x ")]
    order = [type(event) for event in kept.events]
    assert order.index(Stopped) == order.index(Ping) - 1
    unended = [event for event in events if event != BlockEnded(0)]
    assert answer_of(through(unended, "STOP").events).stop is Stop.SEQUENCE


def test_blocks_begin_in_the_order_of_their_numbers_although_a_text_waits():
    call = BlockBegan(1, ToolUse("c", "look"))
    kept = through([BlockBegan(0, Text()), TextMore(0, "ST"), call, TextMore(0, "OP"), BlockEnded(1), *END], "STOP")
    assert kept.events[:3] == [BlockBegan(0, Text()), call, BlockEnded(0)]
    assert answer_of(kept.events).content == [Text(""), call.block]


def test_citations_of_what_is_shown_stay():
    cited = (Citation("https://a", end=3), Citation("https://b", end=20), Citation("https://c"))
    answer = whole(said(Text("abc STOP and so on", citations=cited, signature=Signature("google", "s"))), "STOP")
    assert answer.content == [Text("abc ", citations=(cited[0], cited[2]))]


def test_the_beginning_of_a_text_that_comes_with_its_block_is_searched():
    kept = through([BlockBegan(0, Text("a ST")), Cited(0, Citation("https://a")), TextMore(0, "OP b"), *END], "STOP")
    assert answer_of(kept.events).content == [Text("a ", citations=(Citation("https://a"),))]


def test_a_list_in_an_envelope_is_searched_as_the_client_reads_it():
    kept = Kept()
    stopping = StoppingWriter(kept, Sequences(("}",)))
    stopping.listener = kept
    writer = EnvelopeWriter(stopping)
    for event in [*text('{"val', 'ue":["a', '"]}'), *END]:
        writer.write(event)
    answer = answer_of(kept.events)
    assert (answer.content, answer.stop) == ([Text('["a"]')], Stop.END)


# What the pipeline sees


def reading(*chunks: tuple[Event, ...], end: tuple[Event, ...] = ()) -> tuple[TranslatingReader, Kept]:
    kept = Kept()
    stopping = StoppingWriter(kept, Sequences(("STOP",)))
    stopping.listener = reader = TranslatingReader(Scripted(*chunks, end=end), stopping)
    return reader, kept


HALF = (Began(usage=Usage(7, 1)), BlockBegan(0, Text()), TextMore(0, "some words STOP and"))
CUT = Broke(Failure(Kind.STREAM_CUT, "it broke off"))


def test_a_stopped_answer_is_whole_at_once_and_its_vendor_is_listened_to_for_the_usage():
    reader, kept = reading(HALF, (TextMore(0, "on and on"), BlockEnded(0), *END))
    reader.feed(b"1")
    assert (reader.answered, reader.committed, reader.patient, reader.finished) == (True, True, True, False)
    assert kept.events[-2:] == [BlockEnded(0), Stopped(Stop.SEQUENCE, "STOP")]
    reader.feed(b"2")
    assert (reader.finished, reader.failure, reader.usage) == (True, None, USED)
    assert kept.events[-2:] == [Counted(USED), Ended()]
    assert not reader.patient, "the vendor has said its last word: no more than its terminator is waited for"


def test_a_break_behind_the_sequence_is_no_failure_and_what_was_taken_is_estimated():
    for ending in ("reported", "closed"):
        reader, kept = reading(HALF, (TextMore(0, "x" * 400), CUT), end=(CUT,))
        reader.feed(b"1")
        assert reader.feed(b"2") if ending == "reported" else reader.end()
        assert (reader.finished, reader.failure) == (True, None)
        assert reader.usage is not None
        expected = 4 + (100 if ending == "reported" else 0)
        assert (reader.usage.input_tokens, reader.usage.output_tokens, reader.usage.estimated) == (7, expected, True)
        assert kept.events[-2:] == [Counted(reader.usage), Ended()]


def test_a_break_before_any_sequence_is_the_failure_that_it_was():
    reader, kept = reading((BlockBegan(0, Text()), TextMore(0, "some ST")), (CUT,))
    reader.feed(b"1")
    reader.feed(b"2")
    assert (reader.answered, reader.finished) == (False, False)
    assert reader.failure == CUT.failure
    assert kept.events[-1] == TextMore(0, "some "), "what waited is not shown: it was never certain"
    assert reader.broken(CUT.failure) == b"broken: it broke off"


def test_when_the_service_stops_behind_the_sequence_the_client_has_a_whole_answer():
    reader, kept = reading(HALF, (TextMore(0, "more"), *END))
    reader.feed(b"1")
    reader.broken(CUT.failure)
    assert kept.events[-1] == Ended()
    assert reader.broken(CUT.failure) == b""


def test_a_tail_without_end_is_hung_up_on():
    more = (TextMore(0, "x" * 4000), ThinkingMore(1, "y" * 4000), ArgumentsMore(2, "z" * 4000))
    reader, kept = reading(HALF, *([more] * 3))
    for _ in range(2):
        reader.feed(b"1")
    assert not reader.finished
    reader.feed(b"2")
    assert reader.finished
    assert reader.usage is not None
    assert (reader.usage.estimated, reader.usage.input_tokens) == (True, 7)
    assert MOST_UNSEEN < reader.usage.output_tokens < MOST_UNSEEN + 3000
    assert kept.events[-1] == Ended()
    assert sum(isinstance(event, Ended) for event in kept.events) == 1
    assert reader.feed(b"3") == b""


def test_a_tail_that_is_hung_up_on_without_any_usage_tells_none():
    reader, kept = reading((BlockBegan(0, Text()), TextMore(0, "a STOP"), TextMore(0, "x" * 4 * MOST_UNSEEN + "yyyy")))
    reader.feed(b"1")
    assert (reader.finished, reader.usage) == (True, None)
    assert reader.tokens > MOST_UNSEEN
    assert kept.events[-2:] == [Stopped(Stop.SEQUENCE, "STOP"), Ended()]


# Through every format


class Heard:
    """Nobody: the events of a whole stream are in one test's hands."""

    def end_early(self) -> None: ...

    def give_up(self) -> bytes:
        raise AssertionError("no answer here is that long")


@pytest.mark.parametrize("provider", FORMATS)
@pytest.mark.parametrize("client", [name for name in FORMATS if name != "responses"])
@settings(max_examples=40, deadline=None)
@given(answer=answers(), data=some.data(), cuts=CUTS)
def test_a_stream_of_any_format_cut_anywhere_is_stopped_as_the_whole_answer_is(client, provider, answer, data, cuts):
    """The sequences are pieces of what the answer says, and some that it does not say."""
    written_down = "".join(block.text for block in answer.content if isinstance(block, Text))
    at = data.draw(some.integers(0, max(0, len(written_down) - 1)))
    size = data.draw(some.integers(1, 3))
    sequences = Sequences([one for one in (written_down[at : at + size], "never said", "b\n") if one])
    expected = FORMATS[provider].read_answer(FORMATS[provider].write_answer(answer, SHOWN))
    cut(expected, sequences)
    reader, stopping = FORMATS[provider].event_reader(), StoppingWriter(FORMATS[client].event_writer(SHOWN), sequences)
    stopping.listener = Heard()
    stream, out = written(provider, answer), bytearray()
    places = sorted({0, len(stream), *(place % (len(stream) + 1) for place in cuts)})
    for start, end in itertools.pairwise(places):
        out += b"".join(stopping.write(event) for event in reader.feed(stream[start:end]))
    out += b"".join(stopping.write(event) for event in reader.end())
    shown = FORMATS[client].read_answer(FORMATS[client].write_answer(expected, SHOWN))
    came = collected(client, bytes(out), [])
    assert list(essence(came.content, {})) == list(essence(shown.content, {}))
    assert (came.stop, came.sequence) == (shown.stop, shown.sequence)
    assert came.usage is not None
    assert answer.usage is not None
    assert came.usage.output_tokens == answer.usage.output_tokens
