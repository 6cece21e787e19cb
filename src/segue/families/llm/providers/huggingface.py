"""Hugging Face's router, and by `base_url` one's own Text Generation Inference (TGI).

A TGI at an address of one's own wants no key and calls its one model `tgi`.
"""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="huggingface",
    base_url="https://router.huggingface.co/v1",
    environment=("HF_TOKEN", "HUGGINGFACE_API_KEY"),
    more_formats=("responses",),
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store",),
        warns=(
            *("metadata", "service_tier", "verbosity", "prediction", "user", "parallel_tool_calls"),
            *("safety_identifier", "prompt_cache_key", "prompt_cache_retention"),
        ),
        refuses=("modalities", "audio", "web_search_options"),
        developer=False,
    ),
    sources={
        "huggingface.co/docs/inference-providers/tasks/chat-completion, by huggingface/hub-docs": "2026-08-22",
        "github.com/huggingface/text-generation-inference, router/src/lib.rs": "2026-01-08",
    },
    unsaid=(
        "`n`, `logit_bias`, `user` and `parallel_tool_calls` at the router",
        "bodies of errors, headers of rate limits",
    ),
)
