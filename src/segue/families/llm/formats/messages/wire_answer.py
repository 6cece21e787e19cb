"""Answers and events of Anthropic's Messages on the wire, as types that forgive what vendors add or leave out.

Source: Anthropic's API reference, "Create a Message" and "Streaming Messages", and the types of its SDK.
"""

import msgspec

from segue.families.llm.formats.counts import Tokens
from segue.families.llm.formats.messages.wire import NULL, Raw


class CacheCreation(msgspec.Struct):
    """Tokens written to the cache, by how long they stay."""

    ephemeral_5m_input_tokens: Tokens | None = None
    ephemeral_1h_input_tokens: Tokens | None = None


class TokenDetails(msgspec.Struct):
    """Parts of the output."""

    thinking_tokens: Tokens | None = None


class WireUsage(msgspec.Struct, omit_defaults=True):
    """Anthropic's usage: `input_tokens` leaves out what the cache gave and took."""

    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cache_creation_input_tokens: Tokens | None = None
    cache_read_input_tokens: Tokens | None = None
    cache_creation: CacheCreation | None = None
    output_tokens_details: TokenDetails | None = None
    service_tier: str | None = None
    speed: str | None = None
    inference_geo: str | None = None
    server_tool_use: Raw = NULL


class AnyBlock(msgspec.Struct, gc=False):
    """A block of an answer, of whatever type; nulls stand where strings are expected at some vendors."""

    type: str = ""
    text: str | None = None
    citations: list[Raw] | None = None
    thinking: str | None = None
    signature: str | None = None
    data: Raw = NULL
    id: str | None = None
    name: str | None = None
    input: Raw = NULL
    caller: Raw = NULL
    toolset_name: str | None = None


class WireMessage(msgspec.Struct):
    """A whole answer, or how it begins in a stream."""

    content: list[Raw] | None = None
    id: str | None = None
    type: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Raw = NULL
    stop_details: Raw = NULL
    container: Raw = NULL
    context_management: Raw = NULL
    diagnostics: Raw = NULL


class Delta(msgspec.Struct, gc=False):
    """What an event of a stream adds."""

    type: str = ""
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    citation: Raw = NULL
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Raw = NULL
    container: Raw = NULL


class WireEvent(msgspec.Struct, gc=False):
    """An event of a stream, of whatever type."""

    type: str = ""
    index: int | None = None
    delta: Delta | None = None
    content_block: Raw = NULL
    message: WireMessage | None = None
    usage: Raw = NULL
    context_management: Raw = NULL


class WireCitation(msgspec.Struct):
    """A citation of any type."""

    type: str = ""
    cited_text: str | None = None
    document_title: str | None = None
    title: str | None = None
    url: str | None = None
    source: str | None = None
