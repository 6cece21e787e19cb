"""What vendors were seen to answer, where it differs from their documentation.

Each test stands for a class of recorded exchanges in which something was lost or refused. The bodies are ours: as
small as the defect allows.
"""

import json
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from families.llm.vendor_calls import SECRET, account_of, candidate
from segue.core.failure import Kind
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.openai_chat import OpenAIChat, bearer
from segue.families.llm.formats.openai_stream import ChatStreamReader
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.answer import (
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Cited,
    Ended,
    Event,
    Signed,
    Stop,
    Stopped,
    TextMore,
)
from segue.families.llm.ir.blocks import Citation, ServerItem, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.collect import Collector
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import EventReader, Shown
from segue.families.llm.passing.messages import MessagesPassing
from segue.families.llm.request import parse_chat

SHOWN = Shown(Conversation(model="m", stream=True, stream_usage=True), "m", "call_1", 1_700_000_000)
USER = {"role": "user", "content": "hi"}


def collected(reader: EventReader, *events: object, done: bool = True) -> Collector:
    """What a reader makes of a stream; a `str` among the events stands as it is."""
    collector = Collector()
    data = "".join(one if isinstance(one, str) else f"data: {json.dumps(one)}\n\n" for one in events)
    for event in (*reader.feed((data + ("data: [DONE]\n\n" if done else "")).encode()), *reader.end()):
        collector.feed(event)
    return collector


def chat_chunk(delta: dict, finish: str | None = None, **more: object) -> dict:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def chat_answer(message: object, finish: str = "stop") -> bytes:
    choice = {"index": 0, "finish_reason": finish, **({} if message is None else {"message": message})}
    return json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}).encode()


def written(writer: object, events: Sequence[Event]) -> bytes:
    return b"".join(writer.write(event) for event in events)


# Answers in Chat Completions


def test_empty_words_beside_a_call_are_no_calls() -> None:
    """Snowflake writes every field: a custom tool and a function, of which one is empty."""
    empty = {"function_call": {"name": "", "arguments": ""}}
    call = {"id": "t1", "custom": {"name": "", "input": ""}, "function": {"name": "weather", "arguments": "{}"}}
    answer = CHAT.read_answer(chat_answer({"content": "", "tool_calls": [call], **empty}, finish=""))
    assert answer.content == [ToolUse("t1", "weather", "{}")]
    assert answer.stop is Stop.TOOLS
    streamed = collected(
        CHAT.event_reader(),
        chat_chunk({"tool_calls": [{"index": 0, **call}], **empty}),
        chat_chunk(empty, "tool_calls"),
    ).answer
    assert streamed.content == [ToolUse("t1", "weather", "{}")]


def test_a_custom_call_beside_an_empty_function_stays_one() -> None:
    call = {"id": "t1", "type": "custom", "custom": {"name": "run", "input": "1+1"}}
    assert CHAT.read_answer(chat_answer({"tool_calls": [call]})).content == [ToolUse("t1", "run", "1+1", custom=True)]
    streamed = collected(
        CHAT.event_reader(),
        chat_chunk({"tool_calls": [{"index": 0, **call}]}),
        chat_chunk({}, "tool_calls"),
    ).answer
    assert streamed.content == [ToolUse("t1", "run", "1+1", custom=True)]


def test_an_answer_that_the_filter_took_away_has_no_message() -> None:
    """Azure leaves `message` out of the choice that its filter cut."""
    body = chat_answer(None, "content_filter")
    assert CHAT.read_answer(body).stop is Stop.FILTER
    outcome = OpenAIChat("https://x", bearer).decode(SimpleNamespace(), candidate(), 200, {}, body)
    assert outcome.answer == body
    refused = OpenAIChat("https://x", bearer).decode(SimpleNamespace(), candidate(), 200, {}, chat_answer(None, "stop"))
    assert refused.failure.kind is Kind.BAD_RESPONSE


def test_an_object_in_the_place_of_the_text_is_its_json() -> None:
    """Cloudflare gives an answer that follows a schema as an object."""
    answer = CHAT.read_answer(chat_answer({"role": "assistant", "content": {"age": 32}}))
    assert answer.content == [Text('{"age":32}')]


