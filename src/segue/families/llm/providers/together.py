"""Together AI (docs.together.ai/reference/chat-completions-1)."""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="together",
    base_url="https://api.together.xyz/v1",
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
        warns=("user", "metadata", "parallel_tool_calls", "service_tier", "verbosity", "prediction"),
        developer=False,
    ),
)
