"""What broken exchanges have brought to light, each by its name."""

import json
from typing import Any

import pytest

from families.llm.formats import converse_support as bedrock
from families.llm.formats import messages_support as anthropic
from families.llm.formats import responses_samples as openai
from families.llm.formats.provider_streams import check_order, read
from fuzzing.mutations import SECRET
from fuzzing.reading import SHOWN
from segue.core.errors import LONGEST_MESSAGE, RequestInvalid
from segue.core.failure import Failure, Kind
from segue.core.ports import CannotServe
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS, CONVERSE_OF_CLAUDE
from segue.families.llm.formats.eventstream import write_frame
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.answer import Broke, Cited, TextMore
from segue.families.llm.ir.format import BadAnswer
from segue.families.llm.passing.converse import ConversePassing
from segue.families.llm.translating import TranslatingReader

HI = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    "choice", [b"1e999", b'{"type":"allowed_tools","allowed_tools":{"tools":5}}', b'{"type":"function","function":[]}']
)
def test_a_choice_of_tools_that_is_none_is_refused_by_its_name(choice: bytes) -> None:
    body = json.dumps({"model": "m", "messages": HI}).encode()[:-1] + b',"tool_choice":' + choice + b"}"
    with pytest.raises(RequestInvalid) as refused:
        CHAT.read_request(body)
    assert refused.value.param == "tool_choice"


@pytest.mark.parametrize("format_", [CHAT, RESPONSES, MESSAGES, GEMINI], ids=lambda format_: format_.id)
def test_a_refusal_is_never_as_long_as_what_it_refuses(format_: Any) -> None:
    for body in ({"model": "m", "messages": [{"role": "x" * 50_000}]}, {"y" * 50_000: 1}, {"contents": "z" * 50_000}):
        with pytest.raises(RequestInvalid) as refused:
            format_.read_request(json.dumps(body).encode())
        assert len(refused.value.message) <= LONGEST_MESSAGE
        assert len(refused.value.param or "") <= LONGEST_MESSAGE


def test_a_provider_that_cannot_serve_does_not_repeat_what_was_asked() -> None:
    assert len(CannotServe(Failure(Kind.UNSUPPORTED, "x" * 50_000)).failure.message) <= LONGEST_MESSAGE


@pytest.mark.parametrize("body", [b'{"model":"m","messages":[', b'{"model":"\xff"}', b'{"model":nope}'])
@pytest.mark.parametrize("format_", [CHAT, RESPONSES, MESSAGES, GEMINI], ids=lambda format_: format_.id)
def test_what_is_no_json_is_told_by_its_byte(format_: Any, body: bytes) -> None:
    with pytest.raises(RequestInvalid, match=r"byte \d+"):
        format_.read_request(body)


def test_frames_that_came_whole_before_a_damaged_one_count_in_the_same_packet_too() -> None:
    damaged = b"".join([bedrock.BEGIN, bedrock.text_delta(0, "said"), b"\x00" * 16])
    at_once = read(CONVERSE_OF_CLAUDE.event_reader, [damaged])
    assert at_once == read(CONVERSE_OF_CLAUDE.event_reader, [damaged[at : at + 1] for at in range(len(damaged))])
    assert any(isinstance(event, TextMore) for event in at_once)


def test_two_broken_items_of_one_stream_break_it_once() -> None:
    broken = {"type": "input_json_delta", "partial_json": '{"query'}
    search = {"type": "server_tool_use", "id": "srvtoolu_01", "name": "web_search", "input": {}}
    stream = anthropic.start()
    for index in (0, 1):
        stream += anthropic.event("content_block_start", index=index, content_block=search)
        stream += anthropic.event("content_block_delta", index=index, delta=broken)
    check_order(read(MESSAGES.event_reader, [stream + anthropic.finish("end_turn")]))


def test_an_item_that_ends_as_another_than_it_began_leaves_no_block_open() -> None:
    call = openai.ANSWER["output"][2]
    events = [
        openai.CREATED,
        {"type": "response.output_item.added", "output_index": 0, "item": {**call, "arguments": ""}},
        {"type": "response.output_item.done", "output_index": 0, "item": {**call, "type": "mcp_call"}},
        openai.COMPLETED,
    ]
    check_order(read(RESPONSES.event_reader, [openai.stream_of(*events)]))


def test_an_error_whose_number_is_out_of_range_is_an_error() -> None:
    with pytest.raises(BadAnswer):
        GEMINI.read_answer(b'{"error":{"code":1e999,"message":"m"}}')
    (last,) = read(GEMINI.event_reader, [b'data: {"error":{"code":1e999}}\n\n'])
    assert isinstance(last, Broke)


@pytest.mark.parametrize("name", ["message", "code", "type", "param"])
def test_a_key_that_a_vendor_repeats_in_a_stream_is_cut_out_of_every_word(name: str) -> None:
    reader = TranslatingReader(CHAT.event_reader(), MESSAGES.event_writer(SHOWN), SECRET)
    reader.feed(b"data: " + json.dumps({"error": {"message": "no", "code": "x", name: SECRET}}).encode() + b"\n\n")
    assert reader.failure is not None
    assert SECRET not in repr(reader.failure)


@pytest.mark.parametrize(
    ("format_", "body"),
    [
        (RESPONSES, {"status": SECRET, "error": {"code": "x"}, "output": []}),
        (GEMINI, {"promptFeedback": {"blockReason": SECRET}}),
    ],
    ids=["responses", "gemini"],
)
def test_a_key_that_a_vendor_repeats_in_an_answer_is_shown_to_nobody(format_: Any, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    with pytest.raises(BadAnswer) as bad:
        format_.read_answer(data)
    assert SECRET not in str(bad.value)
    assert SECRET not in repr(format_.read_error(200, {}, data, SECRET))


@pytest.mark.parametrize("body", [b"[]", b"0.5", b'"text"'])
@pytest.mark.parametrize("format_", [CHAT, RESPONSES, MESSAGES, GEMINI, CONVERSE_FOR_CLIENTS], ids=lambda one: one.id)
def test_a_body_that_is_no_object_is_told_to_be_that_and_no_field_of_it(format_: Any, body: bytes) -> None:
    with pytest.raises(RequestInvalid, match="body"):
        format_.read_request(body)


def test_a_frame_whose_payload_is_no_utf_8_breaks_the_stream_that_passes_through() -> None:
    reader = ConversePassing(CONVERSE_FOR_CLIENTS.event_writer(SHOWN), SECRET)
    headers = ((":event-type", "contentBlockDelta"), (":message-type", "event"))
    assert reader.feed(write_frame(headers, b'{"delta":{"text":"\xed\xa0"}}')) == b""
    assert reader.failure is not None
    assert reader.failure.kind is Kind.STREAM_CUT


def test_a_citation_that_is_no_utf_8_is_given_to_nobody() -> None:
    cited = write_frame(
        ((":event-type", "contentBlockDelta"), (":message-type", "event")),
        b'{"contentBlockIndex":0,"delta":{"citation":{"title":"Guide","new":"\xff"}}}',
    )
    events = read(CONVERSE_OF_CLAUDE.event_reader, [bedrock.BEGIN + bedrock.text_delta(0, "said") + cited])
    assert isinstance(events[-1], Broke)
    assert not any(isinstance(event, Cited) for event in events)
