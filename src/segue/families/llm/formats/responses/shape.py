"""The frame of a response for a client: what OpenAI repeats of the request, names of items, usage.

A client of Responses expects its settings back in the answer. They are written once per answer, for all the events
that carry the response. Names of items that the vendor does not give are made from Segue's name of the call, so that
the same item has the same name in every event.
"""

import hashlib
from typing import Any, Final

import msgspec

from segue.core.outcome import Usage
from segue.families.llm.formats.openai_tiers import tier_for_openai
from segue.families.llm.formats.responses.settings import format_of, tool_choice_of, tools_of
from segue.families.llm.ir.answer import Stop
from segue.families.llm.ir.blocks import Refusal, Text, Thinking, ToolUse
from segue.families.llm.ir.conversation import Conversation, Raw
from segue.families.llm.ir.format import Shown

_encode: Final = msgspec.json.encode

_INCOMPLETE: Final[dict[Stop, dict[str, str | None]]] = {
    Stop.LENGTH: {"reason": "max_output_tokens"},
    Stop.CONTEXT: {"reason": "max_output_tokens"},
    Stop.FILTER: {"reason": "content_filter"},
    Stop.MALFORMED: {"reason": None},
    Stop.OTHER: {"reason": None},
}


class Frame:
    """Everything of a response but its output.

    Args:
        shown: what is known beside the answer.
        vendor_id: the vendor's own id of the answer; kept where it is one of OpenAI's.
        model, created: the vendor's, where it tells.
    """

    __slots__ = ("_before", "_echo", "_seed", "id")

    def __init__(self, shown: Shown, vendor_id: str, model: str, created: int) -> None:
        self._seed = hashlib.sha256(shown.call_id.encode("utf-8", "surrogatepass")).hexdigest()[:40]
        self.id = vendor_id if vendor_id.startswith("resp_") else f"resp_{self._seed}"
        before = {
            "id": self.id,
            "object": "response",
            "created_at": created or shown.created,
            "model": model or shown.model,
        }
        self._before = _encode(before)[:-1]
        self._echo = _encode(_echo(shown))[1:]

    def name(self, prefix: str, place: int) -> str:
        """The made name of the item at `place` of the output."""
        return f"{prefix}_{self._seed}{place:04x}"

    def write(
        self,
        status: str,
        output: list[bytes],
        *,
        usage: Usage | None = None,
        tier: str = "",
        details: dict[str, str | None] | None = None,
        error: dict[str, Any] | None = None,
        segue: dict[str, Any] | None = None,
    ) -> bytes:
        """The response as JSON; `output`: its items as JSON; `segue`: what stands beside OpenAI's fields."""
        after = {
            "status": status,
            "error": error,
            "incomplete_details": details,
            "usage": usage_of(usage) if usage is not None else None,
            "service_tier": tier_for_openai(tier) or None,
        }
        if segue is not None:
            after["segue"] = segue
        return b"".join(
            (self._before, b',"output":[', b",".join(output), b"],", _encode(after)[1:-1], b",", self._echo)
        )


def _echo(shown: Shown) -> dict[str, Any]:
    """The settings of the request, as OpenAI repeats them; what the caller left out has OpenAI's default."""
    asked = shown.conversation
    reasoning = asked.reasoning
    return {
        "background": bool(asked.background),
        "instructions": "\n\n".join(part.text for part in asked.system) or None,
        "max_output_tokens": asked.max_tokens,
        "max_tool_calls": asked.max_tool_calls,
        "metadata": asked.metadata,
        "parallel_tool_calls": asked.parallel_tools is not False,
        "previous_response_id": shown.previous or _response_before(asked),
        "prompt_cache_key": asked.prompt_cache_key or None,
        "reasoning": {
            "effort": reasoning.effort if reasoning is not None else None,
            "summary": reasoning.summary if reasoning is not None else None,
        },
        "safety_identifier": asked.safety_identifier or None,
        "store": asked.store is not False,
        "temperature": 1.0 if asked.sampling.temperature is None else asked.sampling.temperature,
        "text": {"format": format_of(asked.output), "verbosity": asked.verbosity or "medium"},
        "tool_choice": _choice(asked),
        "tools": tools_of(asked),
        "top_logprobs": asked.top_logprobs or 0,
        "top_p": 1.0 if asked.sampling.top_p is None else asked.sampling.top_p,
        "truncation": asked.truncation or "disabled",
        "user": asked.user or None,
    }


def _response_before(asked: Conversation) -> str | None:
    return asked.previous if asked.previous and not asked.previous.startswith("conv_") else None


def _choice(asked: Conversation) -> Any:
    choice: str | dict[str, Any] | Raw | None = tool_choice_of(asked)
    return "auto" if choice is None else choice


def usage_of(usage: Usage) -> dict[str, Any]:
    """The usage. OpenAI's convention is ours (see `answer_in.usage_of`); numbers that are not known are 0."""
    taken, given = usage.input_tokens or 0, usage.output_tokens or 0
    written = (usage.cache_write_tokens or 0) + (usage.cache_write_1h_tokens or 0)
    return {
        "input_tokens": taken,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0, "cache_write_tokens": written},
        "output_tokens": given,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": taken + given,
    }


def ending_of(stop: Stop, *, refused: bool) -> tuple[str, dict[str, str | None] | None]:
    """The status of a response, and why it is incomplete.

    A full context window is a limit of tokens here; a call that the model wrote wrongly has no word, nor has an end
    that is not known, and both are told as incomplete without a reason. A refusal without words of the model's is what
    OpenAI's filter does.
    """
    details = _INCOMPLETE.get(stop)
    if stop is Stop.REFUSAL and not refused:
        details = {"reason": "content_filter"}
    return ("completed", None) if details is None else ("incomplete", details)


def item_name(frame: Frame, block: Text | Refusal | Thinking | ToolUse, place: int) -> str:
    """The name of a block's item: the vendor's where it is OpenAI's, else a made one."""
    if isinstance(block, ToolUse):
        prefix, own = ("ctc", block.item) if block.custom else ("fc", block.item)
    elif isinstance(block, Thinking):
        prefix, own = "rs", block.id
    else:
        prefix, own = "msg", ""
    return own if own.startswith(f"{prefix}_") else frame.name(prefix, place)
