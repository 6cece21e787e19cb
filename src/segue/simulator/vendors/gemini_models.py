"""Gemini's generations differ in how they think and in what they check; the differences are data here.

Source: the pages of the models, of thinking, of thought signatures and of what is new in Gemini 3.6 at
https://ai.google.dev/gemini-api/docs. A name that is none of Gemini's (such as `sim-cut`) takes everything.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What one model accepts.

    Attributes:
        budget: The least and the most `thinkingBudget`, or None when it takes none.
        off: Whether a budget of 0 switches thinking off.
        levels: Whether it takes `thinkingLevel`.
        thinks: Whether it thinks when `thinkingConfig` is left out.
        signs: Whether a function call of the current turn must come back with its signature.
        combines: Whether functions may be offered together with Google's own tools, or with JSON output.
        prefill: Whether the conversation may end with the model's words.
        context: The most tokens of a prompt.
        output: The most tokens of an answer.
    """

    budget: tuple[int, int] | None = None
    off: bool = True
    levels: bool = False
    thinks: bool = False
    signs: bool = False
    combines: bool = False
    prefill: bool = True
    context: int = 1_048_576
    output: int = 65_536


_THIRD: Final = ModelFacts((0, 32_768), levels=True, thinks=True, signs=True, combines=True)
_FACTS: Final[dict[str, ModelFacts]] = {
    "gemini-": ModelFacts(output=8_192),
    "gemini-2.5-pro": ModelFacts((128, 32_768), off=False, thinks=True),
    "gemini-2.5-flash": ModelFacts((0, 24_576), thinks=True),
    "gemini-2.5-flash-lite": ModelFacts((512, 24_576)),
    # The third generation still takes a budget, in place of a level.
    "gemini-3": ModelFacts((0, 32_768), levels=True, thinks=True, signs=True, combines=True, prefill=False),
    "gemini-3-": _THIRD,
    "gemini-3.1-": _THIRD,
    "gemini-3.5-flash": _THIRD,
    "gemini-3.5-flash-lite": ModelFacts(
        (0, 32_768), levels=True, thinks=True, signs=True, combines=True, prefill=False
    ),
}
_ANYTHING: Final = ModelFacts((0, 32_768), levels=True, combines=True)
GENERATING: Final = ("generateContent", "countTokens", "createCachedContent", "batchGenerateContent")
EMBEDDING: Final = ("embedContent", "countTextTokens", "countTokens", "asyncBatchEmbedContent")
LISTED_MODELS: Final[tuple[tuple[str, str], ...]] = (
    ("gemini-3-pro-preview", "Gemini 3 Pro Preview"),
    ("gemini-3-flash-preview", "Gemini 3 Flash Preview"),
    ("gemini-2.5-pro", "Gemini 2.5 Pro"),
    ("gemini-2.5-flash", "Gemini 2.5 Flash"),
    ("gemini-2.5-flash-lite", "Gemini 2.5 Flash-Lite"),
    ("gemini-embedding-001", "Gemini Embedding 001"),
)


def facts_of(model: str) -> ModelFacts:
    """What a model accepts, by its name."""
    found = [name for name in _FACTS if model.startswith(name)]
    return _FACTS[max(found, key=len)] if found else _ANYTHING


def model_document(name: str, shown: str | None = None) -> dict[str, object]:
    """One entry of the list of models."""
    facts = facts_of(name)
    embeds = "embedding" in name
    document: dict[str, object] = {
        "name": f"models/{name}",
        "version": "001",
        "displayName": shown or name,
        "description": f"{shown or name}, simulated",
        "inputTokenLimit": 2048 if embeds else facts.context,
        "outputTokenLimit": 1 if embeds else facts.output,
        "supportedGenerationMethods": list(EMBEDDING if embeds else GENERATING),
    }
    if not embeds:
        document |= {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2, "thinking": facts.thinks}
    return document
