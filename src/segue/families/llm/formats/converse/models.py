"""What the makers of models on Bedrock want differently behind the one Converse API.

Converse gives all models the same messages, but not the same settings: where `top_k` goes, how thinking is switched
on, whether a cache point is understood. Who made a model is told by its id alone, so it is decided here, by table.
Sources: the Bedrock User Guide, "Inference request parameters and response fields for foundation models", "Prompt
caching", "Extended thinking" and "Adaptive thinking".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from segue.families.llm.ir.blocks import ANTHROPIC, BEDROCK


class Thinks(StrEnum):
    """How a maker's models are told to think."""

    CLAUDE = "claude"  # `thinking`, and `outputConfig.effort` from 4.6 on
    NOVA = "nova"  # `reasoningConfig`
    EFFORT = "effort"  # `reasoning_effort`
    NONE = "none"  # they think by habit, or not at all


@dataclass(frozen=True, slots=True)
class Maker:
    """The habits of one maker's models.

    Attributes:
        name: for people.
        vendor: whose the proofs of thoughts are.
        top_k: the additional field in which `top_k` goes; `None` where there is none.
        thinks: how thinking is switched on.
        cache_messages, cache_tools: whether cache points are understood in messages and system, and among tools.
        tool_status: whether a tool's result may say that the tool failed.
    """

    name: str
    vendor: str = BEDROCK
    top_k: Callable[[int], dict[str, Any]] | None = None
    thinks: Thinks = Thinks.NONE
    cache_messages: bool = False
    cache_tools: bool = False
    tool_status: bool = False


CLAUDE: Final = Maker("Claude", ANTHROPIC, lambda k: {"top_k": k}, Thinks.CLAUDE, True, True, True)
NOVA: Final = Maker("Nova", BEDROCK, lambda k: {"inferenceConfig": {"topK": k}}, Thinks.NOVA, True, False, True)
OTHERS: Final = Maker("this model")

_MAKERS: Final[Mapping[str, Maker]] = {
    "anthropic": CLAUDE,
    "nova": NOVA,
    "mistral": Maker("Mistral", top_k=lambda k: {"top_k": k}),
    "cohere": Maker("Cohere", top_k=lambda k: {"k": k}),
    "openai": Maker("OpenAI", thinks=Thinks.EFFORT),
}
_NAMED: Final = (
    ("anthropic.", "anthropic"),
    ("claude", "anthropic"),
    ("amazon.nova", "nova"),
    ("mistral.", "mistral"),
    ("cohere.", "cohere"),
    ("openai.", "openai"),
)

MAKER_FLAG: Final = "maker:"
"""`Target.flags` name the maker of a model whose id does not: `maker:anthropic` for an application profile's ARN."""

# claude-3-7-sonnet-…, claude-sonnet-4-5-…, claude-opus-4-2025…: the version before or behind the name of the size.
_VERSION: Final = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)(?:[-.](\d{1,2})(?!\d))?")
_NEWEST: Final = (99, 0)


@dataclass(frozen=True, slots=True)
class Claude:
    """What one generation of Claude accepts.

    Attributes:
        thinks: extended thinking at all (3.7 on).
        adaptive: `thinking.type` `adaptive`, and `outputConfig.effort` (4.6 on).
        budget: `thinking.type` `enabled` with a budget (3.7 to 4.6).
        both_samplings: temperature and top_p together (before 4.1).
        sampling: temperature, top_p and top_k at all (before 4.7).
    """

    thinks: bool
    adaptive: bool
    budget: bool
    both_samplings: bool
    sampling: bool


@lru_cache(maxsize=1024)
def maker_of(model: str, flags: frozenset[str] = frozenset()) -> Maker:
    """Who made a model: by `maker:…` among the flags, else by its id."""
    for flag in flags:
        if flag.startswith(MAKER_FLAG):
            return _MAKERS.get(flag.removeprefix(MAKER_FLAG), OTHERS)
    return next((_MAKERS[maker] for part, maker in _NAMED if part in model), OTHERS)


@lru_cache(maxsize=1024)
def claude_of(model: str) -> Claude:
    """What a Claude accepts; one whose id tells no version is taken for the newest."""
    found = _VERSION.search(model)
    version = (int(found[1]), int(found[2] or 0)) if found else _NEWEST
    return Claude(
        thinks=version >= (3, 7),
        adaptive=version >= (4, 6),
        budget=(3, 7) <= version < (4, 7),
        both_samplings=version < (4, 1),
        sampling=version < (4, 7),
    )
