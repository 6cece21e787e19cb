"""What Converse answers, as far as it matters here. Everything is optional: what must be there is said by the readers.

Source: the service model of Bedrock Runtime, 2023-09-30 (operations Converse and ConverseStream).
"""

import msgspec

from segue.families.llm.formats.counts import NOTHING, Tokens
from segue.families.llm.ir.answer import Stop
from segue.families.llm.ir.blocks import BEDROCK, Citation

Raw = msgspec.Raw


class _Wire(msgspec.Struct, rename="camel", gc=False):
    """Names on the wire are in camel case."""


class CacheDetail(_Wire):
    """Tokens written to the cache for one time."""

    ttl: str | None = None
    input_tokens: Tokens | None = None


class TokenUsage(_Wire):
    """What an answer took; `input_tokens` is without what was read from or written to the cache."""

    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cache_read_input_tokens: Tokens | None = None
    cache_write_input_tokens: Tokens | None = None
    cache_details: list[CacheDetail] | None = None


class Tier(_Wire):
    """Which tier served."""

    type: str | None = None


class Performance(_Wire):
    """How fast it was served: `standard`, or `optimized`, which costs more."""

    latency: str | None = None


class Web(_Wire):
    """A page of the web that was cited."""

    url: str | None = None


class Location(_Wire):
    """Where in a source a quotation stands."""

    web: Web | None = None


class SourceText(_Wire):
    """A quotation."""

    text: str | None = None


class CitationOut(_Wire):
    """One source of a passage."""

    title: str | None = None
    source: str | None = None
    source_content: list[SourceText] | None = None
    location: Location | None = None


class ReasoningText(_Wire):
    """A thought and its proof."""

    text: str | None = None
    signature: str | None = None


class Reasoning(_Wire):
    """A thought, or one that is enciphered."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class ToolUseOut(_Wire):
    """A call of a tool; `type` `server_tool_use` for a tool that Bedrock runs itself."""

    tool_use_id: str | None = None
    name: str | None = None
    input: Raw = NOTHING
    type: str | None = None


class CitedText(_Wire):
    """A passage with sources."""

    content: list[SourceText] | None = None
    citations: list[Raw] | None = None


class ImageSource(_Wire):
    """An image's bytes as base64."""

    bytes: str | None = None


class Image(_Wire):
    """An image of the model's."""

    format: str | None = None
    source: ImageSource | None = None


class Block(_Wire):
    """A content block: one of these."""

    text: str | None = None
    tool_use: ToolUseOut | None = None
    reasoning_content: Reasoning | None = None
    citations_content: CitedText | None = None
    image: Image | None = None
    tool_result: Raw = NOTHING


class Message(_Wire):
    """The assistant's turn."""

    content: list[Block] | None = None


class Output(_Wire):
    """What the model said."""

    message: Message | None = None


class Additional(msgspec.Struct, gc=False):
    """Fields of Claude's own that were asked for by path."""

    stop_sequence: str | None = None


class ConverseAnswer(_Wire):
    """A whole answer."""

    output: Output | None = None
    stop_reason: str | None = None
    usage: Raw = NOTHING
    additional_model_response_fields: Raw = NOTHING
    trace: Raw = NOTHING
    service_tier: Tier | None = None
    performance_config: Performance | None = None


class ToolUseDelta(_Wire):
    """A piece of a call's arguments."""

    input: str | None = None


class ReasoningDelta(_Wire):
    """A piece of a thought, or its proof."""

    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class Delta(_Wire):
    """A piece of a block: one of these."""

    text: str | None = None
    tool_use: ToolUseDelta | None = None
    reasoning_content: ReasoningDelta | None = None
    citation: Raw = NOTHING


class BlockDelta(_Wire):
    """`contentBlockDelta`."""

    content_block_index: int = 0
    delta: Delta | None = None


class Start(_Wire):
    """What begins: of a caller's tool the call, of others only that they begin."""

    tool_use: ToolUseOut | None = None
    tool_result: Raw = NOTHING
    image: Raw = NOTHING


class BlockStart(_Wire):
    """`contentBlockStart`: Converse sends it for calls of tools, not for texts and thoughts."""

    content_block_index: int = 0
    start: Start | None = None


class BlockStop(_Wire):
    """`contentBlockStop`."""

    content_block_index: int = 0


class MessageStop(_Wire):
    """`messageStop`."""

    stop_reason: str | None = None
    additional_model_response_fields: Raw = NOTHING


class Metadata(_Wire):
    """`metadata`: the last event."""

    usage: Raw = NOTHING
    service_tier: Tier | None = None
    performance_config: Performance | None = None


STOPS = {
    "end_turn": Stop.END,
    "tool_use": Stop.TOOLS,
    "max_tokens": Stop.LENGTH,
    "stop_sequence": Stop.SEQUENCE,
    "guardrail_intervened": Stop.FILTER,
    "content_filtered": Stop.FILTER,
    "malformed_model_output": Stop.MALFORMED,
    "malformed_tool_use": Stop.MALFORMED,
    "model_context_window_exceeded": Stop.CONTEXT,
    "refusal": Stop.REFUSAL,
    "pause_turn": Stop.PAUSE,
}

_citation = msgspec.json.Decoder(CitationOut)
_additional = msgspec.json.Decoder(Additional)


def is_there(raw: Raw) -> bool:
    """Whether a raw value was sent and is not null (msgspec knows no optional raw values)."""
    return bytes(raw) != b"null"


def stop_of(reason: str | None) -> Stop:
    """Our word for Converse's reason."""
    return STOPS.get(reason or "end_turn", Stop.OTHER)


def sequence_of(fields: Raw) -> str | None:
    """The stop sequence that came, if it was told."""
    if not is_there(fields):
        return None
    try:
        return _additional.decode(fields).stop_sequence
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # some other model's own fields


def tier_of(tier: Tier | None, performance: Performance | None) -> str:
    """How it was served, as far as the price depends on it: a service tier (`flex`), or `optimized`."""
    if performance is not None and performance.latency == "optimized":
        return "optimized"
    return (tier.type if tier is not None else None) or ""


def citation_of(raw: Raw) -> Citation | None:
    """A citation; `None` where it cannot be read (the text stands without it)."""
    try:
        told = _citation.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    web = told.location.web if told.location is not None else None
    return Citation(
        url=(web.url if web is not None else None) or told.source or "",
        title=told.title or "",
        quote="".join(part.text or "" for part in told.source_content or ()),
        raw=bytes(raw),
        vendor=BEDROCK,
    )
