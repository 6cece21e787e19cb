"""DeepSeek (api-docs.deepseek.com)."""

from segue.families.llm.compatible import OpenAICompatible

ADAPTER = OpenAICompatible(id="deepseek", base_url="https://api.deepseek.com/v1", environment=("DEEPSEEK_API_KEY",))
