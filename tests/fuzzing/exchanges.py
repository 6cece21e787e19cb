"""Exchanges in every format, written by hand after the vendors' references: what the breaking begins with."""

import json
from functools import lru_cache
from typing import Any, Final

from families.llm.formats import converse_support as converse
from families.llm.formats import messages_support as messages
from families.llm.formats import responses_samples as responses
from families.llm.formats import test_gemini_answers as gemini
from families.llm.formats import test_messages_request as messages_request
from families.llm.formats import test_ollama as ollama
from families.llm.formats import test_yandex as yandex
from families.llm.fuzzing import SEEDS as CHAT_STREAMS
from fuzzing.mutations import SECRET, Exchange, Piece, body, events, lines
from segue.families.llm.formats.eventstream import FrameSplitter, write_frame

SCHEMA: Final = responses.SCHEMA
TOOL: Final = {
    "type": "function",
    "function": {"name": "weather", "description": "Of a city.", "parameters": SCHEMA, "strict": True},
}
HELLO: Final = [{"role": "user", "content": "Hello, how is Łódź?"}]

CHAT_REQUESTS: Final = [
    body({
        "model": "smart",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "And kind."}]},
            {
                "role": "user",
                "name": "ann",
                "content": [
                    {"type": "text", "text": "Weather in Łódź?", "cache_control": {"type": "ephemeral"}},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw==", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                    {"type": "file", "file": {"filename": "a", "file_data": "data:application/pdf;base64,JVBERg=="}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "The tool knows.",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Łódź"}'}},
                    {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "snow"}]},
            {"role": "tool", "tool_call_id": "c1", "content": "rain"},
            {"role": "assistant", "content": "Rain.", "refusal": None, "annotations": []},
            {"role": "user", "content": "And tomorrow?"},
        ],
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": SCHEMA, "strict": True}},
        "temperature": 0.5, "top_p": 0.9, "max_completion_tokens": 100, "stop": ["END"], "seed": 7, "n": 2,
        "stream": True, "stream_options": {"include_usage": True}, "logprobs": True, "top_logprobs": 2,
        "reasoning_effort": "low", "user": "u", "metadata": {"a": "b"}, "logit_bias": {"50256": -100},
        "presence_penalty": 0.1, "frequency_penalty": -0.1, "service_tier": "auto", "store": False,
        "fallbacks": ["other"], "modalities": ["text"], "verbosity": "low", "something_new": {"x": 1},
    }),
    body({"model": "smart", "messages": HELLO}),
    body({"model": "smart", "messages": HELLO, "stop": "END", "tool_choice": "required", "tools": [TOOL]}),
]  # fmt: skip
CHAT_ANSWERS: Final = [
    body({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "gpt-4o-2024",
        "choices": [{
            "index": 0,
            "message": {
                "role": "assistant", "content": "Snow.", "refusal": None, "reasoning_content": "Hm.",
                "annotations": [{
                    "type": "url_citation",
                    "url_citation": {"start_index": 0, "end_index": 4, "url": "https://e.org", "title": "E"},
                }],
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
                ],
            },
            "logprobs": None, "finish_reason": "tool_calls",
        }],
        "usage": {
            "prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21,
            "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 4, "audio_tokens": 0},
        },
        "service_tier": "default", "system_fingerprint": "fp",
    }),
    body({"id": "a", "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}),
    body({"error": {"message": "boom", "type": "server_error", "code": None, "param": None}}),
]  # fmt: skip
GEMINI_REQUESTS: Final = [
    body(gemini.REQUEST),
    body({
        "contents": [{"role": "user", "parts": [{"text": "Hi"}, {"fileData": {"fileUri": "https://e.org/a.pdf"}}]}],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {
            "temperature": 0.5, "topP": 0.9, "topK": 40, "maxOutputTokens": 100, "stopSequences": ["END"], "seed": 7,
            "candidateCount": 1, "responseMimeType": "text/plain", "presencePenalty": 0.1, "responseLogprobs": False,
            "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"}, "responseModalities": ["TEXT"],
        },
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "labels": {"a": "b"}, "cachedContent": "cachedContents/1",
    }),
    body({"contents": [{"parts": [{"text": "Hi"}]}]}),
]  # fmt: skip
GEMINI_ANSWERS: Final = [
    body(gemini.chunk({"text": "a"}, gemini.call(a=1), finish="STOP", usageMetadata=gemini.USAGE)),
    body(gemini.chunk({"text": "hm", "thought": True}, {"text": "b", "thoughtSignature": "c2ln"}, finish="MAX_TOKENS")),
    body({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 1}}),
]
OLLAMA_ANSWERS: Final = [
    body(ollama.line(True, content="Hallo", thinking="hm", tool_calls=[ollama.call("weather", id="c1")]).strip()),
    body(ollama.line(True, "length", content="Hi").strip()),
]
YANDEX_ANSWERS: Final = [
    body(yandex.line("FINAL", text="Grüße").strip()),
    body(yandex.line("TOOL_CALLS", toolCallList=yandex.calls("weather")).strip()),
]
CONVERSE_ANSWERS: Final = [
    body({
        "output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "Let me think.", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "cmVk"}},
            {"text": "Grüße"},
            {"citationsContent": {
                "content": [{"text": "quoted"}],
                "citations": [{"title": "G", "sourceContent": [{"text": "q"}],
                               "location": {"web": {"url": "https://e.example"}}}],
            }},
            {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Köln"}}},
        ]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 4, "outputTokens": 12, "totalTokens": 16, "cacheReadInputTokens": 60,
                  "cacheWriteInputTokens": 40, "cacheDetails": [{"ttl": "1h", "inputTokens": 30}]},
        "metrics": {"latencyMs": 812},
        "additionalModelResponseFields": {"stop_sequence": "END"},
    }),
]  # fmt: skip


