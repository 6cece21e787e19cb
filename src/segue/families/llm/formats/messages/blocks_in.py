"""The turns of a client's request out of Anthropic's Messages."""

from typing import Final

import msgspec

from segue.families.llm.formats.messages.invalid import explain, invalid, unknown_field, unknown_type
from segue.families.llm.formats.messages.wire import (
    Base64Source,
    Cache,
    DocumentBlock,
    FileSource,
    ImageBlock,
    InputBlock,
    InputMessage,
    Raw,
    RedactedBlock,
    TextBlock,
    TextSource,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    UrlSource,
)
from segue.families.llm.formats.messages.wire_answer import WireCitation
from segue.families.llm.ir.blocks import (
    ANTHROPIC,
    CacheMark,
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

_message: Final = msgspec.json.Decoder(InputMessage)
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
_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PLACES: Final[dict[type, frozenset[str]]] = {
    TextBlock: frozenset({"user", "assistant", "system"}),
    ImageBlock: frozenset({"user"}),
    DocumentBlock: frozenset({"user"}),
    ToolResultBlock: frozenset({"user"}),
    ThinkingBlock: frozenset({"assistant"}),
    RedactedBlock: frozenset({"assistant"}),
    ToolUseBlock: frozenset({"assistant"}),
}


class _Typed(msgspec.Struct):
    type: str


class _Unlike(Exception):
    """A part of a block has no word outside of Anthropic's format: the block is kept as it is."""


_typed: Final = msgspec.json.Decoder(_Typed)


def read_message(raw: Raw, where: str) -> Message:
    """One turn."""
    try:
        message = _message.decode(raw)
    except msgspec.ValidationError as error:
        raise explain(error, where) from None
    role, content = message.role, message.content
    if role not in {"user", "assistant", "system"}:
        raise invalid(f"{where}.role", "Input should be 'user', 'assistant' or 'system'")
    if isinstance(content, str):
        if not content and role != "assistant":
            raise invalid(where, f"{role} messages must have non-empty content")
        return Message(role, [Text(content)] if content else [])
    if not content and role != "assistant":
        raise invalid(where, f"{role} messages must have non-empty content")
    blocks: list[Content] = []
    hanging: Thinking | None = None
    for number, raw_block in enumerate(content):
        block = _read_block(raw_block, role, f"{where}.content.{number}")
        if isinstance(block, Thinking) and block.signature is not None and block.signature.kind in {NEXT, LAST}:
            hanging = _hang(block, blocks)
            continue
        if hanging is not None:
            _sign(block, hanging)
            hanging = None
        blocks.append(block)
    return Message(role, blocks)


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
    if role not in _PLACES[type(block)]:
        raise invalid(where, f"`{block.__struct_config__.tag}` blocks cannot stand in a message of role {role!r}")
    try:
        return _convert(block, where)
    except _Unlike:
        return ServerItem(ANTHROPIC, str(block.__struct_config__.tag), bytes(raw))


def _unlike(raw: Raw, error: msgspec.ValidationError, where: str) -> ServerItem:
    """A block that only Anthropic understands: of a type of its own, or with a field or a source of its own."""
    try:
        kind = _typed.decode(raw).type
    except msgspec.ValidationError as worse:
        raise explain(worse, where) from None
    if unknown_type(error):
        if kind in _OWN or kind.endswith("_tool_result"):
            return ServerItem(ANTHROPIC, kind, bytes(raw))
        raise invalid(f"{where}.type", f"Input tag {kind[:64]!r} does not match any of the expected tags")
    text = str(error)
    if unknown_field(error) or "`$.caller" in text or "`$.toolset_name" in text:
        return ServerItem(ANTHROPIC, kind, bytes(raw))
    if kind == "document" and text.startswith("Invalid value 'content'"):  # a document in pieces to be cited
        return ServerItem(ANTHROPIC, kind, bytes(raw))
    raise explain(error, where) from None


def _convert(block: InputBlock, where: str) -> Content:
    match block:
        case TextBlock():
            return read_text(block, where)
        case ToolUseBlock():
            arguments = bytes(block.input)
            if arguments[:1] != b"{":
                raise invalid(f"{where}.tool_use.input", "Input should be an object")
            if not block.name or not block.id:
                raise invalid(f"{where}.tool_use.{'name' if block.id else 'id'}", "String should not be empty")
            return ToolUse(block.id, block.name, arguments.decode(), cache=mark(block.cache_control))
        case ToolResultBlock():
            return _result(block, where)
        case ThinkingBlock():
            return Thinking(block.thinking, unseal(block.signature, ANTHROPIC) if block.signature else None)
        case RedactedBlock():
            return Thinking(signature=unseal(block.data, ANTHROPIC, "redacted"))
        case ImageBlock():
            return _image(block, where)
        case DocumentBlock():
            return _document(block, where)


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
                part = _convert(_block.decode(raw), place)
            except msgspec.ValidationError as error:
                _unlike(raw, error, place)
                raise _Unlike from None
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
    citations = tuple(read_citation(raw, where) for raw in block.citations) if block.citations else ()
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


def mark(cache: Cache | None) -> CacheMark | None:
    """The wish to cache, if it is one."""
    return None if cache is None else CacheMark(cache.ttl)


def _image(block: ImageBlock, where: str) -> Media:
    media = Media("image", cache=mark(block.cache_control))
    match block.source:
        case Base64Source(media_type=kind, data=data):
            if kind not in _IMAGES:
                allowed = "'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
                raise invalid(f"{where}.image.source.base64.media_type", f"Input should be {allowed}")
            if not data:
                raise invalid(f"{where}.image.source.base64.data", "image cannot be empty")
            media.type, media.data = kind, data
        case UrlSource(url=url):
            media.url = _address(url, f"{where}.image.source.url.url")
        case FileSource(file_id=file):
            media.file, media.vendor = _address(file, f"{where}.image.source.file.file_id"), ANTHROPIC
    return media


def _document(block: DocumentBlock, where: str) -> Media:
    media = Media(
        "document",
        name=block.title or "",
        context=block.context or "",
        citations=block.citations is not None and block.citations.enabled,
        cache=mark(block.cache_control),
    )
    match block.source:
        case Base64Source(media_type=kind, data=data):
            if kind != "application/pdf":
                raise invalid(f"{where}.document.source.base64.media_type", "Input should be 'application/pdf'")
            if not data:
                raise invalid(f"{where}.document.source.base64.data", "document cannot be empty")
            media.type, media.data = kind, data
        case TextSource(media_type=kind, data=text):
            if kind != "text/plain":
                raise invalid(f"{where}.document.source.text.media_type", "Input should be 'text/plain'")
            media.type, media.text = kind, text
        case UrlSource(url=url):
            media.url = _address(url, f"{where}.document.source.url.url")
        case FileSource(file_id=file):
            media.file, media.vendor = _address(file, f"{where}.document.source.file.file_id"), ANTHROPIC
    return media


def _address(value: str, where: str) -> str:
    if not value:
        raise invalid(where, "String should not be empty")
    return value
