"""Every client's format before every other, without a network: what no table declares as lost is not lost."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from families.llm.conversations import answers, conversations, essence, turns
from segue.core.ports import CannotServe
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.converse.format import CONVERSE_OF_CLAUDE, ConverseForClients
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import Text, Thinking
from segue.families.llm.ir.collect import Collector, as_events
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.fields import Deed, Field
from segue.families.llm.ir.format import Shown, Target
from segue.families.llm.ir.losses import check, loss_of
from segue.families.llm.ir.used import used


class BothSides(ConverseForClients):
    """Converse as clients and as providers speak it, which are apart because whose signatures it holds varies."""

    vendor, losses = CONVERSE_OF_CLAUDE.vendor, CONVERSE_OF_CLAUDE.losses
    write_request = CONVERSE_OF_CLAUDE.write_request
    read_answer = CONVERSE_OF_CLAUDE.read_answer
    event_reader = CONVERSE_OF_CLAUDE.event_reader


FORMATS: Final[dict[str, Any]] = {
    "chat": CHAT,
    "responses": RESPONSES,
    "messages": MESSAGES,
    "gemini": GEMINI,
    "converse": BothSides(),
}
MODELS: Final = {
    "chat": "gpt-4o",
    "responses": "gpt-4o",
    "messages": "claude-x",
    "gemini": "gemini-2.5-flash",
    "converse": "anthropic.claude-3-haiku-20240307-v1:0",
}
SHOWN: Final = Shown(Conversation(model="model-1"), "model-1", "call_00000001", 1_700_000_000)
EACH: Final = pytest.mark.parametrize("name", FORMATS)
PAIRS: Final = pytest.mark.parametrize(
    ("client", "provider"), [(one, other) for one in FORMATS for other in FORMATS if one != other]
)
LEAVING: Final = pytest.mark.parametrize(
    ("client", "provider"),
    # What Converse does with tools depends on values: test_converse_requests.py has it.
    [(one, other) for one in FORMATS for other in FORMATS if other not in {one, "converse"}],
)
EXAMPLES: Final = settings(max_examples=40, deadline=None)


def reread(name: str, conversation: Conversation) -> tuple[Conversation, list[str]]:
    """A conversation after it was written in a format and read again, and the warnings of the writer."""
    written = FORMATS[name].write_request(conversation, Target(MODELS[name], "p", frozenset({"both_samplings"})))
    url = {"model": conversation.model, "stream": conversation.stream} if name in {"gemini", "converse"} else {}
    return FORMATS[name].read_request(written.body, **url), written.warnings


def settings_of(conversation: Conversation) -> dict[Field, Any]:
    """Settings by the field under which their loss would be declared."""
    output, sampling = conversation.output, conversation.sampling
    return {
        Field.SYSTEM: "\n\n".join(part.text for part in conversation.system),
        Field.TOOLS: [(tool.name, tool.description, json.loads(tool.parameters)) for tool in conversation.tools],
        Field.TOOL_CHOICE: conversation.tool_choice,
        Field.JSON_SCHEMA: None if output is None else json.loads(output.schema),
        Field.TEMPERATURE: sampling.temperature,
        Field.TOP_P: sampling.top_p,
        Field.MAX_TOKENS: conversation.max_tokens,
        Field.STOP: sorted(conversation.stop),
    }


@LEAVING
@EXAMPLES
@given(made=conversations())
def test_a_request_loses_only_what_is_declared_or_told(client: str, provider: str, made: Conversation) -> None:
    asked, _ = reread(client, made)
    target = FORMATS[provider]
    uses = used(asked)
    refused = [field for field, _ in uses if (loss := loss_of(field, target.losses)) and loss.deed is Deed.REFUSE]
    if refused:
        with pytest.raises(CannotServe):
            check(uses, target.losses, target.vendor, "p", FORMATS[client].names)
        return
    warned = check(uses, target.losses, target.vendor, "p", FORMATS[client].names)
    arrived, told = reread(provider, asked)
    assert turns(arrived) == turns(asked)
    if provider == "gemini" and asked.output is not None and asked.tools:
        assert "in words" in told.pop(0)  # what a value decides is told by the writer: this model takes one of the two
        asked.output, asked.system = None, arrived.system
    before, after = settings_of(asked), settings_of(arrived)
    changed = {field for field in before if before[field] != after[field]}
    declared = {field for field in changed if loss_of(field, target.losses) is not None}
    assert changed == declared, (before, after)
    assert not told
    assert not declared or warned


@EACH
@EXAMPLES
@given(made=conversations())
def test_a_request_that_is_read_and_written_again_stays_the_same(name: str, made: Conversation) -> None:
    once, _ = reread(name, made)
    twice, told = reread(name, once)
    assert turns(twice) == turns(once)
    assert settings_of(twice) == settings_of(once)
    assert not told


def thoughts(answer: Answer) -> str:
    return "".join(block.text for block in answer.content if isinstance(block, Thinking))


def same(before: Answer, after: Answer, name: str) -> None:
    """Compare answers; Chat Completions have one text whatever else the answer holds."""
    assert list(essence(after.content, {})) == list(essence(before.content, {}))
    if name != "chat" or thoughts(after):
        assert thoughts(after) == thoughts(before)
    assert after.stop is before.stop
    assert before.usage is not None
    assert after.usage is not None
    for count in ("input_tokens", "output_tokens"):
        assert getattr(after.usage, count) == getattr(before.usage, count)
    assert (after.usage.cached_tokens or 0) == (before.usage.cached_tokens or 0)


@EACH
@EXAMPLES
@given(answer=answers())
def test_an_answer_arrives_whole(name: str, answer: Answer) -> None:
    same(answer, FORMATS[name].read_answer(FORMATS[name].write_answer(answer, SHOWN)), name)


@PAIRS
@EXAMPLES
@given(answer=answers())
def test_an_answer_arrives_whole_by_way_of_another_format(client: str, provider: str, answer: Answer) -> None:
    """The provider's answer is read, written for the client, and says there what it said."""
    read = FORMATS[provider].read_answer(FORMATS[provider].write_answer(answer, SHOWN))
    same(answer, FORMATS[client].read_answer(FORMATS[client].write_answer(read, SHOWN)), client)


