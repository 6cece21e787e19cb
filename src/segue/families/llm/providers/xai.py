"""xAI's Grok (docs.x.ai/docs/api-reference): Chat Completions and Responses."""

from segue.families.llm.compatible import OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="xai",
    base_url="https://api.x.ai/v1",
    operations=frozenset({"chat", "completions", "images.generate"}),
    environment=("XAI_API_KEY",),
    formats=("chat", "responses"),
    habits=Habits(
        drops=("store", "prediction"),
        warns=("verbosity", "safety_identifier", "prompt_cache_key", "metadata"),
        refuses=("logit_bias", "modalities", "audio"),
    ),
)
