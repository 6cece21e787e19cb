"""Items of a response's output for a client."""

from collections.abc import Sequence
from typing import Any, Final

from segue.families.llm.formats.responses.citations import annotation_of
from segue.families.llm.ir.blocks import OPENAI, Citation, ServerItem, Signature, Thinking, ToolUse
from segue.families.llm.ir.conversation import Raw
from segue.families.llm.ir.seals import seal
from segue.families.llm.ir.seals import shown as sealed

CALL: Final = "call"
"""The kind of a sealed signature that belongs to a call; its value begins with the id of the call and a line feed."""


def text_part(text: str, annotated: list[Any]) -> dict[str, Any]:
    """A text of a message."""
    return {"type": "output_text", "text": text, "annotations": annotated, "logprobs": []}


def annotations(citations: Sequence[Citation], length: int) -> list[Any]:
    """Citations as annotations, without those that have no form here."""
    return [found for citation in citations if (found := annotation_of(citation, length)) is not None]


def refusal_part(text: str) -> dict[str, Any]:
    """A refusal of a message."""
    return {"type": "refusal", "refusal": text}


def message(name: str, status: str, parts: list[dict[str, Any]], phase: str) -> dict[str, Any]:
    """A message of the model's."""
    item = {"id": name, "type": "message", "status": status, "role": "assistant", "content": parts}
    if phase:
        item["phase"] = phase
    return item


def reasoning(name: str, block: Thinking, text: str) -> dict[str, Any]:
    """A thought. Another vendor's signature travels sealed in the place of the ciphertext, its text as the summary."""
    item: dict[str, Any] = {
        "id": name,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text}] if text else [],
    }
    if block.signature is not None:
        item["encrypted_content"] = sealed(block.signature, OPENAI)
    return item


def call(name: str, status: str, block: ToolUse, arguments: str) -> dict[str, Any]:
    """A call of a tool."""
    item = {
        "id": name,
        "type": "custom_tool_call" if block.custom else "function_call",
        "status": status,
        "call_id": block.id,
        "name": block.name,
    }
    item["input" if block.custom else "arguments"] = arguments
    if block.namespace:
        item["namespace"] = block.namespace
    return item


def carrier(name: str, block: ToolUse) -> dict[str, Any] | None:
    """An item that carries the signature of a call, which Gemini wants back and Responses has no place for.

    Clients send thinking back untouched, so it travels as one without words; `CALL` and the call's id say what it is.
    """
    signature = block.signature
    if signature is None:
        return None
    bound = Signature(signature.vendor, f"{block.id}\n{signature.value}", CALL)
    return {"id": name, "type": "reasoning", "summary": [], "encrypted_content": seal(bound)}


def server_item(block: ServerItem) -> bytes | None:
    """A step of OpenAI's own tools as it was; those of other vendors have no form here and are left out."""
    return bytes(Raw(block.raw)) if block.vendor == OPENAI else None


def arguments_of(block: ToolUse, written: str) -> str:
    """What a call is given: a function's arguments are always a JSON object."""
    return written if written or block.custom else "{}"
