"""Mistral (docs.mistral.ai/api).

Its schema is closed: a setting that it does not know is answered with 422. Streams report their usage unasked, and
names of calls have nine letters and digits.
"""

from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, OpenAICompatible
from segue.families.llm.habits import Habits

ADAPTER = OpenAICompatible(
    id="mistral",
    base_url="https://api.mistral.ai/v1",
    operations=frozenset({"chat", "embeddings", "moderations", "audio.transcribe"}),
    other_habits={"embeddings": Habits(renames={"dimensions": "output_dimension"}, warns=("user",))},
    environment=("MISTRAL_API_KEY",),
    stream_usage=False,
    history=frozenset(),
    flags=frozenset({"id9"}),
    habits=Habits(
        renames={**LIMIT_IS_MAX_TOKENS, "seed": "random_seed"},
        drops=("stream_options", "store"),
        warns=(
            *("user", "metadata", "service_tier", "verbosity", "safety_identifier", "prompt_cache_key"),
            *("prompt_cache_retention",),
        ),
        refuses=("logprobs", "top_logprobs", "logit_bias", "modalities", "audio", "web_search_options"),
        developer=False,
    ),
)
