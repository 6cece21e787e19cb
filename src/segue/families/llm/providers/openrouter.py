"""OpenRouter (openrouter.ai/docs): its models have slashes and colons in their names.

What the provider behind it does not know is left out by OpenRouter itself.
"""

from segue.families.llm.compatible import OpenAICompatible

ADAPTER = OpenAICompatible(
    id="openrouter",
    base_url="https://openrouter.ai/api/v1",
    operations=frozenset({"chat", "completions", "embeddings", "rerank"}),
    environment=("OPENROUTER_API_KEY",),
    more_formats=("responses",),
    flags=frozenset({"top_k"}),
)
