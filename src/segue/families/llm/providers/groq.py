"""Groq (console.groq.com/docs/openai): settings that it does not support are answered with 400."""

from segue.families.llm.compatible import OpenAICompatible
from segue.families.llm.habits import Habits
from segue.families.llm.history import LONG_IDS, REASONING

ADAPTER = OpenAICompatible(
    id="groq",
    base_url="https://api.groq.com/openai/v1",
    operations=frozenset({"chat", "audio.transcribe", "audio.translate", "audio.speech"}),
    environment=("GROQ_API_KEY",),
    history=frozenset({REASONING, LONG_IDS}),
    more_formats=("responses",),
    habits=Habits(
        drops=("store", "prediction"),
        warns=("metadata", "verbosity", "prompt_cache_key", "safety_identifier"),
        refuses=("logprobs", "top_logprobs", "logit_bias", "n"),
    ),
)
