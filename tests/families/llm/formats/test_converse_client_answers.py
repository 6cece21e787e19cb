"""Answers, streams and errors in Converse as clients get them."""

import base64
from typing import Any

import msgspec
import pytest

from families.llm.formats import provider_streams as streams
from families.llm.formats.converse_support import LLAMA, asked, blocks, written
from segue.core.errors import CallFailed, RequestInvalid, Unauthenticated, Unavailable
from segue.core.failure import Failure, Kind
from segue.core.outcome import Usage
from segue.families.llm.formats.converse.errors_out import broken_off, named
from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS, CONVERSE_OF_CLAUDE
from segue.families.llm.formats.eventstream import FrameSplitter
from segue.families.llm.ir.answer import (
    Answer,
    ArgumentsMore,
    Began,
    BlockBegan,
    BlockEnded,
    Continued,
    Ended,
    Seam,
    Signed,
    Stop,
    Stopped,
    TextMore,
)
from segue.families.llm.ir.blocks import (
    ANTHROPIC,
    BEDROCK,
    GOOGLE,
    Citation,
    Media,
    Refusal,
    ServerItem,
    Signature,
    Text,
    Thinking,
    ToolUse,
)
from segue.families.llm.ir.collect import as_events
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import Shown
from segue.families.llm.ir.seals import SEALED, unseal

SHOWN = Shown(Conversation(model="m"), "m", "call_1", 1_700_000_000)
PIXEL = base64.b64encode(b"pixel").decode()
GEMINIS = Signature(GOOGLE, "c2lnbmF0dXJl")


def answered(*content: Any, **fields: Any) -> Any:
    body = CONVERSE_FOR_CLIENTS.write_answer(Answer(content=list(content), **fields), SHOWN)
    return msgspec.json.decode(body)


def said(*content: Any) -> list[Any]:
    return answered(*content)["output"]["message"]["content"]


def streamed(*events: Any) -> list[tuple[str, Any]]:
    writer = CONVERSE_FOR_CLIENTS.event_writer(SHOWN)
    frames = FrameSplitter().feed(b"".join([writer.write(event) for event in events]))
    return [(str(frame.headers[":event-type"]), msgspec.json.decode(frame.payload)) for frame in frames]


def test_an_answer_says_how_it_ended_and_what_it_took() -> None:
    usage = Usage(114, 12, cached_tokens=60, cache_write_tokens=20, cache_write_1h_tokens=30)
    body = answered(Text("Hi"), stop=Stop.SEQUENCE, sequence="HALT", usage=usage)
    assert body["stopReason"] == "stop_sequence"
    assert body["additionalModelResponseFields"] == {"stop_sequence": "HALT"}
    assert body["usage"] == {
        "inputTokens": 4,
        "outputTokens": 12,
        "totalTokens": 126,
        "cacheReadInputTokens": 60,
        "cacheWriteInputTokens": 50,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 30}, {"ttl": "5m", "inputTokens": 20}],
    }
    assert answered(Text("Hi"))["usage"] == {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}


@pytest.mark.parametrize("stop", Stop)
def test_every_reason_has_a_word_that_bedrock_knows(stop: Stop) -> None:
    told = answered(Text("Hi"), stop=stop)["stopReason"]
    known = {"end_turn", "tool_use", "max_tokens", "stop_sequence", "content_filtered", "malformed_tool_use",
             "malformed_model_output", "model_context_window_exceeded"}  # fmt: skip
    assert told in known
    assert answered(Text("Hi"), stop=stop, vendor_stop="guardrail_intervened")["stopReason"] == "guardrail_intervened"


def test_how_long_it_took_is_measured() -> None:
    shown = Shown(SHOWN.conversation, "m", "call_1", 0, elapsed=lambda: 0.8124)
    body = msgspec.json.decode(CONVERSE_FOR_CLIENTS.write_answer(Answer(content=[Text("x")]), shown))
    assert body["metrics"] == {"latencyMs": 812}


def test_proofs_of_thoughts_come_back_as_whose_they_were() -> None:
    thoughts = [
        Thinking("a", Signature(ANTHROPIC, "c2ln")),
        Thinking("b", Signature(BEDROCK, "bm92YQ==")),
        Thinking("", Signature(ANTHROPIC, "cmVkYWN0ZWQ=", "redacted")),
        Thinking("", Signature(ANTHROPIC, "no base64!", "redacted")),
    ]
    content = said(*thoughts, Text("so"))
    assert content[0]["reasoningContent"]["reasoningText"] == {"text": "a", "signature": "c2ln"}
    assert content[1]["reasoningContent"]["reasoningText"]["signature"].startswith(SEALED.decode())
    for block in content[2:4]:
        base64.b64decode(block["reasoningContent"]["redactedContent"], validate=True)
    assert blocks(*content, role="assistant") == [*thoughts, Text("so")]


def test_signatures_of_texts_and_calls_travel_in_thoughts_of_their_own() -> None:
    content = [Text("so", signature=GEMINIS), ToolUse("t1", "weather", "{}", signature=GEMINIS)]
    wire = said(*content)
    assert [next(iter(block)) for block in wire] == ["reasoningContent", "text", "reasoningContent", "toolUse"]
    assert blocks(*wire, role="assistant") == content


