"""NVIDIA's NIM, hosted (docs.api.nvidia.com/nim/reference) or one's own by `base_url`."""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="nvidia",
    base_url="https://integrate.api.nvidia.com/v1",
    operations=frozenset({"chat", "completions", "embeddings"}),
    environment=("NVIDIA_API_KEY",),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store", "prediction"),
        warns=("user", "metadata", "service_tier", "verbosity", "safety_identifier", "prompt_cache_key"),
        refuses=("modalities", "audio"),
        developer=False,
    ),
)
