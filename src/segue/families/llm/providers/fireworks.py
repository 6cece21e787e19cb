"""Fireworks AI: models are `accounts/…/models/…`.

A limit beyond the window is lowered there instead of refused, unless `context_length_exceeded_behavior` is `error`.
"""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.habits import Habits
from segue.families.llm.ir.fields import EXACT, Field

ADAPTER = OpenAICompatible(
    id="fireworks",
    base_url="https://api.fireworks.ai/inference/v1",
    operations=frozenset({"chat", "completions", "embeddings", "rerank"}),
    environment=("FIREWORKS_API_KEY",),
    more_formats=("responses",),
    flags=frozenset({"top_k"}),
    habits=Habits(
        # Both names are known, but not together.
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store",),
        warns=("verbosity", "safety_identifier", "prompt_cache_retention"),
        refuses=("modalities", "audio", "web_search_options"),
        only={"service_tier": ('"priority"',)},  # all others are served as "default"
        efforts=("none", "low", "medium", "high"),
        developer=False,
    ),
    losses={**COMPATIBLE, Field.PREDICTION: EXACT, Field.PROMPT_CACHE_KEY: EXACT},
    sources={
        "github.com/fw-ai-external/python-sdk, types": "2026-07-21",
    },
    unsaid=(
        "tokens of reasoning in the usage",
        "its pages of errors were not among the copies that were read",
    ),
)
