"""Everything that a request may use, by name, and what a format does with what it has no word for.

Translation loses things in silence wherever each writer decides by itself what to leave out. So it is decided by
table: `used` (beside) names everything that a conversation makes use of; every format declares for each name that it
cannot express exactly what becomes of it (`Loss`); `losses.check` compares the two before a byte is written. Writers
then simply write what they can.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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
    VENDOR_TEXTS = "texts_in_a_vendors_form"
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
    THREAD = "thread_continued"
    EXTRA = "unknown_fields"


class Deed(StrEnum):
    """What becomes of something that a format has no exact word for."""

    REFUSE = "refuse"  # the candidate cannot serve this request
    FETCH = "fetch"  # fetched by Segue and written as data, and a warning; refused where fetching is switched off
    DEGRADE = "degrade"  # written in another way that means nearly the same, and a warning
    WARN = "warn"  # left out, and a warning
    DROP = "drop"  # left out without a word: it changes nothing that the caller could see


@dataclass(frozen=True, slots=True)
class Takes:
    """What a vendor takes of one kind of media as data.

    Attributes:
        types: media types.
        size: bytes of one.
        most: how many in one request.
    """

    types: tuple[str, ...]
    size: int
    most: int


@dataclass(frozen=True, slots=True)
class Loss:
    """What a format does with one field that it cannot express.

    Attributes:
        note: how, or why, in a few words.
        takes: of what is fetched, what can be written.
        otherwise: the note where it would be fetched and fetching is switched off.
    """

    deed: Deed
    note: str = ""
    takes: Takes | None = None
    otherwise: str = ""


EXACT: Final[Loss | None] = None
"""The format expresses the field: no loss."""

STOPPED_HERE: Final = Loss(Deed.DEGRADE, "Segue stops the text itself")
"""Of stop sequences that a target does not take; see `segue.families.llm.stopping`."""

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
    Field.VENDOR_TEXTS: Loss(Deed.DEGRADE, "becomes plain text"),
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
    Field.THREAD: Loss(Deed.REFUSE, "lies with its vendor"),
    Field.EXTRA: Loss(Deed.WARN),
}
"""What becomes of a field where a format says nothing else. Fields that are missing here every format expresses."""


def fetched(takes: Takes, otherwise: str) -> Loss:
    """The loss of an address that is fetched, because what lies there can only be sent as data."""
    return Loss(Deed.FETCH, "fetched by Segue and sent as data", takes, otherwise)


Uses = dict[tuple[Field, str], str]
"""What a request makes use of: a field, with the vendor that it is bound to or "", and a detail for people or ""."""
