"""The shapes of a request in OpenAI's Chat Completions, with its relatives' additions.

They are read strictly: a tagged union for each thing that has kinds.
Source: platform.openai.com/docs/api-reference/chat
"""

from typing import Any

import msgspec

Raw = msgspec.Raw
NOTHING = Raw(b"null")
UNSAID = Raw()
"""Stands for a field of a request that is missing; unlike JSON's null it is False where that is asked."""


class TextPart(msgspec.Struct, tag_field="type", tag="text", gc=False):
    """A piece of text."""

    text: str
    cache_control: dict[str, Any] | None = None


class ImageUrl(msgspec.Struct, gc=False):
    """Where an image is: a URL or a data URL."""

    url: str
    detail: str | None = None


class ImagePart(msgspec.Struct, tag_field="type", tag="image_url", gc=False):
    """An image."""

    image_url: ImageUrl | str
    cache_control: dict[str, Any] | None = None


class InputAudio(msgspec.Struct, gc=False):
    """Sound in base64."""

    data: str
    format: str


class AudioPart(msgspec.Struct, tag_field="type", tag="input_audio", gc=False):
    """A sound."""

    input_audio: InputAudio


class File(msgspec.Struct, gc=False):
    """A file: its data as a data URL, or the id of an uploaded one."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(msgspec.Struct, tag_field="type", tag="file", gc=False):
    """A document."""

    file: File


class RefusalPart(msgspec.Struct, tag_field="type", tag="refusal", gc=False):
    """An earlier refusal of the model's."""

    refusal: str


class DocumentPart(msgspec.Struct, tag_field="type", tag="document_url", gc=False):
    """A document as Mistral has it: a URL or a data URL."""

    document_url: str
    document_name: str | None = None


class Address(msgspec.Struct, gc=False):
    """Where something is: a URL or a data URL."""

    url: str


class FileUrlPart(msgspec.Struct, tag_field="type", tag="file_url", gc=False):
    """A document as Perplexity has it."""

    file_url: Address | str
    file_name: str | None = None


class VideoPart(msgspec.Struct, tag_field="type", tag="video_url", gc=False):
    """A video as OpenRouter and vLLM have it."""

    video_url: Address | str


class ThinkingPart(msgspec.Struct, tag_field="type", tag="thinking", gc=False):
    """What the model thought, as Mistral gives it and wants it back: a list of texts."""

    thinking: str | list[dict[str, Any]]
    signature: str | None = None


Part = TextPart | ImagePart | AudioPart | FilePart | RefusalPart | DocumentPart | FileUrlPart | VideoPart | ThinkingPart


class Function(msgspec.Struct, gc=False):
    """A call of a function: `arguments` is JSON as text."""

    name: str | None = None
    arguments: str | None = None


class Custom(msgspec.Struct, gc=False):
    """A call of a custom tool: free text."""

    name: str | None = None
    input: str | None = None


class ToolCall(msgspec.Struct, gc=False):
    """A call of a tool; in streams any part of it may be missing."""

    id: str | None = None
    type: str | None = None
    index: int | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: dict[str, Any] | None = None


class SystemMessage(msgspec.Struct, tag_field="role", tag="system", gc=False):
    """Instructions. `cache_control` of a whole message, here and below, is how callers of OpenRouter may mark it."""

    content: str | list[TextPart]
    name: str | None = None
    cache_control: dict[str, Any] | None = None


class DeveloperMessage(SystemMessage, tag_field="role", tag="developer", gc=False):
    """Instructions, as newer models call them."""


class UserMessage(msgspec.Struct, tag_field="role", tag="user", gc=False):
    """A turn of the user's."""

    content: str | list[Part]
    name: str | None = None
    cache_control: dict[str, Any] | None = None


class AssistantMessage(msgspec.Struct, tag_field="role", tag="assistant", gc=False):
    """A turn of the model's. The fields for reasoning are those of DeepSeek and of OpenRouter."""

    content: str | list[Part] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    name: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None
    cache_control: dict[str, Any] | None = None


class ToolMessage(msgspec.Struct, tag_field="role", tag="tool", gc=False):
    """The result of a tool."""

    tool_call_id: str
    content: str | list[Part]
    name: str | None = None
    cache_control: dict[str, Any] | None = None


class FunctionMessage(msgspec.Struct, tag_field="role", tag="function", gc=False):
    """The result of a function, as calls were answered before there were tools."""

    name: str
    content: str | None = None


Turn = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage


class FunctionDefinition(msgspec.Struct, gc=False, omit_defaults=True):
    """What a function is called, does and takes."""

    name: str
    description: str | None = None
    parameters: Raw = NOTHING
    strict: bool | None = None


class ToolDefinition(msgspec.Struct, gc=False):
    """A tool that the model may call. Mistral takes one without a type."""

    type: str = "function"
    function: FunctionDefinition | None = None
    cache_control: dict[str, Any] | None = None


class JsonSchema(msgspec.Struct, gc=False, omit_defaults=True):
    """A schema for the answer, named except at Perplexity."""

    name: str = ""
    description: str | None = None
    schema: Raw = NOTHING
    strict: bool | None = None


class ResponseFormat(msgspec.Struct, gc=False):
    """The shape of the answer."""

    type: str
    json_schema: JsonSchema | None = None


class StreamOptions(msgspec.Struct, gc=False):
    """What a stream is to tell beside the answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Request(msgspec.Struct, gc=False):
    """A request, with every field that the intermediate form has a word for."""

    model: str
    messages: list[Turn]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Raw] | None = None
    tool_choice: Raw = UNSAID
    parallel_tool_calls: bool | None = None
    functions: list[FunctionDefinition] | None = None
    function_call: Raw = UNSAID
    response_format: ResponseFormat | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: Raw = UNSAID
    reasoning_effort: str | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    modalities: list[str] | None = None
    audio: Raw = UNSAID
    prediction: Raw = UNSAID
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    store: bool | None = None


class UsualRequest(Request, forbid_unknown_fields=True, gc=False):
    """A request without any further field."""
