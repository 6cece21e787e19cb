"""What Chat Completions calls the fields, and what becomes of those that it cannot express."""

from typing import Final

from segue.families.llm.ir.fields import EXACT, Deed, Field, Loss, Takes, fetched
from segue.families.llm.ir.losses import Losses

NAMES: Final = {
    Field.SYSTEM: "messages",
    Field.SYSTEM_INSIDE: "messages",
    Field.SPEAKER_NAME: "messages.name",
    Field.IMAGE_DATA: "messages.content.image_url",
    Field.IMAGE_URL: "messages.content.image_url",
    Field.IMAGE_DETAIL: "messages.content.image_url.detail",
    Field.AUDIO_INPUT: "messages.content.input_audio",
    Field.DOCUMENT_DATA: "messages.content.file",
    Field.DOCUMENT_FILE: "messages.content.file.file_id",
    Field.THINKING: "messages.reasoning_content",
    Field.REFUSAL: "messages.refusal",
    Field.CACHE_MARKS: "cache_control",
    Field.TOOL_STRICT: "tools.function.strict",
    Field.VENDOR_TOOLS: "tools",
    Field.CUSTOM_TOOLS: "tools",
    Field.TOOL_CHOICE_ONE: "tool_choice",
    Field.TOOL_CHOICE_SOME: "tool_choice",
    Field.JSON_OUTPUT: "response_format",
    Field.JSON_SCHEMA: "response_format",
    Field.REASONING_OFF: "reasoning_effort",
    Field.REASONING_EFFORT: "reasoning_effort",
    Field.MAX_TOKENS: "max_completion_tokens",
    Field.STOP: "stop",
    Field.N: "n",
    Field.AUDIO_OUTPUT: "modalities",
    Field.IMAGE_OUTPUT: "modalities",
    Field.PROMPT_CACHE_KEY: "prompt_cache_key",
}

# OpenAI's guide "File inputs": Chat Completions take PDF, 50 MB in one request. It does not say how many.
_DOCUMENTS: Final = Takes(("application/pdf",), 50_000_000, 20)

LOSSES: Final[Losses] = {
    Field.SPEAKER_NAME: EXACT,
    Field.IMAGE_DATA: EXACT,
    Field.IMAGE_URL: EXACT,
    Field.IMAGE_DETAIL: EXACT,
    Field.AUDIO_INPUT: EXACT,
    Field.DOCUMENT_DATA: EXACT,
    Field.DOCUMENT_URL: fetched(_DOCUMENTS, "send the document as data"),
    Field.REFUSAL: EXACT,
    Field.TOOL_MEDIA: Loss(Deed.DEGRADE, "media of a tool's result follow in a message of the user's"),
    Field.TOOL_STRICT: EXACT,
    Field.TOOL_CHOICE_SOME: Loss(Deed.DEGRADE, "only those tools are offered"),
    Field.PARALLEL_TOOLS: EXACT,
    Field.JSON_OUTPUT: EXACT,
    Field.JSON_SCHEMA: EXACT,
    Field.SEED: EXACT,
    Field.PRESENCE_PENALTY: EXACT,
    Field.FREQUENCY_PENALTY: EXACT,
    Field.LOGIT_BIAS: EXACT,
    Field.REASONING_BUDGET: Loss(Deed.DEGRADE, "becomes a reasoning effort"),
    Field.STOP: EXACT,
    Field.USER: EXACT,
    Field.PREDICTION: EXACT,
    Field.PROMPT_CACHE_KEY: EXACT,
    Field.SAFETY_IDENTIFIER: EXACT,
    Field.SERVICE_TIER: EXACT,  # the writer warns of tiers that OpenAI does not know
    Field.VERBOSITY: EXACT,
    Field.STORE: EXACT,
    Field.CUSTOM_TOOLS: EXACT,
}

COMPATIBLE: Final[Losses] = {
    Field.PREDICTION: Loss(Deed.WARN, "OpenAI's own"),
    Field.STORE: Loss(Deed.DROP),
    Field.VERBOSITY: Loss(Deed.WARN, "OpenAI's own"),
    Field.PROMPT_CACHE_KEY: Loss(Deed.WARN, "OpenAI's own"),
    Field.SAFETY_IDENTIFIER: Loss(Deed.WARN, "OpenAI's own"),
    Field.CUSTOM_TOOLS: Loss(Deed.REFUSE, "OpenAI's own"),
    Field.METADATA: Loss(Deed.WARN),
    Field.DOCUMENT_DATA: Loss(Deed.REFUSE),
    Field.DOCUMENT_URL: Loss(Deed.REFUSE),
}
"""For vendors that speak Chat Completions but know only its common part; laid over `LOSSES`."""
