"""Hand-made exchanges with Bedrock, after its documentation."""

from typing import Any

import msgspec

from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS, format_of
from segue.families.llm.formats.eventstream import write_frame
from segue.families.llm.ir.blocks import Text
from segue.families.llm.ir.conversation import Conversation, Message
from segue.families.llm.ir.format import Target

SONNET = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
OPUS = "anthropic.claude-opus-4-6-v1"
NOVA = "amazon.nova-pro-v1:0"
LLAMA = "meta.llama3-1-70b-instruct-v1:0"


def user(*blocks: Any) -> Message:
    return Message("user", [Text(block) if isinstance(block, str) else block for block in blocks])


def assistant(*blocks: Any) -> Message:
    return Message("assistant", [Text(block) if isinstance(block, str) else block for block in blocks])


def chat(*messages: Message, **fields: Any) -> Conversation:
    return Conversation(messages=list(messages) or [user("Hi")], **fields)


def written(conversation: Conversation, model: str = SONNET, *flags: str) -> tuple[dict[str, Any], list[str]]:
    """The body and the warnings for a model."""
    result = format_of(model).write_request(conversation, Target(model, "aws", frozenset(flags)))
    return msgspec.json.decode(result.body), result.warnings


def asked(**fields: Any) -> Conversation:
    """A client's request for the model `m`, streamed, of which these fields are said."""
    body = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]} | fields
    return CONVERSE_FOR_CLIENTS.read_request(msgspec.json.encode(body), model="m", stream=True)


def blocks(*content: Any, role: str = "user") -> list[Any]:
    """The blocks of a client's one turn."""
    return asked(messages=[{"role": role, "content": list(content)}]).messages[0].content


def event(name: str, payload: dict[str, Any]) -> bytes:
    headers = [(":event-type", name), (":content-type", "application/json"), (":message-type", "event")]
    return write_frame(headers, msgspec.json.encode(payload))


def exception(name: str, message: str) -> bytes:
    headers = [(":exception-type", name), (":content-type", "application/json"), (":message-type", "exception")]
    return write_frame(headers, msgspec.json.encode({"message": message}))


def text_delta(index: int, text: str) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": {"text": text}, "p": "abcd"})


def delta(index: int, **piece: Any) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": piece})


def block_stop(index: int) -> bytes:
    return event("contentBlockStop", {"contentBlockIndex": index})


def tool_start(index: int, call: str, name: str) -> bytes:
    return event(
        "contentBlockStart", {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": call, "name": name}}}
    )


BEGIN = event("messageStart", {"role": "assistant"})
METADATA = event(
    "metadata",
    {
        "usage": {
            "inputTokens": 4,
            "outputTokens": 12,
            "totalTokens": 116,
            "cacheReadInputTokens": 60,
            "cacheWriteInputTokens": 40,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 30}, {"ttl": "5m", "inputTokens": 10}],
        },
        "metrics": {"latencyMs": 812},
    },
)


def message_stop(reason: str, **fields: Any) -> bytes:
    return event("messageStop", {"stopReason": reason, **fields})


FULL_STREAM = (
    BEGIN,
    delta(0, reasoningContent={"text": "Let me "}),
    delta(0, reasoningContent={"text": "think."}),
    delta(0, reasoningContent={"signature": "c2ln"}),
    block_stop(0),
    delta(1, reasoningContent={"redactedContent": "cmVk"}),
    block_stop(1),
    text_delta(2, "Grüße"),
    text_delta(2, ""),
    text_delta(2, " aus Köln"),
    delta(
        2,
        citation={
            "title": "Guide",
            "sourceContent": [{"text": "quoted"}],
            "location": {"web": {"url": "https://e.example"}},
        },
    ),
    block_stop(2),
    tool_start(3, "tooluse_1", "weather"),
    delta(3, toolUse={"input": '{"city":'}),
    delta(3, toolUse={"input": '"Köln"}'}),
    block_stop(3),
    tool_start(4, "tooluse_2", "weather"),
    block_stop(4),
    event("eventOfTomorrow", {"x": 1}),
    message_stop("tool_use"),
    METADATA,
)
