"""Every vendor counts in its own way, and all of them are put into one: input with the cache, output with thinking.

Each example is built after the vendor's documentation, and says beside it what its numbers mean.
"""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from families.llm.formats import converse_support as converse
from segue.core.outcome import Usage
from segue.families.llm.formats.chat.format import CHAT
from segue.families.llm.formats.converse.format import CONVERSE
from segue.families.llm.formats.gemini.format import GEMINI
from segue.families.llm.formats.gemini.usage import with_tier
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.formats.ollama.format import OLLAMA
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.formats.yandex.format import YANDEX
from segue.families.llm.ir.answer import Broke, Counted
from segue.families.llm.ir.blocks import Text
from segue.families.llm.ir.format import ProviderFormat
from segue.families.llm.other.answers import read_usage as read_other_usage
from segue.families.llm.passing.gemini import GeminiPassing
from segue.families.llm.passing.messages import MessagesPassing
from segue.families.llm.passing.responses import ResponsesPassing

Say = tuple[Callable[[dict[str, Any]], bytes], Callable[[dict[str, Any]], bytes]]
"""A whole answer with a usage (and what stands beside it), and the same as a stream."""


def sse(*events: dict[str, Any], named: bool = False) -> bytes:
    return b"".join(
        (b"event: " + event["type"].encode() + b"\n" if named else b"")
        + b"data: "
        + json.dumps(event).encode()
        + b"\n\n"
        for event in events
    )


def chat(told: dict[str, Any]) -> bytes:
    message = {"role": "assistant", "content": "x"}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **told}).encode()


def chat_stream(told: dict[str, Any]) -> bytes:
    tier = {name: value for name, value in told.items() if name != "usage"}
    return (
        sse(
            {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}], **tier},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], **tier},
            {"choices": [], **told},
        )
        + b"data: [DONE]\n\n"
    )


def responses(told: dict[str, Any]) -> bytes:
    text = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    return json.dumps(
        {"id": "resp_1", "status": "completed", "output": [text, *told.pop("items", ())], **told}
    ).encode()


def responses_stream(told: dict[str, Any]) -> bytes:
    whole = json.loads(responses(told))
    return sse(
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}},
        {"type": "response.completed", "response": whole},
        named=True,
    )


def messages(told: dict[str, Any]) -> bytes:
    return json.dumps({
        "id": "msg_1", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}],
        "stop_reason": "end_turn", **told,
    }).encode()  # fmt: skip


