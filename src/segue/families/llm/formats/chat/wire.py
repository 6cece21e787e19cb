"""The shapes of a request in OpenAI's Chat Completions, with its relatives' additions.

They are read strictly: a tagged union for each thing that has kinds, and a field that no type knows is found out
instead of passed over (`segue.families.llm.formats.unknown` sets it apart). Source:
platform.openai.com/docs/api-reference/chat
"""

from typing import Any

import msgspec

Raw = msgspec.Raw
NOTHING = Raw(b"null")
UNSAID = Raw()
"""Stands for a field of a request that is missing; unlike JSON's null it is False where that is asked."""


class Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A struct that refuses fields which it does not know."""


class CacheControl(Strict):
    """A wish to cache everything up to here."""

    type: Any = None
    ttl: Any = None


class TextPart(Strict, tag_field="type", tag="text"):
    """A piece of text."""

    text: str
    cache_control: CacheControl | None = None


class ImageUrl(Strict):
    """Where an image is: a URL or a data URL."""

    url: str
    detail: str | None = None


class ImagePart(Strict, tag_field="type", tag="image_url"):
    """An image."""

    image_url: ImageUrl | str
    cache_control: CacheControl | None = None


class InputAudio(Strict):
    """Sound in base64."""

    data: str
    format: str


class AudioPart(Strict, tag_field="type", tag="input_audio"):
    """A sound."""

    input_audio: InputAudio


class File(Strict):
    """A file: its data as a data URL, or the id of an uploaded one."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Strict, tag_field="type", tag="file"):
    """A document."""

    file: File


class RefusalPart(Strict, tag_field="type", tag="refusal"):
    """An earlier refusal of the model's."""

    refusal: str


class DocumentPart(Strict, tag_field="type", tag="document_url"):
    """A document as Mistral has it: a URL or a data URL."""

    document_url: str
    document_name: str | None = None


class Address(Strict):
    """Where something is: a URL or a data URL."""

    url: str


class FileUrlPart(Strict, tag_field="type", tag="file_url"):
    """A document as Perplexity has it."""

    file_url: Address | str
    file_name: str | None = None


class VideoPart(Strict, tag_field="type", tag="video_url"):
    """A video as OpenRouter and vLLM have it."""

    video_url: Address | str


class ThinkingPart(Strict, tag_field="type", tag="thinking"):
    """What the model thought, as Mistral gives it and wants it back: a list of texts."""

    thinking: str | list[dict[str, Any]]
    signature: str | None = None
    closed: bool | None = None


Part = TextPart | ImagePart | AudioPart | FilePart | RefusalPart | DocumentPart | FileUrlPart | VideoPart | ThinkingPart


class Function(Strict):
    """A call of a function: `arguments` is JSON as text. OpenAI's SDK adds what it has read out of it."""

    name: str | None = None
    arguments: str | None = None
    parsed_arguments: Raw = UNSAID


class Custom(Strict):
    """A call of a custom tool: free text."""

    name: str | None = None
    input: str | None = None


class GoogleContent(Strict):
    """What Google's compatible address adds to a call."""

    thought_signature: Any = None
    thought: Any = None


class ExtraContent(Strict):
    """What one vendor alone adds to a call."""

    google: GoogleContent | None = None


class ToolCall(Strict):
    """A call of a tool in an earlier turn; some vendors tell its place among the calls, which means nothing here."""

    id: str | None = None
    type: str | None = None
    index: int | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: ExtraContent | None = None


class SystemMessage(Strict, tag_field="role", tag="system"):
    """Instructions. `cache_control` of a whole message, here and below, is how callers of OpenRouter may mark it."""

    content: str | list[TextPart]
    name: str | None = None
    cache_control: CacheControl | None = None


class DeveloperMessage(SystemMessage, tag_field="role", tag="developer"):
    """Instructions, as newer models call them."""


class UserMessage(Strict, tag_field="role", tag="user"):
    """A turn of the user's."""

    content: str | list[Part]
    name: str | None = None
    cache_control: CacheControl | None = None


class AssistantMessage(Strict, tag_field="role", tag="assistant"):
    """A turn of the model's, as answers have it and SDKs send it back.

    The fields for reasoning are those of DeepSeek and of OpenRouter. `annotations` belong to the answer that it was,
    `parsed` is what OpenAI's SDK has read out of it, and `prefix` is how DeepSeek and Mistral mark a turn that is to be
    gone on with, which every last turn of the model's is.
    """

    content: str | list[Part] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    name: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None
    cache_control: CacheControl | None = None
    audio: Raw = UNSAID
    annotations: Raw = UNSAID
    parsed: Raw = UNSAID
    prefix: bool | None = None


class ToolMessage(Strict, tag_field="role", tag="tool"):
    """The result of a tool."""

    tool_call_id: str
    content: str | list[Part]
    name: str | None = None
    cache_control: CacheControl | None = None


class FunctionMessage(Strict, tag_field="role", tag="function"):
    """The result of a function, as calls were answered before there were tools."""

    name: str
    content: str | None = None


Turn = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage


class FunctionDefinition(Strict, omit_defaults=True):
    """What a function is called, does and takes."""

    name: str
    description: str | None = None
    parameters: Raw = NOTHING
    strict: bool | None = None


class ToolDefinition(Strict):
    """A tool that the model may call. Mistral takes one without a type."""

    type: str = "function"
    function: FunctionDefinition | None = None
    cache_control: CacheControl | None = None


class JsonSchema(Strict, omit_defaults=True):
    """A schema for the answer, named except at Perplexity."""

    name: str = ""
    description: str | None = None
    schema: Raw = NOTHING
    strict: bool | None = None


class ResponseFormat(Strict):
    """The shape of the answer."""

    type: str
    json_schema: JsonSchema | None = None


class StreamOptions(Strict):
    """What a stream is to tell beside the answer."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Request(Strict):
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
