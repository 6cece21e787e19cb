"""What becomes of fields that Converse has no exact word for.

Where it depends on the maker of the model (cache points, `top_k`, thinking), the table says "exact" and the writer
warns.
"""

from collections.abc import Mapping
from typing import Final

from segue.families.llm.formats.converse.media import types_of
from segue.families.llm.ir.fields import EXACT, Deed, Field, Loss, Takes, fetched

_MEBIBYTE: Final = 1024 * 1024
# Bedrock Runtime's reference, data type Message: 20 images of 3.75 MB, five documents of 4.5 MB. In base64 3.75 MiB are
# the 5 MiB at which Anthropic's limit lies, so these are MiB. Some models take more; what is fetched keeps to these.
_IMAGES: Final = Takes(("image/png", "image/jpeg", "image/gif", "image/webp"), 15 * _MEBIBYTE // 4, 20)
_DOCUMENTS: Final = Takes(types_of("document"), 9 * _MEBIBYTE // 2, 5)

LOSSES: Final[Mapping[Field, Loss | None]] = {
    Field.SYSTEM_INSIDE: Loss(Deed.DEGRADE, "moved to the system prompt"),
    Field.IMAGE_DATA: EXACT,
    Field.IMAGE_URL: fetched(_IMAGES, "send the image as data, or as a file 's3://…'"),
    Field.IMAGE_FILE: EXACT,  # s3:// locations; the writer refuses others
    Field.AUDIO_INPUT: EXACT,
    Field.VIDEO_INPUT: EXACT,
    Field.DOCUMENT_DATA: EXACT,
    Field.DOCUMENT_URL: fetched(_DOCUMENTS, "send the document as data, or as a file 's3://…'"),
    Field.DOCUMENT_FILE: EXACT,
    Field.DOCUMENT_TEXT: EXACT,
    Field.DOCUMENT_CITATIONS: EXACT,
    Field.TOOL_ERROR: EXACT,
    Field.TOOL_MEDIA: EXACT,
    Field.CACHE_MARKS: EXACT,
    Field.TOOL_STRICT: EXACT,
    Field.TOOL_CHOICE_SOME: Loss(Deed.DEGRADE, "only these tools are offered"),
    Field.JSON_OUTPUT: Loss(Deed.DEGRADE, "asked for in the system prompt"),
    Field.JSON_SCHEMA: EXACT,
    Field.TOP_K: EXACT,
    Field.STOP: EXACT,
    Field.METADATA: EXACT,
    Field.GUARDRAIL: EXACT,
    Field.SERVICE_TIER: EXACT,
    Field.BETAS: EXACT,
}

NAMES: Final[Mapping[Field, str]] = {
    Field.SYSTEM: "system",
    Field.SYSTEM_INSIDE: "messages.role",
    Field.IMAGE_DATA: "image.source.bytes",
    Field.IMAGE_FILE: "image.source.s3Location",
    Field.AUDIO_INPUT: "audio",
    Field.VIDEO_INPUT: "video",
    Field.DOCUMENT_DATA: "document.source.bytes",
    Field.DOCUMENT_FILE: "document.source.s3Location",
    Field.DOCUMENT_TEXT: "document.source.text",
    Field.DOCUMENT_CITATIONS: "document.citations",
    Field.CITATIONS: "citationsContent",
    Field.THINKING: "reasoningContent",
    Field.SERVER_ITEMS: "messages.content",
    Field.VENDOR_TEXTS: "searchResult",
    Field.TOOL_ERROR: "toolResult.status",
    Field.TOOL_MEDIA: "toolResult.content",
    Field.CACHE_MARKS: "cachePoint",
    Field.TOOLS: "toolConfig.tools",
    Field.TOOL_STRICT: "toolSpec.strict",
    Field.VENDOR_TOOLS: "toolConfig.tools.systemTool",
    Field.TOOL_CHOICE: "toolConfig.toolChoice",
    Field.TOOL_CHOICE_ONE: "toolConfig.toolChoice.tool",
    Field.JSON_SCHEMA: "outputConfig.textFormat",
    Field.TEMPERATURE: "inferenceConfig.temperature",
    Field.TOP_P: "inferenceConfig.topP",
    Field.TOP_K: "additionalModelRequestFields.top_k",
    Field.REASONING_OFF: "additionalModelRequestFields.thinking.type",
    Field.REASONING_EFFORT: "outputConfig.effort",
    Field.REASONING_BUDGET: "additionalModelRequestFields.thinking.budget_tokens",
    Field.REASONING_SUMMARY: "additionalModelRequestFields.thinking.display",
    Field.MAX_TOKENS: "inferenceConfig.maxTokens",
    Field.STOP: "inferenceConfig.stopSequences",
    Field.METADATA: "requestMetadata",
    Field.GUARDRAIL: "guardrailConfig",
    Field.SERVICE_TIER: "serviceTier",
    Field.BETAS: "additionalModelRequestFields.anthropic_beta",
}
"""What clients of this format call the fields."""
