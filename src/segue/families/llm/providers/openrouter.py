"""OpenRouter (openrouter.ai/docs): its models have slashes and colons in their names."""

from segue.families.llm.compatible import OpenAICompatible

ADAPTER = OpenAICompatible(
    id="openrouter", base_url="https://openrouter.ai/api/v1", environment=("OPENROUTER_API_KEY",)
)