def test_a_stream_that_says_done_without_a_reason_is_whole() -> None:
    """OpenRouter and Snowflake were seen to send no `finish_reason`, and the usage and the end all the same."""
    told = collected(CHAT.event_reader(), chat_chunk({"content": "Hi"}))
    assert (told.failure, told.ended) == (None, True)
    assert (told.answer.content, told.answer.stop) == ([Text("Hi")], Stop.END)
    call = {"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}
    assert collected(CHAT.event_reader(), chat_chunk({"tool_calls": [call]})).answer.stop is Stop.TOOLS


def test_a_stream_that_says_nothing_but_done_or_nothing_at_all_is_cut() -> None:
    assert collected(CHAT.event_reader(), chat_chunk({})).failure.kind is Kind.STREAM_CUT
    assert collected(CHAT.event_reader(), chat_chunk({"content": "Hi"}), done=False).failure.kind is Kind.STREAM_CUT


@pytest.mark.parametrize("told", [{"usage": {"prompt_tokens": 18, "completion_tokens": 73}}, "odd", None])
def test_groqs_usage_is_found_in_a_stream_that_passes_where_it_is_told(told: object) -> None:
    request = parse_chat(json.dumps({"model": "m", "messages": [USER], "stream": True}).encode())
    reader = ChatStreamReader(request, SECRET)
    events = (chat_chunk({"content": "Hi"}), chat_chunk({}, "stop", x_groq=told))
    reader.feed(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n")
    assert reader.finished
    found = None if reader.usage is None else (reader.usage.input_tokens, reader.usage.output_tokens)
    assert found == ((18, 73) if isinstance(told, dict) else None)
    assert collected(CHAT.event_reader(), *events).failure is None


def test_sound_beside_the_prompt_is_of_the_input() -> None:
    """Mistral's Voxtral leaves sound out of `prompt_tokens`, and says so by the sum."""
    usage = {"prompt_tokens": 9, "completion_tokens": 248, "prompt_tokens_details": {"audio_tokens": 375}}
    for total, taken in ((632, 384), (257, 9)):
        chunk = chat_chunk({"content": "a"}, "stop", usage={**usage, "total_tokens": total})
        told = collected(CHAT.event_reader(), chunk)
        assert told.answer.usage.input_tokens == taken


# Answers in Responses


SEARCHED = {"type": "tool_search_call", "id": "tsc_1", "arguments": {"paths": ["tools"]}, "status": "completed"}


def response(*output: object) -> dict:
    return {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": list(output)}


def test_an_item_of_openais_own_may_have_fields_of_any_shape() -> None:
    """`arguments` of a search for tools is an object, where that of a function is a text."""
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
    answer = RESPONSES.read_answer(json.dumps(response(SEARCHED, said)).encode())
    assert [type(block) for block in answer.content] == [ServerItem, Text]
    assert json.loads(answer.content[0].raw) == SEARCHED
    streamed = collected(
        RESPONSES.event_reader(),
        {"type": "response.created", "response": response()},
        {"type": "response.output_item.added", "output_index": 0, "item": SEARCHED},
        {"type": "response.output_item.done", "output_index": 0, "item": SEARCHED},
        {"type": "response.completed", "response": response(SEARCHED)},
        done=False,
    )
    assert streamed.failure is None
    assert [block.type for block in streamed.answer.content] == ["tool_search_call"]


def test_a_call_of_a_function_in_another_shape_is_still_no_answer() -> None:
    broken = {"type": "function_call", "call_id": "c", "name": "f", "arguments": {"a": 1}}
    with pytest.raises(Exception, match="output"):
        RESPONSES.read_answer(json.dumps(response(broken)).encode())


# Answers of Gemini


def test_googles_words_may_be_told_by_their_numbers() -> None:
    """A client may ask for that by the URL (`enum-encoding=int`), and LangChain's does."""
    details = [{"modality": 1, "tokenCount": 5}, {"modality": 4, "tokenCount": 6}]
    body = {
        "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": 2}],
        "usageMetadata": {
            "promptTokenCount": 11, "candidatesTokenCount": 7, "trafficType": 1, "promptTokensDetails": details,
        },
    }  # fmt: skip
    answer = GEMINI.read_answer(json.dumps(body).encode())
    assert (answer.stop, answer.vendor_stop) == (Stop.LENGTH, "MAX_TOKENS")
    assert (answer.usage.input_tokens, answer.usage.audio_input_tokens) == (11, 6)
    body["candidates"][0]["finishReason"] = 77
    assert GEMINI.read_answer(json.dumps(body).encode()).stop is Stop.OTHER


def test_an_array_in_the_place_of_events_is_read_and_written_anew() -> None:
    chunks = [
        {"candidates": [{"content": {"parts": [{"text": "H"}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "i"}]}, "finishReason": "STOP"}]},
    ]
    body = json.dumps({"contents": [{"parts": [{"text": "hi"}]}]}).encode()
    asked = SimpleNamespace(request=RawRequest(GEMINI, body, model="m", stream=True), id="c", continuation=None)
    codec = account_of("gemini").codecs["chat"]
    reader = codec.reader(asked, candidate(), {"content-type": "application/json; charset=UTF-8"})
    out = reader.feed(json.dumps(chunks, indent=1).encode()) + reader.end()
    assert (reader.failure, reader.finished) == (None, True)
    told = [json.loads(event.removeprefix(b"data: ")) for event in out.split(b"\r\n\r\n") if event]
    assert "".join(event["candidates"][0]["content"]["parts"][0]["text"] for event in told) == "Hi"