def framed(stream: bytes) -> Exchange:
    """A stream of Amazon's frames; damage is done inside of the payload, and the checksums are right."""
    return [Piece(frame.payload, _frame(list(frame.headers.items()))) for frame in FrameSplitter().feed(stream)]


def _frame(headers: Any) -> Any:
    return lru_cache(maxsize=4)(lambda data: write_frame(headers, data))  # most frames of a stream are not broken


def _crlf(data: bytes) -> bytes:
    return b"data: " + data + b"\r\n\r\n"


REQUESTS: Final[dict[str, list[Exchange]]] = {
    "chat": CHAT_REQUESTS,
    "responses": [body(responses.REQUEST), body({"model": "m", "input": "Hi", "stream": True, "store": False})],
    "messages": [
        body(messages_request.EVERYTHING),
        body({"model": "m", "max_tokens": 10, "messages": HELLO}),
    ],
    "gemini": GEMINI_REQUESTS,
}
ANSWERS: Final[dict[str, list[Exchange]]] = {
    "chat": CHAT_ANSWERS,
    "responses": [body(responses.ANSWER), body({**responses.ANSWER, "status": "incomplete"})],
    "messages": [body(messages.MESSAGE)],
    "gemini": GEMINI_ANSWERS,
    "converse": CONVERSE_ANSWERS,
    "ollama": OLLAMA_ANSWERS,
    "yandex": YANDEX_ANSWERS,
}
STREAMS: Final[dict[str, list[Exchange]]] = {
    "chat": [events(stream) for stream in CHAT_STREAMS],
    "responses": [events(responses.STREAM)],
    "messages": [events(stream) for stream in messages.STREAMS.values()],
    "gemini": [
        events(gemini.as_sse(gemini.STREAM, b"\n\n")),
        [Piece(piece.data, _crlf) for piece in events(gemini.as_sse(gemini.STREAM, b"\n\n"))],
        body(gemini.as_array(gemini.STREAM)),
    ],
    "converse": [framed(b"".join(converse.FULL_STREAM))],
    "ollama": [lines(ollama.STREAM), lines(ollama.PLAIN)],
    "yandex": [lines(yandex.STREAM), lines(yandex.CALLING)],
}


def _error(**error: Any) -> Exchange:
    return body({"error": error})


ERRORS: Final[dict[str, list[Exchange]]] = {
    "chat": [
        _error(message="Rate limit reached", type="requests", param=None, code="rate_limit_exceeded"),
        _error(message=f"Incorrect API key: {SECRET}", type="invalid_request_error", code="invalid_api_key"),
        _error(message="This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
               type="invalid_request_error", param="messages", code="context_length_exceeded"),
        body({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}),
        body({"detail": [{"loc": ["body", "messages"], "msg": "field required", "type": "value_error.missing"}]}),
        body({"error": "model 'x' not found"}),
    ],
    "responses": [
        _error(message="boom", type="server_error", param=None, code="server_error"),
        body({"type": "response.failed", "response": {"status": "failed", "error": {"code": "rate_limit_exceeded",
                                                                                    "message": "too fast"}}}),
        body({"type": "error", "code": "server_error", "message": "oh", "param": None, "sequence_number": 1}),
    ],
    "messages": [
        body({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "r"}),
        body({"type": "error", "error": {"type": "invalid_request_error", "message":
              "prompt is too long: 210000 tokens > 200000 maximum", "details": {"error_code": "x"}}}),
    ],
    "gemini": [
        _error(code=429, message="Quota exceeded", status="RESOURCE_EXHAUSTED", details=[gemini.RETRY, gemini.BAD_KEY]),
        body([{"error": {"code": 400, "message": "The input token count (1200000) exceeds the maximum number of tokens"
                         " allowed (1048576).", "status": "INVALID_ARGUMENT"}}]),
        body({"promptFeedback": {"blockReason": "SAFETY"}}),
    ],
    "converse": [
        body({"message": "Too many requests, please wait before trying again.", "__type": "ThrottlingException"}),
        body({"Message": "The security token included in the request is invalid.", "code": "x"}),
        body({"message": "Input is too long for requested model.", "__type": "ValidationException"}),
    ],
    "ollama": [body({"error": "model 'x' not found"}), body({"error": "does not support tools"})],
    "yandex": [
        body({"error": {"grpcCode": 8, "httpCode": 429, "message": "limit on requests was exceeded", "httpStatus":
                        "Too Many Requests", "details": []}}),
        body({"code": 16, "message": "The token is invalid", "details": []}),
    ],
}  # fmt: skip


def whole(exchange: Exchange) -> bytes:
    """What goes over the wire when nothing is broken."""
    return b"".join(piece.wrap(piece.data) for piece in exchange)


def as_json(document: Any) -> bytes:
    """A document as bytes."""
    return json.dumps(document, ensure_ascii=False).encode()
