"""The turns of a client's request out of Converse."""

import base64
import binascii
from typing import Final, NoReturn

import msgspec

from segue.core.errors import RequestInvalid
from segue.families.llm.formats.converse.media import type_of
from segue.families.llm.formats.converse.wire import citation_of
from segue.families.llm.formats.converse.wire_in import (
    BlockIn,
    CachePoint,
    MediaIn,
    MessageIn,
    Raw,
    ReasoningIn,
    ResultIn,
    ResultPart,
    SearchResult,
    UseIn,
)
from segue.families.llm.formats.messages.blocks_in import hung
from segue.families.llm.ir.blocks import (
    ANTHROPIC,
    BEDROCK,
    CacheMark,
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

_block: Final = msgspec.json.Decoder(BlockIn)
_found: Final = msgspec.json.Decoder(SearchResult)
_keys: Final = msgspec.json.Decoder(dict[str, Raw])
_MEDIA: Final = ("image", "document", "video", "audio")
_OWN: Final = ("guard_content", "tool_addition", "tool_removal")
_ROLES: Final = frozenset({"user", "assistant", "system"})
_STATUSES: Final = frozenset({None, "success", "error"})
SERVER_TOOL: Final = "server_tool_use"


def invalid(where: str, why: str) -> NoReturn:
    """Refuse a field.

    Raises:
        RequestInvalid: always.
    """
    raise RequestInvalid(f"field {where!r}: {why}", param=where)


def read_message(message: MessageIn, where: str) -> Message:
    """One turn."""
    if message.role not in _ROLES:
        invalid(f"{where}.role", "expected 'user', 'assistant' or 'system'")
    if not message.content:
        invalid(f"{where}.content", "expected at least one block")
    blocks: list[Content] = []
    for number, raw in enumerate(message.content):
        place = f"{where}.content[{number}]"
        block = read_typed(raw, place)
        if block.cache_point is not None:
            mark(blocks[-1] if blocks else None, block.cache_point)
            continue
        read = _read(block, raw, place)
        if isinstance(read, (ToolUse, Thinking)) and message.role != "assistant":
            invalid(place, "only a turn of the assistant's has calls of tools and thoughts")
        if isinstance(read, ToolResult) and message.role != "user":
            invalid(place, "only a turn of the user's has results of tools")
        blocks.append(read)
    return Message(message.role, hung(blocks))


def read_typed(raw: Raw, where: str) -> BlockIn:
    """A block as its type: an object with one key.

    Raises:
        RequestInvalid: it is none.
    """
    try:
        block = _block.decode(raw)
        keys = _keys.decode(raw)
    except msgspec.ValidationError as error:
        invalid(where, str(error))
    if len(keys) != 1:
        invalid(where, f"expected an object with one key, got {len(keys)}")
    return block


def mark(block: object, point: CachePoint) -> None:
    """Put a cache point on the block before it; there is none before the first."""
    if isinstance(block, (Text, Media, ToolUse, ToolResult)):
        block.cache = CacheMark(point.ttl)


def _read(block: BlockIn, raw: Raw, where: str) -> Content:
    if block.text is not None:
        return Text(block.text)
    if block.tool_use is not None:
        return _use(block.tool_use, raw, where)
    if block.tool_result is not None:
        return _result(block.tool_result, raw, where)
    if block.reasoning_content is not None:
        return _thought(block.reasoning_content, where)
    if block.citations_content is not None:
        found = (citation_of(one) for one in block.citations_content.citations)
        text = "".join(piece.text for piece in block.citations_content.content)
        return Text(text, citations=tuple(one for one in found if one is not None))
    if block.search_result is not None:
        return ServerItem(BEDROCK, "searchResult", bytes(raw), _document(block.search_result))
    for kind in _MEDIA:
        media = getattr(block, kind)
        if media is not None:
            return read_media(kind, media, f"{where}.{kind}")
    for name in _OWN:
        if bytes(getattr(block, name)) != b"null":
            return ServerItem(BEDROCK, name, bytes(raw))
    return invalid(where, "the block is empty")


def _use(use: UseIn, raw: Raw, where: str) -> Content:
    if use.type == SERVER_TOOL:
        return ServerItem(BEDROCK, SERVER_TOOL, bytes(raw))
    arguments = bytes(use.input)
    if arguments == b"null":
        arguments = b"{}"
    if arguments[:1] != b"{":
        invalid(f"{where}.toolUse.input", "expected an object")
    if not use.name or not use.tool_use_id:
        invalid(f"{where}.toolUse.{'name' if use.tool_use_id else 'toolUseId'}", "must not be empty")
    return ToolUse(use.tool_use_id, use.name, arguments.decode())


def _result(result: ResultIn, raw: Raw, where: str) -> Content:
    if result.type is not None:
        return ServerItem(BEDROCK, result.type, bytes(raw))
    if not result.tool_use_id:
        invalid(f"{where}.toolResult.toolUseId", "must not be empty")
    if result.status not in _STATUSES:
        invalid(f"{where}.toolResult.status", "expected 'success' or 'error'")
    place = f"{where}.toolResult.content"
    parts = tuple(_part(part, f"{place}[{number}]") for number, part in enumerate(result.content))
    return ToolResult(result.tool_use_id, parts, result.status == "error")


def _part(part: ResultPart, where: str) -> Text | Media:
    if part.text is not None:
        return Text(part.text)
    if bytes(part.json) != b"null":
        return Text(bytes(part.json).decode())
    for kind in _MEDIA[:3]:
        media = getattr(part, kind)
        if media is not None:
            return read_media(kind, media, f"{where}.{kind}")
    if bytes(part.search_result) != b"null":
        try:
            return _document(_found.decode(part.search_result))
        except msgspec.ValidationError as error:
            invalid(f"{where}.searchResult", str(error))
    return invalid(where, "expected text, json, image, document, video or searchResult")


def _thought(reasoning: ReasoningIn, where: str) -> Thinking:
    thought = reasoning.reasoning_text
    if thought is not None:
        return Thinking(thought.text, unseal(thought.signature, ANTHROPIC) if thought.signature else None)
    if reasoning.redacted_content is None:
        invalid(f"{where}.reasoningContent", "expected reasoningText or redactedContent")
    return Thinking(signature=unseal(reasoning.redacted_content, ANTHROPIC, "redacted"))


def read_media(kind: str, media: MediaIn, where: str) -> Media:
    """An image, a document, a video or a sound."""
    source = media.source
    written = type_of(kind, media.format)
    if written is None:
        invalid(f"{where}.format", f"{media.format[:32]!r} is not known")
    made = Media(
        kind,
        written,
        name=media.name or "",
        context=media.context or "",
        citations=media.citations is not None and media.citations.enabled,
    )
    if source.bytes is not None:
        made.data = _base64(source.bytes, f"{where}.source.bytes")
    elif source.s3_location is not None:
        made.file, made.vendor = source.s3_location.uri, BEDROCK
    elif source.text is not None or source.content is not None:
        if kind != "document":
            invalid(f"{where}.source", "expected bytes or s3Location")
        made.text = source.text if source.text is not None else "\n".join(one.text for one in source.content or ())
    else:
        invalid(f"{where}.source", "expected bytes or s3Location")
    return made


def _base64(text: str, where: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        invalid(where, "expected base64")
    return text


def _document(found: SearchResult) -> Media:
    cited = found.citations is not None and found.citations.enabled
    text = "\n".join(piece.text for piece in found.content)
    return Media("document", "text/plain", text=text, name=found.title, context=found.source, citations=cited)
