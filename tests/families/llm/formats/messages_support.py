"""Exchanges in Anthropic's Messages, written by hand after its documentation."""

from typing import Any

import msgspec

from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.ir.answer import Event
from segue.families.llm.ir.conversation import Conversation
from segue.families.llm.ir.format import Shown, Target, Written

SHOWN = Shown(Conversation(), "upstream-model", "call_1", 1_700_000_000)


def event(name: str, **fields: Any) -> bytes:
    """One event as Anthropic sends it."""
    return f"event: {name}\n".encode() + b"data: " + msgspec.json.encode({"type": name, **fields}) + b"\n\n"


def start(**usage: Any) -> bytes:
    """The beginning of a stream."""
    message: dict[str, Any] = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 1, **usage},
    }
    return event("message_start", message=message)


def block(index: int, begun: dict[str, Any], *pieces: dict[str, Any]) -> bytes:
    """One block of a stream."""
    return (
        event("content_block_start", index=index, content_block=begun)
        + b"".join(event("content_block_delta", index=index, delta=piece) for piece in pieces)
        + event("content_block_stop", index=index)
    )


def finish(reason: str, sequence: str | None = None, usage: dict[str, Any] | None = None) -> bytes:
    """The end of a stream."""
    return event(
        "message_delta",
        delta={"stop_reason": reason, "stop_sequence": sequence},
        usage={"output_tokens": 15} if usage is None else usage,
    ) + event("message_stop")


TEXT = {"type": "text", "text": ""}


def text(words: str) -> dict[str, Any]:
    return {"type": "text_delta", "text": words}


def arguments(words: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": words}


def call(name: str, call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {}}


PLAIN = start() + event("ping") + block(0, TEXT, text("Hel"), text(""), text("lo, Zürich \u2603")) + finish("end_turn")
THINKING = (
    start(cache_read_input_tokens=100, cache_creation_input_tokens=30)
    + block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Let me see."},
        {"type": "thinking_delta", "thinking": " Yes."},
        {"type": "signature_delta", "signature": "EqQBCgIYAhIM"},
    )
    + block(1, {"type": "redacted_thinking", "data": "EmwKAhgBEgy3"})
    + block(2, TEXT, text("I'll look."))
    + block(3, call("weather", "toolu_01"), arguments(""), arguments('{"city": "Z\\u00fc'), arguments('rich"}'))
    + block(4, call("time", "toolu_02"), arguments(""))
    + finish("tool_use", usage={"output_tokens": 89, "output_tokens_details": {"thinking_tokens": 40}})
)
SEARCH = (
    start()
    + block(
        0,
        {"type": "server_tool_use", "id": "srvtoolu_01", "name": "web_search", "input": {}},
        arguments(""),
        arguments('{"query": "we'),
        arguments('ather"}'),
    )
    + block(
        1,
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_01",
            "content": [
                {
                    "type": "web_search_result",
                    "title": "Weather",
                    "url": "https://example.org/weather",
                    "encrypted_content": "EqgfCioIARgB",
                    "page_age": None,
                }
            ],
        },
    )
    + block(
        2,
        {"type": "text", "text": "", "citations": []},
        {
            "type": "citations_delta",
            "citation": {
                "type": "web_search_result_location",
                "cited_text": "Sunny.",
                "url": "https://example.org/weather",
                "title": "Weather",
                "encrypted_index": "Eo8BCioIAhgB",
            },
        },
        text("It is sunny."),
    )
    + finish(
        "end_turn",
        usage={
            "input_tokens": 10682,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 510,
            "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
        },
    )
)
STOPPED = start() + block(0, TEXT, text("one, two")) + finish("stop_sequence", "three")
STREAMS = {"plain": PLAIN, "thinking": THINKING, "search": SEARCH, "stopped": STOPPED}

MESSAGE: dict[str, Any] = {
    "id": "msg_02",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-5",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "EqQBCgIYAhIM"},
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3"},
        {
            "type": "text",
            "text": "The grass is green.",
            "citations": [
                {
                    "type": "char_location",
                    "cited_text": "The grass is green.",
                    "document_index": 0,
                    "document_title": "Nature",
                    "start_char_index": 0,
                    "end_char_index": 19,
                    "file_id": None,
                }
            ],
        },
        {"type": "tool_use", "id": "toolu_01", "name": "weather", "input": {"city": "Zürich"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 8,
        "cache_read_input_tokens": 100,
        "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 3},
        "output_tokens": 60,
        "output_tokens_details": {"thinking_tokens": 20},
        "service_tier": "standard",
    },
}


def events_of(stream: bytes, size: int | None = None) -> list[Event]:
    """Everything that a stream gives, fed in pieces of a size."""
    reader = MESSAGES.event_reader()
    found: list[Event] = []
    for at in range(0, len(stream), size or len(stream)):
        found += reader.feed(stream[at : at + (size or len(stream))])
    return [*found, *reader.end()]


def read(**fields: Any) -> Conversation:
    """A request of a client's, with what every request must have."""
    body = {"model": "m", "max_tokens": 1000, "messages": [{"role": "user", "content": "Hi"}], **fields}
    return MESSAGES.read_request(msgspec.json.encode(body))


def written(conversation: Conversation, *flags: str, max_output: int | None = None) -> Written:
    """A conversation as it is written for a provider."""
    return MESSAGES.write_request(conversation, Target("claude-x", flags=frozenset(flags), max_output=max_output))


def body(conversation: Conversation, *flags: str) -> dict[str, Any]:
    """The body of it."""
    decoded: dict[str, Any] = msgspec.json.decode(written(conversation, *flags).body)
    return decoded
