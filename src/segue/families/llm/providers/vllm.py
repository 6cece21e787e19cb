"""vLLM on this machine or in one's own network. Settings that it does not know are ignored and logged."""

from segue.families.llm.compatible import OpenAICompatible
from segue.families.llm.habits import Habits
from segue.families.llm.prefill import Prefill

ADAPTER = OpenAICompatible(
    id="vllm",
    operations=frozenset({"chat", "completions", "embeddings", "rerank", "audio.transcribe", "audio.translate"}),
    base_url="http://127.0.0.1:8000/v1",
    needs_key=False,
    local=True,
    more_formats=("responses",),
    flags=frozenset({"top_k"}),
    # docs: "OpenAI-Compatible Server", extra parameters of Chat Completions; the two exclude each other
    prefill=Prefill(body={"continue_final_message": True, "add_generation_prompt": False}),
    habits=Habits(
        drops=("store", "prediction"),
        warns=(
            *("metadata", "verbosity", "service_tier", "user", "safety_identifier", "prompt_cache_key"),
            *("prompt_cache_retention",),
        ),
        refuses=("modalities", "audio", "web_search_options", "functions", "function_call"),
        efforts=("low", "medium", "high"),
    ),
    sources={
        "github.com/vllm-project/vllm, entrypoints/openai/chat_completion/protocol.py": "",
    },
)