# What clients get


LINED = '{\n  "city": "Oslo"\n}'
CALLED = (
    Began("a", "m"),
    BlockBegan(0, ToolUse("t", "weather")),
    ArgumentsMore(0, LINED),
    BlockEnded(0),
    Stopped(Stop.TOOLS),
    Ended(),
)


def test_json_on_several_lines_does_not_tear_an_event_apart() -> None:
    """Models write arguments on several lines, and some vendors whole answers; a line's end is the end of the data."""
    out = written(GEMINI.event_writer(SHOWN), CALLED)
    told = [json.loads(event.removeprefix(b"data: ")) for event in out.split(b"\r\n\r\n") if event]
    assert told[0]["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == {"city": "Oslo"}


@pytest.mark.parametrize(("format_", "vendor"), [(MESSAGES, "anthropic"), (RESPONSES, "openai")])
def test_nor_does_a_vendors_own_item_on_several_lines(format_: object, vendor: str) -> None:
    item = ServerItem(vendor, "web_search_call", b'{\n "type": "web_search_call",\r\n "id": "w"\n}')
    events = (Began("a", "m"), BlockBegan(0, item), BlockEnded(0), Stopped(Stop.END), Ended())
    out = written(format_.event_writer(SHOWN), events)
    assert b'"web_search_call"' in out
    for event in out.split(b"\n\n"):
        lines = event.split(b"\n")
        assert len(lines) <= 2
        assert b"\r" not in event
        if lines[-1]:
            json.loads(lines[-1].removeprefix(b"data: "))


def test_all_citations_come_in_one_delta_and_proofs_are_numbered() -> None:
    """OpenAI's SDK adds deltas up, and raises for a second list whose entries have no `index`."""
    cited = [Cited(2, Citation(url=f"https://{name}.example")) for name in "ab"]
    signed = [Signed(number, Signature("anthropic", f"proof-{number}")) for number in (0, 1)]
    thoughts = [BlockBegan(0, Thinking()), signed[0], BlockEnded(0), BlockBegan(1, Thinking()), signed[1]]
    said = [BlockEnded(1), BlockBegan(2, Text()), TextMore(2, "Hi"), *cited, BlockEnded(2)]
    out = written(CHAT.event_writer(SHOWN), [Began("a", "m"), *thoughts, *said, Stopped(Stop.END), Ended()])
    events = [json.loads(event[6:]) for event in out.split(b"\n\n") if event and event != b"data: [DONE]"]
    deltas = [event["choices"][0]["delta"] for event in events if event["choices"]]
    urls = [[one["url_citation"]["url"] for one in delta["annotations"]] for delta in deltas if "annotations" in delta]
    assert urls == [["https://a.example", "https://b.example"]]
    assert [delta["reasoning_details"][0]["index"] for delta in deltas if "reasoning_details" in delta] == [0, 1]


# A stream of Anthropic's that begins again


def begun(name: str) -> str:
    started = {"type": "message_start", "message": {"id": name, "type": "message", "usage": {"input_tokens": 1}}}
    opened = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": name}}
    return "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in (started, opened, said))


def test_another_answer_inside_of_an_answer_is_a_break() -> None:
    spliced = collected(MESSAGES.event_reader(), begun("one"), begun("two"), done=False)
    assert (spliced.failure.kind, spliced.answer.content) == (Kind.STREAM_CUT, [Text("one")])
    reader = MessagesPassing(MESSAGES, MESSAGES.event_writer(SHOWN), SECRET)
    out = reader.feed((begun("one") + begun("two")).encode())
    assert reader.failure.kind is Kind.STREAM_CUT
    assert out == begun("one").encode()


def test_the_same_answer_may_say_twice_that_it_begins() -> None:
    reader = MessagesPassing(MESSAGES, MESSAGES.event_writer(SHOWN), SECRET)
    reader.feed((begun("one") + begun("one")).encode())
    assert reader.failure is None
