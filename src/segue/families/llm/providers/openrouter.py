"""OpenRouter: its models have slashes and colons in their names.

What the provider behind it does not know is left out by OpenRouter itself.
"""

from segue.families.llm.compatible import OpenAICompatible
from segue.families.llm.formats.chat.losses import COMPATIBLE
from segue.families.llm.habits import Habits
from segue.families.llm.ir.fields import EXACT, Field
from segue.families.llm.prefill import OPENROUTER

ADAPTER = OpenAICompatible(
    id="openrouter",
    base_url="https://openrouter.ai/api/v1",
    operations=frozenset({"chat", "completions", "embeddings", "rerank"}),
    environment=("OPENROUTER_API_KEY",),
    tools=frozenset({"openrouter:"}),
    more_formats=("responses",),
    flags=frozenset({"top_k"}),
    prefill=OPENROUTER,
    habits=Habits(refuses=("n",)),  # its schema of requests has no such setting: there would be one answer
    losses={
        **COMPATIBLE,
        Field.PREDICTION: EXACT,
        Field.PROMPT_CACHE_KEY: EXACT,
        # Its plugin "file-parser" reads PDFs for models that cannot.
        Field.DOCUMENT_DATA: EXACT,
    },
    sources={
        "OpenRouter's OpenAPI, by github.com/tryAGI/OpenRouter": "2026-08-22",
    },
    unsaid=("legacy completions are not in its OpenAPI",),
)
