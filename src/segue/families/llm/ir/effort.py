"""How much a model is to think: words here, tokens there.

OpenAI's models take a word, older Claude and Gemini 2.5 a number of tokens. The numbers for the words are those that
Google documents for Gemini 2.5 behind its compatible endpoint (ai.google.dev/gemini-api/docs/openai: low 1,024, medium
8,192, high 24,576); between them the nearer word is taken.
"""

from typing import Final

from segue.families.llm.ir.conversation import Reasoning

BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768}
"""Tokens for a word. 1,024 is also the least that Claude takes."""

_LOW_BELOW: Final = 4096
_MEDIUM_BELOW: Final = 16384


def effort_for(reasoning: Reasoning) -> str | None:
    """The word for a wish; `None` where nothing was said that a word could say."""
    if reasoning.effort is not None:
        return reasoning.effort
    if reasoning.enabled is False or reasoning.budget is None or reasoning.budget < 0:
        return None
    if reasoning.budget == 0:
        return "none"
    if reasoning.budget < _LOW_BELOW:
        return "low"
    return "medium" if reasoning.budget < _MEDIUM_BELOW else "high"


def budget_for(reasoning: Reasoning) -> int | None:
    """The tokens for a wish; `None` where nothing was said, 0 where thinking is switched off."""
    if reasoning.enabled is False or reasoning.effort == "none":
        return 0
    if reasoning.budget is not None:
        return reasoning.budget
    return BUDGETS.get(reasoning.effort) if reasoning.effort is not None else None
