"""NVIDIA's NIM, hosted or one's own by `base_url`: newer versions are vLLM behind the same address."""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="nvidia",
    base_url="https://integrate.api.nvidia.com/v1",
    operations=frozenset({"chat", "completions", "embeddings"}),
    environment=("NVIDIA_API_KEY",),
    more_formats=("responses",),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store", "prediction"),
        warns=(
            *("user", "metadata", "service_tier", "verbosity", "safety_identifier", "prompt_cache_key"),
            *("prompt_cache_retention",),
        ),
        refuses=("modalities", "audio", "web_search_options"),
        developer=False,
    ),
    sources={
        "docs.nvidia.com/nim/large-language-models/latest/reference/api-reference.html": "",
        "docs.nvidia.com/nim/llama-3-1-nemotron-safety-guard-8b/api-reference": "",
    },
    unsaid=(
        "settings of each hosted model",
        "headers of rate limits",
    ),
)
