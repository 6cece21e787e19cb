"""Claude's generations differ in what a request may contain, and a request that suits one gets a 400 from the next.

The differences are data here, found by the name of the model. Sources: the models overview and the pages "What's new"
of each model at https://platform.claude.com/docs/en/about-claude/models. A name that is none of Claude's (such as
`sim-cut`) takes everything, so that it can be used for any test.
"""

import re
from dataclasses import dataclass
from typing import Final

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What one model accepts.

    Attributes:
        thinking: The values of `thinking.type` that it accepts.
        thinks: Whether it thinks when `thinking` is left out.
        summarized: Whether thoughts are shown unless `display` says otherwise; else only their signature is.
        sampling: Whether temperature, top_p and top_k may be set.
        prefill: Whether the conversation may end with the assistant's words.
        forced: Whether `tool_choice` may demand a tool.
        context: The context window in tokens.
        output: The most tokens of an answer.
        cacheable: The shortest prefix that is cached, in tokens.
    """

    thinking: frozenset[str]
    thinks: bool = False
    summarized: bool = True
    sampling: bool = True
    prefill: bool = False
    forced: bool = True
    context: int = _MILLION
    output: int = 128_000
    cacheable: int = 1024


def _newer(*types: str, thinks: bool = True, forced: bool = True, cacheable: int = 1024) -> ModelFacts:
    return ModelFacts(
        frozenset({"adaptive", *types}),
        thinks=thinks,
        summarized=False,
        sampling=False,
        forced=forced,
        cacheable=cacheable,
    )


_MANUAL: Final = frozenset({"enabled", "disabled"})
_ANYTHING: Final = ModelFacts(frozenset({"enabled", "adaptive", "disabled", "between_tools"}), prefill=True)
_OLDER: Final = ModelFacts(_MANUAL, prefill=True, context=200_000, output=64_000)
# The longest beginning of the name that is listed decides.
_FACTS: Final[dict[str, ModelFacts]] = {
    "claude-": _OLDER,
    "claude-haiku-4-5": ModelFacts(_MANUAL, prefill=True, context=200_000, output=64_000, cacheable=4096),
    "claude-opus-4-5": ModelFacts(_MANUAL, prefill=True, context=200_000, output=64_000, cacheable=4096),
    "claude-opus-4-6": ModelFacts(_MANUAL | {"adaptive"}, cacheable=4096),
    "claude-sonnet-4-6": ModelFacts(_MANUAL | {"adaptive"}),
    "claude-opus-4-7": _newer("disabled", thinks=False),
    "claude-opus-4-8": _newer("disabled", thinks=False),
    "claude-mythos-preview": _newer(),
    "claude-fable-5": _newer(),
    "claude-mythos-5": _newer(),
    "claude-fable-5-1": _newer(forced=False, cacheable=512),
    "claude-fable-5-2": _newer(forced=False, cacheable=512),
    "claude-mythos-5-1": _newer(forced=False, cacheable=512),
    "claude-mythos-5-2": _newer(forced=False, cacheable=512),
    "claude-opus-5": _newer("disabled"),
    "claude-sonnet-5": _newer("disabled"),
    "claude-opus-5-5": _newer(forced=False, cacheable=512),
    "claude-sonnet-5-5": _newer("between_tools", forced=False, cacheable=512),
    "claude-haiku-5-5": _newer("disabled", cacheable=512),
}
_DATE: Final = re.compile(r"(\d{4})(\d{2})(\d{2})$")
# Name, date of release, and how it is shown.
LISTED_MODELS: Final[tuple[tuple[str, str, str], ...]] = (
    ("claude-haiku-5-5", "2026-10-07", "Claude Haiku 5.5"),
    ("claude-sonnet-5-5", "2026-09-28", "Claude Sonnet 5.5"),
    ("claude-opus-5-5", "2026-09-22", "Claude Opus 5.5"),
    ("claude-sonnet-5", "2026-06-30", "Claude Sonnet 5"),
    ("claude-opus-4-6", "2026-02-05", "Claude Opus 4.6"),
    ("claude-haiku-4-5-20251001", "2025-10-01", "Claude Haiku 4.5"),
    ("claude-sonnet-4-5-20250929", "2025-09-29", "Claude Sonnet 4.5"),
)


def facts_of(model: str) -> ModelFacts:
    """What a model accepts, by its name (also Vertex AI's, with `@` before the date)."""
    found = [name for name in _FACTS if model.startswith(name)]
    return _FACTS[max(found, key=len)] if found else _ANYTHING


def _supported(value: bool) -> dict[str, bool]:
    return {"supported": value}


def model_document(name: str, released: str | None = None, shown: str | None = None) -> dict[str, object]:
    """One entry of the list of models."""
    facts = facts_of(name)
    types = {kind: _supported(kind in facts.thinking) for kind in ("adaptive", "between_tools", "disabled", "enabled")}
    dated = _DATE.search(name)
    day = released or ("-".join(dated.groups()) if dated else "2025-01-01")
    return {
        "type": "model",
        "id": name,
        "display_name": shown or name,
        "created_at": f"{day}T00:00:00Z",
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "max_input_tokens": facts.context,
        "max_tokens": facts.output,
        "capabilities": {
            "batch": _supported(True),
            "citations": _supported(True),
            "code_execution": _supported(True),
            "context_management": {"supported": False},
            "effort": {"supported": not facts.prefill}
            | {level: _supported(not facts.prefill) for level in ("low", "medium", "high", "xhigh", "max")},
            "image_input": _supported(True),
            "pdf_input": _supported(True),
            "server_tools": {"supported": True, "code_execution": _supported(True), "web_search": _supported(True)},
            "structured_outputs": _supported(True),
            "thinking": {"supported": True, "types": types},
        },
    }
