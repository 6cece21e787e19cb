"""Mistral: its schema is closed, so a setting or a field of a message that it does not know is answered with 422.

Streams report their usage unasked, and names of calls have nine letters and digits.
"""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.habits import Habits
from segue.families.llm.ir.fields import EXACT, Field
from segue.families.llm.prefill import Prefill

ADAPTER = OpenAICompatible(
    id="mistral",
    base_url="https://api.mistral.ai/v1",
    operations=frozenset({"chat", "embeddings", "moderations", "audio.transcribe"}),
    other_habits={"embeddings": Habits(renames={"dimensions": "output_dimension"}, warns=("user",))},
    environment=("MISTRAL_API_KEY",),
    stream_usage=False,
    history=frozenset(),
    flags=frozenset({"id9"}),
    prefill=Prefill(message={"prefix": True}, echoes=True),  # its API reference, `prefix` of messages of the assistant
    habits=Habits(
        renames={**LIMIT_IS_MAX_TOKENS, "seed": "random_seed"},
        drops=("stream_options", "store"),
        warns=("user", "service_tier", "verbosity", "safety_identifier", "prompt_cache_retention"),
        refuses=(
            *("logprobs", "top_logprobs", "logit_bias", "modalities", "audio", "web_search_options"),
            *("functions", "function_call"),
        ),
        efforts=("none", "minimal", "low", "medium", "high", "xhigh"),
        messages=("name", "refusal", "annotations", "audio", "function_call"),
        developer=False,
    ),
    losses={**COMPATIBLE, Field.PREDICTION: EXACT, Field.PROMPT_CACHE_KEY: EXACT},
    sources={
        "github.com/mistralai/client-python, generated from its OpenAPI": "2026-06-30",
    },
    unsaid=(
        "the words of its errors",
        "headers of rate limits",
    ),
)
