"""What is left of Anthropic's own ways to hand over a text, for vendors that do not know them.

A document in pieces and a result of a search have a form that only Anthropic reads, so that an answer can cite their
places. What they say is plain text all the same, and any model can read it; where citations are asked for, that wish
is kept, and whoever cannot fulfil it refuses.
"""

from typing import Any

import msgspec

from segue.families.llm.ir.blocks import CacheMark, Media, Text, ToolResult

_TEXT = "text/plain"


def plain_of(raw: msgspec.Raw | bytes) -> Media | ToolResult | None:
    """A block without what only Anthropic knows; `None` where something would be lost.

    Args:
        raw: the block, valid JSON.
    """
    block = msgspec.json.decode(raw)
    if not isinstance(block, dict):
        return None
    match block.get("type"):
        case "document":
            source = block.get("source")
            return _document(block, source) if isinstance(source, dict) else None
        case "search_result":
            return _search_result(block)
        case "tool_result":
            return _tool_result(block)
    return None


def _document(block: dict[str, Any], source: dict[str, Any]) -> Media | None:
    text = _text_of(source.get("content")) if source.get("type") == "content" else None
    if text is None:
        return None
    name, context = block.get("title"), block.get("context")
    return Media(
        "document",
        type=_TEXT,
        text=text,
        name=name if isinstance(name, str) else "",
        context=context if isinstance(context, str) else "",
        citations=_cited(block),
        cache=_cache(block),
    )


def _search_result(block: dict[str, Any]) -> Media | None:
    title, source, text = block.get("title"), block.get("source"), _text_of(block.get("content"))
    if not isinstance(title, str) or not isinstance(source, str) or text is None:
        return None
    return Media(
        "document", type=_TEXT, text=f"{source}\n\n{text}", name=title, citations=_cited(block), cache=_cache(block)
    )


def _tool_result(block: dict[str, Any]) -> ToolResult | None:
    content, call = block.get("content"), block.get("tool_use_id")
    if not isinstance(content, list) or not isinstance(call, str):
        return None
    parts: list[Text | Media] = []
    for inner in content:
        kind = inner.get("type") if isinstance(inner, dict) else None
        found = _search_result(inner) if kind == "search_result" else None
        if found is not None:
            parts.append(found if found.citations else Text(f"{found.name}\n{found.text}"))
        elif kind == "text" and isinstance(inner.get("text"), str):
            parts.append(Text(inner["text"]))
        else:
            return None
    return ToolResult(call, tuple(parts), block.get("is_error") is True, cache=_cache(block))


def _text_of(content: object) -> str | None:
    """The text of pieces; `None` where one is no text."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        return None
    texts: list[str] = []
    for piece in content:
        text = piece.get("text") if isinstance(piece, dict) and piece.get("type") == "text" else None
        if not isinstance(text, str):
            return None
        texts.append(text)
    return "\n\n".join(texts)


def _cache(block: dict[str, Any]) -> CacheMark | None:
    control = block.get("cache_control")
    if not isinstance(control, dict):
        return None
    ttl = control.get("ttl")
    return CacheMark(ttl if isinstance(ttl, str) else None)


def _cited(block: dict[str, Any]) -> bool:
    citations = block.get("citations")
    return isinstance(citations, dict) and citations.get("enabled") is True
