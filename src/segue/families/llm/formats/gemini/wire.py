"""What generateContent looks like on the wire.

Two families of types: those of a client's request know every field that is translated and refuse the others, so that
nothing vanishes unnoticed (the reader then looks for it by name); those of a provider's answer take what they know
and pass over the rest. Source: google/ai/generativelanguage/v1beta (content.proto, generative_service.proto).
"""

from typing import Final

import msgspec

from segue.families.llm.formats.counts import NOTHING as NULL
from segue.families.llm.formats.counts import Tokens

Raw = msgspec.Raw
NOTHING: Final = Raw()


class Strict(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """A message of a client's request."""


class Blob(Strict):
    """Bytes, in base64."""

    mime_type: str = ""
    data: str = ""
    display_name: str | None = None


class FileData(Strict):
    """Bytes that lie elsewhere."""

    file_uri: str = ""
    mime_type: str | None = None
    display_name: str | None = None


class FunctionCall(Strict):
    """The model calls a tool."""

    name: str = ""
    id: str | None = None
    args: Raw = NOTHING


class ResponsePart(Strict):
    """Media within the result of a tool."""

    inline_data: Blob | None = None
    file_data: FileData | None = None


class FunctionResponse(Strict):
    """What a tool gave back."""

    name: str = ""
    id: str | None = None
    response: Raw = NOTHING
    parts: list[ResponsePart] | None = None


class Part(Strict):
    """One piece of a turn."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    executable_code: Raw = NOTHING
    code_execution_result: Raw = NOTHING
    tool_call: Raw = NOTHING
    tool_response: Raw = NOTHING


class Content(Strict):
    """One turn. Google takes one part without its list, as it does wherever a field is repeated."""

    parts: list[Part] | Part | None = None
    role: str | None = None


def parts_of(content: Content) -> list[Part]:
    """The parts of a turn."""
    parts = content.parts
    return [parts] if isinstance(parts, Part) else parts or []


class Declaration(Strict):
    """A function that the model may call; schemas in Google's subset of OpenAPI or in JSON Schema."""

    name: str = ""
    description: str | None = None
    parameters: Raw = NOTHING
    parameters_json_schema: Raw = NOTHING
    response: Raw = NOTHING
    response_json_schema: Raw = NOTHING


class CallingConfig(Strict):
    """Whether functions are called."""

    mode: str | None = None
    allowed_function_names: list[str] | None = None


class ToolConfig(Strict):
    """How tools are used."""

    function_calling_config: CallingConfig | None = None


class ThinkingConfig(Strict):
    """How much the model thinks."""

    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None


class GenerationConfig(Strict):
    """How the answer is made."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    candidate_count: int | None = None
    max_output_tokens: int | None = None
    stop_sequences: list[str] | None = None
    response_mime_type: str | None = None
    response_schema: Raw = NOTHING
    response_json_schema: Raw = NOTHING
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_modalities: list[str] | None = None
    thinking_config: ThinkingConfig | None = None


class Request(Strict):
    """The body of generateContent; each tool by its own name, as only functions are the caller's."""

    contents: list[Content] | Content | None = None
    system_instruction: Content | None = None
    tools: list[dict[str, Raw]] | dict[str, Raw] | None = None
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig | None = None
    safety_settings: Raw = NOTHING
    cached_content: str | None = None
    labels: dict[str, str] | None = None
    service_tier: str | None = None
    model: str | None = None


Word = str | int | None
"""A word of one of Google's enumerations, or its number: which, a client may choose by the URL (`enum-encoding`)."""


class _Loose(msgspec.Struct, rename="camel", gc=False):
    """A message of a provider's answer."""


class AnswerBlob(_Loose):
    """Media that the model made."""

    mime_type: str | None = None
    data: str | None = None


class AnswerFile(_Loose):
    """Media that the vendor stored."""

    mime_type: str | None = None
    file_uri: str | None = None


class PartialArg(_Loose):
    """A piece of a call's arguments: a value and its place."""

    json_path: str | None = None
    string_value: str | None = None
    number_value: float | int | None = None
    bool_value: bool | None = None


class AnswerCall(_Loose):
    """The model calls a tool; its arguments come whole, or in pieces while `will_continue`."""

    name: str | None = None
    id: str | None = None
    args: Raw = NOTHING
    partial_args: list[PartialArg] | None = None
    will_continue: bool | None = None


class AnswerPart(_Loose):
    """One piece of an answer."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: AnswerCall | None = None
    inline_data: AnswerBlob | None = None
    file_data: AnswerFile | None = None
    executable_code: Raw = NOTHING
    code_execution_result: Raw = NOTHING
    tool_call: Raw = NOTHING
    tool_response: Raw = NOTHING


class AnswerContent(_Loose):
    """The model's turn."""

    parts: list[AnswerPart] | None = None


class Candidate(_Loose):
    """One answer."""

    content: AnswerContent | None = None
    finish_reason: Word = None
    finish_message: Raw = NOTHING
    index: int | None = None
    grounding_metadata: Raw = NOTHING
    citation_metadata: Raw = NOTHING
    url_context_metadata: Raw = NOTHING
    safety_ratings: Raw = NOTHING


class TokensOf(_Loose):
    """Tokens of one modality."""

    modality: Word = None
    token_count: Tokens | None = None


class UsageMetadata(_Loose):
    """What an answer took."""

    prompt_token_count: Tokens | None = None
    candidates_token_count: Tokens | None = None
    total_token_count: Tokens | None = None
    cached_content_token_count: Tokens | None = None
    thoughts_token_count: Tokens | None = None
    tool_use_prompt_token_count: Tokens | None = None
    prompt_tokens_details: list[TokensOf] | None = None
    candidates_tokens_details: list[TokensOf] | None = None
    service_tier: Word = None
    traffic_type: Word = None


class Feedback(_Loose):
    """What the vendor's filter says of the prompt."""

    block_reason: Word = None
    block_reason_message: str | None = None


class Response(_Loose):
    """A whole answer, or one chunk of a stream."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Feedback | None = None
    usage_metadata: Raw = NULL
    model_version: str | None = None
    response_id: str | None = None
    error: Raw = NOTHING


request_decoder: Final = msgspec.json.Decoder(Request)
declarations_decoder: Final = msgspec.json.Decoder(list[Declaration])
response_decoder: Final = msgspec.json.Decoder(Response)
object_decoder: Final = msgspec.json.Decoder(dict[str, Raw])


def given(raw: Raw) -> bool:
    """Whether a raw field was there and not null."""
    return bool(raw) and bytes(raw) != b"null"
