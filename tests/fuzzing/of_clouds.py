"""The parsers of the clouds' envelopes: Converse as clients speak it, what is invoked, counts, and their streams."""

import base64
import random
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from families.llm.formats import messages_support as messages
from fuzzing import exchanges as given
from fuzzing import others
from fuzzing.mutations import SECRET, Exchange, body, cut_up, events
from fuzzing.parser import Parser
from fuzzing.reading import SHOWN, an_object, request_of
from segue.families.llm.asked import RawRequest
from segue.families.llm.formats.converse.format import CONVERSE_FOR_CLIENTS
from segue.families.llm.formats.eventstream import FrameSplitter
from segue.families.llm.formats.messages.clouds import Frames, plain_request
from segue.families.llm.formats.messages.format import MESSAGES
from segue.families.llm.other.cloud_counts import count_for_bedrock
from segue.families.llm.other.counting import CountCodec
from segue.families.llm.passing.converse import ConversePassing
from segue.families.llm.sse import EventTooLong

PIXEL: Final = base64.b64encode(b"pixel").decode()
SPOKEN: Final[Sequence[dict[str, Any]]] = (
    {
        "messages": [
            {"role": "user", "content": [
                {"text": "Hello, how is Łódź?"},
                {"image": {"format": "png", "source": {"bytes": PIXEL}}},
                {"document": {"format": "txt", "name": "n", "source": {"text": "x"}, "citations": {"enabled": True}}},
                {"cachePoint": {"type": "default", "ttl": "5m"}},
            ]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "c2Vj"}},
                {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"place": "Łódź"}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "t1", "content": [{"text": "sunny"}, {"json": {"a": 1}}],
                                "status": "error"}},
            ]},
        ],
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["HALT"]},
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "weather", "description": "d", "inputSchema": {"json": given.SCHEMA}}}],
            "toolChoice": {"tool": {"name": "weather"}},
        },
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}, "top_k": 5},
        "requestMetadata": {"team": "a"},
    },
    {
        "messages": [{"role": "user", "content": [
            {"searchResult": {"source": "s", "title": "t", "content": [{"text": "x"}]}}, {"text": "what"},
        ]}],
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": {
            "jsonSchema": {"schema": '{"type":"object","properties":{},"additionalProperties":false}', "name": "n"}}}},
        "serviceTier": {"type": "flex"},
        "guardrailConfig": {"guardrailIdentifier": "g"},
        "performanceConfig": {"latency": "optimized"},
    },
)  # fmt: skip
INVOKED: Final = {
    "anthropic_version": "bedrock-2023-05-31", "anthropic_beta": ["a-1"], "max_tokens": 5,
    "messages": [{"role": "user", "content": "hi"}], "system": "be brief",
}  # fmt: skip
CONVERSE: Final = [body(one) for one in SPOKEN]
COUNTS: Final = [
    body({"input": {"converse": {"messages": SPOKEN[0]["messages"]}}}),
    body({"input": {"invokeModel": {"body": base64.b64encode(msgspec.json.encode(INVOKED)).decode()}}}),
]
_READ: Final = ("read", "refused")


def _routed(data: bytes) -> RawRequest:
    return RawRequest(CONVERSE_FOR_CLIENTS, data, model="m", stream=True)


def _invoked(data: bytes) -> RawRequest:
    return plain_request(data, "m", stream=True)


def _passing() -> ConversePassing:
    return ConversePassing(CONVERSE_FOR_CLIENTS.event_writer(SHOWN), SECRET)


def _framed(data: bytes, dice: random.Random) -> str:
    """Events in frames: frames that our own splitter takes, each around what the event said."""
    frames = Frames()
    try:
        out = b"".join([frames(piece) for piece in cut_up(data, dice)])
    except EventTooLong:
        return "bad"
    found = FrameSplitter().feed(out)
    for frame in found:
        an_object(frame.payload)
    return "read" if found else "nothing"


def _of(exchanges: dict[str, bytes]) -> list[Exchange]:
    return [events(stream) for stream in exchanges.values()]


CLOUDS: Final = [
    Parser("converse: request", CONVERSE, request_of(CONVERSE_FOR_CLIENTS), _READ),
    Parser("converse: routed", CONVERSE, others.routed(_routed), _READ),
    Parser("converse: passing", given.STREAMS["converse"], others.passing(_passing, "frames"), ("read", "stream_cut")),
    Parser("bedrock: invoked", [body(INVOKED)], others.routed(_invoked), _READ),
    Parser("bedrock: framed", _of(messages.STREAMS), _framed),
    Parser(
        "bedrock: counted",
        COUNTS,
        others.task(
            lambda data: count_for_bedrock(data, "m"),
            others.encoded(CountCodec(MESSAGES.id, others.address, others.headers)),
        ),
        _READ,
    ),
]
