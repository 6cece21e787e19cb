"""Mistral (docs.mistral.ai/api). Streams report their usage unasked, and the option for it is not in the schema."""

from segue.families.llm.compatible import OpenAICompatible

ADAPTER = OpenAICompatible(
    id="mistral", base_url="https://api.mistral.ai/v1", environment=("MISTRAL_API_KEY",), stream_usage=False
)
