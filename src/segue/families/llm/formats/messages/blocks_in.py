"""The turns of a client's request out of Anthropic's Messages."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from segue.families.llm.formats.messages.invalid import explain, invalid, unknown_field, unknown_type
from segue.families.llm.formats.messages.media_in import mark, read_document, read_image
from segue.families.llm.formats.messages.plain import plain_of
from segue.families.llm.formats.messages.wire import (
    DocumentBlock,
    ImageBlock,
    InputBlock,
    InputMessage,
    Raw,
    RedactedBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from segue.families.llm.formats.messages.wire_answer import WireCitation
from segue.families.llm.ir.blocks import (
    ANTHROPIC,
    Citation,
    Content,
    Media,
    ServerItem,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from segue.families.llm.ir.conversation import Message
from segue.families.llm.ir.seals import unseal

_message: Final = msgspec.json.Decoder(InputMessage[Raw])
_block: Final = msgspec.json.Decoder(InputBlock)
_citation: Final = msgspec.json.Decoder(WireCitation)

NEXT: Final = "next"
"""The kind of a sealed signature that belongs to the block after its own."""
LAST: Final = "last"
"""The kind of a sealed signature that belongs to the block before its own."""

_OWN: Final = frozenset({
    "server_tool_use", "mcp_tool_use", "mcp_tool_result", "mcp_tool_listing", "search_result", "container_upload",
    "compaction", "fallback", "tool_addition", "tool_removal", "tool_reference",
})  # fmt: skip


class _Typed(msgspec.Struct):
    type: str


class Unlike(Exception):
    """A part of a block has no word outside of Anthropic's format: the block is kept as it is."""


_typed: Final = msgspec.json.Decoder(_Typed)


def read_message(raw: Raw, where: str) -> Message:
    """One turn."""
    try:
        message = _message.decode(raw)
    except msgspec.ValidationError as error:
        raise explain(error, where) from None
    role, content = message.role, message.content
    if role not in _READERS:
        raise invalid(f"{where}.role", "Input should be 'user', 'assistant' or 'system'")
    if not content and role != "assistant":
        raise invalid(where, f"{role} messages must have non-empty content")
    if isinstance(content, str):
        return Message(role, [Text(content)] if content else [])
    blocks = [_read_block(block, role, f"{where}.content.{number}") for number, block in enumerate(content)]
    return Message(role, hung(blocks))


def read_usual_message(message: InputMessage[InputBlock]) -> Message:
    """One turn of a request that was decoded whole.

    Raises:
        RequestInvalid, Unlike: it needs the closer look of `read_message`, which also tells the place.
    """
    role, content = message.role, message.content
    readers = _READERS.get(role)
    if readers is None or (not content and role != "assistant"):
        raise Unlike
    if isinstance(content, str):
        return Message(role, [Text(content)] if content else [])
    if not readers.keys() >= {*map(type, content)}:
        raise Unlike
    blocks = [readers[type(block)](block, "") for block in content]
    return Message(role, hung(blocks) if role == "assistant" and Thinking in map(type, blocks) else blocks)


def hung(blocks: list[Content]) -> list[Content]:
    """Blocks with the signatures of theirs that travelled in thoughts of their own."""
    hung: list[Content] = []
    hanging: Thinking | None = None
    for block in blocks:
        if isinstance(block, Thinking) and block.signature is not None and block.signature.kind in {NEXT, LAST}:
            hanging = _hang(block, hung)
            continue
        if hanging is not None:
            _sign(block, hanging)
            hanging = None
        hung.append(block)
    return hung


def _hang(carrier: Thinking, blocks: list[Content]) -> Thinking | None:
    """Give a signature that travelled in a thought of its own to its block; back comes what waits for the next."""
    signature = carrier.signature
    if signature is not None and signature.kind == NEXT:
        return carrier
    if blocks:
        _sign(blocks[-1], carrier)
    return None


def _sign(block: Content, carrier: Thinking) -> None:
    if isinstance(block, (Text, ToolUse)) and carrier.signature is not None:
        block.signature = msgspec.structs.replace(carrier.signature, kind="signature")


def _read_block(raw: Raw, role: str, where: str) -> Content:
    try:
        block = _block.decode(raw)
    except msgspec.ValidationError as error:
        return _unlike(raw, error, where)
    reader = _READERS[role].get(type(block))
    if reader is None:
        raise invalid(where, f"`{block.__struct_config__.tag}` blocks cannot stand in a message of role {role!r}")
    try:
        return reader(block, where)
    except Unlike:
        return ServerItem(ANTHROPIC, str(block.__struct_config__.tag), bytes(raw), plain_of(raw))


