"""Google's sources of an answer, to and from citations.

Google gives them all at the end, and counts the passages of the answer in bytes; here they are counted in characters,
which is the same only for texts in ASCII, and elsewhere the passage is left open.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from segue.families.llm.formats.gemini.wire import Raw, given
from segue.families.llm.ir.blocks import GOOGLE, Citation

MAX_CITATIONS: Final = 1000
"""Citations of one answer; further ones stay in the vendor's own object only."""


class _Web(msgspec.Struct, gc=False):
    uri: str | None = None
    title: str | None = None


class _Context(msgspec.Struct, gc=False):
    uri: str | None = None
    title: str | None = None
    text: str | None = None


class _Chunk(msgspec.Struct, rename="camel", gc=False):
    web: _Web | None = None
    maps: _Web | None = None
    retrieved_context: _Context | None = None


class _Segment(msgspec.Struct, rename="camel", gc=False):
    start_index: int | None = None
    end_index: int | None = None


class _Support(msgspec.Struct, rename="camel", gc=False):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class _Grounding(msgspec.Struct, rename="camel", gc=False):
    grounding_chunks: list[_Chunk] | None = None
    grounding_supports: list[_Support] | None = None


class _Source(msgspec.Struct, rename="camel", gc=False):
    start_index: int | None = None
    end_index: int | None = None
    uri: str | None = None
    title: str | None = None


class _Citations(msgspec.Struct, rename="camel", gc=False):
    citations: list[_Source] | None = None
    citation_sources: list[_Source] | None = None


class _Address(msgspec.Struct, rename="camel", gc=False):
    retrieved_url: str | None = None


class _Addresses(msgspec.Struct, rename="camel", gc=False):
    url_metadata: list[_Address] | None = None


_grounding: Final = msgspec.json.Decoder(_Grounding)
_citations: Final = msgspec.json.Decoder(_Citations)
_addresses: Final = msgspec.json.Decoder(_Addresses)


def read_citations(facts: dict[str, Raw], ascii_only: bool) -> list[Citation]:
    """The citations in an answer's metadata; what cannot be read is passed over.

    Args:
        facts: `groundingMetadata`, `citationMetadata` and `urlContextMetadata`, where they came.
        ascii_only: whether the text has no character beyond ASCII, so that bytes are characters.
    """
    found: list[Citation] = []
    try:
        if given(facts.get("groundingMetadata", Raw())):
            found += _of_grounding(_grounding.decode(facts["groundingMetadata"]), ascii_only)
        if given(facts.get("citationMetadata", Raw())):
            sources = _citations.decode(facts["citationMetadata"])
            for each in (sources.citations or sources.citation_sources or ())[:MAX_CITATIONS]:
                start, end = (each.start_index or 0, each.end_index) if ascii_only else (None, None)
                found.append(_citation(each.uri, each.title, "", start if end is not None else None, end))
        if given(facts.get("urlContextMetadata", Raw())):
            addresses = _addresses.decode(facts["urlContextMetadata"]).url_metadata or ()
            found += [Citation(each.retrieved_url, vendor=GOOGLE) for each in addresses if each.retrieved_url]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # facts beside the answer: they stay as they are in its raw part
    return found[:MAX_CITATIONS]


def write_citations(citations: Iterable[Citation]) -> dict[str, Any]:
    """The `groundingMetadata` that tells of sources which another vendor gave."""
    chunks: dict[tuple[str, str], int] = {}
    supports = []
    for each in citations:
        number = chunks.setdefault((each.url, each.title), len(chunks))
        if each.start is not None and each.end is not None:
            segment = {"startIndex": each.start, "endIndex": each.end}
            supports.append({"segment": segment, "groundingChunkIndices": [number]})
    metadata: dict[str, Any] = {}
    if chunks:
        metadata["groundingChunks"] = [{"web": {"uri": url, "title": title}} for url, title in chunks]
    if supports:
        metadata["groundingSupports"] = supports
    return metadata


def _of_grounding(grounding: _Grounding, ascii_only: bool) -> list[Citation]:
    chunks = (grounding.grounding_chunks or [])[:MAX_CITATIONS]
    supports = (grounding.grounding_supports or [])[:MAX_CITATIONS]
    found = []
    told: set[int] = set()
    for support in supports:
        segment = support.segment or _Segment()
        end = segment.end_index if ascii_only else None
        start = (segment.start_index or 0) if end is not None else None
        for number in (support.grounding_chunk_indices or ())[:MAX_CITATIONS]:
            if 0 <= number < len(chunks):
                told.add(number)
                found.append(_of_chunk(chunks[number], start, end))
        if len(found) >= MAX_CITATIONS:
            break
    return found + [_of_chunk(chunk, None, None) for number, chunk in enumerate(chunks) if number not in told]


def _of_chunk(chunk: _Chunk, start: int | None, end: int | None) -> Citation:
    if chunk.retrieved_context is not None:
        context = chunk.retrieved_context
        return _citation(context.uri, context.title, context.text or "", start, end)
    source = chunk.web or chunk.maps or _Web()
    return _citation(source.uri, source.title, "", start, end)


def _citation(url: str | None, title: str | None, quote: str, start: int | None, end: int | None) -> Citation:
    return Citation(url or "", title or "", quote, start, end, vendor=GOOGLE)
