"""Annotations of OpenAI's into citations, and back."""

from typing import Any, Final

import msgspec

from segue.families.llm.ir.blocks import OPENAI, Citation

Raw = msgspec.Raw


class _Annotation(msgspec.Struct, gc=False):
    type: str | None = None
    url: str | None = None
    title: str | None = None
    filename: str | None = None
    start_index: int | None = None
    end_index: int | None = None


_annotation: Final = msgspec.json.Decoder(_Annotation)


def citation_of(raw: bytes | Raw) -> Citation | None:
    """An annotation (`url_citation`, `file_citation`, `container_file_citation`, `file_path`) as a citation."""
    try:
        found = _annotation.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if found.type is None:
        return None
    return Citation(
        found.url or "",
        found.title or found.filename or "",
        start=found.start_index,
        end=found.end_index,
        raw=bytes(raw),
        vendor=OPENAI,
    )


def annotation_of(citation: Citation, length: int) -> Any:
    """A citation as an annotation; `None` where Responses has no form for it (a source without an address).

    Args:
        citation: of any vendor.
        length: of the text so far, for a citation that does not say which passage it supports.
    """
    if citation.vendor == OPENAI and citation.raw:
        return Raw(citation.raw)
    if not citation.url:
        return None
    return {
        "type": "url_citation",
        "start_index": 0 if citation.start is None else citation.start,
        "end_index": length if citation.end is None else citation.end,
        "url": citation.url,
        "title": citation.title,
    }
