"""Why an answer ended, in Anthropic's words and in ours.

Source: Anthropic's guide "Stop reasons and fallback".
"""

from typing import Final

from segue.families.llm.ir.answer import Stop

_READ: Final = {
    "end_turn": Stop.END,
    "max_tokens": Stop.LENGTH,
    "stop_sequence": Stop.SEQUENCE,
    "tool_use": Stop.TOOLS,
    "pause_turn": Stop.PAUSE,
    "refusal": Stop.REFUSAL,
    "model_context_window_exceeded": Stop.CONTEXT,
}
_WRITTEN: Final = {
    **{stop: reason for reason, stop in _READ.items()},
    Stop.FILTER: "refusal",
    # What ended in a way that nobody has a word for is not known to be whole, and `end_turn` would say that it is.
    Stop.MALFORMED: "refusal",
    Stop.OTHER: "refusal",
}


def read_stop(reason: str) -> Stop:
    """Our word; `OTHER` for reasons that came later than this table."""
    return _READ.get(reason, Stop.OTHER)


def write_stop(stop: Stop) -> str:
    """Anthropic's word."""
    return _WRITTEN[stop]
