"""Mistral: its schema is closed, so a setting or a field of a message that it does not know is answered with 422.

Streams report their usage unasked, and names of calls have nine letters and digits. Speech has the vendor's own voices,
and its bare samples (`pcm`) are floats, which OpenAI's are not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from segue.core.ports import Codec
from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, Headers, OpenAICompatible
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.habits import Habits
from segue.families.llm.ir.fields import EXACT, Field
from segue.families.llm.other.vendors import mistral_codecs
from segue.families.llm.prefill import Prefill


@dataclass(frozen=True, slots=True)
class Mistral(OpenAICompatible):
    """Mistral, by OpenAI's formats and its own for speech."""

    def others(self, base: str, headers: Headers) -> Mapping[str, Codec]:
        """See `OpenAICompatible.others`."""
        return {**OpenAICompatible.others(self, base, headers), **mistral_codecs(base, headers)}


ADAPTER = Mistral(
    id="mistral",
    base_url="https://api.mistral.ai/v1",
    operations=frozenset({"chat", "embeddings", "moderations", "audio.transcribe", "audio.speech"}),
    other_habits={"embeddings": Habits(renames={"dimensions": "output_dimension"}, warns=("user",))},
    environment=("MISTRAL_API_KEY",),
    stream_usage=False,
    history=frozenset(),
    flags=frozenset({"id9"}),
    # its API reference, `prefix` of messages of the assistant; a last turn of the assistant's without it is a 400
    prefill=Prefill(message={"prefix": True}, echoes=True, needed=True),
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
        "docs.mistral.ai/studio/audio/text-to-speech": "",
    },
    unsaid=(
        "the words of its errors",
        "headers of rate limits",
    ),
)
