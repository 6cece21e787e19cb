"""A whole answer of Converse's."""

from collections.abc import Iterator
from typing import Final

import msgspec

from segue.families.llm.formats.converse.usage import usage_of
from segue.families.llm.formats.converse.wire import (
    Block,
    CitedText,
    ConverseAnswer,
    Reasoning,
    ToolUseOut,
    citation_of,
    is_there,
    sequence_of,
    stop_of,
    tier_of,
)
from segue.families.llm.ir.answer import Answer
from segue.families.llm.ir.blocks import BEDROCK, Content, Media, ServerItem, Signature, Text, Thinking, ToolUse
from segue.families.llm.ir.format import BadAnswer

_answer: Final = msgspec.json.Decoder(ConverseAnswer)
_encode: Final = msgspec.json.encode

SERVER_TOOL: Final = "server_tool_use"


def read_answer(body: bytes, vendor: str) -> Answer:
    """A whole answer.

    Args:
        body: JSON.
        vendor: whose the proofs of thoughts are.

    Raises:
        BadAnswer: it is none.
    """
    try:
        if not body.isascii():
            body.decode()  # values that are kept as bytes are not looked into
        told = _answer.decode(body)
        if told.output is None or told.output.message is None:
            raise BadAnswer("field 'output.message' is missing")
        content = [block for part in told.output.message.content or () for block in _blocks(part, vendor)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadAnswer.of(error, body) from None
    trace = bytes(told.trace) if is_there(told.trace) else b""
    return Answer(
        content=content,
        stop=stop_of(told.stop_reason),
        sequence=sequence_of(told.additional_model_response_fields),
        vendor_stop=told.stop_reason or "",
        usage=usage_of(told.usage, tier_of(told.service_tier, told.performance_config)),
        service_tier=(told.service_tier.type if told.service_tier is not None else None) or "",
        raw=b'{"trace":' + trace + b"}" if trace else b"",
        vendor=BEDROCK if trace else "",
    )


def _blocks(part: Block, vendor: str) -> Iterator[Content]:
    """The blocks of one content block; none for one that we do not know."""
    if part.text is not None:
        yield Text(part.text)
    elif part.tool_use is not None:
        yield _use(part.tool_use)
    elif part.reasoning_content is not None:
        yield from _thoughts(part.reasoning_content, vendor)
    elif part.citations_content is not None:
        yield _cited(part.citations_content)
    elif part.image is not None:
        data = part.image.source.bytes if part.image.source is not None else None
        if data:
            yield Media("image", f"image/{part.image.format or 'png'}", data=data)
    elif is_there(part.tool_result):
        yield ServerItem(BEDROCK, "tool_result", b'{"toolResult":' + bytes(part.tool_result) + b"}")


def _use(use: ToolUseOut) -> ToolUse | ServerItem:
    if use.type == SERVER_TOOL:
        return ServerItem(BEDROCK, SERVER_TOOL, _encode({"toolUse": use}))
    if not use.tool_use_id or not use.name:
        raise BadAnswer("field 'toolUse': 'toolUseId' or 'name' is missing")
    arguments = bytes(use.input).decode()
    return ToolUse(use.tool_use_id, use.name, "" if arguments == "null" else arguments)


def _thoughts(reasoning: Reasoning, vendor: str) -> Iterator[Thinking]:
    thought = reasoning.reasoning_text
    if thought is not None:
        yield Thinking(thought.text or "", Signature(vendor, thought.signature) if thought.signature else None)
    if reasoning.redacted_content:
        yield Thinking("", Signature(vendor, reasoning.redacted_content, "redacted"))


def _cited(passage: CitedText) -> Text:
    found = (citation_of(raw) for raw in passage.citations or ())
    citations = tuple(citation for citation in found if citation is not None)
    return Text("".join(part.text or "" for part in passage.content or ()), citations=citations)
