"""Images and documents of a client's request out of Anthropic's Messages."""

from typing import Final

from segue.families.llm.formats.messages.invalid import invalid
from segue.families.llm.formats.messages.wire import (
    Base64Source,
    Cache,
    DocumentBlock,
    FileSource,
    ImageBlock,
    TextSource,
    UrlSource,
)
from segue.families.llm.ir.blocks import ANTHROPIC, CacheMark, Media

_IMAGES: Final = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


def mark(cache: Cache | None) -> CacheMark | None:
    """The wish to cache, if it is one."""
    return None if cache is None else CacheMark(cache.ttl)


def read_image(block: ImageBlock, where: str) -> Media:
    """An image."""
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


def read_document(block: DocumentBlock, where: str) -> Media:
    """A document."""
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