def _unlike(raw: Raw, error: msgspec.ValidationError, where: str) -> ServerItem:
    """A block that only Anthropic understands: of a type of its own, or with a field or a source of its own."""
    try:
        kind = _typed.decode(raw).type
    except msgspec.ValidationError as worse:
        raise explain(worse, where) from None
    if unknown_type(error):
        if kind in _OWN or kind.endswith("_tool_result"):
            return ServerItem(ANTHROPIC, kind, bytes(raw), plain_of(raw) if kind == "search_result" else None)
        raise invalid(f"{where}.type", f"Input tag {kind[:64]!r} does not match any of the expected tags")
    text = str(error)
    if unknown_field(error) or "`$.caller" in text or "`$.toolset_name" in text:
        return ServerItem(ANTHROPIC, kind, bytes(raw))
    if kind == "document" and text.startswith("Invalid value 'content'"):  # a document in pieces to be cited
        return ServerItem(ANTHROPIC, kind, bytes(raw), plain_of(raw))
    raise explain(error, where) from None


def _use(block: ToolUseBlock, where: str) -> ToolUse:
    arguments = bytes(block.input)
    if arguments[:1] != b"{":
        raise invalid(f"{where}.tool_use.input", "Input should be an object")
    if not block.name or not block.id:
        raise invalid(f"{where}.tool_use.{'name' if block.id else 'id'}", "String should not be empty")
    return ToolUse(block.id, block.name, arguments.decode(), cache=mark(block.cache_control))


def _thought(block: ThinkingBlock, _where: str) -> Thinking:
    return Thinking(block.thinking, unseal(block.signature, ANTHROPIC) if block.signature else None)


def _redacted(block: RedactedBlock, _where: str) -> Thinking:
    return Thinking(signature=unseal(block.data, ANTHROPIC, "redacted"))


def _result(block: ToolResultBlock, where: str) -> ToolResult:
    parts: list[Text | Media] = []
    content = block.content
    if isinstance(content, str):
        if content:
            parts.append(Text(content))
    else:
        for number, raw in enumerate(content or ()):
            place = f"{where}.tool_result.content.{number}"
            try:
                inner = _block.decode(raw)
                part = _READ[type(inner)](inner, place)
            except msgspec.ValidationError as error:
                _unlike(raw, error, place)
                raise Unlike from None
            if not isinstance(part, (Text, Media)):
                raise invalid(f"{place}.type", "Input should be 'text', 'image', 'document' or 'search_result'")
            parts.append(part)
    if not block.tool_use_id:
        raise invalid(f"{where}.tool_result.tool_use_id", "String should not be empty")
    return ToolResult(block.tool_use_id, tuple(parts), bool(block.is_error), cache=mark(block.cache_control))


def read_texts(blocks: list[TextBlock], where: str) -> list[Text]:
    """The texts of a system prompt."""
    return [read_text(block, f"{where}.{number}") for number, block in enumerate(blocks)]


def read_text(block: TextBlock, where: str) -> Text:
    """A text; an empty one is refused, as Anthropic does."""
    if not block.text:
        raise invalid(f"{where}.text", "text content blocks must be non-empty")
    if block.cache_control is None and not block.citations:
        return Text(block.text)
    citations = tuple(read_citation(raw, where) for raw in block.citations or ())
    return Text(block.text, mark(block.cache_control), citations)


def read_citation(raw: Raw, where: str = "citations") -> Citation:
    """A citation; Anthropic's own object goes along, for it has places in sources that nobody else knows."""
    try:
        cited = _citation.decode(raw)
    except msgspec.ValidationError as error:
        raise explain(error, where) from None
    return Citation(
        url=cited.url or cited.source or "",
        title=cited.title or cited.document_title or "",
        quote=cited.cited_text or "",
        raw=bytes(raw),
        vendor=ANTHROPIC,
    )


_READ: Final[Mapping[type, Callable[[Any, str], Content]]] = {
    TextBlock: read_text,
    ImageBlock: read_image,
    DocumentBlock: read_document,
    ToolResultBlock: _result,
    ThinkingBlock: _thought,
    RedactedBlock: _redacted,
    ToolUseBlock: _use,
}
_READERS: Final[Mapping[str, Mapping[type, Callable[[Any, str], Content]]]] = {
    "user": {kind: _READ[kind] for kind in (TextBlock, ToolResultBlock, ImageBlock, DocumentBlock)},
    "assistant": {kind: _READ[kind] for kind in (TextBlock, ToolUseBlock, ThinkingBlock, RedactedBlock)},
    "system": {TextBlock: read_text},
}
"""What may stand in a turn of each role, and what reads it."""
