"""The shapes of OpenAI's Responses as clients send them: one struct for each kind of item and of content.

Fields without a type here are found out (`forbid_unknown_fields`), so that nothing which a client says gets lost in
silence. Source: OpenAI's API reference, "Responses", and the types of its SDK.
"""

from typing import Annotated, Final, Literal

import msgspec

Raw = msgspec.Raw
NOTHING: Final = Raw(b"null")
UNSAID: Final = Raw()

Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Alternatives = Annotated[int, msgspec.Meta(ge=0, le=20)]
Status = Literal["in_progress", "completed", "incomplete"]


class Strict(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A struct that refuses fields which it does not know."""


class Breakpoint(Strict):
    """The end of a prefix that is to be cached."""

    mode: Literal["explicit"]
    ttl: str | None = None


class InputText(Strict, tag_field="type", tag="input_text"):
    """Text of the caller's."""

    text: str
    prompt_cache_breakpoint: Breakpoint | None = None


class InputImage(Strict, tag_field="type", tag="input_image"):
    """An image: by URL, as a data URL, or by the id of a file."""

    image_url: str | None = None
    file_id: str | None = None
    detail: Literal["low", "high", "auto", "original"] | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class InputFile(Strict, tag_field="type", tag="input_file"):
    """A document: as a data URL, by URL, or by the id of a file."""

    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    detail: Literal["low", "high", "auto"] | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class Sound(Strict):
    """Sound in base64."""

    data: str
    format: Literal["mp3", "wav"]


class InputAudio(Strict, tag_field="type", tag="input_audio"):
    """A sound."""

    input_audio: Sound


class OutputText(Strict, tag_field="type", tag="output_text"):
    """Text that the model said before. Probabilities of its tokens mean nothing in a request."""

    text: str
    annotations: list[Raw] | None = None
    logprobs: Raw = NOTHING


class RefusalPart(Strict, tag_field="type", tag="refusal"):
    """The model's own words for declining."""

    refusal: str


InputPart = InputText | InputImage | InputFile | InputAudio
OutputPart = OutputText | RefusalPart


class InputMessage(Strict, kw_only=True):
    """A turn of the user's, or instructions. `id` and `status` belong to OpenAI's own store."""

    role: Literal["user", "system", "developer"]
    content: str | list[InputPart]
    type: Literal["message"] = "message"
    id: str | None = None
    status: Status | None = None


class OutputMessage(Strict, kw_only=True):
    """A turn of the model's."""

    role: Literal["assistant"]
    content: str | list[OutputPart]
    type: Literal["message"] = "message"
    id: str | None = None
    status: Status | None = None
    phase: str | None = None


class FunctionCall(Strict, kw_only=True):
    """The model calls a function; `arguments` is JSON as text."""

    type: str
    call_id: Annotated[str, msgspec.Meta(min_length=1)]
    name: Annotated[str, msgspec.Meta(min_length=1)]
    arguments: str
    id: str | None = None
    status: Status | None = None
    namespace: str | None = None


class CustomCall(Strict, kw_only=True):
    """The model calls a custom tool with free text."""

    type: str
    call_id: Annotated[str, msgspec.Meta(min_length=1)]
    name: Annotated[str, msgspec.Meta(min_length=1)]
    input: str
    id: str | None = None
    status: Status | None = None
    namespace: str | None = None


class CallOutput(Strict, kw_only=True):
    """What the caller's function or custom tool gave back."""

    type: str
    call_id: Annotated[str, msgspec.Meta(min_length=1)]
    output: str | list[InputPart]
    id: str | None = None
    status: Status | None = None
    name: str | None = None
    namespace: str | None = None


class SummaryText(Strict, tag_field="type", tag="summary_text"):
    """One paragraph of a summary of what the model thought."""

    text: str


class ReasoningText(Strict, tag_field="type", tag="reasoning_text"):
    """What the model thought, where that is shown."""

    text: str


class ReasoningItem(Strict, kw_only=True):
    """What the model thought before it spoke."""

    type: str
    summary: list[SummaryText]
    id: str | None = None
    content: list[ReasoningText] | None = None
    encrypted_content: str | None = None
    status: Status | None = None


class Function(Strict, kw_only=True):
    """A function that the model may call."""

    type: str
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    description: str | None = None
    parameters: dict[str, Raw] | None = None
    strict: bool | None = None
    output_schema: dict[str, Raw] | None = None


class UsualFunction(Strict, kw_only=True):
    """The same, with schemas that are not looked into."""

    type: Literal["function"]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    description: str | None = None
    parameters: Raw = UNSAID
    strict: bool | None = None
    output_schema: Raw = UNSAID


class TextFormat(Strict, kw_only=True):
    """The shape of the answer."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: dict[str, Raw] | None = None
    strict: bool | None = None


class TextConfig(Strict):
    """How the answer's text is to be."""

    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ReasoningConfig(Strict):
    """How much the model is to think, and what is to be told of it. `generate_summary`: the older word."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None


class StreamOptions(Strict):
    """`include_obfuscation`: random padding against listeners; we never pad, so only a wish for it is told."""

    include_obfuscation: bool | None = None


class Request(Strict, kw_only=True):
    """A request, with every field that the intermediate form has a word for."""

    model: str | None = None
    input: str | list[Raw] | None = None
    instructions: str | None = None
    tools: list[Raw] | None = None
    tool_choice: Raw = NOTHING
    parallel_tool_calls: bool | None = None
    text: TextConfig | None = None
    reasoning: ReasoningConfig | None = None
    include: list[str] | None = None
    max_output_tokens: Count | None = None
    max_tool_calls: Count | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    top_logprobs: Alternatives | None = None
    truncation: Literal["auto", "disabled"] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: str | dict[str, Raw] | None = None
    prompt: dict[str, Raw] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None


SERVER_CALLS: Final = frozenset({
    "additional_tools", "apply_patch_call", "code_interpreter_call", "compaction", "computer_call",
    "configuration_update", "file_search_call", "image_generation_call", "item_reference", "local_shell_call",
    "mcp_approval_request", "mcp_call", "mcp_list_tools", "program", "shell_call", "tool_search_call",
    "web_search_call",
})  # fmt: skip
"""Items of OpenAI's own tools that stand in the model's turn; only OpenAI understands them."""

SERVER_OUTPUTS: Final = frozenset({
    "apply_patch_call_output", "compaction_trigger", "computer_call_output", "local_shell_call_output",
    "mcp_approval_response", "program_output", "shell_call_output", "tool_search_output",
})  # fmt: skip
"""Items of OpenAI's own tools that the caller gives."""
