"""Groq (console.groq.com/docs/openai)."""

from segue.families.llm.compatible import OpenAICompatible

ADAPTER = OpenAICompatible(id="groq", base_url="https://api.groq.com/openai/v1", environment=("GROQ_API_KEY",))
