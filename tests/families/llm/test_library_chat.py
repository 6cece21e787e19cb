"""Text where a caller of the library wants text, and everything else where it is wanted."""

import json

from families.llm.support import GOOD, call, chunk, cut_at, event
from segue.families.llm.chat import ChatPieces, read_reply, to_messages


def reply(message: object, **fields):
    body = {"choices": [{"message": message, "finish_reason": "stop"}], **fields}
    return read_reply(json.dumps(body).encode(), call(), 0.5, None)


def test_a_question_becomes_a_conversation_and_a_conversation_stays_one() -> None:
    assert to_messages("hi") == [{"role": "user", "content": "hi"}]
    conversation = [{"role": "system", "content": "x"}]
    assert to_messages(conversation) is conversation


def test_a_reply_has_text_provider_usage_and_the_raw_answer() -> None:
    made = reply({"content": "hello"}, usage={"prompt_tokens": 1, "completion_tokens": 2})
    assert (made.text, made.finish_reason, made.provider, made.model) == ("hello", "stop", "acme", "gpt-4o")
    assert (made.usage.input_tokens, made.usage.output_tokens) == (1, 2)
    assert (made.elapsed, made.attempts, made.call_id, made.cost) == (0.5, 1, "call_1", None)
    assert made.raw["choices"][0]["message"] == {"content": "hello"}


def test_text_in_parts_is_joined_and_other_parts_are_left_out() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image_url"}, 7, {"type": "text", "text": "b"}]
    assert reply({"content": parts}).text == "ab"


def test_a_reply_that_only_calls_tools_has_no_text() -> None:
    tool = {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    made = reply({"content": None, "tool_calls": [tool]})
    assert made.text == ""
    assert made.tool_calls == (tool,)


def test_a_reply_without_usage_or_message_is_empty_rather_than_broken() -> None:
    assert reply({}).usage is None
    assert reply("odd").text == ""


def test_a_call_that_nobody_is_known_to_have_answered_names_nobody() -> None:
    unknown = call()
    unknown.answered_by = None
    assert read_reply(b'{"choices":[{"message":{"content":"x"}}]}', unknown, 0.1, None).provider == ""
    assert next(ChatPieces(unknown).feed(chunk("x"))).provider == ""


def test_pieces_come_out_wherever_the_stream_was_cut() -> None:
    for place in range(len(GOOD)):
        pieces = ChatPieces(call())
        made = [piece for part in cut_at(GOOD, [place]) for piece in pieces.feed(part)]
        assert "".join(map(str, made)) == "Hello — ünï"
        assert made[-1].finish_reason == "stop"


def test_pieces_with_neither_text_nor_end_are_left_out_but_tool_calls_are_not() -> None:
    stream = chunk("") + event({"choices": []}) + event({"x": 1}) + chunk(tool_calls=[{"index": 0}]) + b": hi\n\n"
    made = list(ChatPieces(call()).feed(stream))
    assert len(made) == 1
    assert made[0].raw["choices"][0]["delta"]["tool_calls"] == [{"index": 0}]
    assert made[0].provider == "acme"
