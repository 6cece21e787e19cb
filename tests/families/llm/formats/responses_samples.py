"""Exchanges in OpenAI's Responses, written by hand after its reference."""

import json
from typing import Any

from segue.families.llm.formats.responses.events_in import ResponsesReader
from segue.families.llm.formats.responses.format import RESPONSES
from segue.families.llm.ir.answer import Event
from segue.families.llm.ir.collect import Collector
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import Shown, Target

TARGET = Target("gpt-upstream", "openai")

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}

REQUEST: dict[str, Any] = {
    "model": "smart",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": "What is the weather in Łódź?"},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "The tool knows."}],
            "encrypted_content": "gAAAA=",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "I shall look.", "annotations": []}],
        },
        {"type": "function_call", "call_id": "call_a", "name": "weather", "arguments": '{"city":"Łódź"}'},
        {"type": "function_call", "call_id": "call_b", "name": "weather", "arguments": '{"city":"Oslo"}'},
        {"type": "function_call_output", "call_id": "call_b", "output": "snow"},
        {"type": "function_call_output", "call_id": "call_a", "output": "rain"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "And in this picture?"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw==", "detail": "low"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
            ],
        },
    ],
    "tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": True}],
    "tool_choice": "auto",
    "reasoning": {"effort": "low", "summary": "auto"},
    "max_output_tokens": 500,
    "temperature": 0.5,
    "metadata": {"a": "b"},
}

ANSWER: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_700_000_000,
    "status": "completed",
    "model": "gpt-upstream-2026",
    "output": [
        {
            "id": "rs_9",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "gAAA==",
        },
        {
            "id": "msg_9",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [
                {
                    "type": "output_text",
                    "text": "Snow, says the page.",
                    "annotations": [
                        {
                            "type": "url_citation",
                            "start_index": 0,
                            "end_index": 4,
                            "url": "https://weather.example/oslo",
                            "title": "Oslo",
                        }
                    ],
                }
            ],
        },
        {
            "id": "fc_9",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_9",
            "name": "weather",
            "arguments": '{"city":"Rome"}',
        },
    ],
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 8},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 12},
        "total_tokens": 130,
    },
}


def _frame(**more: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "created_at": 1_700_000_000, "model": "gpt-upstream-2026", **more}


