"""Cerebras (inference-docs.cerebras.ai/resources/openai): settings that it does not support are answered with 400."""

from segue.families.llm.compatible import OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="cerebras",
    base_url="https://api.cerebras.ai/v1",
    operations=frozenset({"chat", "completions"}),
    environment=("CEREBRAS_API_KEY",),
    habits=Habits(
        drops=("store", "prediction"),
        warns=(
            *("frequency_penalty", "presence_penalty", "parallel_tool_calls", "service_tier", "metadata"),
            *("verbosity", "safety_identifier", "prompt_cache_key"),
        ),
        refuses=("logit_bias", "n", "modalities", "audio"),
        developer=False,
    ),
)
