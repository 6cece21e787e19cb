"""Sampling and thinking in Converse: a base that all models share, and additional fields by the model's maker.

Claude binds the two together: while it thinks, the temperature is its own, a choice of tools cannot be forced, and a
turn that called tools must begin with its thoughts. Sources: Anthropic's "Extended thinking" and "Adaptive thinking",
the Bedrock User Guide's pages of the same names, and for Nova "Extended thinking" in the Nova User Guide.
"""

from collections.abc import Mapping
from typing import Any, Final

from segue.families.llm.formats.converse.models import Claude, Maker, Thinks, claude_of
from segue.families.llm.formats.turns import Turn
from segue.families.llm.ir.blocks import ANTHROPIC, Thinking, ToolResult, ToolUse
from segue.families.llm.ir.conversation import Conversation, Reasoning
from segue.families.llm.ir.format import Target

MIN_BUDGET: Final = 1024
"""Tokens: the smallest budget of thinking that Claude accepts."""

BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 24576,
    "max": 32000,
}
"""Tokens of thinking for Claudes that know budgets only; Anthropic names no numbers, these rise as its efforts do."""

ANSWER: Final = 4096
"""Tokens for the answer beside the thoughts, where the caller names no limit."""

MOST: Final = 32_000
"""Tokens of an answer, thoughts included, where the model's own limit is not known: every Claude that thinks by budgets
can give as many (the least is Opus 4's)."""

_EFFORTS: Final[Mapping[str, str]] = {"minimal": "low"}
_CLAUDE_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
_THREE: Final[Mapping[str, str]] = {"minimal": "low", "xhigh": "high", "max": "high"}
_TOP_P_THINKING: Final = 0.95
_BETAS: Final = frozenset({"interleaved-thinking-2025-05-14", "context-1m-2025-08-07", "output-128k-2025-02-19"})
"""Beta features of Anthropic's that Bedrock documents too; it refuses a request that names any other."""


