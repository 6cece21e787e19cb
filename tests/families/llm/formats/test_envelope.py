"""An answer by a schema that is no object comes out of its envelope as the model wrote it, however it is cut."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.failure import Failure, Kind
from segue.families.llm.formats.envelope import EnvelopeWriter, enveloped, in_envelope, needs_envelope, take_out
from segue.families.llm.ir.answer import Answer, BlockBegan, BlockEnded, Event, Stop, Stopped, TextMore
from segue.families.llm.ir.blocks import Text, ToolUse
from segue.families.llm.ir.conversation import Conversation, Output

LIST = b'{"type":"array","items":{"$ref":"#/$defs/City"},"$defs":{"City":{"type":"object"}}}'


class Gathering:
    """A writer that keeps the texts that it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, event: Event) -> bytes:
        if isinstance(event, TextMore):
            self.texts.append(event.text)
        elif isinstance(event, BlockBegan) and isinstance(event.block, Text):
            self.texts.append(event.block.text)
        return b"x"

    def broken(self, failure: Failure) -> bytes:
        return failure.message.encode()


def streamed(*pieces: str, end: Event | None = None) -> str:
    """What a client reads of a text that comes in pieces."""
    inner = Gathering()
    writer = EnvelopeWriter(inner)
    writer.write(BlockBegan(0, Text(pieces[0] if pieces else "")))
    for piece in pieces[1:]:
        writer.write(TextMore(0, piece))
    writer.write(end or BlockEnded(0))
    return "".join(inner.texts)


def test_definitions_stay_at_the_root_where_references_find_them() -> None:
    told = json.loads(enveloped(LIST) or b"")
    assert told["type"] == "object"
    assert told["properties"]["value"] == {"type": "array", "items": {"$ref": "#/$defs/City"}}
    assert told["required"] == ["value"]
    assert told["additionalProperties"] is False
    assert told["$defs"] == {"City": {"type": "object"}}


@pytest.mark.parametrize(
    "schema",
    ['{"type":"string","enum":["a"]}', '{"enum":["a"]}', '{"anyOf":[{"type":"object"}]}', '{"type":"integer"}'],
)
def test_a_root_that_is_no_object_needs_an_envelope(schema: str) -> None:
    assert needs_envelope(Conversation(model="m", messages=[], output=Output(schema.encode())))


@pytest.mark.parametrize("schema", ['{"type":"object"}', '{"properties":{}}', '{"$ref":"#/$defs/A"}', "{}", "[]", "{"])
def test_any_other_goes_as_it_is(schema: str) -> None:
    conversation = Conversation(model="m", messages=[], output=Output(schema.encode()))
    assert not needs_envelope(conversation)
    assert in_envelope(conversation) is conversation


def test_no_schema_needs_none() -> None:
    conversation = Conversation(model="m", messages=[])
    assert in_envelope(conversation) is conversation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"value":[1,{"a":2}]}', '[1,{"a":2}]'),
        ('{"value":1,"b":2}', '{"value":1,"b":2}'),
        ("[1]", "[1]"),
        ("no", "no"),
    ],
)
def test_a_whole_answer_is_taken_out(text: str, expected: str) -> None:
    answer = Answer(content=[ToolUse("1", "f"), Text(text)])
    take_out(answer)
    assert isinstance(answer.content[1], Text)
    assert answer.content[1].text == expected


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='{}" value:\\é'),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='{}va"', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=values, indent=st.sampled_from([None, 2]), data=st.data())
def test_however_a_stream_is_cut_the_value_comes_out(value: Any, indent: int | None, data: st.DataObject) -> None:
    text = json.dumps({"value": value}, indent=indent)
    pieces = []
    while text:
        size = data.draw(st.integers(1, len(text)))
        pieces.append(text[:size])
        text = text[size:]
    assert json.loads(streamed(*pieces)) == value


@pytest.mark.parametrize("text", ['{"other":1}', "sorry, I cannot", '{"val', "", '{"value" 3}'])
def test_what_is_in_no_envelope_is_given_as_it_came(text: str) -> None:
    assert streamed(*text) == text


def test_an_answer_that_was_cut_at_its_limit_keeps_all_that_came() -> None:
    assert streamed('{"value":', '[{"a":1},', end=Stopped(Stop.LENGTH)) == '[{"a":1},'


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    "cut",
    ['[{"a":1}', '{"a":1}', '{"a":{"b":2}}', '[{"a":"}', '"a}', '["a\\\\"}', '[{"a":1}  ', '[{"a\\"":{}}'],
)
def test_an_answer_that_was_cut_right_behind_an_inner_brace_keeps_it(cut: str, size: int) -> None:
    text = '{"value":' + cut
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert streamed(*pieces, end=Stopped(Stop.LENGTH)) == cut


def test_a_failure_is_told_as_ever() -> None:
    assert EnvelopeWriter(Gathering()).broken(Failure(Kind.SERVER_ERROR, "broke")) == b"broke"


def test_the_schema_of_a_conversation_is_changed_in_a_copy() -> None:
    conversation = Conversation(model="m", messages=[], output=Output(LIST, "cities"))
    changed = in_envelope(conversation)
    assert conversation.output == Output(LIST, "cities")
    assert changed.output is not None
    assert changed.output.name == "cities"
    assert msgspec.json.decode(changed.output.schema)["type"] == "object"
