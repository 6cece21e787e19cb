"""Vendors name the tiers in which they serve differently, and OpenAI's clients know OpenAI's names only."""

from typing import Final

_OWN: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})
"""API reference, `service_tier` of a completion and of a response."""
_SAME: Final = {"standard": "default", "on_demand": "default"}
"""The ordinary tier of Anthropic and Gemini, and of Groq."""


def tier_for_openai(tier: str) -> str:
    """The tier that served an answer, in OpenAI's words; "" where OpenAI has none like it."""
    return tier if tier in _OWN else _SAME.get(tier, "")
