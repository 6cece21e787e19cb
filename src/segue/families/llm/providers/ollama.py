"""Ollama on this machine, by its OpenAI-compatible endpoint (docs.ollama.com/api/openai-compatibility).

With `native: true` by its own `/api/chat` (docs.ollama.com/api/chat), which knows more of its settings.
"""

from dataclasses import dataclass

from segue.config.fields import Flag
from segue.core.ports import ProviderSpec
from segue.families.llm.codec import ChatCodec
from segue.families.llm.compatible import LIMIT_IS_MAX_TOKENS, FormatsOptions, OpenAICompatible
from segue.families.llm.endpoint import Endpoint
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.formats.ollama.format import FETCHED_IMAGES, OLLAMA, PATH
from segue.families.llm.formats.openai_chat import bearer
from segue.families.llm.habits import Habits
from segue.families.llm.history import LONG_IDS, REASONING
from segue.families.llm.ir.fields import Field
from segue.families.llm.other.vendors import codecs_for, ollama_codecs
from segue.families.llm.prefill import Prefill
from segue.families.llm.vendor import Account, options_of


class OllamaOptions(FormatsOptions):
    """Settings of Ollama's own."""

    native: Flag = False
    """Whether its own `/api/chat` is used instead of the OpenAI-compatible endpoint."""


@dataclass(frozen=True, slots=True)
class Ollama(OpenAICompatible):
    """Ollama, in one of its two ways."""

    @property
    def options(self) -> type[OllamaOptions]:
        """The model of its own settings."""
        return OllamaOptions

    def build(self, spec: ProviderSpec) -> Account:
        """The adapter for one configured account."""
        if not options_of(OllamaOptions, spec).native:
            return OpenAICompatible.build(self, spec)
        root = (spec.base_url or self.base_url).rstrip("/").removesuffix("/v1")
        url = f"{root}{PATH}"
        endpoint = Endpoint(OLLAMA, lambda _model, _stream: url, bearer, prefill=self.prefill, fetches=spec.fetches)
        private = spec.allow_private or (self.local and spec.base_url is None)
        completions = codecs_for(f"{root}/v1", bearer, ("completions",))
        return Account({"chat": ChatCodec([endpoint]), **completions, **ollama_codecs(root, bearer)}, private)


ADAPTER = Ollama(
    id="ollama",
    prefill=Prefill(),  # both ways (its maintainers: github.com/ollama/ollama/issues/6778)
    operations=frozenset({"chat", "completions", "embeddings"}),
    history=frozenset({REASONING, LONG_IDS}),
    more_formats=("responses",),
    base_url="http://127.0.0.1:11434/v1",
    needs_key=False,
    local=True,
    habits=Habits(
        renames=LIMIT_IS_MAX_TOKENS,
        drops=("store", "prediction"),
        warns=(
            *("user", "metadata", "service_tier", "verbosity", "parallel_tool_calls", "safety_identifier"),
            *("prompt_cache_key", "prompt_cache_retention"),
        ),
        refuses=(
            *("logit_bias", "n", "modalities", "audio", "web_search_options"),
            *("functions", "function_call"),
        ),
        choice=False,  # it ignores it
        efforts=("none", "low", "medium", "high", "max"),
        developer=False,
    ),
    losses={**COMPATIBLE, Field.IMAGE_URL: FETCHED_IMAGES},
    sources={
        "docs.ollama.com/api/openai-compatibility, by github.com/ollama/ollama": "2026-08-21",
        "github.com/ollama/ollama, openai/openai.go": "2026-08-21",
    },
    unsaid=("`logprobs`: the page denies them, the program has them",),
)
