"""A whole answer in Converse.

Proofs of Claude's thoughts go as they are, those of other vendors are sealed; an enciphered thought is base64 here, so
that whatever is none is sealed, too. Signatures that Gemini puts on texts and calls travel in a thought of their own,
as in Anthropic's Messages.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.formats.converse.media import format_of_image
from segue.families.llm.formats.messages.blocks_in import NEXT
from segue.families.llm.formats.tool_calls import as_object
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import (
    ANTHROPIC,
    BEDROCK,
    Citation,
    Content,
    Media,
    Refusal,
    ServerItem,
    Signature,
    Text,
    Thinking,
    ToolUse,
)
from segue.families.llm.ir.format import Shown
from segue.families.llm.ir.seals import seal, shown

_encode: Final = msgspec.json.encode
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

_STOPS: Final[Mapping[Stop, str]] = {
    Stop.END: "end_turn",
    Stop.LENGTH: "max_tokens",
    Stop.SEQUENCE: "stop_sequence",
    Stop.TOOLS: "tool_use",
    Stop.FILTER: "content_filtered",
    Stop.REFUSAL: "content_filtered",
    Stop.CONTEXT: "model_context_window_exceeded",
    Stop.MALFORMED: "malformed_tool_use",
    Stop.PAUSE: "end_turn",
    # What ended in a way that nobody has a word for is not known to be whole, and `end_turn` would say that it is.
    Stop.OTHER: "malformed_model_output",
}
_VENDORS: Final = frozenset({"guardrail_intervened", "malformed_model_output"})
"""Reasons of Bedrock's own that several of our words stand for."""


def write_answer(answer: Answer, told: Shown) -> bytes:
    """The body of an answer."""
    content = [written for block in answer.content for written in write_block(block)]
    body: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": write_stop(answer.stop, answer.vendor_stop),
        "usage": write_usage(answer.usage),
        "metrics": metrics_of(told),
        **own_fields(answer.sequence),
    }
    if answer.raw and answer.vendor == BEDROCK:
        body.update(_object.decode(answer.raw))
    return _encode(body)


def write_stop(stop: Stop, vendor_stop: str) -> str:
    """Converse's word for the reason."""
    return vendor_stop if vendor_stop in _VENDORS else _STOPS[stop]


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """Bedrock's usage: its input is without what came from or went to the cache; zero where nothing is known."""
    if usage is None:
        return {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    hour, short = usage.cache_write_1h_tokens, usage.cache_write_tokens
    written = None if hour is None and short is None else (hour or 0) + (short or 0)
    whole, output = usage.input_tokens or 0, usage.output_tokens or 0
    plain = max(0, whole - (usage.cached_tokens or 0) - (written or 0))
    wire: dict[str, Any] = {"inputTokens": plain, "outputTokens": output, "totalTokens": whole + output}
    if usage.cached_tokens is not None:
        wire["cacheReadInputTokens"] = usage.cached_tokens
    if written is not None:
        wire["cacheWriteInputTokens"] = written
    if hour:
        details = (("1h", hour), ("5m", short or 0))
        wire["cacheDetails"] = [{"ttl": ttl, "inputTokens": count} for ttl, count in details if count]
    return wire


def metrics_of(told: Shown) -> dict[str, int]:
    """How long it took, in milliseconds."""
    return {} if told.elapsed is None else {"latencyMs": round(told.elapsed() * 1000)}


def own_fields(sequence: str | None) -> dict[str, Any]:
    """The stop sequence that came, where clients that ask for it by its path look for it; it is told to all."""
    return {} if sequence is None else {"additionalModelResponseFields": {"stop_sequence": sequence}}


def write_block(block: Content) -> list[Any]:
    """A block, after the thought that carries its signature if it has one; nothing where Converse has no word."""
    match block:
        case Text():
            return [*carrier(block.signature), _cited(block) if block.citations else {"text": block.text}]
        case ToolUse():
            use = {"toolUseId": block.id, "name": block.name, "input": arguments_of(block)}
            return [*carrier(block.signature), {"toolUse": use}]
        case Thinking():
            return [{"reasoningContent": write_thinking(block)}]
        case Refusal():
            return [{"text": block.text}]
        case Media(kind="image") if block.data and format_of_image(block) is not None:
            return [{"image": {"format": format_of_image(block), "source": {"bytes": block.data}}}]
        case ServerItem(vendor=vendor, raw=raw) if vendor == BEDROCK:
            return [msgspec.Raw(raw)]
        case _:
            return []


def write_thinking(block: Thinking) -> dict[str, Any]:
    """A thought; one that is nothing but a ciphertext is a redacted one, and one without a proof has an empty one."""
    signature = block.signature
    if signature is not None and signature.kind == "redacted" and not block.text:
        return {"redactedContent": redacted(signature)}
    return {"reasoningText": {"text": block.text, "signature": "" if signature is None else proof_of(signature)}}


def redacted(signature: Signature) -> str:
    """An enciphered thought as base64."""
    value = shown(signature, ANTHROPIC)
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return seal(signature)
    return value


def proof_of(signature: Signature) -> str:
    """A signature as it stands beside a thought: sealed unless it is Anthropic's own of that kind."""
    return signature.value if signature.vendor == ANTHROPIC and signature.kind == "signature" else seal(signature)


def carrier(signature: Signature | None, kind: str = NEXT) -> list[dict[str, Any]]:
    """The thought that carries a signature of a block that cannot have one."""
    if signature is None:
        return []
    sealed = seal(Signature(signature.vendor, signature.value, kind))
    return [{"reasoningContent": {"reasoningText": {"text": "", "signature": sealed}}}]


def arguments_of(block: ToolUse) -> Any:
    """The arguments as an object; text that is none stands in one."""
    if not block.arguments:
        return {}
    if block.custom:
        return {"input": block.arguments}
    arguments = as_object(block.arguments)
    return {"arguments": block.arguments} if arguments is None else arguments


def write_citation(citation: Citation) -> Any:
    """A citation: Bedrock's own as it was, one of another vendor's by its address and its title."""
    if citation.vendor == BEDROCK and citation.raw:
        return msgspec.Raw(citation.raw)
    made: dict[str, Any] = {}
    if citation.title:
        made["title"] = citation.title
    if citation.quote:
        made["sourceContent"] = [{"text": citation.quote}]
    if citation.url:
        made["location"] = {"web": {"url": citation.url}}
    return made


def _cited(block: Text) -> dict[str, Any]:
    citations = [write_citation(citation) for citation in block.citations]
    return {"citationsContent": {"content": [{"text": block.text}], "citations": citations}}
