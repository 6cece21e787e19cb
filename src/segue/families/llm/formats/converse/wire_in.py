"""What clients of Converse send, as types: decoding is checking.

A block, a tool and a source are objects with one key, which says what they are: an AWS SDK sends no other. Those that
came later than this module are refused with their name, except at the top level, where they are kept as they came.
Source: the service model of Bedrock Runtime, 2023-09-30 (operations Converse, ConverseStream and CountTokens).
"""

from typing import Final

import msgspec

Raw = msgspec.Raw
NOTHING: Final = Raw(b"null")


class _Wire(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """Names on the wire are in camel case."""


class Place(_Wire):
    """A place in S3."""

    uri: str
    bucket_owner: str | None = None


class Piece(_Wire):
    """A piece of a document's text."""

    text: str


class Source(_Wire):
    """Where media are: one of these."""

    bytes: str | None = None
    s3_location: Place | None = None
    text: str | None = None
    content: list[Piece] | None = None


class Switch(_Wire):
    """Whether something is to be done."""

    enabled: bool


class MediaIn(_Wire):
    """An image, a document, a video or a sound."""

    source: Source
    format: str = ""
    name: str | None = None
    context: str | None = None
    citations: Switch | None = None


class UseIn(_Wire):
    """A call of a tool that the model made."""

    tool_use_id: str
    name: str
    input: Raw = NOTHING
    type: str | None = None


class ResultPart(_Wire):
    """A part of a tool's result: one of these."""

    text: str | None = None
    json: Raw = NOTHING
    image: MediaIn | None = None
    document: MediaIn | None = None
    video: MediaIn | None = None
    search_result: Raw = NOTHING


class ResultIn(_Wire):
    """What a tool gave back."""

    tool_use_id: str
    content: list[ResultPart]
    status: str | None = None
    type: str | None = None


class CachePoint(_Wire):
    """A wish that everything up to here be cached."""

    type: str = "default"
    ttl: str | None = None


class ThoughtText(_Wire):
    """A thought and its proof."""

    text: str
    signature: str | None = None


class ReasoningIn(_Wire):
    """A thought, or one that is enciphered."""

    reasoning_text: ThoughtText | None = None
    redacted_content: str | None = None


class CitedIn(_Wire):
    """A passage with its sources."""

    content: list[Piece] = []
    citations: list[Raw] = []


class SearchResult(_Wire):
    """Something that a search has found."""

    source: str
    title: str
    content: list[Piece]
    citations: Switch | None = None


class BlockIn(_Wire):
    """A content block: one of these."""

    text: str | None = None
    image: MediaIn | None = None
    document: MediaIn | None = None
    video: MediaIn | None = None
    audio: MediaIn | None = None
    tool_use: UseIn | None = None
    tool_result: ResultIn | None = None
    cache_point: CachePoint | None = None
    reasoning_content: ReasoningIn | None = None
    citations_content: CitedIn | None = None
    search_result: SearchResult | None = None
    guard_content: Raw = NOTHING
    tool_addition: Raw = NOTHING
    tool_removal: Raw = NOTHING


class MessageIn(_Wire):
    """One turn."""

    role: str
    content: list[Raw]


class SystemIn(_Wire):
    """A part of the instructions: one of these."""

    text: str | None = None
    cache_point: CachePoint | None = None
    guard_content: Raw = NOTHING


class Inference(_Wire):
    """Settings that all models share."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None


class InputSchema(_Wire):
    """The arguments of a tool."""

    json: Raw


class ToolSpec(_Wire):
    """A tool of the caller's."""

    name: str
    input_schema: InputSchema
    description: str | None = None
    strict: bool | None = None


class Named(_Wire):
    """A tool by its name."""

    name: str


class ToolIn(_Wire):
    """A tool: one of these."""

    tool_spec: ToolSpec | None = None
    system_tool: Named | None = None
    cache_point: CachePoint | None = None


class ChoiceIn(_Wire):
    """Whether tools are called: one of these."""

    auto: dict[str, Raw] | None = None
    any: dict[str, Raw] | None = None
    tool: Named | None = None


class ToolConfig(_Wire):
    """The tools."""

    tools: list[ToolIn]
    tool_choice: ChoiceIn | None = None


class JsonSchema(_Wire):
    """The shape of the answer; `schema` is JSON as text."""

    schema: str
    name: str | None = None
    description: str | None = None


class Structure(_Wire):
    """Of the answer."""

    json_schema: JsonSchema | None = None


class TextFormat(_Wire):
    """How the answer's text is written."""

    type: str
    structure: Structure


class OutputIn(_Wire):
    """The shape and the effort of the answer."""

    text_format: TextFormat | None = None
    effort: str | None = None


class TierIn(_Wire):
    """Which tier is to serve."""

    type: str


class RequestIn(msgspec.Struct, rename="camel"):
    """A request; the model stands in the URL."""

    messages: list[MessageIn] = []
    system: list[SystemIn] | None = None
    inference_config: Inference | None = None
    tool_config: ToolConfig | None = None
    guardrail_config: Raw = NOTHING
    additional_model_request_fields: dict[str, Raw] | None = None
    additional_model_response_field_paths: list[str] = []
    request_metadata: dict[str, str] | None = None
    service_tier: TierIn | None = None
    output_config: OutputIn | None = None
