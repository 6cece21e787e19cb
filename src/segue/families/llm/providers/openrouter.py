"""OpenRouter: its models have slashes and colons in their names.

What the provider behind it does not know is left out by OpenRouter itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from segue.core.ports import Codec
from segue.families.llm.compatible import Headers, OpenAICompatible
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.habits import Habits
from segue.families.llm.ir.fields import EXACT, Field
from segue.families.llm.other.vendors import openrouter_codecs
from segue.families.llm.prefill import OPENROUTER


@dataclass(frozen=True, slots=True)
class OpenRouter(OpenAICompatible):
    """OpenRouter, by OpenAI's formats and its own for transcripts."""

    def others(self, base: str, headers: Headers) -> Mapping[str, Codec]:
        """See `OpenAICompatible.others`."""
        return {**OpenAICompatible.others(self, base, headers), **openrouter_codecs(base, headers)}


ADAPTER = OpenRouter(
    id="openrouter",
    base_url="https://openrouter.ai/api/v1",
    operations=frozenset({"chat", "completions", "embeddings", "rerank", "audio.speech", "audio.transcribe"}),
    environment=("OPENROUTER_API_KEY",),
    tools=frozenset({"openrouter:"}),
    more_formats=("responses",),
    flags=frozenset({"top_k"}),
    prefill=OPENROUTER,
    # Its schema of requests has no such setting: there would be one answer, as is asked for by 1.
    habits=Habits(refuses=("n",), only={"n": ("1",)}),
    losses={
        **COMPATIBLE,
        Field.PREDICTION: EXACT,
        Field.PROMPT_CACHE_KEY: EXACT,
        # Its plugin "file-parser" reads PDFs for models that cannot.
        Field.DOCUMENT_DATA: EXACT,
    },
    sources={
        "OpenRouter's OpenAPI, by github.com/tryAGI/OpenRouter": "2026-08-22",
        "openrouter.ai/docs/guides/overview/multimodal/tts and /stt; github.com/OpenRouterTeam/python-sdk": "",
    },
    unsaid=(
        "legacy completions are not in its OpenAPI",
        "whether transcripts take a form, too: its partners say so, it does not",
        "what speech costs: its answer does not tell",
    ),
)
