"""A whole answer in Anthropic's Messages.

Anthropic has a word for what its own models answer and for nothing else. Thoughts without a proof get an empty one; a
thought's proof of another vendor is sealed. Signatures that Gemini puts on texts and calls travel in a thought of
their own, before the block that they belong to, and are put back when the client returns them. Media that a model
made, and steps of other vendors' own tools, have no word here and are left out.
"""

from typing import Any, Final

import msgspec

from segue.families.llm.formats.messages.blocks_in import NEXT
from segue.families.llm.formats.messages.stops import write_stop
from segue.families.llm.formats.messages.usage import write_usage
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.blocks import (
    ANTHROPIC,
    Citation,
    Content,
    Refusal,
    ServerItem,
    Signature,
    Text,
    Thinking,
    ToolUse,
)
from segue.families.llm.ir.format import Shown
from segue.families.llm.ir.seals import seal, shown

Raw = msgspec.Raw
_object: Final = msgspec.json.Decoder(dict[str, Raw])
_encode: Final = msgspec.json.encode
_NO_ARGUMENTS: Final = Raw(b"{}")


def write_answer(answer: Answer, told: Shown) -> bytes:
    """The body of an answer."""
    usage = write_usage(answer.usage)
    message = {
        **message_of(answer.id, answer.model, told),
        "content": [written for block in answer.content for written in write_block(block)],
        "stop_reason": write_stop(answer.stop),
        "stop_sequence": answer.sequence,
        "usage": usage,
    }
    if answer.service_tier in TIERS:
        usage["service_tier"] = answer.service_tier
    if answer.raw and answer.vendor == ANTHROPIC:
        facts = _object.decode(answer.raw)
        searches = facts.pop("server_tool_use", None)
        if searches is not None:
            usage["server_tool_use"] = searches
        message.update(facts)
    return _encode(message)


TIERS: Final = frozenset({"standard", "priority", "batch"})
"""What Anthropic calls tiers that served a request."""


def message_of(answer_id: str, model: str, told: Shown) -> dict[str, Any]:
    """How every message begins; an id of another vendor's would not look like one."""
    name = answer_id if answer_id.startswith("msg_") else f"msg_{told.call_id}"
    return {"id": name, "type": "message", "role": "assistant", "model": model or told.model}


def write_block(block: Content) -> list[Any]:
    """A block, after the thought that carries its signature if it has one."""
    match block:
        case Text():
            text: dict[str, Any] = {"type": "text", "text": block.text}
            citations = [write_citation(citation) for citation in block.citations]
            if any(citations):
                text["citations"] = [citation for citation in citations if citation is not None]
            return [*carrier(block.signature), text]
        case ToolUse():
            use = {"type": "tool_use", "id": block.id, "name": block.name, "input": arguments_of(block)}
            return [*carrier(block.signature), use]
        case Thinking():
            return [write_thinking(block)]
        case Refusal():
            return [{"type": "text", "text": block.text}]
        case ServerItem(vendor=vendor, raw=raw) if vendor == ANTHROPIC:
            return [Raw(raw)]
        case _:
            return []


def carrier(signature: Signature | None, kind: str = NEXT) -> list[dict[str, str]]:
    """The thought that carries a signature of a block that cannot have one."""
    if signature is None:
        return []
    sealed = seal(Signature(signature.vendor, signature.value, kind))
    return [{"type": "thinking", "thinking": "", "signature": sealed}]


def write_thinking(block: Thinking) -> dict[str, str]:
    """A thought; one that is nothing but a ciphertext is a redacted one."""
    signature = block.signature
    if signature is not None and signature.kind != "signature" and not block.text:
        return {"type": "redacted_thinking", "data": shown(signature, ANTHROPIC)}
    proof = "" if signature is None else proof_of(signature)
    return {"type": "thinking", "thinking": block.text, "signature": proof}


def proof_of(signature: Signature) -> str:
    """A signature as it stands beside a thought: sealed unless it is Anthropic's own of that kind."""
    return signature.value if signature.vendor == ANTHROPIC and signature.kind == "signature" else seal(signature)


def arguments_of(block: ToolUse) -> Raw:
    """The arguments as an object, which Anthropic's SDK expects; text that is none stands in one."""
    if not block.arguments:
        return _NO_ARGUMENTS
    if block.custom:
        return Raw(_encode({"input": block.arguments}))
    try:
        _object.decode(block.arguments)
    except (msgspec.DecodeError, RecursionError):
        return Raw(_encode({"arguments": block.arguments}))
    return Raw(block.arguments.encode())


def write_citation(citation: Citation) -> Raw | None:
    """A citation: Anthropic's own as it was, one of another vendor's as the result of a search on the web."""
    if citation.vendor == ANTHROPIC and citation.raw:
        return Raw(citation.raw)
    if not citation.url:
        return None
    made = {
        "type": "web_search_result_location",
        "cited_text": citation.quote,
        "url": citation.url,
        "title": citation.title or None,
        "encrypted_index": "",
    }
    return Raw(_encode(made))
