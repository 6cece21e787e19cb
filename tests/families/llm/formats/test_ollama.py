"""Ollama's own chat: requests, answers, streams of lines, and errors."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.llm.formats import provider_streams as streams
from segue.core.failure import Kind, Scope
from segue.core.outcome import Usage
from segue.core.ports import CannotServe
from segue.families.llm.formats.ollama.format import OLLAMA
from segue.families.llm.ir.answer import Answer, Broke, Stop
from segue.families.llm.ir.blocks import Media, ServerItem, Signature, Text, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import (
    Conversation,
    FunctionTool,
    Message,
    Output,
    Reasoning,
    Sampling,
    ToolChoice,
    VendorTool,
)
from segue.families.llm.ir.format import BadAnswer, ProviderFormat, Target

WEATHER = FunctionTool("weather", "Tells it.", b'{"type":"object"}')
DECLARED = {
    "type": "function",
    "function": {"name": "weather", "description": "Tells it.", "parameters": {"type": "object"}},
}
CREATED = "2025-11-21T10:00:00.123456789Z"


def written(
    *messages: Message, model: str = "qwen3", flags: frozenset[str] = frozenset(), **fields: Any
) -> tuple[dict[str, Any], list[str]]:
    conversation = Conversation(messages=list(messages) or [Message("user", [Text("Hi")])], **fields)
    result = OLLAMA.write_request(conversation, Target(model, flags=flags))
    return msgspec.json.decode(result.body), result.warnings


def line(done: bool = False, reason: str = "", **message: Any) -> bytes:
    told: dict[str, Any] = {
        "model": "qwen3",
        "created_at": CREATED,
        "message": {"role": "assistant", "content": "", **message},
        "done": done,
    }
    if done:
        told |= {"done_reason": reason or "stop", "prompt_eval_count": 26, "eval_count": 9, "total_duration": 5}
    return msgspec.json.encode(told) + b"\n"


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": {"city": "Köln"}}, **more}


STREAM = (
    line(thinking="Hm") + line(thinking="m.") + line(content="Grüße") + line(content="") + line(content=" aus")
    + line(tool_calls=[call("weather"), call("weather")]) + line(tool_calls=[call("weather", id="call_9")]) + line(True)
)  # fmt: skip
PLAIN = line(content="Hallo") + line(True, "length", content=" du")


def test_a_plain_request_always_says_whether_it_streams() -> None:
    fmt: ProviderFormat = OLLAMA
    assert (fmt.id, fmt.vendor) == ("ollama", "ollama")
    assert written(Message("user", [Text("Hi")]), system=[Text("Be kind.")])[0] == {
        "model": "qwen3",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "stream": False,
    }


def test_settings_lie_in_the_options() -> None:
    sampling = Sampling(0.5, 0.9, 40, 7, 0.1, 0.2)
    told = written(max_tokens=50, stop=["END"], sampling=sampling, flags=frozenset({"num_ctx:8192"}))[0]
    assert told["options"] == {
        "num_predict": 50, "temperature": 0.5, "top_k": 40, "top_p": 0.9, "seed": 7, "presence_penalty": 0.1,
        "frequency_penalty": 0.2, "stop": ["END"], "num_ctx": 8192,
    }  # fmt: skip


def test_calls_and_results_are_paired_by_name_and_stand_in_the_order_of_the_calls() -> None:
    told, warned = written(
        Message("user", [Text("x")]),
        Message(
            "assistant",
            [Thinking("hm"), Text("I look"), ToolUse("a", "weather", '{"city":"Oslo"}'), ToolUse("b", "now")],
        ),
        Message("user", [ToolResult("b", (Text("noon"),)), ToolResult("a", (Text("no"),), error=True), Text("so?")]),
        tools=[WEATHER],
    )
    assert told["messages"][1:] == [
        {
            "role": "assistant",
            "thinking": "hm",
            "content": "I look",
            "tool_calls": [
                {"id": "a", "function": {"name": "weather", "arguments": {"city": "Oslo"}}},
                {"id": "b", "function": {"name": "now", "arguments": {}}},
            ],
        },
        {"role": "tool", "tool_name": "weather", "tool_call_id": "a", "content": "Error: no"},
        {"role": "tool", "tool_name": "now", "tool_call_id": "b", "content": "noon"},
        {"role": "user", "content": "so?"},
    ]
    assert (told["tools"], warned) == ([DECLARED], [])


def test_images_lie_beside_the_text() -> None:
    told = written(
        Message("user", [Text("see"), Media("image", "image/png", "iVBO"), Media("document", text="a", name="n")])
    )[0]
    assert told["messages"] == [{"role": "user", "content": "see\nn\na", "images": ["iVBO"]}]


def test_no_tool_is_said_by_offering_none_and_some_by_offering_only_these() -> None:
    assert "tools" not in written(tools=[WEATHER], tool_choice=ToolChoice("none"))[0]
    assert written(tools=[WEATHER, FunctionTool("now")], tool_choice=ToolChoice("auto", ("weather", "x")))[0][
        "tools"
    ] == [DECLARED]


@pytest.mark.parametrize(
    ("model", "wish", "think"),
    [
        ("qwen3", Reasoning(enabled=True), True),
        ("qwen3", Reasoning(effort="high"), True),
        ("qwen3", Reasoning(effort="none"), False),
        ("qwen3", Reasoning(show=True), None),
        ("gpt-oss:20b", Reasoning(effort="minimal"), "low"),
        ("gpt-oss:20b", Reasoning(enabled=True), "medium"),
    ],
)
def test_thinking_is_asked_for_as_the_model_wants_it(model: str, wish: Reasoning, think: bool | str | None) -> None:
    assert written(model=model, reasoning=wish)[0].get("think") == think


def test_the_shape_of_the_answer_has_its_word() -> None:
    assert written(output=Output())[0]["format"] == "json"
    assert written(output=Output(b'{"type":"object"}'))[0]["format"] == {"type": "object"}


def test_thoughts_of_other_vendors_are_left_out_and_told() -> None:
    told, warned = written(Message("assistant", [Thinking("t", Signature("anthropic", "x")), Text("a")]))
    assert told["messages"] == [{"role": "assistant", "content": "a"}]
    assert "thoughts" in warned[0]


def test_arguments_that_are_no_object_are_put_into_one() -> None:
    told, warned = written(Message("assistant", [ToolUse("a", "weather", "Oslo?")]))
    assert told["messages"][0]["tool_calls"][0]["function"]["arguments"] == {"arguments": "Oslo?"}
    assert len(warned) == 1


@pytest.mark.parametrize(
    "conversation",
    [
        Conversation(messages=[Message("user", [Media("image", url="https://e.example/a.png")])]),
        Conversation(messages=[Message("user", [Media("audio", "audio/wav", "UklG")])]),
        Conversation(messages=[Message("assistant", [ServerItem("google", "x", b"{}")])]),
        Conversation(
            messages=[
                Message("assistant", [ToolUse("a", "f")]),
                Message("user", [ToolResult("a", (Media("image", "image/png", "iVBO"),))]),
            ]
        ),
        Conversation(tools=[WEATHER], tool_choice=ToolChoice("required")),
        Conversation(tools=[VendorTool("openai", "web_search", b"{}")]),
    ],
)
def test_what_ollama_cannot_do_is_refused(conversation: Conversation) -> None:
    with pytest.raises(CannotServe, match="Ollama cannot express"):
        OLLAMA.write_request(conversation, Target("qwen3"))


def test_a_whole_answer_is_read() -> None:
    whole = OLLAMA.read_answer(line(True, thinking="hm", content="Hallo"))
    assert whole == Answer(
        model="qwen3",
        created=1763719200,
        content=[Thinking("hm"), Text("Hallo")],
        stop=Stop.END,
        vendor_stop="stop",
        usage=Usage(26, 9),
    )


def test_calls_without_names_get_names_that_differ_and_stay_the_same() -> None:
    body = line(True, tool_calls=[call("weather"), call("weather"), call("weather", id="call_9")])
    whole = OLLAMA.read_answer(body)
    names = [block.id for block in whole.content if isinstance(block, ToolUse)]
    assert (len(set(names)), names[2], whole.stop) == (3, "call_9", Stop.TOOLS)
    assert OLLAMA.read_answer(body) == whole


@pytest.mark.parametrize(("reason", "stop"), [("stop", Stop.END), ("length", Stop.LENGTH), ("load", Stop.OTHER)])
def test_reasons_have_our_words(reason: str, stop: Stop) -> None:
    assert OLLAMA.read_answer(line(True, reason)).stop is stop


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"<html>",
        line(False, content="a"),
        b'{"message":"x"}',
        b"\xff",
        b'{"error":"x"}',
        b'{"done":true,"message":{"tool_calls":[{}]}}',
    ],
)
def test_what_is_no_answer_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        OLLAMA.read_answer(body)


def test_a_stream_becomes_the_whole_answer() -> None:
    whole = streams.answer_of(OLLAMA.event_reader, STREAM)
    assert whole.content[:2] == [Thinking("Hmm."), Text("Grüße aus")]
    uses = [block for block in whole.content if isinstance(block, ToolUse)]
    assert len({use.id for use in uses}) == len(uses) == 3
    assert {use.arguments for use in uses} == {'{"city":"Köln"}'}
    assert (whole.stop, whole.usage, whole.model, whole.created) == (Stop.TOOLS, Usage(26, 9), "qwen3", 1763719200)


def test_the_last_line_may_still_say_something() -> None:
    whole = streams.answer_of(OLLAMA.event_reader, PLAIN)
    assert (whole.content, whole.stop) == ([Text("Hallo du")], Stop.LENGTH)


@pytest.mark.parametrize("stream", [STREAM, PLAIN, STREAM.replace(b"\n", b"\r\n\r\n"), PLAIN.rstrip()])
def test_the_same_events_wherever_the_stream_is_cut(stream: bytes) -> None:
    streams.check_cuts(OLLAMA.event_reader, stream)


def test_a_stream_that_ends_anywhere_is_never_a_success_unless_it_had_stopped() -> None:
    streams.check_truncations(OLLAMA.event_reader, STREAM)
    streams.check_truncations(OLLAMA.event_reader, PLAIN)


def test_an_error_in_the_stream_is_a_failure() -> None:
    last = streams.read(OLLAMA.event_reader, [line(content="a") + b'{"error":"the model broke off"}\n'])[-1]
    assert isinstance(last, Broke)
    assert (last.failure.kind, last.failure.message) == (
        Kind.SERVER_ERROR,
        "the model broke off",
    )


def test_what_is_no_stream_is_a_bad_response() -> None:
    last = streams.read(OLLAMA.event_reader, [b"<html>\n"])[-1]
    assert isinstance(last, Broke)
    assert last.failure.kind is Kind.BAD_RESPONSE


@given(st.lists(st.tuples(st.sampled_from(["content", "thinking"]), st.text(min_size=1, max_size=9)), max_size=6))
def test_any_answer_that_is_streamed_comes_back(pieces: list[tuple[str, str]]) -> None:
    stream = b"".join(
        [*(line(content=words) if what == "content" else line(thinking=words) for what, words in pieces), line(True)]
    )
    whole = streams.answer_of(OLLAMA.event_reader, stream)
    for what, kind in (("content", Text), ("thinking", Thinking)):
        said = "".join(block.text for block in whole.content if isinstance(block, kind))
        assert said == "".join(words for told, words in pieces if told == what)


@pytest.mark.parametrize(
    ("status", "message", "kind", "scope"),
    [
        (404, "model 'x' not found", Kind.MODEL_MISSING, Scope.MODEL),
        (400, "registry.ollama.ai/library/x does not support tools", Kind.UNSUPPORTED, Scope.MODEL),
        (400, "invalid options: top_k", Kind.INVALID_REQUEST, Scope.REQUEST),
        (400, "the input length exceeds the context length", Kind.CONTEXT_LENGTH, Scope.MODEL),
        (503, "server busy, please try again.  maximum pending requests exceeded", Kind.OVERLOADED, Scope.PROVIDER),
        (500, "model requires more system memory (8 GiB) than is available", Kind.SERVER_ERROR, Scope.MODEL),
        (401, "unauthorized", Kind.AUTH, Scope.KEY),
        (429, "you have reached your weekly usage limit", Kind.QUOTA, Scope.KEY),
        (429, "too many requests", Kind.RATE_LIMITED, Scope.KEY),
    ],
)
def test_errors_have_our_words(status: int, message: str, kind: Kind, scope: Scope) -> None:
    failure = OLLAMA.read_error(status, {}, msgspec.json.encode({"error": message}), "key-secret")
    assert (failure.kind, failure.scope, failure.message, failure.status) == (kind, scope, message, status)


def test_a_key_is_cut_out_and_a_strangers_page_says_no_more_than_its_status() -> None:
    assert "key-secret" not in OLLAMA.read_error(401, {}, b'{"error":"bad key-secret"}', "key-secret").message
    assert OLLAMA.read_error(404, {}, b"404 page not found", "").kind is Kind.BAD_RESPONSE
