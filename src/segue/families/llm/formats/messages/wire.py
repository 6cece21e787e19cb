"""Anthropic's Messages on the wire, as types: decoding is checking.

Client's blocks forbid fields that nobody knows, as Anthropic does; blocks of answers do not, because vendors add to
them. Source: Anthropic's API reference, "Create a Message", and the types of its SDK.
"""

from typing import Any, Final, Generic, TypeVar

import msgspec

Raw = msgspec.Raw
_Block = TypeVar("_Block")
_Message = TypeVar("_Message")
_Tool = TypeVar("_Tool")
_Config = TypeVar("_Config", bound="OutputConfig")
NULL: Final = Raw(b"null")
JSON_TOOL: Final = "segue_json_answer"
"""The tool by which a model without structured output is made to answer in JSON (`Target.flags`: `json_by_tool`)."""


def present(raw: Raw) -> bytes:
    """The JSON of a field, `b""` where it is missing or null."""
    data = bytes(raw)
    return b"" if data == b"null" else data


class Cache(msgspec.Struct, tag_field="type", tag="ephemeral", omit_defaults=True, forbid_unknown_fields=True):
    """A wish that everything up to here be cached."""

    ttl: str | None = None


class CitationsConfig(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Whether the answer is to cite a document."""

    enabled: bool = False


class Base64Source(msgspec.Struct, tag_field="type", tag="base64", forbid_unknown_fields=True):
    """Bytes."""

    media_type: str
    data: str


class UrlSource(msgspec.Struct, tag_field="type", tag="url", forbid_unknown_fields=True):
    """An address."""

    url: str


class FileSource(msgspec.Struct, tag_field="type", tag="file", forbid_unknown_fields=True):
    """An uploaded file."""

    file_id: str


class TextSource(msgspec.Struct, tag_field="type", tag="text", forbid_unknown_fields=True):
    """A document as plain text."""

    data: str
    media_type: str = "text/plain"


class TextBlock(msgspec.Struct, tag_field="type", tag="text", omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Plain text."""

    text: str
    cache_control: Cache | None = None
    citations: list[Raw] | None = None


class ImageBlock(msgspec.Struct, tag_field="type", tag="image", omit_defaults=True, forbid_unknown_fields=True):
    """An image."""

    source: Base64Source | UrlSource | FileSource
    cache_control: Cache | None = None


class DocumentBlock(msgspec.Struct, tag_field="type", tag="document", omit_defaults=True, forbid_unknown_fields=True):
    """A document: a PDF or plain text."""

    source: Base64Source | UrlSource | FileSource | TextSource
    title: str | None = None
    context: str | None = None
    citations: CitationsConfig | None = None
    cache_control: Cache | None = None


class ThinkingBlock(msgspec.Struct, tag_field="type", tag="thinking", forbid_unknown_fields=True, gc=False):
    """A thought and the proof of it, which thoughts of other vendors may lack."""

    thinking: str
    signature: str = ""


class RedactedBlock(msgspec.Struct, tag_field="type", tag="redacted_thinking", forbid_unknown_fields=True, gc=False):
    """A thought that is enciphered."""

    data: str


class Caller(msgspec.Struct, tag_field="type", tag="direct", forbid_unknown_fields=True):
    """Who called a tool: the model itself. Calls out of code that runs at Anthropic are Anthropic's own matter."""


class ToolUseBlock(
    msgspec.Struct, tag_field="type", tag="tool_use", omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """A call of a tool; `input` is an object."""

    id: str
    name: str
    input: Raw
    cache_control: Cache | None = None
    caller: Caller | None = None
    toolset_name: None = None


class ToolResultBlock(
    msgspec.Struct, tag_field="type", tag="tool_result", omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """What a tool gave back."""

    tool_use_id: str
    content: str | list[Raw] | None = None
    is_error: bool | None = None
    cache_control: Cache | None = None
    toolset_name: None = None


InputBlock = TextBlock | ImageBlock | DocumentBlock | ThinkingBlock | RedactedBlock | ToolUseBlock | ToolResultBlock
"""What a client's message may hold that other vendors have words for, too."""


class InputMessage(msgspec.Struct, Generic[_Block], forbid_unknown_fields=True, gc=False):
    """One turn of a client's request."""

    role: str
    content: str | list[_Block]


class OutputMessage(msgspec.Struct, gc=False):
    """One turn of a request to a provider."""

    role: str
    content: "list[InputBlock | Raw] | str"


class InputTool(msgspec.Struct, omit_defaults=True):
    """A tool; those with another `type` than `custom` are Anthropic's own."""

    name: str
    description: str | None = None
    input_schema: Raw = NULL
    strict: bool | None = None
    cache_control: Cache | None = None
    type: str | None = None


class UsualTool(InputTool, forbid_unknown_fields=True):
    """A tool without any field that only Anthropic knows, as nearly all are."""


class InputChoice(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Whether tools are called."""

    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class InputThinking(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Whether and how much the model is to think."""

    type: str
    budget_tokens: int | None = None
    display: str | None = None


class OutputFormat(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """The shape of the answer."""

    type: str
    schema: Raw = NULL


class OutputConfig(msgspec.Struct, omit_defaults=True):
    """The effort and the shape of the answer."""

    effort: str | None = None
    format: OutputFormat | None = None


class UsualConfig(OutputConfig, forbid_unknown_fields=True):
    """The same without any field that only Anthropic knows."""


class Metadata(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Facts about the request."""

    user_id: str | None = None


class InputRequest(msgspec.Struct, Generic[_Message, _Tool, _Config], kw_only=True):
    """A client's request."""

    messages: list[_Message]
    model: str = ""
    max_tokens: int | None = None
    system: str | list[TextBlock] | None = None
    tools: list[_Tool] | None = None
    tool_choice: InputChoice | None = None
    thinking: InputThinking | None = None
    output_config: _Config | None = None
    output_format: OutputFormat | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    metadata: Metadata | None = None
    service_tier: str | None = None
    mcp_servers: Raw = NULL
    context_management: Raw = NULL
    container: Raw = NULL


AnyRequest = InputRequest[Any, Any, Any]


class UsualRequest(InputRequest[InputMessage[InputBlock], UsualTool, UsualConfig], forbid_unknown_fields=True):
    """A client's request without anything that only Anthropic knows, decoded whole."""


class OutputRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A request to a provider."""

    model: str
    max_tokens: int
    messages: list[OutputMessage]
    system: list[TextBlock] | str | None = None
    tools: "list[InputTool | Raw] | None" = None
    tool_choice: InputChoice | None = None
    thinking: InputThinking | None = None
    output_config: OutputConfig | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    metadata: Metadata | None = None
    service_tier: str | None = None
    mcp_servers: Raw | None = None
    context_management: Raw | None = None
    container: Raw | None = None
