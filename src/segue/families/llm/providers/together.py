"""Together AI.

Its `logprobs` is a number, and the probabilities come in a shape of its own, so OpenAI's is not served.
"""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="together",
    base_url="https://api.together.ai/v1",
    operations=frozenset(
        {
            *("chat", "completions", "embeddings", "rerank", "images.generate"),
            *("audio.transcribe", "audio.translate", "audio.speech"),
        }
    ),
    environment=("TOGETHER_API_KEY",),
    flags=frozenset({"top_k"}),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store",),
        warns=(
            *("user", "metadata", "parallel_tool_calls", "service_tier", "verbosity", "prediction"),
            *("safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
        ),
        refuses=("logprobs", "top_logprobs", "modalities", "audio", "web_search_options", "functions"),
        efforts=("low", "medium", "high"),
        off=("reasoning", '{"enabled":false}'),
        developer=False,
    ),
    sources={
        "github.com/togethercomputer/openapi": "2026-04-28",
    },
    unsaid=(
        "`stream_options`: usage is in the last chunk",
        "cached tokens",
        "headers of rate limits",
    ),
)
