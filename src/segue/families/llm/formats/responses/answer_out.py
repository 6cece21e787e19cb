"""A whole answer for a client of Responses."""

from typing import Any, Final

import msgspec

from segue.families.llm.formats.responses import output
from segue.families.llm.formats.responses.namespaces import with_group
from segue.families.llm.formats.responses.shape import Frame, ending_of, item_name
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.blocks import Refusal, ServerItem, Text, Thinking, ToolUse
from segue.families.llm.ir.format import Shown

_encode: Final = msgspec.json.encode


def write_answer(answer: Answer, shown: Shown) -> bytes:
    """See `ClientFormat.write_answer`. Neighbouring texts are parts of one message."""
    frame = Frame(shown, answer.id, answer.model, answer.created)
    refused = any(isinstance(block, Refusal) for block in answer.content)
    status, details = ending_of(answer.stop, refused=refused)
    items: list[bytes] = []
    said: list[Text | Refusal] = []
    for block in answer.content:
        if isinstance(block, (Text, Refusal)):
            if said and _phase(block) != _phase(said[0]):
                items.append(_message(frame, said, len(items), "completed"))
                said = []
            said.append(block)
            continue
        if said:
            items.append(_message(frame, said, len(items), "completed"))
            said = []
        if isinstance(block, Thinking):
            items.append(_encode(output.reasoning(item_name(frame, block, len(items)), block, block.text)))
        elif isinstance(block, ToolUse):
            use = with_group(block, shown.conversation.namespaces)
            arguments = output.arguments_of(use, use.arguments)
            items.append(_encode(output.call(item_name(frame, use, len(items)), "completed", use, arguments)))
            carrier = output.carrier(frame.name("rs", len(items)), block)
            if carrier is not None:
                items.append(_encode(carrier))
        elif isinstance(block, ServerItem):
            written = output.server_item(block)
            if written is not None:
                items.append(written)
    if said:
        items.append(_message(frame, said, len(items), status))
    return frame.write(status, items, usage=answer.usage, tier=answer.service_tier, details=details)


def _message(frame: Frame, said: list[Text | Refusal], place: int, status: str) -> bytes:
    parts: list[dict[str, Any]] = [
        output.refusal_part(block.text)
        if isinstance(block, Refusal)
        else output.text_part(block.text, output.annotations(block.citations, len(block.text)))
        for block in said
    ]
    return _encode(output.message(item_name(frame, said[0], place), status, parts, _phase(said[0])))


def _phase(block: Text | Refusal) -> str:
    return block.phase if isinstance(block, Text) else ""
