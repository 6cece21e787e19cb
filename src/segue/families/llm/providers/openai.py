"""OpenAI, and by `base_url` anything that speaks like it."""

from segue.families.llm.compatible import OpenAICompatible

ADAPTER = OpenAICompatible(
    id="openai",
    base_url="https://api.openai.com/v1",
    environment=("OPENAI_API_KEY",),
    models=("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "o3", "o4-mini", "gpt-5", "gpt-5-mini"),
)
