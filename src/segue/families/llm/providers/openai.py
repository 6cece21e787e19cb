"""OpenAI (platform.openai.com/docs/api-reference), and by `base_url` anything that speaks like it.

It speaks Chat Completions and Responses; a client that speaks one of them is answered in its own.
"""

from segue.families.llm.compatible import OPENAI_MODELS, OpenAICompatible
from segue.families.llm.history import LONG_IDS

ADAPTER = OpenAICompatible(
    id="openai",
    base_url="https://api.openai.com/v1",
    environment=("OPENAI_API_KEY",),
    models=OPENAI_MODELS,
    formats=("chat", "responses"),
    flags=frozenset({"allowed_tools"}),
    history=frozenset({LONG_IDS}),
    losses={},
)
