"""LM Studio on this machine."""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="lmstudio",
    operations=frozenset({"chat", "completions", "embeddings"}),
    base_url="http://127.0.0.1:1234/v1",
    needs_key=False,
    local=True,
    more_formats=("responses",),
    flags=frozenset({"top_k"}),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store", "prediction"),
        warns=(
            *("user", "metadata", "service_tier", "verbosity", "parallel_tool_calls", "safety_identifier"),
            *("prompt_cache_key", "prompt_cache_retention"),
        ),
        refuses=("n", "logprobs", "top_logprobs", "modalities", "audio", "web_search_options"),
        developer=False,
    ),
    sources={
        "lmstudio.ai/docs, by github.com/lmstudio-ai/docs, openai-compat": "2026-04-29",
    },
    unsaid=(
        "bodies of errors, finish reasons",
        "`reasoning_effort`, `stream_options`, `tool_choice`",
    ),
)
