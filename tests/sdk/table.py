"""What the matrix expects of each cell; a cell that is not named here just works."""

from typing import Final

DRIVERS: Final = ("openai-chat", "openai-responses", "anthropic", "google-genai", "langchain-openai")
