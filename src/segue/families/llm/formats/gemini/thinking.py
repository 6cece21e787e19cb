"""How much a Gemini model is asked to think: a level or a budget, depending on its generation.

Models from 3 on take a level (a budget still passes but is not advised), those of 2.5 a budget in tokens and refuse
levels, older ones neither. What a generation cannot do becomes the nearest that it can, with a warning. Sources: the
guide "Gemini thinking" (levels, ranges of budgets, which models cannot stop thinking) and the table of
`reasoning_effort` in the guide "OpenAI compatibility" (1,024, 8,192 and 24,576 tokens for low, medium and high).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from segue.families.llm.ir.conversation import Reasoning

_MODEL: Final = re.compile(r"gemini-(\d{1,3})(?:\.(\d{1,3}))?(?![\d])(.*)")
_BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 32768}
_LEVELS: Final = ("minimal", "low", "medium", "high", "xhigh")
_NEWEST: Final = (99, 0)


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model can be told about thinking.

    Attributes:
        version: of the model family, e.g. (2, 5); an alias such as `gemini-flash-latest` is taken for the newest.
        way: `level`, `budget` or `none`.
        levels: those that it takes.
        least, most: of a budget.
        can_stop: whether thinking can be switched off.
    """

    version: tuple[int, int]
    way: str
    levels: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    can_stop: bool = False


@lru_cache(maxsize=1024)
def generation_of(model: str, capabilities: frozenset[str] = frozenset()) -> Generation:
    """What is documented of a model.

    Args:
        model: the provider's name of it, with or without a path before it.
        capabilities: `thinking:level`, `thinking:budget` and `thinking:none` decide for models whose names say
            nothing; `thinking:xhigh` adds that level.
    """
    found = _MODEL.search(model)
    version = (int(found[1]), int(found[2] or 0)) if found else _NEWEST
    rest = found[3] if found else model
    way = "level" if version >= (3, 0) else "budget" if version >= (2, 5) else "none"
    if not found and "gemini" not in model:
        way = "none"
    for word in ("level", "budget", "none"):
        if f"thinking:{word}" in capabilities:
            way = word
    if way == "level":
        pro = "pro" in rest
        levels = ("low", "high") if pro and version == (3, 0) else _LEVELS[1:4] if pro else _LEVELS[:4]
        return Generation(version, way, (*levels, "xhigh") if "thinking:xhigh" in capabilities else levels)
    if way == "budget":
        if "pro" in rest:
            return Generation(version, way, least=128, most=32768)
        return Generation(version, way, least=512 if "lite" in rest else 1, most=24576, can_stop=True)
    return Generation(version, way)


def thinking_config(reasoning: Reasoning, generation: Generation, warnings: list[str]) -> dict[str, Any]:
    """The `thinkingConfig` for a wish, empty where the model takes none; what is changed is told in `warnings`."""
    config: dict[str, Any] = {}
    off = reasoning.enabled is False or reasoning.effort == "none"
    if generation.way == "none":
        if not off:
            warnings.append("the wish to think left out: the model takes no thinkingConfig")
        return config
    if generation.way == "level":
        level = _level(reasoning, off, generation, warnings)
        if level:
            config["thinkingLevel"] = level.upper()
    else:
        budget = _budget(reasoning, off, generation, warnings)
        if budget is not None:
            config["thinkingBudget"] = budget
    if reasoning.show is not None:
        config["includeThoughts"] = reasoning.show
    elif reasoning.summary is not None or reasoning.enabled:
        # Whoever switches thinking on (Anthropic's clients) is shown it unless he says otherwise.
        config["includeThoughts"] = True
    return config


def _level(reasoning: Reasoning, off: bool, generation: Generation, warnings: list[str]) -> str:
    if off:
        warnings.append(f"thinking lowered to {generation.levels[0]}: the model cannot stop it")
        return generation.levels[0]
    wanted = reasoning.effort
    if wanted is None and reasoning.budget is not None:
        wanted = next((name for name in ("low", "medium") if reasoning.budget <= _BUDGETS[name]), "high")
        warnings.append(f"a thinking budget of {reasoning.budget} tokens became the level {wanted}")
    if wanted is None:
        return ""  # the model's own habit, which is dynamic
    rank = _LEVELS.index(wanted) if wanted in _LEVELS else len(_LEVELS)
    levels = generation.levels
    # The nearest from above: an answer that was thought over too little is the greater loss.
    level = next((each for each in levels if _LEVELS.index(each) >= rank), levels[-1])
    if level != wanted:
        warnings.append(f"the effort {wanted} became {level}: the model takes {', '.join(levels)}")
    return level


def _budget(reasoning: Reasoning, off: bool, generation: Generation, warnings: list[str]) -> int | None:
    if off:
        if generation.can_stop:
            return 0
        warnings.append(f"thinking lowered to {generation.least} tokens: the model cannot stop it")
        return generation.least
    wanted = reasoning.budget
    if wanted is None:
        if reasoning.effort is None:
            return -1 if reasoning.adaptive else None
        wanted = _BUDGETS.get(reasoning.effort, _BUDGETS["high"])
        return min(max(wanted, generation.least), generation.most)
    budget = min(max(wanted, generation.least), generation.most)
    if budget != wanted:
        warnings.append(f"the thinking budget became {budget}: the model takes {generation.least}-{generation.most}")
    return budget