class Settings:
    """The settings of one request, gathered step by step.

    Attributes:
        inference: the base that all models share.
        additional: further fields of the model's own.
        effort: for `outputConfig`.
        warnings: what was changed or left out.
    """

    __slots__ = ("_maker", "_target", "additional", "effort", "inference", "warnings")

    def __init__(self, maker: Maker, target: Target, warnings: list[str]) -> None:
        self.inference: dict[str, Any] = {}
        self.additional: dict[str, Any] = {}
        self.effort = ""
        self.warnings = warnings
        self._maker = maker
        self._target = target

    def read(self, conversation: Conversation, turns: list[Turn]) -> None:
        """Take everything that a conversation says of sampling and thinking."""
        if conversation.max_tokens is not None:
            self.inference["maxTokens"] = conversation.max_tokens
        claude = claude_of(self._target.model) if self._maker.vendor == ANTHROPIC else None
        if conversation.reasoning is not None:
            self._read_reasoning(conversation, conversation.reasoning, claude, turns)
        self._read_sampling(conversation, claude)
        if conversation.stop:
            self._read_stop(conversation)
        if conversation.betas:
            self._read_betas(conversation.betas)

    @property
    def thinks(self) -> bool:
        """Whether Claude was told to think."""
        return self.additional.get("thinking", {}).get("type") in {"enabled", "adaptive"}

    def _warn(self, what: str) -> None:
        self.warnings.append(what)

    def _read_sampling(self, conversation: Conversation, claude: Claude | None) -> None:
        sampling = conversation.sampling
        temperature, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
        if temperature is None and top_p is None and top_k is None:
            return
        if "no_sampling" in self._target.flags or (claude is not None and not claude.sampling):
            self._warn("temperature, top_p and top_k left out: this model refuses them")
            return
        if temperature is not None and temperature > 1:
            self._warn("temperature lowered to 1, the most that Bedrock accepts")
            temperature = 1.0
        if self.additional and self.thinks:
            if temperature not in {None, 1} or top_k is not None:
                self._warn("temperature and top_k left out: Claude refuses them while it thinks")
                temperature = top_k = None
            if top_p is not None and top_p < _TOP_P_THINKING:
                self._warn(f"top_p left out: below {_TOP_P_THINKING} Claude refuses it while it thinks")
                top_p = None
        if claude is not None and not claude.both_samplings and temperature is not None and top_p is not None:
            self._warn("top_p left out: this model accepts temperature or top_p, not both")
            top_p = None
        if temperature is not None:
            self.inference["temperature"] = temperature
        if top_p is not None:
            self.inference["topP"] = top_p
        if top_k is not None:
            if self._maker.top_k is None:
                self._warn(f"top_k left out: {self._maker.name} on Bedrock has no such setting")
            else:
                self.additional.update(self._maker.top_k(top_k))

    def _read_stop(self, conversation: Conversation) -> None:
        kept = [text for text in conversation.stop if text.strip() or (text and self._maker.vendor != ANTHROPIC)]
        if len(kept) < len(conversation.stop):
            self._warn("stop sequences of nothing but white space left out: the model refuses them")
        if kept:
            self.inference["stopSequences"] = kept

    def _read_betas(self, betas: list[str]) -> None:
        known = [beta for beta in betas if beta in _BETAS] if self._maker.vendor == ANTHROPIC else []
        if known:
            self.additional["anthropic_beta"] = known
        if len(known) < len(betas):
            others = ", ".join(beta for beta in betas if beta not in known)[:200]
            self._warn(f"beta features left out, unknown to Bedrock: {others}")

    def _read_reasoning(
        self, conversation: Conversation, wish: Reasoning, claude: Claude | None, turns: list[Turn]
    ) -> None:
        off = wish.enabled is False or wish.effort == "none"
        if claude is not None:
            self._read_claude(conversation, wish, claude, turns, off=off)
            return
        effort = wish.effort or (_effort_of(wish.budget) if wish.budget is not None else None)
        effort = effort or ("medium" if wish.enabled or wish.adaptive else None)
        if self._maker.thinks is Thinks.NOVA and (off or effort):
            level = {} if off else {"maxReasoningEffort": _THREE.get(effort or "", effort)}
            self.additional["reasoningConfig"] = {"type": "disabled" if off else "enabled", **level}
        elif self._maker.thinks is Thinks.EFFORT and (off or effort):
            level_word = "low" if off else _THREE.get(effort or "", effort)
            self.additional["reasoning_effort"] = level_word
            if off:
                self._warn("reasoning cannot be switched off at this model: the effort is low")
        elif (effort or off) and self._maker.thinks is Thinks.NONE:
            self._warn(f"reasoning left out: {self._maker.name} on Bedrock has no such setting")
        if wish.budget is not None and not off and self._maker.thinks is not Thinks.NONE:
            self._warn("the budget of thinking became an effort")

    def _read_claude(
        self, conversation: Conversation, wish: Reasoning, claude: Claude, turns: list[Turn], *, off: bool
    ) -> None:
        asked = bool(wish.enabled or wish.adaptive or wish.budget or wish.effort)
        if not claude.thinks:
            if asked and not off:
                self._warn("thinking left out: this Claude cannot")
            return
        if off:
            self.additional["thinking"] = {"type": "disabled"}
            return
        if not asked:
            return
        if _is_forced(conversation):
            self._warn("thinking switched off: Claude refuses it together with a forced choice of tools")
            return
        if claude.adaptive and (not claude.budget or wish.budget is None):
            self._adaptive(wish, claude)
        else:
            self._budget(conversation, wish, turns)

    def _adaptive(self, wish: Reasoning, claude: Claude) -> None:
        # From 4.7 on Claude keeps its thoughts to itself unless asked for a summary.
        display = {"display": "summarized"} if wish.show and not claude.budget else {}
        self.additional["thinking"] = {"type": "adaptive", **display}
        effort = wish.effort
        if wish.budget is not None and effort is None and wish.budget > 0:
            effort = _effort_of(wish.budget)
            self._warn(f"the budget of thinking became the effort {effort!r}")
        if effort is None:
            return
        effort = _EFFORTS.get(effort, effort)
        if effort in _CLAUDE_EFFORTS:
            self.effort = effort
        else:
            self._warn(f"reasoning effort {effort[:20]!r} left out: expected low, medium, high, xhigh or max")

    def _budget(self, conversation: Conversation, wish: Reasoning, turns: list[Turn]) -> None:
        if _lacks_thought(turns):
            self._warn("thinking switched off: the last turn that called tools has no thoughts of this vendor's")
            return
        budget = wish.budget
        if budget is None:
            budget = BUDGETS.get(wish.effort or "medium", BUDGETS["medium"])
            if wish.effort:
                self._warn(f"reasoning effort {wish.effort[:20]!r} became a budget of {budget} tokens")
        limit = conversation.max_tokens
        if limit is None:
            # Thinking counts towards the limit, and what Bedrock assumes without one may be less than the budget.
            limit = self.inference["maxTokens"] = min(max(budget, MIN_BUDGET) + ANSWER, self._target.max_output or MOST)
        fitting = min(max(budget, MIN_BUDGET), limit - 1)
        if fitting < MIN_BUDGET:
            self._warn(f"thinking switched off: it needs max_tokens of more than {MIN_BUDGET}")
            return
        if fitting != budget:
            self._warn(f"the budget of thinking became {fitting} tokens")
        self.additional["thinking"] = {"type": "enabled", "budget_tokens": fitting}


def _effort_of(budget: int) -> str:
    return next((effort for effort in ("low", "medium", "high", "xhigh") if budget <= BUDGETS[effort]), "max")


def _is_forced(conversation: Conversation) -> bool:
    return conversation.tool_choice is not None and conversation.tool_choice.mode == "required"


def _lacks_thought(turns: list[Turn]) -> bool:
    """Whether the conversation goes on with results of a turn that has no thought which Claude could verify."""
    if len(turns) < 2 or not any(isinstance(block, ToolResult) for block in turns[-1][1]):  # noqa: PLR2004 - call, result
        return False
    content = turns[-2][1]
    calls = any(isinstance(block, ToolUse) for block in content)
    return calls and not any(
        isinstance(block, Thinking) and block.signature is not None and block.signature.vendor == ANTHROPIC
        for block in content
    )
