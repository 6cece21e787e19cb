"""xAI's Grok: Responses, and Chat Completions, which it calls its older interface.

Its reasoning models refuse penalties and stop sequences, some also a choice of effort; which is which is told by the
name. Tokens of reasoning come beside those of the completion, not among them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from segue.core.ports import Codec
from segue.families.llm.compatible import Headers, OpenAICompatible
from segue.families.llm.habits import Habits
from segue.families.llm.other.vendors import xai_codecs

_WARNS = ("verbosity", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata", "service_tier")
_REFUSES = ("logit_bias", "modalities", "audio", "web_search_options", "functions", "function_call")
_DROPS = ("store", "prediction")
_PENALTIES = ("presence_penalty", "frequency_penalty")


def _reasons(*efforts: str) -> Habits:
    """A model that reasons; without words of effort it reasons as it likes."""
    return Habits(
        drops=_DROPS,
        warns=(*_WARNS, *_PENALTIES, *(() if efforts else ("reasoning_effort",))),
        refuses=(*_REFUSES, "stop"),
        efforts=efforts,
    )


@dataclass(frozen=True, slots=True)
class Xai(OpenAICompatible):
    """Grok, by OpenAI's formats and its own for changed pictures."""

    def others(self, base: str, headers: Headers) -> Mapping[str, Codec]:
        """See `OpenAICompatible.others`."""
        return {**OpenAICompatible.others(self, base, headers), **xai_codecs(base, headers)}


ADAPTER = Xai(
    id="xai",
    base_url="https://api.x.ai/v1",
    operations=frozenset({"chat", "completions", "images.generate", "images.edit"}),
    # Pictures have an aspect ratio and a resolution there instead of a size.
    other_habits={"images.generate": Habits(warns=("size", "style"))},
    environment=("XAI_API_KEY",),
    formats=("chat", "responses"),
    tools=frozenset({"web_search", "x_search", "code_interpreter", "file_search", "mcp"}),
    habits=Habits(
        drops=_DROPS,
        warns=_WARNS,
        refuses=_REFUSES,
        models={
            r".*non-reasoning|grok-(?:2|3(?!-mini))": Habits(
                drops=_DROPS, warns=(*_WARNS, "reasoning_effort"), refuses=_REFUSES
            ),
            r"grok-3-mini": _reasons("low", "high"),
            r"grok-4\.3": _reasons("none", "low", "medium", "high"),
            r"grok-(?:4(?:-|$|\.[12]|\.20)|code)": _reasons(),
            r"grok-": _reasons("low", "medium", "high"),
        },
    ),
    sources={
        "docs.x.ai, guide Reasoning and REST reference": "",
        "docs.x.ai/developers/model-capabilities/images and /cost-tracking": "",
        "github.com/xai-org/xai-proto": "2026-05-17",
        "docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/grok/capabilities/reasoning": "",
    },
    unsaid=(
        "the role `developer`",
        "headers of rate limits",
    ),
)
