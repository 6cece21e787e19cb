"""Groq: settings that it does not support are answered with 400, and so are fields of messages.

An answer of OpenAI's that an application sends back as it got it holds such fields (`refusal`, `annotations`).
"""

from segue.families.llm.compatible import OpenAICompatible
from segue.families.llm.habits import Habits
from segue.families.llm.history import LONG_IDS, REASONING
from segue.families.llm.prefill import Prefill

ADAPTER = OpenAICompatible(
    id="groq",
    base_url="https://api.groq.com/openai/v1",
    operations=frozenset({"chat", "audio.transcribe", "audio.translate", "audio.speech"}),
    environment=("GROQ_API_KEY",),
    tools=frozenset({"browser_search", "code_interpreter"}),
    history=frozenset({REASONING, LONG_IDS}),
    more_formats=("responses",),
    prefill=Prefill(),  # docs: "Assistant Message Prefilling", all text models
    habits=Habits(
        drops=("store", "prediction"),
        warns=("metadata", "verbosity", "prompt_cache_key", "prompt_cache_retention", "safety_identifier"),
        refuses=(*("logprobs", "top_logprobs", "logit_bias", "n", "modalities", "audio", "web_search_options"),),
        # its SDK, `n`: "only n=1 is supported"
        only={"n": ("1",), "service_tier": ('"auto"', '"on_demand"', '"flex"', '"performance"')},
        efforts=("none", "low", "medium", "high"),
        messages=("name", "refusal", "annotations", "audio"),
        developer=False,
    ),
    sources={
        "github.com/groq/groq-python, types": "2026-08-18",
        "console.groq.com/docs/openai and /docs/errors, as public code quotes them": "",
    },
    unsaid=(
        "the role `developer`",
        "what models beside Qwen's and gpt-oss take as `reasoning_effort`",
    ),
)
