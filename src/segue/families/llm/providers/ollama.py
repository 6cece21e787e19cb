"""Ollama on this machine, by its OpenAI-compatible endpoint (docs.ollama.com/api/openai-compatibility)."""

from segue.families.llm.compatible import OpenAICompatible

ADAPTER = OpenAICompatible(id="ollama", base_url="http://127.0.0.1:11434/v1", needs_key=False, local=True)