def test_a_signature_that_comes_late_in_a_stream_is_hung_on_the_block_before_it() -> None:
    events = streamed(
        Began(), BlockBegan(0, Text()), TextMore(0, "so"), Signed(0, GEMINIS), BlockEnded(0), Stopped(Stop.END), Ended()
    )
    deltas = [told["delta"] for kind, told in events if kind == "contentBlockDelta"]
    proof = deltas[-1]["reasoningContent"]["signature"]
    assert unseal(proof, ANTHROPIC) == Signature(GOOGLE, GEMINIS.value, "last")
    thought = {"reasoningContent": {"reasoningText": {"text": "", "signature": proof}}}
    assert blocks({"text": "so"}, thought, role="assistant") == [Text("so", signature=GEMINIS)]


def test_what_others_have_is_said_in_bedrocks_words_or_left_out() -> None:
    cited = Text("green", citations=(Citation("https://lawn.example", "Lawn", "the grass"),))
    content = said(cited, Refusal("no"), Media("image", "image/png", PIXEL), ServerItem(ANTHROPIC, "x", b"{}"))
    source = {
        "title": "Lawn",
        "sourceContent": [{"text": "the grass"}],
        "location": {"web": {"url": "https://lawn.example"}},
    }
    assert content == [
        {"citationsContent": {"content": [{"text": "green"}], "citations": [source]}},
        {"text": "no"},
        {"image": {"format": "png", "source": {"bytes": PIXEL}}},
    ]
    assert blocks(content[0], role="assistant")[0].text == "green"


@pytest.mark.parametrize(
    ("use", "written_"),
    [
        (ToolUse("t", "n", ""), {}),
        (ToolUse("t", "n", "[1]"), {"arguments": "[1]"}),
        (ToolUse("t", "n", "free", custom=True), {"input": "free"}),
    ],
)
def test_arguments_are_always_an_object(use: ToolUse, written_: Any) -> None:
    assert said(use)[0]["toolUse"]["input"] == written_
    inputs = [
        told["delta"]["toolUse"]["input"]
        for kind, told in streamed(*as_events(Answer(content=[use])))
        if kind == "contentBlockDelta"
    ]
    if use.custom:
        assert msgspec.json.decode("".join(inputs)) == written_


def test_a_stream_announces_calls_and_nothing_else() -> None:
    events = streamed(
        Began("id", "m", 0, Usage(3, 0)),
        BlockBegan(0, Text()),
        TextMore(0, "so"),
        BlockBegan(1, ToolUse("t1", "weather")),
        ArgumentsMore(1, "{}"),
        BlockEnded(0),
        BlockEnded(1),
        Stopped(Stop.TOOLS),
        Continued((Seam("p", "m", 2),)),
        Ended(),
    )
    assert [kind for kind, _ in events] == [
        "messageStart", "contentBlockDelta", "contentBlockStop", "contentBlockStart", "contentBlockDelta",
        "contentBlockStop", "messageStop", "metadata",
    ]  # fmt: skip
    assert events[3][1] == {"start": {"toolUse": {"toolUseId": "t1", "name": "weather"}}, "contentBlockIndex": 1}
    assert events[-1][1]["usage"]["inputTokens"] == 3
    assert events[-1][1]["segue"]["continued"][0]["after_characters"] == 2


# Errors


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Unauthenticated("no"), (403, "AccessDeniedException")),
        (Unavailable("later"), (503, "ServiceUnavailableException")),
        (RequestInvalid("x"), (400, "ValidationException")),
        (RequestInvalid("x", status=413), (413, "ValidationException")),
        (RequestInvalid("x", status=501), (501, "UnknownOperationException")),
        (CallFailed("a defect"), (500, "InternalServerException")),
    ],
    ids=str,
)
def test_every_error_has_a_name_of_bedrocks(error: CallFailed, told: tuple[int, str]) -> None:
    assert named(error) == told
    body = msgspec.json.decode(CONVERSE_FOR_CLIENTS.write_error(error, {"code": error.code}))
    assert body == {"message": error.message, "segue": {"code": error.code}}


@pytest.mark.parametrize("kind", Kind)
def test_a_broken_stream_ends_with_an_exception_that_our_own_reader_knows(kind: Kind) -> None:
    failure = Failure(kind, "the network is gone")
    (frame,) = FrameSplitter().feed(broken_off(failure))
    assert frame.headers[":message-type"] == "exception"
    last = streams.read(CONVERSE_OF_CLAUDE.event_reader, [CONVERSE_FOR_CLIENTS.event_writer(SHOWN).broken(failure)])[-1]
    assert "broke off: the network is gone" in last.failure.message


def test_other_makers_models_get_no_field_of_claudes() -> None:
    body, _ = written(asked(inferenceConfig={"stopSequences": ["HALT"]}), LLAMA)
    assert "additionalModelResponseFieldPaths" not in body
