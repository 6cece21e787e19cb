"""How much Anthropic's model is to think: every vendor's words for it, in Anthropic's.

Newer models take `thinking: adaptive` and `output_config.effort`; models before Claude 4.6 a budget of tokens; some
refuse one of the two, or to be switched off. Which model is which is told by `Target.flags`:

    no_adaptive       only budgets (`enabled`); an effort becomes a budget
    no_budgets        a budget becomes an effort
    adaptive_only     no budgets and no `disabled`
    always_thinks     `disabled` is refused, too, though budgets may pass
    no_effort         `output_config.effort` is refused
    no_xhigh, no_max  these efforts are refused: the next lower one is written

Efforts and budgets stand for each other by this table (ours: Anthropic gives none; the steps double, and the highest
with room for an answer stays below the 64,000 tokens of Claude Haiku 4.5):

    minimal 1,024 · low 2,048 · medium 8,192 · high 16,384 · xhigh 32,768 · max 49,152
"""

from typing import Final

import msgspec

from segue.families.llm.formats.messages.request_in import MIN_BUDGET
from segue.families.llm.formats.messages.wire import InputThinking
from segue.families.llm.ir.blocks import ANTHROPIC, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, Message, Reasoning

BUDGETS: Final = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 49152}
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
DEFAULT_MAX_TOKENS: Final = 8192
"""Tokens of an answer where the caller names no limit and Anthropic demands one: the most that every Claude since 3.5
accepts, and more than nearly all answers have."""


class Plan(msgspec.Struct):
    """What is written about thinking; `max_tokens` has room for it."""

    max_tokens: int
    thinking: InputThinking | None = None
    effort: str | None = None


def plan_thinking(
    conversation: Conversation, flags: frozenset[str], most: int | None, warnings: list[str], *, forced: bool
) -> Plan:
    """Decide about thinking.

    Args:
        conversation: what is asked.
        flags: habits of the model, as above.
        most: tokens that the model's answer may have at most, where that is known.
        warnings: gets a line for everything that could not be written as it was meant.
        forced: whether the answer must call a tool.
    """
    plan = Plan(conversation.max_tokens or most or DEFAULT_MAX_TOKENS)
    reasoning = conversation.reasoning
    if reasoning is None:
        return plan
    if reasoning.effort is not None and reasoning.enabled is not False and "no_effort" not in flags:
        plan.effort = _effort(reasoning.effort, flags, warnings)
    if reasoning.enabled is False or reasoning.effort == "none" or reasoning.budget == 0:
        if reasoning.enabled is False and reasoning.effort not in {None, "none"} and "no_effort" not in flags:
            plan.effort = _effort(str(reasoning.effort), flags, warnings)
        if flags & {"adaptive_only", "always_thinks"}:
            warnings.append("thinking cannot be switched off for this model: left to it")
        else:
            plan.thinking = InputThinking("disabled")
        return plan
    if reasoning.habit and reasoning.enabled is None and plan.effort is not None:
        return plan
    budget = _budget(reasoning, plan, flags, warnings)
    if budget is None:
        plan.thinking = InputThinking("adaptive", display=_display(reasoning))
    else:
        _write_budget(plan, conversation, budget, most, warnings)
    _check(plan, conversation, warnings, forced=forced)
    return plan


def _effort(effort: str, flags: frozenset[str], warnings: list[str]) -> str | None:
    if effort == "none":
        return None
    if effort == "minimal":
        warnings.append("reasoning effort 'minimal' raised to 'low', Anthropic's least")
        return "low"
    if effort not in _EFFORTS:
        warnings.append(f"reasoning effort {effort[:32]!r} left out: Anthropic does not know it")
        return None
    fit = effort
    if fit == "max" and "no_max" in flags:
        fit = "xhigh"
    if fit == "xhigh" and "no_xhigh" in flags:
        fit = "high"
    if fit != effort:
        warnings.append(f"reasoning effort {effort!r} lowered to {fit!r}, the most of this model")
    return fit


def _budget(reasoning: Reasoning, plan: Plan, flags: frozenset[str], warnings: list[str]) -> int | None:
    """The budget that is to be written; `None` for adaptive thinking."""
    given = reasoning.budget if reasoning.budget is not None and reasoning.budget > 0 else None
    if flags & {"adaptive_only", "no_budgets"}:
        if given is not None and plan.effort is None and "no_effort" not in flags:
            plan.effort = _of_budget(given)
            warnings.append(f"thinking budget {given} became effort {plan.effort!r}: this model takes no budgets")
        return None
    if given is not None and not reasoning.adaptive:
        return given
    if "no_adaptive" in flags:
        return BUDGETS.get(reasoning.effort or "medium", BUDGETS["medium"])
    return None


def _of_budget(budget: int) -> str:
    """The effort whose budget is nearest."""
    return min(_EFFORTS, key=lambda effort: abs(BUDGETS[effort] - budget))


def _write_budget(plan: Plan, conversation: Conversation, budget: int, most: int | None, warnings: list[str]) -> None:
    wanted = max(budget, MIN_BUDGET)
    if conversation.max_tokens is None:
        plan.max_tokens = most or wanted + DEFAULT_MAX_TOKENS
    if wanted >= plan.max_tokens:
        wanted = plan.max_tokens - 1  # thinking counts towards max_tokens, so it must leave room
    if wanted < MIN_BUDGET:
        warnings.append(f"thinking switched off: max_tokens {plan.max_tokens} leaves less than {MIN_BUDGET} for it")
        return
    if conversation.reasoning is not None and conversation.reasoning.budget is not None and wanted != budget:
        warnings.append(f"thinking budget {budget} changed to {wanted}: at least {MIN_BUDGET}, less than max_tokens")
    display = _display(conversation.reasoning) if conversation.reasoning is not None else None
    plan.thinking = InputThinking("enabled", wanted, display)


def _display(reasoning: Reasoning) -> str | None:
    if reasoning.show is None:
        return "summarized" if reasoning.summary else None
    return "summarized" if reasoning.show else "omitted"


def _check(plan: Plan, conversation: Conversation, warnings: list[str], *, forced: bool) -> None:
    """Switch a budget of thinking off where Anthropic would refuse it; adaptive thinking knows neither rule.

    Source: Anthropic's guides "Extended thinking" (tool use) and "Thinking in tool and multi-turn workflows".
    """
    if plan.thinking is None or plan.thinking.type != "enabled":
        return
    if forced:
        plan.thinking = None
        warnings.append("thinking switched off: with a budget, it cannot go with a forced call of a tool")
    elif _lacks_thought(conversation.messages):
        plan.thinking = None
        warnings.append("thinking switched off: the last calls of tools came without a thought of Anthropic's")


def _lacks_thought(messages: list[Message]) -> bool:
    """Whether results of tools end the conversation whose calls did not begin with a thought of Anthropic's."""
    seen_result = False
    turn: list[Message] = []
    for message in reversed(messages):
        if message.role == "assistant":
            turn.append(message)
        elif turn:
            break
        else:
            seen_result |= any(isinstance(block, ToolResult) for block in message.content)
    blocks = [block for message in reversed(turn) for block in message.content]
    if not seen_result or not any(isinstance(block, ToolUse) for block in blocks):
        return False
    return not any(
        isinstance(block, Thinking) and block.signature is not None and block.signature.vendor == ANTHROPIC
        for block in blocks
    )