def messages_stream(told: dict[str, Any]) -> bytes:
    first = {**told["usage"], "output_tokens": 1}
    last = {"output_tokens": told["usage"]["output_tokens"], "server_tool_use": told["usage"].get("server_tool_use")}
    return sse(
        {"type": "message_start", "message": {"id": "msg_1", "type": "message", "content": [], "usage": first}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": last},
        {"type": "message_stop"},
        named=True,
    )


def gemini(told: dict[str, Any]) -> bytes:
    candidate = {
        "content": {"role": "model", "parts": [{"text": "x"}]},
        "finishReason": "STOP",
        **told.pop("beside", {}),
    }
    return json.dumps({"candidates": [candidate], **told}).encode()


def gemini_stream(told: dict[str, Any]) -> bytes:
    return b"data: " + gemini(told) + b"\r\n\r\n"


def bedrock(told: dict[str, Any]) -> bytes:
    message = {"role": "assistant", "content": [{"text": "x"}]}
    return json.dumps({"output": {"message": message}, "stopReason": "end_turn", **told}).encode()


def bedrock_stream(told: dict[str, Any]) -> bytes:
    return b"".join((
        converse.event("messageStart", {"role": "assistant"}),
        converse.text_delta(0, "x"),
        converse.block_stop(0),
        converse.message_stop("end_turn"),
        converse.event("metadata", told),
    ))  # fmt: skip


def yandex(told: dict[str, Any]) -> bytes:
    alternative = {"message": {"role": "assistant", "text": "x"}, "status": "ALTERNATIVE_STATUS_FINAL"}
    return json.dumps({"result": {"alternatives": [alternative], **told}}).encode() + b"\n"


def ollama(told: dict[str, Any]) -> bytes:
    return (
        json.dumps(
            {"message": {"role": "assistant", "content": "x"}, "done": True, "done_reason": "stop", **told}
        ).encode()
        + b"\n"
    )


WAYS: dict[str, Say] = {
    CHAT.id: (chat, chat_stream),
    RESPONSES.id: (responses, responses_stream),
    MESSAGES.id: (messages, messages_stream),
    GEMINI.id: (gemini, gemini_stream),
    CONVERSE.id: (bedrock, bedrock_stream),
    YANDEX.id: (yandex, yandex),
    OLLAMA.id: (ollama, ollama),
}

CONVENTIONS: list[tuple[str, ProviderFormat, dict[str, Any], Usage]] = [
    (
        "OpenAI: 60 of the 100 were cached, 30 of the 50 were thought",
        CHAT,
        {
            "usage": {
                "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
                "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 5},
                "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 7},
            },
            "service_tier": "flex",
        },
        Usage(
            100, 50, cached_tokens=60, audio_input_tokens=5, reasoning_tokens=30, audio_output_tokens=7,
            service_tier="flex",
        ),
    ),
    (
        "DeepSeek: 100 are hits and misses together",
        CHAT,
        {"usage": {
            "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
            "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36,
            "completion_tokens_details": {"reasoning_tokens": 20},
        }},
        Usage(100, 50, cached_tokens=64, reasoning_tokens=20),
    ),
    (
        "xAI: 94 were thought beside the 9 that were said, and the sum says so",
        CHAT,
        {"usage": {
            "prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
            "prompt_tokens_details": {"cached_tokens": 6}, "completion_tokens_details": {"reasoning_tokens": 94},
        }},
        Usage(32, 103, cached_tokens=6, reasoning_tokens=94),
    ),
    (
        "OpenRouter: what was written to the cache is a part of the prompt",
        CHAT,
        {"usage": {
            "prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105,
            "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 80},
        }},
        Usage(100, 5, cached_tokens=10, cache_write_tokens=80),
    ),
    (
        "OpenRouter: what it took in all, in dollars",
        CHAT,
        {"usage": {"prompt_tokens": 194, "completion_tokens": 2, "cost": 0.00095, "is_byok": False}},
        Usage(194, 2, billed=950_000),
    ),
    (
        "OpenRouter: with a key of one's own it tells its fee, which is not all",
        CHAT,
        {"usage": {"prompt_tokens": 194, "completion_tokens": 2, "cost": 0.00005, "is_byok": True}},
        Usage(194, 2),
    ),
    (
        "Perplexity: the sum of tokens and searches",
        CHAT,
        {"usage": {
            "prompt_tokens": 8, "completion_tokens": 439, "total_tokens": 447, "search_context_size": "low",
            "cost": {"input_tokens_cost": 8e-06, "output_tokens_cost": 0.000439, "request_cost": 0.005,
                     "total_cost": 0.005447},
        }},
        Usage(8, 439, billed=5_447_000),
    ),
    (
        "xAI: sources that its live search used",
        CHAT,
        {"usage": {"prompt_tokens": 8, "completion_tokens": 9, "total_tokens": 17, "num_sources_used": 4}},
        Usage(8, 9, tool_calls={"live_search": 4}),
    ),
    (
        "Responses: as in Chat, by other names",
        RESPONSES,
        {
            "usage": {
                "input_tokens": 100, "output_tokens": 50, "total_tokens": 150,
                "input_tokens_details": {"cached_tokens": 60}, "output_tokens_details": {"reasoning_tokens": 30},
            },
            "service_tier": "priority",
        },
        Usage(100, 50, cached_tokens=60, reasoning_tokens=30, service_tier="priority"),
    ),
    (
        "Responses: searching is billed, opening a page is not",
        RESPONSES,
        {
            "usage": {"input_tokens": 100, "output_tokens": 50},
            "items": [
                {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "q"}},
                {"type": "web_search_call", "id": "ws_2", "action": {"type": "search", "query": "r"}},
                {"type": "web_search_call", "id": "ws_3", "action": {"type": "open_page", "url": "u"}},
                {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["q"]},
                {"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "container_id": "c", "code": ""},
                {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
            ],
        },
        Usage(100, 50, tool_calls={"web_search": 2, "file_search": 1, "code_interpreter": 1}),
    ),
    (
        "Anthropic: 21 stand beside 188,086 that were read and 1,000 that were written, 456 of these for 5 minutes",
        MESSAGES,
        {"usage": {
            "input_tokens": 21, "output_tokens": 393,
            "cache_read_input_tokens": 188_086, "cache_creation_input_tokens": 1000,
            "cache_creation": {"ephemeral_5m_input_tokens": 456, "ephemeral_1h_input_tokens": 544},
            "service_tier": "standard", "inference_geo": "global",
        }},
        Usage(189_107, 393, cached_tokens=188_086, cache_write_tokens=456, cache_write_1h_tokens=544),
    ),
    (
        "Anthropic: served in a batch, with searches, of which fetches are none",
        MESSAGES,
        {"usage": {
            "input_tokens": 10, "output_tokens": 5, "service_tier": "batch",
            "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 2},
        }},
        Usage(10, 5, tool_calls={"web_search": 3}, service_tier="batch"),
    ),
    (
        "Anthropic: fast",
        MESSAGES,
        {"usage": {"input_tokens": 10, "output_tokens": 5, "service_tier": "standard", "speed": "fast"}},
        Usage(10, 5, service_tier="fast"),
    ),
    (
        "Anthropic: in the United States",
        MESSAGES,
        {"usage": {"input_tokens": 10, "output_tokens": 5, "service_tier": "standard", "inference_geo": "us"}},
        Usage(10, 5, service_tier="us"),
    ),
    (
        "Gemini: the cache is a part of the prompt, thoughts and results of tools stand beside",
        GEMINI,
        {"usageMetadata": {
            "promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 30,
            "toolUsePromptTokenCount": 40, "cachedContentTokenCount": 60, "totalTokenCount": 190,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 70}, {"modality": "AUDIO", "tokenCount": 20},
                                    {"modality": "IMAGE", "tokenCount": 10}],
            "serviceTier": "SERVICE_TIER_PRIORITY",
        }},
        Usage(
            140, 50, cached_tokens=60, reasoning_tokens=30, tool_tokens=40, audio_input_tokens=20,
            image_input_tokens=10, service_tier="priority",
        ),
    ),
    (
        "Gemini: an answer that stands on two searches",
        GEMINI,
        {
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "serviceTier": "standard"},
            "beside": {"groundingMetadata": {"webSearchQueries": ["a", "b"]}},
        },
        Usage(10, 5, tool_calls={"web_search": 2}),
    ),
    (
        "Vertex: throughput that was bought beforehand",
        GEMINI,
        {"usageMetadata": {
            "promptTokenCount": 10, "candidatesTokenCount": 5, "trafficType": "PROVISIONED_THROUGHPUT",
        }},
        Usage(10, 5, service_tier="provisioned"),
    ),
    (
        "Vertex: as everybody",
        GEMINI,
        {"usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 5, "trafficType": "ON_DEMAND"}},
        Usage(10, 5),
    ),
    (
        "Bedrock: 7 stand beside 100 that were read and 30 that were written, 20 of these for an hour",
        CONVERSE,
        {
            "usage": {
                "inputTokens": 7, "outputTokens": 5, "totalTokens": 142,
                "cacheReadInputTokens": 100, "cacheWriteInputTokens": 30,
                "cacheDetails": [{"ttl": "5m", "inputTokens": 10}, {"ttl": "1h", "inputTokens": 20}],
            },
            "serviceTier": {"type": "flex"},
        },
        Usage(137, 5, cached_tokens=100, cache_write_tokens=10, cache_write_1h_tokens=20, service_tier="flex"),
    ),
    (
        "Bedrock: with optimized latency",
        CONVERSE,
        {"usage": {"inputTokens": 7, "outputTokens": 5}, "performanceConfig": {"latency": "optimized"}},
        Usage(7, 5, service_tier="optimized"),
    ),
    (
        "Bedrock: as everybody",
        CONVERSE,
        {
            "usage": {"inputTokens": 7, "outputTokens": 5},
            "performanceConfig": {"latency": "standard"}, "serviceTier": {"type": "default"},
        },
        Usage(7, 5, service_tier="default"),
    ),
    (
        "Yandex: numbers as text, thinking within the completion",
        YANDEX,
        {"usage": {
            "inputTextTokens": "19", "completionTokens": "6", "totalTokens": "25",
            "completionTokensDetails": {"reasoningTokens": "2"},
        }},
        Usage(19, 6, reasoning_tokens=2),
    ),
    ("Ollama", OLLAMA, {"prompt_eval_count": 26, "eval_count": 298}, Usage(26, 298)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("format_", "told", "meant"), [case[1:] for case in CONVENTIONS], ids=[c[0] for c in CONVENTIONS]
)
def test_a_whole_answer_and_a_stream_mean_the_same_by_our_convention(
    format_: ProviderFormat, told: dict[str, Any], meant: Usage
) -> None:
    whole, stream = WAYS[format_.id]
    assert format_.read_answer(whole(dict(told))).usage == meant
    reader = format_.event_reader()
    events = [*reader.feed(stream(dict(told))), *reader.end()]
    assert [event.usage for event in events if isinstance(event, Counted)][-1] == meant


PASSING = {MESSAGES.id: MessagesPassing, RESPONSES.id: ResponsesPassing}
PASSED = {*PASSING, GEMINI.id}


@pytest.mark.parametrize(
    ("format_", "told", "meant"),
    [case[1:] for case in CONVENTIONS if case[1].id in PASSED],
    ids=[case[0] for case in CONVENTIONS if case[1].id in PASSED],
)
def test_a_stream_that_passes_through_tells_the_same(
    format_: ProviderFormat, told: dict[str, Any], meant: Usage
) -> None:
    writer: Any = None  # nothing breaks, so nothing is written
    made = PASSING.get(format_.id)
    reader = made(format_, writer, "") if made is not None else GeminiPassing(format_, writer, "", array=False)
    reader.feed(WAYS[format_.id][1](dict(told)))
    reader.end()
    assert reader.failure is None
    assert reader.usage == meant


@pytest.mark.parametrize(
    ("header", "tier"), [("priority", "priority"), ("standard", ""), ("FLEX", "flex"), ("", ""), (None, "")]
)
def test_gemini_may_tell_its_tier_by_a_header_alone(header: str | None, tier: str) -> None:
    usage = with_tier(Usage(1, 1), {} if header is None else {"x-gemini-service-tier": header})
    assert usage == Usage(1, 1, service_tier=tier)


COUNTS: dict[str, Callable[[object, object], dict[str, Any]]] = {
    CHAT.id: lambda given, made: {"usage": {"prompt_tokens": given, "completion_tokens": made}},
    RESPONSES.id: lambda given, made: {"usage": {"input_tokens": given, "output_tokens": made}},
    MESSAGES.id: lambda given, made: {"usage": {"input_tokens": given, "output_tokens": made}},
    GEMINI.id: lambda given, made: {"usageMetadata": {"promptTokenCount": given, "candidatesTokenCount": made}},
    CONVERSE.id: lambda given, made: {"usage": {"inputTokens": given, "outputTokens": made}},
    YANDEX.id: lambda given, made: {"usage": {"inputTextTokens": given, "completionTokens": made}},
    OLLAMA.id: lambda given, made: {"prompt_eval_count": given, "eval_count": made},
}
FORMATS = [CHAT, RESPONSES, MESSAGES, GEMINI, CONVERSE, YANDEX, OLLAMA]


def told_in_both_ways(format_: ProviderFormat, told: dict[str, Any]) -> list[Usage | None]:
    """The usage of a whole answer, of a stream, and of one that passes through where the format can."""
    whole, stream = WAYS[format_.id]
    answer = format_.read_answer(whole(dict(told)))
    assert [block.text for block in answer.content if isinstance(block, Text)] == ["x"]
    reader = format_.event_reader()
    events = [*reader.feed(stream(dict(told))), *reader.end()]
    assert not [event for event in events if isinstance(event, Broke)]
    counted = [event.usage for event in events if isinstance(event, Counted)]
    found = [answer.usage, counted[-1] if counted else None]
    if format_.id in PASSED:
        writer: Any = None
        made = PASSING.get(format_.id)
        passing = made(format_, writer, "") if made is not None else GeminiPassing(format_, writer, "", array=False)
        assert b"x" in passing.feed(stream(dict(told))) + passing.end()
        assert passing.failure is None
        found.append(passing.usage)
    return found


@pytest.mark.parametrize("nonsense", [10.5, 1e30, -3, "much", True, [], {}, None, [[[]]], {"a": 1}])
@pytest.mark.parametrize("format_", FORMATS, ids=[one.id for one in FORMATS])
def test_a_count_that_is_no_whole_number_is_not_known_and_spoils_no_answer(
    format_: ProviderFormat, nonsense: object
) -> None:
    assert {
        (usage.input_tokens, usage.output_tokens) if usage is not None else None
        for usage in told_in_both_ways(format_, COUNTS[format_.id](nonsense, 5))
    } == {(None, 5)}


@pytest.mark.parametrize("format_", FORMATS, ids=[one.id for one in FORMATS])
def test_a_count_that_is_written_as_a_float_without_a_fraction_counts(format_: ProviderFormat) -> None:
    for usage in told_in_both_ways(format_, COUNTS[format_.id](12.0, 5.0)):
        assert usage is not None
        assert (usage.input_tokens, usage.output_tokens) == (12, 5)
        assert type(usage.input_tokens) is int


@pytest.mark.parametrize("usage", [None, 12.0, "twelve", True, [], [{}], {}, {"details": 1}])
@pytest.mark.parametrize("format_", [one for one in FORMATS if one is not OLLAMA], ids=lambda one: one.id)
def test_a_usage_that_is_none_spoils_no_answer(format_: ProviderFormat, usage: object) -> None:
    name = "usageMetadata" if format_ is GEMINI else "usage"
    whole, stream = WAYS[format_.id]
    if format_ is MESSAGES:
        stream = messages_stream_with(usage)
    assert format_.read_answer(whole({name: usage})).usage is None
    reader = format_.event_reader()
    events = [*reader.feed(stream({name: usage})), *reader.end()]
    assert not [event for event in events if isinstance(event, Broke | Counted)]


def messages_stream_with(usage: object) -> Callable[[dict[str, Any]], bytes]:
    def say(_told: dict[str, Any]) -> bytes:
        whole = messages_stream({"usage": {"input_tokens": 77, "output_tokens": 78}})
        first, last = b'{"input_tokens": 77, "output_tokens": 1}', b'{"output_tokens": 78, "server_tool_use": null}'
        assert first in whole
        assert last in whole
        return whole.replace(first, json.dumps(usage).encode()).replace(last, json.dumps(usage).encode())

    return say


@pytest.mark.parametrize(
    ("format_", "told", "meant"),
    [
        (CHAT, {"usage": {
            "prompt_tokens": 12.0, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4.0},
            "completion_tokens_details": "none",
        }}, Usage(12, 5, cached_tokens=4)),
        (RESPONSES, {"usage": {
            "input_tokens": 12.0, "output_tokens": 5, "input_tokens_details": {"cached_tokens": "4"},
            "output_tokens_details": {"reasoning_tokens": 2.0},
        }}, Usage(12, 5, reasoning_tokens=2)),
        (MESSAGES, {"usage": {
            "input_tokens": 12.0, "output_tokens": 5, "cache_read_input_tokens": 4.0, "cache_creation": [],
            "service_tier": 7, "server_tool_use": {"web_search_requests": 2.0},
        }}, Usage(16, 5, cached_tokens=4, tool_calls={"web_search": 2})),
        (GEMINI, {"usageMetadata": {
            "promptTokenCount": 12.0, "candidatesTokenCount": 5,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 3.0}, "what", {"modality": "IMAGE"}],
        }}, Usage(12, 5, audio_input_tokens=3, image_input_tokens=0)),
        (CONVERSE, {"usage": {
            "inputTokens": 12.0, "outputTokens": 5, "cacheWriteInputTokens": 9.0,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 6.0}, None],
        }}, Usage(21, 5, cache_write_tokens=3, cache_write_1h_tokens=6)),
        (YANDEX, {"usage": {
            "inputTextTokens": "12", "completionTokens": 5.0, "completionTokensDetails": {"reasoningTokens": []},
        }}, Usage(12, 5)),
    ],
)  # fmt: skip
def test_one_odd_detail_costs_no_other(format_: ProviderFormat, told: dict[str, Any], meant: Usage) -> None:
    assert all(usage == meant for usage in told_in_both_ways(format_, told))


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ({"type": "duration", "seconds": 9.2}, Usage(audio_seconds=10)),
        ({"type": "duration", "seconds": 3}, Usage(audio_seconds=3)),
        ({"type": "duration", "seconds": -3}, None),
        ({"type": "duration", "seconds": 1e300}, None),
        ({"type": "duration"}, None),
        (
            {"type": "tokens", "input_tokens": 14, "output_tokens": 101, "total_tokens": 115,
             "input_token_details": {"text_tokens": 10, "audio_tokens": 4}},
            Usage(14, 101, audio_input_tokens=4),
        ),
        (
            {"input_tokens": 50, "output_tokens": 4160, "total_tokens": 4210,
             "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
             "output_tokens_details": {"text_tokens": 0, "image_tokens": 4160}},
            Usage(50, 4160, image_input_tokens=40, image_output_tokens=4160),
        ),
        ({"prompt_tokens": 8, "total_tokens": 8}, Usage(8, None)),
        ({"total_tokens": 8}, Usage(8, None)),
    ],
)  # fmt: skip
def test_transcripts_pictures_and_embeddings_tell_their_usage_in_their_own_words(
    told: dict[str, Any], meant: Usage | None
) -> None:
    assert read_other_usage(msgspec.Raw(json.dumps(told).encode())) == meant
