"""Cohere by its OpenAI-compatible endpoint (docs.cohere.com/docs/compatibility-api).

Embeddings and rankings go to its own `v2` at the same host: only there the purpose of a vector can be told.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from segue.core.ports import Codec
from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, Headers, OpenAICompatible
from segue.families.llm.habits import Habits
from segue.families.llm.other.vendors import codecs_for, cohere_codecs


@dataclass(frozen=True, slots=True)
class Cohere(OpenAICompatible):
    """Cohere, by OpenAI's formats and its own."""

    def others(self, base: str, headers: Headers) -> Mapping[str, Codec]:
        """Transcriptions as OpenAI has them; vectors and rankings as Cohere has."""
        root = base.removesuffix("/v1").removesuffix("/compatibility")
        return {**codecs_for(base, headers, ("audio.transcribe",)), **cohere_codecs(root, headers)}


ADAPTER = Cohere(
    id="cohere",
    operations=frozenset({"chat", "embeddings", "rerank", "audio.transcribe"}),
    base_url="https://api.cohere.ai/compatibility/v1",
    environment=("COHERE_API_KEY", "CO_API_KEY"),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store", "prediction"),
        warns=(
            *("metadata", "parallel_tool_calls", "service_tier", "user", "verbosity", "safety_identifier"),
            *("prompt_cache_key", "prompt_cache_retention"),
        ),
        refuses=(
            *("logit_bias", "logprobs", "top_logprobs", "n", "modalities", "audio", "web_search_options"),
            *("functions", "function_call"),
        ),
        efforts=("none", "high"),
    ),
    sources={
        "docs.cohere.com/docs/compatibility-api, by github.com/cohere-ai/cohere-developer-experience": "2026-08-20",
    },
    unsaid=(
        "`tool_choice` and `stream_options` at the compatible endpoint",
        "headers of rate limits",
    ),
)
