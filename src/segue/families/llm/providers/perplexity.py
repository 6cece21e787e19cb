"""Perplexity by its Agent API, which speaks Responses: Sonar's Chat Completions ended on 2026-09-27.

Its models search where a tool or a preset says so. The Agent API keeps no conversation and has its own
`response_format`; what of OpenAI's Responses it does not list is left out or not served. Chat Completions are spoken
where the configuration says so (`formats: [chat]`): others may still serve them at an address of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from segue.core.ports import Codec
from segue.families.llm.compatible import Headers, OpenAICompatible
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.habits import Habits
from segue.families.llm.ir.fields import Deed, Field, Loss
from segue.families.llm.other.vendors import perplexity_codecs

_OWN_SHAPE = Loss(Deed.REFUSE, "the shape of an answer is told in Perplexity's own way")


@dataclass(frozen=True, slots=True)
class Perplexity(OpenAICompatible):
    """Perplexity, by OpenAI's formats and its own for embeddings."""

    def others(self, base: str, headers: Headers) -> Mapping[str, Codec]:
        """See `OpenAICompatible.others`."""
        return {**OpenAICompatible.others(self, base, headers), **perplexity_codecs(base, headers)}


ADAPTER = Perplexity(
    id="perplexity",
    base_url="https://api.perplexity.ai/v1",
    operations=frozenset({"chat", "embeddings"}),
    environment=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
    formats=("responses",),
    more_formats=("chat",),
    tools=frozenset({"web_search", "fetch_url", "finance_search", "people_search", "sandbox"}),
    responses_habits=Habits(
        drops=("store", "include", "stream_options"),
        warns=(
            *("temperature", "top_p", "user", "metadata", "service_tier", "truncation", "parallel_tool_calls"),
            *("prompt_cache_key", "prompt_cache_retention", "safety_identifier"),
        ),
        refuses=("previous_response_id", "conversation", "prompt", "text", "tool_choice", "top_logprobs"),
    ),
    losses={**COMPATIBLE, Field.JSON_SCHEMA: _OWN_SHAPE, Field.JSON_OUTPUT: _OWN_SHAPE},
    sources={
        "github.com/perplexityai/perplexity-py, types": "2026-06-08",
        "docs.perplexity.ai/docs/agent-api, the end of Sonar as public code quotes it": "",
        "docs.perplexity.ai/docs/embeddings": "",
    },
    unsaid=(
        "`temperature`, `top_p` and `tool_choice`",
        "headers of rate limits",
    ),
)