def compact(value: Any) -> str:
    """JSON as OpenAI writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def stream_of(*events: dict[str, Any]) -> bytes:
    """Events as OpenAI sends them."""
    out = b""
    for number, event in enumerate(events):
        data = compact({**event, "sequence_number": number})
        out += f"event: {event['type']}\ndata: {data}\n\n".encode()
    return out


CREATED = {"type": "response.created", "response": _frame(status="in_progress", output=[])}
COMPLETED = {"type": "response.completed", "response": ANSWER}

_RS, _MSG, _FC = ANSWER["output"]
_FC2 = {**_FC, "id": "fc_10", "call_id": "call_10", "arguments": '{"city":"Łódź"}'}


def _at(item: dict[str, Any], index: int, **more: Any) -> dict[str, Any]:
    return {"item_id": item["id"], "output_index": index, **more}


EVENTS: list[dict[str, Any]] = [
    CREATED,
    {"type": "response.in_progress", "response": _frame(status="in_progress", output=[])},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"id": "rs_9", "type": "reasoning", "summary": []},
    },
    {
        "type": "response.reasoning_summary_part.added",
        **_at(_RS, 0, summary_index=0),
        "part": {"type": "summary_text", "text": ""},
    },
    {"type": "response.reasoning_summary_text.delta", **_at(_RS, 0, summary_index=0), "delta": "H"},
    {"type": "response.reasoning_summary_text.delta", **_at(_RS, 0, summary_index=0), "delta": "m."},
    {"type": "response.reasoning_summary_text.done", **_at(_RS, 0, summary_index=0), "text": "Hm."},
    {
        "type": "response.reasoning_summary_part.done",
        **_at(_RS, 0, summary_index=0),
        "part": {"type": "summary_text", "text": "Hm."},
    },
    {"type": "response.output_item.done", "output_index": 0, "item": _RS},
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {"id": "msg_9", "type": "message", "role": "assistant", "status": "in_progress", "content": []},
    },
    {
        "type": "response.content_part.added",
        **_at(_MSG, 1, content_index=0),
        "part": {"type": "output_text", "text": "", "annotations": []},
    },
    {"type": "response.output_text.delta", **_at(_MSG, 1, content_index=0), "delta": "Snow, ", "obfuscation": "x9"},
    {"type": "response.output_text.delta", **_at(_MSG, 1, content_index=0), "delta": ""},
    {"type": "response.output_text.delta", **_at(_MSG, 1, content_index=0), "delta": "says the page."},
    {
        "type": "response.output_text.annotation.added",
        **_at(_MSG, 1, content_index=0, annotation_index=0),
        "annotation": _MSG["content"][0]["annotations"][0],
    },
    {"type": "response.output_text.done", **_at(_MSG, 1, content_index=0), "text": "Snow, says the page."},
    {"type": "response.content_part.done", **_at(_MSG, 1, content_index=0), "part": _MSG["content"][0]},
    {"type": "response.output_item.done", "output_index": 1, "item": _MSG},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {**_FC, "arguments": "", "status": "in_progress"},
    },
    {
        "type": "response.output_item.added",
        "output_index": 3,
        "item": {**_FC2, "arguments": "", "status": "in_progress"},
    },
    {"type": "response.function_call_arguments.delta", **_at(_FC, 2), "delta": '{"ci'},
    {"type": "response.function_call_arguments.delta", **_at(_FC2, 3), "delta": '{"city":'},
    {"type": "response.function_call_arguments.delta", **_at(_FC, 2), "delta": 'ty":"Rome"}'},
    {"type": "response.function_call_arguments.delta", **_at(_FC2, 3), "delta": '"Łódź"}'},
    {"type": "response.function_call_arguments.done", **_at(_FC, 2), "arguments": _FC["arguments"]},
    {"type": "response.output_item.done", "output_index": 2, "item": _FC},
    {"type": "response.function_call_arguments.done", **_at(_FC2, 3), "arguments": _FC2["arguments"]},
    {"type": "response.output_item.done", "output_index": 3, "item": _FC2},
    {"type": "response.something.new", "surprise": [1, 2]},
    {"type": "response.completed", "response": {**ANSWER, "output": [_RS, _MSG, _FC, _FC2]}},
]
STREAM = stream_of(*EVENTS)


def read(request: dict[str, Any]) -> Conversation:
    """A client's request."""
    return RESPONSES.read_request(json.dumps(request).encode())


def asked(*items: dict[str, Any], **more: Any) -> Conversation:
    """A client's request with these items."""
    return read({"model": "m", "input": list(items), **more})


def written(conversation: Conversation, target: Target = TARGET) -> dict[str, Any]:
    """What a provider gets."""
    body: dict[str, Any] = json.loads(RESPONSES.write_request(conversation, target).body)
    return body


def shown(request: dict[str, Any] | None = None, call_id: str = "call-1") -> Shown:
    """What a writer knows beside the answer."""
    return Shown(read(request or {"model": "m", "input": "hi"}), "upstream", call_id, 1_700_000_001)


def events_of(data: bytes, size: int = 0) -> list[Event]:
    """The events of a whole stream, in chunks of `size` bytes."""
    reader = ResponsesReader()
    events: list[Event] = []
    step = size or max(1, len(data))
    for start in range(0, len(data), step):
        events += reader.feed(data[start : start + step])
    return [*events, *reader.end()]


def collected(events: list[Event]) -> Collector:
    """What events make up."""
    collector = Collector()
    for event in events:
        collector.feed(event)
    return collector


def sent(stream: bytes) -> list[dict[str, Any]]:
    """The events that a client sees."""
    return [json.loads(block.split(b"data: ", 1)[1]) for block in stream.split(b"\n\n") if block]
