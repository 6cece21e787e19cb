"""Cerebras: settings that it does not support are answered with 400.

Instructions of the system already rank as a developer's there, so the role `developer`, which only one of its models
knows, is not needed.
"""

from segue.families.llm.compatible import OpenAICompatible
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.habits import Habits
from segue.families.llm.history import LONG_IDS, REASONING
from segue.families.llm.ir.fields import EXACT, Field

ADAPTER = OpenAICompatible(
    id="cerebras",
    base_url="https://api.cerebras.ai/v1",
    operations=frozenset({"chat", "completions"}),
    environment=("CEREBRAS_API_KEY",),
    history=frozenset({REASONING, LONG_IDS}),
    habits=Habits(
        drops=("store",),
        warns=(
            *("frequency_penalty", "presence_penalty", "metadata", "verbosity", "safety_identifier"),
            *("prompt_cache_key", "prompt_cache_retention"),
        ),
        refuses=("logit_bias", "modalities", "audio", "web_search_options", "functions", "function_call"),
        efforts=("none", "low", "medium", "high"),
        messages=("refusal", "annotations", "audio"),
        developer=False,
    ),
    losses={**COMPATIBLE, Field.PREDICTION: EXACT},
    sources={
        "inference-docs.cerebras.ai/resources/openai": "",
        "github.com/Cerebras/cerebras-cloud-sdk-python, types": "2026-01-06",
    },
    unsaid=("which models take `reasoning_effort: none`",),
)
