"""What Anthropic's Messages call the fields of a request, and what they cannot express."""

from collections.abc import Mapping
from typing import Final

from segue.families.llm.ir.fields import EXACT, Deed, Field, Loss
from segue.families.llm.ir.losses import Losses

NAMES: Final[Mapping[Field, str]] = {
    Field.SYSTEM: "system",
    Field.SYSTEM_INSIDE: "messages.role",
    Field.IMAGE_DATA: "image.source.base64",
    Field.IMAGE_URL: "image.source.url",
    Field.IMAGE_FILE: "image.source.file",
    Field.DOCUMENT_DATA: "document.source.base64",
    Field.DOCUMENT_URL: "document.source.url",
    Field.DOCUMENT_FILE: "document.source.file",
    Field.DOCUMENT_TEXT: "document.source.text",
    Field.DOCUMENT_CITATIONS: "document.citations",
    Field.CITATIONS: "text.citations",
    Field.THINKING: "thinking blocks",
    Field.SERVER_ITEMS: "messages.content",
    Field.VENDOR_TEXTS: "messages.content",
    Field.TOOL_ERROR: "tool_result.is_error",
    Field.TOOL_MEDIA: "tool_result.content",
    Field.CACHE_MARKS: "cache_control",
    Field.TOOLS: "tools",
    Field.TOOL_STRICT: "tools.strict",
    Field.VENDOR_TOOLS: "tools.type",
    Field.TOOL_CHOICE: "tool_choice",
    Field.TOOL_CHOICE_ONE: "tool_choice.name",
    Field.PARALLEL_TOOLS: "tool_choice.disable_parallel_tool_use",
    Field.JSON_SCHEMA: "output_config.format",
    Field.TEMPERATURE: "temperature",
    Field.TOP_P: "top_p",
    Field.TOP_K: "top_k",
    Field.REASONING_OFF: "thinking.type",
    Field.REASONING_EFFORT: "output_config.effort",
    Field.REASONING_BUDGET: "thinking.budget_tokens",
    Field.REASONING_SUMMARY: "thinking.display",
    Field.MAX_TOKENS: "max_tokens",
    Field.STOP: "stop_sequences",
    Field.USER: "metadata.user_id",
    Field.SERVICE_TIER: "service_tier",
    Field.BETAS: "anthropic-beta",
    Field.CONTEXT_MANAGEMENT: "context_management",
    Field.CONTAINER: "container",
    Field.THREAD: "thread",
}
"""Fields that this format has a name for."""

LOSSES: Final[Losses] = {
    Field.IMAGE_DATA: EXACT,
    Field.IMAGE_URL: EXACT,
    Field.DOCUMENT_DATA: EXACT,
    Field.DOCUMENT_URL: EXACT,
    Field.DOCUMENT_TEXT: EXACT,
    Field.DOCUMENT_CITATIONS: EXACT,
    Field.VENDOR_TEXTS: EXACT,
    Field.TOOL_ERROR: EXACT,
    Field.TOOL_MEDIA: EXACT,
    Field.CACHE_MARKS: EXACT,
    Field.TOOL_STRICT: EXACT,
    Field.TOOL_CHOICE_SOME: Loss(Deed.DEGRADE, "only these tools are declared"),
    Field.PARALLEL_TOOLS: EXACT,
    Field.JSON_OUTPUT: Loss(Deed.DEGRADE, "without a schema, JSON is asked for in words"),
    Field.JSON_SCHEMA: EXACT,
    Field.TOP_K: EXACT,
    Field.REASONING_SUMMARY: EXACT,
    Field.STOP: EXACT,
    Field.USER: EXACT,
    Field.SAFETY_IDENTIFIER: EXACT,  # becomes metadata.user_id, which serves the same purpose
    Field.SERVICE_TIER: EXACT,  # the writer warns of tiers that Anthropic does not know
    Field.BETAS: EXACT,
    Field.CONTEXT_MANAGEMENT: EXACT,
    Field.CONTAINER: EXACT,
    Field.THREAD: EXACT,
}
"""What becomes of fields on the way to Anthropic; thinking, files, server tools and items are bound to a vendor."""
