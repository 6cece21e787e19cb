"""Cohere by its OpenAI-compatible endpoint (docs.cohere.com/docs/compatibility-api)."""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="cohere",
    base_url="https://api.cohere.ai/compatibility/v1",
    environment=("COHERE_API_KEY", "CO_API_KEY"),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store", "prediction"),
        warns=("metadata", "parallel_tool_calls", "service_tier", "user", "verbosity"),
        refuses=("logit_bias", "top_logprobs", "n", "modalities", "audio"),
    ),
)
