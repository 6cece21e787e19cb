"""OpenAI (platform.openai.com/docs/api-reference), and by `base_url` anything that speaks like it.

It speaks Chat Completions and Responses; a client that speaks one of them is answered in its own.
"""

from typing import Final

from segue.families.llm.compatible import OPENAI_MODELS, OpenAICompatible
from segue.families.llm.history import ANYTHING, LONG_IDS
from segue.families.llm.other.vendors import OPENAI_OPERATIONS

_OTHER_MODELS: Final = (
    *("text-embedding-3-small", "text-embedding-3-large", "omni-moderation-latest", "gpt-image-1"),
    *("gpt-4o-transcribe", "gpt-4o-mini-transcribe", "whisper-1", "gpt-4o-mini-tts", "tts-1"),
)
"""The catalogue of what does not chat (platform.openai.com/docs/models)."""

ADAPTER = OpenAICompatible(
    id="openai",
    base_url="https://api.openai.com/v1",
    operations=OPENAI_OPERATIONS | {"chat"},
    environment=("OPENAI_API_KEY",),
    models=(*OPENAI_MODELS, *_OTHER_MODELS),
    formats=("chat", "responses"),
    flags=frozenset({"allowed_tools"}),
    history=frozenset({LONG_IDS}),
    elsewhere=ANYTHING,
    losses={},
)
