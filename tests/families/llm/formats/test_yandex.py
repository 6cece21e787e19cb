"""Yandex's completion: requests, answers, streams whose text is told again and again, and errors."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from families.llm.formats import provider_streams as streams
from segue.core.failure import Kind, Scope
from segue.core.outcome import Usage
from segue.core.ports import CannotServe
from segue.families.llm.formats.yandex.format import YANDEX
from segue.families.llm.ir.answer import Broke, Stop, TextMore
from segue.families.llm.ir.blocks import Media, ServerItem, Text, ToolResult, ToolUse
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

MODEL = "gpt://b1gfolder/yandexgpt/latest"
WEATHER = FunctionTool("weather", "Tells it.", b'{"type":"object"}')
USAGE = {
    "inputTextTokens": "19",
    "completionTokens": "6",
    "totalTokens": "25",
    "completionTokensDetails": {"reasoningTokens": "2"},
}


def written(*messages: Message, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    conversation = Conversation(messages=list(messages) or [Message("user", [Text("Hi")])], **fields)
    result = YANDEX.write_request(conversation, Target(MODEL))
    return msgspec.json.decode(result.body), result.warnings


def line(status: str, **message: Any) -> bytes:
    alternative = {"message": {"role": "assistant", **message}, "status": f"ALTERNATIVE_STATUS_{status}"}
    return (
        msgspec.json.encode({"result": {"alternatives": [alternative], "usage": USAGE, "modelVersion": "06.12.2023"}})
        + b"\n"
    )


def calls(*names: str) -> dict[str, Any]:
    return {"toolCalls": [{"functionCall": {"name": name, "arguments": {"city": "Köln"}}} for name in names]}


STREAM = (
    line("PARTIAL", text="Grüße")
    + line("PARTIAL", text="Grüße aus")
    + line("PARTIAL", text="Grüße aus")
    + line("FINAL", text="Grüße aus Köln")
)
CALLING = line("PARTIAL", text="Ich sehe") + line("TOOL_CALLS", toolCallList=calls("weather", "weather"))


def test_a_plain_request_names_the_model_by_its_uri() -> None:
    fmt: ProviderFormat = YANDEX
    assert (fmt.id, fmt.vendor) == ("yandex", "yandex")
    assert written(Message("user", [Text("Hi")]), system=[Text("Be kind.")])[0] == {
        "modelUri": MODEL,
        "completionOptions": {"stream": False},
        "messages": [{"role": "system", "text": "Be kind."}, {"role": "user", "text": "Hi"}],
    }


def test_options_have_their_places_and_whole_numbers_are_strings() -> None:
    told, warned = written(
        stream=True, max_tokens=50, sampling=Sampling(temperature=1.5), reasoning=Reasoning(effort="low")
    )
    assert told["completionOptions"] == {
        "stream": True,
        "temperature": 1.0,
        "maxTokens": "50",
        "reasoningOptions": {"mode": "ENABLED_HIDDEN"},
    }
    assert "temperature" in warned[0]
    assert written(reasoning=Reasoning(enabled=False))[0]["completionOptions"]["reasoningOptions"] == {
        "mode": "DISABLED"
    }


def test_calls_and_results_are_messages_of_their_own_in_the_order_of_the_calls() -> None:
    told, warned = written(
        Message("user", [Text("x")]),
        Message("assistant", [Text("I look"), ToolUse("a", "weather", '{"city":"Oslo"}'), ToolUse("b", "now")]),
        Message("user", [ToolResult("b", (Text("noon"),)), ToolResult("a", (Text("no"),), error=True), Text("so?")]),
        tools=[WEATHER],
    )
    assert told["messages"][1:] == [
        {"role": "assistant", "text": "I look"},
        {
            "role": "assistant",
            "toolCallList": {
                "toolCalls": [
                    {"functionCall": {"name": "weather", "arguments": {"city": "Oslo"}}},
                    {"functionCall": {"name": "now", "arguments": {}}},
                ]
            },
        },
        {
            "role": "user",
            "toolResultList": {
                "toolResults": [
                    {"functionResult": {"name": "weather", "content": "Error: no"}},
                    {"functionResult": {"name": "now", "content": "noon"}},
                ]
            },
        },
        {"role": "user", "text": "so?"},
    ]
    assert warned == []


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("required"), {"mode": "REQUIRED"}),
        (ToolChoice("required", ("weather",)), {"functionName": "weather"}),
    ],
)
def test_the_choice_of_tools_has_its_word(choice: ToolChoice, expected: dict[str, str]) -> None:
    told = written(tools=[WEATHER], tool_choice=choice, parallel_tools=False)[0]
    assert told["tools"] == [
        {"function": {"name": "weather", "description": "Tells it.", "parameters": {"type": "object"}}}
    ]
    assert (told["toolChoice"], told["parallelToolCalls"]) == (expected, False)


def test_a_choice_among_some_tools_offers_only_these() -> None:
    told = written(tools=[WEATHER, FunctionTool("a"), FunctionTool("b")], tool_choice=ToolChoice("auto", ("a", "b")))[0]
    assert [tool["function"]["name"] for tool in told["tools"]] == ["a", "b"]


def test_the_shape_of_the_answer_has_its_word() -> None:
    assert written(output=Output())[0]["jsonObject"] is True
    assert written(output=Output(b'{"type":"object"}'))[0]["jsonSchema"] == {"schema": {"type": "object"}}


def test_arguments_that_are_no_object_are_put_into_one() -> None:
    told, warned = written(Message("assistant", [ToolUse("a", "weather", "Oslo?")]))
    assert told["messages"][0]["toolCallList"]["toolCalls"][0]["functionCall"]["arguments"] == {"arguments": "Oslo?"}
    assert len(warned) == 1


@pytest.mark.parametrize(
    "messages",
    [
        [Message("user", [Media("image", "image/png", "iVBO")])],
        [Message("assistant", [ServerItem("google", "x", b"{}")])],
        [
            Message("assistant", [ToolUse("a", "f")]),
            Message("user", [ToolResult("a", (Media("image", "image/png", "iVBO"),))]),
        ],
    ],
)
def test_what_yandex_cannot_take_is_refused(messages: list[Message]) -> None:
    with pytest.raises(CannotServe, match="Yandex cannot express"):
        written(*messages)


def test_tools_of_other_vendors_are_refused() -> None:
    with pytest.raises(CannotServe, match="openai"):
        written(tools=[VendorTool("openai", "web_search", b"{}")])


def test_a_whole_answer_is_read() -> None:
    whole = YANDEX.read_answer(line("FINAL", text="Hallo"))
    assert (whole.content, whole.stop, whole.model) == ([Text("Hallo")], Stop.END, "06.12.2023")
    assert whole.usage == Usage(19, 6, reasoning_tokens=2)


def test_calls_get_names_that_differ_and_stay_the_same() -> None:
    body = line("TOOL_CALLS", toolCallList=calls("weather", "weather"))
    first, second = YANDEX.read_answer(body).content
    assert isinstance(first, ToolUse)
    assert isinstance(second, ToolUse)
    assert first.id != second.id
    assert first.arguments == '{"city":"Köln"}'
    assert YANDEX.read_answer(body).content == [first, second]


@pytest.mark.parametrize(
    ("status", "stop"),
    [
        ("FINAL", Stop.END),
        ("TRUNCATED_FINAL", Stop.LENGTH),
        ("CONTENT_FILTER", Stop.FILTER),
        ("OF_TOMORROW", Stop.OTHER),
    ],
)
def test_statuses_have_our_words(status: str, stop: Stop) -> None:
    assert YANDEX.read_answer(line(status, text="a")).stop is stop
    assert streams.answer_of(YANDEX.event_reader, line(status, text="a")).stop is stop


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"<html>", b'{"result":{}}', b'{"result":{"alternatives":[{}]}}', b"\xff", b"[" * 99_999],
)
def test_what_is_no_answer_is_a_bad_answer(body: bytes) -> None:
    with pytest.raises(BadAnswer):
        YANDEX.read_answer(body)


def test_only_what_is_new_of_a_repeated_text_is_told() -> None:
    events = streams.read(YANDEX.event_reader, [STREAM])
    assert [event.text for event in events if isinstance(event, TextMore)] == ["Grüße", " aus", " Köln"]
    assert streams.answer_of(YANDEX.event_reader, STREAM).usage == Usage(19, 6, reasoning_tokens=2)


def test_calls_are_streamed_whole_behind_the_text() -> None:
    whole = streams.answer_of(YANDEX.event_reader, CALLING)
    assert whole.stop is Stop.TOOLS
    assert whole.content[0] == Text("Ich sehe")
    assert [block.name for block in whole.content[1:] if isinstance(block, ToolUse)] == ["weather", "weather"]


@pytest.mark.parametrize("stream", [STREAM, CALLING, STREAM.replace(b"\n", b"\r\n")])
def test_the_same_events_wherever_the_stream_is_cut(stream: bytes) -> None:
    streams.check_cuts(YANDEX.event_reader, stream)


def test_a_stream_that_ends_anywhere_is_never_a_success_unless_it_had_stopped() -> None:
    streams.check_truncations(YANDEX.event_reader, STREAM)
    streams.check_truncations(YANDEX.event_reader, CALLING)


def test_a_last_line_may_lack_its_ending() -> None:
    assert streams.answer_of(YANDEX.event_reader, STREAM.rstrip()).content == [Text("Grüße aus Köln")]


def test_the_words_of_the_filter_do_not_stand_for_the_answer() -> None:
    whole = streams.answer_of(
        YANDEX.event_reader, line("PARTIAL", text="Well, you") + line("CONTENT_FILTER", text="I cannot talk of this.")
    )
    assert (whole.content, whole.stop) == ([Text("Well, you")], Stop.FILTER)


def test_a_text_that_does_not_go_on_breaks_the_stream() -> None:
    last = streams.read(YANDEX.event_reader, [line("PARTIAL", text="abc") + line("FINAL", text="xyz...")])[-1]
    assert isinstance(last, Broke)
    assert last.failure.kind is Kind.STREAM_CUT


def test_an_error_in_the_stream_is_a_failure() -> None:
    error = b'{"error":{"grpcCode":8,"httpCode":429,"message":"rate quota limit exceed"}}\n'
    last = streams.read(YANDEX.event_reader, [line("PARTIAL", text="abc") + error])[-1]
    assert isinstance(last, Broke)
    assert (last.failure.kind, last.failure.vendor_code) == (Kind.RATE_LIMITED, "8")


@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=6))
def test_any_text_that_is_streamed_comes_back(pieces: list[str]) -> None:
    lines = [line("PARTIAL", text="".join(pieces[: number + 1])) for number in range(len(pieces))]
    stream = b"".join([*lines, line("FINAL", text="".join(pieces))])
    assert streams.answer_of(YANDEX.event_reader, stream).content == [Text("".join(pieces))]


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "scope"),
    [
        (400, 3, "bad role", Kind.INVALID_REQUEST, Scope.REQUEST),
        (
            400,
            3,
            "Error in session: number of input tokens must be no more than 8192, got 10013",
            Kind.CONTEXT_LENGTH,
            Scope.MODEL,
        ),
        (400, 3, "Failed to parse model URI", Kind.MODEL_MISSING, Scope.MODEL),
        (401, 16, "The token is invalid", Kind.AUTH, Scope.KEY),
        (403, 7, "Permission denied", Kind.PERMISSION, Scope.KEY),
        (404, 5, "no", Kind.MODEL_MISSING, Scope.MODEL),
        (
            429,
            8,
            "ai.textGenerationCompletionSessionsCount.count gauge quota limit exceed: allowed 1",
            Kind.RATE_LIMITED,
            Scope.KEY,
        ),
        (429, 8, "requests per day quota limit exceed", Kind.QUOTA, Scope.KEY),
        (400, 9, "The billing account is suspended", Kind.QUOTA, Scope.KEY),
        (500, 13, "oh", Kind.SERVER_ERROR, Scope.PROVIDER),
        (503, 14, "oh", Kind.OVERLOADED, Scope.PROVIDER),
        (504, 4, "oh", Kind.TIMEOUT, Scope.MODEL),
    ],
)
def test_errors_have_our_words_in_both_shapes(status: int, code: int, message: str, kind: Kind, scope: Scope) -> None:
    shapes: list[dict[str, Any]] = [
        {"error": {"grpcCode": code, "httpCode": status, "message": message, "httpStatus": "x", "details": []}},
        {"error": "x", "code": code, "message": message, "details": []},
        {"code": code, "message": message},
    ]
    for shape in shapes:
        failure = YANDEX.read_error(status, {}, msgspec.json.encode(shape), "AQVN-secret")
        assert (failure.kind, failure.scope, failure.message) == (kind, scope, message)


def test_a_full_context_tells_how_much_is_needed_and_a_key_is_cut_out() -> None:
    body = b'{"error":{"grpcCode":3,"message":"AQVN-secret: number of tokens must be no more than 8192, got 10013"}}'
    failure = YANDEX.read_error(400, {}, body, "AQVN-secret")
    assert failure.needs == "context:10013"
    assert "AQVN" not in failure.message


def test_a_strangers_page_says_no_more_than_its_status() -> None:
    assert YANDEX.read_error(404, {}, b"<html>", "").kind is Kind.BAD_RESPONSE
