"""A whole answer, in Google's shape for clients."""

from collections.abc import Iterable
from typing import Any

import msgspec

from segue.families.llm.formats.gemini.citations import write_citations
from segue.families.llm.formats.gemini.stops import finish_reason
from segue.families.llm.formats.gemini.usage import write_usage
from segue.families.llm.formats.gemini.wire import Raw, object_decoder
from segue.families.llm.ir.answer import Answer, Stop
from segue.families.llm.ir.blocks import (
    GOOGLE,
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
from segue.families.llm.ir.seals import shown as sealed


def write_answer(answer: Answer, shown: Shown) -> bytes:
    """A whole answer."""
    parts = [part for block in answer.content if (part := part_of(block)) is not None]
    cited = [each for block in answer.content if isinstance(block, Text) for each in block.citations]
    candidate = closing(answer.stop, answer.vendor_stop, answer.raw, answer.vendor, cited)
    body: dict[str, Any] = {
        "candidates": [{"content": {"parts": parts, "role": "model"}, **candidate, "index": 0}],
    }
    if answer.usage is not None:
        body["usageMetadata"] = write_usage(answer.usage)
    body["modelVersion"] = answer.model or shown.model
    body["responseId"] = answer.id or shown.call_id
    return msgspec.json.encode(body)


def part_of(block: Content) -> dict[str, Any] | None:
    """A block as a part; `None` for what Google has no part for."""
    if isinstance(block, Text):
        part: dict[str, Any] = {"text": block.text}
        return _signed(part, block.signature) if block.text or block.signature else None
    if isinstance(block, Refusal):
        return {"text": block.text} if block.text else None
    if isinstance(block, Thinking):
        part = {"text": block.text, "thought": True}
        return _signed(part, block.signature) if block.text or block.signature else None
    if isinstance(block, ToolUse):
        return _signed({"functionCall": call_of(block, block.arguments)}, block.signature)
    if isinstance(block, Media):
        if block.data:
            return _signed({"inlineData": {"mimeType": block.type, "data": block.data}}, block.signature)
        address = block.url or (block.file if block.vendor == GOOGLE else "")
        return {"fileData": {"mimeType": block.type, "fileUri": address}} if address else None
    if isinstance(block, ServerItem) and block.vendor == GOOGLE:
        return dict(object_decoder.decode(block.raw))
    return None


def call_of(block: ToolUse, arguments: str) -> dict[str, Any]:
    """A call with its arguments, which must be an object; text that is none is wrapped, so that nothing is lost."""
    args: Any = {}
    if arguments:
        try:
            object_decoder.decode(arguments)
            args = Raw(arguments.encode())
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            args = {"input" if block.custom else "arguments": arguments}
    return {"id": block.id, "name": block.name, "args": args}


def closing(stop: Stop, vendor_stop: str, raw: bytes, vendor: str, cited: Iterable[Citation]) -> dict[str, Any]:
    """What a candidate tells at its end: the reason, and the sources."""
    candidate: dict[str, Any] = {"finishReason": finish_reason(stop, vendor_stop)}
    if raw and vendor == GOOGLE:
        candidate.update(object_decoder.decode(raw))
    else:
        grounding = write_citations(cited)
        if grounding:
            candidate["groundingMetadata"] = grounding
    return candidate


def _signed(part: dict[str, Any], signature: Signature | None) -> dict[str, Any]:
    if signature is not None:
        part["thoughtSignature"] = sealed(signature, GOOGLE)
    return part
