"""vLLM on this machine or in one's own network (docs.vllm.ai/en/latest/serving/openai_compatible_server.html)."""

from segue.families.llm.compatible import OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="vllm",
    operations=frozenset({"chat", "completions", "embeddings", "rerank", "audio.transcribe", "audio.translate"}),
    base_url="http://127.0.0.1:8000/v1",
    needs_key=False,
    local=True,
    more_formats=("responses",),
    flags=frozenset({"top_k"}),
    habits=Habits(drops=("store", "prediction"), warns=("metadata", "verbosity", "service_tier")),
)
