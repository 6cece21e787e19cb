"""Fireworks AI (docs.fireworks.ai/api-reference/post-chatcompletions): models are `accounts/…/models/…`."""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="fireworks",
    base_url="https://api.fireworks.ai/inference/v1",
    operations=frozenset({"chat", "completions", "embeddings", "rerank"}),
    environment=("FIREWORKS_API_KEY",),
    more_formats=("responses",),
    flags=frozenset({"top_k"}),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store",),
        warns=("verbosity", "safety_identifier", "service_tier"),
        developer=False,
    ),
)
