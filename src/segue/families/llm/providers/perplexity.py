"""Perplexity (docs.perplexity.ai/api-reference/chat-completions-post): its models search, and call no tools."""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="perplexity",
    base_url="https://api.perplexity.ai",
    environment=("PERPLEXITY_API_KEY", "PPLX_API_KEY"),
    stream_usage=False,
    flags=frozenset({"top_k"}),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store", "stream_options", "prediction", "parallel_tool_calls"),
        warns=("seed", "user", "metadata", "service_tier", "verbosity"),
        refuses=("tools", "tool_choice", "logit_bias", "logprobs", "top_logprobs", "n", "modalities", "audio"),
        developer=False,
    ),
)
