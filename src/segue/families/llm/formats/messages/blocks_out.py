"""Turns as Anthropic accepts them: roles that alternate, results of tools first, nothing empty.

Kept are Anthropic's own signatures and items; those of other vendors are left out (the table of losses has warned).
An instruction in the middle of the conversation is written where it stands for models that know it
(`Target.flags`: `system_inside`, Claude Opus 4.8 and later), else as text of the user's turn, with a warning.
"""

from typing import Final

import msgspec

from segue.families.llm.formats.messages.wire import (
    Base64Source,
    Cache,
    CitationsConfig,
    DocumentBlock,
    FileSource,
    ImageBlock,
    InputBlock,
    OutputMessage,
    Raw,
    RedactedBlock,
    TextBlock,
    TextSource,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    UrlSource,
)
from segue.families.llm.ir.blocks import (
    ANTHROPIC,
    CacheMark,
    Media,
    Refusal,
    ServerItem,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from segue.families.llm.ir.conversation import Message
from segue.families.llm.ir.ids import ANTHROPIC as IDS
from segue.families.llm.ir.losses import cannot

_object: Final = msgspec.json.Decoder(dict[str, Raw])
_encode: Final = msgspec.json.encode
_IMAGES: Final = {name: name for name in ("image/jpeg", "image/png", "image/gif", "image/webp")} | {
    "image/jpg": "image/jpeg"
}
WHOSE: Final = "Anthropic's Messages"
NO_ARGUMENTS: Final = Raw(b"{}")
OPENING: Final = "(The conversation begins with the assistant's turn.)"
"""Stands first where a conversation begins with the assistant: Anthropic demands that the user does."""

Block = InputBlock | Raw
NotText = Refusal | ToolUse | ToolResult | Thinking | Media | ServerItem


class Turns:
    """Builds the turns of a request.

    Attributes:
        turns: what has been written.
        warnings: what could not be written as it was meant.
    """

    def __init__(self, flags: frozenset[str], warnings: list[str]) -> None:
        self.turns: list[tuple[str, list[Block]]] = []
        self.warnings = warnings
        self._system_inside = "system_inside" in flags

    def add(self, message: Message) -> None:
        """One more turn; it joins the one before it where that has the same role."""
        blocks: list[Block] = []
        for content in message.content:
            block = _text(content) if isinstance(content, Text) else self._write(content)
            if block is not None:
                blocks.append(block)
        if not blocks:
            return
        role = message.role
        last = self.turns[-1] if self.turns else ("", [])
        if role == "system":
            if self._system_inside and last[0] == "user":
                self.turns.append((role, blocks))
                return
            self.warnings.append("an instruction in the middle of the conversation became text of the user's turn")
            role = "user"
        if last[0] == role:
            last[1].extend(blocks)
        else:
            self.turns.append((role, blocks))

    def messages(self) -> list[OutputMessage]:
        """All turns, as Anthropic accepts them."""
        if self.turns and self.turns[0][0] != "user":
            self.turns.insert(0, ("user", [TextBlock(OPENING)]))
            self.warnings.append("a user's turn was put before the assistant's, with which the conversation began")
        if self.turns and self.turns[-1][0] == "assistant":
            self._trim(self.turns[-1][1])
        return [OutputMessage(role, _results_first(blocks)) for role, blocks in self.turns]

    def _trim(self, blocks: list[Block]) -> None:
        """The beginning of an answer that the model is to go on with must not end in white space."""
        last = blocks[-1]
        if not isinstance(last, TextBlock) or last.text == last.text.rstrip():
            return
        self.warnings.append("white space at the end of the last assistant's turn was cut off")
        last.text = last.text.rstrip()

    def _write(self, block: NotText) -> Block | None:
        match block:
            case Refusal():
                return TextBlock(block.text) if block.text.strip() else None
            case ToolUse():
                return ToolUseBlock(IDS.fit(block.id), block.name, self._arguments(block), _cache(block.cache))
            case ToolResult():
                return _result(block)
            case Thinking():
                return _thinking(block)
            case Media():
                return write_media(block)
            case ServerItem():
                return Raw(block.raw) if block.vendor == ANTHROPIC else None

    def _arguments(self, block: ToolUse) -> Raw:
        if not block.arguments:
            return NO_ARGUMENTS
        if block.custom:
            return Raw(_encode({"input": block.arguments}))
        try:
            _object.decode(block.arguments)
        except (msgspec.DecodeError, RecursionError):
            self.warnings.append(f"arguments of the call {block.id[:64]!r} are no JSON object: sent as text in one")
            return Raw(_encode({"arguments": block.arguments}))
        return Raw(block.arguments.encode())


def _results_first(blocks: list[Block]) -> list[Block]:
    """Anthropic wants results of tools before all else in a turn."""
    if ToolResultBlock not in map(type, blocks):
        return blocks
    for number, block in enumerate(blocks):
        if isinstance(block, ToolResultBlock) and number and not isinstance(blocks[number - 1], ToolResultBlock):
            return sorted(blocks, key=lambda block: not isinstance(block, ToolResultBlock))
    return blocks


def _cache(mark: CacheMark | None) -> Cache | None:
    return None if mark is None else Cache(mark.ttl)


def _text(block: Text) -> TextBlock | None:
    text = block.text
    if not text or text.isspace():
        return None  # Anthropic refuses a text of nothing but white space
    if not block.citations:
        return TextBlock(text, None if block.cache is None else Cache(block.cache.ttl))
    own = [Raw(citation.raw) for citation in block.citations if citation.vendor == ANTHROPIC and citation.raw]
    return TextBlock(text, _cache(block.cache), own or None)


def write_system(texts: list[Text]) -> list[TextBlock]:
    """The instructions before the conversation."""
    return [block for block in map(_text, texts) if block is not None]


def _thinking(block: Thinking) -> Block | None:
    signature = block.signature
    if signature is None or signature.vendor != ANTHROPIC:
        return None
    if signature.kind == "signature":
        return ThinkingBlock(block.text, signature.value)
    return RedactedBlock(signature.value)


def _result(block: ToolResult) -> ToolResultBlock:
    parts: list[Raw] = []
    only: str | None = None
    for part in block.content:
        written = _text(part) if isinstance(part, Text) else write_media(part)
        if written is None:
            continue
        only = written.text if isinstance(written, TextBlock) and not parts and written.cache_control is None else None
        parts.append(Raw(_encode(written)))
    content = None if not parts else only if only is not None and len(parts) == 1 else parts
    return ToolResultBlock(IDS.fit(block.id), content, block.error or None, _cache(block.cache))


def write_media(media: Media) -> ImageBlock | DocumentBlock:
    """An image or a document.

    Raises:
        CannotServe: of a type that Anthropic does not accept.
    """
    if media.kind == "image":
        if media.data:
            kind = _IMAGES.get(media.type.lower())
            if kind is None:
                raise cannot(
                    WHOSE,
                    f"an image of type {media.type[:64]!r}: only JPEG, PNG, GIF and WebP are accepted",
                    needs="messages",
                )
            return ImageBlock(Base64Source(kind, media.data), _cache(media.cache))
        source = FileSource(media.file) if media.file else UrlSource(media.url)
        return ImageBlock(source, _cache(media.cache))
    if media.kind != "document":
        raise cannot(WHOSE, f"content of kind {media.kind[:32]!r}", needs="messages")
    return DocumentBlock(
        _document_source(media),
        media.name or None,
        media.context or None,
        CitationsConfig(enabled=True) if media.citations else None,
        _cache(media.cache),
    )


def _document_source(media: Media) -> Base64Source | UrlSource | FileSource | TextSource:
    if media.text is not None:
        return TextSource(media.text)
    if media.file:
        return FileSource(media.file)
    if media.url:
        return UrlSource(media.url)
    kind = media.type.lower().partition(";")[0] or "application/pdf"
    if kind == "application/pdf":
        return Base64Source(kind, media.data)
    if kind.startswith("text/") or kind == "application/json":
        return TextSource(_plain(media))
    raise cannot(
        WHOSE, f"a document of type {media.type[:64]!r}: only PDF and plain text are accepted", needs="messages"
    )


def _plain(media: Media) -> str:
    import base64
    import binascii

    try:
        return base64.b64decode(media.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise cannot(
            WHOSE, f"a document of type {media.type[:64]!r} that is not base64 of UTF-8", needs="messages"
        ) from None
