"""What a request uses, by name, and what a format does with what it has no word for.

Translation loses things in silence wherever each writer decides by itself what to leave out. So it is decided here,
by table: `used` names everything that a conversation makes use of; every format declares for each name that it cannot
express exactly what becomes of it (`Loss`); one function compares the two before a byte is written. Writers then
simply write what they can.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from segue.families.llm.ir.blocks import Media, Refusal, ServerItem, Text, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, FunctionTool, Sampling


class Field(StrEnum):
    """Everything that a request may make use of and that some format cannot express."""

    __hash__ = str.__hash__  # Enum's own is a function in Python, called for every look into a table

    SYSTEM = "system"
    SYSTEM_INSIDE = "system_in_the_middle"
    SPEAKER_NAME = "name_of_a_speaker"
    IMAGE_DATA = "image_data"
    IMAGE_URL = "image_url"
    IMAGE_FILE = "image_file"
    IMAGE_DETAIL = "image_detail"
    AUDIO_INPUT = "audio_input"
    VIDEO_INPUT = "video_input"
    DOCUMENT_DATA = "document_data"
    DOCUMENT_URL = "document_url"
    DOCUMENT_FILE = "document_file"
    DOCUMENT_TEXT = "document_text"
    DOCUMENT_CITATIONS = "document_citations"
    ASSISTANT_MEDIA = "media_of_the_assistant"
    CITATIONS = "citations_in_history"
    THINKING = "thinking_in_history"
    REFUSAL = "refusal_in_history"
    SERVER_ITEMS = "server_tool_items"
    TOOL_ERROR = "error_of_a_tool"
    TOOL_MEDIA = "media_in_a_tool_result"
    CACHE_MARKS = "cache_control"
    TOOLS = "tools"
    TOOL_STRICT = "strict_tools"
    TOOL_RESPONSE = "schema_of_tool_results"
    VENDOR_TOOLS = "server_tools"
    CUSTOM_TOOLS = "custom_tools"
    TOOL_CHOICE = "tool_choice"
    TOOL_CHOICE_ONE = "tool_choice_of_one_tool"
    TOOL_CHOICE_SOME = "tool_choice_among_some_tools"
    PARALLEL_TOOLS = "parallel_tool_calls"
    JSON_OUTPUT = "json_output"
    JSON_SCHEMA = "json_schema_output"
    TEMPERATURE = "temperature"
    TOP_P = "top_p"
    TOP_K = "top_k"
    SEED = "seed"
    PRESENCE_PENALTY = "presence_penalty"
    FREQUENCY_PENALTY = "frequency_penalty"
    LOGIT_BIAS = "logit_bias"
    REASONING_OFF = "reasoning_off"
    REASONING_EFFORT = "reasoning_effort"
    REASONING_BUDGET = "reasoning_budget"
    REASONING_SUMMARY = "reasoning_summary"
    MAX_TOKENS = "max_tokens"
    STOP = "stop_sequences"
    N = "several_answers"
    LOGPROBS = "logprobs"
    USER = "user"
    METADATA = "metadata"
    PREVIOUS = "previous_response"
    AUDIO_OUTPUT = "audio_output"
    IMAGE_OUTPUT = "image_output"
    PREDICTION = "prediction"
    SAFETY = "safety_settings"
    CACHED_CONTENT = "cached_content"
    GUARDRAIL = "guardrail"
    PROMPT_CACHE_KEY = "prompt_cache_key"
    SAFETY_IDENTIFIER = "safety_identifier"
    VERBOSITY = "verbosity"
    TRUNCATION = "truncation"
    MAX_TOOL_CALLS = "max_tool_calls"
    SERVICE_TIER = "service_tier"
    STORE = "store"
    INCLUDE = "include"
    BACKGROUND = "background"
    PROMPT_TEMPLATE = "prompt_template"
    BETAS = "beta_features"
    CONTEXT_MANAGEMENT = "context_management"
    CONTAINER = "container"
    EXTRA = "unknown_fields"


class Deed(StrEnum):
    """What becomes of something that a format has no exact word for."""

    REFUSE = "refuse"  # the candidate cannot serve this request
    DEGRADE = "degrade"  # written in another way that means nearly the same, and a warning
    WARN = "warn"  # left out, and a warning
    DROP = "drop"  # left out without a word: it changes nothing that the caller could see


@dataclass(frozen=True, slots=True)
class Loss:
    """What a format does with one field that it cannot express. `note`: how, or why, in a few words."""

    deed: Deed
    note: str = ""


EXACT: Final[Loss | None] = None
"""The format expresses the field: no loss."""

DEFAULTS: Final[Mapping[Field, Loss]] = {
    Field.SPEAKER_NAME: Loss(Deed.WARN),
    Field.IMAGE_DATA: Loss(Deed.REFUSE),
    Field.IMAGE_URL: Loss(Deed.REFUSE, "send the image as data"),
    Field.IMAGE_FILE: Loss(Deed.REFUSE, "the file lies with its vendor"),
    Field.IMAGE_DETAIL: Loss(Deed.WARN),
    Field.AUDIO_INPUT: Loss(Deed.REFUSE),
    Field.VIDEO_INPUT: Loss(Deed.REFUSE),
    Field.DOCUMENT_DATA: Loss(Deed.REFUSE),
    Field.DOCUMENT_URL: Loss(Deed.REFUSE, "send the document as data"),
    Field.DOCUMENT_FILE: Loss(Deed.REFUSE, "the file lies with its vendor"),
    Field.DOCUMENT_TEXT: Loss(Deed.DEGRADE, "becomes plain text"),
    Field.DOCUMENT_CITATIONS: Loss(Deed.REFUSE),
    Field.ASSISTANT_MEDIA: Loss(Deed.WARN),
    Field.CITATIONS: Loss(Deed.DROP, "of earlier answers; the text stays"),
    Field.THINKING: Loss(Deed.WARN, "bound to the vendor that made it"),
    Field.REFUSAL: Loss(Deed.DEGRADE, "becomes plain text"),
    Field.SERVER_ITEMS: Loss(Deed.REFUSE, "bound to the vendor that made them"),
    Field.TOOL_ERROR: Loss(Deed.DEGRADE, "the result begins with 'Error: '"),
    Field.TOOL_MEDIA: Loss(Deed.REFUSE),
    Field.CACHE_MARKS: Loss(Deed.WARN, "vendors without marks cache by themselves or not at all"),
    Field.TOOL_STRICT: Loss(Deed.WARN),
    Field.TOOL_RESPONSE: Loss(Deed.WARN),
    Field.VENDOR_TOOLS: Loss(Deed.REFUSE, "only its vendor can run it"),
    Field.CUSTOM_TOOLS: Loss(Deed.REFUSE),
    Field.TOOL_CHOICE_SOME: Loss(Deed.REFUSE),
    Field.PARALLEL_TOOLS: Loss(Deed.WARN),
    Field.JSON_OUTPUT: Loss(Deed.REFUSE),
    Field.JSON_SCHEMA: Loss(Deed.REFUSE),
    Field.TOP_K: Loss(Deed.WARN),
    Field.SEED: Loss(Deed.WARN),
    Field.PRESENCE_PENALTY: Loss(Deed.WARN),
    Field.FREQUENCY_PENALTY: Loss(Deed.WARN),
    Field.LOGIT_BIAS: Loss(Deed.REFUSE, "tokens have other numbers elsewhere"),
    Field.REASONING_SUMMARY: Loss(Deed.DROP),
    Field.STOP: Loss(Deed.REFUSE),
    Field.N: Loss(Deed.REFUSE),
    Field.LOGPROBS: Loss(Deed.REFUSE),
    Field.USER: Loss(Deed.WARN),
    Field.METADATA: Loss(Deed.WARN),
    Field.PREVIOUS: Loss(Deed.REFUSE, "the response is not known here"),
    Field.AUDIO_OUTPUT: Loss(Deed.REFUSE),
    Field.IMAGE_OUTPUT: Loss(Deed.REFUSE),
    Field.PREDICTION: Loss(Deed.WARN, "only made the answer quicker"),
    Field.SAFETY: Loss(Deed.WARN),
    Field.CACHED_CONTENT: Loss(Deed.REFUSE, "lies with its vendor"),
    Field.GUARDRAIL: Loss(Deed.REFUSE),
    Field.PROMPT_CACHE_KEY: Loss(Deed.WARN),
    Field.SAFETY_IDENTIFIER: Loss(Deed.WARN),
    Field.VERBOSITY: Loss(Deed.WARN),
    Field.TRUNCATION: Loss(Deed.WARN),
    Field.MAX_TOOL_CALLS: Loss(Deed.WARN),
    Field.SERVICE_TIER: Loss(Deed.WARN),
    Field.STORE: Loss(Deed.DROP, "nothing is stored there"),
    Field.INCLUDE: Loss(Deed.WARN),
    Field.BACKGROUND: Loss(Deed.REFUSE),
    Field.PROMPT_TEMPLATE: Loss(Deed.REFUSE, "lies with its vendor"),
    Field.BETAS: Loss(Deed.WARN),
    Field.CONTEXT_MANAGEMENT: Loss(Deed.WARN),
    Field.CONTAINER: Loss(Deed.REFUSE),
    Field.EXTRA: Loss(Deed.WARN),
}
"""What becomes of a field where a format says nothing else. Fields that are missing here every format expresses."""


Uses = dict[tuple[Field, str], str]
"""What a request makes use of: a field, with the vendor that it is bound to or "", and a detail for people or ""."""

_Found = Iterator[tuple[Field, str, str]]


def used(conversation: Conversation) -> Uses:
    """Everything that a request makes use of."""
    found: Uses = {}
    for field, detail, vendor in _used(conversation):
        found.setdefault((field, vendor), detail)
    return found


def _used(conversation: Conversation) -> _Found:
    if conversation.system:
        yield Field.SYSTEM, "", ""
        if any(part.cache for part in conversation.system):
            yield Field.CACHE_MARKS, "", ""
    for number, message in enumerate(conversation.messages):
        where = f"messages[{number}]"
        if message.role == "system":
            yield Field.SYSTEM_INSIDE, where, ""
        if message.name:
            yield Field.SPEAKER_NAME, where, ""
        for block in message.content:
            if isinstance(block, Media) and message.role == "assistant":
                yield Field.ASSISTANT_MEDIA, where, ""
            else:
                yield from _BLOCKS[type(block)](block, where)
    yield from _of_tools(conversation)
    yield from _of_reasoning(conversation)
    yield from _of_settings(conversation)


def _of_text(block: Text, where: str) -> _Found:
    if block.cache:
        yield Field.CACHE_MARKS, where, ""
    if block.citations:
        yield Field.CITATIONS, where, ""


def _of_result(block: ToolResult, where: str) -> _Found:
    if block.error:
        yield Field.TOOL_ERROR, where, ""
    if block.cache:
        yield Field.CACHE_MARKS, where, ""
    for part in block.content:
        if isinstance(part, Media):
            yield Field.TOOL_MEDIA, where, ""
            yield from _of_media(part, where)


def _of_use(block: ToolUse, where: str) -> _Found:
    if block.cache:
        yield Field.CACHE_MARKS, where, ""
    if block.custom:
        yield Field.CUSTOM_TOOLS, block.name, ""


def _of_thinking(block: Thinking, where: str) -> _Found:
    yield Field.THINKING, where, block.signature.vendor if block.signature else ""


def _of_refusal(_block: Refusal, where: str) -> _Found:
    yield Field.REFUSAL, where, ""


def _of_server_item(block: ServerItem, _where: str) -> _Found:
    yield Field.SERVER_ITEMS, f"{block.vendor} {block.type}", block.vendor


_MEDIA: Final[Mapping[tuple[str, str], Field]] = {
    ("image", "data"): Field.IMAGE_DATA,
    ("image", "url"): Field.IMAGE_URL,
    ("image", "file"): Field.IMAGE_FILE,
    ("document", "data"): Field.DOCUMENT_DATA,
    ("document", "url"): Field.DOCUMENT_URL,
    ("document", "file"): Field.DOCUMENT_FILE,
    ("document", "text"): Field.DOCUMENT_TEXT,
}


def _of_media(media: Media, where: str) -> _Found:
    source = "data" if media.data else "url" if media.url else "file" if media.file else "text"
    if media.kind == "audio":
        yield Field.AUDIO_INPUT, where, ""
    elif media.kind == "video":
        yield Field.VIDEO_INPUT, where, ""
    else:
        yield _MEDIA.get((media.kind, source), Field.DOCUMENT_DATA), where, media.vendor if media.file else ""
    if media.detail and media.detail != "auto":
        yield Field.IMAGE_DETAIL, media.detail, ""
    if media.citations:
        yield Field.DOCUMENT_CITATIONS, where, ""
    if media.cache:
        yield Field.CACHE_MARKS, where, ""


def _of_tools(conversation: Conversation) -> _Found:
    for tool in conversation.tools:
        if isinstance(tool, FunctionTool):
            yield Field.TOOLS, tool.name, ""
            if tool.strict:
                yield Field.TOOL_STRICT, tool.name, ""
            if tool.cache:
                yield Field.CACHE_MARKS, tool.name, ""
            if tool.response:
                yield Field.TOOL_RESPONSE, tool.name, ""
        elif tool.type == "custom":
            yield Field.CUSTOM_TOOLS, tool.type, tool.vendor
        else:
            yield Field.VENDOR_TOOLS, f"{tool.vendor} {tool.type}", tool.vendor
    choice = conversation.tool_choice
    if choice is not None:
        yield Field.TOOL_CHOICE, choice.mode, ""
        if len(choice.names) == 1:
            yield Field.TOOL_CHOICE_ONE, choice.names[0], ""
        elif choice.names:
            yield Field.TOOL_CHOICE_SOME, ", ".join(choice.names[:8]), ""
    if conversation.parallel_tools is False:
        yield Field.PARALLEL_TOOLS, "", ""


def _of_reasoning(conversation: Conversation) -> _Found:
    reasoning = conversation.reasoning
    if reasoning is None:
        return
    if reasoning.enabled is False or reasoning.effort == "none":
        yield Field.REASONING_OFF, "", ""
    elif reasoning.effort is not None:
        yield Field.REASONING_EFFORT, reasoning.effort, ""
    if reasoning.budget is not None and reasoning.enabled is not False:
        yield Field.REASONING_BUDGET, str(reasoning.budget), ""
    if reasoning.summary is not None or reasoning.show is not None:
        yield Field.REASONING_SUMMARY, reasoning.summary or "", ""


_TRUTHS: Final[tuple[tuple[str, Field], ...]] = (
    ("stop", Field.STOP),
    ("logprobs", Field.LOGPROBS),
    ("top_logprobs", Field.LOGPROBS),
    ("user", Field.USER),
    ("metadata", Field.METADATA),
    ("previous", Field.PREVIOUS),
    ("prediction", Field.PREDICTION),
    ("safety", Field.SAFETY),
    ("cached_content", Field.CACHED_CONTENT),
    ("guardrail", Field.GUARDRAIL),
    ("prompt_cache_key", Field.PROMPT_CACHE_KEY),
    ("prompt_cache_retention", Field.PROMPT_CACHE_KEY),
    ("safety_identifier", Field.SAFETY_IDENTIFIER),
    ("verbosity", Field.VERBOSITY),
    ("max_tool_calls", Field.MAX_TOOL_CALLS),
    ("store", Field.STORE),
    ("include", Field.INCLUDE),
    ("background", Field.BACKGROUND),
    ("prompt", Field.PROMPT_TEMPLATE),
    ("betas", Field.BETAS),
    ("context_management", Field.CONTEXT_MANAGEMENT),
    ("container", Field.CONTAINER),
)
"""Settings that are used where they are neither empty nor zero nor False."""

_NUMBERS: Final[tuple[tuple[str, Field], ...]] = (
    ("temperature", Field.TEMPERATURE),
    ("top_p", Field.TOP_P),
    ("top_k", Field.TOP_K),
    ("seed", Field.SEED),
)
"""Numbers that mean something even where they are 0."""

_PENALTIES: Final[tuple[tuple[str, Field], ...]] = (
    ("presence_penalty", Field.PRESENCE_PENALTY),
    ("frequency_penalty", Field.FREQUENCY_PENALTY),
    ("logit_bias", Field.LOGIT_BIAS),
)
_NO_SAMPLING: Final = Sampling()


def _of_settings(conversation: Conversation) -> _Found:
    output, sampling = conversation.output, conversation.sampling
    if output is not None:
        yield Field.JSON_SCHEMA if output.schema else Field.JSON_OUTPUT, "", ""
    if sampling != _NO_SAMPLING:
        yield from ((field, "", "") for name, field in _NUMBERS if getattr(sampling, name) is not None)
        yield from ((field, "", "") for name, field in _PENALTIES if getattr(sampling, name))
    if conversation.max_tokens is not None:
        yield Field.MAX_TOKENS, "", ""
    if conversation.n > 1:
        yield Field.N, str(conversation.n), ""
    for name, field in _TRUTHS:
        if getattr(conversation, name):
            yield field, "", ""
    if conversation.modalities:
        if "audio" in conversation.modalities:
            yield Field.AUDIO_OUTPUT, "", ""
        if "image" in conversation.modalities:
            yield Field.IMAGE_OUTPUT, "", ""
    if conversation.truncation not in {"", "disabled"}:
        yield Field.TRUNCATION, conversation.truncation, ""
    if conversation.service_tier not in {"", "auto", "default"}:
        yield Field.SERVICE_TIER, conversation.service_tier, ""
    if conversation.extra:
        yield Field.EXTRA, ", ".join(sorted(conversation.extra)[:16]), ""


_BLOCKS: Final[Mapping[type, Callable[[Any, str], _Found]]] = {
    Text: _of_text,
    Refusal: _of_refusal,
    Media: _of_media,
    Thinking: _of_thinking,
    ToolUse: _of_use,
    ToolResult: _of_result,
    ServerItem: _of_server_item,
}
