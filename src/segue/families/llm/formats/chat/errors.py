"""Errors in OpenAI's shape."""

from typing import Any

from segue.core.errors import CallFailed
from segue.families.llm.formats.openai_words import error_of


def error_body(error: CallFailed) -> dict[str, Any]:
    """The body that OpenAI's SDK raises its own exceptions for."""
    return {"error": error_of(error)}