def collected(name: str, stream: bytes, cuts: list[int]) -> Answer:
    """The answer of a stream whose bytes come in pieces that end wherever the network likes."""
    reader, collector = FORMATS[name].event_reader(), Collector()
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        for event in reader.feed(stream[start:end]):
            collector.feed(event)
    for event in reader.end():
        collector.feed(event)
    assert collector.failure is None
    assert collector.ended
    return collector.answer


CUTS: Final = st.lists(st.integers(0, 100_000), max_size=12)


@EACH
@EXAMPLES
@given(answer=answers(), cuts=CUTS)
def test_a_stream_says_what_the_whole_answer_says(name: str, answer: Answer, cuts: list[int]) -> None:
    same(answer, collected(name, written(name, answer), cuts), name)


@PAIRS
@EXAMPLES
@given(answer=answers(), cuts=CUTS)
def test_a_stream_arrives_whole_by_way_of_another_format(
    client: str, provider: str, answer: Answer, cuts: list[int]
) -> None:
    reader, writer = FORMATS[provider].event_reader(), FORMATS[client].event_writer(SHOWN)
    stream = written(provider, answer)
    out = bytearray()
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        out += b"".join(writer.write(event) for event in reader.feed(stream[start:end]))
    out += b"".join(writer.write(event) for event in reader.end())
    same(answer, collected(client, bytes(out), cuts), client)


@EACH
@given(answer=answers(), share=st.floats(0, 0.98))
@settings(max_examples=60, deadline=None)
def test_a_stream_that_is_cut_is_never_a_whole_answer(name: str, answer: Answer, share: float) -> None:
    """Unless the reason of its end had come: then only the formal end is missing."""
    stream = written(name, answer)
    reader, collector = FORMATS[name].event_reader(), Collector()
    for event in (*reader.feed(stream[: int(len(stream) * share)]), *reader.end()):
        collector.feed(event)
    if collector.failure is None:
        same_text = [block for block in answer.content if isinstance(block, Text)]
        assert [block.text for block in collector.answer.content if isinstance(block, Text)] == [
            block.text for block in same_text
        ]
        assert collector.answer.stop in {answer.stop, Stop.END}


def written(name: str, answer: Answer) -> bytes:
    """The answer as a stream in a format."""
    write: Callable[[Any], bytes] = FORMATS[name].event_writer(SHOWN).write
    return b"".join(write(event) for event in as_events(answer))
