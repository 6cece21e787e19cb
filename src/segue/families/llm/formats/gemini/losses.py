"""What generateContent has no word for, and what it calls everything else."""

from collections.abc import Mapping
from typing import Final

from segue.families.llm.ir.fields import EXACT, Deed, Field, Loss
from segue.families.llm.ir.losses import Losses

LOSSES: Final[Losses] = {
    Field.SYSTEM_INSIDE: Loss(Deed.DEGRADE, "becomes a user's turn: there is one system instruction, before all turns"),
    Field.IMAGE_DATA: EXACT,
    # Public https addresses are fetched by models from 2.5 on; the writer refuses the others.
    Field.IMAGE_URL: EXACT,
    Field.AUDIO_INPUT: EXACT,
    Field.VIDEO_INPUT: EXACT,
    Field.DOCUMENT_DATA: EXACT,
    Field.DOCUMENT_URL: EXACT,
    Field.DOCUMENT_CITATIONS: Loss(Deed.WARN, "documents are not cited"),
    Field.ASSISTANT_MEDIA: EXACT,
    Field.TOOL_ERROR: EXACT,
    Field.TOOL_MEDIA: EXACT,
    Field.TOOL_RESPONSE: EXACT,
    Field.TOOL_CHOICE_SOME: EXACT,
    Field.JSON_OUTPUT: EXACT,
    Field.JSON_SCHEMA: EXACT,
    Field.TOP_K: EXACT,
    Field.SEED: EXACT,
    Field.PRESENCE_PENALTY: EXACT,
    Field.FREQUENCY_PENALTY: EXACT,
    Field.REASONING_SUMMARY: EXACT,
    Field.STOP: EXACT,
    Field.METADATA: EXACT,  # labels at Vertex; the writer warns elsewhere
    Field.AUDIO_OUTPUT: EXACT,  # the writer refuses what is asked in OpenAI's words
    Field.IMAGE_OUTPUT: EXACT,
    Field.SAFETY: EXACT,
    Field.CACHED_CONTENT: EXACT,
    Field.SERVICE_TIER: EXACT,
}

NAMES: Final[Mapping[Field, str]] = {
    Field.SYSTEM: "systemInstruction",
    Field.IMAGE_DATA: "contents.parts.inlineData",
    Field.IMAGE_URL: "contents.parts.fileData",
    Field.IMAGE_FILE: "contents.parts.fileData",
    Field.AUDIO_INPUT: "contents.parts.inlineData",
    Field.VIDEO_INPUT: "contents.parts.inlineData",
    Field.DOCUMENT_DATA: "contents.parts.inlineData",
    Field.DOCUMENT_URL: "contents.parts.fileData",
    Field.DOCUMENT_FILE: "contents.parts.fileData",
    Field.ASSISTANT_MEDIA: "contents.parts.inlineData",
    Field.THINKING: "contents.parts.thought",
    Field.SERVER_ITEMS: "contents.parts.executableCode",
    Field.TOOL_ERROR: "contents.parts.functionResponse.response",
    Field.TOOL_MEDIA: "contents.parts.functionResponse.parts",
    Field.TOOLS: "tools.functionDeclarations",
    Field.TOOL_RESPONSE: "tools.functionDeclarations.response",
    Field.VENDOR_TOOLS: "tools",
    Field.TOOL_CHOICE: "toolConfig.functionCallingConfig.mode",
    Field.TOOL_CHOICE_ONE: "toolConfig.functionCallingConfig.allowedFunctionNames",
    Field.TOOL_CHOICE_SOME: "toolConfig.functionCallingConfig.allowedFunctionNames",
    Field.JSON_OUTPUT: "generationConfig.responseMimeType",
    Field.JSON_SCHEMA: "generationConfig.responseSchema",
    Field.TEMPERATURE: "generationConfig.temperature",
    Field.TOP_P: "generationConfig.topP",
    Field.TOP_K: "generationConfig.topK",
    Field.SEED: "generationConfig.seed",
    Field.PRESENCE_PENALTY: "generationConfig.presencePenalty",
    Field.FREQUENCY_PENALTY: "generationConfig.frequencyPenalty",
    Field.REASONING_OFF: "generationConfig.thinkingConfig.thinkingBudget",
    Field.REASONING_EFFORT: "generationConfig.thinkingConfig.thinkingLevel",
    Field.REASONING_BUDGET: "generationConfig.thinkingConfig.thinkingBudget",
    Field.REASONING_SUMMARY: "generationConfig.thinkingConfig.includeThoughts",
    Field.MAX_TOKENS: "generationConfig.maxOutputTokens",
    Field.STOP: "generationConfig.stopSequences",
    Field.N: "generationConfig.candidateCount",
    Field.LOGPROBS: "generationConfig.responseLogprobs",
    Field.METADATA: "labels",
    Field.AUDIO_OUTPUT: "generationConfig.responseModalities",
    Field.IMAGE_OUTPUT: "generationConfig.responseModalities",
    Field.SAFETY: "safetySettings",
    Field.CACHED_CONTENT: "cachedContent",
    Field.SERVICE_TIER: "serviceTier",
}
