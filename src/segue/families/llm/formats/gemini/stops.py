"""Why an answer ended, in Google's words and in ours. Source: enum Candidate.FinishReason."""

from typing import Final

from segue.families.llm.ir.answer import Stop

STOPS: Final[dict[str, Stop]] = {
    "STOP": Stop.END,
    "MAX_TOKENS": Stop.LENGTH,
    "SAFETY": Stop.FILTER,
    "RECITATION": Stop.FILTER,
    "BLOCKLIST": Stop.FILTER,
    "PROHIBITED_CONTENT": Stop.FILTER,
    "SPII": Stop.FILTER,
    "MODEL_ARMOR": Stop.FILTER,
    "IMAGE_SAFETY": Stop.FILTER,
    "IMAGE_PROHIBITED_CONTENT": Stop.FILTER,
    "IMAGE_RECITATION": Stop.FILTER,
    "MALFORMED_FUNCTION_CALL": Stop.MALFORMED,
    "UNEXPECTED_TOOL_CALL": Stop.MALFORMED,
    "MALFORMED_RESPONSE": Stop.MALFORMED,
    "LANGUAGE": Stop.OTHER,
    "IMAGE_OTHER": Stop.OTHER,
    "NO_IMAGE": Stop.OTHER,
    "TOO_MANY_TOOL_CALLS": Stop.OTHER,
    "MISSING_THOUGHT_SIGNATURE": Stop.OTHER,
    "OTHER": Stop.OTHER,
}
"""A reason that is missing here is `Stop.OTHER`."""

_NUMBERED: Final = ("", "STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "OTHER")
"""Reasons by their numbers, as far as the Gemini API and Vertex AI count alike."""

_WORDS: Final[dict[Stop, str]] = {
    Stop.END: "STOP",
    Stop.LENGTH: "MAX_TOKENS",
    Stop.SEQUENCE: "STOP",
    Stop.TOOLS: "STOP",
    Stop.FILTER: "SAFETY",
    Stop.REFUSAL: "SAFETY",
    Stop.PAUSE: "OTHER",
    Stop.CONTEXT: "MAX_TOKENS",
    Stop.MALFORMED: "MALFORMED_FUNCTION_CALL",
    Stop.OTHER: "OTHER",
}


def reason_of(told: str | int | None) -> str:
    """Google's word for a reason, which may have been told by its number; "" for none."""
    if isinstance(told, int):
        return _NUMBERED[told] if 0 <= told < len(_NUMBERED) else "OTHER"
    return "" if told is None or told == "FINISH_REASON_UNSPECIFIED" else told


def finish_reason(stop: Stop, vendor_stop: str) -> str:
    """Google's word for a reason: its own one, where the answer came from there."""
    return vendor_stop if vendor_stop in STOPS else _WORDS[stop]
